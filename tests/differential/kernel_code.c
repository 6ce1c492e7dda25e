/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/kernel_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_A_UNIT 65536

static bool sweep_section(struct kernel_code *code, const struct kernel_section *section)
{
	struct kernel_code_section *added = &code->sections[code->section_count];
	struct sweep_input input = {
	    .bytes = section->bytes,
	    .size = section->size,
	    .address = section->address,
	    .mode = code->mode,
	};

	if (!sweep(&input, &added->sweep))
		return false;
	added->section = section;
	added->first_unit = code->unit_count;
	code->section_count++;
	code->unit_count += (section->size + BYTES_A_UNIT - 1) / BYTES_A_UNIT;
	code->instruction_count += added->sweep.instruction_count;
	return true;
}

bool kernel_code_read(const char *path, struct kernel_code *code, char *error, size_t error_size)
{
	struct kernel_read_options options = {0};
	struct problem problem = {0};

	memset(code, 0, sizeof(*code));
	if (!kernel_read(path, &options, &code->kernel, &problem)) {
		snprintf(error, error_size, "%s: %s", path, problem.text);
		return false;
	}
	code->mode = code->kernel.is_64bit ? DISASM_MODE_64 : DISASM_MODE_32;
	code->sections = calloc(code->kernel.section_count + 1, sizeof(*code->sections));
	for (size_t i = 0; code->sections && i < code->kernel.section_count; i++) {
		const struct kernel_section *section = &code->kernel.sections[i];

		if (!section->executable || !section->bytes || sweep_section(code, section))
			continue;
		kernel_code_free(code);
	}
	if (code->sections)
		return true;
	snprintf(error, error_size, "%s: out of memory", path);
	return false;
}

void kernel_code_free(struct kernel_code *code)
{
	for (size_t i = 0; i < code->section_count; i++)
		sweep_result_free(&code->sections[i].sweep);
	free(code->sections);
	kernel_free(&code->kernel);
	memset(code, 0, sizeof(*code));
}

void kernel_code_case(const struct kernel_code_section *section, size_t offset,
                      uint8_t bytes[CASE_SIZE])
{
	size_t left = section->section->size - offset;

	memset(bytes, 0, CASE_SIZE);
	memcpy(bytes, section->section->bytes + offset, left < CASE_SIZE ? left : CASE_SIZE);
}

void kernel_code_compare_unit(struct comparison *comparison, uint64_t unit, const void *argument)
{
	const struct kernel_code *code = argument;
	const struct kernel_code_section *section = code->sections + code->section_count - 1;
	size_t first, end;

	while (section->first_unit > unit)
		section--;
	first = (unit - section->first_unit) * BYTES_A_UNIT;
	end = first + BYTES_A_UNIT;
	if (end > section->section->size)
		end = section->section->size;
	for (size_t offset = first; offset < end; offset++) {
		uint8_t bytes[CASE_SIZE];

		if (!bitmap_test(section->sweep.starts, offset))
			continue;
		kernel_code_case(section, offset, bytes);
		compare_case(comparison, bytes, code->mode);
	}
}

size_t kernel_code_range_end(const struct kernel_code_section *section, size_t offset)
{
	const struct sweep_range *ranges = section->sweep.ranges;
	size_t first = 0, last = section->sweep.range_count;

	/* The last range that begins at or before offset, but for overlaps, which say nothing of
	 * where instructions start. */
	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (ranges[middle].offset <= offset)
			first = middle + 1;
		else
			last = middle;
	}
	while (first > 0 && ranges[first - 1].reason == SWEEP_OVERLAP)
		first--;
	if (first > 0 && offset - ranges[first - 1].offset < ranges[first - 1].size)
		return (size_t)ranges[first - 1].offset + ranges[first - 1].size;
	return offset;
}

static size_t next_start(const struct kernel_code_section *section, size_t offset)
{
	do
		offset++;
	while (offset < section->section->size && !bitmap_test(section->sweep.starts, offset));
	return offset;
}

static size_t section_gaps(const struct kernel_code *code,
                           const struct kernel_code_section *section)
{
	size_t size = section->section->size, gaps = 0;

	for (size_t offset = 0, next; offset < size; offset = next) {
		struct instruction instruction;
		size_t end = kernel_code_range_end(section, offset);

		next = next_start(section, offset);
		if (end == offset) {
			decode_instruction(section->section->bytes + offset, size - offset,
			                   code->mode, &instruction);
			end = offset + instruction.length;
		}
		while (end < next && kernel_code_range_end(section, end) > end)
			end = kernel_code_range_end(section, end);
		gaps += end != next;
	}
	return gaps;
}

size_t kernel_code_gaps(const struct kernel_code *code)
{
	size_t gaps = 0;

	for (size_t i = 0; i < code->section_count; i++)
		gaps += section_gaps(code, &code->sections[i]);
	return gaps;
}
