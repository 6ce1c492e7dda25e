/* SPDX-License-Identifier: BSD-2-Clause */

/* Sites one by one: what the ROM says of them, and the window that is nearest at hand. */

#include "patcher/plan/plan_private.h"

/* How many bytes, the site's included, a window may be behind the one before and still join it. */
#define JOIN_DISTANCE 16

void plan_enter_section(struct planner *planner, const struct kernel_section *section)
{
	planner->swept = scan_find_section(planner->plan->scan, section);
}

/* --- what the ROM says -------------------------------------------------------------- */

/* A site of a replacement, which the kernel copies: it must never do so. */
static void decide_replacement(const struct plan *plan, struct plan_site *site)
{
	bool inert = code_map_is_inert(plan->map, site->site->address, &site->feature);

	if (!plan->rom->cpuid) {
		site->action = ROM_ACTION_NONE;
		site->reason = "alternative's replacement";
		return;
	}
	site->reason = inert ? "alternative's replacement, which is never put in place"
	                     : "alternative's replacement, of a feature that the ROM shows";
	if (!inert)
		return;
	site->action = ROM_ACTION_NONE;
	site->method = ROM_METHOD_ALTERNATIVE;
	site->patched = true;
}

static bool is_task_return_site(const struct plan *plan, const struct plan_site *site)
{
	const struct scan_section *swept = scan_find_section(plan->scan, site->site->section);
	struct instruction instruction;

	return swept && plan_decode(swept, plan_site_offset(site), &instruction) &&
	       plan_is_task_return(plan, swept, plan_site_offset(site), &instruction);
}

/* What the manifest says about the site, and what the ROM cannot have at this place. */
void plan_decide_action(const struct plan *plan, struct plan_site *site)
{
	const struct sensitive_form *form = &sensitive_forms[site->site->form];
	uint32_t properties = plan->rom->properties;

	site->action = plan->rom->calls[form->call].action;
	site->window = UINT32_MAX;
	if (!site->action)
		site->reason = "the ROM does not offer the call";
	else if ((properties & ROM_KEEPS_FAULTING) &&
	         code_map_any(plan->map, CODE_FAULTING, site->site->address, 1)) {
		site->action = ROM_ACTION_NONE;
		site->reason = "__ex_table instruction, and the ROM sees no faults";
	} else if (site->site->context == SCAN_CONTEXT_ALTERNATIVE &&
	           site->action != ROM_ACTION_NONE) {
		decide_replacement(plan, site);
	} else if (plan_in_kept_entry_text(plan, site->site->address)) {
		site->action = ROM_ACTION_NONE;
		site->reason = "entry text, which page-table isolation maps alone";
	} else if (site->action == ROM_ACTION_NONE) {
		site->reason = "the ROM leaves it native";
	} else if (is_task_return_site(plan, site)) {
		site->action = ROM_ACTION_NONE;
		site->reason = "return of a nested task, which goes on behind it";
	}
	if (!site->action && form->named)
		site->action = ROM_ACTION_NONE;
	if (site->action == ROM_ACTION_NONE && !site->patched) {
		site->method = ROM_METHOD_NONE;
		site->patched = true;
	}
}

/* --- windows ------------------------------------------------------------------------ */

/*
 * Takes the site into the window before it, if the code between them can be displaced too. Sites
 * that stand close by share a springboard: it saves two jumps, and bytes where they are scarce.
 */
static bool join_window(const struct planner *planner, const struct plan_site *site,
                        struct candidate *candidate)
{
	const struct plan *plan = planner->plan;
	uint64_t base = planner->swept->section->address;
	const struct plan_window *last;
	uint32_t end = (uint32_t)(site->site->address - base) + site->site->length;

	if (!plan->window_count)
		return false;
	last = &plan->windows[plan->window_count - 1];
	if (last->swept != planner->swept)
		return false;
	*candidate = (struct candidate){.start = (uint32_t)(last->start - base),
	                                .end = (uint32_t)(last->end - base),
	                                .instructions = last->instruction_count};
	if (last->padding || candidate->end + JOIN_DISTANCE < end)
		return false;
	while (candidate->end < end)
		if (!plan_grow_forward(planner, candidate) || candidate->padding)
			return false;
	return plan_complete_pair(planner, candidate);
}

/* The number of sites from first on that lie in the candidate. */
static size_t sites_inside(const struct planner *planner, const struct candidate *candidate,
                           size_t first)
{
	const struct plan *plan = planner->plan;
	uint64_t end = planner->swept->section->address + candidate->end;
	size_t count = 0;

	while (first + count < plan->site_count &&
	       plan->sites[first + count].site->section == planner->swept->section &&
	       plan->sites[first + count].site->address < end)
		count++;
	return count;
}

/* Makes the last window the candidate, which it begins. */
static bool extend_window(struct planner *planner, const struct candidate *candidate, size_t index,
                          size_t *next)
{
	struct plan *plan = planner->plan;
	struct plan_window *last = &plan->windows[--plan->window_count];
	size_t first = last->first_site;
	size_t count = index - first + sites_inside(planner, candidate, index);

	*next = first + count;
	return plan_add_window(planner, candidate, first, count, ROM_METHOD_SPRINGBOARD, 0);
}

/* Why no window was found, from what stands in the way of the site's own bytes or behind them. */
static const char *why_no_window(const struct planner *planner, const struct plan_site *site)
{
	const struct code_map *map = planner->plan->map;
	static const enum code_property order[] = {CODE_FIXED, CODE_FAULTING, CODE_ENTRY};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (uint64_t at = site->site->address; at < site->site->address + JUMP_SIZE;
		     at++) {
			const char *reason = code_map_reason(map, order[i], at);

			if (reason && !(order[i] == CODE_ENTRY && at == site->site->address))
				return reason;
		}
	}
	return "no five bytes of one basic block";
}

/* Plans the site at index; *next becomes the index of the first site not planned yet. */
static bool plan_one(struct planner *planner, size_t index, size_t *next)
{
	struct plan_site *site = &planner->plan->sites[index];
	struct candidate candidate;
	size_t count;

	*next = index + 1;
	if (!site->action || site->action == ROM_ACTION_NONE)
		return true;
	if (join_window(planner, site, &candidate))
		return extend_window(planner, &candidate, index, next);
	candidate.allow_entries = false;
	if (!plan_find_window(planner,
	                      (uint32_t)(site->site->address - site->site->section->address),
	                      site->site->length, JUMP_SIZE, &candidate)) {
		if (!site->reason)
			site->reason = why_no_window(planner, site);
		return true;
	}
	count = sites_inside(planner, &candidate, index);
	*next = index + count;
	return plan_add_window(planner, &candidate, index, count, ROM_METHOD_SPRINGBOARD, 0);
}

bool plan_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;
	size_t next;

	for (size_t i = 0; i < plan->site_count; i = next) {
		plan_enter_section(planner, plan->sites[i].site->section);
		if (!plan_one(planner, i, &next))
			return false;
	}
	return true;
}
