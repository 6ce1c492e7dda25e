/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_CLASSIFY_H
#define DISASM_CLASSIFY_H

/*
 * The classifier: which form of patchtables/instructions.def an instruction
 * is, if any. Generated from that table; nothing here names an instruction.
 */

#include "disasm/decode.h"

enum deprivileged_behaviour {
	DEPRIVILEGED_FAULTS,  /* raises an exception outside ring 0 */
	DEPRIVILEGED_SILENT,  /* executes, with another result than in ring 0 */
	DEPRIVILEGED_HARMLESS /* executes as it would in ring 0 */
};

struct sensitive_form {
	const char *name;       /* unique, as in instructions.def: MOV_CR_WRITE */
	const char *mnemonic;   /* "mov cr" */
	const char *class_name; /* the --class word: "control", "msr", "interrupt-flag", ... */
	const char *call_name;  /* the VMI call's name: "SetCR"; "" where nothing is called */
	uint16_t call;          /* VMI call number, 0 where nothing is called */
	uint8_t deprivileged;   /* enum deprivileged_behaviour */
	bool rewrite;           /* must be rewritten */
	const char *deprivileged_reason; /* one sentence */
	const char *xen;                 /* one sentence: what Xen does with it from ring 1 */
};

/* All forms, in the order of instructions.def; generated. */
extern const struct sensitive_form sensitive_forms[];
extern const uint16_t sensitive_form_count;

#define SENSITIVE_FORM_NONE UINT16_MAX

/*
 * The index into sensitive_forms of the first form that matches, or
 * SENSITIVE_FORM_NONE. bytes are those that were given to decode_instruction().
 */
uint16_t classify_instruction(const struct instruction *instruction, const uint8_t *bytes);

/*
 * A conservative filter on opcodes: false only if no form of the table can
 * have this map and opcode byte, so that a sweep asks classify_instruction()
 * for a handful of candidates only.
 */
bool opcode_may_be_sensitive(enum opcode_map map, uint8_t opcode);

/* "faults", "silent", "harmless". */
const char *deprivileged_behaviour_name(enum deprivileged_behaviour behaviour);

#endif
