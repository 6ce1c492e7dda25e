/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/verify/verify_values.h"

#include <string.h>

#define SUM_TERMS 3

void term_table_clear(struct term_table *table)
{
	table->count = 0;
	table->unknowns = 0;
	table->full = false;
	memset(table->buckets, 0, sizeof(table->buckets));
}

/* --- terms ------------------------------------------------------------------------------------ */

static uint32_t hash(const struct term *term)
{
	uint32_t sum = term->kind * 0x9e3779b1u;

	for (unsigned int i = 0; i < TERM_OPERANDS; i++)
		sum = (sum ^ term->operands[i]) * 0x85ebca6bu + (sum >> 15);
	return sum;
}

/* The number of an equal term; a new one if there is none. */
static term_number intern(struct term_table *table, const struct term *term)
{
	uint32_t bucket = hash(term) % (2 * TERM_LIMIT);

	for (;; bucket = (bucket + 1) % (2 * TERM_LIMIT)) {
		uint16_t number = table->buckets[bucket];

		if (!number)
			break;
		if (!memcmp(&table->terms[number - 1], term, sizeof(*term)))
			return (term_number)(number - 1);
	}
	if (table->count == TERM_LIMIT) {
		table->full = true;
		return 0;
	}
	table->terms[table->count] = *term;
	table->buckets[bucket] = (uint16_t)(table->count + 1);
	return table->count++;
}

term_number term_make(struct term_table *table, enum term_kind kind, uint32_t first,
                      uint32_t second, uint32_t third)
{
	const struct term constant = {TERM_CONSTANT, {0}};
	const struct term term = {kind, {first, second, third}};

	if (kind == TERM_ALIAS && table->one_alias)
		return intern(table, &constant);
	return intern(table, &term);
}

term_number term_constant(struct term_table *table, uint32_t constant)
{
	return term_make(table, TERM_CONSTANT, constant, 0, 0);
}

term_number term_unknown(struct term_table *table)
{
	return term_make(table, TERM_UNKNOWN, table->unknowns++, 0, 0);
}

term_number term_lahf(struct term_table *table, const term_number flags[5])
{
	const struct term term = {TERM_LAHF, {flags[0], flags[1], flags[2], flags[3], flags[4]}};

	return intern(table, &term);
}

bool term_is_constant(const struct term_table *table, term_number term, uint32_t *constant)
{
	if (table->terms[term].kind != TERM_CONSTANT)
		return false;
	*constant = table->terms[term].operands[0];
	return true;
}

/* --- sums ------------------------------------------------------------------------------------- */

struct sum {
	uint32_t constant;
	struct {
		uint32_t term, factor;
	} parts[2 * SUM_TERMS];
	unsigned int count;
};

/* Adds factor * term; parts stay in the order of their terms' numbers, none has factor 0. */
static void sum_add_part(struct sum *sum, uint32_t term, uint32_t factor)
{
	unsigned int at = 0;

	while (at < sum->count && sum->parts[at].term < term)
		at++;
	if (at < sum->count && sum->parts[at].term == term) {
		sum->parts[at].factor += factor;
		if (sum->parts[at].factor)
			return;
		sum->count--;
		memmove(&sum->parts[at], &sum->parts[at + 1],
		        (sum->count - at) * sizeof(sum->parts[0]));
		return;
	}
	memmove(&sum->parts[at + 1], &sum->parts[at], (sum->count - at) * sizeof(sum->parts[0]));
	sum->parts[at].term = term;
	sum->parts[at].factor = factor;
	sum->count++;
}

static void sum_add(struct sum *sum, const struct term_table *table, term_number number,
                    uint32_t factor)
{
	const struct term *term = &table->terms[number];

	if (!factor)
		return;
	if (term->kind == TERM_CONSTANT) {
		sum->constant += factor * term->operands[0];
	} else if (term->kind == TERM_SUM) {
		sum->constant += factor * term->operands[0];
		for (unsigned int i = 0; i < SUM_TERMS && term->operands[2 + 2 * i]; i++)
			if (factor * term->operands[2 + 2 * i] != 0)
				sum_add_part(sum, term->operands[1 + 2 * i],
				             factor * term->operands[2 + 2 * i]);
	} else {
		sum_add_part(sum, number, factor);
	}
}

term_number term_add(struct term_table *table, term_number left, term_number right, uint32_t factor)
{
	struct sum sum = {0};
	struct term term = {.kind = TERM_SUM};

	sum_add(&sum, table, left, 1);
	sum_add(&sum, table, right, factor);
	if (!sum.count)
		return term_constant(table, sum.constant);
	if (sum.count == 1 && sum.parts[0].factor == 1 && !sum.constant)
		return (term_number)sum.parts[0].term;
	if (sum.count > SUM_TERMS)
		return term_unknown(table);
	term.operands[0] = sum.constant;
	for (unsigned int i = 0; i < sum.count; i++) {
		term.operands[1 + 2 * i] = sum.parts[i].term;
		term.operands[2 + 2 * i] = sum.parts[i].factor;
	}
	return intern(table, &term);
}

term_number term_add_constant(struct term_table *table, term_number left, uint32_t constant)
{
	return term_add(table, left, term_constant(table, constant), 1);
}

term_number term_low_half(struct term_table *table, term_number term)
{
	struct value value = value_of_term(table, term);

	value.bytes[2] = value.bytes[3] = byte_constant(table, 0);
	return value_term(table, &value);
}

bool term_is_register_offset(const struct term_table *table, term_number number,
                             unsigned int wanted, int32_t *offset)
{
	const struct term *term = &table->terms[number];

	*offset = 0;
	if (term->kind == TERM_SUM) {
		if (term->operands[2] != 1 || term->operands[4])
			return false;
		*offset = (int32_t)term->operands[0];
		term = &table->terms[term->operands[1]];
	}
	return term->kind == TERM_REGISTER && term->operands[0] == wanted;
}

/* --- values ----------------------------------------------------------------------------------- */

struct value_byte byte_of_term(term_number term)
{
	return (struct value_byte){term, 0};
}

struct value_byte byte_constant(struct term_table *table, uint8_t constant)
{
	return byte_of_term(term_constant(table, constant));
}

struct value value_of_constant(struct term_table *table, uint32_t constant)
{
	struct value value;

	for (unsigned int i = 0; i < 4; i++)
		value.bytes[i] = byte_constant(table, (uint8_t)(constant >> (8 * i)));
	return value;
}

struct value value_of_term(struct term_table *table, term_number number)
{
	const struct term *term = &table->terms[number];
	struct value value;

	if (term->kind == TERM_CONSTANT)
		return value_of_constant(table, term->operands[0]);
	for (uint8_t i = 0; i < 4; i++) {
		value.bytes[i] = (struct value_byte){number, i};
		if (term->kind == TERM_BYTES)
			value.bytes[i] = (struct value_byte){(term_number)term->operands[2 * i],
			                                     (uint8_t)term->operands[2 * i + 1]};
	}
	return value;
}

term_number value_term(struct term_table *table, const struct value *value)
{
	struct term term = {.kind = TERM_BYTES};
	uint32_t constant = 0, byte;
	bool constants = true, whole = true;

	for (unsigned int i = 0; i < 4; i++) {
		constants &= term_is_constant(table, value->bytes[i].term, &byte);
		if (constants)
			constant |= byte << (8 * i);
		whole &= value->bytes[i].term == value->bytes[0].term && value->bytes[i].index == i;
		term.operands[2 * i] = value->bytes[i].term;
		term.operands[2 * i + 1] = value->bytes[i].index;
	}
	if (constants)
		return term_constant(table, constant);
	if (whole)
		return value->bytes[0].term;
	return intern(table, &term);
}
