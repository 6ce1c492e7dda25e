/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that neither a section header nor a symbol names, found by their
 * structure: the longest run of entries that all validate. The data is passed
 * over once for each layout; at each position the first field alone decides
 * about nearly every word.
 */

#include "patcher/linux/linux_tables.h"

#include <endian.h>

#define PHASES_MAXIMUM 24 /* of positions in an entry: entry size / alignment */

/* A run of so many entries in one layout spares the search in the others. */
#define CONVINCING_COUNT 64

/* Another run must be shorter than this part of the longest. */
#define SECOND_FRACTION 4

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
	/* the entries decoded last and before it, in turns */
	unsigned char entries[2][TABLE_ENTRY_MEMORY_MAXIMUM];
};

/* Where code may be, seen from a section of data: below it and above it. */
struct reach {
	uint64_t below, below_size, above, above_size;
};

struct search {
	struct table_reader *reader;
	const struct table_family *family;
	struct run best, second;
	struct table_source source; /* the section searched now */
	const struct table_layout *layout;
	struct reach reach;
	uint32_t running; /* phases with a run */
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
	if (phase->count == 0)
		return;
	keep_run(search, phase);
	search->running--;
	phase->count = 0;
}

/* The position starts or continues a run, or ends the one that led to it. */
static void check_position(struct search *search, struct phase *phase, uint64_t offset)
{
	struct table_cursor *cursor = &phase->cursor;
	unsigned char *entry = phase->entries[phase->count & 1];
	unsigned char *previous = phase->count ? phase->entries[~phase->count & 1] : NULL;

	cursor->offset = offset;
	cursor->bytes = search->source.bytes + offset;
	cursor->lenient = previous != NULL;
	if (!previous) {
		cursor->ended = false;
		cursor->common_target = 0;
	}
	if (search->layout->decode(cursor, entry, previous) == ENTRY_VALID) {
		if (phase->count++ == 0) {
			phase->start = offset;
			search->running++;
		}
	} else if (phase->count) { /* what does not continue the run may start the next */
		end_run(search, phase);
		check_position(search, phase, offset);
	}
}

/* Sections do not overlap, so all code lies below the data searched or above it. */
static void measure_reach(struct search *search)
{
	const struct table_reader *reader = search->reader;
	struct reach *reach = &search->reach;
	uint64_t address = search->source.address;

	*reach = (struct reach){.below = 0};
	for (size_t i = 0; i < reader->code_count; i++) {
		const struct code_range *code = &reader->code[i];

		if (reader->has_certain && !code->certain)
			continue;
		if (code->address <= address) {
			if (reach->below_size == 0)
				reach->below = code->address;
			reach->below_size = code->address + code->size - reach->below;
		} else {
			if (reach->above_size == 0)
				reach->above = code->address;
			reach->above_size = code->address + code->size - reach->above;
		}
	}
}

/* Whether address is where code may be. */
static inline bool reaches(const struct reach *reach, uint64_t address)
{
	return address - reach->below < reach->below_size ||
	       address - reach->above < reach->above_size;
}

#define BLOCK_WORDS 16

/*
 * Whether the word at `at` (relative: to its address, address + at * relative) leads there, for any
 * of a block of aligned words. Without branches, so that the compiler makes vector code of it: this
 * is where a search spends its time.
 */
static bool block_reaches(const uint8_t *bytes, uint32_t address, uint32_t relative,
                          const struct reach *reach)
{
	uint32_t below = (uint32_t)reach->below, below_size = (uint32_t)reach->below_size;
	uint32_t above = (uint32_t)reach->above, above_size = (uint32_t)reach->above_size;
	uint32_t words[BLOCK_WORDS], reached = 0;

	memcpy(words, bytes, sizeof(words));
	for (uint32_t i = 0; i < BLOCK_WORDS; i++) {
		uint32_t to = le32toh(words[i]) + address + i * 4 * relative;

		reached |=
		    (uint32_t)(to - below < below_size) | (uint32_t)(to - above < above_size);
	}
	return reached != 0;
}

/* The first position from offset on, below end, whose first field leads to where code may be. */
static uint64_t skip_words32(const struct search *search, uint64_t offset, uint64_t end)
{
	const uint8_t *bytes = search->source.bytes;
	uint32_t step = search->family->search_alignment;
	uint32_t relative = search->layout->form == POINTER_RELATIVE;
	uint32_t base = (uint32_t)search->source.address * relative;
	struct reach reach = search->reach;

	while (offset < end) {
		if (step == 4 && end - offset > 4 * BLOCK_WORDS &&
		    !block_reaches(bytes + offset, base + (uint32_t)offset * relative, relative,
		                   &reach)) {
			offset += 4 * BLOCK_WORDS;
			continue;
		}
		for (uint32_t i = 0; i < BLOCK_WORDS && offset < end; i++, offset += step) {
			uint32_t word = bytes_load32(bytes + offset);

			if (word &&
			    reaches(&reach, (uint32_t)(word + base + (uint32_t)offset * relative)))
				return offset;
		}
	}
	return offset;
}

/* The same for 64-bit kernels, whose relative words are 32 bits long. */
static uint64_t skip_words64(const struct search *search, uint64_t offset, uint64_t end)
{
	const uint8_t *bytes = search->source.bytes;
	uint64_t step = search->family->search_alignment;
	bool is_relative = search->layout->form == POINTER_RELATIVE;

	for (; offset < end; offset += step) {
		uint64_t word = is_relative
		                    ? (uint64_t)(int64_t)(int32_t)bytes_load32(bytes + offset)
		                    : bytes_load64(bytes + offset);
		uint64_t address = is_relative ? word + search->source.address + offset : word;

		if (word && reaches(&search->reach, address))
			break;
	}
	return offset;
}

static uint64_t skip(const struct search *search, uint64_t offset, uint64_t end)
{
	return search->reader->kernel->is_64bit ? skip_words64(search, offset, end)
	                                        : skip_words32(search, offset, end);
}

static void search_section(struct search *search)
{
	uint32_t step = search->family->search_alignment;
	uint32_t phase_count = search->layout->entry_size / step;
	uint64_t offset = -search->source.address & (step - 1), end = 0;

	if (phase_count == 0 || phase_count > PHASES_MAXIMUM) /* no family is so */
		return;
	if (search->source.size >= search->layout->entry_size)
		end = search->source.size - search->layout->entry_size + 1;
	measure_reach(search);
	search->running = 0;
	for (uint32_t i = 0; i < phase_count; i++)
		search->phases[i] = (struct phase){.cursor = {.reader = search->reader,
		                                              .source = &search->source,
		                                              .layout = search->layout,
		                                              .searching = true}};
	while (offset < end) {
		struct phase *phase = &search->phases[offset / step % phase_count];
		uint64_t next = offset;

		/* what continues a run may be about code that is not certain */
		if (!phase->count && !search->family->search_anything)
			next = skip(search, offset, search->running ? offset + 1 : end);
		if (next == offset) {
			check_position(search, phase, offset);
			next += step;
		}
		offset = next;
	}
	for (uint32_t i = 0; i < phase_count; i++)
		end_run(search, &search->phases[i]);
}

bool table_search_suits(const struct table_reader *reader, const struct kernel_section *section)
{
	if (!section->allocated || !section->bytes || !section->size)
		return false;
	if (section->index != UINT32_MAX || reader->has_certain)
		return !section->executable;
	return true; /* a segment: of anything */
}

static uint64_t run_address(const struct run *run)
{
	return run->section->address + run->offset;
}

/* Whether the entry at offset may follow the one at previous. */
static bool continues(struct table_cursor *cursor, uint64_t previous, uint64_t offset)
{
	unsigned char entries[2][TABLE_ENTRY_MEMORY_MAXIMUM];

	cursor->offset = previous;
	cursor->bytes = cursor->source->bytes + previous;
	if (cursor->layout->decode(cursor, entries[0], NULL) != ENTRY_VALID)
		return false;
	cursor->offset = offset;
	cursor->bytes = cursor->source->bytes + offset;
	return cursor->layout->decode(cursor, entries[1], entries[0]) == ENTRY_VALID;
}

/* A run begins with an entry about code that is certain; others may stand before it. */
static void extend_run(struct search *search, struct run *run)
{
	uint64_t size = run->layout->entry_size;
	struct table_cursor cursor = {.reader = search->reader,
	                              .source = &search->source,
	                              .layout = run->layout,
	                              .searching = true,
	                              .lenient = true};

	search->source = (struct table_source){.section = run->section,
	                                       .address = run->section->address,
	                                       .bytes = run->section->bytes,
	                                       .size = run->section->size};
	while (run->offset >= size && continues(&cursor, run->offset - size, run->offset)) {
		run->offset -= size;
		run->count++;
	}
}

/* What was found is the table if nothing else comes near it. */
static bool accept_run(struct search *search, struct table_source *source)
{
	struct run *best = &search->best;
	const struct run *second = &search->second;

	if (best->count == 0)
		return true;
	if (second->count > best->count / SECOND_FRACTION)
		return problem_report(search->reader->problem, LINUX_TABLE_TWO_PLACES,
		                      search->family->name, WIDE(run_address(best)),
		                      WIDE(best->count), WIDE(run_address(second)),
		                      WIDE(second->count));
	if (search->reader->is_headless && search->reader->has_certain)
		extend_run(search, best);
	source->section = best->section;
	source->address = run_address(best);
	source->bytes = best->section->bytes + best->offset;
	source->size = best->count * best->layout->entry_size;
	source->by_structure = true;
	if (search->family->narrow)
		search->family->narrow(search->reader, source);
	return true;
}

bool table_search(struct table_reader *reader, const struct table_family *family,
                  struct table_source *source)
{
	struct search search = {.reader = reader, .family = family};

	for (size_t i = 0; i < family->layout_count; i++) {
		search.layout = &family->layouts[i];
		if (!table_layout_suits(reader, search.layout) ||
		    search.best.count >= CONVINCING_COUNT)
			continue;
		for (size_t j = 0; j < reader->kernel->section_count; j++) {
			const struct kernel_section *section = &reader->kernel->sections[j];

			if (!table_search_suits(reader, section))
				continue;
			search.source = (struct table_source){.section = section,
			                                      .address = section->address,
			                                      .bytes = section->bytes,
			                                      .size = section->size};
			search_section(&search);
		}
	}
	*source = (struct table_source){.bytes = NULL};
	return accept_run(&search, source);
}

bool table_search_headless(struct table_reader *reader, const struct table_family *family,
                           struct table_source *source)
{
	return !reader->is_headless || table_search(reader, family, source);
}
