/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All code of Debian's stock i386 kernels: each instruction that our sweep finds, against the other
 * decoders, and the sweep's starts against those of `objdump -d`.
 */
#include "tests/cache.h"
#include "tests/differential/objdump_output.h"
#include "tests/differential/program.h"
#include "tests/differential/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void compare_with_objdump(struct report *report, struct comparison *comparison,
                                 const struct kernel_code *code)
{
	struct objdump_comparison result;
	char error[1024];
	bool well;

	comparison->oracles = oracles_open();
	well =
	    comparison->oracles && objdump_compare(comparison, code, &result, error, sizeof(error));
	oracles_close(comparison->oracles);
	comparison->oracles = NULL;
	if (!report_point(report, well, "objdump -d ran over the image")) {
		report_note("%s", error);
		return;
	}
	report_note("objdump -d: %zu instructions; %zu seen otherwise, %zu of them in ranges that "
	            "the sweep reports",
	            result.instructions, result.differences, result.in_ranges);
	report_point(report, result.instructions > code->instruction_count / 2,
	             "objdump -d printed the code");
}

static void compare_kernel(struct report *report, const struct kernel_code *code)
{
	struct program program;
	size_t gaps = kernel_code_gaps(code);

	if (!report_point(report, program_open(&program), "the table is read"))
		return;
	report_note("%zu instructions in %zu sections", code->instruction_count,
	            code->section_count);
	report_point(report, code->instruction_count > 1000000, "a million instructions");
	if (!report_point(report, !gaps, "each instruction ends where the next begins"))
		report_note("%zu do not", gaps);
	report_point(
	    report,
	    workers_run(&program.comparison, kernel_code_compare_unit, code, code->unit_count),
	    "all processes ended well");
	compare_with_objdump(report, &program.comparison, code);
	report_findings(report, &program.table, program.comparison.findings, 0);
	program_close(&program);
}

static void compare_cached(struct report *report, const char *pattern)
{
	char *path = cache_find(pattern), error[4096 + 1024];
	struct kernel_code code;
	bool is_read;

	report_note("%s", path);
	is_read = kernel_code_read(path, &code, error, sizeof(error));
	free(path);
	if (!report_point(report, is_read, "%s is read", pattern)) {
		report_note("%s", error);
		return;
	}
	compare_kernel(report, &code);
	kernel_code_free(&code);
}

int main(void)
{
	static const char *const kernels[] = {"debian/686-pae/boot/vmlinuz-*",
	                                      "debian/686/boot/vmlinuz-*"};
	struct report report = {0};

	if (cache_lacks(kernels, 2))
		return 0;
	for (size_t i = 0; i < 2; i++)
		compare_cached(&report, kernels[i]);
	return report_end(&report);
}
