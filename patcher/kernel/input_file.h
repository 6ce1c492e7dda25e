/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_INPUT_FILE_H
#define PATCHER_INPUT_FILE_H

/*
 * A file's bytes in memory. Files up to INPUT_FILE_SNAPSHOT bytes, and pipes, are read into memory
 * of our own: what another process does to the file afterwards cannot change bytes already
 * checked. Larger regular files (kernels with debug information) are mapped, so that only what is
 * looked at costs memory; cutting such a file short meanwhile ends the program with SIGBUS.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/problem.h"

#define INPUT_FILE_SNAPSHOT ((size_t)64 << 20)  /* bytes; larger regular files are mapped */
#define INPUT_FILE_LARGEST  ((uint64_t)8 << 30) /* bytes of a regular file */

struct input_file {
	const uint8_t *bytes; /* readable until input_file_close(); NULL if not open */
	size_t size;
	size_t mapping_size; /* bytes to unmap */
};

/* Reads the file at path; it is closed again. false: *problem says why; *file holds nothing. */
bool input_file_read(const char *path, struct input_file *file, struct problem *problem);

/* Gives the memory back. A file that holds nothing is fine. */
void input_file_close(struct input_file *file);

#endif
