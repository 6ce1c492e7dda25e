/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Relocations from ELF's sections (modules, and kernels linked with --emit-relocs), or from the
 * table that relocatable kernels carry in their boot image behind the ELF file.
 *
 * That table is made by arch/x86/tools/relocs.c in Linux and read by handle_relocations() in
 * arch/x86/boot/compressed/misc.c: lists of 32-bit addresses of words, each with a zero word in
 * front. 32-bit kernels have one list. 64-bit ones have two, of 64-bit and of 32-bit words, and up
 * to 6.14 a list of inverse 32-bit words between them; their addresses are sign-extended.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/kernel_private.h"

/* How many bytes a relocation of that type changes. */
static size_t relocated_size(const struct kernel *kernel, uint32_t type)
{
	if (!kernel->is_64bit) {
		switch (type) {
		case R_386_16:
		case R_386_PC16: return 2;
		case R_386_8:
		case R_386_PC8: return 1;
		default: return 4;
		}
	}
	switch (type) {
	case R_X86_64_64:
	case R_X86_64_PC64:
	case R_X86_64_RELATIVE:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT: return 8;
	case R_X86_64_16:
	case R_X86_64_PC16: return 2;
	case R_X86_64_8:
	case R_X86_64_PC8: return 1;
	default: return 4;
	}
}

static int64_t load_signed(const uint8_t *bytes, size_t size)
{
	switch (size) {
	case 1: return (int8_t)bytes[0];
	case 2: return (int16_t)bytes_load16(bytes);
	case 4: return (int32_t)bytes_load32(bytes);
	default: return (int64_t)bytes_load64(bytes);
	}
}

static int compare_relocations(const void *a, const void *b)
{
	const struct kernel_relocation *first = a, *second = b;

	if (first->address != second->address)
		return first->address < second->address ? -1 : 1;
	if (first->type != second->type)
		return first->type < second->type ? -1 : 1;
	return (first->symbol > second->symbol) - (first->symbol < second->symbol);
}

static int compare_module_relocations(const void *a, const void *b)
{
	const struct kernel_relocation *first = a, *second = b;

	if (first->section != second->section)
		return first->section < second->section ? -1 : 1;
	return compare_relocations(a, b);
}

static void sort_relocations(struct kernel *kernel)
{
	int (*compare)(const void *, const void *) = kernel->format == KERNEL_FORMAT_MODULE
	                                                 ? compare_module_relocations
	                                                 : compare_relocations;
	size_t sorted = 1;

	while (sorted < kernel->relocation_count &&
	       compare(&kernel->relocations[sorted - 1], &kernel->relocations[sorted]) <= 0)
		sorted++;
	if (sorted < kernel->relocation_count)
		qsort(kernel->relocations, kernel->relocation_count, sizeof(*kernel->relocations),
		      compare);
}

/* Fills a relocation from its ELF entry, but for its section. */
static struct kernel_relocation load_relocation(const uint8_t *entry, bool is_64bit,
                                                bool has_addend)
{
	struct kernel_relocation relocation = {.section = NO_INDEX};

	if (is_64bit) {
		uint64_t info = bytes_load64(entry + 8);

		relocation.address = bytes_load64(entry);
		relocation.type = (uint32_t)ELF64_R_TYPE(info);
		relocation.symbol = (uint32_t)ELF64_R_SYM(info);
		relocation.addend = has_addend ? (int64_t)bytes_load64(entry + 16) : 0;
	} else {
		uint32_t info = bytes_load32(entry + 4);

		relocation.address = bytes_load32(entry);
		relocation.type = ELF32_R_TYPE(info);
		relocation.symbol = ELF32_R_SYM(info);
		relocation.addend = has_addend ? (int32_t)bytes_load32(entry + 8) : 0;
	}
	return relocation;
}

static size_t entry_size(const struct kernel *kernel, uint32_t type)
{
	if (kernel->is_64bit)
		return type == SHT_RELA ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
	return type == SHT_RELA ? sizeof(Elf32_Rela) : sizeof(Elf32_Rel);
}

/* The section of an address, which is mostly the one guessed. */
static uint32_t section_index(const struct kernel *kernel, uint64_t address, uint32_t guess)
{
	const struct kernel_section *section;

	if (guess != NO_INDEX &&
	    address - kernel->sections[guess].address < kernel->sections[guess].size)
		return guess;
	section = kernel_section_at(kernel, address);
	return section ? (uint32_t)(section - kernel->sections) : NO_INDEX;
}

/* The bytes that the relocation changes, and its section. NULL: they are not all in one section. */
static const uint8_t *find_relocated(const struct kernel *kernel,
                                     struct kernel_relocation *relocation, uint32_t target)
{
	const struct kernel_section *section;
	uint64_t offset = relocation->address;
	size_t size = relocated_size(kernel, relocation->type);

	relocation->section = target;
	if (kernel->format != KERNEL_FORMAT_MODULE) {
		relocation->section = section_index(kernel, relocation->address, target);
		if (relocation->section == NO_INDEX)
			return NULL;
		offset -= kernel->sections[relocation->section].address;
	}
	section = &kernel->sections[relocation->section];
	if (!section->bytes || !bytes_in_range(offset, size, section->size))
		return NULL;
	return section->bytes + offset;
}

/* Whether the table relocates what is loaded; *target is the section, in modules. */
static bool is_relevant(const struct kernel *kernel, const struct elf_section_header *table,
                        uint32_t *target)
{
	const struct elf_file *elf = &kernel->private->elf;

	*target = NO_INDEX;
	if ((table->type != SHT_REL && table->type != SHT_RELA) || table->size == 0)
		return false;
	if (table->info != 0 && table->info < elf->section_header_count)
		*target = kernel->private->section_of[table->info];
	/* A linked file's .rel.dyn belongs to no section. */
	return *target != NO_INDEX || (elf->type != ET_REL && table->flags & SHF_ALLOC);
}

static bool read_table(struct kernel *kernel, size_t index, uint32_t target,
                       struct problem *problem)
{
	const struct elf_section_header *table = &kernel->private->elf.section_headers[index];
	bool has_addend = table->type == SHT_RELA;
	size_t count = table->size / table->entry_size;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *entry = kernel->image + table->offset + i * table->entry_size,
			      *bytes;
		struct kernel_relocation relocation =
		    load_relocation(entry, kernel->is_64bit, has_addend);

		if (relocation.type == R_386_NONE) /* also R_X86_64_NONE: relaxed by the linker */
			continue;
		bytes = find_relocated(kernel, &relocation, target);
		if (!bytes)
			return problem_report(problem, RELOCATION_RANGE, i, index,
			                      WIDE(relocation.address));
		if (!has_addend)
			relocation.addend =
			    load_signed(bytes, relocated_size(kernel, relocation.type));
		kernel->relocations[kernel->relocation_count++] = relocation;
	}
	return true;
}

static bool read_elf_relocations(struct kernel *kernel, struct problem *problem)
{
	const struct elf_file *elf = &kernel->private->elf;
	size_t total = 0;
	uint32_t target;

	for (size_t i = 0; i < elf->section_header_count; i++) {
		const struct elf_section_header *table = &elf->section_headers[i];

		if (!is_relevant(kernel, table, &target))
			continue;
		if (table->entry_size != entry_size(kernel, table->type) ||
		    table->size % table->entry_size)
			return problem_report(problem, RELOCATION_TABLE_SIZE, i, WIDE(table->size),
			                      WIDE(table->entry_size));
		total += table->size / table->entry_size;
	}
	if (total == 0)
		return true;
	kernel->relocations = calloc(total, sizeof(*kernel->relocations));
	if (!kernel->relocations)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < elf->section_header_count; i++) {
		if (is_relevant(kernel, &elf->section_headers[i], &target) &&
		    !read_table(kernel, i, target, problem))
			return false;
	}
	kernel->has_relocations = true;
	sort_relocations(kernel);
	return true;
}

/* The appended table's lists, from its end to its start. */
#define MOST_LISTS 3

struct appended_table {
	const uint8_t *words;
	size_t count;              /* words, all in all */
	size_t lists;              /* how many there are */
	size_t start[MOST_LISTS];  /* the first word behind the zero */
	size_t length[MOST_LISTS]; /* words */
};

/* Divides the trailer into lists. false: it is no such table. */
static bool divide_table(const uint8_t *trailer, size_t size, struct appended_table *table)
{
	size_t at, end;

	memset(table, 0, sizeof(*table));
	table->words = trailer;
	table->count = size / 4;
	if (size == 0 || size % 4)
		return false;
	for (at = end = table->count; at > 0; at--) {
		if (bytes_load32(trailer + (at - 1) * 4) != 0)
			continue;
		if (table->lists == MOST_LISTS)
			return false;
		table->start[table->lists] = at;
		table->length[table->lists++] = end - at;
		end = at - 1;
	}
	return end == 0; /* the first word is a zero */
}

/*
 * The word that a table entry names, in the image. Per-CPU words of 64-bit kernels up to 6.14 are
 * linked at 0, but named by the address that they are loaded at.
 */
static const uint8_t *find_word(const struct kernel *kernel, uint64_t address, size_t size)
{
	const uint8_t *bytes = kernel_bytes_at(kernel, address, size);
	const struct kernel_segment *segment = kernel->segments;
	uint64_t offset;

	if (bytes || !kernel->is_64bit || kernel->segment_count == 0 ||
	    segment->virtual_address != 0)
		return bytes;
	/* __START_KERNEL_map, arch/x86/include/asm/page_64_types.h */
	offset = address - 0xffffffff80000000u - segment->physical_address;
	if (!bytes_in_range(offset, size, segment->file_size))
		return NULL;
	return kernel->image + segment->file_offset + offset;
}

static bool read_list(struct kernel *kernel, const struct appended_table *table, size_t list,
                      uint32_t type, struct problem *problem)
{
	size_t size = relocated_size(kernel, type);
	uint32_t section = NO_INDEX;

	for (size_t i = 0; i < table->length[list]; i++) {
		size_t at = table->start[list] + i;
		uint32_t entry = bytes_load32(table->words + at * 4);
		uint64_t address = kernel->is_64bit ? (uint64_t)(int64_t)(int32_t)entry : entry;
		const uint8_t *bytes = find_word(kernel, address, size);

		if (!bytes)
			return problem_report(problem, RELOCATION_WORD, at, WIDE(address));
		section = section_index(kernel, address, section);
		kernel->relocations[kernel->relocation_count++] = (struct kernel_relocation){
		    .address = address,
		    .section = section,
		    .type = type,
		    .symbol = NO_INDEX,
		    .addend = load_signed(bytes, size),
		};
	}
	return true;
}

static bool read_appended_table(struct kernel *kernel, const struct appended_table *table,
                                struct problem *problem)
{
	/* The count is bounded by the trailer's size; all of it is written. */
	kernel->relocations = malloc(table->count * sizeof(*kernel->relocations));
	if (!kernel->relocations)
		return problem_report(problem, OUT_OF_MEMORY);
	if (!kernel->is_64bit) {
		if (!read_list(kernel, table, 0, R_386_32, problem))
			return false;
	} else if (!read_list(kernel, table, table->lists - 1, R_X86_64_64, problem) ||
	           !read_list(kernel, table, 0, R_X86_64_32, problem) ||
	           (table->lists == MOST_LISTS &&
	            !read_list(kernel, table, 1, R_X86_64_PC32, problem))) {
		return false;
	}
	kernel->has_relocations = true;
	sort_relocations(kernel);
	return true;
}

bool kernel_read_relocations(struct kernel *kernel, const uint8_t *trailer, size_t trailer_size,
                             struct problem *problem)
{
	struct appended_table table;
	bool is_table = divide_table(trailer, trailer_size, &table) &&
	                (kernel->is_64bit ? table.lists >= 2 : table.lists == 1);

	if (!read_elf_relocations(kernel, problem))
		return false;
	if (kernel->format == KERNEL_FORMAT_MODULE) {
		kernel->has_relocations = true;
		return true;
	}
	if (kernel->has_relocations)
		return true;
	if (kernel->format == KERNEL_FORMAT_BZIMAGE && trailer_size && !is_table)
		return problem_report(problem, RELOCATION_TRAILER, trailer_size);
	if (!is_table || read_appended_table(kernel, &table, problem))
		return true;
	if (kernel->format == KERNEL_FORMAT_BZIMAGE)
		return false;
	/* Behind an ELF file there may be anything (a signature, an initrd): it was no table. */
	free(kernel->relocations);
	kernel->relocations = NULL;
	kernel->relocation_count = 0;
	return true;
}
