/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All code of Debian's stock i386 kernels: each instruction that our sweep finds, against the other
 * decoders, and the sweep's starts against those of `objdump -d`.
 */
#include "tests/differential/objdump_output.h"
#include "tests/differential/program.h"
#include "tests/differential/report.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* The kernel of that flavour in the cache; false if there is none. */
static bool find_kernel(const char *flavour, char path[PATH_SIZE])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char pattern[PATH_SIZE];
	glob_t found;

	if (cache && *cache)
		snprintf(pattern, sizeof(pattern), "%s/postburn/debian/%s/boot/vmlinuz-*", cache,
		         flavour);
	else
		snprintf(pattern, sizeof(pattern), "%s/.cache/postburn/debian/%s/boot/vmlinuz-*",
		         home ? home : "", flavour);
	if (glob(pattern, 0, NULL, &found))
		return false;
	snprintf(path, PATH_SIZE, "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return true;
}

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

int main(void)
{
	static const char *const flavours[] = {"686-pae", "686"};
	struct report report = {0};

	for (size_t i = 0; i < sizeof(flavours) / sizeof(*flavours); i++) {
		char path[PATH_SIZE], error[PATH_SIZE + 1024];
		struct kernel_code code;

		if (!find_kernel(flavours[i], path)) {
			report_point(&report, true, "# SKIP no Debian kernel %s in the cache",
			             flavours[i]);
			continue;
		}
		report_note("%s", path);
		if (!report_point(&report, kernel_code_read(path, &code, error, sizeof(error)),
		                  "%s is read", flavours[i])) {
			report_note("%s", error);
			continue;
		}
		compare_kernel(&report, &code);
		kernel_code_free(&code);
	}
	return report_end(&report);
}
