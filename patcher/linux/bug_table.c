/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * __bug_table (from 2.6.20): undefined instructions that report a bug or warning.
 *
 *   i386    address, file name's address, u16 line, u16 flags; without CONFIG_DEBUG_BUGVERBOSE no
 *           file and line (6.1 include/asm-generic/bug.h, struct bug_entry; still so in 6.18)
 *   x86_64  the same with 8-byte addresses until 2.6.28, then s32; the file's is relative to the
 *           entry at first (3.1 arch/x86/include/asm/bug.h), to its own word later (6.1's,
 *           __BUG_REL); from 6.19 the format's address stands between address and file
 *
 * Before 2.6.20 line and file stood behind the instruction itself (include/asm-i386/bug.h).
 */

#include "patcher/linux/linux_tables.h"

/* Without section headers, a run of fewer entries is not taken for the table. */
#define SEARCH_MINIMUM 16

/* ud2; from 4.12 to 4.15 ud0 for warnings (4.15 arch/x86/include/asm/bug.h, ASM_UD0). 6.19 warns
 * with arguments through a function whose ud1 has no entry. */
static bool is_undefined_instruction(const uint8_t *code)
{
	return code[0] == 0x0f && (code[1] == 0x0b || code[1] == 0xff);
}

static bool is_text(struct table_reader *reader, const struct code_place *place)
{
	uint64_t size;
	const uint8_t *bytes = reader_bytes(reader, place, &size);

	return bytes && bytes[0] >= ' ' && bytes[0] < 0x7f;
}

static enum entry_verdict decode_instruction(struct table_cursor *cursor, struct bug_entry *entry,
                                             uint32_t numbers, bool has_line)
{
	const uint8_t *code;

	*entry = (struct bug_entry){.entry_address = cursor->source->address + cursor->offset};
	if (has_line)
		entry->line = bytes_load16(cursor->bytes + numbers);
	entry->flags = bytes_load16(cursor->bytes + numbers + (has_line ? 2 : 0));
	if (!cursor_site(cursor, 0, &entry->instruction))
		return ENTRY_INVALID;
	code = cursor_code(cursor, &entry->instruction, 2);
	if (!code)
		return cursor_refuse(cursor, "its instruction is not in code",
		                     entry->instruction.address);
	if (!is_undefined_instruction(code))
		return cursor_refuse(cursor, "no undefined instruction stands at",
		                     entry->instruction.address);
	return ENTRY_VALID;
}

/* A pointer to text at `at`; relative ones count from there or from the entry. */
static enum entry_verdict check_text(struct table_cursor *cursor, uint32_t at)
{
	struct code_place text;
	uint64_t address;

	if (!cursor_site(cursor, at, &text))
		return ENTRY_INVALID;
	if (is_text(cursor->reader, &text))
		return ENTRY_VALID;
	address = text.address;
	text.address -= at;
	if (cursor->layout->form == POINTER_RELATIVE && is_text(cursor->reader, &text))
		return ENTRY_VALID;
	return cursor_refuse(cursor, "its file name or format is no text, at", address);
}

static enum entry_verdict decode_verbose(struct table_cursor *cursor, void *memory,
                                         const void *previous)
{
	uint32_t size = cursor->layout->first_size;

	(void)previous;
	if (decode_instruction(cursor, memory, 2 * size, true) != ENTRY_VALID)
		return ENTRY_INVALID;
	return check_text(cursor, size);
}

static enum entry_verdict decode_terse(struct table_cursor *cursor, void *memory,
                                       const void *previous)
{
	(void)previous;
	return decode_instruction(cursor, memory, cursor->layout->first_size, false);
}

/* The format may be absent: lib/bug.c, bug_get_format(). */
static enum entry_verdict decode_verbose_format(struct table_cursor *cursor, void *memory,
                                                const void *previous)
{
	(void)previous;
	if (decode_instruction(cursor, memory, 12, true) != ENTRY_VALID)
		return ENTRY_INVALID;
	return check_text(cursor, 8);
}

static enum entry_verdict decode_terse_format(struct table_cursor *cursor, void *memory,
                                              const void *previous)
{
	(void)previous;
	if (decode_instruction(cursor, memory, 8, false) != ENTRY_VALID)
		return ENTRY_INVALID;
	if (bytes_load16(cursor->bytes + 10) != 0)
		return cursor_refuse(cursor, "its padding is not zero but",
		                     bytes_load16(cursor->bytes + 10));
	return bytes_load32(cursor->bytes + 4) == 0 ? ENTRY_VALID : check_text(cursor, 4);
}

static const struct table_layout layouts[] = {
    {"absolute-12", 4, POINTER_ABSOLUTE, 4, 12, 12, LINUX_RELEASE(2, 6, 20), LINUX_RELEASE_ANY,
     decode_verbose},
    {"absolute-8", 4, POINTER_ABSOLUTE, 4, 8, 8, LINUX_RELEASE(2, 6, 20), LINUX_RELEASE_ANY,
     decode_terse},
    {"relative-16", 8, POINTER_RELATIVE, 4, 16, 16, LINUX_RELEASE(6, 19, 0), LINUX_RELEASE_ANY,
     decode_verbose_format},
    {"relative-12-format", 8, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(6, 19, 0),
     LINUX_RELEASE_ANY, decode_terse_format},
    {"relative-12", 8, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(2, 6, 29),
     LINUX_RELEASE(6, 19, 0), decode_verbose},
    {"relative-8", 8, POINTER_RELATIVE, 4, 8, 8, LINUX_RELEASE(2, 6, 29), LINUX_RELEASE(6, 19, 0),
     decode_terse},
    {"absolute-24", 8, POINTER_ABSOLUTE, 8, 24, 24, LINUX_RELEASE(2, 6, 20),
     LINUX_RELEASE(2, 6, 29), decode_verbose},
    {"absolute-16", 8, POINTER_ABSOLUTE, 8, 16, 16, LINUX_RELEASE(2, 6, 20),
     LINUX_RELEASE(2, 6, 29), decode_terse},
};

static const struct table_family family = {
    .name = "__bug_table",
    .section = "__bug_table",
    .boundary = BOUNDARY_BUGS,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct bug_entry),
    .search = table_search_headless,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 4,
};

bool bug_table_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	void *entries;
	bool done =
	    table_read(reader, &family, &metadata->bug_table, &entries, &metadata->bug_count);

	metadata->bugs = entries;
	return done;
}
