/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MUTATION_OUTPUT_H
#define TESTS_MUTATION_OUTPUT_H

/* A rewritten kernel in memory, and where its parts are, so that they can be damaged on purpose. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/kernel/input_file.h"
#include "patcher/kernel/kernel.h"
#include "patcher/verify/verify.h"
#include "patchtables/rom_abi.h"

struct part { /* of the file */
	uint32_t offset, size;
	uint32_t address; /* guest-virtual of its first byte; 0 if it is not loaded */
};

/* An instruction of .postburn.text. */
struct generated {
	uint32_t offset; /* in the file */
	uint8_t length;
	uint32_t origin; /* index of the last origin at or below it */
};

struct output {
	struct kernel kernel;
	struct verify_input *input;
	struct verify_named_site
	    *named;                 /* its writes to page tables, as its debug information has it */
	struct input_file rom_file; /* of a ROM that is not built in */
	struct verify_rom_file rom;
	uint32_t clobbers[ROM_SLOT_COUNT]; /* of the ROM's manifest */
	uint8_t *bytes;                    /* being damaged */
	uint8_t *whole;                    /* as it was written */
	size_t size, written;              /* bytes there are now; that were written */
	struct part rom_image, wedge, text, tables, added, notes, symbols, strings;
	struct part programs, sections; /* headers */
	struct part parameters, sites, origins;
	uint32_t site_count, origin_count;
	struct generated *generated;
	uint32_t generated_count;
	uint32_t *moved; /* file offsets of the bytes that differ outside of windows */
	uint32_t moved_count;
};

/* Rewrites the kernel at path for the ROM of that name or file, in memory. false: it says why on
 * stderr. */
bool output_make(struct output *output, const char *path, const char *rom);
void output_free(struct output *output);

/* Verifies the bytes as they are now. */
bool output_verify(const struct output *output, unsigned int options, struct verify_report *report);

/* The file offset of a guest-virtual address of the added segment or of the input's; 0: none. */
uint32_t output_offset(const struct output *output, uint32_t address);

uint32_t output_word(const struct output *output, uint32_t offset);

#endif
