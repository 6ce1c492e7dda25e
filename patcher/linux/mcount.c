/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * __mcount_loc (from 2.6.28): the addresses of the calls to mcount or __fentry__ that functions
 * begin with, for ftrace (scripts/recordmcount.c). On x86_64 objtool may have made them nops
 * already. Since 5.17 the table is sorted when the kernel is linked (scripts/sorttable.c), and
 * words of zero in it are passed over (6.1 kernel/trace/ftrace.c, ftrace_process_locs()). In a
 * built kernel it lies in .init.data with no section header of its own (6.1
 * include/asm-generic/vmlinux.lds.h, MCOUNT_REC()).
 */

#include "patcher/linux/linux_tables.h"

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
	if (cursor_word(cursor) == 0 && !cursor->reader->is_module)
		return ENTRY_EMPTY;
	if (!cursor_site(cursor, 0, place))
		return ENTRY_INVALID;
	code = cursor_code(cursor, place, 5);
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
    .search = table_search,
    .search_minimum = MCOUNT_SEARCH_MINIMUM,
    .search_alignment = 4,
    .narrow = narrow_mcount,
};

bool mcount_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	return table_read_places(reader, &mcount_family, &metadata->mcount_table,
	                         &metadata->mcount);
}
