/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUPS_SHOWN 40

static const char *const mode_names[] = {"16", "32", "64"};

bool report_point(struct report *report, bool passed, const char *format, ...)
{
	va_list arguments;

	printf("%sok %u - ", passed ? "" : "not ", ++report->tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	report->failed += !passed;
	return passed;
}

void report_note(const char *format, ...)
{
	va_list arguments;

	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void hexadecimal(char *text, const uint8_t *bytes)
{
	for (size_t i = 0; i < INSTRUCTION_MAX_LENGTH + 1; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

/* --- unlisted differences --------------------------------------------------------------------- */

/* Whether the feature's values say something: the key's features stand in the line already. */
static bool worth_showing(int feature, const uint64_t values[4])
{
	static const uint64_t full[FEATURE_COUNT] = {
	    [FEATURE_MOD] = 15,   [FEATURE_REG] = 255,   [FEATURE_RM] = 255,
	    [FEATURE_BASE] = 255, [FEATURE_INDEX] = 255, [FEATURE_W] = 3,
	    [FEATURE_L] = 15,     [FEATURE_PP] = 0,      [FEATURE_AAA] = 255,
	};
	bool in_key = feature <= FEATURE_OPCODE || feature == FEATURE_PP || feature == FEATURE_BY;

	if (in_key || feature == FEATURE_MODRM || feature == FEATURE_PREFIXES ||
	    feature == FEATURE_VVVV)
		return false;
	if (full[feature])
		return values[0] != full[feature];
	/* A flag: only where it is always set. */
	return values[0] == 2 || (feature == FEATURE_STATUS && values[0] != 1);
}

static void print_group(const char *start, const struct finding_group *group)
{
	char text[256], bytes[40];
	uint64_t values[FEATURE_COUNT][4];

	for (int feature = 0; feature < FEATURE_COUNT; feature++) {
		for (int i = 0; i < 4; i++)
			values[feature][i] = atomic_load(&group->seen[feature][i]);
	}
	printf("%s%s %s", start, oracle_name((enum oracle)group->oracle),
	       difference_kind_name((enum difference_kind)group->kind));
	for (int feature = 0; feature < FEATURE_COUNT; feature++) {
		bool in_key = feature <= FEATURE_OPCODE || feature == FEATURE_PP;
		bool by = feature == FEATURE_BY && group->shape.values[FEATURE_BY];

		if (!in_key && !by && !worth_showing(feature, values[feature]))
			continue;
		difference_describe(text, sizeof(text), (enum feature)feature, values[feature]);
		printf(" %s", text);
	}
	hexadecimal(bytes, group->example);
	printf(" : %" PRIu64 " times, as %s (%u, %u)\n", (uint64_t)atomic_load(&group->count),
	       bytes, group->example_length, group->other_length);
}

static void report_unlisted(struct report *report, const struct findings *findings)
{
	uint64_t unlisted = atomic_load(&findings->unlisted);
	unsigned shown = 0, groups = 0;

	if (report_point(report, !unlisted, "every difference is in the table"))
		return;
	for (size_t i = 0; i < FINDING_GROUP_COUNT; i++) {
		if (!atomic_load(&findings->groups[i].key))
			continue;
		if (groups++ < GROUPS_SHOWN) {
			print_group("# ", &findings->groups[i]);
			shown++;
		}
	}
	report_note("%" PRIu64 " unlisted differences in %u groups, %u of them above", unlisted,
	            groups, shown);
}

void report_survey(const struct findings *findings)
{
	for (size_t i = 0; i < FINDING_GROUP_COUNT; i++) {
		if (atomic_load(&findings->groups[i].key))
			print_group("", &findings->groups[i]);
	}
}

/* --- the table -------------------------------------------------------------------------------- */

static void note_line(const struct difference_line *line, const char *what)
{
	report_note("%s:%u: %s: %s", DIFFERENCES_FILE, line->number, what, line->text);
}

static void report_contradicted(struct report *report, const struct difference_table *table,
                                const struct findings *findings)
{
	unsigned contradicted = 0;

	for (size_t i = 0; i < table->line_count; i++) {
		const struct line_finding *finding = &findings->lines[i];

		contradicted += !table->lines[i].sometimes && atomic_load(&finding->agreements);
	}
	if (report_point(report, !contradicted, "no line of the table is contradicted"))
		return;
	for (size_t i = 0; i < table->line_count; i++) {
		const struct line_finding *finding = &findings->lines[i];
		uint64_t agreements = atomic_load(&finding->agreements);
		char bytes[40];

		if (table->lines[i].sometimes || !agreements)
			continue;
		hexadecimal(bytes, finding->agreement);
		note_line(&table->lines[i], "contradicted");
		report_note("  %" PRIu64 " agreements, %" PRIu64
		            " differences; they agree in %s-bit mode on %s",
		            agreements, (uint64_t)atomic_load(&finding->hits),
		            mode_names[finding->agreement_mode], bytes);
	}
}

static bool is_stale(const struct line_finding *finding)
{
	return !atomic_load(&finding->hits);
}

static bool is_hedged(const struct difference_line *line, const struct line_finding *finding)
{
	return line->sometimes && !is_stale(finding) && !atomic_load(&finding->agreements);
}

static void report_stale(struct report *report, const struct difference_table *table,
                         const struct findings *findings, unsigned oracle_mask)
{
	unsigned stale = 0, hedged = 0;

	for (size_t i = 0; i < table->line_count; i++) {
		if (!(oracle_mask >> table->lines[i].oracle & 1))
			continue;
		stale += is_stale(&findings->lines[i]);
		hedged += is_hedged(&table->lines[i], &findings->lines[i]);
	}
	report_point(report, !stale, "every line of the table covers a difference");
	report_point(report, !hedged, "no line of the table says 'sometimes' without need");
	for (size_t i = 0; i < table->line_count; i++) {
		if (!(oracle_mask >> table->lines[i].oracle & 1))
			continue;
		if (is_stale(&findings->lines[i]))
			note_line(&table->lines[i], "covers no difference");
		if (is_hedged(&table->lines[i], &findings->lines[i]))
			note_line(&table->lines[i], "holds always, not sometimes");
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

static void report_self(struct report *report, const struct findings *findings)
{
	static const char *const names[] = {
	    [SELF_BAD_STATUS] = "24 bytes are never truncated",
	    [SELF_BAD_LENGTH] = "lengths are 1 to 15",
	    [SELF_NOT_TRUNCATED] = "an instruction without its last byte is truncated",
	    [SELF_NOT_REPEATABLE] = "an instruction's own bytes are enough",
	};

	for (int i = 0; i < SELF_CONTRADICTION_COUNT; i++) {
		uint64_t times = atomic_load(&findings->contradictions[i]);
		char bytes[40];

		if (report_point(report, !times, "%s", names[i]))
			continue;
		hexadecimal(bytes, findings->contradiction[i]);
		report_note("%" PRIu64 " times, first in %s-bit mode with %s", times,
		            mode_names[findings->contradiction_mode[i]], bytes);
	}
}

static void note_totals(const struct findings *findings)
{
	report_note("%" PRIu64 " cases, %" PRIu64 " accepted",
	            (uint64_t)atomic_load(&findings->cases),
	            (uint64_t)atomic_load(&findings->accepted));
	for (int oracle = 0; oracle < ORACLE_COUNT; oracle++) {
		printf("# %s:", oracle_name((enum oracle)oracle));
		for (int kind = DIFFERENCE_REJECTS; kind < DIFFERENCE_KIND_COUNT; kind++)
			printf(" %s %" PRIu64, difference_kind_name((enum difference_kind)kind),
			       (uint64_t)atomic_load(&findings->differences[oracle][kind]));
		putchar('\n');
	}
}

void report_findings(struct report *report, const struct difference_table *table,
                     const struct findings *findings, unsigned complete)
{
	note_totals(findings);
	report_self(report, findings);
	report_unlisted(report, findings);
	report_contradicted(report, table, findings);
	if (complete)
		report_stale(report, table, findings, complete);
}

int report_end(const struct report *report)
{
	printf("1..%u\n", report->tests);
	return report->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
