/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_REFUSAL_H
#define TESTS_UNIT_REFUSAL_H

/* Checks that a kernel is refused, and with which diagnostic. Included behind cmocka.h. */

#include "patcher/kernel/kernel.h"

static inline void check_refused(const uint8_t *bytes, size_t size, enum diagnostic diagnostic,
                                 const char *name, const char *file, int line)
{
	struct kernel kernel;
	struct problem problem = {0};

	if (kernel_read_memory("test", bytes, size, &kernel, &problem)) {
		kernel_free(&kernel);
		print_error("%s:%d: read, but expected %s\n", file, line, name);
		_fail(file, line);
	}
	if (problem.diagnostic != diagnostic) {
		print_error("%s:%d: expected %s, got E%d: %s\n", file, line, name,
		            (int)problem.diagnostic, problem.text);
		_fail(file, line);
	}
}

/* Fails the test unless reading the bytes is refused with that diagnostic. */
#define assert_refused(bytes, size, diagnostic)                                                    \
	check_refused((bytes), (size), (diagnostic), #diagnostic, __FILE__, __LINE__)

#endif
