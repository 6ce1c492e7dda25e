/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The sweep against small sections written out, and against a naive sweep, an instruction at a
 * time: over every entry of its tables, and over random bytes.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/sweep.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ADDRESS      0xc1000000u

/* --- the naive sweep -------------------------------------------------------------------------- */

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	assert_non_null(memory);
	return memory;
}

static void set_bit(uint64_t *bitmap, size_t bit)
{
	bitmap[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static void naive_range(struct sweep_result *result, size_t offset, size_t size,
                        enum sweep_range_reason reason)
{
	struct sweep_range *last = result->ranges + result->range_count;

	if (result->range_count && reason == SWEEP_UNDEFINED && last[-1].reason == reason &&
	    last[-1].offset + last[-1].size == offset)
		last[-1].size += size;
	else
		result->ranges[result->range_count++] =
		    (struct sweep_range){.offset = offset, .size = size, .reason = reason};
}

/* The zero bytes at offset that are passed over: eight or more, a multiple of four unless they go
 * up to stop. */
static size_t naive_zeros(const struct sweep_input *input, size_t offset, size_t stop)
{
	size_t count = 0;

	while (offset + count < stop && !input->bytes[offset + count])
		count++;
	if (count < 8)
		return 0;
	return offset + count == stop ? count : count / 4 * 4;
}

static void naive_instruction(const struct sweep_input *input, struct sweep_result *result,
                              size_t offset, const struct instruction *instruction)
{
	const uint8_t *bytes = input->bytes + offset;
	uint16_t form = classify_instruction(instruction, bytes);

	set_bit(result->starts, offset);
	result->instruction_count++;
	if (form != SENSITIVE_FORM_NONE)
		result->sites[result->site_count++] = (struct sweep_site){
		    .offset = offset, .form = form, .length = instruction->length};
	if (instruction_is_direct_branch(instruction)) {
		uint64_t target =
		    instruction_branch_target(instruction, bytes, input->address + offset);

		if (target >= input->address && target < input->address + input->size)
			set_bit(result->targets, target - input->address);
		else
			result->outside_targets[result->outside_target_count++] = target;
	}
}

static int compare_offsets(const void *left, const void *right)
{
	const struct sweep_range *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Ranges of branches into instructions, in among the others. */
static void naive_overlaps(const struct sweep_input *input, struct sweep_result *result)
{
	size_t start = 0;
	size_t length = 0;

	for (size_t offset = 0; offset < input->size; offset++) {
		struct instruction instruction;

		if (bitmap_test(result->starts, offset)) {
			decode_instruction(input->bytes + offset, input->size - offset, input->mode,
			                   &instruction);
			start = offset;
			length = instruction.length;
		} else if (bitmap_test(result->targets, offset) && offset < start + length) {
			naive_range(result, offset, start + length - offset, SWEEP_OVERLAP);
		}
	}
	qsort(result->ranges, result->range_count, sizeof(*result->ranges), compare_offsets);
}

static void naive_sweep(const struct sweep_input *input, struct sweep_result *result)
{
	size_t known = 0;
	size_t offset = 0;

	result->starts = allocate(input->size / 64 + 1, 8);
	result->targets = allocate(input->size / 64 + 1, 8);
	result->sites = allocate(input->size, sizeof(*result->sites));
	result->ranges = allocate(2 * input->size, sizeof(*result->ranges));
	result->outside_targets = allocate(input->size, 8);
	while (offset < input->size) {
		size_t left = input->size - offset;
		struct instruction instruction;
		enum decode_status status;
		size_t stop, zeros;

		while (known < input->known_start_count && input->known_starts[known] <= offset)
			known++;
		stop = known < input->known_start_count ? input->known_starts[known] : input->size;
		zeros = naive_zeros(input, offset, stop);
		status = decode_instruction(input->bytes + offset, left, input->mode, &instruction);
		if (zeros) {
			naive_range(result, offset, zeros, SWEEP_ZEROS);
			offset += zeros;
		} else if (status == DECODE_TRUNCATED && stop == input->size) {
			naive_range(result, offset, left, SWEEP_TRUNCATED);
			offset = stop;
		} else if (status == DECODE_TRUNCATED ||
		           (status == DECODE_OK && offset + instruction.length > stop)) {
			naive_range(result, offset, stop - offset, SWEEP_CUT_SHORT);
			offset = stop;
		} else if (status != DECODE_OK) {
			naive_range(result, offset, 1, SWEEP_UNDEFINED);
			offset++;
		} else {
			naive_instruction(input, result, offset, &instruction);
			offset += instruction.length;
		}
	}
	naive_overlaps(input, result);
}

/* --- comparison ------------------------------------------------------------------------------- */

/* Prints the first byte whose bits differ, for whoever must find out why. */
static void assert_bitmaps_equal(const char *name, const struct sweep_input *input,
                                 const uint64_t *found, const uint64_t *expected)
{
	if (!memcmp(found, expected, (input->size / 64 + 1) * sizeof(*found)))
		return;
	for (size_t i = 0; i < input->size; i++) {
		if (bitmap_test(found, i) == bitmap_test(expected, i))
			continue;
		print_error("%s differ at offset %zu:", name, i);
		for (size_t j = i < 8 ? 0 : i - 8; j < i + 8 && j < input->size; j++)
			print_error("%s%02x", j == i ? " | " : " ", input->bytes[j]);
		print_error("\n");
		fail();
	}
}

static void assert_results_equal(const struct sweep_input *input, const struct sweep_result *found,
                                 const struct sweep_result *expected)
{
	assert_bitmaps_equal("starts", input, found->starts, expected->starts);
	assert_bitmaps_equal("targets", input, found->targets, expected->targets);
	assert_int_equal(found->instruction_count, expected->instruction_count);
	assert_int_equal(found->site_count, expected->site_count);
	for (size_t i = 0; i < found->site_count; i++) {
		assert_int_equal(found->sites[i].offset, expected->sites[i].offset);
		assert_int_equal(found->sites[i].form, expected->sites[i].form);
		assert_int_equal(found->sites[i].length, expected->sites[i].length);
	}
	assert_int_equal(found->range_count, expected->range_count);
	for (size_t i = 0; i < found->range_count; i++) {
		assert_int_equal(found->ranges[i].offset, expected->ranges[i].offset);
		assert_int_equal(found->ranges[i].size, expected->ranges[i].size);
		assert_int_equal(found->ranges[i].reason, expected->ranges[i].reason);
	}
	assert_int_equal(found->outside_target_count, expected->outside_target_count);
	for (size_t i = 0; i < found->outside_target_count; i++)
		assert_int_equal(found->outside_targets[i], expected->outside_targets[i]);
}

/* Sweeps a copy that ends where its memory does, so that a sanitizer sees a read beyond. */
static void compare_with_naive(const struct sweep_input *input)
{
	struct sweep_input copy = *input;
	uint8_t *bytes = malloc(input->size + !input->size);
	struct sweep_result found, expected = {0};

	assert_non_null(bytes);
	memcpy(bytes, input->bytes, input->size);
	copy.bytes = bytes;
	assert_true(sweep(&copy, &found));
	naive_sweep(&copy, &expected);
	assert_results_equal(&copy, &found, &expected);
	sweep_result_free(&found);
	sweep_result_free(&expected);
	free(bytes);
}

/* --- sections written out --------------------------------------------------------------------- */

#define MAX_SECTION 192

struct section_case {
	const char *name;
	int mode;
	const char *bytes;       /* hexadecimal; "N*XX" is N times XX */
	const char *starts;      /* offsets */
	const char *ranges;      /* "OFFSET+SIZE:REASON" */
	const char *targets;     /* offsets in the section */
	const char *outside;     /* addresses */
	const uint32_t known[4]; /* ended by 0 */
};

static const struct section_case section_cases[] = {
    {.name = "nothing", .mode = 32, .bytes = ""},
    {.name = "one byte", .mode = 32, .bytes = "90", .starts = "0"},
    {.name = "a few instructions",
     .mode = 32,
     .bytes = "55 89e5 83ec08 c9 c3",
     .starts = "0 1 3 6 7"},
    {.name = "branches",
     .mode = 32,
     .bytes = "eb00 7502 90 90 e8f5ffffff 0f84efffffff c3",
     .starts = "0 2 4 5 6 11 17",
     .targets = "0 2 6"},
    {.name = "branches that leave",
     .mode = 32,
     .bytes = "ebfc e900010000 c3",
     .starts = "0 2 7",
     .outside = "c0fffffe c1000107"},
    {.name = "a branch with a prefix",
     .mode = 32,
     .bytes = "3e7501 90 90 66e90000",
     .starts = "0 3 4 5",
     .targets = "4",
     .outside = "9"},
    {.name = "undefined bytes",
     .mode = 32,
     .bytes = "90 ffffff c0 90 90 0f04 90",
     .starts = "0 3 5 6 8",
     .ranges = "1+2:0 7+1:0"},
    {.name = "truncated", .mode = 32, .bytes = "90 b80102", .starts = "0", .ranges = "1+3:1"},
    {.name = "seven zeros are instructions",
     .mode = 32,
     .bytes = "90 7*00 c3",
     .starts = "0 1 3 5 7"},
    {.name = "eight zeros are none",
     .mode = 32,
     .bytes = "90 8*00 c3",
     .starts = "0 9",
     .ranges = "1+8:2"},
    {.name = "of eleven, eight are none",
     .mode = 32,
     .bytes = "90 11*00 c3",
     .starts = "0 9 11",
     .ranges = "1+8:2"},
    {.name = "at the end all are none",
     .mode = 32,
     .bytes = "90 11*00",
     .starts = "0",
     .ranges = "1+11:2"},
    {.name = "a known start cuts an instruction short",
     .mode = 32,
     .bytes = "90 b8 90 90 90 c3",
     .starts = "0 2 3 4 5",
     .ranges = "1+1:3",
     .known = {2}},
    {.name = "a known start cuts zeros",
     .mode = 32,
     .bytes = "10*00 12*00",
     .starts = "",
     .ranges = "0+10:2 10+12:2",
     .known = {10}},
    {.name = "few zeros before a known start",
     .mode = 32,
     .bytes = "90 3*00 12*00",
     .starts = "0 1",
     .ranges = "3+1:3 4+12:2",
     .known = {4}},
    {.name = "a known start after undefined bytes",
     .mode = 32,
     .bytes = "0f04b8 90 90 90 90",
     .starts = "1 3 4 5 6",
     .ranges = "0+1:0",
     .known = {3}},
    {.name = "a branch into an instruction",
     .mode = 32,
     .bytes = "eb01 b890909090 c3",
     .starts = "0 2 7",
     .targets = "3",
     .ranges = "3+4:4"},
    {.name = "a branch into undefined bytes",
     .mode = 32,
     .bytes = "eb00 ffff c3",
     .starts = "0 3",
     .targets = "2",
     .ranges = "2+1:0"},
    {.name = "16-bit mode",
     .mode = 16,
     .bytes = "b80100 e90000 66b801000000 c3",
     .starts = "0 3 6 12",
     .targets = "6"},
    {.name = "64-bit mode",
     .mode = 64,
     .bytes = "4889e5 e900000000 48b80102030405060708 74f4 c3",
     .starts = "0 3 8 18 20",
     .targets = "8"},
};

static size_t parse_bytes(const char *text, uint8_t *bytes)
{
	size_t size = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		const char *star = strchr(text, '*');
		unsigned long count = 1;
		char digits[3] = "";

		if (star && star < strpbrk(text, " *") + 1) {
			count = strtoul(text, NULL, 10);
			text = star + 1;
		}
		memcpy(digits, text, 2);
		assert_true(size + count <= MAX_SECTION);
		memset(bytes + size, (int)strtoul(digits, NULL, 16), count);
		size += count;
		text += 2;
	}
	return size;
}

/* Adds words with a space between them. */
static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	used += snprintf(text + used, size - used, "%s", used ? " " : "");
	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

static void describe_bitmap(const uint64_t *bitmap, size_t bits, char *text, size_t size)
{
	text[0] = 0;
	for (size_t i = 0; i < bits; i++)
		if (bitmap_test(bitmap, i))
			append(text, size, "%zu", i);
}

static void assert_text(const char *found, const char *expected)
{
	assert_string_equal(found, expected ? expected : "");
}

static void check_section(const struct section_case *test)
{
	uint8_t bytes[MAX_SECTION];
	struct sweep_input input = {
	    .bytes = bytes,
	    .size = parse_bytes(test->bytes, bytes),
	    .address = test->mode == 16 ? 0 : ADDRESS,
	    .mode = test->mode == 16   ? DISASM_MODE_16
	            : test->mode == 32 ? DISASM_MODE_32
	                               : DISASM_MODE_64,
	    .known_starts = test->known,
	};
	struct sweep_result result;
	char text[512];

	while (test->known[input.known_start_count])
		input.known_start_count++;
	assert_true(sweep(&input, &result));
	describe_bitmap(result.starts, input.size, text, sizeof(text));
	assert_text(text, test->starts);
	describe_bitmap(result.targets, input.size, text, sizeof(text));
	assert_text(text, test->targets);
	text[0] = 0;
	for (size_t i = 0; i < result.range_count; i++)
		append(text, sizeof(text), "%u+%u:%d", result.ranges[i].offset,
		       result.ranges[i].size, result.ranges[i].reason);
	assert_text(text, test->ranges);
	text[0] = 0;
	for (size_t i = 0; i < result.outside_target_count; i++)
		append(text, sizeof(text), "%llx", (unsigned long long)result.outside_targets[i]);
	assert_text(text, test->outside);
	sweep_result_free(&result);
	compare_with_naive(&input);
	/* With enough behind it for the tables to be used. */
	memset(bytes + input.size, 0x90, sizeof(bytes) - input.size);
	input.size = sizeof(bytes);
	compare_with_naive(&input);
}

static void test_sections(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(section_cases); i++) {
		print_message("# %s\n", section_cases[i].name);
		check_section(&section_cases[i]);
	}
}

static void test_sites(void **state)
{
	static const uint8_t bytes[] = {0x90, 0xfa, 0x0f, 0x20, 0xc0, 0x66, 0x9c, 0x9d, 0xfb, 0xc3};
	static const struct sweep_site expected[] = {
	    {.offset = 1, .length = 1}, {.offset = 2, .length = 3}, {.offset = 5, .length = 2},
	    {.offset = 7, .length = 1}, {.offset = 8, .length = 1},
	};
	static const char *const names[] = {"CLI", "MOV_CR0_READ", "PUSHFW", "POPF", "STI"};
	struct sweep_input input = {
	    .bytes = bytes, .size = sizeof(bytes), .address = ADDRESS, .mode = DISASM_MODE_32};
	struct sweep_result result;

	(void)state;
	assert_true(sweep(&input, &result));
	assert_int_equal(result.site_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(result.sites[i].offset, expected[i].offset);
		assert_int_equal(result.sites[i].length, expected[i].length);
		assert_string_equal(sensitive_forms[result.sites[i].form].name, names[i]);
	}
	sweep_result_free(&result);
}

static void test_too_large(void **state)
{
	struct sweep_input input = {.size = (size_t)UINT32_MAX - 63, .mode = DISASM_MODE_32};
	struct sweep_result result;

	(void)state;
	errno = 0;
	assert_false(sweep(&input, &result));
	assert_int_equal(errno, EFBIG);
	assert_null(result.starts);
	assert_int_equal(result.site_count, 0);
}

static void test_reason_names(void **state)
{
	(void)state;
	for (int i = SWEEP_UNDEFINED; i <= SWEEP_OVERLAP; i++)
		for (int j = SWEEP_UNDEFINED; j < i; j++)
			assert_string_not_equal(sweep_range_reason_name(i),
			                        sweep_range_reason_name(j));
}

/* --- every entry of the tables, random bytes -------------------------------------------------- */

static uint64_t random_state = 0x706f737462757266;

/* xorshift64 (G. Marsaglia, Xorshift RNGs, 2003). */
static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A known start in an instruction, wherever the sweep may pause: b8 five times is mov. */
static void test_known_starts_everywhere(void **state)
{
	enum { SIZE = 9000 };
	uint8_t bytes[SIZE];
	struct sweep_input input = {.bytes = bytes,
	                            .size = SIZE,
	                            .address = ADDRESS,
	                            .mode = DISASM_MODE_32,
	                            .known_start_count = 1};

	(void)state;
	memset(bytes, 0xb8, SIZE);
	for (uint32_t known = 1; known < SIZE; known++) {
		struct sweep_result result;

		input.known_starts = &known;
		assert_true(sweep(&input, &result));
		assert_int_equal(result.instruction_count, known / 5 + (SIZE - known) / 5);
		assert_int_equal(result.range_count, known % 5 ? 2 : 0);
		if (known % 5) {
			assert_int_equal(result.ranges[0].offset, known - known % 5);
			assert_int_equal(result.ranges[0].size, known % 5);
			assert_int_equal(result.ranges[0].reason, SWEEP_CUT_SHORT);
			assert_int_equal(result.ranges[1].reason, SWEEP_TRUNCATED);
		}
		sweep_result_free(&result);
	}
}

#define SLOT 20 /* bytes for an instruction, what follows it included */

/* A section with every pair of bytes, after a prefix sequence, at a known start of its own. */
static void check_all_pairs(enum disasm_mode mode, const char *prefix)
{
	size_t length = strlen(prefix);
	uint8_t *bytes = allocate(0x10000, SLOT);
	uint32_t *known = allocate(0x10000, sizeof(*known));
	struct sweep_input input = {.bytes = bytes,
	                            .size = 0x10000 * SLOT,
	                            .address = ADDRESS,
	                            .mode = mode,
	                            .known_starts = known,
	                            .known_start_count = 0x10000};

	for (unsigned pair = 0; pair < 0x10000; pair++) {
		uint8_t *slot = bytes + (size_t)pair * SLOT;

		known[pair] = pair * SLOT;
		for (size_t i = 0; i < SLOT; i++)
			slot[i] = random64() >> 32;
		for (size_t i = 0; i < length; i++)
			slot[i] = prefix[i];
		slot[length] = pair & 0xff;
		slot[length + 1] = pair >> 8;
	}
	compare_with_naive(&input);
	free(known);
	free(bytes);
}

static void test_all_pairs(void **state)
{
	static const char *const prefixes[] = {"",     "\x0f",     "\x66", "\x66\x0f",
	                                       "\x2e", "\x65\x0f", "\xf0", "\xf0\x0f",
	                                       "\xf3", "\xf3\x0f"};
	static const char *const rex_prefixes[] = {"\x41", "\x48", "\x4d\x0f", "\x65\x48",
	                                           "\xf0\x48"};

	(void)state;
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		check_all_pairs(DISASM_MODE_32, prefixes[i]);
		check_all_pairs(DISASM_MODE_64, prefixes[i]);
	}
	for (size_t i = 0; i < COUNT(rex_prefixes); i++)
		check_all_pairs(DISASM_MODE_64, rex_prefixes[i]);
	check_all_pairs(DISASM_MODE_16, "");
}

/* Random bytes with what kernels are full of, zeros and the extremes among them. */
static void fill_randomly(uint8_t *bytes, size_t size)
{
	static const uint8_t likely[] = {0x00, 0x0f, 0x8b, 0x89, 0x74, 0x75, 0xe8, 0xe9,
	                                 0xeb, 0x66, 0x64, 0xf0, 0xf3, 0x24, 0x04, 0xff,
	                                 0x83, 0xc7, 0x3e, 0x2e, 0xfa, 0x9c, 0x90, 0xc3};

	for (size_t i = 0; i < size; i++) {
		uint64_t value = random64();

		if (value % 64 == 0) {
			size_t zeros = value / 64 % 24;

			for (; zeros && i < size; zeros--)
				bytes[i++] = 0;
			i--;
		} else {
			bytes[i] = value % 2 ? likely[value / 64 % COUNT(likely)] : value >> 32;
		}
	}
}

/* Known starts at random places, or none. */
static size_t choose_known_starts(uint32_t *known, size_t size)
{
	unsigned distance = random64() % 4 ? 1 + random64() % 200 : UINT32_MAX;
	size_t count = 0;

	for (size_t offset = 0; offset < size; offset += 1 + random64() % distance)
		known[count++] = offset;
	return count;
}

static void test_random_sections(void **state)
{
	enum { LARGEST = 20000 };
	uint8_t *bytes = allocate(LARGEST, 1);
	uint32_t *known = allocate(LARGEST, sizeof(*known));

	(void)state;
	for (unsigned i = 0; i < 1500; i++) {
		struct sweep_input input = {.bytes = bytes, .mode = i % 3, .known_starts = known};

		input.size = random64() % (i % 8 ? 200 : LARGEST);
		input.address = i % 3 == DISASM_MODE_64 ? 0xffffffff81000000 : ADDRESS;
		fill_randomly(bytes, input.size);
		input.known_start_count = choose_known_starts(known, input.size);
		compare_with_naive(&input);
	}
	free(known);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sections),
	    cmocka_unit_test(test_sites),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_reason_names),
	    cmocka_unit_test(test_known_starts_everywhere),
	    cmocka_unit_test(test_all_pairs),
	    cmocka_unit_test(test_random_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
