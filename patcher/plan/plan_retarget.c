/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sites that no plain window was found for: windows with instructions inside that branches or
 * fixups of __ex_table lead to. These are changed to lead to the instructions' copies in the
 * springboard. A short branch cannot be changed in place; it is moved to a window of its own, or
 * into the one before it. Where windows beside the site leave it no room it becomes part of one.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/plan/plan_private.h"

/* --- windows with entries inside ----------------------------------------------------- */

static bool find_open_window(const struct planner *planner, const struct plan_site *site,
                             struct candidate *candidate)
{
	candidate->allow_entries = true;
	return plan_find_window(planner, plan_site_offset(site), site->site->length, JUMP_SIZE,
	                        candidate);
}

/* Calls visit for each address inside the candidate that something leads to. */
static size_t entries_inside(const struct planner *planner, const struct candidate *candidate,
                             uint64_t *entries)
{
	size_t count = 0;

	for (uint32_t at = candidate->start + 1; at < candidate->end - candidate->padding; at++)
		if (bitmap_test(planner->swept->sweep.starts, at) &&
		    plan_has_property(planner, CODE_ENTRY, at, 1))
			entries[count++] = planner->swept->section->address + at;
	return count;
}

static bool inside(const struct candidate *candidate, const struct scan_section *swept,
                   const struct planner *planner, uint32_t offset)
{
	return swept == planner->swept && offset >= candidate->start && offset < candidate->end;
}

/* Whether offset of a section lies in a window already planned, whose instructions move anyway. */
static bool moves_already(const struct planner *planner, const struct branch *branch)
{
	const struct plan *plan = planner->plan;
	uint64_t address = branch->swept->section->address + branch->source;

	for (size_t i = 0; i < plan->window_count; i++)
		if (plan->windows[i].swept == branch->swept && address >= plan->windows[i].start &&
		    address < plan->windows[i].end)
			return true;
	return false;
}

/* A window for a short branch that has to move; it must not overlap the candidate. */
static bool find_branch_window(struct planner *planner, const struct branch *branch,
                               const struct candidate *candidate, struct candidate *moved)
{
	const struct scan_section *here = planner->swept;
	bool found;

	planner->swept = branch->swept;
	moved->allow_entries = false;
	found = plan_find_window(planner, branch->source, branch->length, JUMP_SIZE, moved);
	planner->swept = here;
	return found && !(branch->swept == here && moved->start < candidate->end &&
	                  moved->end > candidate->start);
}

/* The window that ends where the branch begins and can take it in, or NULL. */
static struct plan_window *find_window_before(struct planner *planner, const struct branch *branch)
{
	const struct scan_section *here = planner->swept;
	uint64_t base = branch->swept->section->address;
	struct plan_window *found = NULL;

	for (size_t i = 0; i < planner->plan->window_count && !found; i++) {
		struct plan_window *window = &planner->plan->windows[i];
		struct candidate grown = {.start = (uint32_t)(window->start - base),
		                          .end = (uint32_t)(window->end - base),
		                          .instructions = window->instruction_count,
		                          .padding = window->padding};

		if (window->swept != branch->swept || window->padding ||
		    window->end != base + branch->source)
			continue;
		planner->swept = branch->swept;
		if (plan_grow_forward(planner, &grown) && !grown.padding &&
		    grown.end - grown.start <= UINT8_MAX)
			found = window;
		planner->swept = here;
	}
	return found;
}

static void take_branch_in(struct planner *planner, const struct branch *branch,
                           struct plan_window *window)
{
	const struct scan_section *here = planner->swept;

	planner->swept = branch->swept;
	plan_take(planner, branch->source, branch->source + branch->length);
	planner->swept = here;
	window->end += branch->length;
	window->instruction_count++;
}

/* The branch can be led to the springboard. */
static bool can_retarget(struct planner *planner, const struct branch *branch,
                         const struct candidate *candidate)
{
	const struct scan_section *here = planner->swept;
	struct candidate moved;
	bool free_to_change;

	if (inside(candidate, branch->swept, planner, branch->source) ||
	    moves_already(planner, branch))
		return true;
	if (branch->is_short)
		return find_branch_window(planner, branch, candidate, &moved) ||
		       find_window_before(planner, branch);
	planner->swept = branch->swept;
	free_to_change = !plan_must_stay(planner, branch->source, branch->length);
	planner->swept = here;
	return free_to_change;
}

/* Every reference to the entry is a branch that can be changed. */
static bool entry_can_move(struct planner *planner, const struct branch_list *list, uint64_t entry,
                           const struct candidate *candidate)
{
	size_t count;
	const struct branch *branches = plan_branches_to(list, entry, &count);

	if (code_map_any(planner->plan->map, CODE_POINTER, entry, 1) ||
	    (!count && !code_map_any(planner->plan->map, CODE_FIXUP, entry, 1)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!can_retarget(planner, &branches[i], candidate))
			return false;
	return true;
}

/* Plans the windows of the short branches to entry, and remembers the entry. */
static bool move_branches(struct planner *planner, const struct branch_list *list, uint64_t entry,
                          const struct candidate *candidate)
{
	size_t count;
	const struct branch *branches = plan_branches_to(list, entry, &count);
	const struct scan_section *here = planner->swept;

	if (!plan_add_fixups(planner->plan, entry))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct candidate moved;

		if (inside(candidate, branches[i].swept, planner, branches[i].source) ||
		    moves_already(planner, &branches[i]))
			continue;
		if (!branches[i].is_short) {
			if (!plan_add_retarget(
				planner->plan,
				branches[i].swept->section->address + branches[i].source, entry))
				return false;
			continue;
		}
		if (!find_branch_window(planner, &branches[i], candidate, &moved)) {
			struct plan_window *before = find_window_before(planner, &branches[i]);

			if (before) /* as can_retarget() has seen */
				take_branch_in(planner, &branches[i], before);
			continue;
		}
		planner->swept = branches[i].swept;
		if (!plan_add_window(planner, &moved, 0, 0, ROM_METHOD_RETARGET, 0))
			return false;
		planner->swept = here;
	}
	return true;
}

static bool retarget_site(struct planner *planner, const struct branch_list *list, size_t index)
{
	struct plan_site *site = &planner->plan->sites[index];
	uint64_t entries[JUMP_SIZE + 2 * INSTRUCTION_MAX_LENGTH];
	struct candidate candidate;
	size_t count;

	if (!find_open_window(planner, site, &candidate))
		return true;
	count = entries_inside(planner, &candidate, entries);
	for (size_t i = 0; i < count; i++)
		if (!entry_can_move(planner, list, entries[i], &candidate))
			return true;
	plan_take(planner, candidate.start, candidate.end);
	for (size_t i = 0; i < count; i++)
		if (!move_branches(planner, list, entries[i], &candidate))
			return false;
	return plan_add_site_window(planner, &candidate, index, ROM_METHOD_RETARGET, 0);
}

/* --- windows beside the site --------------------------------------------------------- */

/* The window of the planner's section that begins, or ends, at offset; NULL if there is none that
 * can grow. */
static struct plan_window *window_beside(const struct planner *planner, uint32_t offset, bool ends)
{
	uint64_t address = planner->swept->section->address + offset;

	for (size_t i = 0; i < planner->plan->window_count; i++) {
		struct plan_window *window = &planner->plan->windows[i];

		if (window->swept == planner->swept && !window->hop &&
		    (ends ? window->end == address && !window->padding : window->start == address))
			return window;
	}
	return NULL;
}

static struct candidate candidate_of(const struct planner *planner,
                                     const struct plan_window *window)
{
	uint64_t base = planner->swept->section->address;

	return (struct candidate){.start = (uint32_t)(window->start - base),
	                          .end = (uint32_t)(window->end - base),
	                          .instructions = window->instruction_count,
	                          .padding = window->padding,
	                          .allow_entries = true};
}

/* Makes the window the candidate, which holds it, if what leads to [from, to) can be moved. */
static bool become(struct planner *planner, const struct branch_list *list, size_t index,
                   struct plan_window *window, const struct candidate *candidate, uint32_t from,
                   uint32_t to)
{
	size_t number = (size_t)(window - planner->plan->windows);
	uint64_t base = planner->swept->section->address;

	for (uint32_t at = from; at < to; at++)
		if (plan_has_property(planner, CODE_ENTRY, at, 1) &&
		    !entry_can_move(planner, list, base + at, candidate))
			return true;
	plan_take(planner, candidate->start, candidate->end);
	for (uint32_t at = from; at < to; at++)
		if (plan_has_property(planner, CODE_ENTRY, at, 1) &&
		    !move_branches(planner, list, base + at, candidate))
			return false;
	plan_remove_window(planner->plan, number);
	return plan_add_site_window(planner, candidate, index, ROM_METHOD_RETARGET, 0);
}

/* The window that ends where the site begins takes it in. */
static bool merge_before(struct planner *planner, const struct branch_list *list, size_t index)
{
	const struct plan_site *site = &planner->plan->sites[index];
	uint32_t offset = plan_site_offset(site);
	struct plan_window *window = window_beside(planner, offset, true);
	struct candidate candidate;

	if (!window)
		return true;
	candidate = candidate_of(planner, window);
	if (!plan_grow_forward(planner, &candidate) || !plan_complete_pair(planner, &candidate) ||
	    candidate.end - offset > UINT8_MAX / 2)
		return true;
	return become(planner, list, index, window, &candidate, offset, candidate.end);
}

/* The site and what follows it, as far as it goes. */
static struct candidate from_site(const struct planner *planner, const struct plan_site *site)
{
	uint32_t offset = plan_site_offset(site);
	struct candidate candidate = {.start = offset,
	                              .end = offset + site->site->length,
	                              .instructions = 1,
	                              .allow_entries = true};

	while (candidate.end - offset < JUMP_SIZE && plan_grow_forward(planner, &candidate))
		;
	return candidate;
}

/* The site, what follows it, and the window that begins there become one. */
static bool merge_after(struct planner *planner, const struct branch_list *list, size_t index)
{
	const struct plan_site *site = &planner->plan->sites[index];
	struct candidate candidate = from_site(planner, site);
	struct plan_window *window = window_beside(planner, candidate.end, false);
	uint32_t from;

	if (!window || candidate.padding ||
	    plan_must_stay(planner, candidate.start, candidate.end - candidate.start) ||
	    candidate.instructions + window->instruction_count > WINDOW_MAX_INSTRUCTIONS ||
	    window->end - window->start + (candidate.end - candidate.start) > UINT8_MAX)
		return true;
	from = candidate.end;
	candidate.instructions += window->instruction_count;
	candidate.padding = window->padding;
	candidate.end += (uint32_t)(window->end - window->start);
	return become(planner, list, index, window, &candidate, candidate.start + 1, from + 1);
}

static bool merge_site(struct planner *planner, const struct branch_list *list, size_t index)
{
	if (!merge_before(planner, list, index))
		return false;
	return !plan_is_hard(&planner->plan->sites[index]) || merge_after(planner, list, index);
}

/* --- the whole ----------------------------------------------------------------------- */

/* The address of a candidate for a site, and what can be inside of one, is wanted. */
static bool want(struct planner *planner, const struct plan_site *site, struct branch_list *list)
{
	uint64_t entries[JUMP_SIZE + 2 * INSTRUCTION_MAX_LENGTH];
	struct candidate candidate;
	uint64_t *grown;
	size_t count = 0;

	plan_enter_section(planner, site->site->section);
	if (find_open_window(planner, site, &candidate))
		count = entries_inside(planner, &candidate, entries);
	grown = realloc(list->wanted, (list->wanted_count + count + 2) * sizeof(*list->wanted));
	if (!grown)
		return false;
	list->wanted = grown;
	memcpy(list->wanted + list->wanted_count, entries, count * sizeof(*entries));
	list->wanted_count += count;
	list->wanted[list->wanted_count++] = site->site->address;
	list->wanted[list->wanted_count++] =
	    site->site->section->address + from_site(planner, site).end;
	return true;
}

bool plan_retarget_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;
	struct branch_list list = {0};
	bool done = true;

	for (size_t i = 0; done && i < plan->site_count; i++)
		done = !plan_is_hard(&plan->sites[i]) || want(planner, &plan->sites[i], &list);
	done = done && plan_find_branches(plan->scan, &list);
	for (size_t i = 0; done && i < plan->site_count; i++) {
		if (!plan_is_hard(&plan->sites[i]))
			continue;
		plan_enter_section(planner, plan->sites[i].site->section);
		done = retarget_site(planner, &list, i) &&
		       (!plan_is_hard(&plan->sites[i]) || merge_site(planner, &list, i));
	}
	plan_free_branches(&list);
	return done;
}
