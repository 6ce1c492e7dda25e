/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Instructions that are no sites, in a springboard: the same bytes, or, where an instruction
 * depends on where it stands, code that does the same. Calls are run on the symbolic processor:
 * they push the original return address and jump.
 */

#include <string.h>

#include "patcher/verify/verify_code.h"

#define JUMPS_FOLLOWED 4

static void find(struct verifier *verifier, const struct verify_original *original,
                 const struct verify_stretch *stretch, const char *what)
{
	verify_find(verifier, VERIFY_SPRINGBOARD, stretch->begin,
	            "the copy of the instruction at 0x%08x %s", original->address, what);
}

/* --- copies ----------------------------------------------------------------------------------- */

/* Why an instruction does something else at another place, though its bytes are the same. */
static const char *obstacle(const struct instruction *instruction)
{
	bool is_monitor_group = instruction->map == OPCODE_MAP_0F && instruction->opcode == 0x01;

	switch ((enum instruction_flow)instruction->flow) {
	case FLOW_INTERRUPT: return is_monitor_group ? NULL : "shows its handler another address";
	case FLOW_STOP: return "faults at another address, which the kernel looks up";
	case FLOW_NEXT:
	case FLOW_INDIRECT_JUMP:
	case FLOW_RETURN: return NULL;
	default: return "depends on its place";
	}
}

static void check_copy(struct verifier *verifier, const struct verify_original *original,
                       struct verify_stretch *stretch)
{
	uint32_t length = original->instruction.length;

	if (stretch->end - stretch->begin < length ||
	    memcmp(stretch->bytes, original->bytes, length) != 0) {
		find(verifier, original, stretch, "has other bytes");
		stretch->reached = stretch->end;
		return;
	}
	if (obstacle(&original->instruction))
		find(verifier, original, stretch, obstacle(&original->instruction));
	stretch->reached = stretch->begin + length;
	stretch->flows_on =
	    original->instruction.flow == FLOW_NEXT || original->instruction.flow == FLOW_INTERRUPT;
}

/* --- branches --------------------------------------------------------------------------------- */

static bool decode_at(const struct verify_stretch *stretch, uint32_t address,
                      struct instruction *instruction)
{
	uint32_t offset = address - stretch->begin;

	return address >= stretch->begin && address < stretch->end &&
	       decode_instruction(stretch->bytes + offset, stretch->end - address, DISASM_MODE_32,
	                          instruction) == DECODE_OK;
}

/* Where control gets to from address: jumps within the stretch are followed. */
static uint32_t follow(struct verify_stretch *stretch, uint32_t address)
{
	struct instruction instruction;

	for (unsigned int i = 0; i < JUMPS_FOLLOWED; i++) {
		if (!decode_at(stretch, address, &instruction) || instruction.flow != FLOW_JUMP)
			return address;
		if (address + instruction.length > stretch->reached)
			stretch->reached = address + instruction.length;
		address = (uint32_t)instruction_branch_target(
		    &instruction, stretch->bytes + (address - stretch->begin), address);
	}
	return address;
}

/* Both branch under one condition. loop and jecxz count and test CX or ECX by address size. */
static bool same_condition(const struct instruction *left, const struct instruction *right)
{
	bool left_jcc = left->map == OPCODE_MAP_0F || (left->opcode & 0xf0) == 0x70;
	bool right_jcc = right->map == OPCODE_MAP_0F || (right->opcode & 0xf0) == 0x70;

	if (left->flow != right->flow || left->has_modrm != right->has_modrm)
		return false;
	if (left->flow == FLOW_JUMP)
		return true;
	if (left->has_modrm) /* xbegin */
		return left->opcode == right->opcode && left->modrm == right->modrm;
	if (left_jcc != right_jcc)
		return false;
	if (left_jcc)
		return (left->opcode & 0xf) == (right->opcode & 0xf);
	return left->opcode == right->opcode && left->address_size == right->address_size;
}

static void check_branch(struct verifier *verifier, const struct verify_original *original,
                         struct verify_stretch *stretch)
{
	struct instruction now;
	uint32_t before = (uint32_t)instruction_branch_target(&original->instruction,
	                                                      original->bytes, original->address);
	uint32_t next, taken;

	if (!decode_at(stretch, stretch->begin, &now) ||
	    !same_condition(&original->instruction, &now) || now.operand_size == 16 ||
	    original->instruction.operand_size == 16) {
		find(verifier, original, stretch, "is not the same branch");
		stretch->reached = stretch->end;
		return;
	}
	next = stretch->begin + now.length;
	stretch->reached = next;
	taken = follow(stretch,
	               (uint32_t)instruction_branch_target(&now, stretch->bytes, stretch->begin));
	if (!verify_same_target(verifier, before, taken))
		find(verifier, original, stretch, "goes elsewhere");
	if (now.flow == FLOW_JUMP)
		return;
	stretch->flows_on = true;
	/* With end not known (the last stretch) it is where no jump follows. */
	next = follow(stretch, next);
	if (next != stretch->reached)
		find(verifier, original, stretch, "does not fall through");
}

/* --- calls ------------------------------------------------------------------------------------ */

struct call_run {
	struct verifier *verifier;
	const struct verify_original *original;
	struct machine_state *start;
	bool flows_on;
};

static enum machine_owner_answer call_step(struct machine *machine, struct machine_state *state,
                                           struct machine_step *step)
{
	(void)machine;
	(void)state;
	(void)step;
	return OWNER_NO;
}

/*
 * The return address, and nothing else, has been pushed. It is formed from EIP: nothing says which
 * code runs before paging is on, at another alias.
 */
static bool check_pushed(struct machine *machine, const struct machine_state *state)
{
	const struct call_run *run = machine->owner;
	const struct verify_original *original = run->original;
	uint32_t next = original->address + original->instruction.length;
	struct term_table *terms = machine->terms;
	term_number alias = term_make(terms, TERM_ALIAS, 0, 0, 0);
	struct value pushed;
	int32_t esp;

	if (!machine_stack_offset(machine, state, &esp))
		return false;
	for (int32_t i = 0; i < 4; i++)
		pushed.bytes[i] = machine_stack_byte(terms, state, i - 4);
	if (esp != -4 || value_term(terms, &pushed) != term_add_constant(terms, alias, next))
		return machine_fail(machine, "does not push the original return address");
	if (state->stack_count != 4 || state->store_count)
		return machine_fail(machine, "writes memory");
	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++)
		if (i != MACHINE_ESP &&
		    !values_equal(&state->registers[i], &run->start->registers[i], 0xf))
			return machine_fail(machine, "changes a register");
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
		if (state->flags[i] != run->start->flags[i])
			return machine_fail(machine, "changes flags");
	return true;
}

/* The address that an indirect call reads. */
static bool is_operand(struct machine *machine, term_number target)
{
	const struct call_run *run = machine->owner;
	const struct instruction *instruction = &run->original->instruction;
	struct value value;
	term_number address;
	uint8_t segment;

	if (instruction->opcode != 0xff || (instruction->modrm >> 3 & 7) != 2 ||
	    instruction->operand_size != 32)
		return false;
	if (!machine_has_memory_operand(instruction)) {
		value = run->start->registers[instruction->modrm & 7];
		return value_term(machine->terms, &value) == target;
	}
	address = machine_operand_address(machine->terms, run->start, instruction,
	                                  run->original->bytes, 0, &segment);
	return machine_load(machine, run->start, segment, address, 4, &value) &&
	       value_term(machine->terms, &value) == target;
}

static bool call_finish(struct machine *machine, const struct machine_state *state,
                        enum machine_exit exit, uint32_t target)
{
	struct call_run *run = machine->owner;
	const struct verify_original *original = run->original;
	bool direct = original->instruction.flow == FLOW_CALL;
	uint32_t next = original->address + original->instruction.length;
	uint32_t before = direct ? (uint32_t)instruction_branch_target(
				       &original->instruction, original->bytes, original->address)
	                         : 0;

	if (!check_pushed(machine, state))
		return false;
	if (exit == MACHINE_END) {
		run->flows_on = true;
		return (direct && before == next) || machine_fail(machine, "does not call");
	}
	if (exit == MACHINE_JUMP && direct)
		return verify_same_target(run->verifier, before, target) ||
		       machine_fail(machine, "calls another address");
	if (exit == MACHINE_INDIRECT && !direct)
		return is_operand(machine, (term_number)target) ||
		       machine_fail(machine, "calls another address");
	return machine_fail(machine, "is not the same call");
}

static void check_call(struct verifier *verifier, const struct verify_original *original,
                       struct verify_stretch *stretch)
{
	uint32_t next = original->address + original->instruction.length;
	struct machine_state state;
	struct call_run run = {verifier, original, &state, false};
	struct machine machine = {
	    .terms = &verifier->terms,
	    .owner = &run,
	    .step = call_step,
	    .finish = call_finish,
	};

	term_table_clear(&verifier->terms);
	machine_start(&verifier->terms, &state);
	verify_run(verifier, &machine, &state, stretch, "the call", original->address);
	stretch->flows_on = run.flows_on;
	if (!run.flows_on && verify_is_inside(verifier, next))
		find(verifier, original, stretch, "returns into replaced bytes");
}

void verify_displaced(struct verifier *verifier, const struct verify_original *original,
                      struct verify_stretch *stretch)
{
	if (original->instruction.flow != FLOW_CALL &&
	    original->instruction.flow != FLOW_INDIRECT_CALL)
		verify_plain_origins(verifier, stretch);
	switch ((enum instruction_flow)original->instruction.flow) {
	case FLOW_JUMP:
	case FLOW_CONDITIONAL: check_branch(verifier, original, stretch); break;
	case FLOW_CALL: check_call(verifier, original, stretch); break;
	case FLOW_INDIRECT_CALL:
		if (original->instruction.opcode == 0xff &&
		    (original->instruction.modrm >> 3 & 7) == 2)
			check_call(verifier, original, stretch);
		else
			find(verifier, original, stretch, "is a far call, which pushes its place");
		break;
	default: check_copy(verifier, original, stretch); break;
	}
}
