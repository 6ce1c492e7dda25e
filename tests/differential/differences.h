/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_DIFFERENCES_H
#define TESTS_DIFFERENTIAL_DIFFERENCES_H

/*
 * The table of known differences, tests/differential/differences.def: its
 * grammar is in its head. Which lines speak of a comparison's shape.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/differential/oracle.h"
#include "tests/differential/shape.h"

enum difference_kind {
	DIFFERENCE_NONE,
	DIFFERENCE_REJECTS, /* ours accepts, the other does not */
	DIFFERENCE_ACCEPTS, /* the other accepts, ours does not */
	DIFFERENCE_LONGER,  /* both accept, the other's instruction has more bytes */
	DIFFERENCE_SHORTER,
	DIFFERENCE_LAYOUT, /* same length, other offsets or sizes inside */
	DIFFERENCE_KIND_COUNT
};

struct difference_condition {
	uint8_t feature;
	uint64_t values[4]; /* bitmap of the values that meet it */
};

#define DIFFERENCE_CONDITION_MAX 12

struct difference_line {
	unsigned number; /* in the file, from 1 */
	uint8_t oracle;
	uint8_t kind;
	bool sometimes; /* the decoders may agree within the conditions */
	uint8_t condition_count;
	/* enum shape_change bits: both decoders accept the string so changed; 0: not asked */
	uint16_t without;
	struct difference_condition conditions[DIFFERENCE_CONDITION_MAX];
	const char *text; /* the line itself, owned by the table */
};

struct difference_bucket {
	uint32_t first, count; /* in members */
};

struct difference_table {
	struct difference_line *lines;
	size_t line_count;
	struct difference_bucket *buckets; /* by oracle, mode, encoding, map and opcode */
	uint16_t *members;                 /* indexes into lines, ascending within a bucket */
	char *file;                        /* the file's bytes, cut into lines */
};

/*
 * Reads the table from the file at path. false: error holds "FILE:LINE: what is wrong"; nothing is
 * left allocated.
 */
bool difference_table_read(const char *path, struct difference_table *table, char *error,
                           size_t error_size);
/* The same from text, which is copied; name stands for the path. */
bool difference_table_parse(const char *name, const char *text, struct difference_table *table,
                            char *error, size_t error_size);
void difference_table_free(struct difference_table *table);

/* The bucket of the lines that may speak of that oracle and shape. */
struct difference_bucket difference_bucket_of(const struct difference_table *table,
                                              enum oracle oracle, const struct shape *shape);

/* Whether the shape meets the line's conditions, but for line->without; with_by: the one on
 * FEATURE_BY too. */
bool difference_line_matches(const struct difference_line *line, const struct shape *shape,
                             bool with_by);

/* "rejects", ... */
const char *difference_kind_name(enum difference_kind kind);

/* Writes "opcode=90 mod=3" and the like for one feature's set of values. */
void difference_describe(char *text, size_t size, enum feature feature, const uint64_t values[4]);

#endif
