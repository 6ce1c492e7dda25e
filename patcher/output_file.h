/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_OUTPUT_FILE_H
#define PATCHER_OUTPUT_FILE_H

/*
 * Output that is there whole or not at all: it goes to a file without a name in the folder of its
 * destination (O_TMPFILE), is synced, and takes the name at the end. Whatever ends the program
 * before, SIGKILL included, leaves nothing behind. Where the file system has no such files
 * (NFS, FAT) or /proc is missing, the file is called DESTINATION.XXXXXX meanwhile, six letters and
 * digits, and only SIGKILL and the like leave it there. A destination that exists already is
 * replaced by rename(): for the moment between two system calls the new file, complete, has such a
 * name too.
 */

#include <stdbool.h>
#include <stdio.h>

#include "patcher/problem.h"

struct output_file {
	FILE *stream;     /* what to write to; NULL at the end */
	const char *path; /* borrowed; NULL: standard output */
	char *temporary;  /* the name it has meanwhile; NULL: none */
	bool unnamed;     /* it has no name yet */
	bool published;   /* a new file is at its destination */
};

/* Whether path (NULL or "-") stands for standard output. */
bool output_is_standard(const char *path);

/* Opens path (NULL or "-": standard output) for writing. false: *problem says why. */
bool output_open(struct output_file *output, const char *path, struct problem *problem);

/* The same with a temporary file that has a name, as on file systems without O_TMPFILE. */
bool output_open_named(struct output_file *output, const char *path, struct problem *problem);

/*
 * Ends the output: everything written is at its destination (true), or nothing is and the
 * temporary file is gone (false; *problem says why: disk full, ...).
 */
bool output_commit(struct output_file *output, struct problem *problem);

/*
 * The two halves of output_commit(): everything is on the disk; it takes its name. After a false of
 * either the temporary file is gone.
 */
bool output_finish(struct output_file *output, struct problem *problem);
bool output_publish(struct output_file *output, struct problem *problem);

/* Gives the output up, finished or not: the temporary file is removed. */
void output_abandon(struct output_file *output);

/*
 * Ends outputs that belong together: all are at their destinations, or (false) none is, but for
 * what has gone to devices and to standard output, which is written last.
 */
bool output_commit_all(struct output_file *outputs, size_t count, struct problem *problem);
void output_abandon_all(struct output_file *outputs, size_t count);

#endif
