/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_EFFECT_H
#define PATCHER_VERIFY_EFFECT_H

/*
 * What a site's code must do, from the form's lists in instructions.def and the call's contract in
 * vmi_calls.def: which call, with what in each of its places, and the state afterwards.
 */

#include "disasm/classify.h"
#include "patcher/verify/verify_machine.h"
#include "patchtables/vmi_calls.h"

struct effect_argument {
	bool is_word;   /* a word of the stack, not a register */
	uint8_t number; /* of the register, or of the word */
	uint8_t mask;   /* bytes that count; bit 0 is the lowest */
	/* The linear address of a pseudo-descriptor: of the operand itself, or of a copy of it */
	bool is_descriptor;
	struct value value;
};

#define EFFECT_ARGUMENTS 8

struct site_effect {
	const struct vmi_call_description *call;
	struct effect_argument arguments[EFFECT_ARGUMENTS];
	unsigned int argument_count;
	uint32_t words_pushed; /* arguments that the site's code pushes */
	struct machine_state final;
	uint8_t free_flags; /* 1 << enum machine_flag: what the SDM leaves undefined */
	/* Results that count only if the call sets ZF; otherwise the registers stay. */
	bool conditional;
	uint8_t conditional_register;
	struct value otherwise;
	/* Operand of a pseudo-descriptor: segment, address, whether the upper byte is dropped. */
	uint8_t descriptor_segment;
	term_number descriptor_address;
	bool descriptor_short;
	const char *reason; /* why it cannot be said; NULL if it can */
};

/* Fills *effect for the instruction of a form that stands at address. start is the state in which
 * it is reached. false: effect->reason. */
bool site_effect(struct term_table *terms, const struct machine_state *start, uint16_t form,
                 const struct instruction *instruction, const uint8_t *bytes, uint32_t address,
                 struct site_effect *effect);

/* The effect of mov to SS or pop of SS and the load of ESP behind it, as one call of LoadStack. */
bool stack_load_effect(struct term_table *terms, const struct machine_state *start, uint16_t form,
                       const struct instruction *instruction, const uint8_t *bytes,
                       const struct instruction *load, const uint8_t *load_bytes,
                       struct site_effect *effect);

/* The effect of two stores, the first one four bytes behind the second, as one call of SetPxELong.
 */
bool entry_pair_effect(struct term_table *terms, const struct machine_state *start,
                       const struct instruction *high, const uint8_t *high_bytes,
                       const struct instruction *low, const uint8_t *low_bytes,
                       struct site_effect *effect);

/* The effect of a call that takes and gives nothing. */
bool plain_call_effect(const struct machine_state *start, uint16_t call,
                       struct site_effect *effect);

/* A call's result in a register. */
struct value call_result(struct term_table *terms, unsigned int number);
/* The word it has pushed. */
struct value call_result_word(struct term_table *terms);
/* A flag that it gives: the only one it knows (ZF), or all. */
term_number call_result_flag(struct term_table *terms, unsigned int flag);

#endif
