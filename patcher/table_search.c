/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that neither a section header nor a symbol names, found by their
 * structure: the longest run of entries that all validate. The data is passed
 * over once for each layout; at each position the first field alone decides
 * about nearly every word.
 */

#include "patcher/linux_tables.h"

#define PHASES_MAXIMUM 24 /* of positions in an entry: entry size / alignment */

struct run {
	const struct table_layout *layout;
	const struct kernel_section *section;
	uint64_t offset; /* in the section */
	uint64_t count;
};

/* A run that may still grow: one for each position that an entry can have in an entry's length. */
struct phase {
	struct table_cursor cursor;
	uint64_t start, count;
	unsigned char previous[TABLE_ENTRY_MEMORY_MAXIMUM];
};

struct search {
	struct table_reader *reader;
	const struct table_family *family;
	struct run best, second;
	struct table_source source; /* the section searched now */
	const struct table_layout *layout;
	struct phase phases[PHASES_MAXIMUM];
};

static void keep_run(struct search *search, const struct phase *phase)
{
	struct run run = {search->layout, search->source.section, phase->start, phase->count};

	if (run.count < search->family->search_minimum)
		return;
	if (run.count > search->best.count) {
		search->second = search->best;
		search->best = run;
	} else if (run.count > search->second.count) {
		search->second = run;
	}
}

static void end_run(struct search *search, struct phase *phase)
{
	keep_run(search, phase);
	phase->count = 0;
}

/* The position starts or continues a run, or ends the one that led to it. */
static void check_position(struct search *search, struct phase *phase, uint64_t offset)
{
	struct table_cursor *cursor = &phase->cursor;
	unsigned char entry[TABLE_ENTRY_MEMORY_MAXIMUM];

	if (phase->count == 0)
		*cursor = (struct table_cursor){.reader = search->reader,
		                                .source = &search->source,
		                                .layout = search->layout,
		                                .searching = true};
	cursor->offset = offset;
	cursor->bytes = search->source.bytes + offset;
	if (search->layout->decode(cursor, entry, phase->count ? phase->previous : NULL) !=
	    ENTRY_VALID) {
		bool had_run = phase->count != 0;

		end_run(search, phase);
		if (had_run) /* what refused to continue the run may start the next */
			check_position(search, phase, offset);
		return;
	}
	if (phase->count++ == 0)
		phase->start = offset;
	memcpy(phase->previous, entry, search->family->entry_memory);
}

/* Whether the first field of the entry at offset leads to where code may be. */
static inline bool leads_to_code(const struct search *search, uint64_t offset)
{
	const struct table_reader *reader = search->reader;
	const uint8_t *bytes = search->source.bytes + offset;
	uint64_t value;

	if (search->layout->first_size == 8)
		value = bytes_load64(bytes);
	else
		value = (uint64_t)(int64_t)(int32_t)bytes_load32(bytes);
	if (value == 0)
		return false;
	if (search->layout->form == POINTER_RELATIVE)
		value += search->source.address + offset;
	if (!reader->kernel->is_64bit)
		value &= UINT32_MAX;
	for (size_t i = 0; i < reader->code_count; i++)
		if (value - reader->code[i].address < reader->code[i].size)
			return true;
	return false;
}

static void search_section(struct search *search)
{
	uint64_t size = search->source.size;
	uint32_t step = search->family->search_alignment;
	uint32_t phase_count = search->layout->entry_size / step;
	uint32_t phase_index = 0;

	for (uint32_t i = 0; i < phase_count; i++)
		search->phases[i].count = 0;
	for (uint64_t offset = 0; offset + search->layout->entry_size <= size; offset += step) {
		struct phase *phase = &search->phases[phase_index];

		if (leads_to_code(search, offset))
			check_position(search, phase, offset);
		else if (phase->count)
			end_run(search, phase);
		if (++phase_index == phase_count)
			phase_index = 0;
	}
	for (uint32_t i = 0; i < phase_count; i++)
		end_run(search, &search->phases[i]);
}

/* Data of the kernel that no family has by name. */
static bool may_hold_table(const struct kernel_section *section)
{
	return section->allocated && section->bytes && section->size &&
	       (!section->executable || section->index == UINT32_MAX);
}

static uint64_t run_address(const struct run *run)
{
	return run->section->address + run->offset;
}

bool table_search(struct table_reader *reader, const struct table_family *family,
                  struct table_source *source)
{
	struct search search = {.reader = reader, .family = family};
	const struct run *best = &search.best, *second = &search.second;

	for (size_t i = 0; i < family->layout_count; i++) {
		search.layout = &family->layouts[i];
		if (!table_layout_suits(reader, search.layout))
			continue;
		for (size_t j = 0; j < reader->kernel->section_count; j++) {
			const struct kernel_section *section = &reader->kernel->sections[j];

			if (!may_hold_table(section))
				continue;
			search.source = (struct table_source){.section = section,
			                                      .address = section->address,
			                                      .bytes = section->bytes,
			                                      .size = section->size};
			search_section(&search);
		}
	}
	*source = (struct table_source){.bytes = NULL};
	if (best->count == 0)
		return true;
	if (second->count && (!family->search_repeats || second->count > best->count / 2))
		return problem_report(reader->problem, LINUX_TABLE_TWO_PLACES, family->name,
		                      WIDE(run_address(best)), WIDE(best->count),
		                      WIDE(run_address(second)), WIDE(second->count));
	source->section = best->section;
	source->address = run_address(best);
	source->bytes = best->section->bytes + best->offset;
	source->size = best->count * best->layout->entry_size;
	source->by_structure = true;
	if (family->narrow)
		family->narrow(reader, source);
	return true;
}
