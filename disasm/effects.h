/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_EFFECTS_H
#define DISASM_EFFECTS_H

/*
 * What an instruction reads and overwrites of general registers and status flags, for the common
 * integer instructions of 32-bit code; of all others nothing is claimed. What is not certain is
 * told as read, and as not overwritten.
 */

#include "disasm/decode.h"

/* Status flags, bits of this file only. */
enum {
	EFFECT_CF = 1 << 0,
	EFFECT_PF = 1 << 1,
	EFFECT_AF = 1 << 2,
	EFFECT_ZF = 1 << 3,
	EFFECT_SF = 1 << 4,
	EFFECT_OF = 1 << 5,
	EFFECT_FLAGS = (1 << 6) - 1
};

struct instruction_effects {
	uint8_t reads; /* general registers, 1 << number, also those of an address */
	uint8_t kills; /* those of which nothing is left: all 32 bits are written */
	uint8_t flags_read;
	uint8_t flags_killed; /* written, or left undefined by the SDM */
};

/*
 * Fills *effects for an instruction that goes on with the next one; bytes are those given to
 * decode_instruction(). false: unknown, *effects is all reads.
 */
bool instruction_effects(const struct instruction *instruction, const uint8_t *bytes,
                         struct instruction_effects *effects);

/* The flags that a condition (the low four bits of jcc's, setcc's and cmovcc's opcodes) reads. */
uint8_t condition_flags(uint8_t condition);

/* The general registers (1 << number) that the ModRM memory operand's address is made of; 0 if
 * there is no such operand. Not for 64-bit addressing. */
uint8_t instruction_address_registers(const struct instruction *instruction);

#endif
