/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PATCH_MODULE_H
#define PATCHER_PATCH_MODULE_H

/* `postburn patch --base`, for command_patch.c. */

#include <stdbool.h>
#include <stddef.h>

#include "patcher/problem.h"

struct patch_module_arguments {
	const char *module, *base;
	const char *rom;    /* NULL: as the base says */
	const char *output; /* NULL: nothing is written */
	bool allow_unpatched;
};

/* Rewrites a module and prints the summary; *unpatched is how many sites were left. false:
 * *problem, and nothing was written. */
bool command_patch_module(const struct patch_module_arguments *arguments, size_t *unpatched,
                          struct problem *problem);

#endif
