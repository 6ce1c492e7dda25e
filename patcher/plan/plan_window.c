/* SPDX-License-Identifier: BSD-2-Clause */

/* Windows: which instructions one jump can replace. */

#include "patcher/plan/plan_private.h"

/* --- one instruction ---------------------------------------------------------------- */

bool plan_decode(const struct scan_section *swept, uint32_t offset, struct instruction *instruction)
{
	const struct kernel_section *section = swept->section;

	return offset < section->size && bitmap_test(swept->sweep.starts, offset) &&
	       decode_instruction(section->bytes + offset, section->size - offset, DISASM_MODE_32,
	                          instruction) == DECODE_OK;
}

bool plan_has_property(const struct planner *planner, enum code_property property, uint32_t offset,
                       uint32_t size)
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
bool plan_in_kept_entry_text(const struct plan *plan, uint64_t address)
{
	return (plan->rom->properties & ROM_KEEPS_ENTRY_TEXT) &&
	       address >= plan->entry_text_start && address < plan->entry_text_end;
}

static bool is_taken(const struct planner *planner, uint32_t offset, uint32_t length)
{
	const uint64_t *taken = planner->taken[planner->swept - planner->plan->scan->sections];

	for (uint32_t i = 0; i < length && offset + i < planner->swept->section->size; i++)
		if (bitmap_test(taken, offset + i))
			return true;
	return false;
}

void plan_take(struct planner *planner, uint32_t start, uint32_t end)
{
	uint64_t *taken = planner->taken[planner->swept - planner->plan->scan->sections];

	for (uint32_t bit = start; bit < end; bit++)
		taken[bit / 64] |= UINT64_C(1) << (bit % 64);
}

bool plan_must_stay(const struct planner *planner, uint32_t offset, uint32_t length)
{
	return is_taken(planner, offset, length) ||
	       plan_has_property(planner, CODE_FIXED, offset, length) ||
	       plan_in_kept_entry_text(planner->plan, planner->swept->section->address + offset) ||
	       (!(planner->plan->rom->properties & ROM_OWNS_TRAPS) &&
	        plan_has_property(planner, CODE_FAULTING, offset, length));
}

uint16_t plan_rewritten_form(const struct scan_section *swept, uint32_t offset,
                             const struct instruction *instruction)
{
	uint16_t form = scan_form_at(swept, offset, instruction);

	return form != SENSITIVE_FORM_NONE && sensitive_forms[form].rewrite ? form
	                                                                    : SENSITIVE_FORM_NONE;
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

#define IRET_OPCODE 0xcf

bool plan_is_task_return(const struct plan *plan, const struct scan_section *swept, uint32_t offset,
                         const struct instruction *instruction)
{
	const struct kernel_section *section = swept->section;
	uint32_t end = offset + instruction->length;
	struct instruction next;

	return !(plan->rom->properties & ROM_OWNS_TRAPS) &&
	       instruction->map == OPCODE_MAP_ONE_BYTE && instruction->opcode == IRET_OPCODE &&
	       plan_decode(swept, end, &next) && !is_padding(section->bytes + end, &next) &&
	       !code_map_any(plan->map, CODE_ENTRY, section->address + end, 1);
}

/* first: of the window's bytes, which the opcode of a jump replaces. */
static bool can_join(const struct planner *planner, uint32_t offset,
                     const struct instruction *instruction, bool first)
{
	const uint8_t *bytes = planner->swept->section->bytes + offset;

	return !plan_must_stay(planner, offset, instruction->length) &&
	       !plan_is_task_return(planner->plan, planner->swept, offset, instruction) &&
	       !plan_has_property(planner, CODE_LOCK, offset + first,
	                          (uint32_t)instruction->length - first) &&
	       (plan_rewritten_form(planner->swept, offset, instruction) != SENSITIVE_FORM_NONE ||
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
		if (plan_decode(planner->swept, offset - back, instruction) &&
		    instruction->length == back)
			return offset - back;
		break;
	}
	return offset;
}

/* Takes unreachable padding behind the candidate in. */
static bool grow_into_padding(const struct planner *planner, struct candidate *candidate)
{
	struct instruction next;

	if (!plan_decode(planner->swept, candidate->end, &next) ||
	    !is_padding(planner->swept->section->bytes + candidate->end, &next) ||
	    plan_has_property(planner, CODE_ENTRY, candidate->end, next.length) ||
	    plan_must_stay(planner, candidate->end, next.length))
		return false;
	candidate->end += next.length;
	candidate->padding += next.length;
	return true;
}

/* Whether nothing but a reference of its own leads behind the instruction. */
static bool ends_here(const struct instruction *instruction)
{
	return instruction->flow == FLOW_JUMP || instruction->flow == FLOW_INDIRECT_JUMP ||
	       instruction->flow == FLOW_RETURN || instruction->flow == FLOW_STOP;
}

/* Takes the instruction behind the candidate in, if it can stand elsewhere. */
static bool take_next(const struct planner *planner, struct candidate *candidate)
{
	struct instruction next;

	if (candidate->instructions == WINDOW_MAX_INSTRUCTIONS ||
	    !plan_decode(planner->swept, candidate->end, &next) ||
	    !can_join(planner, candidate->end, &next, false))
		return false;
	/* Nothing may lead between the instruction's bytes. */
	if (next.length > 1 &&
	    plan_has_property(planner, CODE_ENTRY, candidate->end + 1, next.length - 1U))
		return false;
	candidate->end += next.length;
	candidate->instructions++;
	return true;
}

/* Takes the instruction behind the candidate in; false if that cannot be. */
bool plan_grow_forward(const struct planner *planner, struct candidate *candidate)
{
	bool entry = plan_has_property(planner, CODE_ENTRY, candidate->end, 1);
	struct instruction last;
	uint32_t last_start = previous_start(planner, candidate->end, &last);

	if (candidate->padding)
		return grow_into_padding(planner, candidate);
	if (last_start == candidate->end)
		return false;
	if (ends_here(&last))
		return entry ? candidate->allow_entries && take_next(planner, candidate)
		             : grow_into_padding(planner, candidate);
	return falls_through(&last) && (!entry || candidate->allow_entries) &&
	       take_next(planner, candidate);
}

/* Something leads to the candidate's start, or into the instruction before it. */
static bool entry_blocks_backward(const struct planner *planner, const struct candidate *candidate,
                                  uint32_t start)
{
	uint32_t end = candidate->allow_entries ? candidate->start - 1 : candidate->start;

	return plan_has_property(planner, CODE_ENTRY, start + 1, end - start);
}

static bool grow_backward(const struct planner *planner, struct candidate *candidate)
{
	struct instruction previous;
	uint32_t start = previous_start(planner, candidate->start, &previous);

	if (start == candidate->start || !falls_through(&previous) ||
	    candidate->instructions == WINDOW_MAX_INSTRUCTIONS ||
	    entry_blocks_backward(planner, candidate, start) ||
	    plan_has_property(planner, CODE_LOCK, candidate->start, 1) ||
	    !can_join(planner, start, &previous, true))
		return false;
	candidate->start = start;
	candidate->instructions++;
	return true;
}

static uint32_t candidate_size(const struct candidate *candidate)
{
	return candidate->end - candidate->start;
}

bool plan_complete_pair(const struct planner *planner, struct candidate *candidate)
{
	struct instruction last, next;
	uint32_t start;

	for (;;) {
		start = previous_start(planner, candidate->end, &last);
		if (candidate->padding || start == candidate->end ||
		    !plan_decode(planner->swept, candidate->end, &next) ||
		    !springboard_joins_next(
			plan_rewritten_form(planner->swept, start, &last), &next,
			plan_rewritten_form(planner->swept, candidate->end, &next)))
			return true;
		if (!plan_grow_forward(planner, candidate))
			return false;
	}
}

bool plan_find_window(const struct planner *planner, uint32_t offset, uint32_t length,
                      uint32_t size, struct candidate *candidate)
{
	*candidate = (struct candidate){
	    .start = offset,
	    .end = offset + length,
	    .instructions = 1,
	    .allow_entries = candidate->allow_entries,
	};
	if (plan_must_stay(planner, offset, length) ||
	    (length > 1 && plan_has_property(planner, CODE_ENTRY, offset + 1, length - 1)))
		return false;
	while (candidate_size(candidate) < size && plan_grow_forward(planner, candidate))
		;
	while (candidate_size(candidate) < size && grow_backward(planner, candidate))
		;
	return candidate_size(candidate) >= size && plan_complete_pair(planner, candidate);
}

bool plan_is_hole(const struct planner *planner, uint32_t offset, uint32_t size)
{
	struct candidate candidate = {.start = offset, .end = offset};
	struct instruction previous;

	if (previous_start(planner, offset, &previous) == offset)
		return false;
	/* Padding goes on from padding, or follows an instruction that does not fall through. */
	if (!ends_here(&previous))
		return false;
	while (candidate.end - offset < size)
		if (!grow_into_padding(planner, &candidate))
			return false;
	return true;
}
