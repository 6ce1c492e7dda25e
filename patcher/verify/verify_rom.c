/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The ROM in the output against the ROM's object file: every section where patchtables/rom_abi.h
 * wants it, every byte what the object has, every relocation resolved. Where bodies of long slots
 * stand is read from the slots; everything else follows from the object.
 */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_private.h"

#define CALL_SECTION       ".vmi.call."
#define GUEST_ENTRY_SYMBOL "ROM_GUEST_ENTRY"
#define LARGEST_ALIGNMENT  4096
#define ROM_SECTIONS_LIMIT 65536

/* --- the object ------------------------------------------------------------------------------- */

static const struct vmi_call_description *describe(uint32_t number)
{
	for (size_t i = 0; i < vmi_call_count; i++)
		if (vmi_calls[i].number == number)
			return &vmi_calls[i];
	return NULL;
}

static bool read_manifest(struct verifier *verifier)
{
	const struct elf_view_section *section = elf_view_section(&verifier->rom, ".rom_manifest");
	const size_t head = sizeof(verifier->manifest);

	if (!section || !section->bytes || section->size < head)
		return problem_report(verifier->problem, ROM_NO_MANIFEST);
	memcpy(&verifier->manifest, section->bytes, head);
	if (verifier->manifest.magic != ROM_MANIFEST_MAGIC ||
	    verifier->manifest.abi_version != ROM_ABI_VERSION ||
	    !memchr(verifier->manifest.name, '\0', sizeof(verifier->manifest.name)))
		return problem_report(verifier->problem, ROM_ABI, verifier->manifest.magic,
		                      verifier->manifest.abi_version, ROM_ABI_VERSION);
	if ((section->size - head) / sizeof(struct rom_manifest_entry) <
	    verifier->manifest.entry_count)
		return problem_report(verifier->problem, ROM_NO_MANIFEST);
	for (unsigned int i = 0; i < verifier->manifest.entry_count; i++) {
		struct rom_manifest_entry entry;
		struct verify_call *call;

		memcpy(&entry, section->bytes + head + i * sizeof(entry), sizeof(entry));
		if (entry.call >= ROM_SLOT_COUNT || !verifier->calls[entry.call].description ||
		    entry.inline_size > sizeof(entry.inline_bytes))
			return problem_report(verifier->problem, ROM_UNKNOWN_CALL, entry.call);
		call = &verifier->calls[entry.call];
		call->action = entry.action;
		call->clobbers = entry.clobbers;
		call->inline_size = entry.inline_size;
		memcpy(call->inline_bytes, entry.inline_bytes, sizeof(call->inline_bytes));
	}
	return true;
}

bool verify_rom_open(struct verifier *verifier, const struct verify_rom_file *file)
{
	const char *reason;

	for (uint32_t i = 0; i < ROM_SLOT_COUNT; i++)
		verifier->calls[i].description = describe(i);
	if (!elf_view_open(file->bytes, file->size, &verifier->rom, &reason)) {
		if (!reason)
			return problem_report(verifier->problem, OUT_OF_MEMORY);
		return problem_report(verifier->problem, ROM_NOT_AN_OBJECT);
	}
	if (verifier->rom.file_type != ET_REL || verifier->rom.section_count > ROM_SECTIONS_LIMIT)
		return problem_report(verifier->problem, ROM_NOT_AN_OBJECT);
	verifier->places = calloc(verifier->rom.section_count + 1, sizeof(*verifier->places));
	if (!verifier->places)
		return problem_report(verifier->problem, OUT_OF_MEMORY);
	verifier->for_xen = elf_view_symbol(&verifier->rom, "ROM_ENTRY_XEN") != NULL;
	if (!verifier->is_module)
		verify_find_top(verifier);
	verifier->cpuid = elf_view_section(&verifier->rom, ".rom_cpuid");
	if (verifier->cpuid && !verifier->cpuid->bytes)
		verifier->cpuid = NULL;
	return read_manifest(verifier);
}

void verify_rom_close(struct verifier *verifier)
{
	elf_view_close(&verifier->rom);
	free(verifier->places);
}

uint32_t verify_slot_at(const struct verifier *verifier, uint32_t address)
{
	uint32_t offset;

	if (!verifier->rom_section)
		return 0;
	offset = address - verifier->rom_section->address;
	return offset < ROM_SLOTS_SIZE && offset % ROM_SLOT_SIZE == 0 &&
	               offset / ROM_SLOT_SIZE >= VMI_FIRST_CALL
	           ? offset / ROM_SLOT_SIZE
	           : 0;
}

/* --- where sections stand --------------------------------------------------------------------- */

static bool is_call_section(const struct elf_view_section *section)
{
	return (section->flags & SHF_ALLOC) &&
	       !strncmp(section->name, CALL_SECTION, strlen(CALL_SECTION));
}

static bool is_wedge_section(const struct elf_view_section *section)
{
	return (section->flags & SHF_ALLOC) && !is_call_section(section) &&
	       strcmp(section->name, ".vmi_patchups") != 0 &&
	       strcmp(section->name, ".rom_cpuid") != 0 &&
	       strcmp(section->name, ".rom_manifest") != 0;
}

/* The number of the call whose code a section is; 0 if its name is none. */
static uint32_t call_of_section(const struct elf_view_section *section)
{
	for (size_t i = 0; i < vmi_call_count; i++)
		if (!strcmp(vmi_calls[i].name, section->name + strlen(CALL_SECTION)))
			return vmi_calls[i].number;
	return 0;
}

/* A short body stands in its slot; a long one where the slot jumps to. */
static void place_call(struct verifier *verifier, size_t index)
{
	const struct elf_view_section *section = &verifier->rom.sections[index];
	const struct elf_view_section *image = verifier->rom_section;
	uint32_t number = call_of_section(section), slot = number * ROM_SLOT_SIZE, body;

	if (!number) {
		verify_find(verifier, VERIFY_ROM, 0, "the object has code for no call: %s",
		            section->name);
		return;
	}
	verifier->report->slots++;
	verifier->places[index] = image->address + slot;
	if (section->size <= ROM_SLOT_SIZE)
		return;
	verifier->calls[number].out_of_line = true;
	if (image->bytes[slot] != 0xe9 || image->bytes[slot + 5] != 0x0f ||
	    image->bytes[slot + 6] != 0x0b) {
		verify_find(verifier, VERIFY_ROM, image->address + slot,
		            "the slot of %s is not `jmp body; ud2`",
		            section->name + strlen(CALL_SECTION));
		return;
	}
	body = slot + 5 + bytes_load32(image->bytes + slot + 1);
	verifier->places[index] = image->address + body;
	if (body < ROM_SLOTS_SIZE || body > image->size || section->size > image->size - body) {
		verify_find(verifier, VERIFY_ROM, image->address + slot,
		            "the slot of %s does not jump to code behind the slots",
		            section->name + strlen(CALL_SECTION));
		verifier->places[index] = 0;
	}
}

/* Executable sections first, then read-only ones, writable ones, those without bytes. */
static unsigned int wedge_rank(const struct elf_view_section *section)
{
	if (section->type == SHT_NOBITS || !section->size)
		return 3;
	if (section->flags & SHF_EXECINSTR)
		return 0;
	return section->flags & SHF_WRITE ? 2 : 1;
}

static void place_wedge(struct verifier *verifier)
{
	const struct elf_view_section *wedge = verifier->wedge_section;
	uint32_t end = 0;

	for (unsigned int rank = 0; rank < 4; rank++) {
		for (size_t i = 0; i < verifier->rom.section_count; i++) {
			const struct elf_view_section *section = &verifier->rom.sections[i];
			uint32_t alignment = section->alignment ? section->alignment : 1;

			if (!is_wedge_section(section) || wedge_rank(section) != rank)
				continue;
			if (alignment > LARGEST_ALIGNMENT || (alignment & (alignment - 1)))
				alignment = LARGEST_ALIGNMENT;
			end = (end + alignment - 1) & ~(alignment - 1);
			verifier->places[i] = wedge->address + end;
			if (end > wedge->size || section->size > wedge->size - end) {
				verify_find(verifier, VERIFY_ROM, wedge->address,
				            "section %s of the ROM has no room in the wedge",
				            section->name);
				verifier->places[i] = 0;
				return;
			}
			end += section->size;
		}
	}
	if (end != wedge->size)
		verify_find(verifier, VERIFY_ROM, wedge->address,
		            ".postburn.wedge has %u bytes, but the ROM's wedge %u", wedge->size,
		            end);
}

/* --- relocations ------------------------------------------------------------------------------ */

uint32_t verify_rom_symbol(const struct verifier *verifier, const struct elf_view_symbol *symbol)
{
	if (symbol->section == SHN_UNDEF) {
		if (strcmp(symbol->name, GUEST_ENTRY_SYMBOL) != 0)
			return 0;
		return (uint32_t)verifier->input->kernel->entry + verifier->guest_offset;
	}
	if (symbol->section >= verifier->rom.section_count || !verifier->places[symbol->section])
		return 0;
	return verifier->places[symbol->section] + symbol->value;
}

/* The object's word at a relocation, resolved; false if it cannot be. */
static bool resolve(const struct verifier *verifier, const struct elf_view_relocation *relocation,
                    uint32_t addend, uint32_t *word)
{
	uint32_t symbol;

	if (relocation->symbol >= verifier->rom.symbol_count)
		return false;
	symbol = verify_rom_symbol(verifier, &verifier->rom.symbols[relocation->symbol]);
	if (!symbol)
		return false;
	*word = symbol + addend;
	if (relocation->type == R_386_PC32 || relocation->type == R_386_PLT32)
		*word -= verifier->places[relocation->section] + relocation->offset;
	else if (relocation->type != R_386_32)
		return false;
	return true;
}

/* Applies the section's relocations to a copy of its bytes. */
static bool relocate(struct verifier *verifier, size_t index, uint8_t *copy)
{
	const struct elf_view_section *section = &verifier->rom.sections[index];

	for (size_t i = 0; i < verifier->rom.relocation_count; i++) {
		const struct elf_view_relocation *relocation = &verifier->rom.relocations[i];
		uint32_t word;

		if (relocation->section != index)
			continue;
		if (relocation->offset > section->size || section->size - relocation->offset < 4 ||
		    !resolve(verifier, relocation, bytes_load32(copy + relocation->offset),
		             &word)) {
			verify_find(verifier, VERIFY_ROM,
			            verifier->places[index] + relocation->offset,
			            "a relocation of the ROM's section %s cannot be resolved",
			            section->name);
			return false;
		}
		memcpy(copy + relocation->offset, &word, sizeof(word));
	}
	return true;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Where the output has the bytes at a guest-virtual address of its added segment. */
static const uint8_t *added_bytes(const struct verifier *verifier, uint32_t address)
{
	return verifier->added->bytes + (address - verifier->added->virtual);
}

/*
 * Compares one section of the object with the output; used gets a bit for each byte that is
 * accounted for, in the section of the output that starts at base.
 */
static bool compare_section(struct verifier *verifier, size_t index, uint32_t base, uint8_t *used)
{
	const struct elf_view_section *section = &verifier->rom.sections[index];
	uint32_t place = verifier->places[index];
	const uint8_t *now;
	uint8_t *copy;

	if (!place || !section->size || section->type == SHT_NOBITS || !section->bytes)
		return true;
	memset(used + (place - base), 1, section->size);
	if (!strcmp(section->name, ".rom_parameters"))
		return true;
	copy = malloc(section->size);
	if (!copy)
		return verify_out_of_memory(verifier);
	memcpy(copy, section->bytes, section->size);
	now = added_bytes(verifier, place);
	if (relocate(verifier, index, copy))
		for (uint32_t i = 0; i < section->size; i++)
			if (copy[i] != now[i]) {
				verify_find(verifier, VERIFY_ROM, place + i,
				            "%s of the ROM differs: %02x where %02x belongs",
				            section->name, now[i], copy[i]);
				break;
			}
	free(copy);
	return true;
}

/* What stands at offset of the image where no section of the object fills it: traps. */
static uint8_t filler(const struct verifier *verifier, uint32_t offset)
{
	const struct elf_view_section *image = verifier->rom_section;
	static const uint8_t behind_jump[] = {0x0f, 0x0b};
	uint32_t in_slot = offset % ROM_SLOT_SIZE;
	bool jump = offset < ROM_SLOTS_SIZE && verifier->calls[offset / ROM_SLOT_SIZE].out_of_line;

	if (jump && in_slot < 5)
		return image->bytes[offset]; /* place_call() has followed it */
	if (jump && in_slot < 5 + sizeof(behind_jump))
		return behind_jump[in_slot - 5];
	return offset % 2 ? 0x0b : 0x0f;
}

static void compare_rest(struct verifier *verifier, const uint8_t *used)
{
	const struct elf_view_section *image = verifier->rom_section;

	for (uint32_t i = ROM_HEADER_SIZE; i < image->size; i++) {
		if (used[i] || image->bytes[i] == filler(verifier, i))
			continue;
		verify_find(verifier, VERIFY_ROM, image->address + i,
		            "%02x where nothing of the ROM is: ud2 belongs there", image->bytes[i]);
		return;
	}
}

static void compare_header(struct verifier *verifier)
{
	const struct elf_view_section *image = verifier->rom_section;
	struct rom_header header = {
	    .rom_signature = ROM_SIGNATURE,
	    .rom_length = image->size / 512 < 255 ? (uint8_t)((image->size + 511) / 512) : 255,
	    .vmi_signature = ROM_VMI_SIGNATURE,
	    .api_minor = ROM_API_MINOR,
	    .api_major = ROM_API_MAJOR,
	};

	if (memcmp(image->bytes, &header, sizeof(header)) != 0)
		verify_find(verifier, VERIFY_ROM, image->address, "the ROM's header is not VMI's");
}

/* The image ends where the last body does. */
static void check_image_size(struct verifier *verifier)
{
	const struct elf_view_section *image = verifier->rom_section;
	uint32_t end = image->address + ROM_SLOTS_SIZE;

	for (size_t i = 0; i < verifier->rom.section_count; i++) {
		const struct elf_view_section *section = &verifier->rom.sections[i];

		if (is_call_section(section) && verifier->places[i] &&
		    verifier->places[i] + section->size > end)
			end = verifier->places[i] + section->size;
	}
	if (end - image->address != image->size)
		verify_find(verifier, VERIFY_ROM, image->address,
		            ".vmi_rom has %u bytes, but slots and bodies %u", image->size,
		            end - image->address);
}

static bool compare_image(struct verifier *verifier)
{
	const struct elf_view_section *image = verifier->rom_section;
	uint8_t *used = calloc(image->size, 1);

	if (!used)
		return verify_out_of_memory(verifier);
	for (size_t i = 0; i < verifier->rom.section_count; i++)
		if (is_call_section(&verifier->rom.sections[i]) &&
		    !compare_section(verifier, i, image->address, used)) {
			free(used);
			return false;
		}
	compare_header(verifier);
	check_image_size(verifier);
	compare_rest(verifier, used);
	free(used);
	return true;
}

static bool compare_wedge(struct verifier *verifier)
{
	const struct elf_view_section *wedge = verifier->wedge_section;
	uint8_t *used = calloc((size_t)wedge->size + 1, 1);

	if (!used)
		return verify_out_of_memory(verifier);
	for (size_t i = 0; i < verifier->rom.section_count; i++)
		if (is_wedge_section(&verifier->rom.sections[i]) &&
		    !compare_section(verifier, i, wedge->address, used)) {
			free(used);
			return false;
		}
	for (uint32_t i = 0; i < wedge->size; i++)
		if (!used[i] && wedge->bytes[i]) {
			verify_find(verifier, VERIFY_ROM, wedge->address + i,
			            "%02x where nothing of the wedge is", wedge->bytes[i]);
			break;
		}
	free(used);
	return true;
}

/* --- the contract ----------------------------------------------------------------------------- */

/* Whether offset of a section is listed as a patchup. */
static bool is_patchup(const struct verifier *verifier, size_t section, uint32_t offset)
{
	for (size_t i = 0; i < verifier->rom.relocation_count; i++) {
		const struct elf_view_relocation *listed = &verifier->rom.relocations[i];
		const struct elf_view_section *list;
		const struct elf_view_symbol *symbol;

		if (listed->section >= verifier->rom.section_count ||
		    listed->symbol >= verifier->rom.symbol_count)
			continue;
		list = &verifier->rom.sections[listed->section];
		symbol = &verifier->rom.symbols[listed->symbol];
		if (!strcmp(list->name, ".vmi_patchups") && list->bytes &&
		    listed->offset <= list->size && list->size - listed->offset >= 4 &&
		    symbol->section == section &&
		    symbol->value + bytes_load32(list->bytes + listed->offset) == offset)
			return true;
	}
	return false;
}

/* Relative references of calls lead into the ROM; to the wedge only as patchups. */
static void check_reach(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->rom.relocation_count; i++) {
		const struct elf_view_relocation *relocation = &verifier->rom.relocations[i];
		const struct elf_view_section *section;
		uint32_t target, from;

		if (relocation->section >= verifier->rom.section_count ||
		    relocation->symbol >= verifier->rom.symbol_count)
			continue;
		section = &verifier->rom.sections[relocation->section];
		from = verifier->places[relocation->section] + relocation->offset;
		if (!is_call_section(section) || relocation->type == R_386_32)
			continue;
		target = verify_rom_symbol(verifier, &verifier->rom.symbols[relocation->symbol]);
		if (target - verifier->rom_section->address < verifier->rom_section->size)
			continue;
		if (target - verifier->wedge_section->address >= verifier->wedge_section->size)
			verify_find(verifier, VERIFY_ROM, from,
			            "%s refers to what is neither slot, body nor wedge",
			            section->name);
		else if (!is_patchup(verifier, relocation->section, relocation->offset))
			verify_find(verifier, VERIFY_ROM, from,
			            "%s leads to the wedge, but is no patchup", section->name);
	}
}

/* A ROM may clobber no more than vmi_calls.def allows. */
static void check_manifest(struct verifier *verifier)
{
	static const uint16_t registers[] = {
	    CALL_PLACE_EAX, CALL_PLACE_ECX, CALL_PLACE_EDX,  CALL_PLACE_EBX, 0, 0,
	    CALL_PLACE_ESI, CALL_PLACE_EDI, CALL_PLACE_FLAGS};

	for (uint32_t i = 0; i < ROM_SLOT_COUNT; i++) {
		const struct verify_call *call = &verifier->calls[i];

		for (unsigned int bit = 0; bit < 32; bit++) {
			uint16_t place =
			    bit < sizeof(registers) / sizeof(registers[0]) ? registers[bit] : 0;

			if ((call->clobbers >> bit & 1) && !(call->description->clobbers & place))
				verify_find(verifier, VERIFY_ROM, 0,
				            "the manifest lets %s clobber what vmi_calls.def "
				            "does not (bit %u)",
				            call->description->name, bit);
		}
	}
}

static void check_parameters(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;
	const struct rom_parameters *now = &verifier->parameters;
	uint32_t start = UINT32_MAX;
	struct rom_parameters want = {
	    .magic = ROM_PARAMETERS_MAGIC,
	    .abi_version = ROM_ABI_VERSION,
	    .guest_kind = kernel->banner ? ROM_GUEST_LINUX : ROM_GUEST_MULTIBOOT,
	    .region_virtual = verifier->added->virtual,
	    .region_physical = verifier->added->physical,
	    .region_size = verifier->added->memory_size,
	    .rom_virtual = verifier->rom_section->address,
	    .guest_entry = (uint32_t)kernel->entry,
	    .guest_offset = verifier->guest_offset,
	    .guest_physical_end = verifier->guest_end,
	    .springboards_virtual = verifier->text_section->address,
	    .springboards_size = verifier->text_section->size,
	    .sites_virtual = now->sites_virtual,
	    .site_count = now->site_count,
	    .origins_virtual = now->origins_virtual,
	    .origin_count = now->origin_count,
	    .flags = verifier->top ? ROM_GUEST_TOP_IS_FREE : 0,
	};

	for (size_t i = 0; i < verifier->input->view.segment_count; i++) {
		const struct elf_view_segment *segment = &verifier->input->view.segments[i];

		if (segment->type == PT_LOAD && segment->physical < start)
			start = segment->physical;
	}
	want.guest_physical_start = start;
	if (memcmp(&want, now, sizeof(want)) != 0)
		verify_find(verifier, VERIFY_ROM, verifier->wedge_section->address,
		            "the ROM is told wrong parameters");
}

static void read_parameters(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->rom.section_count; i++) {
		const struct elf_view_section *section = &verifier->rom.sections[i];

		if (strcmp(section->name, ".rom_parameters") != 0 || !verifier->places[i] ||
		    section->size < sizeof(verifier->parameters))
			continue;
		memcpy(&verifier->parameters, added_bytes(verifier, verifier->places[i]),
		       sizeof(verifier->parameters));
		verifier->has_parameters = true;
		check_parameters(verifier);
		return;
	}
	verify_find(verifier, VERIFY_ROM, verifier->wedge_section->address,
	            "the wedge has no parameters");
}

void verify_rom(struct verifier *verifier)
{
	if (verifier->rom_section->size < ROM_SLOTS_SIZE) {
		verify_find(verifier, VERIFY_ROM, verifier->rom_section->address,
		            ".vmi_rom has no room for all slots");
		return;
	}
	check_manifest(verifier);
	for (size_t i = 0; i < verifier->rom.section_count; i++)
		if (is_call_section(&verifier->rom.sections[i]))
			place_call(verifier, i);
	place_wedge(verifier);
	if (!compare_image(verifier) || !compare_wedge(verifier))
		return;
	check_reach(verifier);
	read_parameters(verifier);
}
