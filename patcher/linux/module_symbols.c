/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbols that a module's relocations name by number. The kernel model
 * keeps its symbols sorted and without those numbers, so they are taken from
 * the image's own .symtab.
 */

#include "patcher/kernel/elf_file.h"
#include "patcher/linux/linux_tables.h"

#include <elf.h>
#include <stdlib.h>

/* The model's section for each of the ELF file's, UINT32_MAX for those it leaves out. */
static bool map_sections(const struct kernel *kernel, const struct elf_file *elf,
                         struct module_symbols *symbols, struct problem *problem)
{
	if (elf->section_header_count == 0)
		return true;
	symbols->sections = malloc(elf->section_header_count * sizeof(*symbols->sections));
	if (!symbols->sections)
		return problem_report(problem, OUT_OF_MEMORY);
	symbols->section_count = elf->section_header_count;
	for (size_t i = 0; i < symbols->section_count; i++)
		symbols->sections[i] = UINT32_MAX;
	for (size_t i = 0; i < kernel->section_count; i++)
		if (kernel->sections[i].index < symbols->section_count)
			symbols->sections[kernel->sections[i].index] = (uint32_t)i;
	return true;
}

bool module_symbols_open(const struct kernel *kernel, struct module_symbols *symbols,
                         struct problem *problem)
{
	struct elf_file elf;
	bool done;

	*symbols = (struct module_symbols){.is_64bit = kernel->is_64bit};
	if (!elf_file_open(kernel->image, kernel->image_size, &elf, problem))
		return false;
	done = map_sections(kernel, &elf, symbols, problem);
	symbols->entry_size = kernel->is_64bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	for (size_t i = 0; i < elf.section_header_count; i++) {
		const struct elf_section_header *header = &elf.section_headers[i];

		if (header->type != SHT_SYMTAB ||
		    !bytes_in_range(header->offset, header->size, kernel->image_size))
			continue;
		symbols->bytes = kernel->image + header->offset;
		symbols->count = (size_t)(header->size / symbols->entry_size);
		break;
	}
	elf_file_close(&elf);
	return done;
}

void module_symbols_close(struct module_symbols *symbols)
{
	free(symbols->sections);
	*symbols = (struct module_symbols){.bytes = NULL};
}

bool module_symbols_place(const struct module_symbols *symbols, uint32_t index,
                          struct code_place *place)
{
	const uint8_t *symbol;
	uint16_t section;

	if (index >= symbols->count)
		return false;
	symbol = symbols->bytes + index * symbols->entry_size;
	if (symbols->is_64bit) {
		section = bytes_load16(symbol + offsetof(Elf64_Sym, st_shndx));
		place->address = bytes_load64(symbol + offsetof(Elf64_Sym, st_value));
	} else {
		section = bytes_load16(symbol + offsetof(Elf32_Sym, st_shndx));
		place->address = bytes_load32(symbol + offsetof(Elf32_Sym, st_value));
	}
	/* more than 65,279 sections (SHN_XINDEX) do not occur in a module */
	place->section = UINT32_MAX;
	if (section != SHN_UNDEF && section < symbols->section_count)
		place->section = symbols->sections[section];
	return true;
}
