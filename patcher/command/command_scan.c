/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn scan`: options, and the way from a file to its report. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patcher/command/commands.h"
#include "patcher/hash.h"
#include "patcher/output_file.h"
#include "patcher/progress.h"
#include "patcher/pte/named_sites.h"
#include "patcher/scan/scan_filter.h"
#include "patcher/scan/scan_report.h"

/* In the order of commands.def. */
enum scan_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

struct scan_arguments {
	const char *kernel;
	const char *output;
	const char *system_map;
	const char *debug_info;
	const char *sites;
	const char *classes;
	const char *calls;
	const char *explain;
	enum scan_format format;
	bool summary_only;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct scan_arguments *arguments = state->input;

	switch (key) {
	case OPTION_SCAN_FORMAT:
		arguments->format = (enum scan_format)command_word(COMMAND_SCAN, key, argument);
		return 0;
	case OPTION_SCAN_OUTPUT: arguments->output = argument; return 0;
	case OPTION_SCAN_SYMBOLS: arguments->system_map = argument; return 0;
	case OPTION_SCAN_DEBUG_INFO: arguments->debug_info = argument; return 0;
	case OPTION_SCAN_SITES: arguments->sites = argument; return 0;
	case OPTION_SCAN_CLASS: arguments->classes = argument; return 0;
	case OPTION_SCAN_CALL: arguments->calls = argument; return 0;
	case OPTION_SCAN_SUMMARY: arguments->summary_only = true; return 0;
	case OPTION_SCAN_EXPLAIN: arguments->explain = argument; return 0;
	case ARGP_KEY_ARG:
		if (arguments->kernel)
			argp_error(state, "one KERNEL at a time");
		arguments->kernel = argument;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which KERNEL?"); return EINVAL;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static bool write_report(const struct scan_arguments *arguments, const struct scan_report *report,
                         FILE *stream, struct problem *problem)
{
	if (arguments->explain)
		return scan_write_explanation(stream, report, arguments->explain, problem);
	switch (arguments->format) {
	case FORMAT_JSON: return scan_write_json(stream, report, problem);
	case FORMAT_CSV: return scan_write_csv(stream, report, problem);
	default: return scan_write_text(stream, report, problem);
	}
}

/* Makes the report in full before anything of it is shown. */
static bool report_scan(const struct scan_arguments *arguments, struct scan *scan,
                        struct progress *progress, struct problem *problem)
{
	struct scan_report report = {.scan = scan, .summary_only = arguments->summary_only};
	struct output_file output;
	bool done;

	report.color = !arguments->output && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	report.disassembler =
	    disasm_text_open(scan->kernel->is_64bit ? DISASM_MODE_64 : DISASM_MODE_32);
	if (!report.disassembler)
		return problem_report(problem, DISASSEMBLER_FAILED);
	progress_step(progress, "hashing");
	hash_bytes(scan->kernel->file, scan->kernel->file_size, report.sha256);
	done = output_open(&output, arguments->output, problem);
	if (done) {
		progress_end(progress);
		done = write_report(arguments, &report, output.stream, problem);
		if (done)
			done = output_commit(&output, problem);
		else
			output_abandon(&output);
	}
	disasm_text_close(report.disassembler);
	return done;
}

/* The sites of the scan and those that were named, as far as the filters let them through. */
static bool report_all(const struct scan_arguments *arguments, struct scan *scan,
                       struct progress *progress, struct problem *problem)
{
	struct named_sites named;
	bool done = named_sites_add(scan, arguments->debug_info, arguments->sites, &named, problem);

	if (done) {
		scan_filter(scan, arguments->classes, arguments->calls);
		done = report_scan(arguments, scan, progress, problem);
	}
	named_sites_free(&named);
	return done;
}

static bool scan_file(const struct scan_arguments *arguments, struct problem *problem)
{
	struct kernel_read_options read_options = {.system_map = arguments->system_map};
	struct progress progress;
	struct kernel kernel;
	struct scan scan;
	bool done;

	progress_begin(&progress, 3);
	progress_step(&progress, "reading");
	if (!kernel_read(arguments->kernel, &read_options, &kernel, problem)) {
		progress_end(&progress);
		return false;
	}
	progress_step(&progress, "scanning");
	done = scan_kernel(&kernel, &scan, problem);
	if (done) {
		done = report_all(arguments, &scan, &progress, problem);
		scan_free(&scan);
	}
	progress_end(&progress);
	kernel_free(&kernel);
	return done;
}

int command_scan(int count, char **arguments)
{
	struct scan_arguments parsed = {.debug_info = "none"};
	struct problem problem;

	if (!command_parse(COMMAND_SCAN, parse_option, count, arguments, &parsed))
		return EXIT_STATUS_USAGE;
	if (scan_filter_check(parsed.classes, parsed.calls, &problem) &&
	    scan_file(&parsed, &problem))
		return EXIT_STATUS_DONE;
	problem_print(stderr, parsed.kernel, &problem);
	return problem.diagnostic == DIAGNOSTIC_USAGE_UNKNOWN_WORD ? EXIT_STATUS_USAGE
	                                                           : EXIT_STATUS_ERROR;
}
