/* SPDX-License-Identifier: BSD-2-Clause */

/* Reading a kernel of any kind: the input is the file. */

#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel kernel;
	struct problem problem;

	if (!kernel_read_memory("input", data, size, &kernel, &problem)) {
		check_problem(&problem);
		return 0;
	}
	check_kernel(&kernel);
	kernel_free(&kernel);
	return 0;
}
