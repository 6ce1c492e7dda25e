/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that are lists of places in code: lock prefixes, function entries traced (mcount), PCI
 * fixups and functions that kprobes keep off.
 */

#include "patcher/linux_tables.h"

#include <stdlib.h>

static uint64_t load_word(const struct table_cursor *cursor)
{
	return cursor->layout->first_size == 8 ? bytes_load64(cursor->bytes)
	                                       : bytes_load32(cursor->bytes);
}

/* --- .smp_locks --------------------------------------------------------------------------------
 *
 *   2.6.17 - 2.6.34  addresses (include/asm-i386/alternative.h, LOCK_PREFIX)
 *   from 2.6.35      s32, relative to the word (5967ed87ade8; 3.6's alternative.h)
 *
 * The section is padded to a page with zeros (6.1 arch/x86/kernel/vmlinux.lds.S). Kernels on one
 * CPU turn the prefixes (f0) into 3e at boot. An entry may also stand at an instruction without
 * the prefix whose alternative has it (6.1 cmpxchg_32.h, LOCK_PREFIX_HERE "call ...").
 */

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
	if (load_word(cursor) == 0 && !cursor->reader->is_module) {
		cursor->ended = true;
		return ENTRY_EMPTY;
	}
	if (cursor->ended)
		return cursor_refuse(cursor, "it follows the padding with", load_word(cursor));
	if (!cursor_site(cursor, 0, place))
		return ENTRY_INVALID;
	code = reader_code(cursor->reader, place, 1);
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
};

bool smp_locks_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return collect_locked_sites(reader) &&
	       table_read_places(reader, &lock_family, &metadata->smp_lock_table,
	                         &metadata->smp_locks);
}

/* --- __mcount_loc ------------------------------------------------------------------------------
 *
 * Addresses of the calls to mcount or __fentry__ (from 2.6.28, scripts/recordmcount.c); on x86_64
 * from 5.18 objtool may have made them nops already. From 5.17 sorted when the kernel is linked
 * (scripts/sorttable.c), which from 6.15 on zeroes the entries of functions left out. It lies in
 * .init.data with no section header of its own (6.1 vmlinux.lds.h, MCOUNT_REC()).
 */

/* Tables of operations are runs of such functions too; the longest in Debian's 6.1 has 101. */
#define MCOUNT_SEARCH_MINIMUM 256

static const uint8_t mcount_nop[5] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

static enum entry_verdict decode_mcount(struct table_cursor *cursor, void *memory,
                                        const void *previous)
{
	struct code_place *place = memory, target;
	const uint8_t *code;

	if (!previous)
		cursor->common_target = cursor->reader->mcount;
	if (load_word(cursor) == 0 && !cursor->reader->is_module)
		return ENTRY_EMPTY;
	if (!cursor_site(cursor, 0, place))
		return ENTRY_INVALID;
	code = reader_code(cursor->reader, place, 5);
	if (!code)
		return cursor_refuse(cursor, "its place is not in code", place->address);
	if (!cursor->searching && memcmp(code, mcount_nop, 5) == 0)
		return ENTRY_VALID;
	if (code[0] != 0xe8)
		return cursor_refuse(cursor, "no call and no nop of 5 bytes stands at",
		                     place->address);
	if (cursor->reader->is_module) /* the target is a relocation's */
		return ENTRY_VALID;
	reader_branch_target(cursor->reader, place, code, &target);
	if (!cursor->common_target)
		cursor->common_target = target.address;
	if (target.address != cursor->common_target)
		return cursor_refuse(cursor, "its call does not go where the others do, but to",
		                     target.address);
	return ENTRY_VALID;
}

/*
 * Pointers to traced functions that happen to stand right before or behind the table are no part of
 * it. Where the table is sorted they cannot continue the ascent, as the table has every function.
 */
static void narrow_mcount(struct table_reader *reader, struct table_source *source)
{
	uint64_t size = reader->kernel->is_64bit ? 8 : 4, start = 0, best_start = 0, best = 0;
	uint64_t previous = 0;

	for (uint64_t offset = 0; offset < source->size; offset += size) {
		const uint8_t *bytes = source->bytes + offset;
		uint64_t word = size == 8 ? bytes_load64(bytes) : bytes_load32(bytes);

		if (word <= previous)
			start = offset;
		previous = word;
		if (offset + size - start > best) {
			best_start = start;
			best = offset + size - start;
		}
	}
	if (best <= source->size / 2) /* not sorted */
		return;
	source->address += best_start;
	source->bytes += best_start;
	source->size = best;
}

static const struct table_layout mcount_layouts[] = {
    {"absolute-4", 4, POINTER_ABSOLUTE, 4, 4, 4, LINUX_RELEASE(2, 6, 28), LINUX_RELEASE_ANY,
     decode_mcount},
    {"absolute-8", 8, POINTER_ABSOLUTE, 8, 8, 8, LINUX_RELEASE(2, 6, 28), LINUX_RELEASE_ANY,
     decode_mcount},
};

static const struct table_family mcount_family = {
    .name = "__mcount_loc",
    .section = "__mcount_loc",
    .boundary = BOUNDARY_MCOUNT,
    .layouts = mcount_layouts,
    .layout_count = sizeof(mcount_layouts) / sizeof(mcount_layouts[0]),
    .entry_memory = sizeof(struct code_place),
    .search_minimum = MCOUNT_SEARCH_MINIMUM,
    .search_alignment = 4,
    .search_repeats = true,
    .narrow = narrow_mcount,
};

bool mcount_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return table_read_places(reader, &mcount_family, &metadata->mcount_table,
	                         &metadata->mcount);
}

/* --- .pci_fixup --------------------------------------------------------------------------------
 *
 *   2.6.8 - 3.3  u16 vendor, u16 device, hook's address
 *   from 3.4     u32 class and class_shift before it (f4ca5c6a5659)
 *   from 4.19    the hook as s32, relative to its word (6.1 include/linux/pci.h, struct pci_fixup)
 */

#define CLASS_SHIFT_LIMIT 32

static enum entry_verdict decode_hook(struct table_cursor *cursor, uint32_t at, uint32_t size,
                                      void *memory)
{
	struct code_place *hook = memory;

	if (!cursor_pointer(cursor, at, size, cursor->layout->form, hook))
		return ENTRY_INVALID;
	if (!reader_code(cursor->reader, hook, 1))
		return cursor_refuse(cursor, "its hook is not in code", hook->address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_fixup(struct table_cursor *cursor, void *memory,
                                       const void *previous)
{
	uint32_t size = cursor->layout->first_size;

	(void)previous;
	return decode_hook(cursor, size == 8 ? 8 : 4, size, memory);
}

static enum entry_verdict decode_class_fixup(struct table_cursor *cursor, void *memory,
                                             const void *previous)
{
	uint32_t shift = bytes_load32(cursor->bytes + 8), size = cursor->layout->first_size;

	(void)previous;
	if (shift >= CLASS_SHIFT_LIMIT)
		return cursor_refuse(cursor, "its class is shifted too far, by", shift);
	return decode_hook(cursor, size == 8 ? 16 : 12, size, memory);
}

/* The first field is no pointer here: first_size is the hook's. */
static const struct table_layout fixup_layouts[] = {
    {"relative-16", 0, POINTER_RELATIVE, 4, 16, 16, LINUX_RELEASE(4, 19, 0), LINUX_RELEASE_ANY,
     decode_class_fixup},
    {"absolute-16", 4, POINTER_ABSOLUTE, 4, 16, 16, LINUX_RELEASE(3, 4, 0), LINUX_RELEASE(4, 19, 0),
     decode_class_fixup},
    {"absolute-24", 8, POINTER_ABSOLUTE, 8, 24, 24, LINUX_RELEASE(3, 4, 0), LINUX_RELEASE(4, 19, 0),
     decode_class_fixup},
    {"absolute-8", 4, POINTER_ABSOLUTE, 4, 8, 8, LINUX_RELEASE(2, 6, 8), LINUX_RELEASE(3, 4, 0),
     decode_fixup},
    {"absolute-16-short", 8, POINTER_ABSOLUTE, 8, 16, 16, LINUX_RELEASE(2, 6, 8),
     LINUX_RELEASE(3, 4, 0), decode_fixup},
};

static const struct table_family fixup_family = {
    .name = ".pci_fixup",
    .section = ".pci_fixup",
    .boundary = BOUNDARY_NONE,
    .layouts = fixup_layouts,
    .layout_count = sizeof(fixup_layouts) / sizeof(fixup_layouts[0]),
    .entry_memory = sizeof(struct code_place),
};

bool pci_fixups_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return table_read_places(reader, &fixup_family, &metadata->pci_fixup_table,
	                         &metadata->pci_fixups);
}

/* --- the kprobe blacklist ----------------------------------------------------------------------
 *
 * Addresses of functions (from 3.16, include/linux/kprobes.h, NOKPROBE_SYMBOL()), in .init.data
 * with no section header of its own (6.1 vmlinux.lds.h, KPROBE_BLACKLIST()).
 */

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

static const struct table_layout blacklist_layouts[] = {
    {"absolute-4", 4, POINTER_ABSOLUTE, 4, 4, 4, LINUX_RELEASE(3, 16, 0), LINUX_RELEASE_ANY,
     decode_function},
    {"absolute-8", 8, POINTER_ABSOLUTE, 8, 8, 8, LINUX_RELEASE(3, 16, 0), LINUX_RELEASE_ANY,
     decode_function},
};

static const struct table_family blacklist_family = {
    .name = "_kprobe_blacklist",
    .section = "_kprobe_blacklist",
    .boundary = BOUNDARY_KPROBE_BLACKLIST,
    .layouts = blacklist_layouts,
    .layout_count = sizeof(blacklist_layouts) / sizeof(blacklist_layouts[0]),
    .entry_memory = sizeof(struct code_place),
};

bool kprobe_blacklist_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return table_read_places(reader, &blacklist_family, &metadata->kprobe_blacklist_table,
	                         &metadata->kprobe_blacklist);
}
