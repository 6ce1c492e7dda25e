/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_MODULE_PRIVATE_H
#define PATCHER_VERIFY_MODULE_PRIVATE_H

/* What verify_module.c (the whole), verify_module_file.c and verify_module_load.c share. */

#include "patcher/module/module_place.h"
#include "patcher/verify/verify_module.h"
#include "patcher/verify/verify_private.h"

/* The sections that may be added, by name. */
enum module_section {
	MODULE_SECTION_TEXT,
	MODULE_SECTION_INIT_TEXT,
	MODULE_SECTION_SITES,
	MODULE_SECTION_ORIGINS,
	MODULE_SECTION_NOTE,
	MODULE_SECTION_COUNT
};

struct module_check {
	struct verifier *verifier; /* findings go there */
	const struct module_file *file;
	const char *sha256;   /* of the input's file */
	struct elf_view out;  /* the output's file, */
	const uint8_t *bytes; /* its bytes, */
	size_t size;          /* and how many */
	uint32_t rom_address;
	uint32_t sections[MODULE_SECTION_COUNT]; /* numbers in the output; 0: not there */
	uint32_t added_symbols;
};

/* A section's name among the added ones, or MODULE_SECTION_COUNT. */
enum module_section module_section_of(const char *name);

/*
 * Sections, symbols, notes. false: it makes no sense to load the output.
 */
bool verify_module_file(struct module_check *check);

/* What the loader makes of the output; all of it belongs to the verifier, but image. */
struct module_load {
	uint8_t *image; /* an ELF file with the loaded sections in segments, for libelf */
	size_t size;
	struct elf_view_section text; /* all springboards */
	uint32_t init_address;        /* of those of .init.text.postburn */
};

/*
 * Loads the output with the input's sections where the input has been placed: fills the verifier's
 * records and *load, whose image is to be freed. false: findings say why, or memory ran out.
 */
bool verify_module_load(struct module_check *check, const struct placed_module *placed,
                        struct module_load *load);

#endif
