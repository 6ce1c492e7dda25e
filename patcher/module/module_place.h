/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MODULE_PLACE_H
#define PATCHER_MODULE_PLACE_H

/*
 * A module put at addresses of our choice and relocated for them, as its loader would: then it is a
 * kernel like others, with every reference known, that can be scanned and planned. The addresses
 * are far from each other and from 0, so that none is mistaken for a small number.
 */

#include "patcher/linux/linux_metadata.h"
#include "patcher/module/module_file.h"

/* Springboards, by what becomes of them after the module has begun. */
enum module_text {
	MODULE_TEXT_CORE,
	MODULE_TEXT_INIT, /* stand for code in .init*, which is freed */
	MODULE_TEXT_COUNT
};

#define MODULE_SECTIONS_ADDRESS 0x20000000u /* of the first section */
#define MODULE_SECTIONS_END     0x60000000u
#define MODULE_OUTSIDE_ADDRESS  0x68000000u /* what the module takes from others */
#define MODULE_OUTSIDE_END      0x70000000u
#define MODULE_TEXT_ADDRESS     0x70000000u /* springboards: MODULE_TEXT_SIZE for each kind */
#define MODULE_TEXT_SIZE        0x08000000u

struct placed_module {
	const struct module_file *file; /* borrowed */
	uint8_t *bytes;                 /* the file as a linked one: its own bytes, relocated */
	size_t size;
	uint32_t *addresses; /* by section; 0 for those that are not loaded */
	uint32_t *values;    /* by symbol */
	struct kernel kernel;
};

/*
 * Places the module; with another spread its sections are at other distances from each other.
 * false: *problem, nothing is left allocated. Ended with placed_module_free().
 */
bool module_place(const struct module_file *file, unsigned int spread, struct placed_module *placed,
                  struct problem *problem);
void placed_module_free(struct placed_module *placed);

/*
 * Linux's tables in the module, of a kernel of that version (struct kernel's linux_version), with
 * the placed addresses; those of other modules are 0. false: *problem. Ended with
 * linux_metadata_free().
 */
bool placed_module_metadata(const struct placed_module *placed, uint32_t linux_version,
                            struct linux_metadata *metadata, struct problem *problem);

/* The file's section that a section of placed->kernel is. */
static inline uint32_t placed_section(const struct kernel_section *section)
{
	return section->index;
}

#endif
