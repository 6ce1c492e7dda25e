/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_WORKERS_H
#define TESTS_DIFFERENTIAL_WORKERS_H

/*
 * Work in units, shared by as many processes as there are processors.
 */

#include "tests/differential/compare.h"

/* Does unit number unit (from 0). */
typedef void work_function(struct comparison *comparison, uint64_t unit, const void *argument);

/*
 * Does units 0 to unit_count - 1 of the work with decode() under test; each process opens
 * decoders of its own. false if a process could not be started or ended otherwise than it should.
 */
bool workers_run(const struct comparison *comparison, work_function *work, const void *argument,
                 uint64_t unit_count);

#endif
