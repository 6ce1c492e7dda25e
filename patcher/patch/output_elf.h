/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_OUTPUT_ELF_H
#define PATCHER_OUTPUT_ELF_H

/*
 * The rewritten kernel as an ELF32 file: the input's image with its segments and section headers,
 * one more segment for springboards and ROM, notes of our own, symbols for what was added.
 */

#include <stdio.h>

#include "patcher/kernel/kernel.h"

/* A section of the added segment. */
struct output_section {
	const char *name;
	uint32_t offset; /* in the segment */
	uint32_t size;
	bool executable, writable;
};

struct output_symbol {
	const char *name;
	uint32_t address; /* guest-virtual */
	uint32_t size;
	bool function;
};

struct output_note {
	const char *name; /* "Xen", "postburn" */
	uint32_t type;
	const void *descriptor;
	uint32_t size;
};

struct output_elf {
	const struct kernel *kernel; /* an ELF32 kernel, not a module */
	const uint8_t *image;        /* kernel->image_size bytes: the input's, rewritten */
	uint32_t entry;              /* e_entry, guest-physical as the input's is */
	uint32_t segment_virtual, segment_physical;
	const uint8_t *segment;
	uint32_t segment_size;   /* bytes in the file */
	uint32_t segment_memory; /* bytes in memory */
	const struct output_section *sections;
	size_t section_count;
	const struct output_symbol *symbols;
	size_t symbol_count;
	const struct output_note
	    *notes; /* in place of the input's notes named "Xen"; its others stay */
	size_t note_count;
};

/*
 * Writes the file to stream. false: *problem says why (an input that leaves no way to add a
 * segment, memory); errors of the stream are left to its owner.
 */
bool output_elf_write(FILE *stream, const struct output_elf *output, struct problem *problem);

#endif
