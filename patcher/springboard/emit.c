/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/springboard/emit.h"

#include <string.h>

#include "disasm/effects.h"
#include "patcher/bytes.h"

enum { MODRM_RM_SIB = 4, MODRM_RM_ABSOLUTE = 5, MODRM16_RM_ABSOLUTE = 6 };

void emit_byte(struct emitter *emitter, uint8_t byte)
{
	if (emitter->size >= emitter->capacity)
		emitter->overflow = true;
	else
		emitter->bytes[emitter->size++] = byte;
}

void emit_bytes(struct emitter *emitter, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		emit_byte(emitter, bytes[i]);
}

void emit_word16(struct emitter *emitter, uint32_t value)
{
	emit_byte(emitter, (uint8_t)value);
	emit_byte(emitter, (uint8_t)(value >> 8));
}

void emit_word32(struct emitter *emitter, uint32_t value)
{
	emit_word16(emitter, value);
	emit_word16(emitter, value >> 16);
}

uint32_t emit_here(const struct emitter *emitter)
{
	return emitter->address + emitter->size;
}

void emit_branch(struct emitter *emitter, uint8_t opcode, uint32_t target)
{
	emit_byte(emitter, opcode);
	emit_word32(emitter, target - (emit_here(emitter) + 4));
}

void emit_branch_0f(struct emitter *emitter, uint8_t opcode, uint32_t target)
{
	emit_byte(emitter, 0x0f);
	emit_branch(emitter, opcode, target);
}

void emit_push(struct emitter *emitter, unsigned int number)
{
	emit_byte(emitter, (uint8_t)(0x50 + number));
}

void emit_pop(struct emitter *emitter, unsigned int number)
{
	emit_byte(emitter, (uint8_t)(0x58 + number));
}

void emit_push_immediate(struct emitter *emitter, uint32_t value)
{
	if (value == (uint32_t)(int8_t)value) {
		emit_byte(emitter, 0x6a);
		emit_byte(emitter, (uint8_t)value);
	} else {
		emit_push_address(emitter, value);
	}
}

void emit_push_address(struct emitter *emitter, uint32_t value)
{
	emit_byte(emitter, 0x68);
	emit_word32(emitter, value);
}

void emit_move(struct emitter *emitter, unsigned int to, unsigned int from)
{
	emit_byte(emitter, 0x89);
	emit_byte(emitter, (uint8_t)(0xc0 | from << 3 | to));
}

void emit_move_immediate(struct emitter *emitter, unsigned int to, uint32_t value)
{
	emit_byte(emitter, (uint8_t)(0xb8 + to));
	emit_word32(emitter, value);
}

/* opcode with ModRM, SIB and the displacement of offset(%esp). */
static void emit_stack_operand(struct emitter *emitter, const char *opcode, unsigned int reg,
                               int32_t offset)
{
	const struct memory_operand operand = {
	    .rm = MODRM_RM_SIB, .sib = 0x24, .displacement = (uint32_t)offset};

	emit_memory(emitter, opcode, reg, &operand, 0);
}

void emit_lea_stack(struct emitter *emitter, unsigned int to, int32_t offset)
{
	emit_stack_operand(emitter, "\x8d", to, offset);
}

void emit_load_stack(struct emitter *emitter, unsigned int to, int32_t offset)
{
	emit_stack_operand(emitter, "\x8b", to, offset);
}

void emit_store_stack(struct emitter *emitter, unsigned int from, int32_t offset, unsigned int size)
{
	static const char *const opcodes[] = {[1] = "\x88", [2] = "\x66\x89", [4] = "\x89"};

	emit_stack_operand(emitter, opcodes[size], from, offset);
}

/* --- memory operands -------------------------------------------------------------------------- */

static uint32_t read_displacement(const struct instruction *instruction, const uint8_t *bytes)
{
	const uint8_t *displacement = bytes + instruction->displacement_offset;

	switch (instruction->displacement_size) {
	case 1: return (uint32_t)(int8_t)*displacement;
	case 2: return (uint32_t)(int16_t)bytes_load16(displacement);
	case 4: return bytes_load32(displacement);
	default: return 0;
	}
}

bool memory_operand_read(const struct instruction *instruction, const uint8_t *bytes,
                         struct memory_operand *operand)
{
	uint8_t mod = instruction->modrm >> 6, rm = instruction->modrm & 7;
	uint8_t base = instruction->has_sib ? instruction->sib & 7 : rm;

	*operand = (struct memory_operand){0};
	if (!instruction->has_modrm || mod == 3 || instruction->address_size == 64)
		return false;
	operand->segment = instruction->segment;
	operand->rm = rm;
	operand->sib = instruction->sib;
	operand->displacement = read_displacement(instruction, bytes);
	operand->address16 = instruction->address_size == 16;
	operand->bare =
	    mod == 0 && base == (operand->address16 ? MODRM16_RM_ABSOLUTE : MODRM_RM_ABSOLUTE);
	operand->registers = instruction_address_registers(instruction);
	return true;
}

/* ModRM.mod for the displacement: 0, 1 or 2. EBP (16-bit: BP) as base has no form without one. */
static unsigned int operand_mod(const struct memory_operand *operand, uint32_t displacement)
{
	bool sib = !operand->address16 && operand->rm == MODRM_RM_SIB;
	uint8_t base = sib ? operand->sib & 7 : operand->rm;

	if (operand->bare)
		return 0;
	if (displacement == 0 &&
	    base != (operand->address16 ? MODRM16_RM_ABSOLUTE : MODRM_RM_ABSOLUTE))
		return 0;
	return displacement == (uint32_t)(int8_t)displacement ? 1 : 2;
}

void emit_memory(struct emitter *emitter, const char *opcode, unsigned int reg,
                 const struct memory_operand *operand, uint32_t offset)
{
	uint32_t displacement = operand->displacement + offset;
	unsigned int mod;

	if (operand->address16)
		displacement = (uint32_t)(int16_t)displacement;
	mod = operand_mod(operand, displacement);
	if (operand->segment)
		emit_byte(emitter, operand->segment);
	if (operand->address16)
		emit_byte(emitter, 0x67);
	emit_bytes(emitter, (const uint8_t *)opcode, strlen(opcode));
	emit_byte(emitter, (uint8_t)(mod << 6 | reg << 3 | operand->rm));
	if (!operand->address16 && operand->rm == MODRM_RM_SIB)
		emit_byte(emitter, operand->sib);
	if (mod == 1)
		emit_byte(emitter, (uint8_t)displacement);
	else if (operand->address16 && (mod == 2 || operand->bare))
		emit_word16(emitter, displacement);
	else if (mod == 2 || operand->bare)
		emit_word32(emitter, displacement);
}
