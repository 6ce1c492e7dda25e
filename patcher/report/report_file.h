/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_REPORT_FILE_H
#define PATCHER_REPORT_FILE_H

/*
 * A report of `postburn patch`, or a ROM's statistics, read back: docs/postburn-report.5. All that
 * anybody looks up has been checked: every member that the manual names is there and of its type,
 * and indices are in range. Texts may hold anything, and are escaped when they are shown.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/problem.h"

struct report_file {
	const char *path; /* borrowed */
	json_t *root;
};

/* Reads the report at path. false: *problem. Ended with report_file_free(). */
bool report_file_read(const char *path, struct report_file *report, struct problem *problem);

/* The same for a file of statistics, schema "postburn-stats/1". */
bool report_stats_read(const char *path, struct report_file *stats, struct problem *problem);

/* The same for a file's bytes in memory. */
bool report_file_parse(const char *text, size_t size, struct report_file *report,
                       struct problem *problem);
bool report_stats_parse(const char *text, size_t size, struct report_file *stats,
                        struct problem *problem);

void report_file_free(struct report_file *report);

/* Members of an object that has been checked: text ("" for null), numbers, lists. */
const char *report_text(const json_t *object, const char *key);
uint64_t report_number(const json_t *object, const char *key);
json_t *report_list(const json_t *object, const char *key);

/* "native_set_pte+0x5", or "" without symbol. Names are escaped. Returns buffer. */
const char *report_place(const json_t *site, char *buffer, size_t size);

#endif
