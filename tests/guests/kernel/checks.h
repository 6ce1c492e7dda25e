/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_CHECKS_H
#define KERNEL_CHECKS_H

/* The checks of checks.def, and what they need of needs.def. */

#include <stdint.h>

#include "tests/guests/kernel/instructions.h"

enum need {
#define NEED(name, word, there) NEED_##name,
#include "tests/guests/kernel/needs.def"
#undef NEED
	NEED_COUNT
};

_Static_assert(NEED_COUNT <= 32, "a check's needs are bits of one word");

/* What the processor says of itself. */
struct features {
	struct cpuid_result leaf1, leaf7, extended1, extended8;
};

extern struct features features;

#define CHECK(function, name, needs) void function(void);
#include "tests/guests/checks.def"
#undef CHECK

/* Runs them all, in the order of the table. */
void checks_run(void);

#endif
