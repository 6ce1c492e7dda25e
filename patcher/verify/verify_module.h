/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_MODULE_H
#define PATCHER_VERIFY_MODULE_H

/*
 * The second reader, of modules: whether a rewritten module is what its input and its base ask for.
 * What is read of the input is what `postburn patch` reads of it (patcher/module/module_file.h,
 * module_place.h); the output and the base are read by libelf, and loaded by a loader that shares
 * nothing with what wrote them.
 */

#include "patcher/verify/verify.h"

struct verify_base { /* a rewritten kernel */
	const uint8_t *bytes;
	size_t size;
	uint32_t linux_version; /* of the kernel model */
};

/*
 * Compares the output in [bytes, bytes + size) with the module it was, the base, and the ROM's
 * object; otherwise as verify_output().
 */
bool verify_module(const struct kernel *module, const struct verify_base *base,
                   const struct verify_rom_file *rom, const uint8_t *bytes, size_t size,
                   unsigned int options, struct verify_report *report, struct problem *problem);

#endif
