/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The decoder against decode_cases.h, and what holds for any bytes: no read beyond the buffer, no
 * instruction that becomes another one by what follows it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "disasm/decode.h"
#include "tests/unit/decode_cases.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_BYTES    32

/* A page that may be read, before one that may not. */
static uint8_t *guard;

static int set_up_guard(void **state)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *pages =
	    mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
		return -1;
	guard = pages + page;
	return 0;
}

/* Decodes a copy of the bytes that ends where reading faults. */
static enum decode_status decode(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                 struct instruction *instruction)
{
	memcpy(guard - size, bytes, size);
	return decode_instruction(guard - size, size, mode, instruction);
}

static enum disasm_mode mode_of(int bits)
{
	return bits == 16 ? DISASM_MODE_16 : bits == 32 ? DISASM_MODE_32 : DISASM_MODE_64;
}

static size_t parse(const char *text, uint8_t *bytes)
{
	size_t count = 0;

	while (*text) {
		char *end;

		assert_true(count < MAX_BYTES);
		bytes[count++] = strtoul(text, &end, 16);
		assert_ptr_not_equal(end, text);
		text = end;
	}
	return count;
}

static enum decode_status decode_text(const char *text, int bits, struct instruction *instruction)
{
	uint8_t bytes[MAX_BYTES] = {0};
	size_t size = parse(text, bytes);

	return decode(bytes, size, mode_of(bits), instruction);
}

/* The notation of decode_cases.h. */
static void describe(enum decode_status status, const struct instruction *instruction, char *text,
                     size_t size)
{
	static const char *const statuses[] = {"", "truncated", "undefined", "too long"};
	static const char *const encodings[] = {"", "3dnow-", "vex-", "evex-", "xop-"};
	static const char *const flows[] = {"",        " jump",          " conditional",
	                                    " call",   " indirect-jump", " indirect-call",
	                                    " return", " interrupt",     " stop"};
	char modrm[16] = "", displacement[16] = "", immediate[16] = "";

	if (status != DECODE_OK) {
		snprintf(text, size, "%s", statuses[status]);
		return;
	}
	if (instruction->has_modrm)
		snprintf(modrm, sizeof(modrm), " modrm@%d", instruction->modrm_offset);
	if (instruction->displacement_size)
		snprintf(displacement, sizeof(displacement), " d%d@%d",
		         instruction->displacement_size, instruction->displacement_offset);
	if (instruction->immediate_size)
		snprintf(immediate, sizeof(immediate), " i%d@%d", instruction->immediate_size,
		         instruction->immediate_offset);
	snprintf(text, size, "%d %s%d:%02x%s%s%s%s o%d a%d%s", instruction->length,
	         encodings[instruction->encoding], instruction->map, instruction->opcode, modrm,
	         instruction->has_sib ? " sib" : "", displacement, immediate,
	         instruction->operand_size, instruction->address_size, flows[instruction->flow]);
}

static void test_cases(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(decode_cases); i++) {
		const struct decode_case *test = &decode_cases[i];
		struct instruction instruction;
		char text[128];

		describe(decode_text(test->bytes, test->bits, &instruction), &instruction, text,
		         sizeof(text));
		if (strcmp(text, test->expected)) {
			print_error("%d-bit %s: is '%s', not '%s'\n", test->bits, test->bytes, text,
			            test->expected);
			failures++;
		}
	}
	assert_int_equal(failures, 0);
}

/* Cut at any byte, an instruction is truncated, and bytes that are none do not become one. */
static void test_cut_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decode_cases); i++) {
		const struct decode_case *test = &decode_cases[i];
		enum disasm_mode mode = mode_of(test->bits);
		struct instruction whole, cut;
		uint8_t bytes[MAX_BYTES] = {0};
		size_t size = parse(test->bytes, bytes);
		enum decode_status status = decode(bytes, size, mode, &whole);
		size_t length = status == DECODE_OK ? whole.length : size;

		for (size_t left = 0; left < length; left++) {
			enum decode_status now = decode(bytes, left, mode, &cut);

			if (status == DECODE_OK || status == DECODE_TRUNCATED)
				assert_int_equal(now, DECODE_TRUNCATED);
			else
				assert_int_not_equal(now, DECODE_OK);
		}
	}
}

static uint64_t random_state;

/* xorshift64 (G. Marsaglia, Xorshift RNGs, 2003). */
static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Random bytes, often after prefixes and escapes. */
static void random_bytes(uint8_t *bytes, size_t size)
{
	static const uint8_t likely[] = {0x0f, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x64,
	                                 0x48, 0xc4, 0xc5, 0x62, 0x8f, 0x38, 0x3a, 0x0f};
	unsigned count = random64() % 5;

	for (size_t i = 0; i < size; i++)
		bytes[i] = i < count ? likely[random64() % COUNT(likely)] : random64();
}

static void test_random_bytes(void **state)
{
	(void)state;
	random_state = 0x706f737462757266;
	for (unsigned i = 0; i < 500000; i++) {
		struct instruction instruction, again;
		enum disasm_mode mode = i % 3;
		enum decode_status status;
		uint8_t bytes[20];

		random_bytes(bytes, sizeof(bytes));
		status = decode(bytes, sizeof(bytes), mode, &instruction);
		assert_int_not_equal(status, DECODE_TRUNCATED);
		if (status != DECODE_OK)
			continue;
		assert_in_range(instruction.length, 1, INSTRUCTION_MAX_LENGTH);
		/* Its own bytes suffice, one less does not. */
		assert_int_equal(decode(bytes, instruction.length, mode, &again), DECODE_OK);
		assert_memory_equal(&again, &instruction, sizeof(again));
		assert_int_equal(decode(bytes, instruction.length - 1, mode, &again),
		                 DECODE_TRUNCATED);
	}
}

static void test_branch_targets(void **state)
{
	static const struct {
		int bits;
		const char *bytes;
		uint64_t address;
		uint64_t target;
	} cases[] = {
	    {32, "eb fe", 0xc1000000, 0xc1000000},
	    {32, "eb 7f", 0xc1000000, 0xc1000081},
	    {32, "75 80", 0xc1000000, 0xc0ffff82},
	    {32, "e8 fb ff ff ff", 0xc1000000, 0xc1000000},
	    {32, "e9 00 00 00 40", 0xc1000000, 0x01000005},
	    {32, "0f 84 00 01 00 00", 0xc1000000, 0xc1000106},
	    {32, "2e 74 10", 0xc1000000, 0xc1000013},
	    /* A 16-bit operand size truncates EIP (SDM vol. 2, JMP). */
	    {32, "66 e8 00 00", 0xc1001000, 0x1004},
	    {32, "66 eb 00", 0xc1001000, 0x1003},
	    {32, "c7 f8 10 00 00 00", 0xc1000000, 0xc1000016},
	    /* But not with XBEGIN. */
	    {32, "66 c7 f8 10 00", 0xc1000000, 0xc1000015},
	    {32, "67 e3 10", 0xc1000000, 0xc1000013},
	    {16, "e9 fd ff", 0x100, 0x100},
	    {16, "e9 00 80", 0x9000, 0x1003},
	    {16, "66 e9 00 00 01 00", 0x100, 0x10106},
	    {64, "e8 fb ff ff ff", 0xffffffff81000000, 0xffffffff81000000},
	    {64, "66 e8 00 00 00 00", 0xffffffff81000000, 0xffffffff81000006},
	    {64, "eb fe", 0xffffffff81000000, 0xffffffff81000000},
	    {64, "e9 00 00 00 80", 0x1000, 0xffffffff80001005},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct instruction instruction;
		uint8_t bytes[MAX_BYTES] = {0};
		size_t size = parse(cases[i].bytes, bytes);

		assert_int_equal(decode(bytes, size, mode_of(cases[i].bits), &instruction),
		                 DECODE_OK);
		assert_true(instruction_is_direct_branch(&instruction));
		assert_int_equal(
		    instruction_branch_target(&instruction, guard - size, cases[i].address),
		    cases[i].target);
	}
}

/* What decode_cases.h has no letters for. */
static void test_prefix_fields(void **state)
{
	struct instruction instruction;

	(void)state;
	decode_text("2e f0 65 67 66 01 00", 32, &instruction);
	assert_int_equal(instruction.prefixes, PREFIX_CS | PREFIX_LOCK | PREFIX_GS |
	                                           PREFIX_ADDRESS_SIZE | PREFIX_OPERAND_SIZE);
	assert_int_equal(instruction.segment, 0x65);
	assert_int_equal(instruction.mandatory_prefix, 1);
	decode_text("65 3e 90", 32, &instruction);
	assert_int_equal(instruction.segment, 0x3e);
	decode_text("65 3e 90", 64, &instruction);
	assert_int_equal(instruction.segment, 0x65);
	decode_text("f3 66 f2 90", 32, &instruction);
	assert_int_equal(instruction.mandatory_prefix, 3);
	decode_text("f2 66 f3 90", 32, &instruction);
	assert_int_equal(instruction.mandatory_prefix, 2);
	decode_text("4d 8b 40 08", 64, &instruction);
	assert_int_equal(instruction.rex, 0x4d);
	assert_int_equal(instruction.prefixes, PREFIX_REX);
	assert_int_equal(instruction.wide, 1);
	assert_int_equal(instruction.modrm, 0x40);
	decode_text("4d 66 8b 40 08", 64, &instruction);
	assert_int_equal(instruction.rex, 0);
	assert_int_equal(instruction.prefixes, PREFIX_OPERAND_SIZE);
	assert_int_equal(instruction.wide, 0);
}

static void test_vector_fields(void **state)
{
	struct instruction instruction;

	(void)state;
	decode_text("c4 e3 fd 00 c1 01", 32, &instruction);
	assert_int_equal(instruction.vector_length, 1);
	assert_int_equal(instruction.vector_pp, 1);
	assert_int_equal(instruction.wide, 1);
	assert_int_equal(instruction.opcode_offset, 3);
	decode_text("c5 fb 10 00", 32, &instruction);
	assert_int_equal(instruction.vector_length, 0);
	assert_int_equal(instruction.vector_pp, 3);
	assert_int_equal(instruction.mandatory_prefix, 3);
	decode_text("62 f1 fe 48 6f 04 24", 32, &instruction);
	assert_int_equal(instruction.vector_length, 2);
	assert_int_equal(instruction.vector_pp, 2);
	assert_int_equal(instruction.wide, 1);
	assert_int_equal(instruction.sib, 0x24);
	assert_int_equal(instruction.opcode_offset, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),         cmocka_unit_test(test_cut_cases),
	    cmocka_unit_test(test_random_bytes),  cmocka_unit_test(test_branch_targets),
	    cmocka_unit_test(test_prefix_fields), cmocka_unit_test(test_vector_fields),
	};

	return cmocka_run_group_tests(tests, set_up_guard, NULL);
}
