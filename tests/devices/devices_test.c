/* SPDX-License-Identifier: BSD-2-Clause */

/* The port bus and what goes on between the devices: a platform's view of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rom/devices/devices.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

static struct devices devices;
static uint64_t now;
static char console[4096];
static size_t console_size;
static enum shutdown_reason asked;
static unsigned int times_asked;

static uint64_t clock_now(void *context)
{
	assert_ptr_equal(context, &devices);
	return now;
}

static void console_output(void *context, const uint8_t *bytes, size_t size)
{
	assert_ptr_equal(context, &devices);
	assert_true(size <= sizeof(console) - 1 - console_size);
	memcpy(console + console_size, bytes, size);
	console_size += size;
	console[console_size] = '\0';
}

static void shut_down(void *context, enum shutdown_reason reason)
{
	assert_ptr_equal(context, &devices);
	asked = reason;
	times_asked++;
}

static const struct device_callbacks callbacks = {clock_now, console_output, shut_down};

static int setup(void **state)
{
	(void)state;
	memset(&devices, 0x5a, sizeof(devices));
	now = 7 * SECOND;
	console_size = 0;
	console[0] = '\0';
	asked = SHUTDOWN_REASON_NONE;
	times_asked = 0;
	devices_initialise(&devices, &callbacks, &devices, 1709164790, 0);
	return 0;
}

static void out(uint16_t port, uint32_t value)
{
	devices_port_out(&devices, port, 1, value);
}

static uint32_t in(uint16_t port)
{
	return devices_port_in(&devices, port, 1);
}

/* The controllers as Linux sets them: vectors 0x30 and 0x38, automatic end off, only the lines of
 * `enabled` let through. */
static void setup_pic(uint16_t enabled)
{
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0xa0, 0x11);
	out(0xa1, 0x38);
	out(0xa1, 0x02);
	out(0xa1, 0x01);
	out(0x21, (uint8_t)~enabled);
	out(0xa1, (uint8_t)(~enabled >> 8));
}

static void setup_timer(uint8_t control, uint16_t count)
{
	out(0x43, control);
	out(0x40, (uint8_t)count);
	out(0x40, (uint8_t)(count >> 8));
}

static void send(const char *text)
{
	for (; *text; text++)
		out(0x3f8, (uint8_t)*text);
}

/* --- absent hardware -------------------------------------------------------------------------- */

static bool is_present(uint32_t port)
{
	return (port >= 0x20 && port <= 0x21) || (port >= 0x40 && port <= 0x43) || port == 0x60 ||
	       port == 0x61 || port == 0x64 || (port >= 0x70 && port <= 0x71) || port == 0x80 ||
	       port == 0x92 || (port >= 0xa0 && port <= 0xa1) || (port >= 0x3f8 && port <= 0x3ff) ||
	       (port >= 0x4d0 && port <= 0x4d1) || port == 0xcf9;
}

static void absent_ports_read_all_ones(void **state)
{
	(void)state;
	for (uint32_t port = 0; port < 0x10000; port++) {
		if (is_present(port))
			continue;
		assert_int_equal(in((uint16_t)port), 0xff);
		out((uint16_t)port, 0);
		assert_int_equal(in((uint16_t)port), 0xff);
	}
	assert_int_equal(devices_port_in(&devices, 0x1f0, 2), 0xffff);
	assert_int_equal(devices_port_in(&devices, 0x1f0, 4), UINT32_MAX);
	assert_int_equal(devices_port_in(&devices, 0xffff, 4), UINT32_MAX);
	assert_int_equal(asked, SHUTDOWN_REASON_NONE);
	assert_int_equal(devices.unknown_port, 2); /* the last of four that wrapped */
	assert_true(devices.unknown_port_count >= 3 * (0x10000 - 40));
}

static void post_codes_are_kept(void **state)
{
	(void)state;
	assert_int_equal(devices.post_code, 0);
	assert_int_equal(devices.unknown_port, 0);
	out(0x80, 0x42);
	assert_int_equal(devices.post_code, 0x42);
	assert_int_equal(in(0x80), 0x42);
	assert_int_equal(devices.unknown_port_count, 0);
}

/* Linux 6.1 arch/x86/pci/direct.c, pci_check_type1() and pci_check_type2(). */
static void linux_finds_no_pci(void **state)
{
	uint32_t before;

	(void)state;
	out(0xcfb, 0x01);
	before = devices_port_in(&devices, 0xcf8, 4);
	devices_port_out(&devices, 0xcf8, 4, 0x80000000);
	assert_int_not_equal(devices_port_in(&devices, 0xcf8, 4), 0x80000000);
	devices_port_out(&devices, 0xcf8, 4, before);
	out(0xcfb, 0);
	out(0xcf8, 0);
	out(0xcfa, 0);
	assert_false(in(0xcf8) == 0 && in(0xcfa) == 0);
	/* The address of a register in configuration space is no reset. */
	devices_port_out(&devices, 0xcf8, 4, 0x8000fe06);
	devices_port_out(&devices, 0xcf8, 4, 0x80000406);
	assert_int_equal(asked, SHUTDOWN_REASON_NONE);
}

/* drivers/input/serio/i8042.c: i8042_flush() finds a controller that never runs dry. */
static void linux_finds_no_keyboard(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		assert_int_equal(in(0x64) & 1, 1);
		in(0x60);
	}
	out(0x64, 0xaa);
	out(0x60, 0xfe); /* a byte, not a command */
	assert_int_equal(in(0x64), 0xff);
	assert_int_equal(asked, SHUTDOWN_REASON_NONE);
}

/* --- widths ----------------------------------------------------------------------------------- */

static void words_go_to_two_ports(void **state)
{
	(void)state;
	setup_pic(0);
	devices_port_out(&devices, 0x20, 2, 0xffffdf0b); /* read ISR; the mask behind it */
	assert_int_equal(devices_port_in(&devices, 0x20, 2), 0xdf00);
	assert_int_equal(in(0x21), 0xdf);
	devices_port_out(&devices, 0x4d0, 2, 0x0820);
	assert_int_equal(devices_port_in(&devices, 0x4d0, 2), 0x0820);
	devices_port_out(&devices, 0x3fc, 4, 0x12345603);
	assert_int_equal(devices_port_in(&devices, 0x3fc, 4) & 0xff0000ff, 0x12000003);
	assert_int_equal(devices_port_in(&devices, 0x3fc, 4) >> 8 & 0xff, 0x60);
}

static void strings_of_bytes(void **state)
{
	uint8_t buffer[6] = {1, 2, 3, 4, 5, 6};

	(void)state;
	devices_port_out_string(&devices, 0x21, 1, "\xf1\xf2\xf3", 3);
	assert_int_equal(in(0x21), 0xf3);
	devices_port_in_string(&devices, 0x21, 1, buffer + 1, 4);
	assert_memory_equal(buffer, "\x01\xf3\xf3\xf3\xf3\x06", 6);
	devices_port_in_string(&devices, 0x21, 1, buffer, 0);
	assert_int_equal(buffer[0], 1);
	send("a");
	devices_port_out_string(&devices, 0x3f8, 1, "bcd\n", 4);
	assert_string_equal(console, "abcd\n");
}

static void strings_of_words(void **state)
{
	uint8_t buffer[10];

	(void)state;
	setup_pic(0);
	devices_port_out_string(&devices, 0x20, 2, "\x0b\xfe\x0b\xfd", 2);
	memset(buffer, 0x11, sizeof(buffer));
	devices_port_in_string(&devices, 0x20, 2, buffer + 1, 2);
	assert_memory_equal(buffer, "\x11\x00\xfd\x00\xfd\x11", 6);
	devices_port_out_string(&devices, 0x3fc, 4, "\x03\0\0\x12\x03\0\0\x34", 2);
	memset(buffer, 0x11, sizeof(buffer));
	devices_port_in_string(&devices, 0x3fc, 4, buffer + 1, 2);
	assert_int_equal(buffer[0], 0x11);
	assert_int_equal(buffer[1], 0x03);
	assert_int_equal(buffer[4], 0x34);
	assert_int_equal(buffer[5], 0x03);
	assert_int_equal(buffer[8], 0x34);
	assert_int_equal(buffer[9], 0x11);
}

/* --- timer ------------------------------------------------------------------------------------ */

static void the_timer_interrupts(void **state)
{
	(void)state;
	setup_pic(1);
	setup_timer(0x34, 11932); /* 100 Hz */
	/* The control word itself may have raised the output; that is over. */
	if (devices_interrupt_pending(&devices)) {
		devices_interrupt_acknowledge(&devices);
		out(0x20, 0x20);
	}
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t next = devices_next_event(&devices);

		assert_in_range(next - now, 9990000, 10010000);
		now = next - 1;
		devices_timer_event(&devices, false);
		assert_false(devices_interrupt_pending(&devices));
		now = next;
		devices_timer_event(&devices, false);
		assert_true(devices_interrupt_pending(&devices));
		assert_int_equal(devices_interrupt_acknowledge(&devices), 0x30);
		assert_false(devices_interrupt_pending(&devices));
		out(0x20, 0x20);
		assert_false(devices_interrupt_pending(&devices));
	}
	assert_in_range(now - 7 * SECOND, 1000000000 - 20000, 1000000000 + 20000);
}

static void missed_ticks_are_lost_on_real_chips(void **state)
{
	(void)state;
	setup_pic(1);
	setup_timer(0x34, 11932);
	now += 105 * MS;
	devices_timer_event(&devices, false);
	assert_int_equal(devices_interrupt_acknowledge(&devices), 0x30);
	out(0x20, 0x20);
	assert_false(devices_interrupt_pending(&devices));
}

/* Interrupts acknowledged and ended until none is pending. */
static unsigned int handle_all(void)
{
	unsigned int count = 0;

	for (; devices_interrupt_pending(&devices); count++) {
		assert_int_equal(devices_interrupt_acknowledge(&devices), 0x30);
		assert_false(devices_interrupt_pending(&devices)); /* in service */
		out(0x20, 0x60);
	}
	return count;
}

static void missed_ticks_are_made_good(void **state)
{
	(void)state;
	devices.missed_ticks_limit = 50;
	setup_pic(1);
	setup_timer(0x34, 11932);
	handle_all();
	now += 105 * MS;
	devices_timer_event(&devices, false);
	assert_int_equal(handle_all(), 10);
	now += 10 * MS;
	devices_timer_event(&devices, false);
	assert_int_equal(handle_all(), 1);
	now += 400 * MS; /* but not without end */
	devices_timer_event(&devices, false);
	now += 10000 * MS;
	devices_timer_event(&devices, false);
	now += 10 * MS;
	devices_timer_event(&devices, false);
	assert_int_equal(handle_all(), 51);
	now += 105 * MS; /* one by one */
	for (unsigned int i = 0; i < 5; i++) {
		now += 10 * MS;
		devices_timer_event(&devices, false);
	}
	assert_int_equal(handle_all(), 15);
	now += 105 * MS;
	devices_timer_event(&devices, false);
	setup_timer(0x34, 11932); /* another time, other ticks */
	assert_int_equal(handle_all(), 1);
}

static void ticks_of_a_masked_line_are_not_made_good(void **state)
{
	(void)state;
	devices.missed_ticks_limit = 50;
	setup_pic(0);
	setup_timer(0x34, 11932);
	now += 1000 * MS;
	devices_timer_event(&devices, false);
	assert_false(devices_interrupt_pending(&devices));
	out(0x21, 0xfe);
	assert_int_equal(handle_all(), 1);
}

static void ticks_with_automatic_end(void **state)
{
	unsigned int count = 0;

	(void)state;
	devices.missed_ticks_limit = 50;
	setup_pic(1);
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 0x04);
	out(0x21, 0x03);
	out(0x21, 0xfe);
	setup_timer(0x34, 11932);
	while (devices_interrupt_pending(&devices))
		devices_interrupt_acknowledge(&devices);
	now += 105 * MS;
	devices_timer_event(&devices, false);
	for (; devices_interrupt_pending(&devices); count++)
		assert_int_equal(devices_interrupt_acknowledge(&devices), 0x30);
	assert_int_equal(count, 10);
}

static void missed_ticks_end_with_their_timer(void **state)
{
	(void)state;
	devices.missed_ticks_limit = 50;
	setup_pic(1);
	setup_timer(0x34, 11932);
	handle_all();
	now += 105 * MS;
	devices_timer_event(&devices, false);
	/* A latch, a read-back, another channel and the speaker change nothing of it. */
	out(0x43, 0x00);
	out(0x43, 0xc2);
	out(0x43, 0x74);
	out(0x41, 0x12);
	out(0x61, 0x01);
	assert_int_equal(handle_all(), 10);
	now += 105 * MS;
	devices_timer_event(&devices, false);
	out(0x43, 0x34);
	assert_int_equal(handle_all(), 1);
	out(0x40, 0x9c);
	out(0x40, 0x2e);
	now += 105 * MS;
	devices_timer_event(&devices, false);
	out(0x40, 0x9c);
	assert_int_equal(handle_all(), 1);
}

static void missed_ticks_by_polling(void **state)
{
	unsigned int count = 0;

	(void)state;
	devices.missed_ticks_limit = 50;
	setup_pic(1);
	setup_timer(0x34, 11932);
	handle_all();
	now += 105 * MS;
	devices_timer_event(&devices, false);
	for (; devices_interrupt_pending(&devices); count++) {
		out(0x20, 0x0c);
		assert_int_equal(in(0x20), 0x80);
		out(0x20, 0x20);
	}
	assert_int_equal(count, 10);
}

static void a_one_shot_is_programmed_anew(void **state)
{
	(void)state;
	setup_pic(1);
	setup_timer(0x30, 1193); /* mode 0: 1 ms */
	assert_false(devices_interrupt_pending(&devices));
	now += 2 * MS;
	/* The guest looks before the platform's timer does. */
	out(0x20, 0x0a);
	devices_timer_event(&devices, false);
	assert_int_equal(in(0x20), 0x01);
	assert_true(devices_interrupt_pending(&devices));
	setup_timer(0x30, 1193); /* withdrawn before it was taken */
	assert_false(devices_interrupt_pending(&devices));
	assert_int_equal(in(0x20), 0x00);
	now += 2 * MS;
	devices_timer_event(&devices, false);
	assert_int_equal(handle_all(), 1);
	assert_int_equal(devices_next_event(&devices), DEVICES_NO_EVENT);
}

static void an_access_brings_the_timer_up_to_date(void **state)
{
	(void)state;
	setup_pic(1);
	setup_timer(0x30, 1193);
	now += 2 * MS;
	in(0x40);
	assert_true(devices_interrupt_pending(&devices));
	assert_int_equal(devices_next_event(&devices), DEVICES_NO_EVENT);
}

/* --- clock and serial port -------------------------------------------------------------------- */

static void the_clock_interrupts(void **state)
{
	(void)state;
	setup_pic(1 << 8 | 1 << 2);
	out(0x70, 0x0a);
	out(0x71, 0x2f); /* 2 Hz */
	out(0x70, 0x0b);
	out(0x71, 0x42);
	setup_timer(0x30, 0);
	now += 500 * MS;
	devices_timer_event(&devices, false);
	assert_true(devices_interrupt_pending(&devices));
	assert_int_equal(devices_interrupt_acknowledge(&devices), 0x38);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_int_equal(devices_next_event(&devices), DEVICES_NO_EVENT);
	out(0x70, 0x0c);
	assert_int_equal(in(0x71) & 0xc0, 0xc0);
	assert_int_equal(devices_next_event(&devices), 8 * SECOND);
}

static void the_clock_names_its_event(void **state)
{
	(void)state;
	out(0x43, 0x30); /* the timer is quiet */
	assert_int_equal(devices_next_event(&devices), DEVICES_NO_EVENT);
	out(0x70, 0x0b);
	out(0x71, 0x12);
	assert_int_equal(devices_next_event(&devices), 8 * SECOND);
	out(0x71, 0x02);
	assert_int_equal(devices_next_event(&devices), DEVICES_NO_EVENT);
}

static void all_of_the_timers_channels(void **state)
{
	(void)state;
	for (uint16_t channel = 0; channel < 3; channel++) {
		out(0x43, (uint8_t)(channel << 6 | 0x30));
		out(0x40 + channel, (uint8_t)(0x11 + channel));
		out(0x40 + channel, 0x12);
	}
	out(0x61, 0x01);
	now += 1000;
	for (uint16_t channel = 0; channel < 3; channel++) {
		out(0x43, (uint8_t)(channel << 6));
		assert_in_range(in(0x40 + channel), 0x0f + channel, 0x11 + channel);
		assert_int_equal(in(0x40 + channel), 0x12);
	}
	assert_int_equal(in(0x61) & 0x20, 0);
	now += 10 * MS;
	assert_int_equal(in(0x61) & 0x20, 0x20);
	assert_int_equal(in(0x43), 0xff);
	assert_int_equal(devices.unknown_port_count, 0);
}

static void the_clock_has_the_wall_time(void **state)
{
	(void)state;
	now += 3 * SECOND;
	out(0x70, 0);
	assert_int_equal(in(0x71), 0x53);
	out(0x70, 4);
	assert_int_equal(in(0x71), 0x23);
}

static void console_input_interrupts(void **state)
{
	(void)state;
	setup_pic(1 << 4);
	out(0x3fa, 0x01);
	out(0x3f9, 0x01);
	out(0x3fc, 0x0b);
	assert_int_equal(devices_console_input(&devices, (const uint8_t *)"ls\n", 3), 3);
	assert_true(devices_interrupt_pending(&devices));
	assert_int_equal(devices_interrupt_acknowledge(&devices), 0x34);
	assert_int_equal(in(0x3fa), 0xc4);
	assert_int_equal(in(0x3f8), 'l');
	assert_int_equal(in(0x3f8), 's');
	assert_int_equal(in(0x3f8), '\n');
	assert_int_equal(in(0x3fa), 0xc1);
	out(0x20, 0x20);
	assert_false(devices_interrupt_pending(&devices));
}

static void console_output_by_interrupts(void **state)
{
	static const char text[] = "a prompt # ";
	size_t next = 0;

	(void)state;
	setup_pic(1 << 4);
	out(0x3fc, 0x0b);
	out(0x3f9, 0x02);
	while (devices_interrupt_pending(&devices)) {
		assert_int_equal(devices_interrupt_acknowledge(&devices), 0x34);
		assert_int_equal(in(0x3fa), 0x02);
		if (text[next])
			out(0x3f8, (uint8_t)text[next++]);
		else
			out(0x3f9, 0);
		out(0x20, 0x20);
	}
	assert_int_equal(next, sizeof(text) - 1);
	devices_timer_event(&devices, false); /* lets go what has no line's end */
	assert_string_equal(console, text);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void resets(void **state)
{
	static const struct {
		struct {
			uint16_t port;
			uint8_t value;
		} writes[3];
		bool resets;
	} cases[] = {
	    {{{0x64, 0xfe}}, true},                /* pulses the reset line */
	    {{{0x64, 0xf0}}, true},                /* and all others */
	    {{{0x64, 0xff}}, false},               /* none */
	    {{{0x64, 0xfd}}, false},               /* A20 only */
	    {{{0x64, 0xd1}, {0x60, 0xfe}}, true},  /* the output port, bit 0 low */
	    {{{0x64, 0xd1}, {0x60, 0x03}}, false}, /* high */
	    {{{0x64, 0xd0}, {0x60, 0xfe}}, false}, /* that is a read */
	    {{{0x64, 0xd1}, {0x60, 0x03}, {0x60, 0xfe}}, false},
	    {{{0x64, 0xd1}, {0x64, 0xaa}, {0x60, 0xfe}}, false},
	    {{{0x64, 0xee}}, false}, /* no pulse */
	    {{{0x60, 0xfe}}, false},
	    {{{0x92, 0x01}}, true},
	    {{{0x92, 0x02}}, false},
	    {{{0xcf9, 0x02}, {0xcf9, 0x06}}, true}, /* as Linux does it */
	    {{{0xcf9, 0x0e}}, true},
	    {{{0xcf9, 0x02}, {0xcf9, 0x0a}}, false},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(NULL);
		send("last words");
		for (unsigned int j = 0; j < 3 && cases[i].writes[j].port; j++)
			out(cases[i].writes[j].port, cases[i].writes[j].value);
		assert_int_equal(asked,
		                 cases[i].resets ? SHUTDOWN_REASON_REBOOT : SHUTDOWN_REASON_NONE);
		assert_int_equal(devices.requested, asked);
		assert_int_equal(times_asked, cases[i].resets);
		assert_string_equal(console, cases[i].resets ? "last words" : "");
	}
}

static void reset_registers_read_back(void **state)
{
	(void)state;
	assert_int_equal(in(0x92), 0x02);
	assert_int_equal(in(0xcf9), 0);
	out(0xcf9, 0x02);
	assert_int_equal(in(0xcf9), 0x02);
	out(0x92, 0x00);
	assert_int_equal(in(0x92), 0x00);
}

static void halts(void **state)
{
	enum shutdown_reason reason;

	(void)state;
	setup_pic(1);
	setup_timer(0x30, 1193);
	send("# ");
	assert_int_equal(devices_halt(&devices, true, &reason), HALT_BLOCK);
	assert_int_equal(reason, SHUTDOWN_REASON_NONE);
	assert_string_equal(console, "# "); /* nothing is kept back from somebody who waits */
	now += 2 * MS;
	assert_int_equal(devices_halt(&devices, true, &reason), HALT_RETURN);
	assert_int_equal(devices_halt(&devices, false, &reason), HALT_SHUT_DOWN);
	assert_int_equal(reason, SHUTDOWN_REASON_POWER_OFF);
}

static void a_halt_after_panic_is_a_crash(void **state)
{
	enum shutdown_reason reason;

	(void)state;
	shutdown_panic_entered(&devices.watch);
	assert_int_equal(devices_halt(&devices, false, &reason), HALT_SHUT_DOWN);
	assert_int_equal(reason, SHUTDOWN_REASON_CRASH);
	setup(NULL);
	send("[    1.2] ---[ end Kernel panic - not syncing: VFS ]---\r\n");
	assert_int_equal(devices_halt(&devices, false, &reason), HALT_SHUT_DOWN);
	assert_int_equal(reason, SHUTDOWN_REASON_CRASH);
}

/* Timer events every 10 ms for so many ms; whether the guest was ended as crashed. */
static bool spin(unsigned int ms, bool user_mode)
{
	for (unsigned int i = 0; i < ms / 10; i++) {
		now += 10 * MS;
		devices_timer_event(&devices, user_mode);
	}
	return asked == SHUTDOWN_REASON_CRASH;
}

static void a_panicked_kernel_spins(void **state)
{
	(void)state;
	assert_false(spin(5000, false)); /* a kernel may be busy */
	send("-----[ end Kernel panic - not syncing: sysrq triggered crash ]---\n");
	assert_int_equal(devices_next_event(&devices), now); /* it wants to be asked */
	assert_false(spin(900, false));
	assert_in_range(devices_next_event(&devices), now + MS, now + 100 * MS);
	assert_true(spin(200, false));
	assert_int_equal(devices.requested, SHUTDOWN_REASON_CRASH);
}

/* Whether these bytes have the last words at their end, and nowhere before. */
static bool are_last_words(const char *text)
{
	struct shutdown_watch watch;

	shutdown_watch_initialise(&watch);
	for (; *text; text++)
		if (shutdown_console_byte(&watch, (uint8_t)*text))
			return !text[1] && watch.panic_said;
	assert_false(watch.panic_said);
	return false;
}

static void last_words(void **state)
{
	(void)state;
	assert_true(are_last_words("---[ end Kernel panic"));
	assert_true(are_last_words("x---[ end Kernel panic"));
	assert_true(are_last_words("-----[ end Kernel panic"));
	assert_true(are_last_words("-- ---[ end Kernel panic"));
	assert_true(are_last_words("---[ end ---[ end Kernel panic"));
	assert_true(are_last_words("---[---[ end Kernel panic"));
	assert_true(are_last_words("---[ end trace ]---\n---[ end Kernel panic"));
	assert_false(are_last_words("---[ end Kernel pani"));
	assert_false(are_last_words("--[ end Kernel panic"));
	assert_false(are_last_words("-x--[ end Kernel panic"));
	assert_false(are_last_words("---[ end -Kernel panic"));
	assert_false(are_last_words("---[ end K--[ end Kernel panic"));
	assert_false(are_last_words("---[ end Kx-[ end Kernel panic"));
	assert_false(are_last_words("---[ end x[ end Kernel panic"));
}

static void last_words_said_again_count_anew(void **state)
{
	(void)state;
	send("---[ end Kernel panic\n");
	assert_false(spin(900, false));
	send("---[ end Kernel panic\n");
	assert_false(spin(900, false));
	assert_true(spin(200, false));
}

static void who_lives_has_not_panicked(void **state)
{
	static const char words[] = "---[ end Kernel panic - not syncing\n";
	enum shutdown_reason reason;

	(void)state;
	send(words);
	spin(500, false);
	spin(10, true); /* a program runs */
	assert_false(spin(5000, false));
	setup(NULL);
	send(words);
	spin(500, false);
	assert_int_equal(devices_halt(&devices, true, &reason), HALT_BLOCK);
	assert_false(spin(5000, false));
	setup(NULL);
	send("---[ end kernel panic\n---[ end Kernel Panic\n--[ end Kernel panic\n");
	assert_false(spin(5000, false));
	/* What a program writes goes by interrupts. */
	setup(NULL);
	out(0x3f9, 0x02);
	send(words);
	assert_false(spin(5000, false));
	/* And what is looped back goes nowhere. */
	setup(NULL);
	out(0x3fc, 0x10);
	send(words);
	assert_false(spin(5000, false));
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(absent_ports_read_all_ones),
	    T(post_codes_are_kept),
	    T(linux_finds_no_pci),
	    T(linux_finds_no_keyboard),
	    T(words_go_to_two_ports),
	    T(strings_of_bytes),
	    T(strings_of_words),
	    T(the_timer_interrupts),
	    T(missed_ticks_are_lost_on_real_chips),
	    T(missed_ticks_are_made_good),
	    T(ticks_of_a_masked_line_are_not_made_good),
	    T(ticks_with_automatic_end),
	    T(missed_ticks_end_with_their_timer),
	    T(missed_ticks_by_polling),
	    T(a_one_shot_is_programmed_anew),
	    T(an_access_brings_the_timer_up_to_date),
	    T(the_clock_interrupts),
	    T(the_clock_names_its_event),
	    T(all_of_the_timers_channels),
	    T(the_clock_has_the_wall_time),
	    T(console_input_interrupts),
	    T(console_output_by_interrupts),
	    T(resets),
	    T(reset_registers_read_back),
	    T(halts),
	    T(a_halt_after_panic_is_a_crash),
	    T(a_panicked_kernel_spins),
	    T(last_words),
	    T(last_words_said_again_count_anew),
	    T(who_lives_has_not_panicked),
	};

	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
