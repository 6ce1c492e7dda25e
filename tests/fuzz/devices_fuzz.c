/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A hostile guest at the port bus, CPUID and MSRs: the input is what it does, and how long it
 * takes.
 */

#include <string.h>

#include "rom/devices/devices.h"
#include "rom/policy/cpuid.h"
#include "rom/policy/msr.h"
#include "tests/fuzz/harness.h"

struct input {
	const uint8_t *bytes;
	size_t size;
};

static uint64_t now;
static enum shutdown_reason asked;

static uint64_t clock_now(void *context)
{
	(void)context;
	return now;
}

static void take_output(void *context, const uint8_t *bytes, size_t size)
{
	(void)context;
	CHECK(size && size <= UART_OUTPUT_SIZE && bytes);
}

static void shut_down(void *context, enum shutdown_reason reason)
{
	(void)context;
	CHECK(reason == SHUTDOWN_REASON_REBOOT || reason == SHUTDOWN_REASON_CRASH);
	asked = reason;
}

static const struct device_callbacks callbacks = {clock_now, take_output, shut_down};

static uint8_t next_byte(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->bytes++;
}

static uint32_t next_number(struct input *input, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value = value << 8 | next_byte(input);
	return value;
}

/* Mostly a port where something is. */
static uint16_t next_port(struct input *input)
{
	static const uint16_t ports[] = {0x20,  0x21,  0xa0,  0xa1,  0x40,  0x41,  0x42,
	                                 0x43,  0x61,  0x70,  0x71,  0x80,  0x92,  0x60,
	                                 0x64,  0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd,
	                                 0x3fe, 0x3ff, 0x4d0, 0x4d1, 0xcf8, 0xcf9, 0xcfc};
	uint8_t number = next_byte(input);

	if (number < sizeof(ports) / sizeof(ports[0]))
		return ports[number];
	return (uint16_t)next_number(input, 2);
}

/* What the machine does by itself comes at the time it said, not before, and it then names a later
 * one. */
static void let_time_go_by(struct devices *devices, struct input *input)
{
	uint64_t end = now + ((uint64_t)next_byte(input) << (next_byte(input) & 47));
	bool user_mode = next_byte(input) & 1;

	for (unsigned int i = 0; i < 20 && devices_next_event(devices) <= end; i++) {
		uint64_t next = devices_next_event(devices);
		bool pending = devices_interrupt_pending(devices);

		if (next > now + 1) {
			now = next - 1;
			devices_timer_event(devices, user_mode);
			CHECK(devices_interrupt_pending(devices) == pending);
			CHECK(devices_next_event(devices) == next || devices->watch.panic_said);
		}
		now = next > now ? next : now;
		devices_timer_event(devices, user_mode);
		CHECK(devices_next_event(devices) > now);
	}
	now = end > now ? end : now;
	devices_timer_event(devices, user_mode);
	CHECK(devices_next_event(devices) > now);
}

static void access_port(struct devices *devices, struct input *input, uint8_t operation)
{
	unsigned int size = 1u << (operation >> 6) % 3;
	uint16_t port = next_port(input);
	uint8_t buffer[64];

	if (operation & 0x20) {
		unsigned int count = next_byte(input) % (sizeof(buffer) / size);

		memset(buffer, next_byte(input), sizeof(buffer));
		if (operation & 0x10)
			devices_port_out_string(devices, port, size, buffer, count);
		else
			devices_port_in_string(devices, port, size, buffer, count);
	} else if (operation & 0x10) {
		devices_port_out(devices, port, size, next_number(input, size));
	} else {
		CHECK(size == 4 || devices_port_in(devices, port, size) < 1u << 8 * size);
	}
}

static void interrupt(struct devices *devices)
{
	uint8_t vector;

	if (!devices_interrupt_pending(devices))
		return;
	vector = devices_interrupt_acknowledge(devices);
	CHECK((vector & 0xf8) == devices->pic.first.vector_base ||
	      (vector & 0xf8) == devices->pic.second.vector_base);
}

/* INTR is what it would be if it were looked at anew, as every write does. */
static void check_pending(const struct devices *devices)
{
	struct pic_pair pair = devices->pic;

	pic_write(&pair, PIC_PORT_ELCR, pair.first.level);
	CHECK(pic_pending(&pair) == pic_pending(&devices->pic));
}

static void halt(struct devices *devices, bool interrupts_enabled)
{
	enum shutdown_reason reason;
	enum halt_action action = devices_halt(devices, interrupts_enabled, &reason);

	CHECK((action == HALT_SHUT_DOWN) == !interrupts_enabled);
	CHECK((reason != SHUTDOWN_REASON_NONE) == !interrupts_enabled);
	CHECK(action != HALT_RETURN || devices_interrupt_pending(devices));
	CHECK(action != HALT_BLOCK || !devices_interrupt_pending(devices));
}

static void type(struct devices *devices, struct input *input)
{
	size_t size = next_byte(input);
	size_t taken;

	if (size > input->size)
		size = input->size;
	taken = devices_console_input(devices, input->bytes, size);
	CHECK(taken <= size);
	CHECK(taken == size || !uart_receive_space(&devices->uart));
	input->bytes += size;
	input->size -= size;
}

static const struct input *processor_words;

/* The processor's words are the fuzzer's too. */
static void processor(uint32_t leaf, uint32_t subleaf, struct cpuid_registers *result)
{
	struct input words = *processor_words;

	memset(result, (int)(leaf ^ subleaf), sizeof(*result));
	if (!(leaf & 0x7fffffff))
		result->eax = next_number(&words, 4);
}

static uint64_t time_stamp(void)
{
	return now;
}

static void identify(struct input *input)
{
	struct cpuid_registers found;
	uint32_t leaf = next_number(input, 4), subleaf = next_byte(input);

	processor_words = input;
	policy_cpuid(processor, leaf, subleaf, &found);
	CHECK((leaf & 0x7fffffff) <= 0x16 || !(found.eax | found.ebx | found.ecx | found.edx));
	policy_cr4_allowed(processor);
	next_number(input, 4);
}

static void access_msr(struct msr_state *msr, struct input *input)
{
	uint32_t number = next_number(input, 4);
	uint64_t value = (uint64_t)next_number(input, 4) << 32 | next_number(input, 4), found;

	if (msr_read(msr, number, &found))
		msr_write(msr, number, value);
	CHECK(!(msr_efer(msr) & ~UINT64_C(0x800)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct devices devices;
	struct msr_state msr;

	now = (uint64_t)next_byte(&input) << (next_byte(&input) & 31);
	asked = SHUTDOWN_REASON_NONE;
	devices_initialise(&devices, &callbacks, NULL, (uint64_t)next_byte(&input) << 25, 0);
	devices.missed_ticks_limit = next_byte(&input);
	msr_initialise(&msr, size & 1, time_stamp);
	while (input.size) {
		uint8_t operation = next_byte(&input);

		switch (operation & 0x0f) {
		case 0: let_time_go_by(&devices, &input); break;
		case 1: interrupt(&devices); break;
		case 2: type(&devices, &input); break;
		case 3: halt(&devices, operation & 0x10); break;
		case 4: identify(&input); break;
		case 5: access_msr(&msr, &input); break;
		case 6: devices_flush(&devices); break;
		default: access_port(&devices, &input, operation); break;
		}
		check_pending(&devices);
	}
	CHECK(asked == devices.requested);
	return 0;
}
