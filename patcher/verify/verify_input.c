/* SPDX-License-Identifier: BSD-2-Clause */

/* What the input is: its code swept, its tables read, once for any number of outputs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disasm/liveness.h"
#include "patcher/verify/verify_private.h"

_Static_assert(LIVENESS_FLAGS == ROM_CLOBBERS_FLAGS, "one numbering of what is live");

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

/* --- what stays where it is ------------------------------------------------------------------- */

static void add_fixed(struct verify_input *input, const struct code_place *place, uint32_t length,
                      const char *why)
{
	input->fixed[input->fixed_count++] =
	    (struct verify_range){(uint32_t)place->address, (uint32_t)place->address + length, why};
}

static void add_places(struct verify_input *input, const struct place_list *list, uint32_t length,
                       const char *why)
{
	for (size_t i = 0; i < list->count; i++)
		add_fixed(input, &list->places[i], length, why);
}

/* The length of the instruction at a place; 1 if none is seen there. */
static uint32_t length_at(const struct verify_input *input, const struct code_place *place)
{
	struct instruction instruction;
	const uint8_t *bytes;

	return verify_decode_input(input, (uint32_t)place->address, &instruction, &bytes)
	           ? instruction.length
	           : 1;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct verify_range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

static bool collect_fixed(struct verify_input *input, struct problem *problem)
{
	const struct linux_metadata *metadata = &input->metadata;
	size_t most = 2 * metadata->alternative_count + metadata->paravirt_count +
	              metadata->jump_label_count + metadata->bug_count + metadata->smp_locks.count +
	              metadata->mcount.count + metadata->static_call_trampolines.count +
	              metadata->static_calls.count;

	input->fixed = malloc((most + 1) * sizeof(*input->fixed));
	if (!input->fixed)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		add_fixed(input, &entry->site, entry->site_length, "an alternative");
		add_fixed(input, &entry->replacement, entry->replacement_length,
		          "an alternative's replacement");
	}
	for (size_t i = 0; i < metadata->paravirt_count; i++)
		add_fixed(input, &metadata->paravirt[i].site, metadata->paravirt[i].length,
		          "a paravirt patch site");
	for (size_t i = 0; i < metadata->jump_label_count; i++)
		add_fixed(input, &metadata->jump_labels[i].code, metadata->jump_labels[i].length,
		          "a jump label");
	for (size_t i = 0; i < metadata->bug_count; i++)
		add_fixed(input, &metadata->bugs[i].instruction, 2, "a bug's ud2");
	add_places(input, &metadata->smp_locks, 1, "an SMP lock prefix");
	add_places(input, &metadata->static_call_trampolines, 5, "a static call's trampoline");
	for (size_t i = 0; i < metadata->mcount.count; i++)
		add_fixed(input, &metadata->mcount.places[i],
		          length_at(input, &metadata->mcount.places[i]), "a call of ftrace");
	for (size_t i = 0; i < metadata->static_calls.count; i++)
		add_fixed(input, &metadata->static_calls.places[i],
		          length_at(input, &metadata->static_calls.places[i]), "a static call");
	qsort(input->fixed, input->fixed_count, sizeof(*input->fixed), compare_ranges);
	return true;
}

bool verify_is_faulting(const struct verify_input *input, uint32_t address)
{
	const struct exception_entry *entries = input->metadata.exceptions;
	size_t low = 0, high = input->metadata.exception_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entries[middle].instruction.address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < input->metadata.exception_count && entries[low].instruction.address == address;
}

bool verify_is_replacement(const struct verify_input *input, uint32_t address)
{
	const struct verify_code *code = verify_code_at(input, address);

	if (code && !strcmp(code->section->name, ".altinstr_replacement"))
		return true;
	for (size_t i = 0; i < input->metadata.alternative_count; i++) {
		const struct alternative_entry *entry = &input->metadata.alternatives[i];

		if (address - entry->replacement.address < entry->replacement_length)
			return true;
	}
	return false;
}

/* Code that is rewritten at run time tells nothing of what it reads; nor does code that a fault
 * may take elsewhere. */
static bool stops_liveness(const void *context, uint32_t address)
{
	const struct verify_input *input = context;
	size_t low = 0, high = input->fixed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (input->fixed[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	/* Ranges may overlap, but none is longer than an alternative can be. */
	for (size_t i = low; i-- > 0 && address - input->fixed[i].start <= UINT8_MAX;)
		if (address < input->fixed[i].end)
			return true;
	return verify_is_faulting(input, address);
}

uint32_t verify_live_behind(const struct verify_input *input, uint32_t address, uint32_t length)
{
	const struct verify_code *code = verify_code_at(input, address);
	struct liveness_code stream = {.stops = stops_liveness, .context = input};

	if (!code || verify_is_faulting(input, address))
		return VERIFY_ALL_LIVE;
	stream.bytes = code->section->bytes;
	stream.size = code->section->size;
	stream.address = (uint32_t)code->section->address;
	return liveness_before(&stream, address + length);
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

/* The exceptions of a finished kernel are sorted; of a hostile one, perhaps not. */
static int compare_exceptions(const void *left, const void *right)
{
	const struct exception_entry *a = left, *b = right;

	return (a->instruction.address > b->instruction.address) -
	       (a->instruction.address < b->instruction.address);
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
	if (!linux_metadata_read(kernel, &input->metadata, problem) || !read_code(input, problem) ||
	    !collect_far_targets(input, problem) || !collect_fixed(input, problem))
		return false;
	if (input->metadata.exception_count)
		qsort(input->metadata.exceptions, input->metadata.exception_count,
		      sizeof(*input->metadata.exceptions), compare_exceptions);
	find_entry_text(input);
	return true;
}

struct verify_input *verify_input_open(const struct kernel *kernel, struct problem *problem)
{
	struct verify_input *input = calloc(1, sizeof(*input));

	if (!input) {
		problem_report(problem, OUT_OF_MEMORY);
		return NULL;
	}
	input->kernel = kernel;
	if (read_input(input, problem))
		return input;
	verify_input_close(input);
	return NULL;
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
	linux_metadata_free(&input->metadata);
	elf_view_close(&input->view);
	free(input);
}
