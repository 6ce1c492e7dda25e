/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_COMPARE_H
#define TESTS_DIFFERENTIAL_COMPARE_H

/*
 * Comparing one decoder with the others, case by case, and what was found. The
 * findings stand in memory that worker processes share.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "disasm/decode.h"
#include "tests/differential/differences.h"
#include "tests/differential/oracle.h"

typedef enum decode_status decode_function(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                           struct instruction *instruction);

/* Differences that no line covers, alike in all that the key is made of. */
struct finding_group {
	atomic_uint_least64_t key; /* 0: free */
	atomic_uint_least64_t count;
	uint8_t oracle, kind;
	uint8_t example[CASE_SIZE]; /* the first case met */
	uint8_t example_length, other_length;
	struct shape shape; /* its shape */
	/* What values each feature had in the group's cases. */
	atomic_uint_least64_t seen[FEATURE_COUNT][4];
};

#define FINDING_GROUP_COUNT (1u << 17)

struct line_finding {
	atomic_uint_least64_t hits;       /* differences that it was the first line to cover */
	atomic_uint_least64_t agreements; /* cases within its conditions without a difference */
	uint8_t agreement[CASE_SIZE];     /* the first of them met */
	uint8_t agreement_mode;
};

/* How the decoder under test contradicts itself. */
enum self_contradiction {
	SELF_BAD_STATUS,     /* truncated although no instruction can be */
	SELF_BAD_LENGTH,     /* 0, or more than 15 */
	SELF_NOT_TRUNCATED,  /* accepts without its last byte, or calls it undefined */
	SELF_NOT_REPEATABLE, /* another answer when exactly the instruction's bytes are given */
	SELF_CONTRADICTION_COUNT
};

struct findings {
	atomic_uint_least64_t cases;
	atomic_uint_least64_t accepted;
	atomic_uint_least64_t differences[ORACLE_COUNT][DIFFERENCE_KIND_COUNT];
	atomic_uint_least64_t unlisted;
	atomic_uint_least64_t contradictions[SELF_CONTRADICTION_COUNT];
	uint8_t contradiction[SELF_CONTRADICTION_COUNT][CASE_SIZE];
	uint8_t contradiction_mode[SELF_CONTRADICTION_COUNT];
	atomic_uint_least64_t next_unit; /* of the work that workers share */
	struct finding_group groups[FINDING_GROUP_COUNT];
	struct line_finding lines[]; /* one for each of the table's lines */
};

/* For a table; shared with processes forked later. NULL if memory runs out. */
struct findings *findings_create(const struct difference_table *table);
void findings_free(struct findings *findings, const struct difference_table *table);

struct comparison {
	decode_function *decode;
	struct oracles *oracles;
	const struct difference_table *table;
	struct findings *findings;
	unsigned oracle_mask; /* bit n: ask enum oracle n */
};

#define ALL_ORACLES ((1u << ORACLE_COUNT) - 1)

/* Compares the decoders over the instruction at the CASE_SIZE bytes. */
void compare_case(struct comparison *comparison, const uint8_t *bytes, enum disasm_mode mode);

/* The same with one other decoder, whose answer is known already. */
void compare_answer(struct comparison *comparison, const uint8_t *bytes, enum disasm_mode mode,
                    enum oracle oracle, const struct oracle_answer *other);

#endif
