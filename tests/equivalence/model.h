/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EQUIVALENCE_MODEL_H
#define EQUIVALENCE_MODEL_H

/*
 * What a site must come to, from the SDM and the calls' contracts in patchtables/vmi_calls.def:
 * with which arguments the ROM is called, and the state behind the instruction if the ROM answers
 * so. Knows nothing of how springboards are made.
 */

#include "patchtables/vmi_calls.h"
#include "tests/equivalence/site.h"

/* What the ROM will answer; places that the call does not give are not used. */
struct rom_answer {
	uint32_t eax, ecx, edx, ebx;
	uint32_t word; /* pushed by PUSHF, PushCS ...; GetGDT and GetIDT write ECX and EDX */
	bool zf;
};

struct expectation {
	enum vmi_call call;
	uint8_t arguments; /* registers that are arguments, 1 << number */
	uint32_t registers[8];
	uint32_t argument_masks[8]; /* of the registers: the bits that count */
	unsigned word_count;
	uint32_t words[4], word_masks[4];
	bool stack_is_exact;
	uint32_t stack;    /* ESP before the slot is called, if it is exact */
	uint8_t copy_size; /* EAX is not an operand's address but that of such a copy */
	uint8_t copy[16];

	struct machine_state after;
	uint8_t results;       /* registers that have a result, wholly or in part */
	uint32_t flag_results; /* flags that are results */
	bool refused;          /* no springboard can be made, which must be said */
};

/*
 * memory is what it is before the instruction; what the instruction writes is written to it. The
 * instruction stood at address.
 */
void model_site(const struct site *site, uint32_t address, const struct rom_answer *answer,
                struct machine_memory *memory, struct expectation *expectation);

#endif
