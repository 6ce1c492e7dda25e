/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_ENUMERATE_H
#define TESTS_DIFFERENTIAL_ENUMERATE_H

/*
 * The enumeration: every opcode of every map in every encoding and mode, with
 * all ModRM bytes and a closed list of prefix combinations and field values,
 * cut into units.
 */

#include "tests/differential/compare.h"

extern const uint64_t enumeration_unit_count;

struct enumeration_options {
	/* All ModRM bytes for the rarer field values too; 0: a choice of them. */
	bool thorough;
};

/* A work_function: argument is a struct enumeration_options. */
void enumerate_unit(struct comparison *comparison, uint64_t unit, const void *argument);

#endif
