/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_DEVICES_H
#define ROM_DEVICES_DEVICES_H

/*
 * The virtual PC's devices behind one port bus. Nothing here makes a hypercall or knows a clock:
 * the platform gives callbacks, and calls devices_timer_event() when the time has come that
 * devices_next_event() named. The same code runs in the ROM and, under test, on the host.
 *
 * Not reentrant: one processor, and no call from within a callback. Absent hardware reads all ones
 * and takes writes silently.
 *
 * How a platform uses it:
 *
 *   IN, OUT, INS, OUTS   devices_port_in(), _out(), _in_string(), _out_string()
 *   timer event          devices_timer_event(); then see interrupts
 *   console input        devices_console_input(); then see interrupts
 *   before guest code    while the virtual IF is set and devices_interrupt_pending():
 *                        vector = devices_interrupt_acknowledge(), deliver it
 *   after each of these  set the platform's single-shot timer to devices_next_event(), if that is
 *                        another time than before; a time that has passed means: at once
 *   hlt                  devices_halt()
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rom/devices/pic.h"
#include "rom/devices/pit.h"
#include "rom/devices/reset.h"
#include "rom/devices/rtc.h"
#include "rom/devices/shutdown.h"
#include "rom/devices/uart.h"

#define DEVICES_NO_EVENT UINT64_MAX

/* What the platform does for the devices; context is devices_initialise()'s. None may be NULL. */
struct device_callbacks {
	/* Nanoseconds since some moment; never goes back. */
	uint64_t (*now)(void *context);
	/* What the guest sent to its serial port: lines where it sends lines. */
	uart_output_function *console_output;
	/* The guest asks for a reset (i8042, ports 0x92 and 0xcf9) or has panicked. May return: the
	 * request is then also in devices.requested. */
	void (*shut_down)(void *context, enum shutdown_reason reason);
};

struct devices {
	const struct device_callbacks *callbacks;
	void *context;
	struct pic_pair pic;
	struct pit pit;
	struct rtc rtc;
	struct uart uart;
	struct reset_ports reset;
	struct shutdown_watch watch;
	uint64_t next_event;            /* nanoseconds */
	enum shutdown_reason requested; /* what the guest asked for, if anything */
	uint8_t post_code;              /* last byte written to port 0x80 */
	uint32_t missed_ticks;          /* timer interrupts that are still to be made good */
	uint32_t missed_ticks_limit;    /* how many of them are kept; see below */
	uint32_t unknown_port_count;    /* accesses to ports where nothing is */
	uint16_t unknown_port;          /* the last one of them */
};

/*
 * The machine after power-on. wall_seconds, wall_nanoseconds: the time since 1970 (UTC) now, for
 * the clock. callbacks and context must stay valid. missed_ticks_limit may be set afterwards: with
 * 0 (the default, and the real chips' way) timer interrupts that find the one before still waiting
 * are lost; else up to that many are kept, and raised one after the other, each when the one before
 * was acknowledged.
 */
void devices_initialise(struct devices *devices, const struct device_callbacks *callbacks,
                        void *context, uint64_t wall_seconds, uint32_t wall_nanoseconds);

/* in: size is 1, 2 or 4 bytes; the value's other bits are 0. Ports wrap at 0x10000. */
uint32_t devices_port_in(struct devices *devices, uint16_t port, unsigned int size);

/* out: the value's other bits are ignored. */
void devices_port_out(struct devices *devices, uint16_t port, unsigned int size, uint32_t value);

/* ins, outs: count elements of size bytes, at ascending addresses. buffer is the ROM's memory: what
 * may fault, and DF, are the caller's. */
void devices_port_in_string(struct devices *devices, uint16_t port, unsigned int size, void *buffer,
                            size_t count);
void devices_port_out_string(struct devices *devices, uint16_t port, unsigned int size,
                             const void *buffer, size_t count);

/*
 * The time has come: brings every device up to the present, its interrupt line, flags and kept-back
 * output. May be called at any other time too. user_mode: the guest's user code was interrupted.
 * Asks the callback for the end, SHUTDOWN_REASON_CRASH, of a guest that spins after a panic.
 */
void devices_timer_event(struct devices *devices, bool user_mode);

/* When devices_timer_event() must be called next, in the clock's nanoseconds; DEVICES_NO_EVENT:
 * only an access of the guest or console input will change anything. Cheap. */
uint64_t devices_next_event(const struct devices *devices);

/* Whether INTR is high, and the vector the controllers give for it (at worst a spurious one). */
bool devices_interrupt_pending(const struct devices *devices);
uint8_t devices_interrupt_acknowledge(struct devices *devices);

/* Bytes typed at the console; returns how many were taken. */
size_t devices_console_input(struct devices *devices, const uint8_t *bytes, size_t size);

/* Hands kept-back console output to the callback; before blocking, shutting down, panicking. */
void devices_flush(struct devices *devices);

/* The guest executes hlt: see shutdown_halt(). Brings the devices up to the present first. */
enum halt_action devices_halt(struct devices *devices, bool interrupts_enabled,
                              enum shutdown_reason *reason);

#endif
