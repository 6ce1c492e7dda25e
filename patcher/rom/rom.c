/* SPDX-License-Identifier: BSD-2-Clause */

/* Reading and checking a ROM. What its sections are is said in patchtables/rom_abi.h. */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/kernel/input_file.h"
#include "patcher/rom/rom_private.h"
#include "patchtables/vmi_calls.h"

#define ROM_MAX_SIZE                                                                               \
	(1 << 20) /* what Linux maps behind a 2-level kernel before it reads memory maps */

/* --- calls -------------------------------------------------------------------------- */

static const struct vmi_call_description *call_named(const char *name)
{
	for (size_t i = 0; i < vmi_call_count; i++)
		if (!strcmp(vmi_calls[i].name, name))
			return &vmi_calls[i];
	return NULL;
}

static const struct vmi_call_description *call_numbered(uint16_t number)
{
	for (size_t i = 0; i < vmi_call_count; i++)
		if (vmi_calls[i].number == number)
			return &vmi_calls[i];
	return NULL;
}

/* --- the manifest ------------------------------------------------------------------- */

static bool check_entry(const struct rom_manifest_entry *entry, const struct rom *rom,
                        struct problem *problem)
{
	const struct vmi_call_description *call = call_numbered(entry->call);

	if (!call)
		return problem_report(problem, ROM_UNKNOWN_CALL, entry->call);
	if (entry->action < ROM_ACTION_CALL || entry->action > ROM_ACTION_INLINE ||
	    entry->inline_size > sizeof(entry->inline_bytes) ||
	    (entry->action == ROM_ACTION_INLINE) != (entry->inline_size != 0))
		return problem_report(problem, ROM_BAD_ENTRY, call->name, entry->action,
		                      entry->inline_size);
	if (rom->calls[entry->call].action)
		return problem_report(problem, ROM_CALL_TWICE, call->name);
	return true;
}

static bool read_manifest(struct rom *rom, const struct kernel_section *section,
                          struct problem *problem)
{
	struct rom_manifest manifest;

	if (!section || !section->bytes || section->size < sizeof(manifest))
		return problem_report(problem, ROM_NO_MANIFEST);
	memcpy(&manifest, section->bytes, sizeof(manifest));
	if (manifest.magic != ROM_MANIFEST_MAGIC || manifest.abi_version != ROM_ABI_VERSION ||
	    !memchr(manifest.name, '\0', sizeof(manifest.name)))
		return problem_report(problem, ROM_ABI, manifest.magic, manifest.abi_version,
		                      ROM_ABI_VERSION);
	if (section->size - sizeof(manifest) <
	    manifest.entry_count * sizeof(struct rom_manifest_entry))
		return problem_report(problem, ROM_NO_MANIFEST);
	memcpy(rom->name, manifest.name, sizeof(rom->name));
	rom->properties = manifest.properties;
	for (unsigned int i = 0; i < manifest.entry_count; i++) {
		struct rom_manifest_entry entry;
		struct rom_call *call;

		memcpy(&entry, section->bytes + sizeof(manifest) + i * sizeof(entry),
		       sizeof(entry));
		if (!check_entry(&entry, rom, problem))
			return false;
		call = &rom->calls[entry.call];
		call->action = entry.action;
		call->clobbers = entry.clobbers;
		call->inline_size = entry.inline_size;
		memcpy(call->inline_bytes, entry.inline_bytes, sizeof(call->inline_bytes));
	}
	return true;
}

/* --- what it hides ------------------------------------------------------------------ */

static bool read_cpuid(struct rom *rom, const struct kernel_section *section,
                       struct problem *problem)
{
	if (!section)
		return true;
	if (!section->bytes || section->size % sizeof(*rom->cpuid) || section->size > ROM_MAX_SIZE)
		return problem_report(problem, ROM_BAD_CPUID, (unsigned long long)section->size);
	rom->cpuid = malloc(section->size);
	if (!rom->cpuid)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(rom->cpuid, section->bytes, section->size);
	rom->cpuid_count = section->size / sizeof(*rom->cpuid);
	return true;
}

bool rom_hides(const struct rom *rom, uint32_t leaf, uint32_t subleaf, unsigned int number,
               unsigned int bit)
{
	for (size_t i = 0; i < rom->cpuid_count; i++) {
		const struct rom_cpuid *row = &rom->cpuid[i];

		if (leaf >= row->first_leaf && leaf <= row->last_leaf && row->number == number &&
		    (row->subleaf == ROM_CPUID_ANY_SUBLEAF || row->subleaf == subleaf) &&
		    (row->visible >> bit & 1))
			return false;
	}
	return rom->cpuid != NULL;
}

/* --- the layout --------------------------------------------------------------------- */

static uint32_t align_up(uint32_t value, uint32_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* The section header's alignment, from the image that kernel_read_memory() has checked. */
static uint32_t section_alignment(const struct kernel *object, const struct kernel_section *section)
{
	Elf32_Ehdr header;
	Elf32_Shdr from;

	memcpy(&header, object->image, sizeof(header));
	memcpy(&from, object->image + header.e_shoff + section->index * sizeof(from), sizeof(from));
	return from.sh_addralign ? from.sh_addralign : 1;
}

/* The code of one call: into its slot, or behind everything placed so far. */
static bool place_call(struct rom *rom, uint32_t index, struct problem *problem)
{
	const struct kernel_section *section = &rom->private->object.sections[index];
	const char *name = section->name + strlen(CALL_SECTION);
	const struct vmi_call_description *described = call_named(name);
	struct rom_call *call = described ? &rom->calls[described->number] : NULL;

	if (!call || (call->action != ROM_ACTION_CALL && call->action != ROM_ACTION_JUMP))
		return problem_report(problem, ROM_CODE_UNCALLED, section->name);
	if (call->size)
		return problem_report(problem, ROM_CALL_TWICE, name);
	if (!section->bytes || !section->size || section->size > ROM_MAX_SIZE)
		return problem_report(problem, ROM_TOO_LARGE, section->name);
	call->size = (uint32_t)section->size;
	call->out_of_line = call->size > ROM_SLOT_SIZE;
	call->body_offset = described->number * ROM_SLOT_SIZE;
	if (call->out_of_line) {
		call->body_offset = align_up(rom->image_size, 16);
		rom->image_size = call->body_offset + call->size;
	}
	rom->private->places[index] = (struct rom_place){ROM_PART_IMAGE, call->body_offset};
	return rom->image_size <= ROM_MAX_SIZE ||
	       problem_report(problem, ROM_TOO_LARGE, section->name);
}

/* The order of the wedge's sections in memory. */
static unsigned int wedge_rank(const struct kernel_section *section)
{
	if (!section->bytes)
		return 3;
	return section->executable ? 0 : section->writable ? 2 : 1;
}

static bool place_wedge(struct rom *rom, unsigned int rank, struct problem *problem)
{
	struct kernel *object = &rom->private->object;

	for (uint32_t i = 0; i < object->section_count; i++) {
		const struct kernel_section *section = &object->sections[i];
		uint32_t alignment = section_alignment(object, section);
		uint32_t offset;

		if (rom->private->places[i].part != ROM_PART_WEDGE || wedge_rank(section) != rank)
			continue;
		if (alignment > 4096 || (alignment & (alignment - 1)) ||
		    section->size > ROM_MAX_SIZE)
			return problem_report(problem, ROM_TOO_LARGE, section->name);
		offset = align_up(rom->wedge_memory, alignment);
		rom->private->places[i].offset = offset;
		rom->wedge_memory = offset + (uint32_t)section->size;
		if (section->bytes)
			rom->wedge_size = rom->wedge_memory;
		if (rom->wedge_memory > ROM_MAX_SIZE)
			return problem_report(problem, ROM_TOO_LARGE, section->name);
	}
	return true;
}

static enum rom_part part_of(const struct kernel_section *section)
{
	if (!section->allocated || !strcmp(section->name, MANIFEST_SECTION) ||
	    !strcmp(section->name, PATCHUPS_SECTION) || !strcmp(section->name, CPUID_SECTION))
		return ROM_PART_NONE;
	if (!strncmp(section->name, CALL_SECTION, strlen(CALL_SECTION)))
		return ROM_PART_IMAGE;
	return ROM_PART_WEDGE;
}

static bool place_sections(struct rom *rom, struct problem *problem)
{
	struct kernel *object = &rom->private->object;

	rom->private->places = calloc(object->section_count + 1, sizeof(struct rom_place));
	if (!rom->private->places)
		return problem_report(problem, OUT_OF_MEMORY);
	rom->image_size = ROM_SLOTS_SIZE;
	for (uint32_t i = 0; i < object->section_count; i++) {
		rom->private->places[i].part = part_of(&object->sections[i]);
		if (rom->private->places[i].part == ROM_PART_IMAGE && !place_call(rom, i, problem))
			return false;
	}
	for (unsigned int rank = 0; rank < 4; rank++)
		if (!place_wedge(rom, rank, problem))
			return false;
	for (unsigned int i = 0; i < ROM_SLOT_COUNT; i++) {
		const struct rom_call *call = &rom->calls[i];

		if ((call->action == ROM_ACTION_CALL || call->action == ROM_ACTION_JUMP) &&
		    !call->size)
			return problem_report(problem, ROM_CALL_WITHOUT_CODE,
			                      call_numbered((uint16_t)i)->name);
	}
	return true;
}

/* --- the whole ---------------------------------------------------------------------- */

static bool defines(const struct kernel *object, const char *name)
{
	for (size_t i = 0; i < object->symbol_count; i++)
		if (object->symbols[i].section != UINT32_MAX &&
		    !strcmp(object->symbols[i].name, name))
			return true;
	return false;
}

static bool read_object(struct rom *rom, struct problem *problem)
{
	struct kernel *object = &rom->private->object;

	if (object->format != KERNEL_FORMAT_MODULE || object->is_64bit)
		return problem_report(problem, ROM_NOT_AN_OBJECT);
	rom->for_xen = defines(object, "ROM_ENTRY_XEN");
	return read_manifest(rom, kernel_find_section(object, MANIFEST_SECTION), problem) &&
	       read_cpuid(rom, kernel_find_section(object, CPUID_SECTION), problem) &&
	       module_symbols_open(object, &rom->private->symbols, problem) &&
	       place_sections(rom, problem);
}

bool rom_read_memory(const char *name, const uint8_t *bytes, size_t size, struct rom *rom,
                     struct problem *problem)
{
	*rom = (struct rom){.private = calloc(1, sizeof(*rom->private))};
	if (!rom->private)
		return problem_report(problem, OUT_OF_MEMORY);
	if (kernel_read_memory(name, bytes, size, &rom->private->object, problem)) {
		if (read_object(rom, problem))
			return true;
		kernel_free(&rom->private->object);
	}
	module_symbols_close(&rom->private->symbols);
	free(rom->private->places);
	free(rom->private);
	free(rom->cpuid);
	*rom = (struct rom){0};
	return false;
}

bool rom_read(const char *name, struct rom *rom, struct problem *problem)
{
	struct input_file file;

	for (size_t i = 0; i < built_in_rom_count; i++)
		if (!strcmp(built_in_roms[i].name, name))
			return rom_read_memory(
			    name, built_in_roms[i].start,
			    (size_t)(built_in_roms[i].end - built_in_roms[i].start), rom, problem);
	if (!strpbrk(name, "/."))
		return problem_report(problem, ROM_UNKNOWN, name);
	if (!input_file_read(name, &file, problem))
		return false;
	if (!rom_read_memory(name, file.bytes, file.size, rom, problem)) {
		input_file_close(&file);
		return false;
	}
	rom->private->file = file;
	return true;
}

void rom_free(struct rom *rom)
{
	if (!rom->private)
		return;
	module_symbols_close(&rom->private->symbols);
	kernel_free(&rom->private->object);
	input_file_close(&rom->private->file);
	free(rom->private->places);
	free(rom->private);
	free(rom->cpuid);
	*rom = (struct rom){0};
}
