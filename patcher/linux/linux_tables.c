/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding a table by section, symbols or structure, and choosing the layout it is in. */

#include "patcher/linux/linux_tables.h"

#include <stdlib.h>

/* A table of so many zeros is an empty one. */
#define LONGEST_PADDING 8

/* What reading the table in one layout came to. */
struct layout_trial {
	const struct table_layout *layout;
	uint64_t valid; /* entries before the first refused one */
	size_t count;   /* of them in the model */
	bool fits;
	struct table_cursor cursor; /* at the refused entry */
};

static bool in_release(const struct table_layout *layout, uint32_t version)
{
	return version >= layout->since && version < layout->until;
}

bool table_layout_suits(const struct table_reader *reader, const struct table_layout *layout)
{
	uint8_t word_size = reader->kernel->is_64bit ? 8 : 4;

	return layout->word_size == 0 || layout->word_size == word_size;
}

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
	while (size && *bytes == 0) {
		bytes++;
		size--;
	}
	return size == 0;
}

/* Whether what begins at offset is zero, and no relocation of a module makes it something else. */
static bool is_padding(const struct table_source *source, uint64_t offset)
{
	size_t count = source->relocation_count;

	return is_zero(source->bytes + offset, source->size - offset) &&
	       (count == 0 || !source->relocations ||
	        source->relocations[count - 1].address < offset);
}

/*
 * The number of entries in the table, 0 if they are not whole. The last may lack its padding; and
 * zeros may stand behind it (some linker scripts add LONG(0)).
 */
static uint64_t entry_count(const struct table_layout *layout, const struct table_source *source)
{
	uint64_t count = source->size / layout->entry_size;
	uint64_t rest = source->size % layout->entry_size;

	if (rest == 0 || is_padding(source, count * layout->entry_size))
		return count;
	return rest >= layout->content_size ? count + 1 : 0;
}

/* Decodes the table in trial->layout into entries, until an entry is refused. A layout that does
 * not fit at all leaves entries as they are. */
static void try_layout(struct table_reader *reader, const struct table_source *source,
                       size_t entry_memory, unsigned char *entries, struct layout_trial *trial)
{
	const struct table_layout *layout = trial->layout;
	uint64_t total = entry_count(layout, source);
	struct table_cursor *cursor = &trial->cursor;
	unsigned char first[TABLE_ENTRY_MEMORY_MAXIMUM], *entry = first;
	const unsigned char *previous = NULL;

	*cursor = (struct table_cursor){.reader = reader, .source = source, .layout = layout};
	for (trial->valid = 0; trial->valid < total; trial->valid++) {

		cursor->offset = trial->valid * layout->entry_size;
		cursor->bytes = source->bytes + cursor->offset;
		switch (layout->decode(cursor, entry, previous)) {
		case ENTRY_VALID:
			if (trial->count == 0)
				memcpy(entries, first, entry_memory);
			previous = entries + trial->count * entry_memory;
			trial->count++;
			entry = entries + trial->count * entry_memory;
			break;
		case ENTRY_EMPTY: break;
		case ENTRY_INVALID: return;
		}
	}
	trial->fits = total > 0;
}

static bool report_entry(struct table_reader *reader, const struct table_family *family,
                         const struct layout_trial *trial)
{
	const struct table_cursor *cursor = &trial->cursor;
	uint64_t address = cursor->source->address + cursor->offset;

	return problem_report(reader->problem, LINUX_TABLE_ENTRY, family->name, WIDE(trial->valid),
	                      WIDE(address), trial->layout->name, cursor->reason,
	                      WIDE(cursor->value));
}

/* The refusal that says most: of the layout that got furthest, preferably one of this release. */
static bool report_best(struct table_reader *reader, const struct table_family *family,
                        const struct table_source *source, const struct layout_trial *trials,
                        size_t count)
{
	const struct layout_trial *best = NULL;
	uint32_t version = reader->kernel->linux_version;

	for (size_t i = 0; i < count; i++) {
		const struct layout_trial *trial = &trials[i];

		if (!trial->cursor.reason)
			continue;
		if (!best || trial->valid > best->valid ||
		    (trial->valid == best->valid && in_release(trial->layout, version) &&
		     !in_release(best->layout, version)))
			best = trial;
	}
	if (best)
		return report_entry(reader, family, best);
	return problem_report(reader->problem, LINUX_TABLE_SIZE, family->name,
	                      WIDE(source->address), WIDE(source->size));
}

/* The one layout that fits: of several, the one of this release. NULL and reported otherwise. */
static struct layout_trial *choose(struct table_reader *reader, const struct table_family *family,
                                   const struct table_source *source, struct layout_trial *trials,
                                   size_t count)
{
	struct layout_trial *chosen = NULL, *other = NULL;
	uint32_t version = reader->kernel->linux_version;

	for (size_t i = 0; i < count; i++) {
		struct layout_trial *trial = &trials[i];

		if (!trial->fits)
			continue;
		if (!chosen) {
			chosen = trial;
		} else if (in_release(trial->layout, version) ==
		           in_release(chosen->layout, version)) {
			other = trial;
		} else if (in_release(trial->layout, version)) {
			chosen = trial;
			other = NULL;
		}
	}
	if (!chosen)
		report_best(reader, family, source, trials, count);
	else if (other)
		problem_report(reader->problem, LINUX_TABLE_AMBIGUOUS, family->name,
		               WIDE(source->address), chosen->layout->name, other->layout->name);
	return other ? NULL : chosen;
}

/* Memory for as many entries as the table can have in any layout; never none. */
static unsigned char *allocate_entries(struct table_reader *reader,
                                       const struct table_family *family,
                                       const struct table_source *source)
{
	uint64_t most = 1;

	for (size_t i = 0; i < family->layout_count; i++) {
		uint64_t count = entry_count(&family->layouts[i], source);

		if (count > most)
			most = count;
	}
	if (most <= SIZE_MAX / family->entry_memory) {
		unsigned char *entries = malloc((size_t)most * family->entry_memory);

		if (entries)
			return entries;
	}
	problem_report(reader->problem, OUT_OF_MEMORY);
	return NULL;
}

/* The entries in memory cut to those used. */
static void *shrink_entries(unsigned char *entries, size_t count, size_t entry_memory)
{
	void *shrunk;

	if (count == 0) {
		free(entries);
		return NULL;
	}
	shrunk = realloc(entries, count * entry_memory);
	return shrunk ? shrunk : entries;
}

static bool read_source(struct table_reader *reader, const struct table_family *family,
                        const struct table_source *source, struct linux_table *table,
                        void **entries, size_t *count)
{
	struct layout_trial trials[8] = {{.layout = NULL}};
	size_t trial_count = 0;
	unsigned char *memory = allocate_entries(reader, family, source);
	const struct layout_trial *chosen;

	if (!memory)
		return false;
	for (size_t i = 0; i < family->layout_count; i++) {
		if (!table_layout_suits(reader, &family->layouts[i]))
			continue;
		trials[trial_count].layout = &family->layouts[i];
		try_layout(reader, source, family->entry_memory, memory, &trials[trial_count]);
		trial_count++;
	}
	chosen = choose(reader, family, source, trials, trial_count);
	if (!chosen) {
		free(memory);
		return false;
	}
	for (const struct layout_trial *later = chosen + 1; later < trials + trial_count; later++) {
		struct layout_trial again = {.layout = chosen->layout};

		if (later->count == 0)
			continue;
		try_layout(reader, source, family->entry_memory, memory, &again);
		break;
	}
	table->layout = chosen->layout->name;
	table->entry_size = chosen->layout->entry_size;
	*entries = shrink_entries(memory, chosen->count, family->entry_memory);
	*count = chosen->count;
	return true;
}

/* --- where the table stands ------------------------------------------------------------------- */

size_t reader_relocations(const struct table_reader *reader, uint32_t section)
{
	const struct kernel *kernel = reader->kernel;
	size_t low = 0, high = kernel->relocation_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->relocations[middle].section < section)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool locate_by_section(struct table_reader *reader, const struct table_family *family,
                              const struct kernel_section *section, struct table_source *source)
{
	if (!section->bytes && section->size)
		return problem_report(reader->problem, LINUX_TABLE_NO_BYTES, family->name);
	source->section = section;
	source->address = reader->is_module ? 0 : section->address;
	source->bytes = section->bytes ? section->bytes : reader->kernel->image;
	source->size = section->size;
	if (reader->is_module) {
		const struct kernel *kernel = reader->kernel;
		uint32_t index = (uint32_t)(section - kernel->sections);
		size_t first = reader_relocations(reader, index);

		source->relocations = kernel->relocations ? kernel->relocations + first : NULL;
		source->relocation_count = reader_relocations(reader, index + 1) - first;
	}
	return true;
}

static bool locate_by_symbols(struct table_reader *reader, const struct table_family *family,
                              struct table_source *source)
{
	uint64_t start = reader->boundaries[family->boundary].start;
	uint64_t stop = reader->boundaries[family->boundary].stop;
	const struct kernel_section *section = kernel_section_at(reader->kernel, start);

	if (start == stop) { /* an empty table may stand at the end of everything */
		source->address = start;
		source->bytes = reader->kernel->image;
		return true;
	}
	if (start > stop || !section || !section->bytes ||
	    !bytes_in_range(start - section->address, stop - start, section->size))
		return problem_report(reader->problem, LINUX_TABLE_BOUNDS, family->name,
		                      WIDE(start), WIDE(stop));
	source->section = section;
	source->address = start;
	source->bytes = section->bytes + (start - section->address);
	source->size = stop - start;
	return true;
}

bool table_locate(struct table_reader *reader, const struct table_family *family,
                  struct table_source *source)
{
	const struct kernel_section *section = NULL;

	*source = (struct table_source){.bytes = NULL};
	if (family->section)
		section = kernel_find_section(reader->kernel, family->section);
	if (section)
		return locate_by_section(reader, family, section, source);
	if (reader->boundaries[family->boundary].start_known &&
	    reader->boundaries[family->boundary].stop_known)
		return locate_by_symbols(reader, family, source);
	return true;
}

/* --- the family's interface ------------------------------------------------------------------- */

bool table_read(struct table_reader *reader, const struct table_family *family,
                struct linux_table *table, void **entries, size_t *count)
{
	struct table_source source;
	bool done = table_locate(reader, family, &source);

	*entries = NULL;
	*count = 0;
	if (done && !source.bytes && family->search && !reader->is_module)
		done = family->search(reader, family, &source);
	if (done && source.bytes) {
		table->found = true;
		table->by_structure = source.by_structure;
		table->address = source.address;
		table->size = source.size;
		table->section = source.section
		                     ? (uint32_t)(source.section - reader->kernel->sections)
		                     : UINT32_MAX;
		table->layout = "empty";
		if (source.size > LONGEST_PADDING || !is_padding(&source, 0))
			done = read_source(reader, family, &source, table, entries, count);
	}
	return done;
}

bool table_read_places(struct table_reader *reader, const struct table_family *family,
                       struct linux_table *table, struct place_list *list)
{
	void *entries;
	bool done = table_read(reader, family, table, &entries, &list->count);

	list->places = entries;
	return done;
}
