/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_DECOMPRESS_OUTPUT_H
#define PATCHER_DECOMPRESS_OUTPUT_H

/* What the decompressors share: where the bytes come from and where they go. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/kernel/decompress.h"

struct unpacking {
	enum compression compression;
	const uint8_t *input;
	size_t input_size;
	uint8_t *output;
	size_t output_size; /* bytes that came out so far */
	size_t capacity;    /* bytes allocated */
	size_t limit;       /* the most bytes that may come out */
	struct problem *problem;
};

/*
 * Makes room behind the output: at least one byte, and at least `least` of them. The memory at most
 * doubles, so it stays in proportion to what came out. false: more than the limit came out (one
 * byte, or one block, beyond it is made room for, so that reaching it exactly is fine) or no
 * memory.
 */
bool unpacking_reserve(struct unpacking *unpacking, size_t least);

/* Fill the problem. consumed: how far into the input it was seen. */
void unpacking_report_damage(struct unpacking *unpacking, size_t consumed);
void unpacking_report_truncation(struct unpacking *unpacking);

/* The same, and always false. */
static inline bool unpacking_damaged(struct unpacking *unpacking, size_t consumed)
{
	unpacking_report_damage(unpacking, consumed);
	return false;
}

static inline bool unpacking_truncated(struct unpacking *unpacking)
{
	unpacking_report_truncation(unpacking);
	return false;
}

/* The two containers of raw blocks (decompress_blocks.c). */
bool unpack_lzop(struct unpacking *unpacking);
bool unpack_lz4(struct unpacking *unpacking);

#endif
