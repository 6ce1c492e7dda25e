/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Static calls (from 5.10): the trampolines, 8 bytes each, that the kernel rewrites (jmp rel32, or
 * ret where there is no function), and on x86_64 the table of the calls and jumps to them.
 *
 * A trampoline ends in a signature: 0f b9 cc (6.1 arch/x86/include/asm/static_call.h,
 * __ARCH_DEFINE_STATIC_CALL_TRAMP), 53 43 54 in releases before; the first had none (5.10), and
 * only symbols name theirs. They lie in .text one after the other, aligned to 4 (STATIC_CALL_TEXT).
 *
 * .static_call_sites: s32 site, s32 key, both relative; the key's two low bits are flags
 * (include/linux/static_call_types.h). In a built kernel it has no section header.
 */

#include "patcher/linux/linux_tables.h"

#include <stdlib.h>

#define TRAMPOLINE_SIZE   8
#define TRAMPOLINE_PREFIX "__SCT__"
#define KEY_FLAGS         3u

/* A run of fewer calls is not taken for the table. */
#define SEARCH_MINIMUM 8

/* jmp rel32, or ret; int3 and nops. */
static bool is_trampoline(const uint8_t *code)
{
	return code[0] == 0xe9 || (code[0] == 0xc3 && code[1] == 0xcc);
}

static bool has_signature(const uint8_t *code)
{
	uint32_t end = bytes_load32(code + 4) >> 8;

	return (end == 0xccb90f || end == 0x544353) && is_trampoline(code);
}

/* --- the table of sites ----------------------------------------------------------------------- */

/* call, jmp, or jcc rel32 (from 6.3 tail calls may be conditional). */
static bool is_branch32(const uint8_t *code, bool two_byte)
{
	return code[0] == 0xe8 || code[0] == 0xe9 ||
	       (two_byte && code[0] == 0x0f && (code[1] & 0xf0) == 0x80);
}

/* Whether the call or jmp leads to a trampoline with signature. */
static bool calls_trampoline(struct table_reader *reader, const struct code_place *place,
                             const uint8_t *code)
{
	struct code_place target;
	const uint8_t *trampoline;

	if (code[0] == 0x0f || !reader_branch_target(reader, place, code, &target))
		return code[0] == 0x0f;
	trampoline = reader_code(reader, &target, TRAMPOLINE_SIZE);
	return trampoline && has_signature(trampoline);
}

static enum entry_verdict decode_site(struct table_cursor *cursor, void *memory,
                                      const void *previous)
{
	struct table_reader *reader = cursor->reader;
	struct code_place *place = memory, key;
	const uint8_t *code;

	(void)previous;
	if (!cursor_site(cursor, 0, place) || !cursor_site(cursor, 4, &key))
		return ENTRY_INVALID;
	code = cursor_code(cursor, place, 5);
	if (!code)
		return cursor_refuse(cursor, "its site is not in code", place->address);
	if (!is_branch32(code, cursor_code(cursor, place, 6) != NULL))
		return cursor_refuse(cursor, "no call and no jump of 32 bits stands at",
		                     place->address);
	if (cursor->searching && !calls_trampoline(reader, place, code))
		return cursor_refuse(cursor, "no trampoline is the target at", place->address);
	key.address &= ~(uint64_t)KEY_FLAGS;
	if (!(reader->is_module && key.section == UINT32_MAX) && !reader_data(reader, &key))
		return cursor_refuse(cursor, "its key is not in data", key.address);
	return ENTRY_VALID;
}

static const struct table_layout layouts[] = {
    {"relative-8", 8, POINTER_RELATIVE, 4, 8, 8, LINUX_RELEASE(5, 10, 0), LINUX_RELEASE_ANY,
     decode_site},
};

static const struct table_family family = {
    .name = ".static_call_sites",
    .section = ".static_call_sites",
    .boundary = BOUNDARY_STATIC_CALLS,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct code_place),
    .search = table_search,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 4,
};

/* --- trampolines ------------------------------------------------------------------------------ */

static bool add_trampoline(struct table_reader *reader, struct place_list *list, size_t *room,
                           struct code_place place)
{
	if (list->count == *room) {
		size_t larger = *room ? *room * 2 : 64;
		struct code_place *places = realloc(list->places, larger * sizeof(*places));

		if (!places)
			return problem_report(reader->problem, OUT_OF_MEMORY);
		list->places = places;
		*room = larger;
	}
	list->places[list->count++] = place;
	return true;
}

static bool search_section(struct table_reader *reader, uint32_t index, struct place_list *list,
                           size_t *room)
{
	const struct kernel_section *section = &reader->kernel->sections[index];
	uint64_t base = reader->is_module ? 0 : section->address;

	for (uint64_t offset = -base & 3; offset + TRAMPOLINE_SIZE <= section->size; offset += 4) {
		struct code_place place = {base + offset, index};

		if (has_signature(section->bytes + offset) &&
		    !add_trampoline(reader, list, room, place))
			return false;
	}
	return true;
}

/* Code, or what may be code if none is certain. */
static bool may_hold_trampolines(const struct table_reader *reader,
                                 const struct kernel_section *section)
{
	return section->executable || (section->index == UINT32_MAX && !reader->has_certain);
}

static bool by_signature(struct table_reader *reader, struct place_list *list, size_t *room)
{
	for (size_t i = 0; i < reader->kernel->section_count; i++) {
		const struct kernel_section *section = &reader->kernel->sections[i];

		if (section->bytes && may_hold_trampolines(reader, section) &&
		    !search_section(reader, (uint32_t)i, list, room))
			return false;
	}
	return true;
}

static bool by_symbols(struct table_reader *reader, struct place_list *list, size_t *room)
{
	const struct kernel *kernel = reader->kernel;

	for (size_t i = 0; i < kernel->symbol_count; i++) {
		const struct kernel_symbol *symbol = &kernel->symbols[i];
		struct code_place place = {symbol->address, symbol->section};
		const uint8_t *code;

		if (strncmp(symbol->name, TRAMPOLINE_PREFIX, strlen(TRAMPOLINE_PREFIX)) != 0 ||
		    (reader->is_module && symbol->section == UINT32_MAX))
			continue;
		code = reader_code(reader, &place, TRAMPOLINE_SIZE - 3);
		if (!code || !is_trampoline(code))
			return problem_report(reader->problem, LINUX_TRAMPOLINE, symbol->name,
			                      WIDE(symbol->address));
		if (!add_trampoline(reader, list, room, place))
			return false;
	}
	return true;
}

bool static_calls_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	struct place_list *trampolines = &metadata->static_call_trampolines;
	size_t room = 0;

	if (!table_read_places(reader, &family, &metadata->static_call_table,
	                       &metadata->static_calls) ||
	    !by_symbols(reader, trampolines, &room))
		return false;
	return trampolines->count || by_signature(reader, trampolines, &room);
}
