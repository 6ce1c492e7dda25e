/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MODULE_FILE_H
#define PATCHER_MODULE_FILE_H

/*
 * A module's ELF file as its loader sees it (Linux 6.1, kernel/module/main.c): section headers,
 * symbols by number, relocations. All that is here has been checked against the image.
 */

#include <elf.h>

#include "patcher/kernel/kernel.h"

struct module_relocation {
	uint32_t section; /* whose bytes it changes; allocated, and it has them */
	uint32_t offset;  /* in it, of four bytes */
	uint32_t type;    /* R_386_32, R_386_PC32 or R_386_PLT32 */
	uint32_t symbol;
};

struct module_file {
	const struct kernel *kernel; /* borrowed */
	const uint8_t *image;        /* the kernel's */
	Elf32_Ehdr header;
	Elf32_Shdr *sections; /* header.e_shnum of them */
	uint32_t symbol_section, string_section;
	Elf32_Sym *symbols; /* st_name is inside the string section, which ends with a NUL */
	uint32_t symbol_count;
	uint32_t local_count; /* symbols before the first that is not local */
	/* of allocated sections; ascending section, then offset; none reaches into the next */
	struct module_relocation *relocations;
	size_t relocation_count;
	char release[65]; /* the kernel's that it is built for: the first word of vermagic */
	bool signed_;     /* a signature is appended */
};

/*
 * Reads the file of a kernel of format KERNEL_FORMAT_MODULE, which must outlive *file. false:
 * *problem says why it is none that a loader for i386 takes. Ended with module_file_close().
 */
bool module_file_open(const struct kernel *kernel, struct module_file *file,
                      struct problem *problem);
void module_file_close(struct module_file *file);

/* A name in the image. */
const char *module_section_name(const struct module_file *file, uint32_t section);
const char *module_symbol_name(const struct module_file *file, uint32_t symbol);

/* The first of the relocations at or behind offset in a section. */
size_t module_relocation_at(const struct module_file *file, uint32_t section, uint32_t offset);

#endif
