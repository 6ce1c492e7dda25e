/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * .parainstructions (2.6.20 - 6.7): indirect calls through the paravirt operations that the kernel
 * turns into direct ones or into native instructions. 6.8 made them alternatives.
 *
 *   address, u8 type, u8 len, u16 clobbers; from 5.0 without the clobbers, each entry aligned to a
 *   word (6.1 arch/x86/include/asm/paravirt_types.h, struct paravirt_patch_site), so the last one
 *   may end early.
 */

#include "patcher/linux/linux_tables.h"

/* Without section headers, a run of fewer entries is not taken for the table. */
#define SEARCH_MINIMUM 16

/* The longest site there was pushes and pops the registers that a call clobbers. */
#define SITE_LENGTH_LIMIT 64

/* Whether a call or jump through memory is among the bytes: ff /2 or ff /4. */
static bool has_indirect_branch(const uint8_t *bytes, uint8_t length)
{
	for (uint8_t i = 0; i + 1 < length; i++) {
		uint8_t operation = bytes[i + 1] >> 3 & 7;

		if (bytes[i] == 0xff && bytes[i + 1] < 0xc0 && (operation == 2 || operation == 4))
			return true;
	}
	return false;
}

/* Whether a site, and not a function's start, may begin so: with the branch, or with pushes of the
 * registers that a call clobbers. */
static bool begins_site(const uint8_t *code)
{
	return code[0] == 0xff || code[0] == 0x2e || (code[0] >= 0x50 && code[0] <= 0x52);
}

static enum entry_verdict decode(struct table_cursor *cursor, void *memory, const void *previous)
{
	struct paravirt_entry *entry = memory;
	const uint8_t *fields = cursor->bytes + cursor->layout->first_size;
	uint64_t rest = cursor->source->size - cursor->offset - cursor->layout->first_size;
	const uint8_t *code;

	(void)previous;
	*entry = (struct paravirt_entry){.type = fields[0], .length = fields[1]};
	entry->entry_address = cursor->source->address + cursor->offset;
	if (rest >= 4)
		entry->clobbers = bytes_load16(fields + 2);
	if (!cursor_site(cursor, 0, &entry->site))
		return ENTRY_INVALID;
	if (entry->length == 0 || entry->length > SITE_LENGTH_LIMIT)
		return cursor_refuse(cursor, "its site is too short or too long, length",
		                     entry->length);
	code = cursor_code(cursor, &entry->site, entry->length);
	if (!code)
		return cursor_refuse(cursor, "its site is not in code", entry->site.address);
	if (!has_indirect_branch(code, entry->length) || (cursor->searching && !begins_site(code)))
		return cursor_refuse(cursor, "its site holds no indirect call or jump",
		                     entry->site.address);
	return ENTRY_VALID;
}

static const struct table_layout layouts[] = {
    {"absolute-8", 4, POINTER_ABSOLUTE, 4, 8, 6, LINUX_RELEASE(2, 6, 20), LINUX_RELEASE(6, 8, 0),
     decode},
    {"absolute-16", 8, POINTER_ABSOLUTE, 8, 16, 10, LINUX_RELEASE(2, 6, 20), LINUX_RELEASE(6, 8, 0),
     decode},
};

static const struct table_family family = {
    .name = ".parainstructions",
    .section = ".parainstructions",
    .boundary = BOUNDARY_PARAVIRT,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct paravirt_entry),
    .search = table_search_headless,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 4,
};

bool paravirt_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	void *entries;
	bool done = table_read(reader, &family, &metadata->paravirt_table, &entries,
	                       &metadata->paravirt_count);

	metadata->paravirt = entries;
	return done;
}
