/* SPDX-License-Identifier: BSD-2-Clause */

/* What ends a look ahead, and what it finds; tests/equivalence/liveness_test runs such code. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/liveness.h"

enum { EAX = 1 << 0, ECX = 1 << 1, EDX = 1 << 2, ESP = 1 << 4 };

#define ADDRESS UINT32_C(0xc0100000)

/* What is live before code, a string with its length. */
#define LIVE(code) live_before((const uint8_t *)(code), sizeof(code) - 1, NULL, 0)

struct stop {
	uint32_t address;
};

static bool stops_at(const void *context, uint32_t address)
{
	const struct stop *stop = context;

	return stop->address == address;
}

static uint32_t live_before(const uint8_t *bytes, size_t size, const struct stop *stop,
                            uint32_t offset)
{
	const struct liveness_code code = {.bytes = bytes,
	                                   .size = size,
	                                   .address = ADDRESS,
	                                   .stops = stop ? stops_at : NULL,
	                                   .context = stop};

	return liveness_before(&code, ADDRESS + offset);
}

static void what_is_written_is_dead(void **state)
{
	(void)state;
	/* xor %eax, %eax; hlt */
	assert_int_equal(LIVE("\x31\xc0\xf4"), LIVENESS_ALL & ~(EAX | LIVENESS_FLAGS));
	/* mov $1, %ecx; mov (%eax), %edx; hlt */
	assert_int_equal(LIVE("\xb9\x01\0\0\0\x8b\x10\xf4"), LIVENESS_ALL & ~(ECX | EDX));
	/* mov $1, %cl; hlt: the rest of ECX stays */
	assert_int_equal(LIVE("\xb1\x01\xf4"), LIVENESS_ALL);
}

static void what_is_read_first_is_live(void **state)
{
	(void)state;
	/* mov %eax, %ecx; xor %eax, %eax; hlt */
	assert_int_equal(LIVE("\x89\xc1\x31\xc0\xf4"), LIVENESS_ALL & ~(ECX | LIVENESS_FLAGS));
	/* adc $0, %eax; cmp %eax, %ecx; hlt: carry is read */
	assert_int_equal(LIVE("\x83\xd0\x00\x39\xc1\xf4"), LIVENESS_ALL);
	/* inc %eax; jmp .: carry is not written */
	assert_int_equal(LIVE("\x40\xf4"), LIVENESS_ALL);
	assert_true(LIVE("\x31\xe4\xf4") & ESP);
}

static void nothing_is_assumed_of_calls_and_returns(void **state)
{
	(void)state;
	assert_int_equal(LIVE("\xe8\0\0\0\0\x31\xc0"), LIVENESS_ALL);
	assert_int_equal(LIVE("\xc3"), LIVENESS_ALL);
	assert_int_equal(LIVE("\xff\xe0"), LIVENESS_ALL);
	assert_int_equal(LIVE("\xfa\x31\xc0"), LIVENESS_ALL);         /* cli, a site */
	assert_int_equal(LIVE("\x0f\x58\xc0\x31\xc0"), LIVENESS_ALL); /* addps, unknown */
	assert_int_equal(LIVE("\x31"), LIVENESS_ALL);
	assert_int_equal(LIVE(""), LIVENESS_ALL);
	assert_int_equal(live_before((const uint8_t *)"\x31\xc0", 2, NULL, 2), LIVENESS_ALL);
	assert_int_equal(live_before((const uint8_t *)"\x31\xc0", 2, NULL, UINT32_MAX),
	                 LIVENESS_ALL);
}

static void both_ways_of_a_condition_count(void **state)
{
	(void)state;
	/* test %eax, %eax; je 1f; mov $1, %ecx; hlt; 1: mov $2, %ecx; hlt */
	assert_int_equal(LIVE("\x85\xc0\x74\x06\xb9\x01\0\0\0\xf4\xb9\x02\0\0\0\xf4"),
	                 LIVENESS_ALL & ~(ECX | LIVENESS_FLAGS));
	/* the same, but one way has mov $2, %edx */
	assert_int_equal(LIVE("\x85\xc0\x74\x06\xb9\x01\0\0\0\xf4\xba\x02\0\0\0\xf4"),
	                 LIVENESS_ALL & ~LIVENESS_FLAGS);
	/* jbe reads flags before test overwrites them */
	assert_true(LIVE("\x76\x00\x85\xc0\xf4") & LIVENESS_FLAGS);
	/* jmp 1f; hlt; 1: xor %eax, %eax; hlt */
	assert_int_equal(LIVE("\xeb\x01\xf4\x31\xc0\xf4"), LIVENESS_ALL & ~(EAX | LIVENESS_FLAGS));
	/* loop reads and writes ECX: not followed */
	assert_int_equal(LIVE("\xe2\x00\x31\xc0\xf4"), LIVENESS_ALL);
}

static void stops_are_honoured(void **state)
{
	static const uint8_t code[] = {0x90, 0x31, 0xc0, 0xf4};
	const struct stop first = {ADDRESS}, second = {ADDRESS + 1}, none = {0};

	(void)state;
	assert_int_equal(live_before(code, sizeof(code), &first, 0), LIVENESS_ALL);
	assert_int_equal(live_before(code, sizeof(code), &second, 0), LIVENESS_ALL);
	assert_int_equal(live_before(code, sizeof(code), &none, 0),
	                 LIVENESS_ALL & ~(EAX | LIVENESS_FLAGS));
}

static void loops_end(void **state)
{
	uint8_t nops[LIVENESS_MAX_INSTRUCTIONS + 2];

	(void)state;
	assert_int_equal(LIVE("\xeb\xfe"), LIVENESS_ALL);
	assert_int_equal(LIVE("\x74\xfe\xeb\xfc"), LIVENESS_ALL);
	memset(nops, 0x90, sizeof(nops));
	nops[LIVENESS_MAX_INSTRUCTIONS] = 0x31;
	nops[LIVENESS_MAX_INSTRUCTIONS + 1] = 0xc0;
	assert_int_equal(live_before(nops, sizeof(nops), NULL, 0), LIVENESS_ALL);
	assert_int_equal(live_before(nops, sizeof(nops), NULL, 1),
	                 LIVENESS_ALL & ~(EAX | LIVENESS_FLAGS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_dead),
	    cmocka_unit_test(what_is_read_first_is_live),
	    cmocka_unit_test(nothing_is_assumed_of_calls_and_returns),
	    cmocka_unit_test(both_ways_of_a_condition_count),
	    cmocka_unit_test(stops_are_honoured),
	    cmocka_unit_test(loops_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
