/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn diff`: what differs between two reports of `postburn patch`. */

#include "patcher/command/commands.h"
#include "patcher/output_file.h"
#include "patcher/report/report_output.h"

struct diff_arguments {
	const char *reports[2];
	unsigned int count;
	const char *output;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct diff_arguments *arguments = state->input;

	switch (key) {
	case OPTION_DIFF_OUTPUT: arguments->output = argument; return 0;
	case ARGP_KEY_ARG:
		if (arguments->count == 2)
			argp_error(state, "two reports at a time");
		arguments->reports[arguments->count++] = argument;
		return 0;
	case ARGP_KEY_END:
		if (arguments->count < 2)
			argp_error(state, "which two reports? Give OLD.json and NEW.json");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static bool write_diff(const struct diff_arguments *arguments, const struct report_file *reports,
                       size_t *differences, struct problem *problem)
{
	struct output_file output;

	if (!output_open(&output, arguments->output, problem))
		return false;
	if (!report_write_diff(output.stream, &reports[0], &reports[1], differences, problem)) {
		output_abandon(&output);
		return false;
	}
	return output_commit(&output, problem);
}

static bool diff_files(const struct diff_arguments *arguments, size_t *differences,
                       struct problem *problem)
{
	struct report_file reports[2] = {0};
	bool done = report_file_read(arguments->reports[0], &reports[0], problem) &&
	            report_file_read(arguments->reports[1], &reports[1], problem) &&
	            write_diff(arguments, reports, differences, problem);

	report_file_free(&reports[0]);
	report_file_free(&reports[1]);
	return done;
}

int command_diff(int count, char **arguments)
{
	struct diff_arguments parsed = {0};
	struct problem problem;
	size_t differences = 0;

	if (!command_parse(COMMAND_DIFF, parse_option, count, arguments, &parsed))
		return EXIT_STATUS_USAGE;
	if (!diff_files(&parsed, &differences, &problem)) {
		problem_print(stderr, "postburn diff", &problem);
		return EXIT_STATUS_ERROR;
	}
	return differences ? EXIT_STATUS_ERROR : EXIT_STATUS_DONE;
}
