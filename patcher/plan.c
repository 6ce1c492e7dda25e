/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/plan.h"

#include <stdlib.h>
#include <string.h>

/*
 * A window being looked for: whole instructions [start, end) of one section, as offsets. It grows
 * forward and backward an instruction at a time, as far as nothing leads into it and nothing in it
 * has to stay where it is.
 */
struct candidate {
	uint32_t start, end;
	unsigned int instructions;
	uint32_t padding; /* bytes at the end that nothing reaches */
};

/* How many bytes, the site's included, a window may be behind the one before and still join it. */
#define JOIN_DISTANCE 16

struct planner {
	struct plan *plan;
	const struct scan_section *swept; /* the section being planned */
	uint32_t taken;                   /* end of the last window in it, as an offset */
	size_t window_capacity;
};

/* --- one instruction ---------------------------------------------------------------- */

static bool decode_at(const struct scan_section *swept, uint32_t offset,
                      struct instruction *instruction)
{
	const struct kernel_section *section = swept->section;

	return offset < section->size && bitmap_test(swept->sweep.starts, offset) &&
	       decode_instruction(section->bytes + offset, section->size - offset, DISASM_MODE_32,
	                          instruction) == DECODE_OK;
}

static bool has_property(const struct planner *planner, enum code_property property,
                         uint32_t offset, uint32_t size)
{
	return code_map_any(planner->plan->map, property, planner->swept->section->address + offset,
	                    size);
}

/* Whether control goes on behind the instruction, to the byte behind it. A call does not: what it
 * returns to is the original address, so it can only be a window's last instruction. */
static bool falls_through(const struct instruction *instruction)
{
	return instruction->flow == FLOW_NEXT || instruction->flow == FLOW_CONDITIONAL ||
	       instruction->flow == FLOW_INTERRUPT;
}

/*
 * Linux's entry code, which is all of the kernel that page-table isolation leaves mapped in user
 * mode: a springboard elsewhere could not be reached from it.
 */
static bool in_kept_entry_text(const struct plan *plan, uint64_t address)
{
	return (plan->rom->properties & ROM_KEEPS_ENTRY_TEXT) &&
	       address >= plan->entry_text_start && address < plan->entry_text_end;
}

/* The kernel looks the instruction up or rewrites it: it has to stay. */
static bool must_stay(const struct planner *planner, uint32_t offset, uint32_t length)
{
	return has_property(planner, CODE_FIXED, offset, length) ||
	       in_kept_entry_text(planner->plan, planner->swept->section->address + offset) ||
	       (!(planner->plan->rom->properties & ROM_OWNS_TRAPS) &&
	        has_property(planner, CODE_FAULTING, offset, length));
}

/* The form an instruction of a window is rewritten as, or SENSITIVE_FORM_NONE. */
static uint16_t rewritten_form(const struct instruction *instruction, const uint8_t *bytes)
{
	uint16_t form = classify_instruction(instruction, bytes);

	return form != SENSITIVE_FORM_NONE && sensitive_forms[form].rewrite ? form
	                                                                    : SENSITIVE_FORM_NONE;
}

static bool is_site(const struct instruction *instruction, const uint8_t *bytes)
{
	return rewritten_form(instruction, bytes) != SENSITIVE_FORM_NONE;
}

static bool can_join(const struct planner *planner, uint32_t offset,
                     const struct instruction *instruction)
{
	const uint8_t *bytes = planner->swept->section->bytes + offset;

	return !must_stay(planner, offset, instruction->length) &&
	       (is_site(instruction, bytes) ||
	        instruction_is_displaceable(instruction, bytes, false));
}

/* --- windows ------------------------------------------------------------------------ */

/* The start of the instruction before offset in the same stream, or offset if there is none. */
static uint32_t previous_start(const struct planner *planner, uint32_t offset,
                               struct instruction *instruction)
{
	for (uint32_t back = 1; back <= INSTRUCTION_MAX_LENGTH && back <= offset; back++) {
		if (!bitmap_test(planner->swept->sweep.starts, offset - back))
			continue;
		if (decode_at(planner->swept, offset - back, instruction) &&
		    instruction->length == back)
			return offset - back;
		break;
	}
	return offset;
}

/* lea 0(%reg),%reg in any length, which GNU as puts between functions. */
static bool is_idle_lea(const uint8_t *bytes, const struct instruction *instruction)
{
	uint8_t target = instruction->modrm >> 3 & 7, base = instruction->modrm & 7;

	if (instruction->opcode != 0x8d || instruction->map != OPCODE_MAP_ONE_BYTE ||
	    instruction->modrm >> 6 == 3 || instruction->address_size != 32)
		return false;
	if (instruction->has_sib) {
		if ((instruction->sib >> 3 & 7) != 4)
			return false;
		base = instruction->sib & 7;
	}
	for (unsigned int i = 0; i < instruction->displacement_size; i++)
		if (bytes[instruction->displacement_offset + i])
			return false;
	return target == base;
}

/*
 * Padding that nothing reaches: int3, nops of any length. Only asked about bytes behind an
 * instruction that does not fall through.
 */
static bool is_padding(const uint8_t *bytes, const struct instruction *instruction)
{
	if (instruction->map == OPCODE_MAP_ONE_BYTE && !instruction->has_modrm)
		return instruction->opcode == 0xcc || instruction->opcode == 0x90;
	return (instruction->map == OPCODE_MAP_0F && instruction->opcode == 0x1f) ||
	       is_idle_lea(bytes, instruction);
}

/* Takes unreachable padding behind the candidate in. */
static bool grow_into_padding(const struct planner *planner, struct candidate *candidate)
{
	struct instruction next;

	if (!decode_at(planner->swept, candidate->end, &next) ||
	    !is_padding(planner->swept->section->bytes + candidate->end, &next) ||
	    has_property(planner, CODE_ENTRY, candidate->end, next.length) ||
	    must_stay(planner, candidate->end, next.length))
		return false;
	candidate->end += next.length;
	candidate->padding += next.length;
	return true;
}

/* Takes the instruction behind the candidate in; false if that cannot be. */
static bool grow_forward(const struct planner *planner, struct candidate *candidate)
{
	struct instruction last, next;
	uint32_t last_start = previous_start(planner, candidate->end, &last);

	if (candidate->padding ||
	    (last_start != candidate->end && !falls_through(&last) && last.flow != FLOW_CALL))
		return grow_into_padding(planner, candidate);
	if (last_start == candidate->end || !falls_through(&last) ||
	    candidate->instructions == WINDOW_MAX_INSTRUCTIONS ||
	    has_property(planner, CODE_ENTRY, candidate->end, 1) ||
	    !decode_at(planner->swept, candidate->end, &next) ||
	    !can_join(planner, candidate->end, &next))
		return false;
	/* Nothing may lead between the instruction's bytes either. */
	if (next.length > 1 &&
	    has_property(planner, CODE_ENTRY, candidate->end + 1, next.length - 1U))
		return false;
	candidate->end += next.length;
	candidate->instructions++;
	return true;
}

static bool grow_backward(const struct planner *planner, struct candidate *candidate)
{
	struct instruction previous;
	uint32_t start = previous_start(planner, candidate->start, &previous);

	if (start == candidate->start || start < planner->taken || !falls_through(&previous) ||
	    candidate->instructions == WINDOW_MAX_INSTRUCTIONS ||
	    has_property(planner, CODE_ENTRY, start + 1, candidate->start - start) ||
	    !can_join(planner, start, &previous))
		return false;
	candidate->start = start;
	candidate->instructions++;
	return true;
}

static uint32_t candidate_size(const struct candidate *candidate)
{
	return candidate->end - candidate->start;
}

/* A window of at least size bytes around the site, forward first: true if there is one. */
static bool find_window(const struct planner *planner, const struct plan_site *site, uint32_t size,
                        struct candidate *candidate)
{
	uint32_t offset = (uint32_t)(site->site->address - planner->swept->section->address);

	*candidate = (struct candidate){offset, offset + site->site->length, 1, 0};
	if (offset < planner->taken || must_stay(planner, offset, site->site->length) ||
	    (site->site->length > 1 &&
	     has_property(planner, CODE_ENTRY, offset + 1, site->site->length - 1U)))
		return false;
	while (candidate_size(candidate) < size && grow_forward(planner, candidate))
		;
	while (candidate_size(candidate) < size && grow_backward(planner, candidate))
		;
	return candidate_size(candidate) >= size;
}

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

	if (!planner->taken)
		return false;
	last = &plan->windows[plan->window_count - 1];
	*candidate = (struct candidate){(uint32_t)(last->start - base),
	                                (uint32_t)(last->end - base), last->instruction_count, 0};
	if (last->padding || candidate->end + JOIN_DISTANCE < end)
		return false;
	while (candidate->end < end)
		if (!grow_forward(planner, candidate) || candidate->padding)
			return false;
	return true;
}

/* --- sites -------------------------------------------------------------------------- */

static bool add_window(struct planner *planner, const struct candidate *candidate, size_t first,
                       size_t count, uint8_t method)
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
	};
	for (size_t i = first; i < first + count; i++) {
		plan->sites[i].window = (uint32_t)plan->window_count;
		plan->sites[i].method = method;
		plan->sites[i].patched = true;
	}
	plan->window_count++;
	planner->taken = candidate->end;
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
	return add_window(planner, candidate, first, count, ROM_METHOD_SPRINGBOARD);
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
	} else if (site->site->context == SCAN_CONTEXT_ALTERNATIVE) {
		site->action = ROM_ACTION_NONE;
		site->reason = "alternative's replacement";
	} else if (in_kept_entry_text(plan, site->site->address)) {
		site->action = ROM_ACTION_NONE;
		site->reason = "entry text, which page-table isolation maps alone";
	} else if (site->action == ROM_ACTION_NONE) {
		site->reason = "the ROM leaves it native";
	}
	if (site->action == ROM_ACTION_NONE) {
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
	if (!find_window(planner, site, JUMP_SIZE, &candidate)) {
		site->reason = why_no_window(planner, site);
		return true;
	}
	count = sites_inside(planner, &candidate, index);
	*next = index + count;
	return add_window(planner, &candidate, index, count, ROM_METHOD_SPRINGBOARD);
}

static bool plan_sites(struct planner *planner)
{
	struct plan *plan = planner->plan;
	size_t next;

	for (size_t i = 0; i < plan->site_count; i = next) {
		const struct scan_section *swept =
		    scan_find_section(plan->scan, plan->sites[i].site->section);

		if (swept != planner->swept) {
			planner->swept = swept;
			planner->taken = 0;
		}
		if (!plan_one(planner, i, &next))
			return false;
	}
	return true;
}

/* --- the whole ---------------------------------------------------------------------- */

static void find_entry_text(struct plan *plan)
{
	const struct kernel_symbol *start =
	    kernel_find_symbol(plan->scan->kernel, "__entry_text_start");
	const struct kernel_symbol *end =
	    kernel_find_symbol(plan->scan->kernel, "__entry_text_end");

	if (start && end) {
		plan->entry_text_start = start->address;
		plan->entry_text_end = end->address;
	}
}

bool plan_build(const struct scan *scan, const struct code_map *map, const struct rom *rom,
                struct plan *plan, struct problem *problem)
{
	struct planner planner = {.plan = plan};

	*plan = (struct plan){.scan = scan, .map = map, .rom = rom};
	plan->sites = calloc(scan->site_count + 1, sizeof(*plan->sites));
	if (!plan->sites)
		return problem_report(problem, OUT_OF_MEMORY);
	find_entry_text(plan);
	for (size_t i = 0; i < scan->site_count; i++) {
		if (!sensitive_forms[scan->sites[i].form].rewrite)
			continue;
		plan->sites[plan->site_count].site = &scan->sites[i];
		decide_action(plan, &plan->sites[plan->site_count++]);
	}
	if (!plan_sites(&planner)) {
		plan_free(plan);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	return true;
}

void plan_free(struct plan *plan)
{
	free(plan->sites);
	free(plan->windows);
	*plan = (struct plan){0};
}

void plan_window_instructions(const struct plan *plan, const struct plan_window *planned,
                              struct window *window)
{
	const struct kernel_section *section = planned->swept->section;
	uint64_t address = planned->start;

	*window = (struct window){.start = (uint32_t)planned->start, .end = (uint32_t)planned->end};
	for (uint32_t i = 0; i < planned->instruction_count; i++) {
		struct window_instruction *to = &window->instructions[i];
		uint32_t offset = (uint32_t)(address - section->address);

		to->address = (uint32_t)address;
		to->bytes = section->bytes + offset;
		decode_at(planned->swept, offset, &to->instruction);
		to->form = rewritten_form(&to->instruction, to->bytes);
		if (to->form != SENSITIVE_FORM_NONE)
			to->keep = plan->rom->calls[sensitive_forms[to->form].call].action ==
			           ROM_ACTION_NONE;
		to->live_after = UINT32_MAX;
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
