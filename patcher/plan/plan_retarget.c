/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sites that no plain window was found for. First, windows with instructions inside that branches
 * lead to: the branches are changed to lead to those instructions' copies in the springboard. A
 * short branch cannot be changed in place; it is moved to a window of its own. Then hops: a short
 * jump to padding nearby that holds the long one.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/plan/plan_private.h"

#define SHORT_BRANCH_REACH 128

/* --- who branches to an address ------------------------------------------------------ */

/* Direct branches to a few addresses, found in one pass over all code. */
struct branch {
	uint64_t target;
	const struct scan_section *swept;
	uint32_t source; /* offset of the branch in its section */
	uint8_t length;
	bool is_short;
};

struct branch_list {
	struct branch *branches; /* ascending targets once sorted */
	size_t count, capacity;
	uint64_t *wanted; /* ascending */
	size_t wanted_count;
	bool out_of_memory;
};

static int compare_addresses(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int compare_branches(const void *left, const void *right)
{
	const struct branch *a = left, *b = right;

	return (a->target > b->target) - (a->target < b->target);
}

static bool is_wanted(const struct branch_list *list, uint64_t target)
{
	return bsearch(&target, list->wanted, list->wanted_count, sizeof(target),
	               compare_addresses) != NULL;
}

static void add_branch(struct branch_list *list, const struct scan_section *swept, uint32_t source)
{
	const struct kernel_section *section = swept->section;
	struct instruction instruction;
	uint64_t target;

	if (!plan_decode(swept, source, &instruction) ||
	    !instruction_is_direct_branch(&instruction))
		return;
	target = instruction_branch_target(&instruction, section->bytes + source,
	                                   section->address + source);
	if (!is_wanted(list, target))
		return;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 256;
		struct branch *grown = realloc(list->branches, capacity * sizeof(*grown));

		if (!grown) {
			list->out_of_memory = true;
			return;
		}
		list->branches = grown;
		list->capacity = capacity;
	}
	list->branches[list->count++] = (struct branch){
	    .target = target,
	    .swept = swept,
	    .source = source,
	    .length = instruction.length,
	    .is_short = instruction.immediate_size == 1,
	};
}

/*
 * All branches of one section to wanted addresses. Every four bytes are tried as a displacement
 * and every two as a short branch: far cheaper than decoding three million instructions, and what
 * is no branch at an instruction's start falls out in add_branch().
 */
static void find_branches(struct branch_list *list, const struct scan_section *swept)
{
	const struct kernel_section *section = swept->section;
	uint64_t lowest = list->wanted[0], highest = list->wanted[list->wanted_count - 1];

	for (uint32_t at = 1; at + 4 <= section->size; at++) {
		uint32_t displacement;
		uint64_t target;

		memcpy(&displacement, section->bytes + at, sizeof(displacement));
		target = (uint32_t)(section->address + at + 4 + displacement);
		if (target < lowest || target > highest || !is_wanted(list, target))
			continue;
		for (uint32_t back = 1; back <= 6 && back <= at; back++)
			if (bitmap_test(swept->sweep.starts, at - back)) {
				add_branch(list, swept, at - back);
				break;
			}
	}
}

static void find_short_branches(struct branch_list *list, const struct scan_section *swept)
{
	const struct kernel_section *section = swept->section;

	for (size_t i = 0; i < list->wanted_count; i++) {
		uint64_t target = list->wanted[i];
		struct instruction instruction;

		if (target < section->address || target - section->address >= section->size)
			continue;
		for (int64_t at = (int64_t)(target - section->address) - SHORT_BRANCH_REACH - 8;
		     at < (int64_t)(target - section->address) + SHORT_BRANCH_REACH; at++)
			if (at >= 0 && plan_decode(swept, (uint32_t)at, &instruction) &&
			    instruction_is_direct_branch(&instruction) &&
			    instruction.immediate_size == 1)
				add_branch(list, swept, (uint32_t)at);
	}
}

static const struct branch *branches_to(const struct branch_list *list, uint64_t target,
                                        size_t *count)
{
	size_t first = 0;

	while (first < list->count && list->branches[first].target < target)
		first++;
	for (*count = 0;
	     first + *count < list->count && list->branches[first + *count].target == target;)
		++*count;
	return list->branches + first;
}

/* --- windows with entries inside ----------------------------------------------------- */

static uint32_t site_offset(const struct plan_site *site)
{
	return (uint32_t)(site->site->address - site->site->section->address);
}

static bool is_hard(const struct plan_site *site)
{
	return !site->patched && site->action && site->action != ROM_ACTION_NONE;
}

static bool find_open_window(const struct planner *planner, const struct plan_site *site,
                             struct candidate *candidate)
{
	candidate->allow_entries = true;
	return plan_find_window(planner, site_offset(site), site->site->length, JUMP_SIZE,
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
		return find_branch_window(planner, branch, candidate, &moved);
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
	const struct branch *branches = branches_to(list, entry, &count);

	if (!count || code_map_any(planner->plan->map, CODE_POINTER, entry, 1))
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
	const struct branch *branches = branches_to(list, entry, &count);
	const struct scan_section *here = planner->swept;

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
		if (!find_branch_window(planner, &branches[i], candidate, &moved))
			continue; /* cannot be: can_retarget() saw it */
		planner->swept = branches[i].swept;
		if (!plan_add_window(planner, &moved, 0, 0, ROM_METHOD_RETARGET, 0))
			return false;
		planner->swept = here;
	}
	return true;
}

/* Sites of the candidate are those from index on, and any before it that are in it too. */
static bool add_window(struct planner *planner, const struct candidate *candidate, size_t index,
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
	return add_window(planner, &candidate, index, ROM_METHOD_RETARGET, 0);
}

/* --- hops ---------------------------------------------------------------------------- */

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

	if (!plan_find_window(planner, site_offset(site), site->site->length, SHORT_JUMP_SIZE,
	                      &candidate))
		return true;
	hole = find_hole(planner, candidate.start);
	if (hole == UINT32_MAX)
		return true;
	plan_take(planner, hole, hole + JUMP_SIZE);
	return add_window(planner, &candidate, index, ROM_METHOD_HOP,
	                  planner->swept->section->address + hole);
}

/* --- the whole ----------------------------------------------------------------------- */

/* The addresses whose branches have to be known. */
static bool want_entries(struct planner *planner, struct branch_list *list)
{
	struct plan *plan = planner->plan;
	uint64_t entries[JUMP_SIZE + 2 * INSTRUCTION_MAX_LENGTH];
	struct candidate candidate;

	for (size_t i = 0; i < plan->site_count; i++) {
		uint64_t *grown;
		size_t count;

		if (!is_hard(&plan->sites[i]))
			continue;
		plan_enter_section(planner, plan->sites[i].site->section);
		if (!find_open_window(planner, &plan->sites[i], &candidate))
			continue;
		count = entries_inside(planner, &candidate, entries);
		grown =
		    realloc(list->wanted, (list->wanted_count + count + 1) * sizeof(*list->wanted));
		if (!grown)
			return false;
		list->wanted = grown;
		memcpy(list->wanted + list->wanted_count, entries, count * sizeof(*entries));
		list->wanted_count += count;
	}
	if (list->wanted_count)
		qsort(list->wanted, list->wanted_count, sizeof(*list->wanted), compare_addresses);
	return true;
}

static bool retarget_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;
	struct branch_list list = {0};
	bool done = want_entries(planner, &list);

	for (size_t i = 0; done && list.wanted_count && i < plan->scan->section_count; i++) {
		find_branches(&list, &plan->scan->sections[i]);
		find_short_branches(&list, &plan->scan->sections[i]);
	}
	if (list.count)
		qsort(list.branches, list.count, sizeof(*list.branches), compare_branches);
	done = done && !list.out_of_memory;
	for (size_t i = 0; done && i < plan->site_count; i++) {
		if (!is_hard(&plan->sites[i]))
			continue;
		plan_enter_section(planner, plan->sites[i].site->section);
		done = retarget_site(planner, &list, i);
	}
	free(list.branches);
	free(list.wanted);
	return done;
}

bool plan_hard_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;

	if (!retarget_sites(planner))
		return false;
	for (size_t i = 0; i < plan->site_count; i++) {
		if (!is_hard(&plan->sites[i]))
			continue;
		plan_enter_section(planner, plan->sites[i].site->section);
		if (!hop_site(planner, i))
			return false;
	}
	return true;
}
