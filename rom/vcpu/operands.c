/* SPDX-License-Identifier: BSD-2-Clause */

/* Sources: SDM vol. 2, chapter 2. */

#include "rom/vcpu/operands.h"
#include "rom/vcpu/platform.h"

enum { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };

uint32_t *register_of(struct rom_frame *frame, unsigned int number)
{
	uint32_t *const registers[] = {&frame->eax, &frame->ecx, &frame->edx, &frame->ebx,
	                               &frame->esp, &frame->ebp, &frame->esi, &frame->edi};

	return registers[number & 7];
}

bool instruction_immediate(struct instruction *instruction, unsigned int size, uint32_t *value)
{
	*value = 0;
	if (instruction->length + size > instruction->size)
		return false;
	for (unsigned int i = 0; i < size; i++)
		*value |= (uint32_t)instruction->bytes[instruction->length++] << 8 * i;
	return true;
}

static bool take_prefix(struct instruction *instruction, uint8_t byte)
{
	static const uint8_t segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

	for (uint8_t i = 0; i < sizeof(segments); i++)
		if (byte == segments[i]) {
			instruction->segment = i;
			instruction->segment_given = true;
			return true;
		}
	if (byte == 0x66)
		return instruction->short_operand = true;
	if (byte == 0xf2 || byte == 0xf3)
		return instruction->repeated = true;
	return false;
}

static bool take_opcode(struct instruction *instruction)
{
	uint32_t byte;

	do {
		if (!instruction_immediate(instruction, 1, &byte))
			return false;
	} while (take_prefix(instruction, (uint8_t)byte));
	instruction->opcode = (uint16_t)byte;
	if (byte != 0x0f)
		return byte != 0x67 && byte != 0xf0;
	if (!instruction_immediate(instruction, 1, &byte))
		return false;
	instruction->opcode = 0x0f00 | (uint16_t)byte;
	return true;
}

/* Of the opcodes that are emulated. */
static bool has_modrm(uint16_t opcode)
{
	switch (opcode) {
	case 0x8c:
	case 0x8e:
	case 0xff:
	case 0x0f00:
	case 0x0f01:
	case 0x0f02:
	case 0x0f03:
	case 0x0f20:
	case 0x0f21:
	case 0x0f22:
	case 0x0f23:
	case 0x0fb2: return true;
	default: return false;
	}
}

static bool take_sib(struct rom_frame *frame, struct instruction *instruction, unsigned int mode,
                     uint8_t *base_segment)
{
	uint32_t sib, displacement;
	unsigned int base, index;

	if (!instruction_immediate(instruction, 1, &sib))
		return false;
	base = sib & 7;
	index = sib >> 3 & 7;
	if (index != 4)
		instruction->offset = *register_of(frame, index) << (sib >> 6);
	if (base == 5 && mode == 0) {
		if (!instruction_immediate(instruction, 4, &displacement))
			return false;
		instruction->offset += displacement;
		return true;
	}
	instruction->offset += *register_of(frame, base);
	if (base == 4 || base == 5)
		*base_segment = SEGMENT_SS;
	return true;
}

static bool take_memory(struct rom_frame *frame, struct instruction *instruction)
{
	unsigned int mode = instruction->modrm >> 6, rm = instruction->modrm & 7;
	uint8_t segment = SEGMENT_DS;
	uint32_t displacement = 0;

	if (rm == 4) {
		if (!take_sib(frame, instruction, mode, &segment))
			return false;
	} else if (rm == 5 && mode == 0) {
		if (!instruction_immediate(instruction, 4, &instruction->offset))
			return false;
	} else {
		instruction->offset = *register_of(frame, rm);
		if (rm == 5)
			segment = SEGMENT_SS;
	}
	if (mode == 1) {
		if (!instruction_immediate(instruction, 1, &displacement))
			return false;
		displacement = (uint32_t)(int8_t)displacement;
	} else if (mode == 2 && !instruction_immediate(instruction, 4, &displacement)) {
		return false;
	}
	instruction->offset += displacement;
	if (!instruction->segment_given)
		instruction->segment = segment;
	return true;
}

bool instruction_read(struct rom_frame *frame, const uint8_t *original, unsigned int size,
                      struct instruction *instruction)
{
	uint32_t byte;

	*instruction = (struct instruction){.segment = SEGMENT_DS};
	if (original) {
		__builtin_memcpy(instruction->bytes, original, size);
		instruction->size = (uint8_t)size;
	} else {
		uint32_t linear =
		    descriptor_base(descriptor_real((uint16_t)frame->cs)) + frame->eip;

		while (instruction->size < sizeof(instruction->bytes) &&
		       guest_read(linear + instruction->size,
		                  &instruction->bytes[instruction->size], 1))
			instruction->size++;
	}
	if (!take_opcode(instruction))
		return false;
	if (!has_modrm(instruction->opcode))
		return true;
	if (!instruction_immediate(instruction, 1, &byte))
		return false;
	instruction->modrm = (uint8_t)byte;
	instruction->has_modrm = true;
	/* mov to and from control and debug registers has registers only. */
	if ((instruction->opcode & 0xfffc) == 0x0f20 || !operand_is_memory(instruction))
		return true;
	return take_memory(frame, instruction);
}

uint32_t operand_linear(const struct rom_frame *frame, const struct instruction *instruction)
{
	uint32_t selector = 0;

	switch (instruction->segment) {
	case SEGMENT_ES: selector = frame->es; break;
	case SEGMENT_CS: selector = frame->cs; break;
	case SEGMENT_SS: selector = frame->ss; break;
	case SEGMENT_DS: selector = frame->ds; break;
	case SEGMENT_FS: selector = platform_get_fs(); break;
	default: selector = platform_get_gs();
	}
	return descriptor_base(descriptor_real((uint16_t)selector)) + instruction->offset;
}

bool operand_load(struct rom_frame *frame, const struct instruction *instruction, unsigned int size,
                  uint32_t *value)
{
	uint32_t loaded = 0; /* the result's place may be part of the operand */
	bool good = true;

	if (operand_is_memory(instruction))
		good = guest_read(operand_linear(frame, instruction), &loaded, size);
	else
		loaded = *register_of(frame, instruction->modrm & 7);
	*value = size == 2 ? loaded & 0xffff : loaded;
	return good;
}

bool operand_store(struct rom_frame *frame, const struct instruction *instruction,
                   unsigned int size, uint32_t value)
{
	uint32_t *target;

	if (operand_is_memory(instruction))
		return guest_write(operand_linear(frame, instruction), &value, size);
	target = register_of(frame, instruction->modrm & 7);
	*target = size == 2 ? (*target & 0xffff0000) | (value & 0xffff) : value;
	return true;
}
