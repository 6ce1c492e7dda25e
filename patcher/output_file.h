/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_OUTPUT_FILE_H
#define PATCHER_OUTPUT_FILE_H

/*
 * Output that is there whole or not at all: a report goes to a temporary file
 * beside its destination, is synced, and takes the name at the end.
 */

#include <stdbool.h>
#include <stdio.h>

#include "patcher/problem.h"

struct output_file {
	FILE *stream;     /* what to write to */
	const char *path; /* borrowed; NULL: standard output */
	char *temporary;  /* the temporary file's path, NULL for standard output */
};

/* Opens path (NULL or "-": standard output) for writing. false: *problem says why. */
bool output_open(struct output_file *output, const char *path, struct problem *problem);

/*
 * Ends the output: everything written is at its destination (true), or nothing is and the
 * temporary file is gone (false; *problem says why: disk full, ...).
 */
bool output_commit(struct output_file *output, struct problem *problem);

/* Gives the output up: the temporary file is removed. */
void output_abandon(struct output_file *output);

#endif
