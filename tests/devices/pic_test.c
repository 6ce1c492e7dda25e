/* SPDX-License-Identifier: BSD-2-Clause */

/* The interrupt controllers, as the 8259A's data sheet describes them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rom/devices/pic.h"

/* Command words, from the data sheet. */
#define END                 0x20
#define END_OF(line)        (0x60 | (line))
#define ROTATE_END          0xa0
#define ROTATE_END_OF(line) (0xe0 | (line))
#define SET_LOWEST(line)    (0xc0 | (line))
#define ROTATE_AUTO         0x80
#define ROTATE_AUTO_OFF     0x00
#define READ_REQUESTS       0x0a
#define READ_SERVICE        0x0b
#define POLL                0x0c
#define SPECIAL_MASK        0x68
#define SPECIAL_MASK_OFF    0x48

enum { FIRST = 0x20, FIRST_DATA = 0x21, SECOND = 0xa0, SECOND_DATA = 0xa1 };

static struct pic_pair pair;

static void out(uint16_t port, uint8_t value)
{
	pic_write(&pair, port, value);
}

static uint8_t in(uint16_t port)
{
	return pic_read(&pair, port);
}

/* Both as a PC has them: vectors 0x20 and 0x28, nothing masked; icw4 is the fourth word. */
static void setup_with(uint8_t icw1, uint8_t icw4)
{
	pic_initialise(&pair);
	for (unsigned int i = 0; i < 2; i++) {
		uint16_t port = i ? SECOND : FIRST;

		out(port, icw1);
		out(port + 1, i ? 0x28 : 0x20);
		out(port + 1, i ? 2 : 4);
		out(port + 1, icw4);
	}
}

static int setup(void **state)
{
	(void)state;
	setup_with(0x11, 0x01);
	return 0;
}

static void raise_line(unsigned int line)
{
	pic_set_line(&pair, line, true);
}

static void lower_line(unsigned int line)
{
	pic_set_line(&pair, line, false);
}

static uint8_t requests(uint16_t port)
{
	out(port, READ_REQUESTS);
	return in(port);
}

static uint8_t in_service(uint16_t port)
{
	out(port, READ_SERVICE);
	return in(port);
}

#define expect_vector(vector)                                                                      \
	do {                                                                                       \
		assert_true(pic_pending(&pair));                                                   \
		assert_int_equal(pic_acknowledge(&pair), vector);                                  \
	} while (0)

static void nothing_is_pending_at_first(void **state)
{
	(void)state;
	assert_false(pic_pending(&pair));
	assert_int_equal(in(FIRST_DATA), 0);
	assert_int_equal(requests(FIRST), 0);
	assert_int_equal(in_service(FIRST), 0);
}

static void a_masked_machine_after_power_on(void **state)
{
	(void)state;
	pic_initialise(&pair);
	for (unsigned int line = 0; line < PIC_LINES; line++)
		raise_line(line);
	assert_false(pic_pending(&pair));
	assert_int_equal(in(FIRST_DATA), 0xff);
	assert_int_equal(in(SECOND_DATA), 0xff);
}

static void vectors_and_order_after_power_on(void **state)
{
	(void)state;
	pic_initialise(&pair);
	out(FIRST_DATA, 0);
	out(SECOND_DATA, 0);
	for (unsigned int line = 0; line < PIC_LINES; line++)
		raise_line(line);
	expect_vector(0x08);
	out(FIRST, END);
	expect_vector(0x09);
	out(FIRST, END);
	expect_vector(0x70);
	assert_int_equal(in_service(FIRST), 0x04);
}

static void each_line_has_its_vector(void **state)
{
	(void)state;
	for (unsigned int line = 0; line < PIC_LINES; line++) {
		if (line == 2)
			continue;
		setup(NULL);
		raise_line(line);
		expect_vector(0x20 + line);
		assert_false(pic_pending(&pair));
		assert_int_equal(in_service(FIRST), line < 8 ? 1 << line : 4);
		assert_int_equal(in_service(SECOND), line < 8 ? 0 : 1 << (line - 8));
	}
}

static void vectors_take_five_bits(void **state)
{
	(void)state;
	out(FIRST, 0x11);
	out(FIRST_DATA, 0x37); /* the low three bits are the line's */
	out(FIRST_DATA, 4);
	out(FIRST_DATA, 1);
	raise_line(1);
	expect_vector(0x31);
}

static void an_edge_interrupts_once(void **state)
{
	(void)state;
	raise_line(3);
	assert_int_equal(requests(FIRST), 8);
	expect_vector(0x23);
	assert_int_equal(requests(FIRST), 0);
	out(FIRST, END);
	assert_false(pic_pending(&pair)); /* still high */
	raise_line(3);
	assert_false(pic_pending(&pair));
	lower_line(3);
	raise_line(3);
	expect_vector(0x23);
}

static void a_second_edge_waits_while_in_service(void **state)
{
	(void)state;
	raise_line(3);
	expect_vector(0x23);
	pic_pulse(&pair, 3);
	assert_int_equal(requests(FIRST), 8);
	assert_false(pic_pending(&pair));
	out(FIRST, END);
	expect_vector(0x23);
}

static void a_level_interrupts_until_it_falls(void **state)
{
	(void)state;
	out(0x4d0, 1 << 5);
	out(0x4d1, 1 << 2);
	raise_line(5);
	expect_vector(0x25);
	assert_int_equal(requests(FIRST), 1 << 5);
	assert_false(pic_pending(&pair));
	out(FIRST, END);
	expect_vector(0x25);
	lower_line(5);
	out(FIRST, END);
	assert_false(pic_pending(&pair));
	raise_line(10);
	expect_vector(0x2a);
	out(SECOND, END);
	out(FIRST, END);
	expect_vector(0x2a);
}

static void level_triggering_of_a_whole_chip(void **state)
{
	(void)state;
	setup_with(0x19, 0x01); /* LTIM */
	raise_line(1);
	expect_vector(0x21);
	out(FIRST, END);
	expect_vector(0x21);
	lower_line(1);
	out(FIRST, END);
	assert_false(pic_pending(&pair));
}

static void some_lines_are_always_edge_triggered(void **state)
{
	(void)state;
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	assert_int_equal(in(0x4d0), 0xf8);
	assert_int_equal(in(0x4d1), 0xde);
	raise_line(0);
	expect_vector(0x20);
	out(FIRST, END);
	assert_false(pic_pending(&pair));
}

static void priority_is_by_number(void **state)
{
	static const uint8_t order[] = {0, 1, 8, 9, 10, 11, 12, 13, 14, 15, 3, 4, 5, 6, 7};

	(void)state;
	for (unsigned int line = 0; line < PIC_LINES; line++)
		raise_line(line);
	for (unsigned int i = 0; i < sizeof(order); i++) {
		expect_vector(0x20 + order[i]);
		if (order[i] >= 8)
			out(SECOND, END);
		out(FIRST, END);
	}
	assert_false(pic_pending(&pair));
}

static void only_higher_ones_interrupt_service(void **state)
{
	(void)state;
	raise_line(4);
	expect_vector(0x24);
	raise_line(5);
	assert_false(pic_pending(&pair));
	raise_line(1);
	expect_vector(0x21);
	assert_int_equal(in_service(FIRST), 0x12);
	out(FIRST, END); /* the higher one, 1 */
	assert_int_equal(in_service(FIRST), 0x10);
	assert_false(pic_pending(&pair));
	out(FIRST, END);
	expect_vector(0x25);
}

static void the_specific_end_names_its_line(void **state)
{
	(void)state;
	raise_line(4);
	expect_vector(0x24);
	raise_line(1);
	expect_vector(0x21);
	out(FIRST, END_OF(4));
	assert_int_equal(in_service(FIRST), 0x02);
	raise_line(5);
	assert_false(pic_pending(&pair)); /* 4 is not the lowest now, nor 5 the highest */
	raise_line(0);
	expect_vector(0x20);
	out(FIRST, END_OF(0));
	out(FIRST, END_OF(3)); /* is not in service */
	assert_int_equal(in_service(FIRST), 0x02);
	out(FIRST, END_OF(1));
	assert_int_equal(in_service(FIRST), 0);
}

static void the_mask_holds_back_and_keeps(void **state)
{
	(void)state;
	out(FIRST_DATA, 0x08);
	assert_int_equal(in(FIRST_DATA), 0x08);
	assert_false(pic_enabled(&pair, 3));
	assert_true(pic_enabled(&pair, 4));
	raise_line(3);
	assert_int_equal(requests(FIRST), 0x08);
	assert_true(pic_requested(&pair, 3));
	assert_false(pic_pending(&pair));
	out(FIRST_DATA, 0);
	expect_vector(0x23);
	assert_false(pic_requested(&pair, 3));
}

static void the_cascade_can_be_masked(void **state)
{
	(void)state;
	assert_true(pic_enabled(&pair, 8));
	out(SECOND_DATA, 0x01);
	assert_false(pic_enabled(&pair, 8));
	raise_line(8);
	assert_true(pic_requested(&pair, 8));
	lower_line(8);
	out(SECOND_DATA, 0);
	raise_line(9);
	assert_int_equal(requests(FIRST), 0x04);
	assert_int_equal(requests(SECOND), 0x02);
	out(FIRST_DATA, 0x04);
	assert_false(pic_pending(&pair));
	assert_false(pic_enabled(&pair, 9));
	out(FIRST_DATA, 0);
	out(SECOND_DATA, 0x02);
	assert_false(pic_pending(&pair));
	assert_false(pic_enabled(&pair, 9));
	out(SECOND_DATA, 0);
	assert_true(pic_enabled(&pair, 9));
	expect_vector(0x29);
}

static void lines_of_the_second_wait_for_both_ends(void **state)
{
	(void)state;
	raise_line(9);
	expect_vector(0x29);
	raise_line(8); /* higher on the second, but line 2 of the first is in service */
	assert_false(pic_pending(&pair));
	raise_line(3);
	assert_false(pic_pending(&pair));
	raise_line(0);
	expect_vector(0x20);
	out(FIRST, END);
	out(SECOND, END);
	out(FIRST, END);
	expect_vector(0x28);
}

static void special_fully_nested_mode(void **state)
{
	(void)state;
	setup_with(0x11, 0x11);
	raise_line(9);
	expect_vector(0x29);
	raise_line(10);
	assert_false(pic_pending(&pair)); /* lower on the second */
	raise_line(3);
	assert_false(pic_pending(&pair)); /* lower on the first */
	raise_line(8);
	expect_vector(0x28);
	assert_int_equal(in_service(SECOND), 0x03);
	out(SECOND, END);
	assert_int_equal(in_service(SECOND), 0x02);
	out(SECOND, END);
	out(FIRST, END);
	expect_vector(0x2a);
}

static void a_withdrawn_request_is_spurious(void **state)
{
	(void)state;
	raise_line(3);
	assert_true(pic_pending(&pair));
	lower_line(3);
	assert_int_equal(requests(FIRST), 0);
	assert_false(pic_pending(&pair));
	assert_int_equal(pic_acknowledge(&pair), 0x27);
	assert_int_equal(in_service(FIRST), 0); /* a real one would be 0x80 */
}

static void a_withdrawn_request_of_the_second(void **state)
{
	(void)state;
	raise_line(11);
	assert_true(pic_pending(&pair));
	lower_line(11);
	assert_int_equal(requests(FIRST), 0);
	assert_int_equal(pic_acknowledge(&pair), 0x27);
	assert_int_equal(in_service(FIRST), 0);
	assert_int_equal(in_service(SECOND), 0);
}

static void automatic_end(void **state)
{
	(void)state;
	setup_with(0x11, 0x03);
	raise_line(3);
	expect_vector(0x23);
	assert_int_equal(in_service(FIRST), 0);
	raise_line(5);
	expect_vector(0x25);
	raise_line(12);
	expect_vector(0x2c);
	assert_int_equal(in_service(SECOND), 0);
}

static void rotation_at_the_end(void **state)
{
	(void)state;
	raise_line(3);
	raise_line(5);
	expect_vector(0x23);
	out(FIRST, ROTATE_END); /* 3 is lowest now, 4 highest */
	pic_pulse(&pair, 3);
	raise_line(0);
	expect_vector(0x25);
	out(FIRST, END);
	expect_vector(0x20);
	out(FIRST, END);
	expect_vector(0x23);
}

static void rotation_at_a_specific_end(void **state)
{
	(void)state;
	raise_line(3);
	raise_line(1);
	expect_vector(0x21);
	out(FIRST, ROTATE_END_OF(1)); /* 1 is lowest, 2 highest */
	assert_int_equal(in_service(FIRST), 0);
	pic_pulse(&pair, 1);
	raise_line(0);
	expect_vector(0x23);
	out(FIRST, END);
	expect_vector(0x20);
	out(FIRST, END);
	expect_vector(0x21);
}

static void priority_can_be_set(void **state)
{
	(void)state;
	out(FIRST, SET_LOWEST(4));
	raise_line(4);
	raise_line(5);
	raise_line(0);
	expect_vector(0x25);
	out(FIRST, END);
	expect_vector(0x20);
	raise_line(7);
	expect_vector(0x27); /* higher than 0 in this order */
	out(FIRST, END);     /* 7: the highest in service */
	assert_int_equal(in_service(FIRST), 0x01);
	out(FIRST, END);
	expect_vector(0x24);
}

static void rotation_at_automatic_ends(void **state)
{
	(void)state;
	setup_with(0x11, 0x03);
	out(FIRST, ROTATE_AUTO);
	raise_line(3);
	expect_vector(0x23);
	pic_pulse(&pair, 3);
	raise_line(6);
	expect_vector(0x26);
	out(FIRST, ROTATE_AUTO_OFF);
	expect_vector(0x23); /* 6 is lowest, and stays */
	pic_pulse(&pair, 3);
	raise_line(5);
	expect_vector(0x23);
	expect_vector(0x25);
}

static void special_mask_mode(void **state)
{
	(void)state;
	raise_line(3);
	expect_vector(0x23);
	raise_line(6);
	assert_false(pic_pending(&pair));
	out(FIRST, SPECIAL_MASK);
	assert_false(pic_pending(&pair)); /* 3 holds off until it is masked */
	out(FIRST_DATA, 0x08);
	expect_vector(0x26);
	/* An unspecific end does not end what is masked. */
	out(FIRST, END);
	assert_int_equal(in_service(FIRST), 0x08);
	out(FIRST, END);
	assert_int_equal(in_service(FIRST), 0x08);
	out(FIRST, SPECIAL_MASK_OFF);
	pic_pulse(&pair, 6);
	assert_false(pic_pending(&pair));
	out(FIRST, END);
	assert_int_equal(in_service(FIRST), 0);
	expect_vector(0x26);
}

static void polling(void **state)
{
	(void)state;
	out(FIRST, POLL);
	assert_int_equal(in(FIRST)&0x80, 0);
	raise_line(5);
	raise_line(3);
	out(FIRST, POLL);
	assert_int_equal(in(FIRST), 0x83);
	/* One read only; then the register chosen before, which is the requests. */
	assert_int_equal(in(FIRST), 0x20);
	assert_int_equal(in_service(FIRST), 0x08);
	out(FIRST, POLL);
	assert_int_equal(in(FIRST)&0x80, 0); /* 5 is lower */
	out(FIRST, END);
	out(FIRST, POLL);
	assert_int_equal(in(FIRST_DATA), 0x85); /* a read is a read */
	raise_line(9);
	out(SECOND, POLL);
	assert_int_equal(in(SECOND), 0x81);
	assert_int_equal(in_service(SECOND), 0x02);
}

static void the_register_read_is_remembered(void **state)
{
	(void)state;
	raise_line(3);
	expect_vector(0x23);
	raise_line(6);
	out(FIRST, READ_SERVICE);
	assert_int_equal(in(FIRST), 0x08);
	assert_int_equal(in(FIRST), 0x08);
	out(FIRST, SPECIAL_MASK); /* does not choose */
	assert_int_equal(in(FIRST), 0x08);
	out(FIRST, READ_REQUESTS);
	assert_int_equal(in(FIRST), 0x40);
	assert_int_equal(in(FIRST), 0x40);
}

static void initialisation_forgets(void **state)
{
	(void)state;
	out(FIRST, SET_LOWEST(3));
	out(FIRST, SPECIAL_MASK);
	out(FIRST, READ_SERVICE);
	out(FIRST_DATA, 0x55);
	raise_line(1);
	raise_line(3);
	expect_vector(0x21);
	out(FIRST, 0x11);
	out(FIRST_DATA, 0x40);
	out(FIRST_DATA, 4);
	out(FIRST_DATA, 1);
	assert_int_equal(in(FIRST_DATA), 0);
	assert_false(pic_pending(&pair)); /* edges before it do not count */
	assert_int_equal(in(FIRST), 0);   /* the requests, not the service */
	assert_int_equal(in_service(FIRST), 0);
	pic_pulse(&pair, 7);
	pic_pulse(&pair, 0);
	expect_vector(0x40); /* 0 is highest again */
}

/* The four words once more, with icw4 as the last. */
static void initialise_first(uint8_t icw4)
{
	out(FIRST, 0x11);
	out(FIRST_DATA, 0x20);
	out(FIRST_DATA, 4);
	out(FIRST_DATA, icw4);
}

static void initialisation_ends_modes(void **state)
{
	(void)state;
	out(FIRST, SPECIAL_MASK);
	initialise_first(1);
	raise_line(3);
	expect_vector(0x23);
	raise_line(6);
	out(FIRST_DATA, 0x08);
	assert_false(pic_pending(&pair)); /* no special mask mode */

	out(FIRST, READ_SERVICE);
	initialise_first(1);
	pic_pulse(&pair, 1);
	assert_int_equal(in(FIRST), 0x02);

	out(FIRST, POLL);
	initialise_first(1);
	pic_pulse(&pair, 1);
	assert_int_equal(in(FIRST), 0x02);

	initialise_first(3);
	out(FIRST, ROTATE_AUTO);
	initialise_first(3);
	pic_pulse(&pair, 1);
	expect_vector(0x21);
	pic_pulse(&pair, 1);
	pic_pulse(&pair, 4);
	expect_vector(0x21); /* not rotated */

	initialise_first(0x11);
	initialise_first(0x01);
	raise_line(9);
	expect_vector(0x29);
	raise_line(8);
	assert_false(pic_pending(&pair)); /* not special fully nested */
}

static void initialisation_without_icw4_ends_its_modes(void **state)
{
	(void)state;
	initialise_first(0x11);
	out(FIRST, 0x10);
	out(FIRST_DATA, 0x20);
	out(FIRST_DATA, 4);
	raise_line(9);
	expect_vector(0x29);
	raise_line(8);
	assert_false(pic_pending(&pair)); /* special fully nested it is not */
}

static void initialisation_in_three_words(void **state)
{
	(void)state;
	setup_with(0x11, 0x03);
	out(FIRST, 0x10); /* no ICW4: all of its functions are off */
	out(FIRST_DATA, 0x30);
	out(FIRST_DATA, 4);
	out(FIRST_DATA, 0xf0); /* a mask already */
	assert_int_equal(in(FIRST_DATA), 0xf0);
	raise_line(1);
	expect_vector(0x31);
	assert_int_equal(in_service(FIRST), 0x02);
}

static void initialisation_of_a_single_one(void **state)
{
	(void)state;
	out(FIRST, 0x13); /* no ICW3 */
	out(FIRST_DATA, 0x30);
	out(FIRST_DATA, 1);
	out(FIRST_DATA, 0xf0);
	assert_int_equal(in(FIRST_DATA), 0xf0);
	raise_line(9); /* the first's own vector: nobody is asked for another */
	out(FIRST_DATA, 0);
	expect_vector(0x32);
	assert_int_equal(in_service(SECOND), 0);
}

static void a_line_without_a_second_behind_it(void **state)
{
	(void)state;
	out(FIRST, 0x11);
	out(FIRST_DATA, 0x30);
	out(FIRST_DATA, 0); /* ICW3: no cascade */
	out(FIRST_DATA, 1);
	raise_line(9);
	expect_vector(0x32);
	assert_int_equal(in_service(SECOND), 0);
}

static void lines_beyond_the_pair_are_ignored(void **state)
{
	(void)state;
	raise_line(2);
	raise_line(16);
	raise_line(1000);
	assert_false(pic_pending(&pair));
	assert_false(pic_enabled(&pair, 16));
	assert_false(pic_requested(&pair, 16));
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(nothing_is_pending_at_first),
	    T(a_masked_machine_after_power_on),
	    T(vectors_and_order_after_power_on),
	    T(each_line_has_its_vector),
	    T(vectors_take_five_bits),
	    T(an_edge_interrupts_once),
	    T(a_second_edge_waits_while_in_service),
	    T(a_level_interrupts_until_it_falls),
	    T(level_triggering_of_a_whole_chip),
	    T(some_lines_are_always_edge_triggered),
	    T(priority_is_by_number),
	    T(only_higher_ones_interrupt_service),
	    T(the_specific_end_names_its_line),
	    T(the_mask_holds_back_and_keeps),
	    T(the_cascade_can_be_masked),
	    T(lines_of_the_second_wait_for_both_ends),
	    T(special_fully_nested_mode),
	    T(a_withdrawn_request_is_spurious),
	    T(a_withdrawn_request_of_the_second),
	    T(automatic_end),
	    T(rotation_at_the_end),
	    T(rotation_at_a_specific_end),
	    T(priority_can_be_set),
	    T(rotation_at_automatic_ends),
	    T(special_mask_mode),
	    T(polling),
	    T(the_register_read_is_remembered),
	    T(initialisation_forgets),
	    T(initialisation_ends_modes),
	    T(initialisation_without_icw4_ends_its_modes),
	    T(initialisation_in_three_words),
	    T(initialisation_of_a_single_one),
	    T(a_line_without_a_second_behind_it),
	    T(lines_beyond_the_pair_are_ignored),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
