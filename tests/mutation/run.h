/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MUTATION_RUN_H
#define TESTS_MUTATION_RUN_H

/* Generated code in Unicorn, as it was written and as it is now. */

#include "tests/mutation/output.h"

/* Whether two generated instructions, by index, stand for one original side by side. */
bool run_same_original(const struct output *output, uint32_t left, uint32_t right);

/*
 * Whether the code at file offsets [begin, end) ends in the same state both ways, from many random
 * ones: registers, status flags, the stack from ESP on, memory, and where it goes. Slots give and
 * clobber what their contracts say.
 */
bool runs_alike(const struct output *output, uint32_t begin, uint32_t end);

#endif
