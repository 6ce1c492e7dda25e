/* SPDX-License-Identifier: BSD-2-Clause */

/* A window's instructions, as the makers of springboards want them. */

#include "disasm/liveness.h"
#include "patcher/plan/plan_private.h"

_Static_assert(LIVENESS_FLAGS == ROM_CLOBBERS_FLAGS, "one numbering of what is live");

/* --- what is needed behind an instruction ------------------------------------------- */

/*
 * Code that is rewritten at run time tells nothing of what it reads, nor does code that a fault may
 * take elsewhere.
 */
static bool stops_liveness(const void *context, uint32_t address)
{
	static const enum code_property properties[] = {CODE_FIXED, CODE_INERT, CODE_LOCK,
	                                                CODE_FAULTING};
	const struct code_map *map = context;

	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		if (code_map_any(map, properties[i], address, 1))
			return true;
	return false;
}

static uint32_t live_behind(const struct plan *plan, const struct scan_section *swept,
                            const struct window_instruction *at)
{
	const struct liveness_code code = {
	    .bytes = swept->section->bytes,
	    .size = swept->section->size,
	    .address = (uint32_t)swept->section->address,
	    .stops = stops_liveness,
	    .context = plan->map,
	};

	if (code_map_any(plan->map, CODE_FAULTING, at->address, 1))
		return UINT32_MAX;
	return liveness_before(&code, at->address + at->instruction.length);
}

/* Behind sites, and behind what follows sti, which may change places with it; of no use elsewhere.
 */
static void find_live(const struct plan *plan, const struct plan_window *planned,
                      struct window *window)
{
	for (unsigned int i = 0; i < window->count; i++) {
		struct window_instruction *at = &window->instructions[i];
		bool used =
		    at->form != SENSITIVE_FORM_NONE || (i && at[-1].form != SENSITIVE_FORM_NONE);

		at->live_after = used ? live_behind(plan, planned->swept, at) : UINT32_MAX;
	}
}

/* --- the instructions --------------------------------------------------------------- */

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
		to->entered = i && code_map_any(plan->map, CODE_ENTRY, address, 1);
		address += to->instruction.length;
	}
	window->count = planned->instruction_count;
	find_live(plan, planned, window);
}
