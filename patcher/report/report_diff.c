/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What differs between two reports. Sites of one kernel are matched by address. Those of two
 * kernels, whose addresses all differ, by symbol, form of instruction, and number among their like
 * in that symbol.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/report/report_output.h"

#define TEXT_SIZE 600 /* of a text from a report, escaped */

/* A site, and what it is matched by. */
struct entry {
	const json_t *site;
	const char *symbol, *form; /* "" in reports of one kernel */
	uint64_t address;          /* likewise 0 in those of two, once it is numbered */
	size_t ordinal;
};

struct side {
	const json_t *root;
	struct entry *entries; /* ascending */
	size_t count;
};

enum change { LOST, GAINED, CHANGED, CHANGE_COUNT };

/* --- matching ----------------------------------------------------------------------- */

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = strcmp(a->symbol, b->symbol);

	if (!order)
		order = strcmp(a->form, b->form);
	if (!order)
		order = (a->address > b->address) - (a->address < b->address);
	return order ? order : (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

/* Numbers the sites of one symbol and form, instead of their addresses. */
static void number_entries(struct side *side)
{
	for (size_t i = 0; i < side->count; i++) {
		struct entry *entry = &side->entries[i];

		if (!*entry->symbol)
			continue; /* the address is all that there is */
		entry->address = 0;
		if (i && !strcmp(entry[-1].symbol, entry->symbol) &&
		    !strcmp(entry[-1].form, entry->form))
			entry->ordinal = entry[-1].ordinal + 1;
	}
}

static bool list_entries(struct side *side, bool same_kernel)
{
	const json_t *sites = report_list(side->root, "sites"), *site;
	size_t i;

	side->count = json_array_size(sites);
	side->entries = calloc(side->count + 1, sizeof(*side->entries));
	if (!side->entries)
		return false;
	json_array_foreach(sites, i, site)
	{
		side->entries[i] = (struct entry){
		    .site = site,
		    .symbol = same_kernel ? "" : report_text(site, "symbol"),
		    .form = same_kernel ? "" : report_text(site, "form"),
		    .address = strtoull(report_text(site, "address"), NULL, 16),
		};
	}
	if (side->count)
		qsort(side->entries, side->count, sizeof(*side->entries), compare_entries);
	if (!same_kernel)
		number_entries(side);
	return true;
}

static bool is_changed(const json_t *old_site, const json_t *new_site)
{
	return strcmp(report_text(old_site, "method"), report_text(new_site, "method")) != 0 ||
	       strcmp(report_text(old_site, "call"), report_text(new_site, "call")) != 0;
}

/* --- writing ------------------------------------------------------------------------ */

static void write_site(FILE *stream, char mark, const json_t *site)
{
	char address[TEXT_SIZE], place[TEXT_SIZE], text[TEXT_SIZE], call[TEXT_SIZE];

	fprintf(stream, "%c %s  %-40s  %-28s  %-18s ", mark,
	        escape_text(report_text(site, "address"), address, sizeof(address)),
	        report_place(site, place, sizeof(place)),
	        escape_text(report_text(site, "text"), text, sizeof(text)),
	        escape_text(report_text(site, "call"), call, sizeof(call)));
}

static void write_method(FILE *stream, const json_t *site)
{
	char text[TEXT_SIZE];

	fprintf(stream, " %s", escape_text(report_text(site, "method"), text, sizeof(text)));
	if (*report_text(site, "reason"))
		fprintf(stream, " (%s)",
		        escape_text(report_text(site, "reason"), text, sizeof(text)));
}

static void write_change(FILE *stream, enum change change, const json_t *old_site,
                         const json_t *new_site)
{
	static const char marks[CHANGE_COUNT] = {'-', '+', '~'};

	write_site(stream, marks[change], new_site ? new_site : old_site);
	if (old_site)
		write_method(stream, old_site);
	if (old_site && new_site)
		fputs(" ->", stream);
	if (new_site)
		write_method(stream, new_site);
	fputc('\n', stream);
}

/* Goes through both sides at once, and writes one kind of change (NULL: only counts it). */
static size_t walk(FILE *stream, const struct side sides[2], enum change wanted)
{
	size_t at[2] = {0, 0}, found = 0;

	while (at[0] < sides[0].count || at[1] < sides[1].count) {
		const struct entry *old_entry = &sides[0].entries[at[0]];
		const struct entry *new_entry = &sides[1].entries[at[1]];
		int order = at[0] == sides[0].count   ? 1
		            : at[1] == sides[1].count ? -1
		                                      : compare_entries(old_entry, new_entry);
		enum change change = order < 0 ? LOST : order > 0 ? GAINED : CHANGED;

		at[0] += order <= 0;
		at[1] += order >= 0;
		if (change != wanted || (!order && !is_changed(old_entry->site, new_entry->site)))
			continue;
		found++;
		if (stream)
			write_change(stream, change, order <= 0 ? old_entry->site : NULL,
			             order >= 0 ? new_entry->site : NULL);
	}
	return found;
}

static void write_head(FILE *stream, const char *mark, const struct report_file *report)
{
	const json_t *input = json_object_get(report->root, "input");
	char name[TEXT_SIZE], sha256[TEXT_SIZE], tool[TEXT_SIZE], rom[TEXT_SIZE];

	fprintf(stream, "%s %s: %s, SHA-256 %.16s, %s, ROM %s, %" PRIu64 " sites\n", mark,
	        report->path, escape_text(report_text(input, "name"), name, sizeof(name)),
	        escape_text(report_text(input, "sha256"), sha256, sizeof(sha256)),
	        escape_text(report_text(report->root, "tool"), tool, sizeof(tool)),
	        escape_text(report_text(json_object_get(report->root, "rom"), "name"), rom,
	                    sizeof(rom)),
	        (uint64_t)json_array_size(report_list(report->root, "sites")));
}

static size_t write_changes(FILE *stream, const struct side sides[2])
{
	static const char *const titles[CHANGE_COUNT] = {"lost", "gained", "rewritten another way"};
	size_t total = 0;

	for (enum change change = LOST; change < CHANGE_COUNT; change++) {
		size_t count = walk(NULL, sides, change);

		total += count;
		if (!count)
			continue;
		fprintf(stream, "\n%zu sites %s\n", count, titles[change]);
		walk(stream, sides, change);
	}
	if (!total)
		fputs("No site differs.\n", stream);
	return total;
}

bool report_write_diff(FILE *stream, const struct report_file *old_report,
                       const struct report_file *new_report, size_t *differences,
                       struct problem *problem)
{
	struct side sides[2] = {{.root = old_report->root}, {.root = new_report->root}};
	bool same_kernel =
	    !strcmp(report_text(json_object_get(old_report->root, "input"), "sha256"),
	            report_text(json_object_get(new_report->root, "input"), "sha256"));
	bool done = list_entries(&sides[0], same_kernel) && list_entries(&sides[1], same_kernel);

	if (done) {
		write_head(stream, "---", old_report);
		write_head(stream, "+++", new_report);
		*differences = write_changes(stream, sides);
	}
	free(sides[0].entries);
	free(sides[1].entries);
	return done || problem_report(problem, OUT_OF_MEMORY);
}
