/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_KERNEL_PRIVATE_H
#define PATCHER_KERNEL_PRIVATE_H

/* What the files that read a kernel share; nobody else includes this. */

#include "patcher/elf_file.h"
#include "patcher/input_file.h"
#include "patcher/kernel.h"

#define NO_INDEX UINT32_MAX

struct kernel_private {
	struct input_file input; /* holds nothing if the bytes came from the caller */
	uint8_t *payload;        /* the unpacked image, or NULL */
	struct elf_file elf;
	uint32_t *section_of; /* ELF section index -> index into kernel.sections or NO_INDEX */
	char *names;          /* symbols' names that are not in the image */
	char *banner;
	uint32_t *functions; /* indices of the function symbols, ascending as the symbols */
	size_t function_count;
	uint32_t *name_table; /* open addressing: symbol index + 1, 0 if free */
	size_t name_mask;     /* its size (a power of two) - 1 */
};

/* kernel_sections.c: segments; sections from headers; sections made from segments, which needs the
 * symbols. Each false: *problem says why. */
bool kernel_build_segments(struct kernel *kernel, struct problem *problem);
bool kernel_build_sections(struct kernel *kernel, struct problem *problem);
bool kernel_cut_sections(struct kernel *kernel, struct problem *problem);

#endif
