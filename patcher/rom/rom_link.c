/* SPDX-License-Identifier: BSD-2-Clause */

/* Placing a ROM: slots, bodies and wedge at their final addresses, every reference resolved. */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/rom/rom_private.h"
#include "patchtables/vmi_calls.h"

struct linker {
	const struct rom *rom;
	const struct rom_placement *placement;
	struct linked_rom *linked;
	struct problem *problem;
};

/* --- addresses ---------------------------------------------------------------------- */

/* Final guest-virtual address of offset in the section of the object with that index. */
static bool place_address(const struct linker *linker, uint32_t section, uint64_t offset,
                          uint32_t *address)
{
	const struct rom_private *private = linker->rom->private;
	const struct rom_place *place;

	if (section >= private->object.section_count)
		return false;
	place = &private->places[section];
	if (place->part == ROM_PART_NONE || offset > private->object.sections[section].size)
		return false;
	*address = place->offset + (uint32_t)offset +
	           (place->part == ROM_PART_IMAGE ? linker->placement->image_virtual
	                                          : linker->placement->wedge_virtual);
	return true;
}

/* The bytes of the linked ROM where a section of the object stands; NULL if it has none there. */
static uint8_t *place_bytes(const struct linker *linker, uint32_t section)
{
	const struct rom_place *place = &linker->rom->private->places[section];

	if (place->part == ROM_PART_IMAGE)
		return linker->linked->image + place->offset;
	if (place->part == ROM_PART_WEDGE && linker->rom->private->object.sections[section].bytes)
		return linker->linked->wedge + place->offset;
	return NULL;
}

/* The name of an undefined symbol, "" if it has none that can be read. */
static const char *symbol_name(const struct linker *linker, uint32_t index)
{
	const struct kernel *object = &linker->rom->private->object;
	struct elf_file elf;
	struct problem ignored;
	const char *name = "";

	if (!elf_file_open(object->image, object->image_size, &elf, &ignored))
		return name;
	for (size_t i = 0; i < elf.section_header_count; i++) {
		const struct elf_section_header *symbols = &elf.section_headers[i], *strings;
		Elf32_Sym symbol;

		if (symbols->type != SHT_SYMTAB || symbols->link >= elf.section_header_count ||
		    index >= symbols->size / sizeof(symbol))
			continue;
		strings = &elf.section_headers[symbols->link];
		memcpy(&symbol, object->image + symbols->offset + index * sizeof(symbol),
		       sizeof(symbol));
		if (symbol.st_name < strings->size &&
		    memchr(object->image + strings->offset + symbol.st_name, '\0',
		           strings->size - symbol.st_name))
			name = (const char *)object->image + strings->offset + symbol.st_name;
		break;
	}
	elf_file_close(&elf);
	return name;
}

/* What a relocation's symbol stands for. */
static bool symbol_address(const struct linker *linker, uint32_t index, uint32_t *address)
{
	struct code_place place;

	if (!module_symbols_place(&linker->rom->private->symbols, index, &place))
		return problem_report(linker->problem, ROM_BAD_RELOCATION, index);
	if (place.section != UINT32_MAX)
		return place_address(linker, place.section, place.address, address) ||
		       problem_report(linker->problem, ROM_BAD_RELOCATION, index);
	if (!strcmp(symbol_name(linker, index), GUEST_ENTRY_SYMBOL)) {
		*address = linker->placement->guest_entry;
		return true;
	}
	return problem_report(linker->problem, ROM_UNDEFINED, symbol_name(linker, index));
}

/* --- patchups ----------------------------------------------------------------------- */

/* Whether the rel32 at offset of section is listed in .vmi_patchups. */
static bool is_patchup(const struct linker *linker, uint32_t section, uint64_t offset)
{
	const struct rom_private *private = linker->rom->private;
	const struct kernel *object = &private->object;

	for (size_t i = 0; i < object->relocation_count; i++) {
		const struct kernel_relocation *relocation = &object->relocations[i];
		struct code_place place;

		if (relocation->section == UINT32_MAX ||
		    strcmp(object->sections[relocation->section].name, PATCHUPS_SECTION) ||
		    !module_symbols_place(&private->symbols, relocation->symbol, &place))
			continue;
		if (place.section == section &&
		    (uint32_t)(place.address + (uint64_t)relocation->addend) == offset)
			return true;
	}
	return false;
}

/* --- relocations -------------------------------------------------------------------- */

static bool apply(const struct linker *linker, const struct kernel_relocation *relocation)
{
	const struct kernel_section *section =
	    &linker->rom->private->object.sections[relocation->section];
	uint8_t *bytes = place_bytes(linker, relocation->section);
	uint32_t target, address, value;
	bool relative = relocation->type == R_386_PC32 || relocation->type == R_386_PLT32;

	if (!bytes)
		return true;
	if (relocation->address > section->size || section->size - relocation->address < 4 ||
	    (relocation->type != R_386_32 && !relative))
		return problem_report(linker->problem, ROM_BAD_RELOCATION, relocation->symbol);
	if (!symbol_address(linker, relocation->symbol, &target) ||
	    !place_address(linker, relocation->section, relocation->address, &address))
		return false;
	if (linker->rom->private->places[relocation->section].part == ROM_PART_IMAGE && relative &&
	    target - linker->placement->image_virtual >= linker->rom->image_size &&
	    !is_patchup(linker, relocation->section, relocation->address))
		return problem_report(linker->problem, ROM_UNLISTED_PATCHUP, section->name,
		                      (unsigned int)relocation->address);
	value = target + (uint32_t)relocation->addend - (relative ? address : 0);
	memcpy(bytes + relocation->address, &value, sizeof(value));
	return true;
}

static bool apply_all(const struct linker *linker)
{
	const struct kernel *object = &linker->rom->private->object;

	for (size_t i = 0; i < object->relocation_count; i++)
		if (object->relocations[i].section != UINT32_MAX &&
		    !apply(linker, &object->relocations[i]))
			return false;
	return true;
}

/* --- contents ----------------------------------------------------------------------- */

static void copy_sections(const struct linker *linker)
{
	const struct kernel *object = &linker->rom->private->object;

	for (uint32_t i = 0; i < object->section_count; i++) {
		uint8_t *bytes = place_bytes(linker, i);

		if (bytes)
			memcpy(bytes, object->sections[i].bytes, object->sections[i].size);
	}
}

/* Header; slots that no code fills trap; a long body's slot jumps to it. */
static void make_slots(const struct linker *linker)
{
	const struct rom *rom = linker->rom;
	uint8_t *image = linker->linked->image;
	struct rom_header header = {
	    .rom_signature = ROM_SIGNATURE,
	    .rom_length =
		rom->image_size / 512 < 255 ? (uint8_t)((rom->image_size + 511) / 512) : 255,
	    .vmi_signature = ROM_VMI_SIGNATURE,
	    .api_minor = ROM_API_MINOR,
	    .api_major = ROM_API_MAJOR,
	};

	for (uint32_t i = 0; i + 1 < rom->image_size; i += 2)
		memcpy(image + i, "\x0f\x0b", 2); /* ud2 */
	memcpy(image, &header, sizeof(header));
	for (uint32_t i = 0; i < ROM_SLOT_COUNT; i++) {
		uint32_t slot = i * ROM_SLOT_SIZE;
		uint32_t displacement = rom->calls[i].body_offset - (slot + 5);

		if (!rom->calls[i].out_of_line)
			continue;
		image[slot] = 0xe9;
		memcpy(image + slot + 1, &displacement, sizeof(displacement));
		memcpy(image + slot + 5, "\x0f\x0b", 2); /* ud2 */
	}
}

/* Ascending addresses; at one address the longest first, then by name. */
static int compare_symbols(const void *left, const void *right)
{
	const struct rom_symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool list_symbols(const struct linker *linker)
{
	const struct kernel *object = &linker->rom->private->object;
	struct linked_rom *linked = linker->linked;

	linked->symbols = calloc(object->symbol_count + 1, sizeof(*linked->symbols));
	if (!linked->symbols)
		return problem_report(linker->problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < object->symbol_count; i++) {
		const struct kernel_symbol *from = &object->symbols[i];
		struct rom_symbol *to = &linked->symbols[linked->symbol_count];

		if (!*from->name || from->section == UINT32_MAX ||
		    !place_address(linker, from->section, from->address, &to->address))
			continue;
		to->name = from->name;
		to->size = (uint32_t)from->size;
		to->function = from->type == SYMBOL_FUNCTION;
		linked->symbol_count++;
	}
	if (linked->symbol_count)
		qsort(linked->symbols, linked->symbol_count, sizeof(*linked->symbols),
		      compare_symbols);
	return true;
}

/* --- the whole ---------------------------------------------------------------------- */

bool rom_link(const struct rom *rom, const struct rom_placement *placement,
              struct linked_rom *linked, struct problem *problem)
{
	struct linker linker = {rom, placement, linked, problem};
	const struct kernel *object = &rom->private->object;
	const struct kernel_section *parameters = kernel_find_section(object, PARAMETERS_SECTION);

	*linked = (struct linked_rom){
	    .image_virtual = placement->image_virtual,
	    .wedge_virtual = placement->wedge_virtual,
	    .image = calloc(rom->image_size, 1),
	    .wedge = calloc((size_t)rom->wedge_size + 1, 1),
	};
	if (!linked->image || !linked->wedge) {
		linked_rom_free(linked);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	if (!parameters || parameters->size < sizeof(struct rom_parameters) || !parameters->bytes) {
		linked_rom_free(linked);
		return problem_report(problem, ROM_NO_PARAMETERS);
	}
	linked->parameters_offset = rom->private->places[parameters - object->sections].offset;
	make_slots(&linker);
	copy_sections(&linker);
	if (!apply_all(&linker) || !list_symbols(&linker)) {
		linked_rom_free(linked);
		return false;
	}
	return true;
}

void linked_rom_free(struct linked_rom *linked)
{
	free(linked->image);
	free(linked->wedge);
	free(linked->symbols);
	*linked = (struct linked_rom){0};
}

uint32_t linked_rom_entry(const struct linked_rom *linked, const char *name)
{
	for (size_t i = 0; i < linked->symbol_count; i++)
		if (!strcmp(linked->symbols[i].name, name))
			return linked->symbols[i].address;
	return 0;
}
