/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_LIBELF_READER_H
#define PATCHER_LIBELF_READER_H

/*
 * An ELF32 file as libelf sees it: the second reader, for `postburn verify`. It shares nothing with
 * patcher/kernel/elf_file.c, which reads kernels, nor with what writes them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_view_section {
	const char *name;     /* "" if it has none */
	const uint8_t *bytes; /* NULL without bytes (NOBITS, or size 0) */
	uint32_t type, flags, address, offset, size, link, info, alignment, entry_size;
};

struct elf_view_segment {
	const uint8_t *bytes; /* file_size bytes, NULL if that is 0 */
	uint32_t type, flags, offset, virtual, physical, file_size, memory_size, alignment;
};

struct elf_view_symbol {
	const char *name; /* "" if it has none */
	uint32_t value, size;
	uint16_t section; /* st_shndx */
	uint8_t type, binding, visibility;
};

/* Of the PT_NOTE segments, in their order. */
struct elf_view_note {
	const char *name; /* name_size bytes, its NUL included as a rule */
	const uint8_t *descriptor;
	uint32_t name_size, type, size;
};

struct elf_view_relocation { /* of SHT_REL sections */
	uint32_t section;    /* index of the section whose bytes it changes */
	uint32_t offset;     /* in it (ET_REL) */
	uint32_t type, symbol;
};

struct elf_view {
	uint16_t file_type; /* ET_* */
	uint32_t entry;
	uint32_t program_offset, section_offset; /* in the file, of the two tables of headers */
	uint32_t name_section;                   /* index of the section with sections' names */
	struct elf_view_section *sections;
	size_t section_count;
	struct elf_view_segment *segments;
	size_t segment_count;
	struct elf_view_symbol *symbols; /* by index in .symtab */
	size_t symbol_count;
	struct elf_view_note *notes;
	size_t note_count;
	bool notes_cut; /* some note says it is longer than its segment; none behind it was read */
	struct elf_view_relocation *relocations;
	size_t relocation_count;
	void *handle; /* libelf's */
};

/*
 * Reads the ELF32 file for i386 in [bytes, bytes + size), which must outlive *view and stay as it
 * is. false: *reason says why (a phrase), nothing is left allocated; NULL stands for memory. Ended
 * with elf_view_close().
 */
bool elf_view_open(const uint8_t *bytes, size_t size, struct elf_view *view, const char **reason);
void elf_view_close(struct elf_view *view);

/* The first section of that name, or NULL. */
const struct elf_view_section *elf_view_section(const struct elf_view *view, const char *name);

/* The first symbol of that name that is defined, or NULL. */
const struct elf_view_symbol *elf_view_symbol(const struct elf_view *view, const char *name);

/* size bytes that are loaded at a virtual address, or NULL if no segment holds them all. */
const uint8_t *elf_view_bytes_at(const struct elf_view *view, uint32_t address, uint32_t size);

#endif
