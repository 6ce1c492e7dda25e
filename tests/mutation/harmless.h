/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MUTATION_HARMLESS_H
#define TESTS_MUTATION_HARMLESS_H

/* Mutations that change bytes but nothing that anyone can see. */

#include "tests/mutation/mutators.h"

/* Why a mutation that verify does not see makes no difference, proved by other means than verify's;
 * NULL if it does make one, as far as can be told. */
const char *mutation_harmless(const struct mutation *mutation);

#endif
