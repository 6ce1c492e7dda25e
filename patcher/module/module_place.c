/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/module/module_place.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"

#define PAGE_SIZE    4096u
#define OUTSIDE_SIZE 16u /* for each symbol of another module */

/* --- addresses ---------------------------------------------------------------------- */

static bool place_sections(struct placed_module *placed, unsigned int spread,
                           struct problem *problem)
{
	const struct module_file *file = placed->file;
	uint64_t address = MODULE_SECTIONS_ADDRESS;

	for (uint32_t i = 1; i < file->header.e_shnum; i++) {
		const Elf32_Shdr *section = &file->sections[i];
		uint32_t alignment =
		    section->sh_addralign > PAGE_SIZE ? section->sh_addralign : PAGE_SIZE;

		if (!(section->sh_flags & SHF_ALLOC))
			continue;
		address = (address + alignment - 1) & ~(uint64_t)(alignment - 1);
		if (section->sh_size > MODULE_SECTIONS_END - PAGE_SIZE - address)
			return problem_report(problem, MODULE_TOO_LARGE);
		placed->addresses[i] = (uint32_t)address;
		address += section->sh_size + PAGE_SIZE + spread * (i % 5) * PAGE_SIZE;
		if (address >= MODULE_SECTIONS_END - PAGE_SIZE)
			return problem_report(problem, MODULE_TOO_LARGE);
	}
	return true;
}

static bool place_symbols(struct placed_module *placed, unsigned int spread,
                          struct problem *problem)
{
	const struct module_file *file = placed->file;

	if (file->symbol_count > (MODULE_OUTSIDE_END - MODULE_OUTSIDE_ADDRESS) / OUTSIDE_SIZE)
		return problem_report(problem, MODULE_TOO_LARGE);
	for (uint32_t i = 1; i < file->symbol_count; i++) {
		const Elf32_Sym *symbol = &file->symbols[i];

		if (symbol->st_shndx == SHN_UNDEF)
			placed->values[i] = MODULE_OUTSIDE_ADDRESS + i * OUTSIDE_SIZE + spread;
		else if (symbol->st_shndx >= SHN_LORESERVE)
			placed->values[i] = symbol->st_value;
		else
			placed->values[i] = placed->addresses[symbol->st_shndx] + symbol->st_value;
	}
	return true;
}

/* --- the linked file ---------------------------------------------------------------- */

static void relocate(const struct placed_module *placed)
{
	const struct module_file *file = placed->file;

	for (size_t i = 0; i < file->relocation_count; i++) {
		const struct module_relocation *relocation = &file->relocations[i];
		uint8_t *at = placed->bytes + file->sections[relocation->section].sh_offset +
		              relocation->offset;
		uint32_t word = bytes_load32(at) + placed->values[relocation->symbol];

		if (relocation->type != R_386_32)
			word -= placed->addresses[relocation->section] + relocation->offset;
		memcpy(at, &word, sizeof(word));
	}
}

/* The tables' own addresses: relocations name where they stand, symbols what they are. */
static void move_tables(const struct placed_module *placed)
{
	const struct module_file *file = placed->file;
	uint8_t *symbols = placed->bytes + file->sections[file->symbol_section].sh_offset;

	for (uint32_t i = 1; i < file->symbol_count; i++) {
		Elf32_Sym symbol = file->symbols[i];

		symbol.st_value = placed->values[i];
		memcpy(symbols + i * sizeof(symbol), &symbol, sizeof(symbol));
	}
	for (uint32_t i = 1; i < file->header.e_shnum; i++) {
		const Elf32_Shdr *table = &file->sections[i];

		for (uint32_t at = 0;
		     table->sh_type == SHT_REL && table->sh_info < file->header.e_shnum &&
		     placed->addresses[table->sh_info] && at < table->sh_size;
		     at += sizeof(Elf32_Rel)) {
			Elf32_Rel relocation;

			memcpy(&relocation, placed->bytes + table->sh_offset + at,
			       sizeof(relocation));
			relocation.r_offset += placed->addresses[table->sh_info];
			memcpy(placed->bytes + table->sh_offset + at, &relocation,
			       sizeof(relocation));
		}
	}
}

/* A segment for each section that has bytes; their number. */
static uint16_t make_programs(const struct placed_module *placed, uint8_t *programs)
{
	const struct module_file *file = placed->file;
	uint16_t count = 0;

	for (uint32_t i = 1; i < file->header.e_shnum; i++) {
		const Elf32_Shdr *section = &file->sections[i];
		const Elf32_Phdr program = {
		    .p_type = PT_LOAD,
		    .p_offset = section->sh_offset,
		    .p_vaddr = placed->addresses[i],
		    .p_paddr = placed->addresses[i],
		    .p_filesz = section->sh_size,
		    .p_memsz = section->sh_size,
		    .p_flags = PF_R | (section->sh_flags & SHF_WRITE ? PF_W : 0) |
		               (section->sh_flags & SHF_EXECINSTR ? PF_X : 0),
		    .p_align = 1,
		};

		if (!placed->addresses[i] || !section->sh_size || section->sh_type == SHT_NOBITS ||
		    section->sh_type == SHT_NULL)
			continue;
		memcpy(programs + count++ * sizeof(program), &program, sizeof(program));
	}
	return count;
}

static bool make_file(struct placed_module *placed, struct problem *problem)
{
	const struct module_file *file = placed->file;
	Elf32_Ehdr header = file->header;

	size_t programs = (file->kernel->image_size + 3) & ~(size_t)3;

	placed->size = programs + header.e_shnum * sizeof(Elf32_Phdr);
	placed->bytes = calloc(1, placed->size);
	if (!placed->bytes)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(placed->bytes, file->image, file->kernel->image_size);
	relocate(placed);
	move_tables(placed);
	for (uint32_t i = 1; i < header.e_shnum; i++) {
		Elf32_Shdr section = file->sections[i];

		section.sh_addr = placed->addresses[i];
		memcpy(placed->bytes + header.e_shoff + i * sizeof(section), &section,
		       sizeof(section));
	}
	header.e_type = ET_EXEC;
	header.e_phoff = (Elf32_Off)programs;
	header.e_phentsize = sizeof(Elf32_Phdr);
	header.e_phnum = make_programs(placed, placed->bytes + programs);
	header.e_entry = 0;
	memcpy(placed->bytes, &header, sizeof(header));
	return true;
}

/* --- Linux's tables ----------------------------------------------------------------- */

bool placed_module_metadata(const struct placed_module *placed, uint32_t linux_version,
                            struct linux_metadata *metadata, struct problem *problem)
{
	struct kernel module = *placed->file->kernel;

	module.linux_version = linux_version;
	if (!linux_metadata_read(&module, metadata, problem))
		return false;
	linux_metadata_place(metadata, &module, placed->addresses, &placed->kernel);
	return true;
}

/* --- the whole ---------------------------------------------------------------------- */

bool module_place(const struct module_file *file, unsigned int spread, struct placed_module *placed,
                  struct problem *problem)
{
	*placed = (struct placed_module){.file = file};
	placed->addresses = calloc(file->header.e_shnum, sizeof(*placed->addresses));
	placed->values = calloc(file->symbol_count, sizeof(*placed->values));
	if (!placed->addresses || !placed->values) {
		placed_module_free(placed);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	if (!place_sections(placed, spread, problem) || !place_symbols(placed, spread, problem) ||
	    !make_file(placed, problem) ||
	    !kernel_read_memory(file->kernel->path, placed->bytes, placed->size, &placed->kernel,
	                        problem)) {
		placed_module_free(placed);
		return false;
	}
	return true;
}

void placed_module_free(struct placed_module *placed)
{
	kernel_free(&placed->kernel);
	free(placed->bytes);
	free(placed->addresses);
	free(placed->values);
	*placed = (struct placed_module){0};
}
