/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols from .symtab or from the kernel's own tables, in the order of struct kernel. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/kallsyms.h"
#include "patcher/kernel/kallsyms_stem.h"
#include "patcher/kernel/kernel_private.h"

/* A symbol's name, in C++ or Rust too, is shorter (Linux' own limit is 512). Names may share bytes,
 * so that a small file could otherwise have very long ones all over. */
#define LONGEST_NAME 4096

/*
 * Of symbols at one address the first is the one to print: strong before weak, then the one with
 * fewer leading underscores, as scripts/kallsyms.c in Linux orders them, so that a kernel and its
 * stripped copy name places alike.
 */
static int compare_aliases(const struct kernel_symbol *first, const struct kernel_symbol *second)
{
	size_t underscores;

	if (first->weak != second->weak)
		return first->weak - second->weak;
	underscores = strspn(second->name, "_");
	if (strspn(first->name, "_") != underscores)
		return strspn(first->name, "_") < underscores ? -1 : 1;
	return strcmp(first->name, second->name);
}

static int compare_by_address(const void *a, const void *b)
{
	const struct kernel_symbol *first = a, *second = b;

	if (first->address != second->address)
		return first->address < second->address ? -1 : 1;
	return compare_aliases(first, second);
}

static int compare_by_section(const void *a, const void *b)
{
	const struct kernel_symbol *first = a, *second = b;

	if (first->section != second->section)
		return first->section < second->section ? -1 : 1;
	return compare_by_address(a, b);
}

static void sort_symbols(struct kernel *kernel)
{
	int (*compare)(const void *, const void *) =
	    kernel->format == KERNEL_FORMAT_MODULE ? compare_by_section : compare_by_address;
	size_t sorted = 1;

	while (sorted < kernel->symbol_count &&
	       compare(&kernel->symbols[sorted - 1], &kernel->symbols[sorted]) <= 0)
		sorted++;
	if (sorted < kernel->symbol_count)
		qsort(kernel->symbols, kernel->symbol_count, sizeof(*kernel->symbols), compare);
}

/* An ELF symbol, of either class. */
struct elf_symbol {
	uint32_t name;
	uint8_t type, binding;
	uint16_t section;
	uint64_t value, size;
};

static struct elf_symbol load_symbol(const uint8_t *bytes, bool is_64bit)
{
	Elf64_Sym wide;
	Elf32_Sym narrow;

	if (is_64bit) {
		memcpy(&wide, bytes, sizeof(wide));
		return (struct elf_symbol){wide.st_name,
		                           ELF64_ST_TYPE(wide.st_info),
		                           ELF64_ST_BIND(wide.st_info),
		                           wide.st_shndx,
		                           wide.st_value,
		                           wide.st_size};
	}
	memcpy(&narrow, bytes, sizeof(narrow));
	return (struct elf_symbol){narrow.st_name,
	                           ELF32_ST_TYPE(narrow.st_info),
	                           ELF32_ST_BIND(narrow.st_info),
	                           narrow.st_shndx,
	                           narrow.st_value,
	                           narrow.st_size};
}

static enum kernel_symbol_type type_of(uint8_t type)
{
	switch (type) {
	case STT_FUNC:
	case STT_GNU_IFUNC: return SYMBOL_FUNCTION;
	case STT_OBJECT:
	case STT_COMMON:
	case STT_TLS: return SYMBOL_OBJECT;
	default: return SYMBOL_OTHER;
	}
}

/* Whether the symbol names a place of the model; *section is where. */
static bool is_place(const struct kernel *kernel, const struct elf_symbol *symbol,
                     uint32_t *section)
{
	if (symbol->type == STT_SECTION || symbol->type == STT_FILE)
		return false;
	*section = NO_INDEX;
	if (symbol->section == SHN_ABS)
		return true;
	if (symbol->section == SHN_UNDEF || symbol->section >= SHN_LORESERVE)
		return false;
	*section = kernel->private->section_of[symbol->section];
	return *section != NO_INDEX;
}

static bool check_symbol_table(const struct kernel *kernel, const struct elf_section_header *table,
                               struct problem *problem)
{
	const struct elf_file *elf = &kernel->private->elf;
	size_t index = (size_t)(table - elf->section_headers);
	size_t entry_size = elf->is_64bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	const struct elf_section_header *names;

	if (table->entry_size != entry_size || table->size % entry_size)
		return problem_report(problem, SYMBOL_TABLE_SIZE, index, WIDE(table->size),
		                      WIDE(table->entry_size));
	if (table->size / entry_size >= NO_INDEX)
		return problem_report(problem, SYMBOL_TABLE_SIZE, index, WIDE(table->size),
		                      WIDE(table->entry_size));
	if (table->link >= elf->section_header_count)
		return problem_report(problem, SYMBOL_NAMES, index, table->link);
	names = &elf->section_headers[table->link];
	if (names->type != SHT_STRTAB || names->size == 0 ||
	    kernel->image[names->offset + names->size - 1] != '\0')
		return problem_report(problem, SYMBOL_NAMES, index, table->link);
	return true;
}

static bool read_symbol_table(struct kernel *kernel, const struct elf_section_header *table,
                              struct problem *problem)
{
	const struct elf_file *elf = &kernel->private->elf;
	const struct elf_section_header *names;
	const uint8_t *entry = kernel->image + table->offset;
	size_t count;

	if (!check_symbol_table(kernel, table, problem))
		return false;
	names = &elf->section_headers[table->link];
	count = table->size / table->entry_size;
	kernel->symbol_count = 0;
	kernel->symbols = calloc(count ? count : 1, sizeof(*kernel->symbols));
	if (!kernel->symbols)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < count; i++, entry += table->entry_size) {
		struct elf_symbol symbol = load_symbol(entry, elf->is_64bit);
		const char *name = (const char *)kernel->image + names->offset + symbol.name;
		uint32_t section;

		if (symbol.name >= names->size)
			return problem_report(problem, SYMBOL_NAME_RANGE, i, symbol.name,
			                      WIDE(names->size));
		if (symbol.section < SHN_LORESERVE && symbol.section >= elf->section_header_count)
			return problem_report(problem, SYMBOL_SECTION, i, symbol.section);
		if (*name == '\0' || !is_place(kernel, &symbol, &section))
			continue;
		if (strnlen(name, LONGEST_NAME) == LONGEST_NAME)
			return problem_report(problem, SYMBOL_NAME_LONG, i, LONGEST_NAME);
		kernel->symbols[kernel->symbol_count++] = (struct kernel_symbol){
		    .name = name,
		    .address = symbol.value,
		    .size = symbol.size,
		    .section = section,
		    .type = type_of(symbol.type),
		    .weak = symbol.binding == STB_WEAK,
		};
	}
	kernel->symbol_source = SYMBOLS_SYMTAB;
	sort_symbols(kernel);
	return true;
}

/* The kind of a symbol by nm's letter for it. Code has no other letter than t and w. */
enum kernel_symbol_type kernel_symbol_type_of_letter(char letter)
{
	switch (letter) {
	case 't':
	case 'T':
	case 'w':
	case 'W': return SYMBOL_FUNCTION;
	case 'b':
	case 'B':
	case 'd':
	case 'D':
	case 'g':
	case 'G':
	case 'r':
	case 'R':
	case 's':
	case 'S':
	case 'v':
	case 'V': return SYMBOL_OBJECT;
	default: return SYMBOL_OTHER;
	}
}

/* The tables of Linux up to 2.6.9, which tell no types: what is not in code is data. */
static bool read_kallsyms_stem(struct kernel *kernel, struct problem *problem)
{
	struct kallsyms_stem tables;
	const char *previous = "";
	size_t position = 0;
	char *name;

	if (kernel->linux_version == 0 || kernel->linux_version > KALLSYMS_STEM_LAST_VERSION ||
	    !kallsyms_stem_find(kernel, &tables))
		return true;
	name = malloc(tables.names_length);
	kernel->private->names = name;
	kernel->symbols = calloc(tables.count, sizeof(*kernel->symbols));
	if (!name || !kernel->symbols)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < tables.count; i++) {
		uint64_t address = kallsyms_stem_address(&tables, i);
		const struct kernel_section *section = kernel_section_at(kernel, address);
		size_t size = kallsyms_stem_unpack(&tables, &position, previous, name);

		kernel->symbols[i] = (struct kernel_symbol){
		    .name = name,
		    .address = address,
		    .section = NO_INDEX,
		    .type = section && !section->executable ? SYMBOL_OBJECT : SYMBOL_FUNCTION,
		};
		previous = name;
		name += size;
	}
	kernel->symbol_count = tables.count;
	kernel->symbol_source = SYMBOLS_KALLSYMS;
	return true;
}

static bool read_kallsyms(struct kernel *kernel, struct problem *problem)
{
	struct kallsyms tables;
	size_t position = 0, written = 0;
	char *names;

	if (!kallsyms_find(kernel, &tables))
		return read_kallsyms_stem(kernel, problem);
	names = malloc(tables.names_length + KALLSYMS_SLACK);
	kernel->private->names = names;
	kernel->symbols = calloc(tables.count, sizeof(*kernel->symbols));
	if (!names || !kernel->symbols)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < tables.count; i++) {
		char *name = names + written;

		written += kallsyms_unpack(&tables, &position, name);
		kernel->symbols[i] = (struct kernel_symbol){
		    .name = name + 1, /* behind the letter */
		    .address = kallsyms_address(&tables, i),
		    .section = NO_INDEX,
		    .type = kernel_symbol_type_of_letter(name[0]),
		    .weak = name[0] == 'w' || name[0] == 'W',
		};
	}
	kernel->symbol_count = tables.count;
	kernel->symbol_source = SYMBOLS_KALLSYMS;
	return true; /* they are in order: kallsyms_find() has seen to it */
}

/* The first table of symbols that is not empty, or NULL. */
static const struct elf_section_header *find_symbol_table(const struct elf_file *elf)
{
	for (size_t i = 0; i < elf->section_header_count; i++) {
		if (elf->section_headers[i].type == SHT_SYMTAB && elf->section_headers[i].size)
			return &elf->section_headers[i];
	}
	return NULL;
}

/* A symbol table without functions (what some strippers leave) is as good as none. */
static bool has_functions(const struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		if (kernel->symbols[i].type == SYMBOL_FUNCTION)
			return true;
	}
	return false;
}

static void drop_symbols(struct kernel *kernel)
{
	free(kernel->symbols);
	kernel->symbols = NULL;
	kernel->symbol_count = 0;
	kernel->symbol_source = SYMBOLS_NONE;
}

bool kernel_read_symbols(struct kernel *kernel, const struct kernel_read_options *options,
                         struct problem *problem)
{
	const struct elf_section_header *table = find_symbol_table(&kernel->private->elf);

	if (options->system_map) {
		if (!kernel_read_system_map(kernel, options->system_map, problem))
			return false;
		sort_symbols(kernel);
		return kernel_index_names(kernel, problem);
	}
	if (table && !read_symbol_table(kernel, table, problem))
		return false;
	if (kernel->format != KERNEL_FORMAT_MODULE && !has_functions(kernel)) {
		drop_symbols(kernel);
		if (!read_kallsyms(kernel, problem))
			return false;
	}
	return kernel_index_names(kernel, problem);
}
