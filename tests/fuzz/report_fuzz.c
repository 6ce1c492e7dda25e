/* SPDX-License-Identifier: BSD-2-Clause */

/* A report, or statistics, of anybody's making: the input is the JSON. What is taken is shown in
 * every format, and compared with itself. */

#include "patcher/report/report_output.h"
#include "tests/fuzz/harness.h"

static void show_all(const struct report_set *set)
{
	FILE *nowhere = fopen("/dev/null", "w");
	struct problem problem;
	size_t differences = 0;

	if (!nowhere)
		return;
	report_write_text(nowhere, set);
	CHECK(report_write_html(nowhere, set, &problem));
	CHECK(report_write_json(nowhere, set, &problem));
	CHECK(report_write_sarif(nowhere, set, &problem));
	CHECK(
	    report_write_diff(nowhere, &set->reports[0], &set->reports[0], &differences, &problem));
	CHECK(differences == 0);
	fclose(nowhere);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char no_stats[] =
	    "{\"schema\": \"postburn-stats/1\", \"rom\": null, \"calls\": [], \"sites\": []}";
	struct report_file report = {.path = "report"}, stats = {.path = "stats"};
	struct report_set set = {.reports = &report, .count = 1, .stats = &stats, .stats_count = 1};
	struct problem problem;

	if (!report_file_parse((const char *)data, size, &report, &problem)) {
		check_problem(&problem);
		CHECK(!report.root);
	} else if (report_stats_parse(no_stats, sizeof(no_stats) - 1, &stats, &problem)) {
		show_all(&set);
		report_finding("report of %zu sites",
		               json_array_size(report_list(report.root, "sites")));
	}
	report_file_free(&report);
	report_file_free(&stats);
	if (!report_stats_parse((const char *)data, size, &stats, &problem))
		check_problem(&problem);
	else
		report_finding("stats of %zu calls",
		               json_array_size(report_list(stats.root, "calls")));
	report_file_free(&stats);
	return 0;
}
