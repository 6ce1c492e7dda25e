/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The timer, as the 8254's data sheet describes it. Times are in ticks of its clock: `go(n)` goes
 * to the middle of the n-th tick. What is written in tick n is loaded with the clock pulse that
 * begins tick n + 1.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rom/devices/pit.h"

enum { COMMAND = 0x43, SPEAKER = 0x61 };
#define LATCH(channel)             ((channel) << 6)
#define BOTH                       0x30
#define LOW                        0x10
#define HIGH                       0x20
#define MODE(mode)                 ((mode) << 1)
#define BCD                        1
#define READ_BACK_STATUS(channels) (0xe0 | (channels))
#define READ_BACK_COUNT(channels)  (0xd0 | (channels))
#define READ_BACK_BOTH(channels)   (0xc0 | (channels))
#define CHANNEL0                   0x02
#define CHANNEL1                   0x04
#define CHANNEL2                   0x08

static struct pit pit;
static uint64_t now;

/* 14.31818 MHz / 12 is 105/88 MHz: a tick is 88,000/105 ns. */
static uint64_t middle_of(uint64_t tick)
{
	return (2 * tick + 1) * 44000 / 105;
}

static void go(uint64_t tick)
{
	now = middle_of(tick);
}

static void out(uint16_t port, uint8_t value)
{
	pit_write(&pit, port, value, now);
}

static uint8_t in(uint16_t port)
{
	return pit_read(&pit, port, now);
}

static void write_count(unsigned int channel, uint16_t count)
{
	out(0x40 + channel, (uint8_t)count);
	out(0x40 + channel, (uint8_t)(count >> 8));
}

/* Control word for low and high byte, and the count. */
static void program(unsigned int channel, unsigned int mode, uint16_t count)
{
	out(COMMAND, (uint8_t)(LATCH(channel) | BOTH | MODE(mode)));
	write_count(channel, count);
}

static uint16_t read_both(unsigned int channel)
{
	uint16_t low = in(0x40 + channel);

	return (uint16_t)(low | in(0x40 + channel) << 8);
}

static uint16_t latched(unsigned int channel)
{
	out(COMMAND, LATCH(channel));
	return read_both(channel);
}

static uint8_t status(unsigned int channel)
{
	out(COMMAND, READ_BACK_STATUS(2 << channel));
	return in(0x40 + channel);
}

static bool output(unsigned int channel)
{
	return status(channel) & 0x80;
}

static void gate2(bool high)
{
	out(SPEAKER, high);
}

static uint32_t edges(void)
{
	return pit_edges(&pit, now);
}

/* Channel 0's next edge is in this tick: not yet in its middle's past, and gone by in it. */
static void expect_next_edge(uint64_t tick)
{
	uint64_t next = pit_next_edge(&pit);

	assert_true(next > middle_of(tick - 1));
	assert_true(next <= middle_of(tick));
}

static int setup(void **state)
{
	(void)state;
	pit_initialise(&pit, 0);
	go(10);
	gate2(true);
	return 0;
}

static void bios_default(void **state)
{
	(void)state;
	/* Mode 3, 65,536 counts: 18.2 Hz. */
	assert_int_equal(status(0) & 0x3f, BOTH | MODE(3));
	expect_next_edge(65536);
	go(65535);
	assert_int_equal(edges(), 0);
	go(65536);
	assert_int_equal(edges(), 1);
	assert_int_equal(edges(), 0);
	go(1193182);
	assert_int_equal(edges(), 17);
}

static void after_power_on(void **state)
{
	(void)state;
	pit_initialise(&pit, 0);
	assert_int_equal(status(1) & 0x7f, BOTH | MODE(2));
	assert_int_equal(status(2), 0x80 | BOTH | MODE(3)); /* its gate is low */
	assert_int_equal(in(SPEAKER)&0x0f, 0);
	go(100);
	assert_int_equal(latched(1), 18 - 100 % 18);
	assert_int_equal(latched(2), 0); /* 65,536, and stays there */
	go(40000);
	assert_int_equal(in(SPEAKER)&0x20, 0x20);
}

static void a_second_has_1193181_ticks(void **state)
{
	(void)state;
	program(0, 2, 2);
	go(11);
	edges();
	now += 1000000000;
	assert_in_range(edges(), 1193181 / 2, 1193182 / 2);
	/* And a day has 86,400 times 105/88 million. */
	program(0, 2, 1000);
	edges();
	now += UINT64_C(86400) * 1000000000;
	assert_in_range(edges(), 103090909, 103090910);
	/* A year at the highest rate is more than can be told. */
	program(0, 2, 2);
	now += UINT64_C(31536000) * 1000000000;
	assert_int_equal(edges(), UINT32_MAX);
	assert_int_equal(edges(), 0);
}

/* --- mode 0: interrupt on terminal count ------------------------------------------------------ */

static void mode0_rises_after_n_plus_one(void **state)
{
	(void)state;
	program(0, 0, 4);
	edges();
	assert_false(output(0));
	for (unsigned int i = 1; i <= 4; i++) {
		go(10 + i);
		assert_int_equal(latched(0), 5 - i);
		assert_false(output(0));
		assert_int_equal(edges(), 0);
		expect_next_edge(15);
	}
	go(15); /* N + 1 clock pulses after the count was written */
	assert_true(output(0));
	assert_int_equal(latched(0), 0);
	assert_int_equal(edges(), 1);
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER);
	go(16); /* the counter goes on and wraps */
	assert_int_equal(latched(0), 0xffff);
	assert_true(output(0));
	go(70000);
	assert_int_equal(latched(0), 65536 - (70000 - 15 - 65536));
	assert_int_equal(edges(), 0);
}

static void mode0_control_word_lowers_the_output(void **state)
{
	(void)state;
	assert_true(output(0));
	out(COMMAND, BOTH | MODE(0));
	assert_false(output(0));
	assert_true(pit_low(&pit, now));
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER);
	go(1000000);
	assert_false(output(0));
	assert_int_equal(edges(), 0);
}

static void mode0_first_byte_stops(void **state)
{
	(void)state;
	program(0, 0, 100);
	go(60);
	out(0x40, 200);
	assert_false(output(0));
	go(300);
	assert_int_equal(latched(0), 51); /* where it was when the first byte came */
	assert_false(output(0));
	out(0x40, 0);
	expect_next_edge(300 + 201);
	go(300 + 200);
	assert_false(output(0));
	go(300 + 201);
	assert_true(output(0));
}

static void mode0_new_count_begins_again(void **state)
{
	(void)state;
	out(COMMAND, LOW | MODE(0));
	out(0x40, 100);
	go(120); /* is high since 111 */
	assert_true(output(0));
	assert_int_equal(edges(), 1);
	out(0x40, 10);
	assert_false(output(0));
	assert_true(pit_low(&pit, now));
	go(131);
	assert_true(output(0));
	assert_int_equal(edges(), 1);
}

static void mode0_gate_stops_counting(void **state)
{
	(void)state;
	program(2, 0, 10);
	go(14);
	assert_int_equal(latched(2), 7);
	gate2(false);
	go(30);
	assert_int_equal(latched(2), 7);
	assert_false(output(2));
	gate2(true);
	go(36);
	assert_int_equal(latched(2), 1);
	assert_false(output(2));
	go(37);
	assert_true(output(2));
}

static void mode0_count_written_while_gate_is_low(void **state)
{
	(void)state;
	gate2(false);
	program(2, 0, 4);
	go(11);
	assert_int_equal(status(2) & 0x40, 0); /* it is loaded all the same */
	go(50);
	assert_int_equal(latched(2), 4);
	gate2(true);
	go(53);
	assert_false(output(2));
	go(54); /* N pulses: the load is long done */
	assert_true(output(2));
}

static void mode0_largest_count(void **state)
{
	(void)state;
	program(0, 0, 0);
	go(10 + 65536);
	edges();
	assert_false(output(0));
	go(10 + 65537);
	assert_true(output(0));
	assert_int_equal(edges(), 1);
}

/* --- mode 1: one-shot ------------------------------------------------------------------------- */

static void mode1_waits_for_the_gate(void **state)
{
	(void)state;
	gate2(false);
	program(2, 1, 5);
	assert_true(output(2));
	go(100);
	assert_true(output(2));
	assert_int_equal(status(2) & 0x40, 0x40); /* not in the counter yet */
	gate2(true);
	assert_true(output(2));
	go(101); /* low from the pulse after the trigger, N pulses long */
	assert_false(output(2));
	assert_int_equal(latched(2), 5);
	assert_int_equal(status(2) & 0x40, 0);
	go(105);
	assert_false(output(2));
	gate2(false); /* does nothing */
	go(106);
	assert_true(output(2));
}

static void mode1_can_be_triggered_again(void **state)
{
	(void)state;
	gate2(false);
	program(2, 1, 5);
	gate2(true);
	go(13);
	gate2(false);
	gate2(true); /* from the start */
	go(18);
	assert_false(output(2));
	go(19);
	assert_true(output(2));
}

static void mode1_new_count_counts_from_the_next_trigger(void **state)
{
	(void)state;
	gate2(false);
	program(2, 1, 5);
	gate2(true);
	go(12);
	write_count(2, 3);
	go(15);
	assert_false(output(2));
	go(16);
	assert_true(output(2));
	gate2(false);
	gate2(true);
	go(19);
	assert_false(output(2));
	go(20);
	assert_true(output(2));
}

static void mode1_never_happens_on_channel_0(void **state)
{
	(void)state;
	program(0, 1, 5);
	edges();
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER);
	go(10000000);
	assert_int_equal(edges(), 0);
	assert_true(output(0));
}

/* --- mode 2: rate generator ------------------------------------------------------------------- */

static void mode2_is_low_in_the_last_tick(void **state)
{
	static const uint16_t counts[] = {4, 3, 2, 1, 4, 3, 2, 1, 4};

	(void)state;
	program(0, 2, 4);
	edges();
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		go(11 + i);
		assert_int_equal(latched(0), counts[i]);
		assert_int_equal(output(0), counts[i] != 1);
		assert_int_equal(edges(), i && counts[i] == 4);
		expect_next_edge(11 + i / 4 * 4 + 4);
	}
	go(11 + 4000);
	assert_int_equal(edges(), 1000 - 2);
}

static void mode2_new_count_waits_for_the_period(void **state)
{
	(void)state;
	program(0, 2, 10); /* periods begin at 11, 21, 31 */
	go(24);
	edges();
	write_count(0, 4);
	assert_int_equal(status(0) & 0x40, 0x40);
	assert_int_equal(latched(0), 7);
	expect_next_edge(31);
	go(30);
	assert_int_equal(latched(0), 1);
	assert_int_equal(edges(), 0);
	go(31);
	assert_int_equal(latched(0), 4);
	assert_int_equal(status(0) & 0x40, 0);
	assert_int_equal(edges(), 1);
	expect_next_edge(35);
	go(43);
	assert_int_equal(edges(), 3);
}

static void mode2_new_count_over_a_long_sleep(void **state)
{
	(void)state;
	program(0, 2, 10);
	go(24);
	edges();
	write_count(0, 4);
	go(1031); /* 31, then every 4 */
	assert_int_equal(edges(), 1 + 250);
	expect_next_edge(1035);
}

static void mode2_new_count_is_seen_ahead(void **state)
{
	(void)state;
	program(0, 2, 10);
	go(24);
	write_count(0, 20);
	go(32);
	edges();
	expect_next_edge(51);
}

static void mode2_new_count_of_another_channel(void **state)
{
	(void)state;
	program(2, 2, 10);
	go(24);
	write_count(2, 40);
	go(35); /* 31 to 70: no command comes between */
	assert_int_equal(read_both(2), 36);
	go(90);
	assert_int_equal(read_both(2), 21);
}

static void a_control_word_forgets_a_new_count(void **state)
{
	(void)state;
	program(0, 2, 10);
	go(24);
	write_count(0, 40);
	program(0, 2, 20);
	go(26);
	assert_int_equal(status(0) & 0x40, 0);
	edges();
	expect_next_edge(45);
	go(60);
	edges();
	expect_next_edge(65);
}

static void mode2_two_new_counts_in_a_period(void **state)
{
	(void)state;
	program(0, 2, 10);
	go(24);
	write_count(0, 4);
	write_count(0, 6);
	go(31);
	edges();
	expect_next_edge(37);
}

static void mode2_gate_starts_it_again(void **state)
{
	(void)state;
	program(2, 2, 10);
	go(20);
	assert_false(output(2));
	gate2(false); /* high at once */
	assert_true(output(2));
	go(55);
	assert_int_equal(latched(2), 1);
	gate2(true);
	go(56);
	assert_int_equal(latched(2), 10);
	go(64);
	assert_true(output(2));
	go(65);
	assert_false(output(2));
}

static void mode2_of_largest_count(void **state)
{
	(void)state;
	program(0, 2, 0);
	edges();
	go(11);
	assert_int_equal(latched(0), 0); /* 65,536 */
	go(12);
	assert_int_equal(latched(0), 0xffff);
	expect_next_edge(11 + 65536);
}

static void mode2_control_word_raises_the_output(void **state)
{
	(void)state;
	out(COMMAND, BOTH | MODE(0));
	edges();
	assert_false(output(0));
	out(COMMAND, BOTH | MODE(2)); /* a rising edge, as real ones have */
	assert_true(output(0));
	assert_int_equal(pit_next_edge(&pit), 0);
	assert_int_equal(edges(), 1);
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER); /* no count yet */
}

static void mode2_of_one_is_not_allowed(void **state)
{
	(void)state;
	program(0, 2, 1);
	edges();
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER);
	go(1000);
	assert_int_equal(edges(), 0);
	assert_true(output(0));
	program(0, 3, 1);
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER);
	go(2000);
	assert_int_equal(edges(), 0);
}

/* --- mode 3: square wave ---------------------------------------------------------------------- */

static void mode3_of_even_counts(void **state)
{
	static const uint16_t counts[] = {4, 2, 4, 2, 4, 2, 4, 2};
	static const bool levels[] = {true, true, false, false, true, true, false, false};

	(void)state;
	program(0, 3, 4);
	edges();
	for (unsigned int i = 0; i < 8; i++) {
		go(11 + i);
		assert_int_equal(latched(0), counts[i]);
		assert_int_equal(output(0), levels[i]);
		assert_int_equal(edges(), i == 4);
	}
}

static void mode3_of_odd_counts(void **state)
{
	static const uint16_t counts[] = {4, 2, 0, 4, 2, 4, 2, 0, 4, 2};
	static const bool levels[] = {true, true, true, false, false,
	                              true, true, true, false, false};

	(void)state;
	program(0, 3, 5);
	edges();
	for (unsigned int i = 0; i < 10; i++) {
		go(11 + i);
		assert_int_equal(latched(0), counts[i]);
		assert_int_equal(output(0), levels[i]);
		assert_int_equal(edges(), i == 5);
	}
	go(11 + 5000);
	assert_int_equal(edges(), 1000 - 1);
}

static void mode3_new_count_in_the_high_half(void **state)
{
	(void)state;
	program(0, 3, 20); /* high 11 to 20, low 21 to 30 */
	go(15);
	edges();
	write_count(0, 8); /* from 21 on: low 21 to 24, high from 25 */
	go(20);
	assert_true(output(0));
	expect_next_edge(25);
	go(21);
	assert_false(output(0));
	assert_int_equal(latched(0), 8);
	go(24);
	assert_false(output(0));
	assert_int_equal(edges(), 0);
	go(25);
	assert_true(output(0));
	assert_int_equal(edges(), 1);
	expect_next_edge(33);
}

static void mode3_new_count_in_the_low_half(void **state)
{
	(void)state;
	program(0, 3, 20);
	go(25);
	edges();
	write_count(0, 8); /* from 31 on */
	go(30);
	assert_false(output(0));
	go(31);
	assert_true(output(0));
	assert_int_equal(latched(0), 8);
	assert_int_equal(edges(), 1);
	expect_next_edge(39);
}

static void mode3_gate(void **state)
{
	(void)state;
	program(2, 3, 20);
	go(25);
	assert_false(output(2));
	gate2(false);
	assert_true(output(2));
	go(100);
	gate2(true);
	go(110);
	assert_true(output(2));
	go(111);
	assert_false(output(2));
}

/* --- modes 4 and 5: strobes ------------------------------------------------------------------- */

static void mode4_strobes_once(void **state)
{
	(void)state;
	program(0, 4, 4);
	edges();
	expect_next_edge(16);
	go(14);
	assert_int_equal(latched(0), 1);
	assert_true(output(0));
	go(15); /* N + 1 pulses after the count */
	assert_false(output(0));
	assert_int_equal(latched(0), 0);
	assert_int_equal(edges(), 0);
	assert_false(pit_low(&pit, now));
	go(16);
	assert_true(output(0));
	assert_int_equal(latched(0), 0xffff);
	assert_int_equal(edges(), 1);
	go(1000000);
	assert_int_equal(edges(), 0);
	assert_int_equal(pit_next_edge(&pit), PIT_NEVER);
}

static void mode4_new_count_begins_again(void **state)
{
	(void)state;
	program(0, 4, 100);
	go(60);
	edges();
	out(0x40, 10); /* the first byte does nothing */
	assert_int_equal(latched(0), 51);
	go(61);
	assert_int_equal(latched(0), 50);
	out(0x40, 0);
	expect_next_edge(61 + 12);
	go(61 + 12);
	assert_int_equal(edges(), 1);
}

static void mode4_gate_stops_counting(void **state)
{
	(void)state;
	program(2, 4, 10);
	go(15);
	gate2(false);
	go(50);
	assert_int_equal(latched(2), 6);
	gate2(true);
	go(56);
	assert_false(output(2));
	go(57);
	assert_true(output(2));
}

static void mode5_is_triggered_by_the_gate(void **state)
{
	(void)state;
	gate2(false);
	program(2, 5, 4);
	go(50);
	assert_true(output(2));
	gate2(true);
	go(52);
	gate2(false); /* does nothing */
	go(54);
	assert_true(output(2));
	go(55); /* N + 1 pulses after the trigger */
	assert_false(output(2));
	go(56);
	assert_true(output(2));
}

/* --- reading and writing ---------------------------------------------------------------------- */

static void a_latched_count_stays(void **state)
{
	(void)state;
	program(0, 2, 1000);
	go(111);
	out(COMMAND, LATCH(0));
	go(311);
	out(COMMAND, LATCH(0)); /* ignored: the first is not read yet */
	assert_int_equal(read_both(0), 900);
	assert_int_equal(read_both(0), 700); /* of now */
	out(COMMAND, LATCH(0));
	assert_int_equal(in(0x40), 700 & 0xff);
	go(411);
	assert_int_equal(in(0x40), 700 >> 8);
}

static void bytes_in_turn(void **state)
{
	(void)state;
	program(0, 2, 0x1234);
	go(11);
	assert_int_equal(in(0x40), 0x34);
	assert_int_equal(in(0x40), 0x12);
	assert_int_equal(in(0x40), 0x34);
	out(COMMAND, BOTH | MODE(2)); /* begins with the low byte again */
	write_count(0, 0x5678);
	go(12);
	assert_int_equal(in(0x40), 0x78);
}

static void low_or_high_byte_alone(void **state)
{
	(void)state;
	out(COMMAND, LOW | MODE(2));
	out(0x40, 0x12);
	go(11);
	assert_int_equal(in(0x40), 0x12);
	assert_int_equal(in(0x40), 0x12);
	go(11 + 0x12);
	assert_int_equal(in(0x40), 0x12);
	out(COMMAND, HIGH | MODE(2));
	out(0x40, 0x12); /* 0x1200 */
	go(12 + 0x12);
	assert_int_equal(in(0x40), 0x12);
	go(13 + 0x12);
	assert_int_equal(in(0x40), 0x11);
	out(COMMAND, LATCH(0));
	go(14 + 0x12 + 0x200);
	assert_int_equal(in(0x40), 0x11);
	assert_int_equal(in(0x40), 0x0f);
	go(12 + 0x12 + 0x100);
	assert_int_equal(in(0x40), 0x11);
	go(13 + 0x12 + 0x100);
	assert_int_equal(in(0x40), 0x10); /* no latch is left over */
}

static void binary_coded_decimal(void **state)
{
	(void)state;
	out(COMMAND, BOTH | MODE(2) | BCD);
	write_count(0, 0x1000);
	edges();
	go(11);
	assert_int_equal(latched(0), 0x1000);
	go(12);
	assert_int_equal(latched(0), 0x0999);
	expect_next_edge(1011);
	out(COMMAND, BOTH | MODE(0) | BCD);
	write_count(0, 0); /* 10,000 */
	go(13);
	assert_int_equal(latched(0), 0);
	go(14);
	assert_int_equal(latched(0), 0x9999);
	expect_next_edge(12 + 10001);
	go(14 + 10000);
	assert_int_equal(latched(0), 0x9999);
}

static void the_null_count_bit(void **state)
{
	(void)state;
	/* Linux's boot loops while it is set (arch/x86/lib/kaslr.c). */
	assert_int_equal(status(0) & 0x40, 0);
	out(COMMAND, BOTH | MODE(2));
	assert_int_equal(status(0) & 0x40, 0x40);
	go(1000);
	assert_int_equal(status(0) & 0x40, 0x40);
	write_count(0, 100);
	assert_int_equal(status(0) & 0x40, 0x40);
	go(1001);
	assert_int_equal(status(0) & 0x40, 0);
}

static void status_has_the_control_word(void **state)
{
	(void)state;
	out(COMMAND, HIGH | MODE(7) | BCD); /* modes 6 and 7 are 2 and 3 */
	out(0x40, 1);
	go(11);
	assert_int_equal(status(0), 0x80 | HIGH | MODE(7) | BCD);
	assert_int_equal(in(0x40), 1);
	out(COMMAND, BOTH | MODE(6));
	write_count(0, 4);
	go(15);
	assert_int_equal(status(0), BOTH | MODE(6)); /* low in its last tick */
}

static void read_back_of_several(void **state)
{
	(void)state;
	program(0, 2, 1000);
	program(2, 0, 500);
	go(111);
	out(COMMAND, READ_BACK_BOTH(CHANNEL0 | CHANNEL2));
	go(200);
	out(COMMAND, READ_BACK_BOTH(CHANNEL0 | CHANNEL2)); /* ignored */
	assert_int_equal(in(0x40), 0x80 | BOTH | MODE(2));
	assert_int_equal(read_both(0), 900);
	assert_int_equal(in(0x42), BOTH | MODE(0));
	assert_int_equal(read_both(2), 400);
	out(COMMAND, READ_BACK_COUNT(CHANNEL0));
	go(300);
	assert_int_equal(read_both(0), 1000 - 189);
	assert_int_equal(read_both(2), 500 - 289);
}

static void the_control_port_is_write_only(void **state)
{
	(void)state;
	assert_int_equal(in(COMMAND), 0xff);
}

/* --- port 0x61 -------------------------------------------------------------------------------- */

static void speaker_port(void **state)
{
	bool seen[2] = {false, false};

	(void)state;
	out(SPEAKER, 0xff);
	assert_int_equal(in(SPEAKER)&0x0f, 0x0f);
	assert_int_equal(in(SPEAKER)&0xc0, 0);
	out(SPEAKER, 0);
	assert_int_equal(in(SPEAKER)&0x0f, 0);
	out(SPEAKER, 0x0e);
	for (unsigned int i = 0; i < 100; i++) { /* refresh toggles every 15 us */
		go(100 + i);
		seen[in(SPEAKER) >> 4 & 1] = true;
		assert_int_equal(in(SPEAKER)&0x2f, 0x2e);
	}
	assert_true(seen[0] && seen[1]);
}

/* Linux 6.1 arch/x86/kernel/tsc.c, pit_calibrate_tsc(): 10 ms in mode 0, waits for bit 5. */
static void calibration_by_output(void **state)
{
	uint64_t start;

	(void)state;
	out(SPEAKER, (in(SPEAKER) & ~2) | 1);
	out(COMMAND, 0xb0);
	out(0x42, 11932 & 0xff);
	out(0x42, 11932 >> 8);
	start = now;
	while (!(in(SPEAKER)&0x20))
		now += 500;
	assert_in_range(now - start, 10000000, 10002000);
}

/* quick_pit_calibrate(): the high byte falls by one every 256 ticks. */
static void calibration_by_high_byte(void **state)
{
	uint8_t expected = 0xff;

	(void)state;
	out(SPEAKER, (in(SPEAKER) & ~2) | 1);
	out(COMMAND, 0xb0);
	out(0x42, 0xff);
	out(0x42, 0xff);
	in(0x42);
	in(0x42);
	for (uint64_t tick = 11; tick < 11 + 50 * 256; tick += 32) {
		uint8_t high;

		go(tick);
		in(0x42);
		high = in(0x42);
		assert_true(high == expected || high == expected - 1);
		expected = high;
	}
	assert_int_equal(expected, 0xff - 49);
}

/* Linux's one-shot clock event: mode 4 on channel 0, a count for each event. */
static void one_shot_events(void **state)
{
	(void)state;
	out(COMMAND, 0x38);
	edges();
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t start = 20 + i * 10000;

		go(start);
		write_count(0, 5000);
		expect_next_edge(start + 5002);
		go(start + 5002);
		assert_int_equal(edges(), 1);
	}
}

static void late_times_do_no_harm(void **state)
{
	(void)state;
	program(0, 2, 0);
	now = UINT64_MAX - 1;
	edges();
	assert_true(pit_next_edge(&pit) <= PIT_NEVER);
	in(0x40);
	now = 0; /* and a clock that goes back is no disaster */
	assert_int_equal(edges(), 0);
	in(0x40);
	out(0x40, 1);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(bios_default),
	    T(after_power_on),
	    T(a_second_has_1193181_ticks),
	    T(mode0_rises_after_n_plus_one),
	    T(mode0_control_word_lowers_the_output),
	    T(mode0_first_byte_stops),
	    T(mode0_new_count_begins_again),
	    T(mode0_gate_stops_counting),
	    T(mode0_count_written_while_gate_is_low),
	    T(mode0_largest_count),
	    T(mode1_waits_for_the_gate),
	    T(mode1_can_be_triggered_again),
	    T(mode1_new_count_counts_from_the_next_trigger),
	    T(mode1_never_happens_on_channel_0),
	    T(mode2_is_low_in_the_last_tick),
	    T(mode2_new_count_waits_for_the_period),
	    T(mode2_new_count_over_a_long_sleep),
	    T(mode2_new_count_is_seen_ahead),
	    T(mode2_new_count_of_another_channel),
	    T(a_control_word_forgets_a_new_count),
	    T(mode2_two_new_counts_in_a_period),
	    T(mode2_gate_starts_it_again),
	    T(mode2_of_largest_count),
	    T(mode2_control_word_raises_the_output),
	    T(mode2_of_one_is_not_allowed),
	    T(mode3_of_even_counts),
	    T(mode3_of_odd_counts),
	    T(mode3_new_count_in_the_high_half),
	    T(mode3_new_count_in_the_low_half),
	    T(mode3_gate),
	    T(mode4_strobes_once),
	    T(mode4_new_count_begins_again),
	    T(mode4_gate_stops_counting),
	    T(mode5_is_triggered_by_the_gate),
	    T(a_latched_count_stays),
	    T(bytes_in_turn),
	    T(low_or_high_byte_alone),
	    T(binary_coded_decimal),
	    T(the_null_count_bit),
	    T(status_has_the_control_word),
	    T(read_back_of_several),
	    T(the_control_port_is_write_only),
	    T(speaker_port),
	    T(calibration_by_output),
	    T(calibration_by_high_byte),
	    T(one_shot_events),
	    T(late_times_do_no_harm),
	};

	return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
