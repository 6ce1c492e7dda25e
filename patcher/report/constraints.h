/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_REPORT_CONSTRAINTS_H
#define PATCHER_REPORT_CONSTRAINTS_H

/* Who refers to the bytes around sites and windows: what decided where a window may stand. */

#include "patcher/plan/plan.h"

struct constraints {
	struct code_reference *list; /* ascending addresses, none twice */
	size_t count, capacity;
	bool failed; /* memory ran out while they were gathered */
};

/*
 * Gathers every reference to the bytes of the plan's windows, to the byte behind each, and to the
 * bytes that a jump at a site without window would replace. false: *problem (memory). Ended with
 * constraints_free().
 */
bool constraints_build(const struct plan *plan, struct constraints *constraints,
                       struct problem *problem);
void constraints_free(struct constraints *constraints);

/* The first one that may reach into [start, ...); those that do are among the ones from it on. */
size_t constraints_from(const struct constraints *constraints, uint64_t start);

/* "entry", "pointer", "fixup", "fixed", "inert", "lock", "faulting". */
const char *code_property_name(enum code_property property);

#endif
