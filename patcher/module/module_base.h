/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MODULE_BASE_H
#define PATCHER_MODULE_BASE_H

/* The rewritten kernel that modules are rewritten for: where its ROM is, and what that offers. */

#include "patcher/kernel/kernel.h"
#include "patcher/rom/rom.h"

struct module_base {
	struct rom rom;
	uint32_t rom_virtual;   /* of the ROM's header */
	char release[65];       /* "6.1.0-50-686-pae": the third word of its banner */
	uint32_t linux_version; /* as in struct kernel */
	char build_id[129];     /* hexadecimal, or "none" */
};

/*
 * Reads an output of `postburn patch` at path, and its ROM: the one called rom_name, or, if that is
 * NULL, the one that the kernel's note names. The ROM must be the one that stands in the kernel.
 * false: *problem. Ended with module_base_close().
 */
bool module_base_open(const char *path, const char *rom_name, struct module_base *base,
                      struct problem *problem);
void module_base_close(struct module_base *base);

#endif
