/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The instructions that springboards are made of: moves, the stack, lahf and sahf with what saves
 * OF beside them, and jumps. Each by its description in the SDM, vol. 2.
 */

#include "patcher/verify/verify_instructions.h"

#include "patcher/bytes.h"

enum { SEGMENT_SS = 0x36 };
enum { LAHF_CF = 0x01, LAHF_ZF = 0x40, AH = 1 };

/* One instruction being executed. */
struct execution {
	struct machine *machine;
	struct machine_state *state;
	const struct machine_step *step;
	const struct instruction *instruction;
	struct instruction_effect *effect;
	unsigned int size; /* bytes of its operands where the opcode does not say another */
};

static bool not_known(const struct execution *at)
{
	return machine_fail(at->machine, "is an instruction that no springboard needs");
}

static unsigned int modrm_reg(const struct execution *at)
{
	return at->instruction->modrm >> 3 & 7;
}

static uint32_t immediate(const struct execution *at)
{
	const uint8_t *from = at->step->bytes + at->instruction->immediate_offset;

	switch (at->instruction->immediate_size) {
	case 1: return (uint32_t)(int8_t)*from;
	case 2: return bytes_load16(from);
	case 4: return bytes_load32(from);
	default: return 0;
	}
}

/* --- registers and memory --------------------------------------------------------------------- */

static bool write_register(const struct execution *at, unsigned int number, unsigned int size,
                           const struct value *value)
{
	bool high = size == 1 && number >= 4;
	unsigned int target = high ? number - 4 : number;
	struct value new = at->state->registers[target];
	int32_t offset;

	for (unsigned int i = 0; i < size; i++)
		new.bytes[high ? 1 : i] = value->bytes[i];
	at->state->registers[target] = new;
	/* What lies below a known ESP is lost. */
	if (target != MACHINE_ESP ||
	    !term_is_register_offset(at->machine->terms, value_term(at->machine->terms, &new),
	                             MACHINE_ESP, &offset))
		return true;
	return machine_set_stack_offset(at->machine, at->state, offset);
}

static bool write_memory(const struct execution *at, uint8_t segment, term_number address,
                         unsigned int size, const struct value *value)
{
	struct machine_state *state = at->state;
	int32_t offset;

	if (term_is_register_offset(at->machine->terms, address, MACHINE_ESP, &offset)) {
		if (segment != SEGMENT_SS)
			return machine_fail(at->machine,
			                    "writes the stack through another segment than SS");
		for (unsigned int i = 0; i < size; i++)
			if (!machine_store_stack(at->machine, state, offset + (int32_t)i,
			                         value->bytes[i]))
				return false;
		return true;
	}
	if (state->store_count == MACHINE_STORE_LIMIT)
		return machine_fail(at->machine, "writes more memory than is looked at");
	state->stores[state->store_count] = (struct machine_store){
	    .segment = segment,
	    .size = (uint8_t)size,
	    .address = address,
	    .value = value_of_constant(at->machine->terms, 0),
	};
	for (unsigned int i = 0; i < size; i++)
		state->stores[state->store_count].value.bytes[i] = value->bytes[i];
	state->store_count++;
	state->memory_version++;
	return true;
}

/* The operand of ModRM.rm, register or memory. */
static bool read_rm(const struct execution *at, unsigned int size, struct value *value)
{
	uint8_t segment;
	term_number address;

	if (!machine_has_memory_operand(at->instruction)) {
		*value = machine_register(at->machine->terms, at->state, at->instruction->modrm & 7,
		                          size);
		return true;
	}
	address = machine_operand_address(at->machine->terms, at->state, at->instruction,
	                                  at->step->bytes, 0, &segment);
	return machine_load(at->machine, at->state, segment, address, size, value);
}

static bool write_rm(const struct execution *at, unsigned int size, const struct value *value)
{
	uint8_t segment;
	term_number address;

	if (!machine_has_memory_operand(at->instruction))
		return write_register(at, at->instruction->modrm & 7, size, value);
	address = machine_operand_address(at->machine->terms, at->state, at->instruction,
	                                  at->step->bytes, 0, &segment);
	return write_memory(at, segment, address, size, value);
}

/* --- the stack -------------------------------------------------------------------------------- */

static bool push(const struct execution *at, const struct value *value, unsigned int size)
{
	int32_t offset;

	if (!machine_stack_offset(at->machine, at->state, &offset))
		return false;
	offset -= (int32_t)size;
	machine_set_stack_offset(at->machine, at->state, offset);
	for (unsigned int i = 0; i < size; i++)
		if (!machine_store_stack(at->machine, at->state, offset + (int32_t)i,
		                         value->bytes[i]))
			return false;
	return true;
}

static bool pop(const struct execution *at, struct value *value, unsigned int size)
{
	int32_t offset;

	if (!machine_stack_offset(at->machine, at->state, &offset))
		return false;
	*value = value_of_constant(at->machine->terms, 0);
	for (unsigned int i = 0; i < size; i++)
		value->bytes[i] =
		    machine_stack_byte(at->machine->terms, at->state, offset + (int32_t)i);
	return machine_set_stack_offset(at->machine, at->state, offset + (int32_t)size);
}

static bool push_register(const struct execution *at)
{
	struct value value =
	    machine_register(at->machine->terms, at->state, at->instruction->opcode & 7, at->size);

	return push(at, &value, at->size);
}

static bool pop_register(const struct execution *at)
{
	struct value value;

	return pop(at, &value, at->size) &&
	       write_register(at, at->instruction->opcode & 7, at->size, &value);
}

static bool push_immediate(const struct execution *at)
{
	struct value value = value_of_constant(at->machine->terms, immediate(at));

	return push(at, &value, at->size);
}

/* Addresses based on ESP are those before push, and those behind pop. */
static bool push_rm(const struct execution *at)
{
	struct value value;

	return read_rm(at, at->size, &value) && push(at, &value, at->size);
}

static bool pop_rm(const struct execution *at)
{
	struct value value;

	return pop(at, &value, at->size) && write_rm(at, at->size, &value);
}

/* call of the instruction behind it: an address of the alias that runs. */
static bool call_next(const struct execution *at)
{
	struct term_table *terms = at->machine->terms;
	uint32_t next = at->step->address + at->instruction->length;
	struct value value = value_of_term(
	    terms, term_add_constant(terms, term_make(terms, TERM_ALIAS, 0, 0, 0), next));

	if (at->size != 4 || immediate(at) != 0)
		return machine_fail(at->machine, "calls what is no slot of the ROM");
	return push(at, &value, 4);
}

/* --- moves ------------------------------------------------------------------------------------ */

static bool move_to_rm(const struct execution *at, unsigned int size)
{
	struct value value = machine_register(at->machine->terms, at->state, modrm_reg(at), size);

	return write_rm(at, size, &value);
}

static bool move_from_rm(const struct execution *at, unsigned int size)
{
	struct value value;

	return read_rm(at, size, &value) && write_register(at, modrm_reg(at), size, &value);
}

static bool load_address(const struct execution *at)
{
	struct value value;
	uint8_t segment;

	if (!machine_has_memory_operand(at->instruction))
		return not_known(at);
	value =
	    value_of_term(at->machine->terms,
	                  machine_operand_address(at->machine->terms, at->state, at->instruction,
	                                          at->step->bytes, 0, &segment));
	return write_register(at, modrm_reg(at), at->size, &value);
}

static bool move_immediate(const struct execution *at)
{
	struct value value = value_of_constant(at->machine->terms, immediate(at));

	return write_register(at, at->instruction->opcode & 7, at->size, &value);
}

static bool move_immediate_to_rm(const struct execution *at, unsigned int size)
{
	struct value value = value_of_constant(at->machine->terms, immediate(at));

	return modrm_reg(at) == 0 ? write_rm(at, size, &value) : not_known(at);
}

static bool extend_with_zeros(const struct execution *at, unsigned int size)
{
	struct value value;

	return read_rm(at, size, &value) && write_register(at, modrm_reg(at), at->size, &value);
}

/* --- flags ------------------------------------------------------------------------------------ */

static bool flags_to_ah(const struct execution *at)
{
	at->state->registers[MACHINE_EAX].bytes[AH] =
	    byte_of_term(term_lahf(at->machine->terms, at->state->flags));
	return true;
}

static bool flags_from_ah(const struct execution *at)
{
	struct value_byte ah = at->state->registers[MACHINE_EAX].bytes[AH];
	const struct term *term = &at->machine->terms->terms[ah.term];

	for (unsigned int i = 0; i <= MACHINE_CF; i++)
		at->state->flags[i] = term->kind == TERM_LAHF && ah.index == 0
		                          ? (term_number)term->operands[i]
		                          : term_unknown(at->machine->terms);
	return true;
}

static bool overflow_to_byte(const struct execution *at)
{
	struct term_table *terms = at->machine->terms;
	struct value value = value_of_constant(terms, 0);

	value.bytes[0] =
	    byte_of_term(term_make(terms, TERM_FLAG_BYTE, at->state->flags[MACHINE_OF], 0, 0));
	return write_rm(at, 1, &value);
}

static void forget_flags(const struct execution *at)
{
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
		at->state->flags[i] = term_unknown(at->machine->terms);
}

/* add $0x7f, %al: 1 + 0x7f overflows, 0 + 0x7f does not. */
static bool add_to_al(const struct execution *at)
{
	struct value_byte *al = &at->state->registers[MACHINE_EAX].bytes[0];
	const struct term *term = &at->machine->terms->terms[al->term];
	bool restores = term->kind == TERM_FLAG_BYTE && immediate(at) == 0x7f;
	term_number overflow = restores ? (term_number)term->operands[0] : 0;

	forget_flags(at);
	if (restores)
		at->state->flags[MACHINE_OF] = overflow;
	*al = byte_of_term(term_unknown(at->machine->terms));
	return true;
}

/* or, and of a byte that lahf made: ZF or CF in it becomes 1 or 0. */
static bool change_flags_byte(const struct execution *at)
{
	bool set = modrm_reg(at) == 1, clear = modrm_reg(at) == 4;
	uint8_t mask = (uint8_t)(set ? immediate(at) : ~immediate(at));
	term_number flags[MACHINE_CF + 1];
	const struct term *term;
	struct value value;

	if ((!set && !clear) || (mask != LAHF_ZF && mask != LAHF_CF) || !read_rm(at, 1, &value))
		return not_known(at);
	term = &at->machine->terms->terms[value.bytes[0].term];
	if (term->kind != TERM_LAHF || value.bytes[0].index != 0)
		return not_known(at);
	for (unsigned int i = 0; i <= MACHINE_CF; i++)
		flags[i] = (term_number)term->operands[i];
	flags[mask == LAHF_ZF ? MACHINE_ZF : MACHINE_CF] = term_constant(at->machine->terms, set);
	value.bytes[0] = byte_of_term(term_lahf(at->machine->terms, flags));
	forget_flags(at);
	return write_rm(at, 1, &value);
}

/* test $-1: the flags of what was read. */
static bool test_all(const struct execution *at, unsigned int size)
{
	struct value value;

	if (immediate(at) != UINT32_MAX || !read_rm(at, size, &value))
		return not_known(at);
	machine_logic_flags(at->machine->terms, value, size, at->state->flags);
	return true;
}

/* neg of a register: CF tells whether it was not 0. */
static bool negate(const struct execution *at)
{
	struct term_table *terms = at->machine->terms;
	struct value value, result = value_of_term(terms, term_unknown(terms));

	if (machine_has_memory_operand(at->instruction) || !read_rm(at, 4, &value))
		return not_known(at);
	forget_flags(at);
	at->state->flags[MACHINE_CF] =
	    term_make(terms, TERM_NONZERO, value_term(terms, &value), 0, 0);
	return write_rm(at, 4, &result);
}

static bool execute_group3(const struct execution *at, unsigned int size)
{
	switch (modrm_reg(at)) {
	case 0: return test_all(at, size);
	case 3: return size == 4 ? negate(at) : not_known(at);
	default: return not_known(at);
	}
}

/* --- jumps ------------------------------------------------------------------------------------ */

static bool jump(const struct execution *at)
{
	at->effect->kind = EFFECT_JUMP;
	at->effect->target = (uint32_t)instruction_branch_target(at->instruction, at->step->bytes,
	                                                         at->step->address);
	return true;
}

static bool jump_indirect(const struct execution *at)
{
	struct value value;

	if (at->size != 4 || !read_rm(at, 4, &value))
		return not_known(at);
	at->effect->kind = EFFECT_INDIRECT;
	at->effect->target = value_term(at->machine->terms, &value);
	return true;
}

/* Branches on one flag; those on several stand in springboards only as copies of the kernel's. */
static bool branch(const struct execution *at)
{
	static const uint8_t flags[8] = {MACHINE_OF, MACHINE_CF, MACHINE_ZF, 0xff,
	                                 MACHINE_SF, MACHINE_PF, 0xff,       0xff};
	uint8_t flag = flags[at->instruction->opcode >> 1 & 7];
	bool wanted = !(at->instruction->opcode & 1), known = false, value = false;
	struct machine_state *state = at->state;
	uint32_t constant;

	if (flag == 0xff)
		return not_known(at);
	if (term_is_constant(at->machine->terms, state->flags[flag], &constant)) {
		known = true;
		value = constant;
	} else if (state->has_assumption && state->assumed == state->flags[flag]) {
		known = true;
		value = state->assumption;
	} else if (state->has_assumption) {
		return machine_fail(at->machine, "branches more often than is looked at");
	}
	if (known && value != wanted)
		return true;
	jump(at);
	if (known)
		return true;
	at->effect->kind = EFFECT_FORK;
	at->effect->condition = state->flags[flag];
	at->effect->condition_value = wanted;
	return true;
}

/* --- which ------------------------------------------------------------------------------------ */

static bool execute_group5(const struct execution *at)
{
	switch (modrm_reg(at)) {
	case 4: return jump_indirect(at);
	case 6: return push_rm(at);
	default: return not_known(at);
	}
}

static bool execute_one_byte(const struct execution *at)
{
	uint8_t opcode = at->instruction->opcode;

	switch (opcode & 0xf8) {
	case 0x50: return push_register(at);
	case 0x58: return pop_register(at);
	case 0x70:
	case 0x78: return branch(at);
	case 0xb8: return move_immediate(at);
	default: break;
	}
	switch (opcode) {
	case 0x04: return add_to_al(at);
	case 0x68:
	case 0x6a: return push_immediate(at);
	case 0x80: return change_flags_byte(at);
	case 0x88: return move_to_rm(at, 1);
	case 0x89: return move_to_rm(at, at->size);
	case 0x8a: return move_from_rm(at, 1);
	case 0x8b: return move_from_rm(at, at->size);
	case 0x8d: return load_address(at);
	case 0x8f: return modrm_reg(at) == 0 ? pop_rm(at) : not_known(at);
	case 0x90: return true;
	case 0x9e: return flags_from_ah(at);
	case 0x9f: return flags_to_ah(at);
	case 0xc6: return move_immediate_to_rm(at, 1);
	case 0xc7: return move_immediate_to_rm(at, at->size);
	case 0xe8: return call_next(at);
	case 0xe9:
	case 0xeb: return jump(at);
	case 0xf6: return execute_group3(at, 1);
	case 0xf7: return execute_group3(at, at->size);
	case 0xff: return execute_group5(at);
	default: return not_known(at);
	}
}

static bool execute_0f(const struct execution *at)
{
	uint8_t opcode = at->instruction->opcode;

	if ((opcode & 0xf0) == 0x80)
		return branch(at);
	switch (opcode) {
	case 0x1f: return true; /* nop */
	case 0x90: return overflow_to_byte(at);
	case 0xb6: return extend_with_zeros(at, 1);
	case 0xb7: return extend_with_zeros(at, 2);
	default: return not_known(at);
	}
}

bool instruction_execute(struct machine *machine, struct machine_state *state,
                         const struct machine_step *step, struct instruction_effect *effect)
{
	const struct instruction *instruction = step->instruction;
	const struct execution at = {machine,     state,  step,
	                             instruction, effect, instruction->operand_size / 8u};

	if (instruction->encoding != ENCODING_LEGACY ||
	    (instruction->prefixes & (PREFIX_LOCK | PREFIX_REPNE | PREFIX_REP)))
		return not_known(&at);
	if (instruction->map == OPCODE_MAP_ONE_BYTE)
		return execute_one_byte(&at);
	return instruction->map == OPCODE_MAP_0F ? execute_0f(&at) : not_known(&at);
}
