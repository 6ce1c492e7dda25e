/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/plan/plan_private.h"

#include <stdlib.h>
#include <string.h>

/* How many bytes, the site's included, a window may be behind the one before and still join it. */
#define JOIN_DISTANCE 16

void plan_enter_section(struct planner *planner, const struct kernel_section *section)
{
	planner->swept = scan_find_section(planner->plan->scan, section);
}

/* --- sites -------------------------------------------------------------------------- */

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
	uint32_t offset = (uint32_t)(site->site->address - site->site->section->address);
	struct instruction instruction;

	return swept && plan_decode(swept, offset, &instruction) &&
	       plan_is_task_return(plan, swept, offset, &instruction);
}

/* What the manifest says about the site, and what the ROM cannot have at this place. */
static void decide_action(const struct plan *plan, struct plan_site *site)
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
		site->reason = why_no_window(planner, site);
		return true;
	}
	count = sites_inside(planner, &candidate, index);
	*next = index + count;
	return plan_add_window(planner, &candidate, index, count, ROM_METHOD_SPRINGBOARD, 0);
}

static bool plan_sites(struct planner *planner)
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

/* --- the whole ---------------------------------------------------------------------- */

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
		decide_action(plan, &plan->sites[count++]);
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

/* Whether sites of a form stay native: because the ROM wants it, or does not know of what is an
 * ordinary instruction. */
static bool is_kept(const struct plan *plan, const struct sensitive_form *form)
{
	uint8_t action = plan->rom->calls[form->call].action;

	return action == ROM_ACTION_NONE || (!action && form->named);
}

void plan_window_instructions(const struct plan *plan, const struct plan_window *planned,
                              struct window *window)
{
	const struct kernel_section *section = planned->swept->section;
	uint64_t address = planned->start;

	/*
	 * Any code may be among what runs before paging is on (head_32.S, the microcode loaders and
	 * all they call). Return addresses that are made without absolute addresses cost little:
	 * 1.4 KB of springboards in Debian's 6.1 kernel, all in windows that end with a call.
	 */
	*window = (struct window){
	    .start = (uint32_t)planned->start,
	    .end = (uint32_t)planned->end,
	    .unpaged = true,
	};
	for (uint32_t i = 0; i < planned->instruction_count; i++) {
		struct window_instruction *to = &window->instructions[i];
		uint32_t offset = (uint32_t)(address - section->address);

		to->address = (uint32_t)address;
		to->bytes = section->bytes + offset;
		plan_decode(planned->swept, offset, &to->instruction);
		to->form = plan_rewritten_form(planned->swept, offset, &to->instruction);
		if (to->form != SENSITIVE_FORM_NONE)
			to->keep = is_kept(plan, &sensitive_forms[to->form]);
		to->paired = bitmap_test(planned->swept->marks[MARK_PAIRED], offset);
		to->live_after = UINT32_MAX;
		to->entered = i && code_map_any(plan->map, CODE_ENTRY, address, 1);
		address += to->instruction.length;
	}
	window->count = planned->instruction_count;
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
