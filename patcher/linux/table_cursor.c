/* SPDX-License-Identifier: BSD-2-Clause */
/* The fields of a table's entry: where they lead, and what stands there. */

#include "patcher/linux/linux_tables.h"

#include <elf.h>

enum entry_verdict cursor_refuse(struct table_cursor *cursor, const char *reason, uint64_t value)
{
	cursor->reason = reason;
	cursor->value = value;
	return ENTRY_INVALID;
}

uint64_t cursor_word(const struct table_cursor *cursor)
{
	return cursor->layout->first_size == 8 ? bytes_load64(cursor->bytes)
	                                       : bytes_load32(cursor->bytes);
}

/* --- pointers --------------------------------------------------------------------------------- */

static bool relocation_is(const struct table_reader *reader,
                          const struct kernel_relocation *relocation, enum pointer_form form)
{
	if (!reader->kernel->is_64bit)
		return relocation->type == (form == POINTER_RELATIVE ? R_386_PC32 : R_386_32);
	if (form == POINTER_RELATIVE)
		return relocation->type == R_X86_64_PC32 || relocation->type == R_X86_64_PLT32 ||
		       relocation->type == R_X86_64_PC64;
	return relocation->type == R_X86_64_64 || relocation->type == R_X86_64_32 ||
	       relocation->type == R_X86_64_32S;
}

/* The relocation, of count that belong to one section, at an address in it; NULL if there is none.
 */
static const struct kernel_relocation *find_relocation(const struct kernel_relocation *relocations,
                                                       size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (relocations[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && relocations[low].address == address ? &relocations[low] : NULL;
}

/*
 * The symbol's place plus the addend. For a relative word that is right too: it holds S + A - P,
 * and its reader adds its own address P.
 */
static bool relocation_place(const struct table_reader *reader,
                             const struct kernel_relocation *relocation, struct code_place *place)
{
	if (!module_symbols_place(&reader->symbols, relocation->symbol, place))
		return false;
	place->address += (uint64_t)relocation->addend;
	if (!reader->kernel->is_64bit)
		place->address &= UINT32_MAX;
	return true;
}

const struct kernel_relocation *cursor_relocation(const struct table_cursor *cursor, uint32_t at)
{
	const struct table_source *source = cursor->source;

	return find_relocation(source->relocations, source->relocation_count,
	                       source->address + cursor->offset + at);
}

static bool module_pointer(struct table_cursor *cursor, uint32_t at, enum pointer_form form,
                           struct code_place *place)
{
	const struct kernel_relocation *found = cursor_relocation(cursor, at);

	if (!found || !relocation_is(cursor->reader, found, form)) {
		cursor_refuse(cursor, "no relocation of the right kind makes its pointer at",
		              cursor->source->address + cursor->offset + at);
		return false;
	}
	if (!relocation_place(cursor->reader, found, place)) {
		cursor_refuse(cursor, "its relocation names no symbol of the module: number",
		              found->symbol);
		return false;
	}
	return true;
}

bool cursor_pointer(struct table_cursor *cursor, uint32_t at, uint32_t size, enum pointer_form form,
                    struct code_place *place)
{
	uint64_t value;

	place->section = UINT32_MAX;
	if (cursor->reader->is_module)
		return module_pointer(cursor, at, form, place);
	value = size == 8 ? bytes_load64(cursor->bytes + at) : bytes_load32(cursor->bytes + at);
	if (form == POINTER_RELATIVE) {
		if (size == 4)
			value = (uint64_t)(int64_t)(int32_t)value;
		value += cursor->source->address + cursor->offset + at;
	}
	if (!cursor->reader->kernel->is_64bit)
		value &= UINT32_MAX;
	place->address = value;
	return true;
}

bool cursor_site(struct table_cursor *cursor, uint32_t at, struct code_place *place)
{
	return cursor_pointer(cursor, at, cursor->layout->first_size, cursor->layout->form, place);
}

/* --- what stands there ------------------------------------------------------------------------ */

/* The range of code that address lies in or ends, or NULL. */
static const struct code_range *find_code(struct table_reader *reader, uint64_t address)
{
	size_t low = 0, high = reader->code_count;
	const struct code_range *last;

	if (high == 0)
		return NULL;
	last = &reader->code[reader->last_code];
	if (address - last->address < last->size)
		return last;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (address >= reader->code[middle].address)
			low = middle;
		else
			high = middle;
	}
	if (address < reader->code[low].address ||
	    address - reader->code[low].address > reader->code[low].size)
		return NULL;
	reader->last_code = low;
	return &reader->code[low];
}

static const uint8_t *module_code(const struct table_reader *reader, const struct code_place *place,
                                  uint64_t length)
{
	const struct kernel_section *section;

	if (place->section >= reader->kernel->section_count)
		return NULL;
	section = &reader->kernel->sections[place->section];
	if (!section->executable || !section->bytes ||
	    !bytes_in_range(place->address, length, section->size))
		return NULL;
	return section->bytes + place->address;
}

const uint8_t *reader_code(struct table_reader *reader, struct code_place *place, uint64_t length)
{
	const struct code_range *range;

	if (reader->is_module)
		return module_code(reader, place, length);
	range = find_code(reader, place->address);
	if (!range || length > range->size - (place->address - range->address))
		return NULL;
	place->section = range->section;
	return range->bytes + (place->address - range->address);
}

const uint8_t *cursor_code(const struct table_cursor *cursor, struct code_place *place,
                           uint64_t length)
{
	struct table_reader *reader = cursor->reader;
	const uint8_t *code;

	if (!cursor->searching || cursor->lenient || !reader->has_certain)
		return reader_code(reader, place, length);
	code = reader_code(reader, place, length);
	return code && reader->code[reader->last_code].certain ? code : NULL;
}

/* Whether a segment of a kernel has the address; its zeros have no section. */
static bool in_segment(const struct kernel *kernel, uint64_t address)
{
	size_t low = 0, high = kernel->segment_count;
	const struct kernel_segment *segment;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->segments[middle].virtual_address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	segment = &kernel->segments[low - 1];
	return address - segment->virtual_address < segment->memory_size;
}

bool reader_data(struct table_reader *reader, struct code_place *place)
{
	const struct kernel_section *section;

	if (reader->is_module) {
		if (place->section >= reader->kernel->section_count)
			return false;
		section = &reader->kernel->sections[place->section];
		return !section->executable && place->address < section->size;
	}
	section = kernel_section_at(reader->kernel, place->address);
	if (!section)
		return reader->is_headless && in_segment(reader->kernel, place->address);
	place->section = (uint32_t)(section - reader->kernel->sections);
	return !section->executable || (section->index == UINT32_MAX && !section->name[0]);
}

const uint8_t *reader_bytes(struct table_reader *reader, const struct code_place *place,
                            uint64_t *size)
{
	const struct kernel_section *section;
	uint64_t offset = place->address;

	if (reader->is_module) {
		if (place->section >= reader->kernel->section_count)
			return NULL;
		section = &reader->kernel->sections[place->section];
	} else {
		section = kernel_section_at(reader->kernel, place->address);
		if (!section)
			return NULL;
		offset -= section->address;
	}
	if (!section->bytes || offset >= section->size)
		return NULL;
	*size = section->size - offset;
	return section->bytes + offset;
}

/* --- branches --------------------------------------------------------------------------------- */

bool reader_branch_target(struct table_reader *reader, const struct code_place *place,
                          const uint8_t *bytes, struct code_place *target)
{
	uint32_t length = bytes[0] == 0xeb ? 2 : 5;
	int64_t displacement = length == 2 ? (int8_t)bytes[1] : (int32_t)bytes_load32(bytes + 1);

	if (reader->is_module && length == 5) {
		size_t first = reader_relocations(reader, place->section);
		size_t count = reader_relocations(reader, place->section + 1) - first;
		const struct kernel_relocation *relocation =
		    find_relocation(reader->kernel->relocations + first, count, place->address + 1);

		if (relocation) { /* relative to the end of the rel32, not to its start */
			if (!relocation_place(reader, relocation, target))
				return false;
			target->address += 4;
			if (!reader->kernel->is_64bit)
				target->address &= UINT32_MAX;
			return true;
		}
	}
	target->section = place->section;
	target->address = place->address + length + (uint64_t)displacement;
	if (!reader->kernel->is_64bit)
		target->address &= UINT32_MAX;
	return true;
}
