/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PROBLEM_H
#define PATCHER_PROBLEM_H

/*
 * What went wrong, as a value: functions that can fail take a struct problem
 * and return false after filling it; only the command prints it. Each kind of
 * problem has a number and a line in patcher/diagnostics.def, from which the
 * enum, the format strings and docs/diagnostics.md are generated.
 */

#include <stdbool.h>
#include <stdio.h>

#include "diagnostics.h" /* generated: enum diagnostic, DIAGNOSTIC_<NAME>_FORMAT */

struct problem {
	enum diagnostic diagnostic;
	const char *file; /* borrowed: the file it is about, if another than the command's input */
	char text[1024];
};

/*
 * Fills *problem with diagnostic NAME of diagnostics.def; its arguments follow and are checked
 * against its format by the compiler. Always false, so that a reader can
 * `return problem_report(problem, ELF_TRUNCATED, offset)`.
 */
#define problem_report(problem, NAME, ...)                                                         \
	__extension__({                                                                            \
		problem_fill((problem), DIAGNOSTIC_##NAME, DIAGNOSTIC_##NAME##_FORMAT,             \
		             ##__VA_ARGS__);                                                       \
		false;                                                                             \
	})

void problem_fill(struct problem *problem, enum diagnostic diagnostic, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints `postburn: error: FILE: text [E123]` and, where the table has one, a second line with the
 * cure. */
void problem_print(FILE *stream, const char *input_file, const struct problem *problem);

#endif
