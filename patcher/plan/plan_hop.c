/* SPDX-License-Identifier: BSD-2-Clause */

/* Hops: a short jump to padding nearby that holds the long one. */

#include "patcher/plan/plan_private.h"

/* Padding of five bytes that a short jump at offset reaches; UINT32_MAX if there is none. */
static uint32_t find_hole(const struct planner *planner, uint32_t offset)
{
	uint32_t size = (uint32_t)planner->swept->section->size;
	uint32_t from = offset > 120 ? offset - 120 : 0;

	for (uint32_t at = from; at < offset + 120 && at + JUMP_SIZE <= size; at++)
		if (bitmap_test(planner->swept->sweep.starts, at) &&
		    plan_is_hole(planner, at, JUMP_SIZE))
			return at;
	return UINT32_MAX;
}

static bool hop_site(struct planner *planner, size_t index)
{
	struct plan_site *site = &planner->plan->sites[index];
	struct candidate candidate = {.allow_entries = false};
	uint32_t hole;

	if (!plan_find_window(planner, plan_site_offset(site), site->site->length, SHORT_JUMP_SIZE,
	                      &candidate))
		return true;
	hole = find_hole(planner, candidate.start);
	if (hole == UINT32_MAX)
		return true;
	plan_take(planner, hole, hole + JUMP_SIZE);
	return plan_add_site_window(planner, &candidate, index, ROM_METHOD_HOP,
	                            planner->swept->section->address + hole);
}

bool plan_hop_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;

	for (size_t i = 0; i < plan->site_count; i++) {
		if (!plan_is_hard(&plan->sites[i]))
			continue;
		plan_enter_section(planner, plan->sites[i].site->section);
		if (!hop_site(planner, i))
			return false;
	}
	return true;
}
