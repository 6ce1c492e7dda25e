/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/verify/verify_machine.h"

#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_instructions.h"

#define STEP_LIMIT 1024 /* instructions of one run, all paths together */

enum { SEGMENT_SS = 0x36, SEGMENT_DS = 0x3e };

bool machine_fail(struct machine *machine, const char *reason)
{
	machine->reason = reason;
	return false;
}

void machine_start(struct term_table *terms, struct machine_state *state)
{
	memset(state, 0, sizeof(*state));
	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++)
		state->registers[i] =
		    value_of_term(terms, term_make(terms, TERM_REGISTER, i, 0, 0));
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
		state->flags[i] = term_make(terms, TERM_FLAG, i, 0, 0);
}

/* --- the stack -------------------------------------------------------------------------------- */

bool machine_stack_offset(struct machine *machine, const struct machine_state *state,
                          int32_t *offset)
{
	term_number esp = value_term(machine->terms, &state->registers[MACHINE_ESP]);

	return term_is_register_offset(machine->terms, esp, MACHINE_ESP, offset) ||
	       machine_fail(machine, "uses the stack while ESP is not known");
}

bool machine_set_stack_offset(struct machine *machine, struct machine_state *state, int32_t offset)
{
	term_number first = term_make(machine->terms, TERM_REGISTER, MACHINE_ESP, 0, 0);
	unsigned int kept = 0;

	state->registers[MACHINE_ESP] = value_of_term(
	    machine->terms, term_add_constant(machine->terms, first, (uint32_t)offset));
	for (unsigned int i = 0; i < state->stack_count; i++)
		if (state->stack[i].offset >= offset)
			state->stack[kept++] = state->stack[i];
	state->stack_count = kept;
	if (offset > state->highest)
		state->highest = offset;
	return true;
}

struct value_byte machine_stack_byte(struct term_table *terms, const struct machine_state *state,
                                     int32_t offset)
{
	for (unsigned int i = 0; i < state->stack_count; i++)
		if (state->stack[i].offset == offset)
			return state->stack[i].byte;
	if (offset < state->highest)
		return byte_of_term(term_unknown(terms));
	return byte_of_term(term_make(terms, TERM_STACK, (uint32_t)offset, 0, 0));
}

bool machine_store_stack(struct machine *machine, struct machine_state *state, int32_t offset,
                         struct value_byte byte)
{
	int32_t esp;

	if (!machine_stack_offset(machine, state, &esp))
		return false;
	if (offset < esp)
		return machine_fail(machine, "writes below ESP");
	for (unsigned int i = 0; i < state->stack_count; i++)
		if (state->stack[i].offset == offset) {
			state->stack[i].byte = byte;
			return true;
		}
	if (state->stack_count == MACHINE_STACK_LIMIT)
		return machine_fail(machine, "writes more of the stack than is looked at");
	state->stack[state->stack_count++] = (struct machine_stack_byte){offset, byte};
	return true;
}

/* --- operands --------------------------------------------------------------------------------- */

bool machine_has_memory_operand(const struct instruction *instruction)
{
	return instruction->has_modrm && instruction->modrm >> 6 != 3;
}

static uint32_t displacement_of(const struct instruction *instruction, const uint8_t *bytes)
{
	const uint8_t *from = bytes + instruction->displacement_offset;

	switch (instruction->displacement_size) {
	case 1: return (uint32_t)(int8_t)*from;
	case 2: return (uint32_t)(int16_t)bytes_load16(from);
	case 4: return bytes_load32(from);
	default: return 0;
	}
}

/* Adds factor times a register; a base of ESP or EBP makes SS the segment (SDM vol. 1, 3.7.5). */
static term_number add_register(struct term_table *terms, const struct machine_state *state,
                                term_number sum, unsigned int number, uint32_t factor)
{
	return term_add(terms, sum, value_term(terms, &state->registers[number]), factor);
}

/* SDM vol. 2, table 2-1: which registers the eight values of ModRM.rm add. */
static term_number address16(struct term_table *terms, const struct machine_state *state,
                             const struct instruction *instruction, term_number sum,
                             uint8_t *segment)
{
	static const uint8_t pairs[8][2] = {
	    {MACHINE_EBX, MACHINE_ESI}, {MACHINE_EBX, MACHINE_EDI}, {MACHINE_EBP, MACHINE_ESI},
	    {MACHINE_EBP, MACHINE_EDI}, {MACHINE_ESI, 0xff},        {MACHINE_EDI, 0xff},
	    {MACHINE_EBP, 0xff},        {MACHINE_EBX, 0xff},
	};
	const uint8_t *pair = pairs[instruction->modrm & 7];

	if (instruction->modrm >> 6 == 0 && (instruction->modrm & 7) == 6)
		return term_low_half(terms, sum);
	if (pair[0] == MACHINE_EBP)
		*segment = SEGMENT_SS;
	sum = add_register(terms, state, sum, pair[0], 1);
	if (pair[1] != 0xff)
		sum = add_register(terms, state, sum, pair[1], 1);
	return term_low_half(terms, sum);
}

/* SDM vol. 2, tables 2-2 and 2-3. */
static term_number address32(struct term_table *terms, const struct machine_state *state,
                             const struct instruction *instruction, term_number sum,
                             uint8_t *segment)
{
	unsigned int mod = instruction->modrm >> 6;
	unsigned int base = instruction->has_sib ? instruction->sib & 7 : instruction->modrm & 7;
	unsigned int index = instruction->sib >> 3 & 7;

	if (instruction->has_sib && index != MACHINE_ESP)
		sum =
		    add_register(terms, state, sum, index, UINT32_C(1) << (instruction->sib >> 6));
	if (mod == 0 && base == MACHINE_EBP)
		return sum;
	if (base == MACHINE_ESP || base == MACHINE_EBP)
		*segment = SEGMENT_SS;
	return add_register(terms, state, sum, base, 1);
}

term_number machine_operand_address(struct term_table *terms, const struct machine_state *state,
                                    const struct instruction *instruction, const uint8_t *bytes,
                                    uint32_t extra, uint8_t *segment)
{
	term_number sum = term_constant(terms, displacement_of(instruction, bytes) + extra);

	*segment = SEGMENT_DS;
	sum = instruction->address_size == 16 ? address16(terms, state, instruction, sum, segment)
	                                      : address32(terms, state, instruction, sum, segment);
	if (instruction->segment)
		*segment = instruction->segment;
	return sum;
}

struct value machine_register(struct term_table *terms, const struct machine_state *state,
                              unsigned int number, unsigned int size)
{
	struct value value = value_of_constant(terms, 0);
	/* Of the byte registers 4 to 7 are the second bytes of the first four. */
	bool high = size == 1 && number >= 4;

	for (unsigned int i = 0; i < size; i++)
		value.bytes[i] = state->registers[high ? number - 4 : number].bytes[high ? 1 : i];
	return value;
}

void machine_logic_flags(struct term_table *terms, struct value result, unsigned int size,
                         term_number flags[MACHINE_FLAGS])
{
	struct value counted = value_of_constant(terms, 0);
	term_number term;

	for (unsigned int i = 0; i < size; i++)
		counted.bytes[i] = result.bytes[i];
	term = value_term(terms, &counted);
	flags[MACHINE_AF] = term_unknown(terms);
	flags[MACHINE_CF] = flags[MACHINE_OF] = term_constant(terms, 0);
	flags[MACHINE_SF] = term_make(terms, TERM_LOGIC, MACHINE_SF, term, size);
	flags[MACHINE_ZF] = term_make(terms, TERM_LOGIC, MACHINE_ZF, term, size);
	flags[MACHINE_PF] = term_make(terms, TERM_LOGIC, MACHINE_PF, term, size);
}

bool machine_load(struct machine *machine, const struct machine_state *state, uint8_t segment,
                  term_number address, unsigned int size, struct value *value)
{
	struct term_table *terms = machine->terms;
	int32_t offset, esp;
	bool on_stack = term_is_register_offset(terms, address, MACHINE_ESP, &offset);

	*value = value_of_constant(terms, 0);
	if (on_stack && segment != SEGMENT_SS)
		return machine_fail(machine, "reads the stack through another segment than SS");
	if (on_stack && !machine_stack_offset(machine, state, &esp))
		return false;
	if (on_stack && offset < esp)
		return machine_fail(machine, "reads below ESP");
	for (unsigned int i = 0; i < size; i++) {
		term_number at;

		if (on_stack) {
			value->bytes[i] = machine_stack_byte(terms, state, offset + (int32_t)i);
			continue;
		}
		at = term_add_constant(terms, address, i);
		value->bytes[i] =
		    byte_of_term(term_make(terms, TERM_MEMORY, segment, at, state->memory_version));
	}
	return true;
}

/* --- the run ---------------------------------------------------------------------------------- */

static bool run_path(struct machine *machine, struct machine_state *state, uint32_t at);

static void note_start(struct machine *machine, uint32_t address, uint32_t length)
{
	uint32_t bit = address - machine->start;

	if (machine->starts)
		machine->starts[bit / 64] |= UINT64_C(1) << (bit % 64);
	if (address + length > machine->reached)
		machine->reached = address + length;
}

/* Both ways of a branch on a flag that is not known. */
static bool fork_path(struct machine *machine, const struct machine_state *state,
                      const struct instruction_effect *effect, uint32_t next)
{
	for (unsigned int taken = 0; taken < 2; taken++) {
		struct machine_state copy = *state;

		copy.has_assumption = true;
		copy.assumed = effect->condition;
		copy.assumption = taken ? effect->condition_value : !effect->condition_value;
		if (!run_path(machine, &copy, taken ? effect->target : next))
			return false;
	}
	return true;
}

/* What the machine itself does with the instruction; *at becomes the next one's address. */
static bool run_own(struct machine *machine, struct machine_state *state,
                    const struct machine_step *step, uint32_t *at, bool *ended)
{
	struct instruction_effect effect = {.kind = EFFECT_NEXT};
	uint32_t next = step->address + step->instruction->length;

	*ended = true;
	if (!instruction_execute(machine, state, step, &effect))
		return false;
	switch (effect.kind) {
	case EFFECT_NEXT: *at = next; break;
	case EFFECT_JUMP: *at = effect.target; break;
	case EFFECT_FORK: return fork_path(machine, state, &effect, next);
	case EFFECT_INDIRECT:
		return machine->finish(machine, state, MACHINE_INDIRECT, effect.target);
	}
	*ended = false;
	return true;
}

/* Decodes what stands at *at; the owner is asked, then the machine. */
static bool run_step(struct machine *machine, struct machine_state *state, uint32_t *at,
                     bool *ended)
{
	struct instruction instruction;
	struct machine_step step = {.address = *at,
	                            .bytes = machine->code + (*at - machine->start),
	                            .size = machine->end - *at,
	                            .instruction = &instruction};

	machine->reason_address = *at;
	*ended = true;
	if (++machine->steps > STEP_LIMIT)
		return machine_fail(machine, "does not end");
	if (decode_instruction(step.bytes, step.size, DISASM_MODE_32, &instruction) != DECODE_OK)
		return machine_fail(machine, "is no instruction");
	step.length = instruction.length;
	if (machine->observe && !machine->observe(machine, state, &step))
		return false;
	switch (machine->step(machine, state, &step)) {
	case OWNER_REFUSE: return false;
	case OWNER_STOP:
		note_start(machine, *at, step.length);
		return machine->finish(machine, state, MACHINE_STOPPED, 0);
	case OWNER_DONE:
		note_start(machine, *at, step.length);
		*at += step.length;
		*ended = false;
		return true;
	case OWNER_NO: break;
	}
	note_start(machine, *at, instruction.length);
	return run_own(machine, state, &step, at, ended);
}

static bool run_path(struct machine *machine, struct machine_state *state, uint32_t at)
{
	bool ended = false;

	while (!ended) {
		if (machine->terms->full)
			return machine_fail(machine, "is more than is looked at");
		if (at == machine->end)
			return machine->finish(machine, state, MACHINE_END, at);
		if (at < machine->start || at > machine->end)
			return machine->finish(machine, state, MACHINE_JUMP, at);
		if (!run_step(machine, state, &at, &ended))
			return false;
	}
	return true;
}

bool machine_run(struct machine *machine, const struct machine_state *state)
{
	struct machine_state copy = *state;

	machine->steps = 0;
	machine->reason = NULL;
	machine->reason_address = machine->start;
	machine->reached = machine->start;
	return run_path(machine, &copy, machine->start);
}
