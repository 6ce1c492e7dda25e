/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/devices.h"

#define PORT_POST        0x80
#define PORT_PCI_ADDRESS 0xcf8     /* four bytes at once: no other access is to PCI */
#define PANIC_POLL       100000000 /* nanoseconds */

static uint64_t time_now(struct devices *devices)
{
	return devices->callbacks->now(devices->context);
}

static void shut_down(struct devices *devices, enum shutdown_reason reason)
{
	devices->requested = reason;
	uart_flush(&devices->uart);
	devices->callbacks->shut_down(devices->context, reason);
}

/* --- interrupt lines -------------------------------------------------------------------------- */

static void sync_serial(struct devices *devices)
{
	pic_set_line(&devices->pic, PIC_LINE_SERIAL, uart_line(&devices->uart));
}

static void sync_rtc(struct devices *devices)
{
	pic_set_line(&devices->pic, PIC_LINE_RTC, rtc_line(&devices->rtc));
}

/* Timer interrupts that came while the one before was still waiting. */
static void miss_ticks(struct devices *devices, uint32_t count)
{
	uint32_t room = devices->missed_ticks < devices->missed_ticks_limit
	                    ? devices->missed_ticks_limit - devices->missed_ticks
	                    : 0;

	devices->missed_ticks += count < room ? count : room;
}

static void raise_timer(struct devices *devices, uint32_t edges)
{
	if (!edges)
		return;
	if (pic_enabled(&devices->pic, PIC_LINE_TIMER))
		miss_ticks(devices, edges - !pic_requested(&devices->pic, PIC_LINE_TIMER));
	pic_pulse(&devices->pic, PIC_LINE_TIMER);
}

static void sync_timer(struct devices *devices, uint64_t now)
{
	raise_timer(devices, pit_edges(&devices->pit, now));
	if (pit_low(&devices->pit, now))
		pic_set_line(&devices->pic, PIC_LINE_TIMER, false);
}

/* One that was missed, when the one before is no longer waiting. */
static void make_good(struct devices *devices)
{
	if (!devices->missed_ticks || pic_requested(&devices->pic, PIC_LINE_TIMER))
		return;
	devices->missed_ticks--;
	pic_pulse(&devices->pic, PIC_LINE_TIMER);
}

static void set_next_event(struct devices *devices)
{
	uint64_t timer = pit_next_edge(&devices->pit), rtc = rtc_next_event(&devices->rtc);

	devices->next_event = timer < rtc ? timer : rtc;
}

/* --- ports ------------------------------------------------------------------------------------ */

static void count_unknown(struct devices *devices, uint16_t port)
{
	devices->unknown_port = port;
	devices->unknown_port_count++;
}

static uint8_t read_pic(struct devices *devices, uint16_t port)
{
	uint8_t value = pic_read(&devices->pic, port);

	make_good(devices); /* a poll acknowledges */
	return value;
}

static uint8_t read_pit(struct devices *devices, uint16_t port)
{
	uint64_t now = time_now(devices);
	uint8_t value = pit_read(&devices->pit, port, now);

	sync_timer(devices, now);
	set_next_event(devices);
	return value;
}

static uint8_t read_rtc(struct devices *devices, uint16_t port)
{
	uint8_t value = rtc_read(&devices->rtc, port, time_now(devices));

	sync_rtc(devices);
	set_next_event(devices);
	return value;
}

static uint8_t read_uart(struct devices *devices, uint16_t port)
{
	uint8_t value = uart_read(&devices->uart, port);

	sync_serial(devices);
	return value;
}

static uint8_t read_byte(struct devices *devices, uint16_t port)
{
	switch (port) {
	case PIC_PORT_FIRST:
	case PIC_PORT_FIRST + 1:
	case PIC_PORT_SECOND:
	case PIC_PORT_SECOND + 1:
	case PIC_PORT_ELCR:
	case PIC_PORT_ELCR + 1: return read_pic(devices, port);
	case PIT_PORT_DATA:
	case PIT_PORT_DATA + 1:
	case PIT_PORT_DATA + 2:
	case PIT_PORT_COMMAND:
	case PIT_PORT_SPEAKER: return read_pit(devices, port);
	case RTC_PORT_INDEX:
	case RTC_PORT_DATA: return read_rtc(devices, port);
	case PORT_POST: return devices->post_code;
	case RESET_PORT_KEYBOARD_DATA:
	case RESET_PORT_KEYBOARD_COMMAND:
	case RESET_PORT_FAST:
	case RESET_PORT_CONTROL: return reset_read(&devices->reset, port);
	default: break;
	}
	if ((port & ~(UART_PORTS - 1)) == UART_PORT)
		return read_uart(devices, port);
	count_unknown(devices, port);
	return 0xff;
}

/* What is programmed anew has no ticks to make good. */
static void write_pit(struct devices *devices, uint16_t port, uint8_t value)
{
	uint64_t now = time_now(devices);

	sync_timer(devices, now);
	pit_write(&devices->pit, port, value, now);
	if (port == PIT_PORT_DATA || (port == PIT_PORT_COMMAND && value < 0x40 && value & 0x30))
		devices->missed_ticks = 0;
	sync_timer(devices, now);
	set_next_event(devices);
}

static void write_rtc(struct devices *devices, uint16_t port, uint8_t value)
{
	rtc_write(&devices->rtc, port, value, time_now(devices));
	sync_rtc(devices);
	set_next_event(devices);
}

static void write_uart(struct devices *devices, uint16_t port, uint8_t value)
{
	if (uart_sends(&devices->uart, port) && !devices->uart.interrupt_enable &&
	    shutdown_console_byte(&devices->watch, value))
		devices->next_event = time_now(devices);
	uart_write(&devices->uart, port, value);
	sync_serial(devices);
}

static void write_reset(struct devices *devices, uint16_t port, uint8_t value)
{
	if (reset_write(&devices->reset, port, value))
		shut_down(devices, SHUTDOWN_REASON_REBOOT);
}

static void write_byte(struct devices *devices, uint16_t port, uint8_t value)
{
	switch (port) {
	case PIC_PORT_FIRST:
	case PIC_PORT_FIRST + 1:
	case PIC_PORT_SECOND:
	case PIC_PORT_SECOND + 1:
	case PIC_PORT_ELCR:
	case PIC_PORT_ELCR + 1: pic_write(&devices->pic, port, value); return;
	case PIT_PORT_DATA:
	case PIT_PORT_DATA + 1:
	case PIT_PORT_DATA + 2:
	case PIT_PORT_COMMAND:
	case PIT_PORT_SPEAKER: write_pit(devices, port, value); return;
	case RTC_PORT_INDEX:
	case RTC_PORT_DATA: write_rtc(devices, port, value); return;
	case PORT_POST: devices->post_code = value; return;
	case RESET_PORT_KEYBOARD_DATA:
	case RESET_PORT_KEYBOARD_COMMAND:
	case RESET_PORT_FAST:
	case RESET_PORT_CONTROL: write_reset(devices, port, value); return;
	default: break;
	}
	if ((port & ~(UART_PORTS - 1)) == UART_PORT)
		write_uart(devices, port, value);
	else
		count_unknown(devices, port);
}

/* A wider access goes to as many ports, as on the ISA bus; PCI's address register is not on it. */
uint32_t devices_port_in(struct devices *devices, uint16_t port, unsigned int size)
{
	uint32_t value = 0;

	if (size == 4 && port == PORT_PCI_ADDRESS)
		return UINT32_MAX;
	for (unsigned int i = 0; i < size && i < 4; i++)
		value |= (uint32_t)read_byte(devices, (uint16_t)(port + i)) << 8 * i;
	return value;
}

void devices_port_out(struct devices *devices, uint16_t port, unsigned int size, uint32_t value)
{
	if (size == 4 && port == PORT_PCI_ADDRESS)
		return;
	for (unsigned int i = 0; i < size && i < 4; i++)
		write_byte(devices, (uint16_t)(port + i), (uint8_t)(value >> 8 * i));
}

void devices_port_in_string(struct devices *devices, uint16_t port, unsigned int size, void *buffer,
                            size_t count)
{
	uint8_t *bytes = buffer;

	for (; count; count--) {
		uint32_t value = devices_port_in(devices, port, size);

		for (unsigned int i = 0; i < size && i < 4; i++)
			*bytes++ = (uint8_t)(value >> 8 * i);
	}
}

void devices_port_out_string(struct devices *devices, uint16_t port, unsigned int size,
                             const void *buffer, size_t count)
{
	const uint8_t *bytes = buffer;

	for (; count; count--) {
		uint32_t value = 0;

		for (unsigned int i = 0; i < size && i < 4; i++)
			value |= (uint32_t)*bytes++ << 8 * i;
		devices_port_out(devices, port, size, value);
	}
}

/* --- time, interrupts, the end ---------------------------------------------------------------- */

/* Brings all up to the present, which is returned. */
static uint64_t advance(struct devices *devices)
{
	uint64_t now = time_now(devices);

	sync_timer(devices, now);
	rtc_advance(&devices->rtc, now);
	sync_rtc(devices);
	uart_flush(&devices->uart);
	set_next_event(devices);
	return now;
}

void devices_timer_event(struct devices *devices, bool user_mode)
{
	uint64_t now = advance(devices);

	if (shutdown_spinning(&devices->watch, user_mode, now))
		shut_down(devices, SHUTDOWN_REASON_CRASH);
	if (devices->watch.panic_said && devices->next_event > now + PANIC_POLL)
		devices->next_event = now + PANIC_POLL;
}

uint64_t devices_next_event(const struct devices *devices)
{
	return devices->next_event;
}

bool devices_interrupt_pending(const struct devices *devices)
{
	return pic_pending(&devices->pic);
}

uint8_t devices_interrupt_acknowledge(struct devices *devices)
{
	uint8_t vector = pic_acknowledge(&devices->pic);

	make_good(devices);
	return vector;
}

size_t devices_console_input(struct devices *devices, const uint8_t *bytes, size_t size)
{
	size_t taken = uart_receive(&devices->uart, bytes, size);

	sync_serial(devices);
	return taken;
}

void devices_flush(struct devices *devices)
{
	uart_flush(&devices->uart);
}

enum halt_action devices_halt(struct devices *devices, bool interrupts_enabled,
                              enum shutdown_reason *reason)
{
	advance(devices);
	return shutdown_halt(&devices->watch, interrupts_enabled, pic_pending(&devices->pic),
	                     reason);
}

void devices_initialise(struct devices *devices, const struct device_callbacks *callbacks,
                        void *context, uint64_t wall_seconds, uint32_t wall_nanoseconds)
{
	uint64_t now = callbacks->now(context);

	devices->callbacks = callbacks;
	devices->context = context;
	pic_initialise(&devices->pic);
	pit_initialise(&devices->pit, now);
	rtc_initialise(&devices->rtc, wall_seconds, wall_nanoseconds, now);
	uart_initialise(&devices->uart, callbacks->console_output, context);
	reset_initialise(&devices->reset);
	shutdown_watch_initialise(&devices->watch);
	devices->requested = SHUTDOWN_REASON_NONE;
	devices->post_code = 0;
	devices->missed_ticks = devices->missed_ticks_limit = 0;
	devices->unknown_port_count = 0;
	devices->unknown_port = 0;
	set_next_event(devices);
}
