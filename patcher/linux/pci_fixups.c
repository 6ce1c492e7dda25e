/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * .pci_fixup: functions that the kernel calls for PCI devices with quirks (include/linux/pci.h,
 * struct pci_fixup).
 *
 *   from 2.6.8  u16 vendor, u16 device, hook's address
 *   from 3.4    u32 class and unsigned class_shift before the hook
 *   from 4.19   the hook as s32, relative to its word (so in 6.1)
 */

#include "patcher/linux/linux_tables.h"

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
