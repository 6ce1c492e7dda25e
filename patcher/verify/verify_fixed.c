/* SPDX-License-Identifier: BSD-2-Clause */

/* What of the input's code is looked up or rewritten by address, and what can be concluded from the
 * rest. */

#include <stdlib.h>
#include <string.h>

#include "disasm/liveness.h"
#include "patcher/verify/verify_private.h"

_Static_assert(LIVENESS_FLAGS == ROM_CLOBBERS_FLAGS, "one numbering of what is live");

/* --- collecting ------------------------------------------------------------------------------- */

static void add_fixed(struct verify_input *input, const struct code_place *place, uint32_t length,
                      const char *why)
{
	input->fixed[input->fixed_count++] = (struct verify_range){
	    .start = (uint32_t)place->address,
	    .end = (uint32_t)place->address + length,
	    .why = why,
	};
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

/* Linux from 3.1 on (since when alternatives are relative) looks whether the byte is a lock prefix,
 * or what it made of one, before it writes it: the opcode of a jump is neither. */
static void add_locks(struct verify_input *input)
{
	const struct linux_metadata *metadata = &input->metadata;
	const char *layout = metadata->alternative_table.layout;
	size_t first = input->fixed_count;

	add_places(input, &metadata->smp_locks, 1, "an SMP lock prefix");
	for (size_t i = first; i < input->fixed_count; i++)
		input->fixed[i].may_begin = layout && !memcmp(layout, "relative", 8);
}

static bool collect_ranges(struct verify_input *input, struct problem *problem)
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
		input->fixed[input->fixed_count - 1].alternative = (uint32_t)i + 1;
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
	add_locks(input);
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

static int compare_addresses(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* The exceptions of a finished kernel are sorted; of a hostile one, perhaps not. */
static int compare_exceptions(const void *left, const void *right)
{
	const struct exception_entry *a = left, *b = right;

	return (a->instruction.address > b->instruction.address) -
	       (a->instruction.address < b->instruction.address);
}

static bool collect_exceptions(struct verify_input *input, struct problem *problem)
{
	struct linux_metadata *metadata = &input->metadata;

	input->fixups = malloc((metadata->exception_count + 1) * sizeof(*input->fixups));
	if (!input->fixups)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < metadata->exception_count; i++)
		input->fixups[i] = (uint32_t)metadata->exceptions[i].fixup.address;
	qsort(input->fixups, metadata->exception_count, sizeof(*input->fixups), compare_addresses);
	if (metadata->exception_count)
		qsort(metadata->exceptions, metadata->exception_count,
		      sizeof(*metadata->exceptions), compare_exceptions);
	return true;
}

bool verify_collect_fixed(struct verify_input *input, struct problem *problem)
{
	return collect_ranges(input, problem) && collect_exceptions(input, problem);
}

/* --- asking ----------------------------------------------------------------------------------- */

bool verify_is_fixup(const struct verify_input *input, uint32_t address)
{
	return bsearch(&address, input->fixups, input->metadata.exception_count, sizeof(address),
	               compare_addresses) != NULL;
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
