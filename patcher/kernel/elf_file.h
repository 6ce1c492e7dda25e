/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_ELF_FILE_H
#define PATCHER_ELF_FILE_H

/*
 * The headers of an ELF file in memory, 32- and 64-bit alike, with every offset and size in them
 * checked against the file. Contents are read from the file's own bytes by these offsets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/problem.h"

struct elf_program_header {
	uint32_t type, flags; /* PT_*, PF_* */
	uint64_t offset, virtual_address, physical_address, file_size, memory_size;
};

struct elf_section_header {
	const char *name; /* in the image; "" if the file has no section names */
	uint32_t type;    /* SHT_* */
	uint64_t flags;   /* SHF_* */
	uint64_t address, offset, size;
	uint32_t link, info;
	uint64_t entry_size;
};

struct elf_file {
	bool is_64bit;
	uint16_t type;    /* ET_EXEC, ET_DYN or ET_REL */
	uint16_t machine; /* EM_386 (32-bit) or EM_X86_64 (64-bit) */
	uint64_t entry;
	struct elf_program_header *program_headers;
	size_t program_header_count;
	struct elf_section_header *section_headers; /* with the empty one at index 0 */
	size_t section_header_count;
	uint64_t end; /* behind the last byte that a header describes */
};

/* Whether bytes begin as an ELF file does. */
bool elf_file_detect(const uint8_t *bytes, size_t size);

/*
 * Reads the headers of the ELF file in bytes, which must outlive *file. false: *problem says what
 * is wrong; *file holds nothing.
 */
bool elf_file_open(const uint8_t *bytes, size_t size, struct elf_file *file,
                   struct problem *problem);

/* Gives the headers back. A file that holds nothing is fine. */
void elf_file_close(struct elf_file *file);

#endif
