/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * __ex_table: instructions that may fault, and where to go on then.
 *
 *   2.6.0 - 3.4   insn, fixup: addresses       2.6.32 arch/x86/include/asm/asm.h, _ASM_EXTABLE
 *   3.5 - 4.5     insn, fixup: s32, relative   3.6 arch/x86/include/asm/asm.h
 *   4.6 - 5.15    and a handler, likewise      arch/x86/mm/extable.c, ex_fixup_handler()
 *   from 5.16     and a type word instead      6.1 arch/x86/include/asm/extable.h
 *
 * The relative table is sorted when the kernel is linked (scripts/sortextable.c, from 5.6
 * scripts/sorttable.c). A module's is sorted when it is loaded (extable.c, sort_extable()).
 */

#include "patcher/linux/linux_tables.h"

/* Without section headers, a run of fewer entries is not taken for the table. */
#define SEARCH_MINIMUM 16

/* 3.5 - 4.5: _ASM_EXTABLE_EX adds this to the fixup of an access to user memory that reports an
 * error (3.6 arch/x86/mm/extable.c, fixup_exception()). */
#define UACCESS_ERROR_BIAS 0x7ffffff0

/* 2.6.29 - 3.4: a smaller fixup is the distance from the instruction to where to go on. */
#define UACCESS_ERROR_DISTANCE 16

/* The low byte of the third word; 6.1 knows 1 to 20, and 0 stands in no table. */
#define FIXUP_TYPE_LIMIT 64

static enum entry_verdict decode_instruction(struct table_cursor *cursor,
                                             struct exception_entry *entry,
                                             const struct exception_entry *previous)
{
	entry->entry_address = cursor->source->address + cursor->offset;
	entry->handler = 0;
	if (!cursor_site(cursor, 0, &entry->instruction))
		return ENTRY_INVALID;
	if (!cursor_code(cursor, &entry->instruction, 1))
		return cursor_refuse(cursor, "its instruction is not in code",
		                     entry->instruction.address);
	if (cursor->layout->form == POINTER_RELATIVE && !cursor->reader->is_module && previous &&
	    entry->instruction.address < previous->instruction.address)
		return cursor_refuse(cursor, "its instruction lies before the previous entry's, at",
		                     entry->instruction.address);
	return ENTRY_VALID;
}

/* Whether the fixup at `at` counts from the instruction. */
static bool is_distance(const struct table_cursor *cursor, uint32_t at)
{
	if (cursor->reader->is_module)
		return !cursor_relocation(cursor, at) &&
		       bytes_load32(cursor->bytes + at) < UACCESS_ERROR_DISTANCE;
	return (cursor->layout->first_size == 8
	            ? bytes_load64(cursor->bytes + at)
	            : bytes_load32(cursor->bytes + at)) < UACCESS_ERROR_DISTANCE;
}

static enum entry_verdict decode_absolute(struct table_cursor *cursor, void *memory,
                                          const void *previous)
{
	struct exception_entry *entry = memory;
	uint32_t word_size = cursor->layout->first_size;

	if (decode_instruction(cursor, entry, previous) != ENTRY_VALID)
		return ENTRY_INVALID;
	if (is_distance(cursor, word_size)) {
		entry->fixup = entry->instruction;
		entry->fixup.address += bytes_load32(cursor->bytes + word_size);
	} else if (!cursor_site(cursor, word_size, &entry->fixup)) {
		return ENTRY_INVALID;
	}
	if (!cursor_code(cursor, &entry->fixup, 1))
		return cursor_refuse(cursor, "its fixup is not in code", entry->fixup.address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_relative(struct table_cursor *cursor, void *memory,
                                          const void *previous)
{
	struct exception_entry *entry = memory;

	if (decode_instruction(cursor, entry, previous) != ENTRY_VALID ||
	    !cursor_site(cursor, 4, &entry->fixup))
		return ENTRY_INVALID;
	if (!cursor_code(cursor, &entry->fixup, 1))
		return cursor_refuse(cursor, "its fixup is not in code", entry->fixup.address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_relative_pair(struct table_cursor *cursor, void *memory,
                                               const void *previous)
{
	struct exception_entry *entry = memory;
	struct code_place fixup;

	if (decode_instruction(cursor, entry, previous) != ENTRY_VALID ||
	    !cursor_site(cursor, 4, &fixup))
		return ENTRY_INVALID;
	entry->fixup = fixup;
	if (cursor_code(cursor, &entry->fixup, 1))
		return ENTRY_VALID;
	entry->fixup.address -= UACCESS_ERROR_BIAS;
	if (!cursor->reader->kernel->is_64bit)
		entry->fixup.address &= UINT32_MAX;
	if (!cursor_code(cursor, &entry->fixup, 1))
		return cursor_refuse(cursor, "its fixup is not in code", fixup.address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_handler(struct table_cursor *cursor, void *memory,
                                         const void *previous)
{
	struct exception_entry *entry = memory;
	struct code_place handler;

	if (decode_relative(cursor, memory, previous) != ENTRY_VALID ||
	    !cursor_site(cursor, 8, &handler))
		return ENTRY_INVALID;
	/* a module's handlers are the kernel's */
	if (!(cursor->reader->is_module && handler.section == UINT32_MAX) &&
	    !reader_code(cursor->reader, &handler, 1))
		return cursor_refuse(cursor, "its handler is not in code", handler.address);
	entry->handler = bytes_load32(cursor->bytes + 8);
	return ENTRY_VALID;
}

static enum entry_verdict decode_type(struct table_cursor *cursor, void *memory,
                                      const void *previous)
{
	struct exception_entry *entry = memory;

	if (decode_relative(cursor, memory, previous) != ENTRY_VALID)
		return ENTRY_INVALID;
	entry->handler = bytes_load32(cursor->bytes + 8);
	if ((entry->handler & 0xff) == 0 || (entry->handler & 0xff) >= FIXUP_TYPE_LIMIT)
		return cursor_refuse(cursor, "its type word is of no known type", entry->handler);
	return ENTRY_VALID;
}

static const struct table_layout layouts[] = {
    {"relative-12", 0, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(5, 16, 0), LINUX_RELEASE_ANY,
     decode_type},
    {"relative-12-handler", 0, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(4, 6, 0),
     LINUX_RELEASE(5, 16, 0), decode_handler},
    {"relative-8", 0, POINTER_RELATIVE, 4, 8, 8, LINUX_RELEASE(3, 5, 0), LINUX_RELEASE(4, 6, 0),
     decode_relative_pair},
    {"absolute-8", 4, POINTER_ABSOLUTE, 4, 8, 8, LINUX_RELEASE(2, 6, 0), LINUX_RELEASE(3, 5, 0),
     decode_absolute},
    {"absolute-16", 8, POINTER_ABSOLUTE, 8, 16, 16, LINUX_RELEASE(2, 6, 0), LINUX_RELEASE(3, 5, 0),
     decode_absolute},
};

/* Three small numbers in a row look like an entry, unless the code is known. */
static bool search(struct table_reader *reader, const struct table_family *family,
                   struct table_source *source)
{
	return !reader->has_certain || table_search_headless(reader, family, source);
}

static const struct table_family family = {
    .name = "__ex_table",
    .section = "__ex_table",
    .boundary = BOUNDARY_EXCEPTIONS,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct exception_entry),
    .search = search,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 4,
};

bool exception_table_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	void *entries;
	bool done = table_read(reader, &family, &metadata->exception_table, &entries,
	                       &metadata->exception_count);

	metadata->exceptions = entries;
	return done;
}
