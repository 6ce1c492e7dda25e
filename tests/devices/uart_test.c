/* SPDX-License-Identifier: BSD-2-Clause */

/* The serial port, as the PC16550D's data sheet describes it, and what Linux's driver asks of it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rom/devices/uart.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH, FCR = IIR };

static struct uart uart;
static char sent[4096];
static size_t sent_size;
static unsigned int sends;

static void take(void *context, const uint8_t *bytes, size_t size)
{
	assert_ptr_equal(context, &sends);
	assert_true(size <= sizeof(sent) - 1 - sent_size);
	memcpy(sent + sent_size, bytes, size);
	sent_size += size;
	sent[sent_size] = '\0';
	sends++;
}

static int setup(void **state)
{
	(void)state;
	memset(&uart, 0xa5, sizeof(uart));
	uart_initialise(&uart, take, &sends);
	sent_size = sends = 0;
	sent[0] = '\0';
	return 0;
}

static void out(uint16_t number, uint8_t value)
{
	uart_write(&uart, (uint16_t)(UART_PORT + number), value);
}

static uint8_t in(uint16_t number)
{
	return uart_read(&uart, (uint16_t)(UART_PORT + number));
}

static void receive(const char *text)
{
	assert_int_equal(uart_receive(&uart, (const uint8_t *)text, strlen(text)), strlen(text));
}

static void registers_after_reset(void **state)
{
	static const uint8_t values[] = {0, 0, 0x01, 0, 0, 0x60, 0xb0};

	(void)state;
	for (uint16_t i = 1; i < 7; i++)
		assert_int_equal(in(i), values[i]);
	assert_false(uart_line(&uart));
}

static void registers_that_hold(void **state)
{
	(void)state;
	for (unsigned int value = 0; value < 256; value++) {
		out(SCRATCH, (uint8_t)~value);
		assert_int_equal(in(SCRATCH), value ^ 0xff);
		out(LCR, (uint8_t)value);
		assert_int_equal(in(LCR), value);
		out(MCR, (uint8_t)value);
		assert_int_equal(in(MCR), value & 0x1f);
		out(LCR, 0);
		out(IER, (uint8_t)value);
		assert_int_equal(in(IER), value & 0x0f);
	}
}

static void divisor_latches(void **state)
{
	(void)state;
	out(IER, 0x05);
	out(LCR, 0x83);
	assert_int_equal(in(DATA) | in(IER), 0);
	out(DATA, 0x12);
	out(IER, 0x34);
	assert_int_equal(in(DATA), 0x12);
	assert_int_equal(in(IER), 0x34);
	out(LCR, 0x03);
	assert_int_equal(in(IER), 0x05);
	assert_int_equal(in(DATA), 0);
	uart_flush(&uart);
	assert_string_equal(sent, "");
	out(LCR, 0x83);
	assert_int_equal(in(DATA), 0x12);
}

static void status_is_read_only(void **state)
{
	(void)state;
	out(LSR, 0xff);
	out(MSR, 0xff);
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(MSR), 0xb0);
}

static void output_goes_by_lines(void **state)
{
	(void)state;
	for (const char *text = "hello\r\nworld"; *text; text++) {
		assert_int_equal(in(LSR)&0x60, 0x60);
		out(DATA, (uint8_t)*text);
	}
	assert_string_equal(sent, "hello\r\n");
	assert_int_equal(sends, 1);
	uart_flush(&uart);
	assert_string_equal(sent, "hello\r\nworld");
	uart_flush(&uart);
	assert_int_equal(sends, 2);
}

static void long_output_goes_in_pieces(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		out(DATA, (uint8_t)('a' + i % 26));
	assert_true(sends >= 1);
	uart_flush(&uart);
	assert_int_equal(sent_size, 1000);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(sent[i], 'a' + i % 26);
}

static void input_without_fifos(void **state)
{
	(void)state;
	receive("xy");
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(DATA), 'x');
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(DATA), 'y');
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(DATA), 'y'); /* the buffer holds what it held */
}

static void input_waits_for_room(void **state)
{
	char text[UART_INPUT_SIZE + 100];
	size_t taken;

	(void)state;
	memset(text, 0, sizeof(text));
	for (unsigned int i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 90);
	out(FCR, 0x01);
	taken = uart_receive(&uart, (const uint8_t *)text, sizeof(text));
	assert_in_range(taken, UART_INPUT_SIZE, UART_INPUT_SIZE + UART_FIFO_SIZE);
	assert_int_equal(uart_receive_space(&uart), UART_FIFO_SIZE);
	for (unsigned int i = 0; i < taken; i++) {
		assert_int_equal(in(LSR), 0x61); /* and no overrun */
		assert_int_equal(in(DATA), text[i]);
	}
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(uart_receive_space(&uart), UART_INPUT_SIZE);
}

static void the_line_needs_out2(void **state)
{
	(void)state;
	out(IER, 0x01);
	receive("x");
	assert_int_equal(in(IIR), 0x04);
	assert_false(uart_line(&uart));
	out(MCR, 0x08);
	assert_true(uart_line(&uart));
	in(DATA);
	assert_false(uart_line(&uart));
	assert_int_equal(in(IIR), 0x01);
}

static void receive_interrupt_and_trigger_levels(void **state)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		setup(NULL);
		out(FCR, (uint8_t)(0x01 | i << 6));
		out(IER, 0x01);
		assert_int_equal(in(IIR), 0xc1);
		for (unsigned int count = 1; count <= 16; count++) {
			receive("x");
			assert_int_equal(in(IIR), count >= levels[i] ? 0xc4 : 0xcc);
		}
		for (unsigned int count = 15; count; count--) {
			in(DATA);
			assert_int_equal(in(IIR), count >= levels[i] ? 0xc4 : 0xcc);
		}
		in(DATA);
		assert_int_equal(in(IIR), 0xc1);
	}
}

static void transmit_interrupt(void **state)
{
	(void)state;
	out(MCR, 0x08);
	out(IER, 0x02); /* the holding register is empty: at once */
	assert_true(uart_line(&uart));
	assert_int_equal(in(IIR), 0x02);
	assert_false(uart_line(&uart)); /* reading it was enough */
	assert_int_equal(in(IIR), 0x01);
	out(DATA, 'x');
	assert_true(uart_line(&uart)); /* sent, and empty again */
	assert_int_equal(in(IIR), 0x02);
	out(IER, 0x02); /* enabled it was already */
	assert_int_equal(in(IIR), 0x01);
	out(IER, 0);
	out(IER, 0x02); /* but now it is enabled anew */
	assert_int_equal(in(IIR), 0x02);
	out(IER, 0);
	out(DATA, 'y');
	assert_int_equal(in(IIR), 0x01);
}

static void causes_by_priority(void **state)
{
	(void)state;
	out(MCR, 0x10); /* loop-back: modem inputs change */
	out(DATA, 'a');
	out(DATA, 'b'); /* an overrun */
	out(IER, 0x0f);
	assert_int_equal(in(IIR), 0x06);
	assert_int_equal(in(LSR), 0x63);
	assert_int_equal(in(LSR), 0x61); /* errors are cleared by reading */
	assert_int_equal(in(IIR), 0x04);
	assert_int_equal(in(DATA), 'b'); /* without FIFOs the new one counts */
	assert_int_equal(in(IIR), 0x02);
	assert_int_equal(in(IIR), 0x00); /* the transmitter's was read away */
	assert_int_equal(in(IIR), 0x00); /* the modem's stays */
	in(MSR);
	assert_int_equal(in(IIR), 0x01);
}

static void reading_another_cause_keeps_the_transmitters(void **state)
{
	(void)state;
	out(IER, 0x03);
	receive("x");
	assert_int_equal(in(IIR), 0x04);
	in(DATA);
	assert_int_equal(in(IIR), 0x02);
}

static void nothing_interrupts_unless_enabled(void **state)
{
	(void)state;
	out(MCR, 0x18);
	out(DATA, 'a');
	out(DATA, 'b'); /* an overrun, data, an empty transmitter, changed modem inputs */
	out(MCR, 0x08);
	for (unsigned int enabled = 0; enabled < 16; enabled++) {
		uint8_t expected = enabled & 4   ? 0x06
		                   : enabled & 1 ? 0x04
		                   : enabled & 2 ? 0x02
		                   : enabled & 8 ? 0x00
		                                 : 0x01;

		out(IER, 0);
		out(IER, (uint8_t)enabled);
		assert_int_equal(uart_line(&uart), enabled != 0);
		assert_int_equal(in(IIR), expected);
	}
}

static void loop_back_of_data(void **state)
{
	(void)state;
	out(FCR, 0x01);
	out(MCR, 0x1b);
	for (unsigned int i = 0; i < 17; i++)
		out(DATA, (uint8_t)('a' + i));
	assert_int_equal(in(LSR), 0x63); /* the 17th is lost */
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(in(DATA), 'a' + i);
	assert_int_equal(in(LSR), 0x60);
	uart_flush(&uart);
	assert_string_equal(sent, "");
	receive("x"); /* waits outside */
	assert_int_equal(in(LSR), 0x60);
	assert_false(uart_sends(&uart, UART_PORT));
	out(MCR, 0);
	assert_int_equal(in(DATA), 'x');
	assert_true(uart_sends(&uart, UART_PORT));
	assert_false(uart_sends(&uart, UART_PORT + 1));
	out(LCR, 0x80);
	assert_false(uart_sends(&uart, UART_PORT));
}

static void loop_back_of_modem_control(void **state)
{
	/* RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD */
	static const uint8_t inputs[] = {0x20, 0x10, 0x40, 0x80};

	(void)state;
	out(MCR, 0x10);
	in(MSR);
	for (unsigned int bits = 0; bits < 16; bits++) {
		uint8_t expected = 0;

		for (unsigned int i = 0; i < 4; i++)
			expected |= bits & 1u << i ? inputs[i] : 0;
		out(MCR, (uint8_t)(0x10 | bits));
		assert_int_equal(in(MSR)&0xf0, expected);
	}
}

static void changes_of_modem_inputs(void **state)
{
	(void)state;
	out(MCR, 0x10); /* CTS, DSR, DCD go off */
	assert_int_equal(in(MSR), 0x0b);
	assert_int_equal(in(MSR), 0x00);
	out(MCR, 0x14); /* RI goes on: no change is told */
	assert_int_equal(in(MSR), 0x40);
	out(MCR, 0x10); /* and off: it is */
	assert_int_equal(in(MSR), 0x04);
	out(MCR, 0x14);
	in(MSR);
	out(MCR, 0x12); /* CTS on as RI goes off */
	assert_int_equal(in(MSR), 0x15);
	out(MCR, 0x10);
	in(MSR);
	out(MCR, 0x12);
	out(MCR, 0x10);
	assert_int_equal(in(MSR), 0x01); /* there and back is a change */
	out(MCR, 0x00);
	assert_int_equal(in(MSR), 0xbb);
}

static void fifo_control(void **state)
{
	(void)state;
	out(FCR, 0x01);
	receive("abc");
	out(FCR, 0x03); /* clears the receiver */
	assert_int_equal(in(LSR), 0x60);
	receive("d");
	out(FCR, 0x01);
	assert_int_equal(in(LSR), 0x61);
	out(FCR, 0x00); /* so does every change of bit 0 */
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(IIR), 0x01);
	receive("xyz");
	out(FCR, 0x01); /* what waits outside comes in */
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(DATA), 'y');
	assert_int_equal(in(DATA), 'z');
	out(FCR, 0x00);
	out(FCR, 0xc8); /* without bit 0 the rest is not taken */
	out(FCR, 0x01);
	out(IER, 0x01);
	receive("e");
	assert_int_equal(in(IIR), 0xc4); /* trigger level 1 */
}

/* Linux 6.1 drivers/tty/serial/8250/8250_port.c, autoconfig() and autoconfig_16550a(). */
static void linux_finds_a_16550a(void **state)
{
	uint8_t status1, status2;

	(void)state;
	/* Is there a port? */
	out(IER, 0);
	assert_int_equal(in(IER)&0x0f, 0);
	out(IER, 0x0f);
	assert_int_equal(in(IER)&0x0f, 0x0f);
	out(IER, 0);
	/* Does the loop-back work? */
	out(MCR, 0x10 | 0x0a);
	assert_int_equal(in(MSR)&0xf0, 0x90);
	out(MCR, 0);
	/* Has it FIFOs, and are they no better than a 16550A's? */
	out(LCR, 0xbf);
	out(IIR, 0);
	out(LCR, 0);
	out(FCR, 0x01);
	assert_int_equal(in(IIR) >> 6, 3);
	out(LCR, 0x80);
	assert_int_not_equal(in(2), 0); /* a 16650's EFR would read 0 here */
	out(LCR, 0xbf);
	assert_int_not_equal(in(2), 0); /* a 16850's here */
	out(LCR, 0);
	/* A National Super I/O has MCR's loop bit in bank 2 as well. */
	status1 = in(MCR);
	out(LCR, 0xe0);
	status2 = in(2);
	assert_int_equal((status2 ^ status1) & 0x10, 0);
	out(LCR, 0);
	out(MCR, status1 ^ 0x10);
	out(LCR, 0xe0);
	status2 = in(2);
	out(LCR, 0);
	out(MCR, status1);
	assert_int_equal((status2 ^ status1) & 0x10, 0);
	/* A U6_16550A has 64-byte FIFOs by bit 5 of FCR; an XScale has bit 6 of IER. */
	out(FCR, 0);
	out(LCR, 0x80);
	out(FCR, 0x21);
	assert_int_equal(in(IIR) >> 5, 6);
	out(LCR, 0);
	out(FCR, 0x01);
	out(IER, 0x40);
	assert_int_equal(in(IER), 0);
	out(IER, 0);
}

/* serial8250_do_startup(): neither the THRE nor the TXEN bug. */
static void linux_finds_no_bugs(void **state)
{
	uint8_t first, second;

	(void)state;
	out(FCR, 0x07);
	out(FCR, 0);
	in(LSR);
	in(DATA);
	in(IIR);
	in(MSR);
	out(IER, 0x02);
	first = in(IIR);
	out(IER, 0);
	out(IER, 0x02);
	second = in(IIR);
	out(IER, 0);
	assert_false(!(first & 1) && second & 1);
	out(LCR, 3);
	out(MCR, 0x08);
	out(IER, 0x02);
	assert_int_equal(in(LSR)&0x40, 0x40);
	assert_int_equal(in(IIR)&1, 0);
	out(IER, 0);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(registers_after_reset),
	    T(registers_that_hold),
	    T(divisor_latches),
	    T(status_is_read_only),
	    T(output_goes_by_lines),
	    T(long_output_goes_in_pieces),
	    T(input_without_fifos),
	    T(input_waits_for_room),
	    T(the_line_needs_out2),
	    T(receive_interrupt_and_trigger_levels),
	    T(transmit_interrupt),
	    T(causes_by_priority),
	    T(reading_another_cause_keeps_the_transmitters),
	    T(nothing_interrupts_unless_enabled),
	    T(loop_back_of_data),
	    T(loop_back_of_modem_control),
	    T(changes_of_modem_inputs),
	    T(fifo_control),
	    T(linux_finds_a_16550a),
	    T(linux_finds_no_bugs),
	};

	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
