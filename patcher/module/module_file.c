/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/module/module_file.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"

/* What scripts/sign-file.c appends last. */
static const char signature_end[] = "~Module signature appended~\n";

static bool refuse_section(const struct module_file *file, uint32_t section, const char *reason,
                           struct problem *problem)
{
	return problem_report(problem, MODULE_SECTION, (unsigned int)section,
	                      module_section_name(file, section), reason);
}

/* --- sections ----------------------------------------------------------------------- */

const char *module_section_name(const struct module_file *file, uint32_t section)
{
	/* kernel_read() has checked that it is there. */
	return (const char *)file->image + file->sections[file->header.e_shstrndx].sh_offset +
	       file->sections[section].sh_name;
}

static bool has_bytes(const Elf32_Shdr *section)
{
	return section->sh_type != SHT_NULL && section->sh_type != SHT_NOBITS && section->sh_size;
}

struct extent { /* the bytes of a section */
	uint32_t offset, size, section;
};

static int compare_extents(const void *left, const void *right)
{
	const struct extent *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return (a->size > b->size) - (a->size < b->size);
}

/* No two sections may share bytes: they are relocated and rewritten each for itself. */
static bool check_overlap(const struct module_file *file, struct problem *problem)
{
	struct extent *extents = calloc(file->header.e_shnum, sizeof(*extents));
	size_t count = 0;
	bool done = true;

	if (!extents)
		return problem_report(problem, OUT_OF_MEMORY);
	for (uint32_t i = 1; i < file->header.e_shnum; i++)
		if (has_bytes(&file->sections[i]))
			extents[count++] = (struct extent){file->sections[i].sh_offset,
			                                   file->sections[i].sh_size, i};
	if (count)
		qsort(extents, count, sizeof(*extents), compare_extents);
	for (size_t i = 1; done && i < count; i++)
		if (extents[i].offset - extents[i - 1].offset < extents[i - 1].size)
			done = refuse_section(file, extents[i].section,
			                      "it shares bytes of the file with another", problem);
	free(extents);
	return done;
}

static bool read_sections(struct module_file *file, struct problem *problem)
{
	size_t size = file->header.e_shnum * sizeof(*file->sections);

	if (!file->header.e_shnum || !file->header.e_shstrndx)
		return problem_report(problem, MODULE_KIND);
	file->sections = malloc(size);
	if (!file->sections)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(file->sections, file->image + file->header.e_shoff, size);
	for (uint32_t i = 1; i < file->header.e_shnum; i++) {
		const Elf32_Shdr *section = &file->sections[i];

		if (section->sh_addralign & (section->sh_addralign - 1) ||
		    section->sh_addralign > 0x10000)
			return refuse_section(
			    file, i, "its alignment is no power of two up to 64 KiB", problem);
		if (section->sh_type == SHT_SYMTAB && file->symbol_section)
			return refuse_section(file, i, "it is a second symbol table", problem);
		if (section->sh_type == SHT_SYMTAB)
			file->symbol_section = i;
		if (section->sh_type == SHT_SYMTAB_SHNDX)
			return refuse_section(file, i, "no module has so many sections", problem);
		if (section->sh_type == SHT_REL && section->sh_info >= file->header.e_shnum)
			return refuse_section(file, i, "it relocates a section that does not exist",
			                      problem);
		if (section->sh_type == SHT_RELA && section->sh_info < file->header.e_shnum &&
		    file->sections[section->sh_info].sh_flags & SHF_ALLOC)
			return refuse_section(file, i, "a module for i386 has no SHT_RELA",
			                      problem);
	}
	if (!file->symbol_section)
		return problem_report(problem, MODULE_KIND);
	return check_overlap(file, problem);
}

/* --- symbols ------------------------------------------------------------------------ */

const char *module_symbol_name(const struct module_file *file, uint32_t symbol)
{
	return (const char *)file->image + file->sections[file->string_section].sh_offset +
	       file->symbols[symbol].st_name;
}

static bool check_symbol(const struct module_file *file, uint32_t index, struct problem *problem)
{
	const Elf32_Sym *symbol = &file->symbols[index];
	const char *reason = NULL;

	if (symbol->st_name >= file->sections[file->string_section].sh_size)
		reason = "its name is outside the string table";
	else if (symbol->st_shndx == SHN_COMMON)
		reason = "a module has no common symbols";
	else if (symbol->st_shndx >= file->header.e_shnum && symbol->st_shndx < SHN_LORESERVE)
		reason = "its section does not exist";
	else if ((ELF32_ST_BIND(symbol->st_info) == STB_LOCAL) != (index < file->local_count))
		reason = "sh_info does not divide local symbols from others";
	return !reason || problem_report(problem, MODULE_SYMBOL, (unsigned int)index, reason);
}

static bool read_symbols(struct module_file *file, struct problem *problem)
{
	const Elf32_Shdr *table = &file->sections[file->symbol_section], *strings;

	file->string_section = table->sh_link;
	if (!table->sh_size || table->sh_entsize != sizeof(Elf32_Sym) ||
	    table->sh_size % sizeof(Elf32_Sym) || table->sh_link >= file->header.e_shnum)
		return refuse_section(file, file->symbol_section, "it is no symbol table", problem);
	strings = &file->sections[table->sh_link];
	if (strings->sh_type != SHT_STRTAB || !strings->sh_size ||
	    file->image[strings->sh_offset + strings->sh_size - 1])
		return refuse_section(file, file->symbol_section,
		                      "its names are in no string table", problem);
	file->symbol_count = table->sh_size / sizeof(Elf32_Sym);
	file->local_count = table->sh_info;
	if (file->local_count > file->symbol_count || !file->local_count)
		return refuse_section(file, file->symbol_section,
		                      "sh_info is not the number of local symbols", problem);
	file->symbols = malloc(table->sh_size);
	if (!file->symbols)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(file->symbols, file->image + table->sh_offset, table->sh_size);
	for (uint32_t i = 0; i < file->symbol_count; i++)
		if (!check_symbol(file, i, problem))
			return false;
	return true;
}

/* --- relocations -------------------------------------------------------------------- */

/* Whether the loader applies the table: it relocates what is loaded. */
static bool is_applied(const struct module_file *file, const Elf32_Shdr *table)
{
	return table->sh_type == SHT_REL && table->sh_info < file->header.e_shnum &&
	       file->sections[table->sh_info].sh_flags & SHF_ALLOC;
}

/* What is wrong with a relocation: a phrase, or NULL. */
static const char *relocation_fault(const struct module_file *file,
                                    const struct module_relocation *relocation)
{
	const Elf32_Shdr *target = &file->sections[relocation->section];

	if (relocation->type != R_386_32 && relocation->type != R_386_PC32 &&
	    relocation->type != R_386_PLT32)
		return "its type is none of R_386_32, R_386_PC32 and R_386_PLT32";
	if (relocation->symbol >= file->symbol_count)
		return "its symbol does not exist";
	if (!has_bytes(target) || !bytes_in_range(relocation->offset, 4, target->sh_size))
		return "it is outside its section";
	return NULL;
}

static bool read_table(struct module_file *file, uint32_t index, struct problem *problem)
{
	const Elf32_Shdr *table = &file->sections[index];

	if (table->sh_link != file->symbol_section || table->sh_entsize != sizeof(Elf32_Rel) ||
	    table->sh_size % sizeof(Elf32_Rel))
		return refuse_section(file, index, "it is no table of relocations", problem);
	for (uint32_t at = 0; at < table->sh_size; at += sizeof(Elf32_Rel)) {
		Elf32_Rel from;
		struct module_relocation *to = &file->relocations[file->relocation_count++];
		const char *fault;

		memcpy(&from, file->image + table->sh_offset + at, sizeof(from));
		*to = (struct module_relocation){.section = table->sh_info,
		                                 .offset = from.r_offset,
		                                 .type = ELF32_R_TYPE(from.r_info),
		                                 .symbol = ELF32_R_SYM(from.r_info)};
		fault = relocation_fault(file, to);
		if (fault)
			return problem_report(
			    problem, MODULE_RELOCATION, (unsigned int)(at / sizeof(from)),
			    (unsigned int)index, module_section_name(file, index), fault);
	}
	return true;
}

static int compare_relocations(const void *left, const void *right)
{
	const struct module_relocation *a = left, *b = right;

	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool check_order(const struct module_file *file, struct problem *problem)
{
	for (size_t i = 1; i < file->relocation_count; i++) {
		const struct module_relocation *a = &file->relocations[i - 1], *b = a + 1;

		if (a->section == b->section && b->offset - a->offset < 4)
			return refuse_section(file, a->section,
			                      "two relocations change the same bytes of it",
			                      problem);
	}
	return true;
}

static bool read_relocations(struct module_file *file, struct problem *problem)
{
	size_t total = 0;

	for (uint32_t i = 1; i < file->header.e_shnum; i++)
		if (is_applied(file, &file->sections[i]))
			total += file->sections[i].sh_size / sizeof(Elf32_Rel) + 1;
	file->relocations = calloc(total + 1, sizeof(*file->relocations));
	if (!file->relocations)
		return problem_report(problem, OUT_OF_MEMORY);
	for (uint32_t i = 1; i < file->header.e_shnum; i++)
		if (is_applied(file, &file->sections[i]) && !read_table(file, i, problem))
			return false;
	if (file->relocation_count)
		qsort(file->relocations, file->relocation_count, sizeof(*file->relocations),
		      compare_relocations);
	return check_order(file, problem);
}

size_t module_relocation_at(const struct module_file *file, uint32_t section, uint32_t offset)
{
	size_t low = 0, high = file->relocation_count;
	const struct module_relocation key = {.section = section, .offset = offset};

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_relocations(&file->relocations[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- what it says about itself ------------------------------------------------------ */

/* .modinfo is a list of NAME=TEXT, each with a NUL behind it. */
static void read_release(struct module_file *file)
{
	static const char key[] = "vermagic=";
	const struct kernel_section *section = kernel_find_section(file->kernel, ".modinfo");
	uint64_t at = 0;

	while (section && section->bytes && at < section->size) {
		const char *text = (const char *)section->bytes + at;
		size_t length = strnlen(text, section->size - at);

		if (length < section->size - at && !strncmp(text, key, strlen(key))) {
			text += strlen(key);
			snprintf(file->release, sizeof(file->release), "%.*s",
			         (int)strcspn(text, " "), text);
			return;
		}
		at += length + 1;
	}
}

static bool is_signed(const struct kernel *kernel)
{
	size_t size = sizeof(signature_end) - 1;

	return kernel->trailer_size >= size &&
	       !memcmp(kernel->trailer + kernel->trailer_size - size, signature_end, size);
}

bool module_file_open(const struct kernel *kernel, struct module_file *file,
                      struct problem *problem)
{
	*file = (struct module_file){.kernel = kernel, .image = kernel->image};
	if (kernel->format != KERNEL_FORMAT_MODULE || kernel->is_64bit)
		return problem_report(problem, MODULE_KIND);
	memcpy(&file->header, kernel->image, sizeof(file->header));
	if (!read_sections(file, problem) || !read_symbols(file, problem) ||
	    !read_relocations(file, problem)) {
		module_file_close(file);
		return false;
	}
	read_release(file);
	file->signed_ = is_signed(kernel);
	return true;
}

void module_file_close(struct module_file *file)
{
	free(file->sections);
	free(file->symbols);
	free(file->relocations);
	*file = (struct module_file){0};
}
