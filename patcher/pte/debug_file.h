/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_DEBUG_FILE_H
#define PATCHER_DEBUG_FILE_H

/* Which file has a kernel's debug information, and whether it is that kernel's. */

#include "patcher/kernel/input_file.h"
#include "patcher/kernel/kernel.h"

/* Where Debian and others keep debug files, as .build-id/xx/yyyy.debug. */
#define DEBUG_FILE_FOLDER "/usr/lib/debug"

struct debug_file {
	const uint8_t *bytes; /* NULL: the kernel has no debug information */
	size_t size;
	const char *path;       /* for messages; the kernel's own if it is in there */
	struct input_file file; /* not used for the kernel's own */
	char name[4096];        /* path, if it was found by the build-id */
};

/*
 * Finds the debug information that `where` asks for:
 *
 *   "none"      none, whatever there is
 *   "auto"      the kernel's own; else by its build-id in DEBUG_FILE_FOLDER; else none
 *   a folder    as auto, but looked for in that folder, and it has to be somewhere
 *   a file      that file: ELF32 for i386, with debug information; its build-id is the kernel's if
 *               both have one
 *
 * false: *problem names the file and says what is wrong with it. Ended with debug_file_close(),
 * also after false. The kernel and `where` must outlive *debug.
 */
bool debug_file_open(const struct kernel *kernel, const char *where, struct debug_file *debug,
                     struct problem *problem);
void debug_file_close(struct debug_file *debug);

#endif
