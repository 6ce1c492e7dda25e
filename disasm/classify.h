/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_CLASSIFY_H
#define DISASM_CLASSIFY_H

/*
 * The classifier: which form of patchtables/instructions.def an instruction
 * is, if any. Generated from that table; nothing here names an instruction.
 */

#include "disasm/decode.h"
#include "sensitive_form_numbers.h" /* generated */
#include "vmi_call_numbers.h"       /* generated */

enum deprivileged_behaviour {
	DEPRIVILEGED_FAULTS,  /* raises an exception outside ring 0 */
	DEPRIVILEGED_SILENT,  /* executes, with another result than in ring 0 */
	DEPRIVILEGED_HARMLESS /* executes as it would in ring 0 */
};

/* One argument or result of the call that an instruction becomes. */
struct form_move {
	uint8_t place;   /* enum form_place; FORM_PLACE_NONE ends a list */
	uint8_t operand; /* enum form_operand; FORM_OPERAND_SAME: it is in its place already */
};

struct sensitive_form {
	const char *name;       /* unique, as in instructions.def: MOV_CR0_WRITE */
	const char *mnemonic;   /* "mov" */
	const char *operands;   /* as the SDM writes them: "cr0, r32"; "" where there are none */
	const char *class_name; /* the --class word: "control-register", "msr", ... */
	const char *call_name;  /* the VMI call's name: "SetCR0"; "" where nothing is called */
	uint16_t call;          /* enum vmi_call, 0 where nothing is called */
	uint8_t deprivileged;   /* enum deprivileged_behaviour */
	bool rewrite; /* must be rewritten; otherwise the call is only for a ROM that wants it */
	bool named;   /* a site only where something names its address: see classify_named() */
	const char *deprivileged_reason; /* one sentence */
	const char *xen;                 /* one sentence: what Xen does with it from ring 1 */
	const char *notes;               /* what else the patcher must know, or "" */
	const struct form_move *before;  /* fills the call's arguments, in this order */
	const struct form_move *after;   /* brings the results to where they belong */
};

/* All forms, in the order of instructions.def, indexed by enum sensitive_form_number; generated. */
extern const struct sensitive_form sensitive_forms[];
extern const uint16_t sensitive_form_count;

#define SENSITIVE_FORM_NONE UINT16_MAX

/*
 * What an instruction of some opcode must be like to be a form. Each field but
 * form and last has a bit for every value allowed; those of ModRM are all ones
 * where there is no ModRM.
 */
struct sensitive_pattern {
	uint8_t form;     /* enum sensitive_form_number */
	uint8_t modes;    /* 1 << enum disasm_mode */
	uint8_t locks;    /* 1 without LOCK, 2 with it */
	uint8_t prefixes; /* 1 none, 2 66, 4 f3, 8 f2: the last of f3 and f2 wins, also over 66 */
	uint8_t sizes;    /* 1 16-bit operand size, 2 any other */
	uint8_t mods;     /* 1 memory, 2 register */
	uint16_t regs;    /* 1 << ModRM.reg, extended by REX.R */
	uint8_t rms;      /* 1 << ModRM.rm, not extended */
	bool last;        /* of its opcode */
};

/* Patterns, those of an opcode together, and by map and opcode the first one (0: none); generated.
 * Forms are in the first four maps only. */
extern const struct sensitive_pattern sensitive_patterns[];
extern const uint8_t sensitive_opcodes[4][256];

/* Likewise for the forms that are sites only where they are named. */
extern const struct sensitive_pattern named_patterns[];
extern const uint8_t named_opcodes[4][256];

/*
 * The index into sensitive_forms of the form that matches (no two do), or SENSITIVE_FORM_NONE.
 * bytes are those that were given to decode_instruction(); its result must have been DECODE_OK.
 */
uint16_t classify_instruction(const struct instruction *instruction, const uint8_t *bytes);

/*
 * The form of an ordinary instruction whose address something names as a write to a page table, or
 * SENSITIVE_FORM_NONE if no call does what it does. classify_instruction() never gives such a form.
 */
uint16_t classify_named(const struct instruction *instruction, const uint8_t *bytes);

/* For an instruction of a form with the operand `bit`: the number of the only bit that it changes,
 * counted from the dword that holds the lowest byte of its operand; UINT8_MAX if there is no such
 * bit. */
uint8_t named_bit(const struct instruction *instruction, const uint8_t *bytes);

/* The bytes that its operand lies behind that dword, by its displacement: 0 to 3. */
uint8_t named_bit_offset(const struct instruction *instruction, const uint8_t *bytes);

/* The address that a move between EAX and memory without ModRM has in its bytes. */
uint32_t named_address(const struct instruction *instruction, const uint8_t *bytes);

/*
 * A conservative filter on opcodes: false only if no form of the table can
 * have this map and opcode byte, so that a sweep asks classify_instruction()
 * for a handful of candidates only.
 */
static inline bool opcode_may_be_sensitive(enum opcode_map map, uint8_t opcode)
{
	return (unsigned)map < 4 && sensitive_opcodes[map][opcode] != 0;
}

/* "faults", "silent", "harmless". */
const char *deprivileged_behaviour_name(enum deprivileged_behaviour behaviour);

#endif
