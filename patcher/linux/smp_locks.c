/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * .smp_locks: the lock prefixes (f0) that kernels on one CPU turn into 3e at boot.
 *
 *   from 2.6.17  addresses (include/asm-i386/alternative.h, LOCK_PREFIX; so in 2.6.32)
 *   later        s32, relative to the word (so in 3.6, arch/x86/include/asm/alternative.h)
 *
 * The section is padded to a page with zeros (6.1 arch/x86/kernel/vmlinux.lds.S), over which the
 * kernel passes. An entry may also stand at an instruction without the prefix whose alternative has
 * it (6.1 arch/x86/include/asm/cmpxchg_32.h, LOCK_PREFIX_HERE "call cmpxchg8b_emu").
 */

#include "patcher/linux/linux_tables.h"

/* Without section headers, a run of fewer entries is not taken for the table. */
#define SEARCH_MINIMUM 64

#include <stdlib.h>

static int compare_places(const void *left, const void *right)
{
	const struct code_place *a = left, *b = right;

	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return a->address < b->address ? -1 : a->address > b->address;
}

static bool is_lock_prefix(uint8_t byte)
{
	return byte == 0xf0 || byte == 0x3e;
}

static bool collect_locked_sites(struct table_reader *reader)
{
	const struct linux_metadata *metadata = reader->metadata;
	size_t count = 0;

	if (metadata->alternative_count == 0)
		return true;
	reader->locked_sites = malloc(metadata->alternative_count * sizeof(struct code_place));
	if (!reader->locked_sites)
		return problem_report(reader->problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		struct alternative_entry *entry = &metadata->alternatives[i];
		const uint8_t *code = reader_code(reader, &entry->replacement, 1);

		if (entry->replacement_length && code && is_lock_prefix(code[0]))
			reader->locked_sites[count++] = entry->site;
	}
	reader->locked_site_count = count;
	qsort(reader->locked_sites, count, sizeof(struct code_place), compare_places);
	return true;
}

static bool alternative_has_lock(const struct table_reader *reader, const struct code_place *place)
{
	return reader->locked_site_count &&
	       bsearch(place, reader->locked_sites, reader->locked_site_count,
	               sizeof(struct code_place), compare_places) != NULL;
}

static enum entry_verdict decode_lock(struct table_cursor *cursor, void *memory,
                                      const void *previous)
{
	struct code_place *place = memory;
	const uint8_t *code;

	(void)previous;
	if (cursor_word(cursor) == 0 && !cursor->reader->is_module) {
		cursor->ended = true;
		return ENTRY_EMPTY;
	}
	if (cursor->ended)
		return cursor_refuse(cursor, "it follows the padding with", cursor_word(cursor));
	if (!cursor_site(cursor, 0, place))
		return ENTRY_INVALID;
	code = cursor_code(cursor, place, 1);
	if (!code)
		return cursor_refuse(cursor, "its place is not in code", place->address);
	if (!is_lock_prefix(code[0]) && !alternative_has_lock(cursor->reader, place))
		return cursor_refuse(cursor, "no lock prefix stands at", place->address);
	return ENTRY_VALID;
}

static const struct table_layout lock_layouts[] = {
    {"relative-4", 0, POINTER_RELATIVE, 4, 4, 4, LINUX_RELEASE(2, 6, 34), LINUX_RELEASE_ANY,
     decode_lock},
    {"absolute-4", 4, POINTER_ABSOLUTE, 4, 4, 4, LINUX_RELEASE(2, 6, 17), LINUX_RELEASE(2, 6, 36),
     decode_lock},
    {"absolute-8", 8, POINTER_ABSOLUTE, 8, 8, 8, LINUX_RELEASE(2, 6, 17), LINUX_RELEASE(2, 6, 36),
     decode_lock},
};

static const struct table_family lock_family = {
    .name = ".smp_locks",
    .section = ".smp_locks",
    .boundary = BOUNDARY_SMP_LOCKS,
    .layouts = lock_layouts,
    .layout_count = sizeof(lock_layouts) / sizeof(lock_layouts[0]),
    .entry_memory = sizeof(struct code_place),
    .search = table_search_headless,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 4,
};

bool smp_locks_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return collect_locked_sites(reader) &&
	       table_read_places(reader, &lock_family, &metadata->smp_lock_table,
	                         &metadata->smp_locks);
}
