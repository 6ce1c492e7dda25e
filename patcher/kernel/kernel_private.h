/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_KERNEL_PRIVATE_H
#define PATCHER_KERNEL_PRIVATE_H

/* What the files that read a kernel share; nobody else includes this. */

#include "patcher/kernel/elf_file.h"
#include "patcher/kernel/input_file.h"
#include "patcher/kernel/kernel.h"

#define NO_INDEX UINT32_MAX

struct kernel_private {
	struct input_file input; /* holds nothing if the bytes came from the caller */
	uint8_t *payload;        /* the unpacked image, or NULL */
	struct elf_file elf;
	uint32_t *section_of; /* ELF section index -> index into kernel.sections or NO_INDEX */
	char *names;          /* symbols' names that are not in the image */
	char *banner;
	/* Indices of the symbols in a section, in their order: the functions, then the others. */
	uint32_t *covering;
	size_t function_count, other_count;
	struct name_slot *name_table; /* open addressing; NULL if names are searched one by one */
	size_t name_mask;             /* its size (a power of two) - 1 */
};

struct name_slot {
	uint32_t hash;
	uint32_t symbol; /* index + 1; 0 if the slot is free */
};

/* kernel_sections.c: segments; sections from headers; sections made from segments where there are
 * no headers, which needs the symbols. Each false: *problem says why. */
bool kernel_build_segments(struct kernel *kernel, struct problem *problem);
bool kernel_build_sections(struct kernel *kernel, struct problem *problem);
bool kernel_cut_sections(struct kernel *kernel, struct problem *problem);

/* symbols.c: fills kernel.symbols, in their order, from the best source there is; where it does
 * not name the symbols' sections they are left NO_INDEX. Makes the names findable. */
bool kernel_read_symbols(struct kernel *kernel, const struct kernel_read_options *options,
                         struct problem *problem);

/* The kind of a symbol by nm's letter for it. */
enum kernel_symbol_type kernel_symbol_type_of_letter(char letter);

/* system_map.c: the symbols of a System.map. */
bool kernel_read_system_map(struct kernel *kernel, const char *path, struct problem *problem);

/* symbol_index.c: the names' table, for kernel_find_symbol(); what kernel_symbol_at() needs. */
bool kernel_index_names(struct kernel *kernel, struct problem *problem);
bool kernel_index_symbols(struct kernel *kernel, struct problem *problem);

/* identity.c: banner, Linux version, build-id, multiboot header. */
bool kernel_identify(struct kernel *kernel, struct problem *problem);

/* relocations.c: from ELF's sections, or from the table appended to the ELF file (trailer). */
bool kernel_read_relocations(struct kernel *kernel, const uint8_t *trailer, size_t trailer_size,
                             struct problem *problem);

#endif
