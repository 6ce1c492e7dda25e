/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One springboard: its segments, which the origins name, stand for the window's instructions one by
 * one. Two instructions may have become one, where the first holds interrupts back for the second
 * (SDM vol. 2, STI; vol. 3, section 6.8.3):
 *
 *   sti; hlt              one call of Halt
 *   sti; ret              a jump to EnableInterrupts, whose own return is the ret
 *   sti; cli, popf, ...   sti is dropped: the second decides on interrupts itself
 *   sti; anything         the second comes first
 *   mov, pop to SS; load of ESP   one call of LoadStack
 *
 * So may two stores of the halves of a page-table entry, as one call of SetPxELong.
 */

#include <string.h>

#include "patcher/verify/verify_code.h"

enum { TRAP = 0xcc, JUMP_SIZE = 5, WINDOW_LIMIT = 255 };

enum unit_kind {
	UNIT_SITE,
	UNIT_DISPLACED,
	UNIT_HALT,
	UNIT_RETURN,
	UNIT_DROPPED,
	UNIT_REVERSED,
	UNIT_STACK,
	UNIT_ENTRY,
	UNIT_BACK, /* the jump to the window's end */
	UNIT_END,
	UNIT_WRONG
};

struct unit {
	enum unit_kind kind;
	struct verify_original first, second;
	bool has_second;         /* there is a second instruction in the window */
	uint32_t segment, count; /* its segments */
};

/* Goes through the units of a window. */
struct walk {
	const struct verifier *verifier;
	const struct verify_window *window;
	uint32_t address; /* of the next instruction */
	uint32_t segment; /* the next one */
	const char *wrong;
};

/* --- units ------------------------------------------------------------------------------------ */

bool verify_read_original(const struct verifier *verifier, uint32_t address,
                          struct verify_original *original)
{
	const struct rom_site *site;

	original->address = address;
	original->form = SENSITIVE_FORM_NONE;
	if (!verify_decode_input(verifier->input, address, &original->instruction,
	                         &original->bytes))
		return false;
	site = verify_site_at(verifier, address);
	if (site && site->method != ROM_METHOD_NONE)
		original->form =
		    verify_recorded_form(site, &original->instruction, original->bytes);
	return true;
}

static uint32_t behind(const struct verify_original *original)
{
	return original->address + original->instruction.length;
}

/* The original that segment index of the window stands for; false if there is none. */
static bool stands_for(const struct walk *walk, uint32_t index, uint32_t address)
{
	return index < walk->window->segment_count &&
	       walk->verifier->segments[walk->window->first_segment + index].original == address;
}

/* Whether the segment is nothing but a jump to where it stands for. */
static bool is_jump_back(const struct walk *walk, uint32_t index)
{
	const struct verify_segment *segment =
	    &walk->verifier->segments[walk->window->first_segment + index];
	const uint8_t *bytes = verify_out_bytes(walk->verifier, segment->begin, 5);
	struct instruction instruction;

	return bytes && bytes[0] == 0xe9 &&
	       decode_instruction(bytes, 5, DISASM_MODE_32, &instruction) == DECODE_OK &&
	       (uint32_t)instruction_branch_target(&instruction, bytes, segment->begin) ==
	           segment->original;
}

static uint16_t call_of(const struct verify_original *original)
{
	return original->form == SENSITIVE_FORM_NONE ? 0 : sensitive_forms[original->form].call;
}

/* sti may be left out before these: what follows sets IF itself, or enables with its own jump. */
static bool may_drop_before(const struct verify_original *second)
{
	switch (call_of(second)) {
	case VMI_CALL_DisableInterrupts:
	case VMI_CALL_EnableInterrupts:
	case VMI_CALL_POPF:
	case VMI_CALL_POPFW:
	case VMI_CALL_IRET:
	case VMI_CALL_IRETW:
	case VMI_CALL_SYSEXIT:
	case VMI_CALL_SYSRET: return true;
	default: return false;
	}
}

/* Whether an instruction may run before the sti in front of it: it goes on to the next one, and
 * neither sees nor changes IF. */
static bool may_go_first(const struct verify_original *second)
{
	uint16_t form = classify_instruction(&second->instruction, second->bytes);

	if (second->instruction.flow != FLOW_NEXT)
		return false;
	if (form == SENSITIVE_FORM_NONE)
		return true;
	switch (sensitive_forms[form].call) {
	case VMI_CALL_DisableInterrupts:
	case VMI_CALL_EnableInterrupts:
	case VMI_CALL_PUSHF:
	case VMI_CALL_PUSHFW:
	case VMI_CALL_POPF:
	case VMI_CALL_POPFW:
	case VMI_CALL_HLT:
	case VMI_CALL_MWAIT:
	case VMI_CALL_PopSS:
	case VMI_CALL_LoadStack: return false;
	default: return true;
	}
}

static bool is_near_return(const struct verify_original *original)
{
	return original->instruction.map == OPCODE_MAP_ONE_BYTE &&
	       original->instruction.opcode == 0xc3 && original->instruction.operand_size == 32;
}

/* The first instruction has a segment, the second has none. */
static enum unit_kind joined_kind(const struct unit *unit)
{
	if (unit->first.form == FORM_STI && unit->second.form == FORM_HLT)
		return UNIT_HALT;
	if (unit->first.form == FORM_STI && is_near_return(&unit->second))
		return UNIT_RETURN;
	if (unit->first.form == FORM_MOV_TO_SS || unit->first.form == FORM_POP_SS)
		return UNIT_STACK;
	if (call_of(&unit->first) == VMI_CALL_SetPxE && call_of(&unit->second) == VMI_CALL_SetPxE)
		return UNIT_ENTRY;
	return UNIT_WRONG;
}

static enum unit_kind wrong(struct walk *walk, const char *reason)
{
	walk->wrong = reason;
	return UNIT_WRONG;
}

static enum unit_kind take_pair(struct walk *walk, struct unit *unit)
{
	uint32_t first = unit->first.address, second = unit->second.address;

	if (stands_for(walk, walk->segment, first)) {
		unit->count = 1;
		return joined_kind(unit) == UNIT_WRONG
		           ? wrong(walk, "two instructions have become one that must not")
		           : joined_kind(unit);
	}
	if (unit->first.form != FORM_STI || !stands_for(walk, walk->segment, second))
		return wrong(walk, "code stands for another instruction than the next one");
	if (stands_for(walk, walk->segment + 1, first)) {
		unit->count = 2;
		return may_go_first(&unit->second)
		           ? UNIT_REVERSED
		           : wrong(walk, "sti comes behind what must come behind it");
	}
	return may_drop_before(&unit->second) ? UNIT_DROPPED : wrong(walk, "sti has no code");
}

/* What stands for the instruction at walk->address, and perhaps the one behind it. */
static enum unit_kind take_unit(struct walk *walk, struct unit *unit)
{
	const struct verify_window *window = walk->window;
	bool open = !window->end, own;

	*unit = (struct unit){.segment = walk->segment};
	if (walk->segment == window->segment_count)
		return UNIT_END;
	if (stands_for(walk, walk->segment, walk->address) &&
	    (open ? is_jump_back(walk, walk->segment) && walk->address != window->start
	          : walk->address == window->end)) {
		unit->count = 1;
		return UNIT_BACK;
	}
	if ((!open && walk->address >= window->end) ||
	    !verify_read_original(walk->verifier, walk->address, &unit->first))
		return wrong(walk, "code stands for what is not in the window");
	unit->has_second =
	    (open || behind(&unit->first) < window->end) &&
	    verify_read_original(walk->verifier, behind(&unit->first), &unit->second);
	own = stands_for(walk, walk->segment, unit->first.address);
	/* Alone, if the next segment is the next instruction's or there is no next instruction. */
	if (own &&
	    (!unit->has_second || stands_for(walk, walk->segment + 1, unit->second.address) ||
	     joined_kind(unit) == UNIT_WRONG)) {
		unit->has_second = false;
		unit->count = 1;
		return unit->first.form == SENSITIVE_FORM_NONE ? UNIT_DISPLACED : UNIT_SITE;
	}
	if (!unit->has_second)
		return wrong(walk, "code stands for another instruction than the next one");
	return take_pair(walk, unit);
}

static enum unit_kind next_unit(struct walk *walk, struct unit *unit)
{
	enum unit_kind kind = take_unit(walk, unit);

	unit->kind = kind;
	walk->segment += unit->count;
	if (kind == UNIT_HALT || kind == UNIT_RETURN || kind == UNIT_REVERSED ||
	    kind == UNIT_STACK || kind == UNIT_ENTRY)
		walk->address = behind(&unit->second);
	else if (kind == UNIT_SITE || kind == UNIT_DISPLACED || kind == UNIT_DROPPED)
		walk->address = behind(&unit->first);
	return kind;
}

/*
 * A window that no record names ends where its springboard goes back to or, if it does not, behind
 * its last instruction and what traps there now.
 */
static void close_window(struct verifier *verifier, struct verify_window *window, uint32_t address)
{
	const uint8_t *now, *before;

	window->end = address - window->start < JUMP_SIZE ? window->start + JUMP_SIZE : address;
	while (window->end - window->start < WINDOW_LIMIT) {
		now = verify_out_bytes(verifier, window->end, 1);
		before = elf_view_bytes_at(&verifier->input->view, window->end, 1);
		if (!now || !before || *now != TRAP || *before == TRAP)
			break;
		window->end++;
	}
	for (uint32_t at = window->start + JUMP_SIZE; at != window->end; at++) {
		now = verify_out_bytes(verifier, at, 1);
		if (!now || *now != TRAP) {
			verify_find(verifier, VERIFY_WINDOW, at,
			            "the rest of the window is not int3");
			break;
		}
	}
}

/* --- entries ---------------------------------------------------------------------------------- */

/* Where an instruction that has moved can be jumped to. Behind what it was joined with it cannot.
 */
void verify_springboard_entries(struct verifier *verifier, struct verify_window *window)
{
	struct walk walk = {verifier, window, window->start, 0, NULL};
	struct unit unit;

	if (window->in_place)
		return;
	verify_add_entry(verifier, window->start, window->springboard);
	while (next_unit(&walk, &unit) < UNIT_BACK) {
		const struct verify_segment *segment;

		if (unit.segment >= window->segment_count)
			break;
		segment = &verifier->segments[window->first_segment + unit.segment];
		if (!verify_add_entry(verifier, unit.first.address, segment->begin))
			return;
	}
	if (!window->end)
		close_window(verifier, window, walk.address);
}

/* --- what units do ---------------------------------------------------------------------------- */

static bool stretch_of(const struct verifier *verifier, const struct verify_window *window,
                       uint32_t index, struct verify_stretch *stretch)
{
	const struct verify_segment *segment = &verifier->segments[window->first_segment + index];

	*stretch = (struct verify_stretch){
	    .begin = segment->begin, .end = segment->end, .reached = segment->end};
	stretch->bytes = verify_out_bytes(verifier, segment->begin, segment->end - segment->begin);
	return stretch->bytes != NULL;
}

static uint32_t live_behind(const struct verifier *verifier, const struct verify_original *original)
{
	if (verifier->options & VERIFY_EVERYTHING_LIVE)
		return VERIFY_ALL_LIVE;
	return verify_live_behind(verifier->input, original->address, original->instruction.length);
}

/* An instruction by itself: a site's call, or what it was. */
static void check_one(struct verifier *verifier, const struct verify_original *original,
                      struct verify_stretch *stretch)
{
	if (original->form == SENSITIVE_FORM_NONE)
		verify_displaced(verifier, original, stretch);
	else
		verify_site_code(verifier, original, stretch, live_behind(verifier, original));
}

static void check_back(struct verifier *verifier, const struct verify_window *window,
                       struct verify_stretch *stretch)
{
	struct instruction jump;
	uint32_t size = stretch->end - stretch->begin;

	stretch->reached = stretch->end;
	verify_plain_origins(verifier, stretch);
	if (decode_instruction(stretch->bytes, size, DISASM_MODE_32, &jump) != DECODE_OK ||
	    jump.flow != FLOW_JUMP ||
	    !verify_same_target(
		verifier, window->end,
		(uint32_t)instruction_branch_target(&jump, stretch->bytes, stretch->begin))) {
		verify_find(verifier, VERIFY_SPRINGBOARD, stretch->begin,
		            "the springboard does not go back to 0x%08x", window->end);
		return;
	}
	stretch->reached = stretch->begin + jump.length;
}

static void check_unit(struct verifier *verifier, const struct verify_window *window,
                       const struct unit *unit, struct verify_stretch *stretch)
{
	switch (unit->kind) {
	case UNIT_SITE:
	case UNIT_DISPLACED: check_one(verifier, &unit->first, stretch); break;
	case UNIT_HALT:
		verify_plain_call(verifier, unit->first.address, VMI_CALL_Halt, false, stretch,
		                  live_behind(verifier, &unit->second));
		break;
	case UNIT_RETURN:
		verify_plain_call(verifier, unit->first.address, VMI_CALL_EnableInterrupts, true,
		                  stretch, live_behind(verifier, &unit->second));
		break;
	case UNIT_REVERSED: check_one(verifier, &unit->second, stretch); break;
	case UNIT_STACK: verify_stack_load(verifier, &unit->first, &unit->second, stretch); break;
	case UNIT_ENTRY:
		verify_entry_pair(verifier, &unit->first, &unit->second, stretch,
		                  live_behind(verifier, &unit->second));
		break;
	case UNIT_BACK: check_back(verifier, window, stretch); break;
	default: break;
	}
}

/* A site's call may not return where the instruction would have gone on: xsaves is #UD. */
static bool may_stop(const struct verifier *verifier, const struct unit *unit)
{
	uint16_t call = call_of(&unit->first);

	return unit->kind == UNIT_SITE && verifier->calls[call].description &&
	       !verifier->calls[call].description->returns;
}

/* Something leads to what is behind the unit: it can stand behind code that does not flow there. */
static bool is_entered(const struct verifier *verifier, const struct unit *unit)
{
	uint32_t next = behind(unit->has_second ? &unit->second : &unit->first);

	return verify_is_branch_target(verifier->input, next) ||
	       verify_is_fixup(verifier->input, next);
}

/* What a stretch does not use must be nothing; what flows on must have something to flow to. */
static void check_end(struct verifier *verifier, struct verify_window *window,
                      const struct unit *unit, bool last, const struct verify_stretch *stretch)
{
	if (!last && stretch->reached != stretch->end)
		verify_find(verifier, VERIFY_SPRINGBOARD, stretch->reached,
		            "bytes of the springboard that nothing runs");
	if (!last && !stretch->flows_on && !may_stop(verifier, unit) && !is_entered(verifier, unit))
		verify_find(verifier, VERIFY_SPRINGBOARD, stretch->end,
		            "code that nothing flows into");
	if (!last)
		return;
	window->code_end = stretch->reached;
	if (stretch->flows_on)
		verify_find(verifier, VERIFY_SPRINGBOARD, stretch->reached,
		            "the springboard does not go back");
	for (uint32_t i = stretch->reached; i < stretch->end; i++)
		if (stretch->bytes[i - stretch->begin]) {
			verify_find(verifier, VERIFY_SPRINGBOARD, i,
			            "%02x behind the springboard's end",
			            stretch->bytes[i - stretch->begin]);
			break;
		}
}

/* One segment: what it must do, then how it ends. */
static void check_segment(struct verifier *verifier, struct verify_window *window,
                          const struct unit *unit, uint32_t index)
{
	struct verify_stretch stretch;
	bool last = index + 1 == window->segment_count;

	if (!stretch_of(verifier, window, index, &stretch)) {
		verify_find(verifier, VERIFY_SPRINGBOARD, window->springboard,
		            "the springboard is not loaded");
		return;
	}
	verifier->report->springboard_bytes += stretch.end - stretch.begin;
	if (index > unit->segment) /* of sti, behind the instruction that came first */
		verify_plain_call(verifier, unit->first.address, VMI_CALL_EnableInterrupts, false,
		                  &stretch, live_behind(verifier, &unit->second));
	else
		check_unit(verifier, window, unit, &stretch);
	check_end(verifier, window, unit, last, &stretch);
}

/* --- shadows ---------------------------------------------------------------------------------- */

/* mov, lea, pop and lss to ESP. */
static bool loads_stack_pointer(const struct instruction *instruction)
{
	unsigned int reg = instruction->modrm >> 3 & 7, rm = instruction->modrm & 7;

	if (instruction->map == OPCODE_MAP_0F)
		return instruction->opcode == 0xb2 && reg == MACHINE_ESP;
	if (instruction->map != OPCODE_MAP_ONE_BYTE)
		return false;
	switch (instruction->opcode) {
	case 0x89: return instruction->modrm >> 6 == 3 && rm == MACHINE_ESP;
	case 0x8b:
	case 0x8d: return reg == MACHINE_ESP;
	case 0x5c:
	case 0xbc: return true;
	default: return false;
	}
}

/*
 * A site whose interrupt shadow the next instruction needs may not be cut from it: between sti and
 * hlt, sysexit or sysret no interrupt may come, and none between a load of SS and one of ESP.
 */
static void check_shadow(struct verifier *verifier, const struct verify_window *window,
                         const struct verify_original *first)
{
	struct verify_original next;
	bool by_call = verifier->calls[VMI_CALL_EnableInterrupts].action != ROM_ACTION_INLINE;
	bool cut = false;
	uint16_t form;

	if (!verify_read_original(verifier, behind(first), &next))
		return;
	form = classify_instruction(&next.instruction, next.bytes);
	if (first->form == FORM_STI && by_call)
		cut = form == FORM_HLT || form == FORM_SYSEXIT || form == FORM_SYSRET;
	else if (first->form == FORM_MOV_TO_SS || first->form == FORM_POP_SS ||
	         first->form == FORM_POPW_SS || first->form == FORM_LSS_REGISTER)
		cut = next.address == window->end && loads_stack_pointer(&next.instruction);
	if (cut)
		verify_find(verifier, VERIFY_SPRINGBOARD, first->address,
		            "an interrupt may come between it and the next instruction");
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The method of rewritten sites in a window: what stands at its start, and whether something led
 * into it. */
static uint8_t method_of(const struct verifier *verifier, const struct verify_window *window)
{
	if (window->hop)
		return ROM_METHOD_HOP;
	for (uint32_t at = window->start + 1; at != window->end; at++)
		if (verify_is_branch_target(verifier->input, at) ||
		    verify_is_fixup(verifier->input, at))
			return ROM_METHOD_RETARGET;
	return ROM_METHOD_SPRINGBOARD;
}

static void check_methods(struct verifier *verifier, const struct verify_window *window)
{
	uint8_t method = method_of(verifier, window);

	for (uint32_t at = window->start; at != window->end; at++) {
		const struct rom_site *site = verify_site_at(verifier, at);

		if (site && site->method != ROM_METHOD_NONE && site->method != method)
			verify_find(verifier, VERIFY_SITE, at,
			            "the record's method is %u, but the window's %u", site->method,
			            method);
	}
}

/* Each record of a site in the window names this window's springboard. */
static void check_sites(struct verifier *verifier, const struct verify_window *window,
                        const struct verify_original *original)
{
	const struct rom_site *site = verify_site_at(verifier, original->address);

	if (site && (site->window != window->start || site->springboard != window->springboard))
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record does not name the window that the site is in");
}

/* A site whose own bytes were replaced: the call, then nothing or nops. */
static void check_in_place(struct verifier *verifier, const struct verify_window *window)
{
	struct verify_stretch stretch = {
	    .begin = window->start, .end = window->end, .reached = window->end};
	struct verify_original site;

	stretch.bytes = verify_out_bytes(verifier, window->start, window->end - window->start);
	if (!stretch.bytes || !verify_read_original(verifier, window->start, &site) ||
	    site.form == SENSITIVE_FORM_NONE || behind(&site) != window->end) {
		verify_find(verifier, VERIFY_WINDOW, window->start,
		            "what was rewritten in place is not one site");
		return;
	}
	verify_site_code(verifier, &site, &stretch, live_behind(verifier, &site));
	check_shadow(verifier, window, &site);
	for (uint32_t i = stretch.reached; i < stretch.end; i++)
		if (stretch.bytes[i - stretch.begin] != TRAP)
			verify_find(verifier, VERIFY_WINDOW, i,
			            "bytes of the window that nothing runs");
}

void verify_springboard(struct verifier *verifier, struct verify_window *window)
{
	struct walk walk = {verifier, window, window->start, 0, NULL};
	struct unit unit;

	if (window->traps)
		return;
	if (window->in_place) {
		check_in_place(verifier, window);
		return;
	}
	window->code_end = window->limit;
	while (next_unit(&walk, &unit) < UNIT_END) {
		for (uint32_t i = 0; i < unit.count; i++)
			check_segment(verifier, window, &unit, unit.segment + i);
		if (unit.kind == UNIT_BACK)
			break;
		check_sites(verifier, window, &unit.first);
		if (unit.has_second)
			check_sites(verifier, window, &unit.second);
		if (unit.kind == UNIT_SITE)
			check_shadow(verifier, window, &unit.first);
	}
	check_methods(verifier, window);
	if (unit.kind == UNIT_WRONG)
		verify_find(verifier, VERIFY_SPRINGBOARD, window->springboard, "%s: 0x%08x",
		            walk.wrong, walk.address);
	else if (walk.segment != window->segment_count)
		verify_find(verifier, VERIFY_SPRINGBOARD, window->springboard,
		            "code behind the jump back");
}
