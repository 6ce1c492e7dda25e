/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_REPORT_H
#define TESTS_DIFFERENTIAL_REPORT_H

/*
 * What was found, as TAP on standard output.
 */

#include "tests/differential/compare.h"

/* The path of the table, from the repository's top. */
#define DIFFERENCES_FILE "tests/differential/differences.def"

struct report {
	unsigned tests, failed;
};

/* One test point. Returns passed. */
bool report_point(struct report *report, bool passed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A TAP diagnostic line. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The test points of a comparison: no unlisted difference, no self-contradiction, no line of the
 * table that is contradicted. Of the decoders in complete (bit n: enum oracle n) also no line that
 * is stale: the enumeration can tell.
 */
void report_findings(struct report *report, const struct difference_table *table,
                     const struct findings *findings, unsigned complete);

/* All unlisted groups, a line each, for whoever writes the table. */
void report_survey(const struct findings *findings);

/* The plan; the exit status. */
int report_end(const struct report *report);

#endif
