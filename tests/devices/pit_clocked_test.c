/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The timer against a second one that is clocked: it does at each pulse what the 8254's data sheet
 * says of that pulse, and nothing else. Both get the same random writes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rom/devices/pit.h"

enum { COMMAND = 0x43, SPEAKER = 0x61, BOTH = 0x30, SEQUENCES = 4000, OPERATIONS = 60 };

/* --- the clocked one -------------------------------------------------------------------------- */

/* One counter: CR is the count register, CE the counting element; 0 is kept as `modulus`. */
struct counter {
	unsigned int mode, modulus, cr, ce;
	bool output, gate;
	bool written; /* a count, since the control word */
	bool load;    /* at the next pulse */
	bool trigger; /* the gate rose */
	bool counting;
	bool strobed; /* modes 4 and 5: once is enough */
	bool odd;     /* mode 3: one more pulse in the high half */
	bool null;
};

static struct counter counter;
static uint32_t edges; /* rising ones of its output, not yet compared */

static void set_output(bool output)
{
	edges += output && !counter.output;
	counter.output = output;
}

static void counter_control(unsigned int mode, bool bcd)
{
	unsigned int value = counter.ce % counter.modulus;

	counter.mode = mode;
	counter.modulus = bcd ? 10000 : 65536;
	counter.ce = value % counter.modulus;
	set_output(mode != 0);
	counter.written = counter.load = counter.trigger = counter.counting = false;
	counter.null = true;
}

static void counter_first_byte(void)
{
	if (counter.mode != 0)
		return;
	set_output(false);
	counter.written = counter.load = counter.counting = false;
	counter.null = true;
}

static void counter_count(unsigned int count)
{
	bool first = !counter.written || counter.load;

	counter.cr = count;
	counter.written = true;
	counter.null = true;
	if (counter.mode == 0)
		set_output(false);
	if (counter.mode == 0 || counter.mode == 4)
		counter.load = true;
	if ((counter.mode == 2 || counter.mode == 3) && first)
		counter.load = true;
}

static void counter_gate(bool gate)
{
	if (gate && !counter.gate && counter.written && counter.mode != 0 && counter.mode != 4)
		counter.trigger = true;
	if (!gate && (counter.mode == 2 || counter.mode == 3))
		set_output(true); /* a trigger stays: it is edge-sensitive */
	counter.gate = gate;
}

static void counter_load(void)
{
	counter.ce = counter.mode == 3 ? counter.cr & ~1u : counter.cr;
	counter.odd = counter.cr & 1;
	counter.load = counter.trigger = counter.strobed = counter.null = false;
	counter.counting = true;
	if (counter.mode != 0)
		set_output(counter.mode != 1);
}

static void count_down(unsigned int by)
{
	counter.ce = (counter.ce + counter.modulus - by) % counter.modulus;
}

/* Mode 3: the end of a half brings the count register's value in. */
static void pulse_square_wave(void)
{
	if (counter.output && counter.odd && counter.ce != 0) {
		counter.ce -= 2;
		return;
	}
	if (!(counter.output && counter.odd)) {
		counter.ce -= 2;
		if (counter.ce)
			return;
	}
	set_output(!counter.output);
	counter.ce = counter.cr & ~1u;
	counter.odd = counter.cr & 1;
	counter.null = false;
}

static void pulse_rate_generator(void)
{
	if (counter.ce == 1) {
		counter.ce = counter.cr;
		counter.null = false;
	} else {
		counter.ce--;
	}
	set_output(counter.ce != 1);
}

static void pulse_strobe(void)
{
	count_down(1);
	set_output(counter.ce != 0 || counter.strobed);
	if (!counter.ce)
		counter.strobed = true;
}

static void pulse(void)
{
	bool needs_gate = counter.mode != 1 && counter.mode != 5;

	if (counter.load || counter.trigger) {
		counter_load();
		return;
	}
	if (!counter.counting || (needs_gate && !counter.gate))
		return;
	switch (counter.mode) {
	case 0:
	case 1:
		count_down(1);
		if (!counter.ce)
			set_output(true);
		break;
	case 2: pulse_rate_generator(); break;
	case 3: pulse_square_wave(); break;
	default: pulse_strobe(); break;
	}
}

/* --- both ------------------------------------------------------------------------------------- */

static struct pit pit;
static unsigned int channel;
static uint64_t tick;
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % limit;
}

static uint64_t now(void)
{
	return (2 * tick + 1) * 44000 / 105;
}

static void out(uint16_t port, uint8_t value)
{
	pit_write(&pit, port, value, now());
}

static unsigned int from_bcd(unsigned int value)
{
	return (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 +
	       (value & 15);
}

static unsigned int to_bcd(unsigned int value)
{
	return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
}

/* Latches status and count and compares both. */
static void compare(void)
{
	uint8_t status;
	unsigned int count;

	out(COMMAND, (uint8_t)(0xc0 | 2u << channel));
	status = pit_read(&pit, (uint16_t)(0x40 + channel), now());
	count = pit_read(&pit, (uint16_t)(0x40 + channel), now());
	count |= (unsigned int)pit_read(&pit, (uint16_t)(0x40 + channel), now()) << 8;
	if (counter.modulus == 10000)
		count = from_bcd(count);
	assert_int_equal(status >> 7, counter.output);
	assert_int_equal(status >> 6 & 1, counter.null);
	assert_int_equal(count, counter.ce % counter.modulus);
	if (channel == 0) {
		assert_int_equal(pit_edges(&pit, now()), edges);
		edges = 0;
	}
}

/* The next pulse; an edge of channel 0 must come when it was foretold, and at no other time. */
static void advance(void)
{
	bool before = counter.output, foretold;

	if (channel == 0) {
		assert_int_equal(pit_edges(&pit, now()), edges);
		edges = 0;
	}
	tick++;
	foretold = pit_next_edge(&pit) <= now();
	pulse();
	if (channel == 0)
		assert_int_equal(foretold, !before && counter.output);
}

static void write_count(void)
{
	unsigned int count = random_below(8) ? 2 + random_below(40) : 2 + random_below(9998);
	unsigned int written = counter.modulus == 10000 ? to_bcd(count) : count;

	out((uint16_t)(0x40 + channel), (uint8_t)written);
	counter_first_byte();
	for (unsigned int i = random_below(3) ? 0 : random_below(30); i; i--) {
		compare();
		advance();
	}
	out((uint16_t)(0x40 + channel), (uint8_t)(written >> 8));
	counter_count(count);
}

static void write_control(void)
{
	unsigned int mode = random_below(6), bcd = random_below(4) == 0;

	/* Counts beyond its digits are not for a decimal counter. */
	if (bcd && counter.ce % counter.modulus >= 10000)
		bcd = 0;
	out(COMMAND, (uint8_t)(channel << 6 | BOTH | mode << 1 | bcd));
	counter_control(mode, bcd);
}

static void operate(void)
{
	switch (random_below(5)) {
	case 0: write_control(); break;
	case 1:
		if (channel == 2) {
			counter_gate(!counter.gate);
			out(SPEAKER, counter.gate);
			break;
		}
		/* fall through */
	default: write_count(); break;
	}
}

static void run_sequence(unsigned int number)
{
	random_state = 0x9e3779b97f4a7c15 ^ number;
	channel = number & 1 ? 2 : 0;
	tick = 10;
	edges = 0;
	pit_initialise(&pit, 0);
	counter = (struct counter){.modulus = 65536, .gate = true};
	out(SPEAKER, 1);
	out(COMMAND, (uint8_t)(channel << 6 | BOTH | 4 << 1));
	counter_control(4, false);
	out((uint16_t)(0x40 + channel), 5);
	out((uint16_t)(0x40 + channel), 0);
	counter_count(5);
	tick++;
	pulse();
	/* Now both are in the same state. */
	pit_edges(&pit, now());
	edges = 0;
	for (unsigned int i = 0; i < OPERATIONS; i++) {
		for (unsigned int wait = random_below(4) ? random_below(60) : 0; wait; wait--) {
			advance();
			if (random_below(3))
				compare();
		}
		operate();
	}
}

static void both_do_the_same(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SEQUENCES; i++)
		run_sequence(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(both_do_the_same)};

	return cmocka_run_group_tests_name("pit_clocked", tests, NULL, NULL);
}
