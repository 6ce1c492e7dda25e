/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kprobe blacklist: addresses of functions (from 3.16, include/linux/kprobes.h,
 * NOKPROBE_SYMBOL()). In a built kernel it lies in .init.data with no section header of its own
 * (6.1 include/asm-generic/vmlinux.lds.h, KPROBE_BLACKLIST()).
 *
 * Nothing but names tells it from any other list of functions. Where the symbols of functions are
 * known (a stripped kernel has them in kallsyms), it is the run of words around the address of
 * get_kprobe() that are starts of functions, if kprobe_exceptions_notify() is among them.
 */

#include "patcher/linux/linux_tables.h"

static enum entry_verdict decode_function(struct table_cursor *cursor, void *memory,
                                          const void *previous)
{
	struct code_place *place = memory;

	(void)previous;
	if (!cursor_site(cursor, 0, place))
		return ENTRY_INVALID;
	if (!reader_code(cursor->reader, place, 1))
		return cursor_refuse(cursor, "its function is not in code", place->address);
	return ENTRY_VALID;
}

static const struct table_layout layouts[] = {
    {"absolute-4", 4, POINTER_ABSOLUTE, 4, 4, 4, LINUX_RELEASE(3, 16, 0), LINUX_RELEASE_ANY,
     decode_function},
    {"absolute-8", 8, POINTER_ABSOLUTE, 8, 8, 8, LINUX_RELEASE(3, 16, 0), LINUX_RELEASE_ANY,
     decode_function},
};

/* --- the search ------------------------------------------------------------------------------- */

/* Shorter runs are no blacklist: kernel/kprobes.c alone has more. */
#define SEARCH_MINIMUM 8

struct blacklist_search {
	struct table_reader *reader;
	uint64_t first_name, second_name; /* addresses that must be in it */
	uint32_t word_size;
	size_t longest; /* words; a longer run is the list of all functions, kallsyms_addresses */
	const struct kernel_section *section;
};

static uint64_t load_word(const struct blacklist_search *search, uint64_t offset)
{
	const uint8_t *bytes = search->section->bytes + offset;

	return search->word_size == 8 ? bytes_load64(bytes) : bytes_load32(bytes);
}

/* Whether a symbol in code has the address that stands there. Assembler symbols need not be of type
 * function. */
static bool is_function(const struct blacklist_search *search, uint64_t offset)
{
	const struct kernel *kernel = search->reader->kernel;
	struct code_place place = {.address = load_word(search, offset)};
	size_t low = 0, high = kernel->symbol_count;

	if (!reader_code(search->reader, &place, 1))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->symbols[middle].address < place.address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < kernel->symbol_count && kernel->symbols[low].address == place.address;
}

/* The run of functions' addresses around *start, not below lowest: [*start, *end). */
static bool measure_run(const struct blacklist_search *search, uint64_t lowest, uint64_t *start,
                        uint64_t *end)
{
	uint64_t size = search->word_size;
	bool has_second = false;

	while (*start >= lowest + size && is_function(search, *start - size))
		*start -= size;
	for (*end = *start; *end + size <= search->section->size && is_function(search, *end);
	     *end += size)
		has_second |= load_word(search, *end) == search->second_name;
	return has_second && *end - *start >= SEARCH_MINIMUM * size &&
	       *end - *start <= search->longest * size;
}

/* The table of all traced functions has those two as well. */
static bool in_table(const struct linux_table *table, uint64_t address)
{
	return table->found && address - table->address < table->size;
}

/* The first offset from `from` on where the first name's address stands; the size if none. */
static uint64_t find_first_name(const struct blacklist_search *search, uint64_t from)
{
	const uint8_t *bytes = search->section->bytes;
	uint64_t size = search->section->size, step = search->word_size;
	uint64_t address = search->first_name, offset = from;

	if (step == 8)
		while (offset + 8 <= size && bytes_load64(bytes + offset) != address)
			offset += 8;
	else
		while (offset + 4 <= size && bytes_load32(bytes + offset) != address)
			offset += 4;
	return offset + step <= size ? offset : size;
}

static bool search_section(struct table_reader *reader, const struct table_family *family,
                           const struct blacklist_search *search, struct table_source *source)
{
	const struct kernel_section *section = search->section;
	uint64_t size = search->word_size, start, end = 0, next;
	bool is_table;

	for (uint64_t offset = find_first_name(search, -section->address & (size - 1));
	     offset < section->size; offset = find_first_name(search, next)) {
		next = offset + size;
		if (in_table(&reader->metadata->mcount_table, section->address + offset))
			continue;
		start = offset;
		is_table = measure_run(search, end, &start, &end);
		if (end > next)
			next = end;
		if (!is_table)
			continue;
		if (source->bytes)
			return problem_report(reader->problem, LINUX_TABLE_TWO_PLACES, family->name,
			                      WIDE(source->address), WIDE(source->size / size),
			                      WIDE(section->address + start),
			                      WIDE((end - start) / size));
		*source = (struct table_source){.section = section,
		                                .address = section->address + start,
		                                .bytes = section->bytes + start,
		                                .size = end - start,
		                                .by_structure = true};
	}
	return true;
}

static bool search_by_names(struct table_reader *reader, const struct table_family *family,
                            struct table_source *source)
{
	const struct kernel *kernel = reader->kernel;
	const struct kernel_symbol *first = kernel_find_symbol(kernel, "get_kprobe");
	const struct kernel_symbol *second = kernel_find_symbol(kernel, "kprobe_exceptions_notify");
	struct blacklist_search search = {.reader = reader, .word_size = kernel->is_64bit ? 8 : 4};

	if (!first || !second || kernel->linux_version < layouts[0].since)
		return true;
	for (size_t i = 0; i < kernel->symbol_count; i++)
		search.longest += kernel->symbols[i].type == SYMBOL_FUNCTION;
	search.longest /= 2;
	search.first_name = first->address;
	search.second_name = second->address;
	for (size_t i = 0; i < kernel->section_count; i++) {
		search.section = &kernel->sections[i];
		if (table_search_suits(reader, search.section) &&
		    !search_section(reader, family, &search, source))
			return false;
	}
	return true;
}

static const struct table_family family = {
    .name = "_kprobe_blacklist",
    .section = "_kprobe_blacklist",
    .boundary = BOUNDARY_KPROBE_BLACKLIST,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct code_place),
    .search = search_by_names,
};

bool kprobe_blacklist_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return table_read_places(reader, &family, &metadata->kprobe_blacklist_table,
	                         &metadata->kprobe_blacklist);
}
