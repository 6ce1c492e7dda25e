/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_KERNEL_CODE_H
#define TESTS_DIFFERENTIAL_KERNEL_CODE_H

/*
 * A kernel's executable sections and where our sweep sees instructions start.
 */

#include "disasm/sweep.h"
#include "patcher/kernel/kernel.h"
#include "tests/differential/compare.h"

struct kernel_code_section {
	const struct kernel_section *section;
	struct sweep_result sweep;
	uint64_t first_unit; /* of the comparison's work */
};

struct kernel_code {
	struct kernel kernel;
	enum disasm_mode mode;
	struct kernel_code_section *sections;
	size_t section_count;
	uint64_t unit_count;
	size_t instruction_count;
};

/* Reads and sweeps the kernel at path. false: error says why; nothing is left allocated. */
bool kernel_code_read(const char *path, struct kernel_code *code, char *error, size_t error_size);
void kernel_code_free(struct kernel_code *code);

/* A work_function over units 0 to unit_count - 1: argument is the struct kernel_code. */
void kernel_code_compare_unit(struct comparison *comparison, uint64_t unit, const void *argument);

/* The CASE_SIZE bytes at offset of the section, zeros after its end. */
void kernel_code_case(const struct kernel_code_section *section, size_t offset,
                      uint8_t bytes[CASE_SIZE]);

/*
 * How many of our sweep's instructions do not end where the next begins, without a range that says
 * why.
 */
size_t kernel_code_gaps(const struct kernel_code *code);

/* The end of the range that has offset in it, or offset. */
size_t kernel_code_range_end(const struct kernel_code_section *section, size_t offset);

#endif
