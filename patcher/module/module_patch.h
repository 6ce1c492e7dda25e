/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MODULE_PATCH_H
#define PATCHER_MODULE_PATCH_H

/*
 * The rewriting of one module for a rewritten kernel. The module's loader places its sections each
 * by itself, so everything that leads from one to another, and to the ROM, is a relocation.
 */

#include <stdio.h>

#include "patcher/buffer.h"
#include "patcher/module/module_base.h"
#include "patcher/module/module_place.h"
#include "patcher/plan/plan.h"

/* What a relocation of ours refers to, and which number goes with it. */
enum module_target {
	MODULE_TARGET_SYMBOL,  /* a symbol of the module */
	MODULE_TARGET_SECTION, /* the start of one of its sections */
	MODULE_TARGET_TEXT,    /* the start of springboards: enum module_text */
	MODULE_TARGET_SLOT     /* a slot of the ROM, by call */
};

/* Sections that are added have these numbers in struct module_fixup. */
#define MODULE_ADDED_TEXT    0x10000u /* + enum module_text */
#define MODULE_ADDED_SITES   (MODULE_ADDED_TEXT + MODULE_TEXT_COUNT)
#define MODULE_ADDED_ORIGINS (MODULE_ADDED_SITES + 1)

/* A relocation that is added; the word there holds its addend already. */
struct module_fixup {
	uint32_t section; /* of the module, or MODULE_ADDED_* */
	uint32_t offset;
	uint32_t target; /* its number */
	uint8_t target_kind;
	uint8_t type; /* R_386_* */
};

/* Where the springboard of a window stands. */
struct module_springboard_place {
	uint32_t offset; /* in its text */
	uint16_t entries[WINDOW_MAX_INSTRUCTIONS];
	uint32_t first_origin, origin_count; /* in struct module_patch's placed_origins */
};

struct module_patch {
	const struct module_file *file; /* borrowed, as is base */
	const struct module_base *base;
	struct rom rom; /* the base's, as it is for modules; its private part is the base's */
	struct placed_module placed;
	struct scan scan;
	struct code_map map;
	struct plan plan;
	struct module_springboard_place *springboards; /* as plan.windows */
	uint8_t *image;                                /* the module's file, rewritten */
	bool *dropped; /* as file->relocations: the bytes they were for are gone */
	struct buffer texts[MODULE_TEXT_COUNT];
	struct buffer sites;          /* struct rom_site[], addresses as addends */
	struct buffer origins;        /* struct rom_origin[], likewise */
	struct buffer placed_origins; /* the same with placed addresses, by window */
	struct module_fixup *fixups;
	size_t fixup_count, fixup_capacity;
	size_t unpatched; /* sites that must be rewritten and are not */
};

/*
 * Rewrites the module. false: *problem, nothing is left allocated. Sites that could not be
 * rewritten are no error here: they are counted and have their reason in the plan. Ended with
 * module_patch_free().
 */
bool module_patch(const struct module_file *file, const struct module_base *base,
                  struct module_patch *patch, struct problem *problem);
void module_patch_free(struct module_patch *patch);

/* The text that stands for a section's code. */
enum module_text module_text_for(const struct module_file *file, uint32_t section);

/*
 * Writes the rewritten module; the sha256 of the input goes into its note. false: *problem
 * (memory); errors of the stream are left to its owner.
 */
bool module_write(FILE *stream, const struct module_patch *patch, const char *sha256,
                  struct problem *problem);

/* The name of the section with the note that a rewritten module has. */
#define MODULE_NOTE_SECTION ".note.postburn"

#endif
