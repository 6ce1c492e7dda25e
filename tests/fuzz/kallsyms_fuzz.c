/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The kallsyms tables of a stripped kernel. The first byte of the input chooses class and Linux
 * version; the rest stands in .rodata of a sound ELF.
 */

#include "tests/fuzz/elf_frame.h"
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const versions[] = {"2.6.18", "4.9.0", "6.1.0",
	                                       "6.2.0",  "6.6.0", "2.6.5"};
	size_t count = sizeof(versions) / sizeof(versions[0]), image_size;
	struct kernel kernel;
	struct problem problem;
	uint8_t *image;

	if (size == 0)
		return 0;
	image = elf_frame_make(data[0] & 0x80, versions[(data[0] & 0x7f) % count], data + 1,
	                       size - 1, &image_size);
	if (!image)
		return 0;
	if (kernel_read_memory("input", image, image_size, &kernel, &problem)) {
		check_kernel(&kernel);
		kernel_free(&kernel);
	} else {
		check_problem(&problem);
	}
	free(image);
	return 0;
}
