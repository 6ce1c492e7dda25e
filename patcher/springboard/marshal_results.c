/* SPDX-License-Identifier: BSD-2-Clause */

/* What the call gives to where the instruction has it. */

#include "patcher/springboard/marshal.h"

/* popw (%esp): the lower half of a word moves to its upper half, and ESP behind the lower one. */
static const uint8_t raise_word[] = {0x66, 0x8f, 0x04, 0x24};

/* --- the plan --------------------------------------------------------------------------------- */

static void add_result(struct marshal *marshal, unsigned int source, unsigned int destination,
                       unsigned int size)
{
	/* No form has more; a destination ESP would pull the stack away from what is saved. */
	if (destination == REGISTER_ESP) {
		marshal->late = LATE_REGISTER;
		marshal->late_register = REGISTER_ESP;
	}
	marshal->results[marshal->result_count++] =
	    (struct marshal_result){(uint8_t)source, (uint8_t)destination, (uint8_t)size};
}

static void plan_late(struct marshal *marshal, enum marshal_late late, unsigned int number)
{
	marshal->late = late;
	marshal->late_register = (uint8_t)number;
	marshal->late_size = (uint8_t)marshal_operand_size(marshal);
}

static void plan_rm_word(struct marshal *marshal, uint8_t place)
{
	unsigned int source = marshal_place_register(place);
	unsigned int rm = marshal->at->instruction.modrm & 7;
	bool is_register = marshal_rm_is_register(marshal);

	if (place == FORM_PLACE_POP)
		plan_late(marshal, is_register ? LATE_STACK_REGISTER : LATE_STACK_MEMORY, rm);
	else if (is_register)
		add_result(marshal, source, rm, marshal_operand_size(marshal));
	else
		plan_late(marshal, LATE_MEMORY, source);
}

static void plan_offset(struct marshal *marshal, unsigned int number)
{
	marshal->offset_is_early = marshal->form->call == VMI_CALL_PopSS;
	marshal->late_is_offset = !marshal->offset_is_early;
	plan_late(marshal, marshal->offset_is_early ? LATE_NONE : LATE_REGISTER, number);
}

static void plan_result(struct marshal *marshal, const struct form_move *move)
{
	unsigned int source = marshal_place_register(move->place);
	unsigned int reg = marshal->at->instruction.modrm >> 3 & 7;

	if (move->place == FORM_PLACE_ZF) {
		marshal->gives_zf = true;
		marshal->conditional = marshal->form->call == VMI_CALL_CheckSelector;
		return;
	}
	switch ((enum form_operand)move->operand) {
	case FORM_OPERAND_SAME:
		add_result(marshal, source, source, marshal_is_half(marshal, move->place) ? 2 : 4);
		break;
	case FORM_OPERAND_RM:
		add_result(marshal, source, marshal->at->instruction.modrm & 7, 4);
		break;
	case FORM_OPERAND_RM_WORD: plan_rm_word(marshal, move->place); break;
	case FORM_OPERAND_REG:
		if (move->place == FORM_PLACE_OFFSET)
			plan_offset(marshal, reg);
		else
			add_result(marshal, source, reg, marshal_operand_size(marshal));
		break;
	case FORM_OPERAND_AL: add_result(marshal, source, REGISTER_EAX, 1); break;
	case FORM_OPERAND_AX: add_result(marshal, source, REGISTER_EAX, 2); break;
	case FORM_OPERAND_PUSH_WORD: plan_late(marshal, LATE_STACK_WORD, 0); break;
	case FORM_OPERAND_CF: marshal->gives_cf = true; break;
	case FORM_OPERAND_FLAGS: plan_late(marshal, LATE_FLAGS, 0); break;
	default: break;
	}
}

void marshal_plan_results(struct marshal *marshal)
{
	for (const struct form_move *move = marshal->form->after; move->place; move++) {
		if (marshal->result_count < MARSHAL_MAX_RESULTS)
			plan_result(marshal, move);
	}
}

/* --- the result word -------------------------------------------------------------------------- */

/* It begins as what the register has, so that a result of half the size, or none, leaves that. */
void marshal_push_result_word(struct marshal *marshal)
{
	if (marshal->late_is_offset && marshal->late_size == 4) {
		marshal_memory(marshal, "\xff", 6, 0);
		marshal->pushed += 4;
		return;
	}
	emit_push(marshal->emitter, marshal->late_register);
	marshal->pushed += 4;
	if (marshal->late_is_offset) {
		builder_origin(marshal->builder, marshal->at->address, marshal->pushed,
		               SPRINGBOARD_SAVED_RESULT);
		marshal_memory(marshal, "\x66\xff", 6, 0);
		emit_bytes(marshal->emitter, raise_word, sizeof(raise_word));
	}
}

/* --- behind the call -------------------------------------------------------------------------- */

/* jz or jnz over what comes next; ended by land(). */
static unsigned int jump_over(struct marshal *marshal, uint8_t opcode)
{
	emit_byte(marshal->emitter, opcode);
	emit_byte(marshal->emitter, 0);
	return marshal->emitter->size;
}

static void land(struct marshal *marshal, unsigned int jump)
{
	if (!marshal->emitter->overflow)
		marshal->emitter->bytes[jump - 1] = (uint8_t)(marshal->emitter->size - jump);
}

static void move_half(struct marshal *marshal, unsigned int to, unsigned int from)
{
	emit_byte(marshal->emitter, 0x66);
	emit_move(marshal->emitter, to, from);
}

static void deliver(struct marshal *marshal, const struct marshal_result *result)
{
	if (result->destination == REGISTER_ESP)
		emit_store_stack(marshal->emitter, result->source, marshal_offset(marshal, 4),
		                 result->size);
	else if (marshal->saved >> result->destination & 1)
		emit_store_stack(marshal->emitter, result->source,
		                 marshal_offset(marshal, marshal->slots[result->destination]),
		                 result->size);
	else if (result->source != result->destination && result->size == 4)
		emit_move(marshal->emitter, result->destination, result->source);
	else if (result->source != result->destination)
		move_half(marshal, result->destination, result->source);
}

static void deliver_all(struct marshal *marshal)
{
	for (unsigned int i = 0; i < marshal->result_count; i++)
		deliver(marshal, &marshal->results[i]);
	if (marshal->late == LATE_MEMORY)
		emit_store_stack(marshal->emitter, marshal->late_register,
		                 marshal_offset(marshal, 4) + 2, 2);
}

enum { OPCODE_JNC = 0x73, OPCODE_JNZ = 0x75, OPCODE_JMP = 0xeb, GROUP1_OR = 1, GROUP1_AND = 4 };
enum { LAHF_CF = 0x01, LAHF_ZF = 0x40 };

/* Changes the saved flags: one byte of them, and an instruction that sets or clears a bit. */
static void change_saved_flags(struct marshal *marshal, uint8_t operation, uint8_t mask)
{
	emit_byte(marshal->emitter, 0x80);
	emit_byte(marshal->emitter, (uint8_t)(0x44 | operation << 3));
	emit_byte(marshal->emitter, 0x24);
	emit_byte(marshal->emitter, (uint8_t)(marshal_offset(marshal, marshal->flags_slot) + 1));
	emit_byte(marshal->emitter, mask);
}

/*
 * Puts a flag into the saved ones: what unless (jnz, jnc) jumps over is its being set. Results that
 * count only if it is set are delivered there.
 */
static void save_flag(struct marshal *marshal, uint8_t opcode, uint8_t flag)
{
	unsigned int unless = jump_over(marshal, opcode), end;

	if (marshal->conditional)
		deliver_all(marshal);
	change_saved_flags(marshal, GROUP1_OR, flag);
	end = jump_over(marshal, OPCODE_JMP);
	land(marshal, unless);
	change_saved_flags(marshal, GROUP1_AND, (uint8_t)~flag);
	land(marshal, end);
}

/* Results that count only if ZF is set, where nobody wants ZF itself. */
static void deliver_conditional(struct marshal *marshal)
{
	unsigned int unless;

	if (marshal->result_count == 0)
		return;
	unless = jump_over(marshal, OPCODE_JNZ);
	deliver_all(marshal);
	land(marshal, unless);
}

void marshal_results(struct marshal *marshal)
{
	static const uint8_t negate_eax[] = {0xf7, 0xd8}; /* CF: whether it was not 0 */
	bool flags = marshal->saved & SPRINGBOARD_SAVED_FLAGS;

	if (!marshal->conditional)
		deliver_all(marshal);
	if (marshal->gives_zf && flags) {
		save_flag(marshal, OPCODE_JNZ, LAHF_ZF);
	} else if (marshal->conditional) {
		deliver_conditional(marshal);
	} else if (marshal->gives_cf && flags) {
		emit_bytes(marshal->emitter, negate_eax, sizeof(negate_eax));
		save_flag(marshal, OPCODE_JNC, LAHF_CF);
	}
}

/* --- last of all ------------------------------------------------------------------------------ */

/* popw to memory, whose address is computed with ESP as it is afterwards (SDM vol. 2, POP). */
static void pop_memory(struct marshal *marshal)
{
	builder_origin(marshal->builder, marshal->at->address, 2, 0);
	marshal->pushed = 0;
	marshal_memory(marshal, "\x66\x8f", 0, 0);
}

/* test $-1 of the operand's size gives the flags that `and` and `or` gave. */
static void test_memory(struct marshal *marshal)
{
	bool byte = marshal->at->instruction.opcode == 0x80;

	builder_origin(marshal->builder, marshal->at->address, 0, 0);
	marshal->pushed = 0;
	marshal_memory(marshal, byte ? "\xf6" : "\xf7", 0, 0);
	emit_byte(marshal->emitter, 0xff);
	if (!byte) {
		emit_byte(marshal->emitter, 0xff);
		emit_word16(marshal->emitter, 0xffff);
	}
}

void marshal_late_result(struct marshal *marshal)
{
	struct emitter *emitter = marshal->emitter;

	switch (marshal->late) {
	case LATE_NONE: break;
	case LATE_REGISTER: emit_pop(emitter, marshal->late_register); break;
	case LATE_MEMORY:
		emit_lea_stack(emitter, REGISTER_ESP, 2);
		pop_memory(marshal);
		break;
	case LATE_STACK_REGISTER:
		if (marshal->late_size == 2) {
			emit_bytes(emitter, raise_word, sizeof(raise_word));
			emit_byte(emitter, 0x66);
		}
		emit_pop(emitter, marshal->late_register);
		break;
	case LATE_STACK_MEMORY:
		emit_bytes(emitter, raise_word, sizeof(raise_word));
		pop_memory(marshal);
		break;
	case LATE_STACK_WORD: emit_bytes(emitter, raise_word, sizeof(raise_word)); break;
	case LATE_FLAGS:
		if (marshal->live & ROM_CLOBBERS_FLAGS)
			test_memory(marshal);
		break;
	}
}
