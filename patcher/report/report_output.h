/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_REPORT_OUTPUT_H
#define PATCHER_REPORT_OUTPUT_H

/* Reports as people and programs read them. Errors of the stream are left to its owner. */

#include <stdio.h>

#include "patcher/report/report_file.h"

struct report_set {
	const struct report_file *reports; /* at least one */
	size_t count;
	const struct report_file *stats; /* merged with the reports of the ROM that they name */
	size_t stats_count;
	bool color; /* text only: the output is a terminal */
};

/* Each report's counts, the sites that are unpatched or trapped, the calls counted. */
void report_write_text(FILE *stream, const struct report_set *set);

/* One file that shows everything, in a browser. false: *problem (memory). */
bool report_write_html(FILE *stream, const struct report_set *set, struct problem *problem);

/* {"reports": [...], "stats": [...]}. false: *problem (memory). */
bool report_write_json(FILE *stream, const struct report_set *set, struct problem *problem);

/* SARIF 2.1.0: the sites that are unpatched or trapped. false: *problem (memory). */
bool report_write_sarif(FILE *stream, const struct report_set *set, struct problem *problem);

/*
 * What differs from the old report's sites to the new one's, as text. *differences is the number of
 * sites that were gained, lost, or are rewritten another way. false: *problem (memory).
 */
bool report_write_diff(FILE *stream, const struct report_file *old_report,
                       const struct report_file *new_report, size_t *differences,
                       struct problem *problem);

/* Whether the statistics are of this report's ROM. */
bool report_stats_match(const struct report_file *stats, const struct report_file *report);

#endif
