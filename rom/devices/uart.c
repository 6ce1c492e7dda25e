/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/uart.h"

/* Source: National Semiconductor PC16550D data sheet, section 8 and table II. */

enum { DATA, INTERRUPT_ENABLE, CAUSE, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, MODEM_STATUS };
#define FIFO_CONTROL CAUSE /* written */

#define IER_RECEIVE  0x01
#define IER_TRANSMIT 0x02
#define IER_LINE     0x04
#define IER_MODEM    0x08
#define IER_WRITABLE 0x0f

#define IIR_MODEM    0x00
#define IIR_NONE     0x01
#define IIR_TRANSMIT 0x02
#define IIR_RECEIVE  0x04
#define IIR_LINE     0x06
#define IIR_TIME_OUT 0x0c
#define IIR_FIFOS    0xc0

#define FCR_ENABLE        0x01
#define FCR_CLEAR_RECEIVE 0x02
#define FCR_TRIGGER       0xc0
#define FCR_DMA           0x08

#define LCR_DIVISOR 0x80

#define MCR_DTR      0x01
#define MCR_RTS      0x02
#define MCR_OUT1     0x04
#define MCR_OUT2     0x08 /* on a PC the interrupt's gate */
#define MCR_LOOP     0x10
#define MCR_WRITABLE 0x1f

#define LSR_READY   0x01
#define LSR_OVERRUN 0x02
#define LSR_EMPTY   0x60 /* holding register, and transmitter */

#define MSR_CHANGED_CTS 0x01 /* the inputs' changes are four bits below them */
#define MSR_RI_ENDED    0x04
#define MSR_CTS         0x10
#define MSR_DSR         0x20
#define MSR_RI          0x40
#define MSR_DCD         0x80

static const uint8_t trigger_levels[] = {1, 4, 8, 14};

static bool fifos(const struct uart *uart)
{
	return uart->fifo_control & FCR_ENABLE;
}

static unsigned int fifo_size(const struct uart *uart)
{
	return fifos(uart) ? UART_FIFO_SIZE : 1;
}

static bool looped(const struct uart *uart)
{
	return uart->modem_control & MCR_LOOP;
}

/* The four inputs: in loop-back they are the outputs. */
static uint8_t modem_inputs(const struct uart *uart)
{
	uint8_t control = uart->modem_control;

	if (!looped(uart))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (uint8_t)((control & MCR_RTS ? MSR_CTS : 0) | (control & MCR_DTR ? MSR_DSR : 0) |
	                 (control & MCR_OUT1 ? MSR_RI : 0) | (control & MCR_OUT2 ? MSR_DCD : 0));
}

/* A byte into the receiver. If it is full, the byte is lost with FIFOs, the old one without. */
static void put_received(struct uart *uart, uint8_t byte)
{
	if (uart->fifo_count < fifo_size(uart)) {
		uart->fifo[(uart->fifo_first + uart->fifo_count) % UART_FIFO_SIZE] = byte;
		uart->fifo_count++;
		return;
	}
	uart->line_errors |= LSR_OVERRUN;
	if (!fifos(uart))
		uart->fifo[uart->fifo_first] = byte;
}

/* Input waits until there is room, and the receiver is connected. */
static void take_input(struct uart *uart)
{
	while (uart->input_count && uart->fifo_count < fifo_size(uart) && !looped(uart)) {
		put_received(uart, uart->input[uart->input_first]);
		uart->input_first = (uart->input_first + 1) % UART_INPUT_SIZE;
		uart->input_count--;
	}
}

size_t uart_receive_space(const struct uart *uart)
{
	return UART_INPUT_SIZE - uart->input_count;
}

size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t size)
{
	size_t taken = 0;

	for (; taken < size && uart->input_count < UART_INPUT_SIZE; taken++) {
		uart->input[(uart->input_first + uart->input_count) % UART_INPUT_SIZE] =
		    bytes[taken];
		uart->input_count++;
	}
	take_input(uart);
	return taken;
}

void uart_flush(struct uart *uart)
{
	if (uart->output_count)
		uart->send(uart->context, uart->output, uart->output_count);
	uart->output_count = 0;
}

/* The holding register is empty again as soon as it was written. */
static void transmit(struct uart *uart, uint8_t byte)
{
	uart->transmit_interrupt = true;
	if (looped(uart)) {
		put_received(uart, byte);
		return;
	}
	uart->output[uart->output_count++] = byte;
	if (byte == '\n' || uart->output_count == UART_OUTPUT_SIZE)
		uart_flush(uart);
}

static uint8_t receive(struct uart *uart)
{
	uint8_t byte = uart->fifo[uart->fifo_first];

	if (!uart->fifo_count)
		return byte; /* what was read last */
	uart->fifo_count--;
	if (uart->fifo_count || uart->input_count)
		uart->fifo_first = (uart->fifo_first + 1) % UART_FIFO_SIZE;
	take_input(uart);
	return byte;
}

/* What interrupts, of what is enabled: the cause of highest priority. */
static uint8_t cause(const struct uart *uart)
{
	uint8_t enabled = uart->interrupt_enable;
	unsigned int level = fifos(uart) ? trigger_levels[uart->fifo_control >> 6] : 1;

	if (enabled & IER_LINE && uart->line_errors)
		return IIR_LINE;
	if (enabled & IER_RECEIVE && uart->fifo_count >= level)
		return IIR_RECEIVE;
	if (enabled & IER_RECEIVE && uart->fifo_count)
		return IIR_TIME_OUT;
	if (enabled & IER_TRANSMIT && uart->transmit_interrupt)
		return IIR_TRANSMIT;
	if (enabled & IER_MODEM && uart->modem_changes)
		return IIR_MODEM;
	return IIR_NONE;
}

bool uart_line(const struct uart *uart)
{
	/* In loop-back the pin of OUT2 is off, whatever its bit. */
	return uart->modem_control & MCR_OUT2 && !looped(uart) && cause(uart) != IIR_NONE;
}

static uint8_t read_cause(struct uart *uart)
{
	uint8_t found = cause(uart);

	if (found == IIR_TRANSMIT)
		uart->transmit_interrupt = false;
	return fifos(uart) ? found | IIR_FIFOS : found;
}

static uint8_t read_line_status(struct uart *uart)
{
	uint8_t status = LSR_EMPTY | uart->line_errors;

	if (uart->fifo_count)
		status |= LSR_READY;
	uart->line_errors = 0;
	return status;
}

static uint8_t read_modem_status(struct uart *uart)
{
	uint8_t status = modem_inputs(uart) | uart->modem_changes;

	uart->modem_changes = 0;
	return status;
}

static void clear_receiver(struct uart *uart)
{
	uart->fifo_first = uart->fifo_count = 0;
}

/* Other bits count only together with the enable bit, whose every change clears the FIFOs. */
static void write_fifo_control(struct uart *uart, uint8_t value)
{
	if ((value ^ uart->fifo_control) & FCR_ENABLE || value & FCR_CLEAR_RECEIVE)
		clear_receiver(uart);
	if (value & FCR_ENABLE)
		uart->fifo_control = value & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER);
	else
		uart->fifo_control = 0;
	take_input(uart);
}

static void write_interrupt_enable(struct uart *uart, uint8_t value)
{
	/* Enabled while the holding register is empty, which it is, it interrupts. */
	if (value & ~uart->interrupt_enable & IER_TRANSMIT)
		uart->transmit_interrupt = true;
	uart->interrupt_enable = value & IER_WRITABLE;
}

static void write_modem_control(struct uart *uart, uint8_t value)
{
	uint8_t before = modem_inputs(uart), changed;

	uart->modem_control = value & MCR_WRITABLE;
	changed = before ^ modem_inputs(uart);
	uart->modem_changes |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	if (changed & before & MSR_RI)
		uart->modem_changes |= MSR_RI_ENDED;
	take_input(uart);
}

uint8_t uart_read(struct uart *uart, uint16_t port)
{
	bool divisor = uart->line_control & LCR_DIVISOR;

	switch (port & 7) {
	case DATA: return divisor ? uart->divisor_low : receive(uart);
	case INTERRUPT_ENABLE: return divisor ? uart->divisor_high : uart->interrupt_enable;
	case CAUSE: return read_cause(uart);
	case LINE_CONTROL: return uart->line_control;
	case MODEM_CONTROL: return uart->modem_control;
	case LINE_STATUS: return read_line_status(uart);
	case MODEM_STATUS: return read_modem_status(uart);
	default: return uart->scratch;
	}
}

static void write_data(struct uart *uart, uint8_t value)
{
	if (uart->line_control & LCR_DIVISOR)
		uart->divisor_low = value;
	else
		transmit(uart, value);
}

void uart_write(struct uart *uart, uint16_t port, uint8_t value)
{
	switch (port & 7) {
	case DATA: write_data(uart, value); break;
	case INTERRUPT_ENABLE:
		if (uart->line_control & LCR_DIVISOR)
			uart->divisor_high = value;
		else
			write_interrupt_enable(uart, value);
		break;
	case FIFO_CONTROL: write_fifo_control(uart, value); break;
	case LINE_CONTROL: uart->line_control = value; break;
	case MODEM_CONTROL: write_modem_control(uart, value); break;
	case LINE_STATUS:
	case MODEM_STATUS: break; /* written only by the factory's tests */
	default: uart->scratch = value; break;
	}
}

bool uart_sends(const struct uart *uart, uint16_t port)
{
	return (port & 7) == DATA && !(uart->line_control & LCR_DIVISOR) && !looped(uart);
}

void uart_initialise(struct uart *uart, uart_output_function *send, void *context)
{
	uart->interrupt_enable = uart->fifo_control = uart->line_control = uart->modem_control = 0;
	uart->line_errors = uart->modem_changes = uart->scratch = 0;
	uart->divisor_low = uart->divisor_high = 0;
	uart->transmit_interrupt = false;
	uart->fifo[0] = 0;
	clear_receiver(uart);
	uart->input_first = uart->input_count = 0;
	uart->output_count = 0;
	uart->send = send;
	uart->context = context;
}
