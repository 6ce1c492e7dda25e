/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_HARNESS_H
#define TESTS_FUZZ_HARNESS_H

/*
 * What every harness of tests/fuzz shares. A harness is one NAME_fuzz.c that defines
 * LLVMFuzzerTestOneInput(); libFuzzer drives it in `make fuzz`, replay.c in `make check`.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "patcher/kernel/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header that does not hold is a finding like a crash. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__,         \
			        #condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The problem of a refused input: a number of the table and one line of text. */
void check_problem(const struct problem *problem);

/* Reads every byte and string the model gives, so that the sanitizers see bad ones, and checks what
 * patcher/kernel/kernel.h promises of them. */
void check_kernel(const struct kernel *kernel);

/* With POSTBURN_FUZZ_VERBOSE set, replay tells what was found: a line each. */
void report_finding(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
