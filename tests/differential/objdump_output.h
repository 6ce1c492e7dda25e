/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_OBJDUMP_OUTPUT_H
#define TESTS_DIFFERENTIAL_OBJDUMP_OUTPUT_H

/*
 * `objdump -d` itself over a kernel's image, against our sweep.
 */

#include "tests/differential/kernel_code.h"

struct objdump_comparison {
	size_t instructions; /* that objdump printed, prefixes of their own not counted */
	size_t differences;  /* instructions where both begin, but that the two see otherwise */
	size_t in_ranges;    /* those of them that our sweep reports as a range */
};

/*
 * Runs objdump over the image and compares each instruction at which both arrive; a difference is
 * recorded in comparison->findings unless our sweep reports a range there. Where the two go
 * different ways, they are followed to the next start that they share. false: error says why.
 */
bool objdump_compare(struct comparison *comparison, const struct kernel_code *code,
                     struct objdump_comparison *result, char *error, size_t error_size);

#endif
