/* SPDX-License-Identifier: BSD-2-Clause */

/* What the input is: its code swept, its tables read, once for any number of outputs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/verify/verify_private.h"

/* --- code ------------------------------------------------------------------------------------- */

/* Offsets of functions in the section, ascending, without repetition. */
static bool find_functions(const struct kernel *kernel, struct verify_code *code)
{
	const struct kernel_section *section = code->section;
	uint32_t index = (uint32_t)(section - kernel->sections);

	code->starts = malloc((kernel->symbol_count + 1) * sizeof(*code->starts));
	if (!code->starts)
		return false;
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		const struct kernel_symbol *symbol = &kernel->symbols[i];
		uint64_t offset = symbol->address - section->address;

		if (symbol->type != SYMBOL_FUNCTION || symbol->section != index ||
		    offset >= section->size ||
		    (code->start_count && code->starts[code->start_count - 1] >= offset))
			continue;
		code->starts[code->start_count++] = (uint32_t)offset;
	}
	return true;
}

bool verify_sweep(const struct verify_code *code, const uint8_t *bytes, struct sweep_result *result)
{
	const struct sweep_input input = {
	    .bytes = bytes,
	    .size = code->section->size,
	    .address = code->section->address,
	    .mode = DISASM_MODE_32,
	    .known_starts = code->starts,
	    .known_start_count = code->start_count,
	};

	return sweep(&input, result);
}

static bool read_code(struct verify_input *input, struct problem *problem)
{
	const struct kernel *kernel = input->kernel;

	input->code = calloc(kernel->section_count + 1, sizeof(*input->code));
	if (!input->code)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];
		struct verify_code *code = &input->code[input->code_count];

		if (!section->executable || !section->allocated || !section->bytes ||
		    !section->size)
			continue;
		code->section = section;
		input->code_count++;
		if (!find_functions(kernel, code))
			return problem_report(problem, OUT_OF_MEMORY);
		if (verify_sweep(code, section->bytes, &code->sweep))
			continue;
		if (errno == EFBIG)
			return problem_report(problem, SECTION_TOO_LARGE, section->name);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	return input->code_count || problem_report(problem, NO_CODE);
}

const struct verify_code *verify_code_at(const struct verify_input *input, uint32_t address)
{
	for (size_t i = 0; i < input->code_count; i++)
		if (address - input->code[i].section->address < input->code[i].section->size)
			return &input->code[i];
	return NULL;
}

bool verify_decode_input(const struct verify_input *input, uint32_t address,
                         struct instruction *instruction, const uint8_t **bytes)
{
	const struct verify_code *code = verify_code_at(input, address);
	uint64_t offset;

	if (!code)
		return false;
	offset = address - code->section->address;
	*bytes = code->section->bytes + offset;
	return bitmap_test(code->sweep.starts, offset) &&
	       decode_instruction(*bytes, code->section->size - offset, DISASM_MODE_32,
	                          instruction) == DECODE_OK;
}

uint16_t verify_rewritten_form(const struct instruction *instruction, const uint8_t *bytes)
{
	uint16_t form = classify_instruction(instruction, bytes);

	return form != SENSITIVE_FORM_NONE && sensitive_forms[form].rewrite ? form
	                                                                    : SENSITIVE_FORM_NONE;
}

uint16_t verify_recorded_form(const struct rom_site *site, const struct instruction *instruction,
                              const uint8_t *bytes)
{
	uint16_t form = verify_rewritten_form(instruction, bytes);

	if (form != SENSITIVE_FORM_NONE)
		return form;
	form = classify_named(instruction, bytes);
	return form != SENSITIVE_FORM_NONE && sensitive_forms[form].call == site->call
	           ? form
	           : SENSITIVE_FORM_NONE;
}

static int compare_addresses(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static bool collect_far_targets(struct verify_input *input, struct problem *problem)
{
	size_t count = 0;

	for (size_t i = 0; i < input->code_count; i++)
		count += input->code[i].sweep.outside_target_count;
	input->far_targets = malloc((count + 1) * sizeof(*input->far_targets));
	if (!input->far_targets)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < input->code_count; i++) {
		const struct sweep_result *sweep = &input->code[i].sweep;

		for (size_t j = 0; j < sweep->outside_target_count; j++)
			input->far_targets[input->far_target_count++] =
			    (uint32_t)sweep->outside_targets[j];
	}
	qsort(input->far_targets, input->far_target_count, sizeof(*input->far_targets),
	      compare_addresses);
	return true;
}

bool verify_is_branch_target(const struct verify_input *input, uint32_t address)
{
	const struct verify_code *code = verify_code_at(input, address);

	return (code && bitmap_test(code->sweep.targets, address - code->section->address)) ||
	       bsearch(&address, input->far_targets, input->far_target_count, sizeof(address),
	               compare_addresses);
}

static void find_entry_text(struct verify_input *input)
{
	const struct kernel_symbol *start = kernel_find_symbol(input->kernel, "__entry_text_start");
	const struct kernel_symbol *end = kernel_find_symbol(input->kernel, "__entry_text_end");

	if (!start || !end)
		return;
	input->entry_text_start = (uint32_t)start->address;
	input->entry_text_end = (uint32_t)end->address;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool read_input(struct verify_input *input, struct problem *problem)
{
	const struct kernel *kernel = input->kernel;
	const char *reason;

	if (kernel->is_64bit || kernel->format == KERNEL_FORMAT_MODULE)
		return problem_report(problem, PATCH_KIND, kernel_format_name(kernel->format));
	if (!elf_view_open(kernel->image, kernel->image_size, &input->view, &reason)) {
		if (!reason)
			return problem_report(problem, OUT_OF_MEMORY);
		return problem_report(problem, VERIFY_INPUT, reason);
	}
	hash_bytes(kernel->file, kernel->file_size, input->sha256);
	if (!read_code(input, problem) || !collect_far_targets(input, problem) ||
	    !verify_collect_fixed(input, problem))
		return false;
	find_entry_text(input);
	return true;
}

struct verify_input *verify_input_open(const struct kernel *kernel, struct problem *problem)
{
	struct linux_metadata metadata;

	if (!linux_metadata_read(kernel, &metadata, problem))
		return NULL;
	return verify_input_open_with(kernel, &metadata, problem);
}

struct verify_input *verify_input_open_with(const struct kernel *kernel,
                                            const struct linux_metadata *metadata,
                                            struct problem *problem)
{
	struct verify_input *input = calloc(1, sizeof(*input));
	struct linux_metadata given = *metadata;

	if (!input) {
		linux_metadata_free(&given);
		problem_report(problem, OUT_OF_MEMORY);
		return NULL;
	}
	input->kernel = kernel;
	input->metadata = given;
	if (read_input(input, problem))
		return input;
	verify_input_close(input);
	return NULL;
}

void verify_input_expect(struct verify_input *input, const struct verify_named_site *sites,
                         size_t count)
{
	input->expects_named = true;
	input->named = sites;
	input->named_count = count;
}

void verify_input_close(struct verify_input *input)
{
	if (!input)
		return;
	for (size_t i = 0; i < input->code_count; i++) {
		sweep_result_free(&input->code[i].sweep);
		free(input->code[i].starts);
	}
	free(input->code);
	free(input->fixed);
	free(input->far_targets);
	free(input->fixups);
	linux_metadata_free(&input->metadata);
	elf_view_close(&input->view);
	free(input);
}
