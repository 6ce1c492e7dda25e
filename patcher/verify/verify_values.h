/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_VALUES_H
#define PATCHER_VERIFY_VALUES_H

/*
 * Values of the symbolic processor that `postburn verify` runs springboards on. A term stands for
 * what is known of a value: a constant, a register as it was when the original instruction was
 * reached, a byte of memory, a call's result. Equal terms have equal numbers, so that two states
 * are compared by comparing numbers. A 32-bit value is four bytes, each a byte of some term: parts
 * of registers and of the stack are written and read without further ado.
 */

#include <stdbool.h>
#include <stdint.h>

enum term_kind {
	TERM_CONSTANT,  /* value */
	TERM_REGISTER,  /* a general register at the start; its number */
	TERM_FLAG,      /* a status flag at the start; enum machine_flag */
	TERM_STACK,     /* a byte of the stack at the start; its offset from the first ESP */
	TERM_MEMORY,    /* a byte of other memory: segment, address (term), version of memory */
	TERM_SUM,       /* constant, then up to three of term and factor */
	TERM_BYTES,     /* four bytes: term and index of each */
	TERM_LAHF,      /* the byte that lahf makes of SF, ZF, AF, PF, CF (terms) */
	TERM_FLAG_BYTE, /* 1 if a flag (term) is set, else 0 */
	TERM_ALIAS,     /* what is added to addresses of code while paging is off; 0 otherwise */
	TERM_NONZERO,   /* 1 if a term is not 0, else 0 */
	TERM_LOGIC,     /* a flag (enum machine_flag) after and, or, test with this result (term) */
	TERM_RESULT,    /* what the call has left in a place (enum form_place) */
	TERM_UNKNOWN    /* like nothing else; a serial number */
};

#define TERM_OPERANDS 8

struct term {
	uint32_t kind;
	uint32_t operands[TERM_OPERANDS];
};

#define TERM_LIMIT 1024 /* of one instruction's springboard: some dozens are usual */

struct term_table {
	struct term terms[TERM_LIMIT];
	uint16_t count;
	uint16_t buckets[2 * TERM_LIMIT]; /* number of the term plus one, 0: none */
	uint32_t unknowns;
	bool full;      /* the limit was reached: nothing is proved any more */
	bool one_alias; /* code runs at its own addresses only: TERM_ALIAS is 0 */
};

typedef uint16_t term_number;

struct value_byte {
	term_number term;
	uint8_t index; /* which byte of it */
};

struct value {
	struct value_byte bytes[4]; /* lowest first */
};

void term_table_clear(struct term_table *table);

/* --- terms ------------------------------------------------------------------------------------ */

/* The term of a kind with operands; those not given are 0. */
term_number term_make(struct term_table *table, enum term_kind kind, uint32_t first,
                      uint32_t second, uint32_t third);
term_number term_constant(struct term_table *table, uint32_t constant);
term_number term_unknown(struct term_table *table);
term_number term_lahf(struct term_table *table, const term_number flags[5]);

/* left + factor * right, modulo 2^32. */
term_number term_add(struct term_table *table, term_number left, term_number right,
                     uint32_t factor);
term_number term_add_constant(struct term_table *table, term_number left, uint32_t constant);
/* Bits 15-0 of it, extended with zeros. */
term_number term_low_half(struct term_table *table, term_number term);

/* Whether it is a constant; then *constant is its value. */
bool term_is_constant(const struct term_table *table, term_number term, uint32_t *constant);

/* Whether it is a register of the start plus *offset. */
bool term_is_register_offset(const struct term_table *table, term_number number,
                             unsigned int wanted, int32_t *offset);

/* --- values ----------------------------------------------------------------------------------- */

struct value value_of_term(struct term_table *table, term_number number);
struct value value_of_constant(struct term_table *table, uint32_t constant);
term_number value_term(struct term_table *table, const struct value *value);
struct value_byte byte_of_term(term_number term); /* of a term that is one byte */
struct value_byte byte_constant(struct term_table *table, uint8_t constant);

static inline bool bytes_equal(struct value_byte left, struct value_byte right)
{
	return left.term == right.term && left.index == right.index;
}

/* Whether the bytes named by mask (bit 0: the lowest) are equal. */
static inline bool values_equal(const struct value *left, const struct value *right,
                                unsigned int mask)
{
	for (unsigned int i = 0; i < 4; i++)
		if ((mask >> i & 1) && !bytes_equal(left->bytes[i], right->bytes[i]))
			return false;
	return true;
}

#endif
