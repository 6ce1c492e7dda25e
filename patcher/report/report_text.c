/* SPDX-License-Identifier: BSD-2-Clause */

/* Reports as text: what was done, counted; what was not done, site by site. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/report/report_output.h"

#define BOLD  "\033[1m"
#define RED   "\033[31m"
#define PLAIN "\033[0m"

#define HOTTEST   20  /* sites and calls that are listed, of those counted */
#define TEXT_SIZE 600 /* of a text from a report, escaped */

static const char *color(const struct report_set *set, const char *code)
{
	return set->color ? code : "";
}

/* A member's text, printable. */
static const char *printable(const json_t *object, const char *key, char buffer[TEXT_SIZE])
{
	return escape_text(report_text(object, key), buffer, TEXT_SIZE);
}

static void write_head(FILE *stream, const struct report_set *set, const json_t *root)
{
	const json_t *input = json_object_get(root, "input"), *rom = json_object_get(root, "rom");
	const json_t *region = json_object_get(rom, "region");
	char text[TEXT_SIZE], more[TEXT_SIZE];

	fprintf(stream, "%sKernel   %s%s (%s)\n", color(set, BOLD), printable(input, "name", text),
	        color(set, PLAIN), printable(input, "format", more));
	if (*report_text(input, "banner"))
		fprintf(stream, "         %s\n", printable(input, "banner", text));
	fprintf(stream, "SHA-256  %s\n", printable(input, "sha256", text));
	fprintf(stream, "ROM      %s, %" PRIu64 " bytes of slots and bodies, by %s\n",
	        printable(rom, "name", text), report_number(rom, "size"),
	        printable(root, "tool", more));
	fprintf(stream, "Added    %" PRIu64 " bytes at %s\n", report_number(region, "size"),
	        printable(region, "address", text));
}

static void write_totals(FILE *stream, const struct report_set *set, const json_t *root)
{
	const json_t *totals = json_object_get(root, "totals");

	fprintf(stream,
	        "Sites    %s%" PRIu64 "%s: %" PRIu64 " rewritten, %" PRIu64 " native, %s%" PRIu64
	        " unpatched%s; %" PRIu64 " springboards of %" PRIu64 " bytes\n",
	        color(set, BOLD), report_number(totals, "sites"), color(set, PLAIN),
	        report_number(totals, "rewritten"), report_number(totals, "native"),
	        report_number(totals, "unpatched") ? color(set, RED) : "",
	        report_number(totals, "unpatched"), color(set, PLAIN),
	        report_number(totals, "windows"), report_number(totals, "springboard_bytes"));
}

/* A table of one of the totals' lists, with a column for each of the report's methods. */
static void write_counts(FILE *stream, const struct report_set *set, const json_t *root,
                         const char *title, const char *key)
{
	const json_t *totals = json_object_get(root, "totals"), *counts = report_list(totals, key);
	const json_t *methods = report_list(totals, "by_method"), *method, *count;
	char text[TEXT_SIZE];
	size_t i, j;

	fprintf(stream, "\n%s%-52s %8s", color(set, BOLD), title, "sites");
	json_array_foreach(methods, i, method)
	{
		fprintf(stream, "  %11s", printable(method, "name", text));
	}
	fprintf(stream, "%s\n", color(set, PLAIN));
	json_array_foreach(counts, i, count)
	{
		const json_t *by_method = json_object_get(count, "methods");

		fprintf(stream, "%-52s %8" PRIu64, printable(count, "name", text),
		        report_number(count, "sites"));
		json_array_foreach(methods, j, method)
		{
			uint64_t sites = report_number(by_method, report_text(method, "name"));

			if (sites)
				fprintf(stream, "  %11" PRIu64, sites);
			else
				fprintf(stream, "  %11s", "");
		}
		fputc('\n', stream);
	}
}

static void write_sites(FILE *stream, const struct report_set *set, const json_t *root,
                        const char *title, const char *method)
{
	const json_t *sites = report_list(root, "sites"), *site;
	char place[TEXT_SIZE], address[TEXT_SIZE], text[TEXT_SIZE], reason[TEXT_SIZE];
	bool first = true;
	size_t i;

	json_array_foreach(sites, i, site)
	{
		if (strcmp(report_text(site, "method"), method) != 0)
			continue;
		if (first)
			fprintf(stream, "\n%s%s%s\n", color(set, BOLD), title, color(set, PLAIN));
		first = false;
		fprintf(stream, "%s  %-40s  %-30s  %s\n", printable(site, "address", address),
		        report_place(site, place, sizeof(place)), printable(site, "text", text),
		        printable(site, "reason", reason));
	}
}

/* --- statistics --------------------------------------------------------------------- */

bool report_stats_match(const struct report_file *stats, const struct report_file *report)
{
	const char *rom = report_text(stats->root, "rom");

	return !*rom || !strcmp(rom, report_text(json_object_get(report->root, "rom"), "name"));
}

static int compare_counts(const void *left, const void *right)
{
	uint64_t a = report_number(*(const json_t *const *)left, "count");
	uint64_t b = report_number(*(const json_t *const *)right, "count");

	return (a < b) - (a > b);
}

/* The list's hottest entries. Without memory to sort them they are listed as they come. */
static void write_hottest(FILE *stream, const struct report_set *set, const json_t *list,
                          const char *title, const char *key)
{
	size_t count = json_array_size(list), i;
	const json_t **sorted = calloc(count + 1, sizeof(const json_t *)), *entry;
	char text[TEXT_SIZE];

	fprintf(stream, "\n%s%-40s %14s%s\n", color(set, BOLD), title, "count", color(set, PLAIN));
	json_array_foreach(list, i, entry) if (sorted) sorted[i] = entry;
	if (sorted && count)
		qsort(sorted, count, sizeof(const json_t *), compare_counts);
	for (i = 0; i < count && i < HOTTEST; i++) {
		entry = sorted ? sorted[i] : json_array_get(list, i);
		fprintf(stream, "%-40s %14" PRIu64 "\n", printable(entry, key, text),
		        report_number(entry, "count"));
	}
	free(sorted);
}

static void write_stats(FILE *stream, const struct report_set *set,
                        const struct report_file *report)
{
	for (size_t i = 0; i < set->stats_count; i++) {
		const json_t *root = set->stats[i].root;

		if (!report_stats_match(&set->stats[i], report))
			continue;
		write_hottest(stream, set, report_list(root, "calls"), "Hottest calls", "call");
		write_hottest(stream, set, report_list(root, "sites"), "Hottest sites", "address");
		if (report_list(root, "counts"))
			write_hottest(stream, set, report_list(root, "counts"), "Other counts",
			              "name");
	}
}

void report_write_text(FILE *stream, const struct report_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const json_t *root = set->reports[i].root;

		if (i)
			fputs("\n\n", stream);
		write_head(stream, set, root);
		write_totals(stream, set, root);
		write_counts(stream, set, root, "By call", "by_call");
		write_counts(stream, set, root, "By section", "by_section");
		write_counts(stream, set, root, "By reason", "by_reason");
		write_sites(stream, set, root, "By trap", "trap");
		write_sites(stream, set, root, "Unpatched", "unpatched");
		write_stats(stream, set, &set->reports[i]);
	}
}
