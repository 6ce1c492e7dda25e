/* SPDX-License-Identifier: BSD-2-Clause */

/* The plan's lists: windows, and branches and fixups that are led elsewhere. */

#include <stdlib.h>
#include <string.h>

#include "patcher/plan/plan_private.h"

/* --- windows ------------------------------------------------------------------------ */

bool plan_add_window(struct planner *planner, const struct candidate *candidate, size_t first,
                     size_t count, uint8_t method, uint64_t hop)
{
	struct plan *plan = planner->plan;
	uint64_t base = planner->swept->section->address;

	if (plan->window_count == planner->window_capacity) {
		size_t capacity = planner->window_capacity ? 2 * planner->window_capacity : 256;
		struct plan_window *grown = realloc(plan->windows, capacity * sizeof(*grown));

		if (!grown)
			return false;
		plan->windows = grown;
		planner->window_capacity = capacity;
	}
	plan->windows[plan->window_count] = (struct plan_window){
	    .swept = planner->swept,
	    .start = base + candidate->start,
	    .end = base + candidate->end,
	    .first_site = (uint32_t)first,
	    .site_count = (uint32_t)count,
	    .instruction_count = candidate->instructions,
	    .padding = candidate->padding,
	    .hop = hop,
	};
	for (size_t i = first; i < first + count; i++) {
		plan->sites[i].window = (uint32_t)plan->window_count;
		if (plan->sites[i].action == ROM_ACTION_NONE)
			continue; /* moved, but native as before */
		plan->sites[i].method = method;
		plan->sites[i].patched = true;
	}
	plan->window_count++;
	plan_take(planner, candidate->start, candidate->end);
	return true;
}

bool plan_add_site_window(struct planner *planner, const struct candidate *candidate, size_t index,
                          uint8_t method, uint64_t hop)
{
	const struct plan *plan = planner->plan;
	uint64_t start = planner->swept->section->address + candidate->start;
	uint64_t end = planner->swept->section->address + candidate->end;
	size_t first = index, last = index + 1;

	while (first && plan->sites[first - 1].site->section == planner->swept->section &&
	       plan->sites[first - 1].site->address >= start)
		first--;
	while (last < plan->site_count &&
	       plan->sites[last].site->section == planner->swept->section &&
	       plan->sites[last].site->address < end)
		last++;
	return plan_add_window(planner, candidate, first, last - first, method, hop);
}

void plan_remove_window(struct plan *plan, size_t number)
{
	memmove(plan->windows + number, plan->windows + number + 1,
	        (--plan->window_count - number) * sizeof(*plan->windows));
}

void plan_trap_site(struct plan_site *site)
{
	site->method = ROM_METHOD_TRAP;
	site->window = UINT32_MAX;
	site->patched = true;
}

bool plan_is_hard(const struct plan_site *site)
{
	return !site->patched && site->action && site->action != ROM_ACTION_NONE;
}

uint32_t plan_site_offset(const struct plan_site *site)
{
	return (uint32_t)(site->site->address - site->site->section->address);
}

/* --- what leads into windows -------------------------------------------------------- */

bool plan_add_retarget(struct plan *plan, uint64_t branch, uint64_t target)
{
	struct plan_retarget *grown =
	    realloc(plan->retargets, (plan->retarget_count + 1) * sizeof(*grown));

	if (!grown)
		return false;
	plan->retargets = grown;
	plan->retargets[plan->retarget_count++] = (struct plan_retarget){branch, target};
	return true;
}

bool plan_add_fixups(struct plan *plan, uint64_t target)
{
	const struct linux_metadata *metadata = &plan->scan->metadata;

	for (size_t i = 0; i < metadata->exception_count; i++) {
		struct plan_fixup *grown;

		if (metadata->exceptions[i].fixup.address != target)
			continue;
		grown = realloc(plan->fixups, (plan->fixup_count + 1) * sizeof(*grown));
		if (!grown)
			return false;
		plan->fixups = grown;
		plan->fixups[plan->fixup_count++].entry = &metadata->exceptions[i];
	}
	return true;
}
