/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * __ksymtab and __ksymtab_gpl: what a kernel exports to its modules, by name.
 *
 *   2.6.0 - 5.3  value, name: addresses (include/linux/module.h, later export.h, kernel_symbol)
 *   from 4.19    s32 value, s32 name, relative to their words (HAVE_ARCH_PREL32_RELOCATIONS)
 *   from 5.4     and the name of a namespace, likewise (6.1's)
 */

#include "patcher/linux/linux_tables.h"

#include <ctype.h>

/* Names in the kernel are at most this long (6.1 include/linux/kallsyms.h, KSYM_NAME_LEN). */
#define NAME_SIZE_LIMIT 512

/* Without section headers, a run of fewer entries is not taken for the table. Both tables lie side
 * by side then: they are found as one. */
#define SEARCH_MINIMUM 16

/* The string at *place, or NULL if it is none. */
static const char *read_string(struct table_reader *reader, const struct code_place *place)
{
	uint64_t size;
	const uint8_t *bytes = reader_bytes(reader, place, &size);

	if (!bytes)
		return NULL;
	if (size > NAME_SIZE_LIMIT)
		size = NAME_SIZE_LIMIT;
	for (uint64_t i = 0; i < size; i++) {
		if (bytes[i] == 0)
			return (const char *)bytes;
		if (bytes[i] < ' ' || bytes[i] >= 0x7f)
			return NULL;
	}
	return NULL;
}

/* Whether the text is one of C's names. (It may be the end of another: the linker merges them.) */
static bool is_name(const char *name)
{
	for (; *name; name++)
		if (*name != '_' && *name != '.' && !isalnum((unsigned char)*name))
			return false;
	return true;
}

static enum entry_verdict decode_export(struct table_cursor *cursor, void *memory,
                                        const void *previous)
{
	struct exported_symbol *symbol = memory;
	uint32_t size = cursor->layout->first_size;
	struct code_place value, name;

	(void)previous;
	if (!cursor_site(cursor, 0, &value) || !cursor_site(cursor, size, &name))
		return ENTRY_INVALID;
	symbol->address = value.address;
	symbol->name = read_string(cursor->reader, &name);
	if (!symbol->name || !symbol->name[0] || (cursor->searching && !is_name(symbol->name)))
		return cursor_refuse(cursor, "its name is no text, at", name.address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_export_namespace(struct table_cursor *cursor, void *memory,
                                                  const void *previous)
{
	uint32_t size = cursor->layout->first_size, at = 2 * size;
	struct code_place name;
	uint64_t word;

	if (decode_export(cursor, memory, previous) != ENTRY_VALID)
		return ENTRY_INVALID;
	word = size == 8 ? bytes_load64(cursor->bytes + at) : bytes_load32(cursor->bytes + at);
	if (word == 0) /* no namespace: kernel/module/main.c, kernel_symbol_namespace() */
		return ENTRY_VALID;
	if (!cursor_site(cursor, at, &name))
		return ENTRY_INVALID;
	if (!read_string(cursor->reader, &name))
		return cursor_refuse(cursor, "its namespace is no text, at", name.address);
	return ENTRY_VALID;
}

static const struct table_layout layouts[] = {
    {"relative-12", 0, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(5, 4, 0), LINUX_RELEASE_ANY,
     decode_export_namespace},
    {"relative-8", 0, POINTER_RELATIVE, 4, 8, 8, LINUX_RELEASE(4, 19, 0), LINUX_RELEASE(5, 4, 0),
     decode_export},
    {"absolute-12", 4, POINTER_ABSOLUTE, 4, 12, 12, LINUX_RELEASE(5, 4, 0), LINUX_RELEASE_ANY,
     decode_export_namespace},
    {"absolute-8", 4, POINTER_ABSOLUTE, 4, 8, 8, LINUX_RELEASE(2, 6, 0), LINUX_RELEASE(5, 4, 0),
     decode_export},
    {"absolute-24", 8, POINTER_ABSOLUTE, 8, 24, 24, LINUX_RELEASE(5, 4, 0), LINUX_RELEASE_ANY,
     decode_export_namespace},
    {"absolute-16", 8, POINTER_ABSOLUTE, 8, 16, 16, LINUX_RELEASE(2, 6, 0), LINUX_RELEASE(5, 4, 0),
     decode_export},
};

static struct table_family export_family(const char *section, enum table_boundary boundary)
{
	return (struct table_family){.name = section,
	                             .section = section,
	                             .boundary = boundary,
	                             .layouts = layouts,
	                             .layout_count = sizeof(layouts) / sizeof(layouts[0]),
	                             .entry_memory = sizeof(struct exported_symbol),
	                             .search = table_search_headless,
	                             .search_minimum = SEARCH_MINIMUM,
	                             .search_alignment = 4,
	                             .search_anything = true};
}

bool ksymtab_read(struct table_reader *reader, bool gpl, struct ksymtab *ksymtab)
{
	struct table_family family = gpl ? export_family("__ksymtab_gpl", BOUNDARY_KSYMTAB_GPL)
	                                 : export_family("__ksymtab", BOUNDARY_KSYMTAB);
	void *entries;
	bool done = table_read(reader, &family, &ksymtab->table, &entries, &ksymtab->count);

	ksymtab->symbols = entries;
	return done;
}
