/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/plan/plan.h"

#include <stdlib.h>

#include "patcher/plan/plan_private.h"

/* The address of a symbol, or 0 if the kernel has none of that name. */
static uint64_t symbol_address(const struct scan *scan, const char *name)
{
	const struct kernel_symbol *symbol = kernel_find_symbol(scan->kernel, name);

	return symbol ? symbol->address : 0;
}

static bool allocate_taken(struct planner *planner)
{
	const struct scan *scan = planner->plan->scan;

	planner->taken = calloc(scan->section_count + 1, sizeof(*planner->taken));
	if (!planner->taken)
		return false;
	for (size_t i = 0; i < scan->section_count; i++) {
		planner->taken[i] =
		    calloc(scan->sections[i].section->size / 64 + 1, sizeof(uint64_t));
		if (!planner->taken[i])
			return false;
	}
	return true;
}

static int compare_windows(const void *left, const void *right)
{
	const struct plan_window *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

static void sort_windows(struct plan *plan)
{
	if (plan->window_count)
		qsort(plan->windows, plan->window_count, sizeof(*plan->windows), compare_windows);
	for (size_t i = 0; i < plan->window_count; i++)
		for (uint32_t j = 0; j < plan->windows[i].site_count; j++)
			plan->sites[plan->windows[i].first_site + j].window = (uint32_t)i;
}

/*
 * What has no window: a ROM that owns the traps gets one from each of these sites; without, they
 * stay native, with their reason. So does an ordinary write to a page table with any ROM.
 */
static void leave_hard_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;

	for (size_t i = 0; i < plan->site_count; i++) {
		struct plan_site *site = &plan->sites[i];

		if (!plan_is_hard(site))
			continue;
		plan_enter_section(planner, site->site->section);
		if (!(plan->rom->properties & ROM_OWNS_TRAPS) ||
		    sensitive_forms[site->site->form].named) {
			site->action = ROM_ACTION_NONE;
			site->method = ROM_METHOD_NONE;
			site->patched = true;
		} else if (!plan_must_stay(planner, plan_site_offset(site), site->site->length) &&
		           !plan_has_property(planner, CODE_ENTRY, plan_site_offset(site) + 1,
		                              site->site->length - 1U)) {
			plan_trap_site(site);
		}
	}
}

bool plan_build(const struct scan *scan, const struct code_map *map, const struct rom *rom,
                struct plan *plan, struct problem *problem)
{
	struct planner planner = {.plan = plan};
	size_t count = 0;
	bool done;

	*plan = (struct plan){
	    .scan = scan,
	    .map = map,
	    .rom = rom,
	    .entry_text_start = symbol_address(scan, "__entry_text_start"),
	    .entry_text_end = symbol_address(scan, "__entry_text_end"),
	};
	plan->sites = calloc(scan->site_count + 1, sizeof(*plan->sites));
	if (!plan->sites)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < scan->site_count; i++) {
		if (!sensitive_forms[scan->sites[i].form].rewrite)
			continue;
		plan->sites[count].site = &scan->sites[i];
		plan_decide_action(plan, &plan->sites[count++]);
	}
	plan->site_count = count;
	done = !plan->site_count || (allocate_taken(&planner) && plan_sites(&planner) &&
	                             plan_retarget_sites(&planner) && plan_hop_sites(&planner));
	if (done && plan->site_count)
		leave_hard_sites(&planner);
	for (size_t i = 0; planner.taken && i < scan->section_count; i++)
		free(planner.taken[i]);
	free(planner.taken);
	if (!done) {
		plan_free(plan);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	sort_windows(plan);
	return true;
}

void plan_free(struct plan *plan)
{
	free(plan->sites);
	free(plan->windows);
	free(plan->retargets);
	free(plan->fixups);
	*plan = (struct plan){0};
}

const char *plan_method_name(uint8_t method)
{
	static const char *const names[] = {
	    [ROM_METHOD_NONE] = "native",
	    [ROM_METHOD_IN_PLACE] = "in place",
	    [ROM_METHOD_SPRINGBOARD] = "springboard",
	    [ROM_METHOD_HOP] = "hop",
	    [ROM_METHOD_RETARGET] = "retarget",
	    [ROM_METHOD_TRAP] = "trap",
	    [ROM_METHOD_ALTERNATIVE] = "inert alternative",
	};

	return method < sizeof(names) / sizeof(names[0]) ? names[method] : "unknown";
}
