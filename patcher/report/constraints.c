/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/report/constraints.h"

#include <stdlib.h>
#include <string.h>

/* The largest size of a reference: that of an alternative, a byte in its table. */
#define LARGEST_REFERENCE 255

/* Addresses of interest, [start, end). */
struct interval {
	uint64_t start, end;
};

struct gatherer {
	const struct plan *plan;
	struct interval *intervals; /* ascending, disjoint */
	size_t interval_count;
	struct constraints *constraints;
};

/* --- where to look ------------------------------------------------------------------ */

static int compare_intervals(const void *left, const void *right)
{
	const struct interval *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

static bool list_intervals(struct gatherer *gatherer)
{
	const struct plan *plan = gatherer->plan;
	struct interval *list = calloc(plan->site_count + plan->window_count + 1, sizeof(*list));
	size_t count = 0, kept = 0;

	if (!list)
		return false;
	for (size_t i = 0; i < plan->window_count; i++)
		list[count++] = (struct interval){plan->windows[i].start, plan->windows[i].end + 1};
	for (size_t i = 0; i < plan->site_count; i++) {
		uint64_t address = plan->sites[i].site->address;

		if (plan->sites[i].window == UINT32_MAX)
			list[count++] = (struct interval){address, address + JUMP_SIZE};
	}
	if (count)
		qsort(list, count, sizeof(*list), compare_intervals);
	for (size_t i = 1; i < count; i++) {
		if (list[i].start > list[kept].end)
			list[++kept] = list[i];
		else if (list[i].end > list[kept].end)
			list[kept].end = list[i].end;
	}
	gatherer->intervals = list;
	gatherer->interval_count = count ? kept + 1 : 0;
	return true;
}

/* Whether any byte of [start, start + size) is of interest. */
static bool is_of_interest(const struct gatherer *gatherer, uint64_t start, uint64_t size)
{
	size_t low = 0, high = gatherer->interval_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (gatherer->intervals[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < gatherer->interval_count && gatherer->intervals[low].start < start + size;
}

/* --- gathering ---------------------------------------------------------------------- */

static void keep(struct constraints *constraints, const struct code_reference *reference)
{
	if (constraints->count == constraints->capacity) {
		size_t capacity = constraints->capacity ? 2 * constraints->capacity : 1024;
		struct code_reference *grown =
		    realloc(constraints->list, capacity * sizeof(*grown));

		if (!grown) {
			constraints->failed = true;
			return;
		}
		constraints->list = grown;
		constraints->capacity = capacity;
	}
	constraints->list[constraints->count++] = *reference;
}

static void consider(void *context, const struct code_reference *reference)
{
	const struct gatherer *gatherer = context;

	if (is_of_interest(gatherer, reference->address, reference->size))
		keep(gatherer->constraints, reference);
}

/* Direct branches within a section are in the sweep's bitmap only. */
static void gather_branches(const struct gatherer *gatherer, const struct interval *interval)
{
	const struct scan *scan = gatherer->plan->scan;
	const struct kernel_section *section = kernel_section_at(scan->kernel, interval->start);
	const struct scan_section *swept = section ? scan_find_section(scan, section) : NULL;

	for (uint64_t at = interval->start; swept && at < interval->end; at++) {
		struct code_reference branch = {CODE_ENTRY, at, 1, "branch"};

		if (at - section->address < section->size &&
		    bitmap_test(swept->sweep.targets, (size_t)(at - section->address)))
			keep(gatherer->constraints, &branch);
	}
}

static int compare_references(const void *left, const void *right)
{
	const struct code_reference *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->property != b->property)
		return a->property < b->property ? -1 : 1;
	return strcmp(a->reason, b->reason);
}

static void sort(struct constraints *constraints)
{
	size_t kept = 0;

	if (!constraints->count)
		return;
	qsort(constraints->list, constraints->count, sizeof(*constraints->list),
	      compare_references);
	for (size_t i = 1; i < constraints->count; i++)
		if (compare_references(&constraints->list[i], &constraints->list[kept]))
			constraints->list[++kept] = constraints->list[i];
	constraints->count = kept + 1;
}

bool constraints_build(const struct plan *plan, struct constraints *constraints,
                       struct problem *problem)
{
	struct gatherer gatherer = {.plan = plan, .constraints = constraints};

	*constraints = (struct constraints){0};
	if (!list_intervals(&gatherer))
		return problem_report(problem, OUT_OF_MEMORY);
	code_map_visit(plan->map, consider, &gatherer);
	for (size_t i = 0; i < gatherer.interval_count; i++)
		gather_branches(&gatherer, &gatherer.intervals[i]);
	free(gatherer.intervals);
	if (constraints->failed) {
		constraints_free(constraints);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	sort(constraints);
	return true;
}

void constraints_free(struct constraints *constraints)
{
	free(constraints->list);
	*constraints = (struct constraints){0};
}

size_t constraints_from(const struct constraints *constraints, uint64_t start)
{
	uint64_t least = start > LARGEST_REFERENCE ? start - LARGEST_REFERENCE : 0;
	size_t low = 0, high = constraints->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (constraints->list[middle].address < least)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *code_property_name(enum code_property property)
{
	switch (property) {
	case CODE_ENTRY: return "entry";
	case CODE_POINTER: return "pointer";
	case CODE_FIXUP: return "fixup";
	case CODE_FIXED: return "fixed";
	case CODE_INERT: return "inert";
	case CODE_LOCK: return "lock";
	case CODE_FAULTING: return "faulting";
	case CODE_PROPERTY_COUNT: break;
	}
	return "unknown";
}
