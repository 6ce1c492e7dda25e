/* SPDX-License-Identifier: BSD-2-Clause */

/* Reports for programs and browsers: the same data, bare or in the page. */

#include <string.h>

#include "patcher/report/report_output.h"
#include "patcher/report/report_page.h"

/* Writes JSON so that it can stand in a script element: no '<', which is in strings only. */
static int write_without_brackets(const char *text, size_t size, void *stream)
{
	while (size) {
		const char *bracket = memchr(text, '<', size);
		size_t plain = bracket ? (size_t)(bracket - text) : size;

		fwrite(text, 1, plain, stream);
		if (bracket)
			fputs("\\u003c", stream);
		text += plain + (bracket != NULL);
		size -= plain + (bracket != NULL);
	}
	return 0;
}

static int write_as_it_is(const char *text, size_t size, void *stream)
{
	fwrite(text, 1, size, stream);
	return 0;
}

static bool write_list(FILE *stream, const struct report_file *files, size_t count,
                       json_dump_callback_t write)
{
	bool done = true;

	for (size_t i = 0; i < count && done; i++) {
		if (i)
			fputs(",\n", stream);
		done = json_dump_callback(files[i].root, write, stream, JSON_COMPACT) == 0;
	}
	return done;
}

static bool write_data(FILE *stream, const struct report_set *set, json_dump_callback_t write,
                       struct problem *problem)
{
	bool done;

	fputs("{\"reports\": [", stream);
	done = write_list(stream, set->reports, set->count, write);
	fputs("], \"stats\": [", stream);
	done = done && write_list(stream, set->stats, set->stats_count, write);
	fputs("]}", stream);
	return done || problem_report(problem, OUT_OF_MEMORY);
}

bool report_write_html(FILE *stream, const struct report_set *set, struct problem *problem)
{
	fputs(report_page_head, stream);
	if (!write_data(stream, set, write_without_brackets, problem))
		return false;
	fputs(report_page_tail, stream);
	return true;
}

bool report_write_json(FILE *stream, const struct report_set *set, struct problem *problem)
{
	if (!write_data(stream, set, write_as_it_is, problem))
		return false;
	fputc('\n', stream);
	return true;
}
