/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_LIVENESS_H
#define DISASM_LIVENESS_H

/*
 * Which registers and status flags code may still read before it overwrites them. Never guesses:
 * what is not certain is live. No calling convention is assumed.
 */

#include "disasm/decode.h"

/* The result's bits: general registers by number, and this one if any status flag is live. */
#define LIVENESS_FLAGS 0x100
#define LIVENESS_ALL   0x1ff

struct liveness_code {
	const uint8_t *bytes; /* of one section, 32-bit code */
	size_t size;
	uint32_t address; /* guest-virtual, of bytes[0] */
	/*
	 * Whether nothing may be concluded from the instruction at an address and what is behind
	 * it: it is rewritten at run time, or has an exception table entry, whose code may read
	 * what this code would not. NULL: no such instruction.
	 */
	bool (*stops)(const void *context, uint32_t address);
	const void *context;
};

/*
 * What is live before the instruction at address. Looks at LIVENESS_MAX_INSTRUCTIONS at most, on
 * both ways of a conditional branch; ends at calls, returns, indirect jumps, sensitive instructions
 * and whatever disasm/effects.h does not know.
 */
#define LIVENESS_MAX_INSTRUCTIONS 32
uint32_t liveness_before(const struct liveness_code *code, uint32_t address);

#endif
