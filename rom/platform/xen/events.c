/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/events.h"
#include "rom/devices/divide.h"
#include "rom/platform/xen/console.h"
#include "rom/platform/xen/hypercall.h"
#include "rom/platform/xen/panic.h"
#include "rom/platform/xen/shutdown.h"
#include "rom/platform/xen/statistics.h"
#include "rom/platform/xen/window.h"
#include "rom/vcpu/platform.h"

#include <xen/event_channel.h>
#include <xen/vcpu.h>

struct devices devices;

static struct shared_info *const shared_info = (struct shared_info *)WINDOW_SHARED_INFO;
static volatile struct vcpu_info *const info = (volatile struct vcpu_info *)WINDOW_SHARED_INFO;
static uint64_t timer_set = DEVICES_NO_EVENT;
static uint32_t console_port;

uint64_t platform_time_stamp(void)
{
	uint64_t now;

	__asm__ volatile("rdtsc" : "=A"(now));
	return now;
}

/* Cycles since a stamp as nanoseconds (Xen public/xen.h, struct vcpu_time_info). */
static uint64_t scale(uint64_t cycles, uint32_t multiplier, int8_t shift)
{
	if (shift < 0)
		cycles >>= -shift;
	else
		cycles <<= shift;
	return ((cycles >> 32) * multiplier) + ((uint64_t)(uint32_t)cycles * multiplier >> 32);
}

/* Xen's system time: nanoseconds since it started. */
static uint64_t system_time(void)
{
	const volatile struct vcpu_time_info *time = &info->time;
	uint64_t now;
	uint32_t version;

	do {
		version = time->version;
		now = time->system_time + scale(platform_time_stamp() - time->tsc_timestamp,
		                                time->tsc_to_system_mul, time->tsc_shift);
	} while (version & 1 || version != time->version);
	return now;
}

/*
 * 10^6 ns are (cycles << shift) * multiplier >> 32. Xen normalises the multiplier: it is at least
 * 2^31, so the quotient has 32 bits.
 */
uint32_t events_time_stamp_khz(void)
{
	uint32_t multiplier = info->time.tsc_to_system_mul;
	int8_t shift = info->time.tsc_shift;
	uint32_t quotient, remainder;

	if (multiplier <= 1000000)
		return 0;
	__asm__("divl %4"
	        : "=a"(quotient), "=d"(remainder)
	        : "0"(0), "1"(1000000), "r"(multiplier));
	return shift < 0 ? quotient << -shift : quotient >> shift;
}

static uint64_t device_now(void *context)
{
	static uint64_t last;
	uint64_t now = system_time();

	(void)context;
	if (now > last)
		last = now;
	return last;
}

static void device_output(void *context, const uint8_t *bytes, size_t size)
{
	(void)context;
	console_write(bytes, size);
}

static void device_shut_down(void *context, enum shutdown_reason reason)
{
	(void)context;
	platform_shut_down(reason);
}

void platform_shut_down(enum shutdown_reason reason)
{
	static const uint8_t reasons[] = {
	    [SHUTDOWN_REASON_POWER_OFF] = SHUTDOWN_poweroff,
	    [SHUTDOWN_REASON_REBOOT] = SHUTDOWN_reboot,
	    [SHUTDOWN_REASON_CRASH] = SHUTDOWN_crash,
	};

	devices_flush(&devices);
	statistics_print();
	shut_down(reasons[reason]);
}

void platform_set_timer(void)
{
	uint64_t next = devices_next_event(&devices);

	if (next == timer_set)
		return;
	timer_set = next;
	hypercall_set_timer(next == DEVICES_NO_EVENT ? 0 : next);
}

/* Returns the channel's number. */
static uint32_t bind(uint32_t virq)
{
	struct evtchn_bind_virq bind = {.virq = virq, .vcpu = 0};
	int32_t result = hypercall_event_channel_op(EVTCHNOP_bind_virq, &bind);

	if (result < 0)
		panic_numbers("events: cannot bind", virq, (uint32_t)result);
	shared_info->evtchn_mask[bind.port / 32] &= ~(1u << bind.port % 32);
	return bind.port;
}

/* Nanoseconds as seconds, and what is left. */
static uint64_t split_seconds(uint64_t time, uint32_t *nanoseconds)
{
	uint32_t half, quarter;
	uint64_t seconds = divide(divide(time, 50000, &half), 20000, &quarter);

	*nanoseconds = quarter * 50000 + half;
	return seconds;
}

void events_initialise(void)
{
	static const struct device_callbacks callbacks = {
	    .now = device_now,
	    .console_output = device_output,
	    .shut_down = device_shut_down,
	};
	uint32_t nanoseconds;
	uint64_t seconds = split_seconds(system_time() + shared_info->wc_nsec, &nanoseconds);

	hypercall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	devices_initialise(&devices, &callbacks, NULL, shared_info->wc_sec + seconds, nanoseconds);
	bind(VIRQ_TIMER);
	console_port = bind(VIRQ_CONSOLE);
	platform_set_timer();
}

/* What was typed, as much as the guest's serial port takes. */
static void read_console(void)
{
	uint8_t bytes[16];

	for (;;) {
		size_t room = uart_receive_space(&devices.uart);
		int32_t got = hypercall_console_io(
		    CONSOLEIO_read, room < sizeof(bytes) ? room : sizeof(bytes), bytes);

		if (got <= 0)
			return;
		devices_console_input(&devices, bytes, (size_t)got);
	}
}

/* The pending channels' bits are taken; whether the console's was among them. */
static bool take_channels(void)
{
	uint32_t words = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	bool console = false;

	for (uint32_t i = 0; i < 32; i++) {
		uint32_t channels;

		if (!(words >> i & 1))
			continue;
		channels =
		    __atomic_exchange_n(&shared_info->evtchn_pending[i], 0, __ATOMIC_SEQ_CST);
		if (i == console_port / 32 && channels >> console_port % 32 & 1)
			console = true;
	}
	return console;
}

void events_handle(bool user_mode)
{
	info->evtchn_upcall_pending = 0;
	if (take_channels())
		read_console();
	devices_timer_event(&devices, user_mode);
	if (timer_set <= device_now(NULL))
		timer_set = 0; /* it has fired */
	platform_set_timer();
}

bool events_pending(void)
{
	return info->evtchn_upcall_pending;
}

void events_remind(void)
{
	info->evtchn_upcall_pending = 1;
}

void platform_block(void)
{
	devices_flush(&devices);
	platform_set_timer();
	hypercall_sched_op(SCHEDOP_block, NULL);
	info->evtchn_upcall_mask = 1;
	events_handle(false);
}
