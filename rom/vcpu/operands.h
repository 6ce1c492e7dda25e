/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VCPU_OPERANDS_H
#define ROM_VCPU_OPERANDS_H

/* An instruction of the guest's kernel, taken apart as far as emulation wants it. 32-bit addresses
 * only. */

#include "rom/vcpu/vcpu.h"

struct instruction {
	uint8_t bytes[15];
	uint8_t size; /* of what could be read */
	uint8_t length;
	uint8_t segment; /* of the memory operand: ES 0, CS 1, SS 2, DS 3, FS 4, GS 5 */
	bool segment_given;
	bool short_operand; /* 66 */
	bool repeated;      /* f3 or f2 */
	uint16_t opcode;    /* 0x0fxx for two bytes */
	uint8_t modrm;
	bool has_modrm;
	uint32_t offset;    /* of the memory operand, in its segment */
	uint32_t immediate; /* where read_immediate() was asked for it */
};

/* Takes the bytes at the frame's EIP, or `original` where the guest's were replaced. False: they
 * cannot be read, or are more than this knows. */
bool instruction_read(struct rom_frame *frame, const uint8_t *original, unsigned int size,
                      struct instruction *instruction);

/* The next `size` bytes, 1, 2 or 4, of an immediate. */
bool instruction_immediate(struct instruction *instruction, unsigned int size, uint32_t *value);

static inline bool operand_is_memory(const struct instruction *instruction)
{
	return instruction->modrm < 0xc0;
}

static inline unsigned int operand_field(const struct instruction *instruction)
{
	return instruction->modrm >> 3 & 7;
}

/* General register by its number; ESP too. */
uint32_t *register_of(struct rom_frame *frame, unsigned int number);

/* Linear address of the memory operand. */
uint32_t operand_linear(const struct rom_frame *frame, const struct instruction *instruction);

/* The r/m operand of `size` bytes; false: vcpu.fault. */
bool operand_load(struct rom_frame *frame, const struct instruction *instruction, unsigned int size,
                  uint32_t *value);
bool operand_store(struct rom_frame *frame, const struct instruction *instruction,
                   unsigned int size, uint32_t value);

#endif
