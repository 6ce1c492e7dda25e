/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn report`: shows what `postburn patch` reported, as text, page, JSON or SARIF. */

#include <stdlib.h>
#include <unistd.h>

#include "patcher/command/commands.h"
#include "patcher/output_file.h"
#include "patcher/report/report_output.h"

enum report_format { FORMAT_TEXT, FORMAT_HTML, FORMAT_JSON, FORMAT_SARIF };

struct report_arguments {
	const char **reports, **stats; /* paths */
	size_t report_count, stats_count;
	const char *output;
	enum report_format format;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct report_arguments *arguments = state->input;

	switch (key) {
	case OPTION_REPORT_FORMAT:
		arguments->format = (enum report_format)command_word(COMMAND_REPORT, key, argument);
		return 0;
	case OPTION_REPORT_OUTPUT: arguments->output = argument; return 0;
	case OPTION_REPORT_STATS: arguments->stats[arguments->stats_count++] = argument; return 0;
	case ARGP_KEY_ARG: arguments->reports[arguments->report_count++] = argument; return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which REPORT.json?"); return EINVAL;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- reading ------------------------------------------------------------------------ */

static void free_files(struct report_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		report_file_free(&files[i]);
	free(files);
}

/* Reads count files; NULL: *problem. */
static struct report_file *read_files(const char **paths, size_t count,
                                      bool (*read)(const char *, struct report_file *,
                                                   struct problem *),
                                      struct problem *problem)
{
	struct report_file *files = calloc(count + 1, sizeof(*files));

	if (!files) {
		problem_report(problem, OUT_OF_MEMORY);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!read(paths[i], &files[i], problem)) {
			free_files(files, i);
			return NULL;
		}
	}
	return files;
}

/* --- writing ------------------------------------------------------------------------ */

static bool write_set(FILE *stream, enum report_format format, const struct report_set *set,
                      struct problem *problem)
{
	switch (format) {
	case FORMAT_HTML: return report_write_html(stream, set, problem);
	case FORMAT_JSON: return report_write_json(stream, set, problem);
	case FORMAT_SARIF: return report_write_sarif(stream, set, problem);
	default: report_write_text(stream, set); return true;
	}
}

static bool write_output(const struct report_arguments *arguments, struct report_set *set,
                         struct problem *problem)
{
	struct output_file output;

	set->color =
	    output_is_standard(arguments->output) && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (!output_open(&output, arguments->output, problem))
		return false;
	if (!write_set(output.stream, arguments->format, set, problem)) {
		output_abandon(&output);
		return false;
	}
	return output_commit(&output, problem);
}

static bool report_files(const struct report_arguments *arguments, struct problem *problem)
{
	struct report_set set = {.count = arguments->report_count,
	                         .stats_count = arguments->stats_count};
	struct report_file *reports, *stats;
	bool done = false;

	reports =
	    read_files(arguments->reports, arguments->report_count, report_file_read, problem);
	if (!reports)
		return false;
	stats = read_files(arguments->stats, arguments->stats_count, report_stats_read, problem);
	if (stats) {
		set.reports = reports;
		set.stats = stats;
		done = write_output(arguments, &set, problem);
		free_files(stats, arguments->stats_count);
	}
	free_files(reports, arguments->report_count);
	return done;
}

int command_report(int count, char **arguments)
{
	struct report_arguments parsed = {0};
	struct problem problem;
	int status = EXIT_STATUS_ERROR;

	parsed.reports = calloc((size_t)count + 1, sizeof(*parsed.reports));
	parsed.stats = calloc((size_t)count + 1, sizeof(*parsed.stats));
	if (!parsed.reports || !parsed.stats)
		problem_report(&problem, OUT_OF_MEMORY);
	else if (!command_parse(COMMAND_REPORT, parse_option, count, arguments, &parsed))
		status = EXIT_STATUS_USAGE;
	else if (report_files(&parsed, &problem))
		status = EXIT_STATUS_DONE;
	if (status == EXIT_STATUS_ERROR)
		problem_print(stderr, "postburn report", &problem);
	free(parsed.reports);
	free(parsed.stats);
	return status;
}
