/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MODULE_PRIVATE_H
#define PATCHER_MODULE_PRIVATE_H

/* What module_patch.c (the whole) and module_springboards.c (windows) share. */

#include "patcher/module/module_patch.h"

/* Adds a relocation. false: memory. */
bool module_add_fixup(struct module_patch *patch, const struct module_fixup *fixup);

/* The section of the module at an address of the placed one; *offset in it. */
uint32_t module_section_at(const struct module_patch *patch, uint64_t address, uint32_t *offset);

/* Builds the springboards, and leads windows and moved branches to them. false: *problem. */
bool module_place_springboards(struct module_patch *patch, struct problem *problem);

#endif
