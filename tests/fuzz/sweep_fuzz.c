/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The sweep. Input: a byte for the mode, a byte for the number of known starts, two bytes for each
 * of them, then the section. The result is checked against decoding at every start.
 */

#include <string.h>

#include "disasm/sweep.h"
#include "tests/fuzz/harness.h"

#define ADDRESS 0xfffff000u /* near the end of a 32-bit address space: targets wrap */

static void check_start(const struct sweep_input *input, size_t offset)
{
	struct instruction instruction;

	CHECK(decode_instruction(input->bytes + offset, input->size - offset, input->mode,
	                         &instruction) == DECODE_OK);
}

static void check_starts(const struct sweep_input *input, const struct sweep_result *result)
{
	size_t count = 0;

	for (size_t offset = 0; offset < input->size; offset++) {
		if (!bitmap_test(result->starts, offset))
			continue;
		check_start(input, offset);
		count++;
	}
	CHECK(count == result->instruction_count);
}

static void check_sites(const struct sweep_input *input, const struct sweep_result *result)
{
	for (size_t i = 0; i < result->site_count; i++) {
		const struct sweep_site *site = &result->sites[i];
		struct instruction instruction;

		CHECK(i == 0 || site[-1].offset < site->offset);
		CHECK(site->offset < input->size && site->length <= input->size - site->offset);
		CHECK(bitmap_test(result->starts, site->offset));
		decode_instruction(input->bytes + site->offset, input->size - site->offset,
		                   input->mode, &instruction);
		CHECK(instruction.length == site->length);
		CHECK(classify_instruction(&instruction, input->bytes + site->offset) ==
		      site->form);
	}
}

/* The other way round: no sensitive instruction at a start is left out. */
static void check_completeness(const struct sweep_input *input, const struct sweep_result *result)
{
	size_t count = 0;

	for (size_t offset = 0; offset < input->size; offset++) {
		struct instruction instruction;

		if (!bitmap_test(result->starts, offset))
			continue;
		decode_instruction(input->bytes + offset, input->size - offset, input->mode,
		                   &instruction);
		count += classify_instruction(&instruction, input->bytes + offset) !=
		         SENSITIVE_FORM_NONE;
	}
	CHECK(count == result->site_count);
}

static void check_ranges(const struct sweep_input *input, const struct sweep_result *result)
{
	for (size_t i = 0; i < result->range_count; i++) {
		const struct sweep_range *range = &result->ranges[i];

		CHECK(i == 0 || range[-1].offset <= range->offset);
		CHECK(range->size > 0);
		CHECK(range->offset < input->size && range->size <= input->size - range->offset);
		CHECK(sweep_range_reason_name(range->reason));
	}
}

/* Each byte is part of an instruction or of a range: nothing is passed over in silence. */
static void check_coverage(const struct sweep_input *input, const struct sweep_result *result)
{
	uint8_t *covered = calloc(1, input->size + INSTRUCTION_MAX_LENGTH);

	if (!covered)
		return;
	for (size_t offset = 0; offset < input->size; offset++) {
		struct instruction instruction;

		if (!bitmap_test(result->starts, offset))
			continue;
		decode_instruction(input->bytes + offset, input->size - offset, input->mode,
		                   &instruction);
		memset(covered + offset, 1, instruction.length);
	}
	for (size_t i = 0; i < result->range_count; i++)
		memset(covered + result->ranges[i].offset, 1, result->ranges[i].size);
	for (size_t offset = 0; offset < input->size; offset++)
		CHECK(covered[offset]);
	free(covered);
}

/* Fills starts, ascending and below size, from pairs of bytes. Returns how many. */
static size_t take_known_starts(const uint8_t *pairs, size_t count, size_t size, uint32_t *starts)
{
	size_t taken = 0;
	uint32_t next = 0;

	for (size_t i = 0; i < count; i++) {
		next += (uint32_t)(pairs[2 * i] | pairs[2 * i + 1] << 8) % 64;
		if (next >= size)
			break;
		starts[taken++] = next++;
	}
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sweep_input input = {.address = ADDRESS};
	struct sweep_result result;
	uint32_t starts[256];
	uint8_t *copy;

	if (size < 2 || size - 2 < 2u * data[1])
		return 0;
	input.mode = (enum disasm_mode)(data[0] % 3);
	input.size = size - 2 - 2u * data[1];
	input.known_start_count = take_known_starts(data + 2, data[1], input.size, starts);
	input.known_starts = input.known_start_count ? starts : NULL;
	copy = malloc(input.size ? input.size : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + size - input.size, input.size);
	input.bytes = copy;
	if (sweep(&input, &result)) {
		check_starts(&input, &result);
		check_sites(&input, &result);
		check_completeness(&input, &result);
		check_ranges(&input, &result);
		check_coverage(&input, &result);
		report_finding("sites %s", result.site_count ? "some" : "none");
		sweep_result_free(&result);
	}
	free(copy);
	return 0;
}
