/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * __jump_table: places that the kernel rewrites between nop and jump.
 *
 *   2.6.37 - 4.18  code, target, key: three words (3.x arch/x86/include/asm/jump_label.h)
 *   from 4.19      s32 code, s32 target, relative, and a relative word for the key, whose two low
 *                  bits are flags (6.1 include/linux/jump_label.h, HAVE_ARCH_JUMP_LABEL_RELATIVE)
 *
 * The instruction is a nop or a jump to the target: of 5 bytes, from 5.13 on of 2 or 5
 * (arch_jump_entry_size()); until 3.x the nop was e9 00 00 00 00. The table lies in .rodata, until
 * 4.19 in .data, with no section header of its own (vmlinux.lds.h, JUMP_TABLE_DATA).
 */

#include "patcher/linux/linux_tables.h"

#define KEY_FLAGS 3u

/* A run of fewer entries than this is not taken for the table. */
#define SEARCH_MINIMUM 2

/* 6.1 arch/x86/include/asm/nops.h, BYTES_NOP5 and BYTES_NOP2 of both classes; 5.10's
 * GENERIC_NOP5_ATOMIC is the first, P6_NOP5_ATOMIC the second. */
static const uint8_t nops5[][5] = {
    {0x3e, 0x8d, 0x74, 0x26, 0x00},
    {0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x66, 0x66, 0x66, 0x66, 0x90},
};
static const uint8_t nops2[][2] = {{0x66, 0x90}, {0x89, 0xf6}};

static uint8_t nop_length(const uint8_t *code, bool five)
{
	for (size_t i = 0; five && i < sizeof(nops5) / sizeof(nops5[0]); i++)
		if (memcmp(code, nops5[i], 5) == 0)
			return 5;
	for (size_t i = 0; i < sizeof(nops2) / sizeof(nops2[0]); i++)
		if (memcmp(code, nops2[i], 2) == 0)
			return 2;
	return 0;
}

/* In a built kernel the address alone tells. */
static bool is_same_place(const struct table_reader *reader, const struct code_place *one,
                          const struct code_place *other)
{
	return one->address == other->address &&
	       (!reader->is_module || one->section == other->section);
}

/* What stands at entry->code: a nop, or a jump to entry->target. */
static enum entry_verdict check_instruction(struct table_cursor *cursor,
                                            struct jump_label_entry *entry)
{
	struct table_reader *reader = cursor->reader;
	const uint8_t *code = cursor_code(cursor, &entry->code, 2);
	struct code_place target;
	bool five;

	if (!code)
		return cursor_refuse(cursor, "its instruction is not in code", entry->code.address);
	five = cursor_code(cursor, &entry->code, 5) != NULL;
	entry->length = nop_length(code, five);
	if (entry->length)
		return ENTRY_VALID;
	if (code[0] != 0xeb && !(code[0] == 0xe9 && five))
		return cursor_refuse(cursor, "no nop and no jump of 2 or 5 bytes stands at",
		                     entry->code.address);
	entry->length = code[0] == 0xeb ? 2 : 5;
	if (!reader_branch_target(reader, &entry->code, code, &target) ||
	    (!is_same_place(reader, &target, &entry->target) &&
	     (entry->length == 2 || bytes_load32(code + 1) != 0)))
		return cursor_refuse(cursor, "its jump goes elsewhere than its target, to",
		                     target.address);
	return ENTRY_VALID;
}

static enum entry_verdict check_entry(struct table_cursor *cursor, struct jump_label_entry *entry,
                                      struct code_place *key)
{
	struct table_reader *reader = cursor->reader;

	entry->entry_address = cursor->source->address + cursor->offset;
	if (check_instruction(cursor, entry) != ENTRY_VALID)
		return ENTRY_INVALID;
	if (!cursor_code(cursor, &entry->target, 1))
		return cursor_refuse(cursor, "its target is not in code", entry->target.address);
	key->address &= ~(uint64_t)KEY_FLAGS;
	entry->key = key->address;
	if (key->address & 3 || /* a module's key may be the kernel's */
	    (!(reader->is_module && key->section == UINT32_MAX) && !reader_data(reader, key)))
		return cursor_refuse(cursor, "its key is not in data", key->address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_absolute(struct table_cursor *cursor, void *memory,
                                          const void *previous)
{
	struct jump_label_entry *entry = memory;
	uint32_t size = cursor->layout->first_size;
	struct code_place key;

	(void)previous;
	if (!cursor_site(cursor, 0, &entry->code) || !cursor_site(cursor, size, &entry->target) ||
	    !cursor_site(cursor, 2 * size, &key))
		return ENTRY_INVALID;
	return check_entry(cursor, entry, &key);
}

static enum entry_verdict decode_relative(struct table_cursor *cursor, void *memory,
                                          const void *previous)
{
	struct jump_label_entry *entry = memory;
	uint32_t key_size = cursor->layout->entry_size - 8;
	struct code_place key;

	(void)previous;
	if (!cursor_site(cursor, 0, &entry->code) || !cursor_site(cursor, 4, &entry->target) ||
	    !cursor_pointer(cursor, 8, key_size, POINTER_RELATIVE, &key))
		return ENTRY_INVALID;
	return check_entry(cursor, entry, &key);
}

static const struct table_layout layouts[] = {
    {"relative-12", 4, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(4, 19, 0), LINUX_RELEASE_ANY,
     decode_relative},
    {"relative-16", 8, POINTER_RELATIVE, 4, 16, 16, LINUX_RELEASE(4, 19, 0), LINUX_RELEASE_ANY,
     decode_relative},
    {"absolute-12", 4, POINTER_ABSOLUTE, 4, 12, 12, LINUX_RELEASE(2, 6, 37),
     LINUX_RELEASE(4, 19, 0), decode_absolute},
    {"absolute-24", 8, POINTER_ABSOLUTE, 8, 24, 24, LINUX_RELEASE(2, 6, 37),
     LINUX_RELEASE(4, 19, 0), decode_absolute},
};

static const struct table_family family = {
    .name = "__jump_table",
    .section = "__jump_table",
    .boundary = BOUNDARY_JUMP_LABELS,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct jump_label_entry),
    .search = table_search,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 4,
};

bool jump_labels_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	void *entries;
	bool done = table_read(reader, &family, &metadata->jump_table, &entries,
	                       &metadata->jump_label_count);

	metadata->jump_labels = entries;
	return done;
}
