/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_SWEEP_H
#define DISASM_SWEEP_H

/*
 * The sweep: one linear pass over a section's bytes that yields instruction
 * starts, targets of direct branches and sites. Offsets are from the section's
 * first byte; bitmaps have a bit a byte.
 */

#include "disasm/classify.h"
#include "disasm/decode.h"

struct sweep_input {
	const uint8_t *bytes;
	size_t size;
	uint64_t address; /* guest-virtual address of bytes[0] */
	enum disasm_mode mode;
	/* Offsets where an instruction is known to start (function symbols), ascending, all <
	 * size. NULL and 0 where there are none. Only used to find the way again after bytes
	 * that do not decode, and when a decoded instruction runs over one of them. */
	const uint32_t *known_starts;
	size_t known_start_count;
};

struct sweep_site {
	uint32_t offset;
	uint16_t form; /* index into sensitive_forms */
	uint8_t length;
};

enum sweep_range_reason {
	SWEEP_UNDEFINED, /* bytes that are no instruction */
	SWEEP_TRUNCATED, /* the section ends inside an instruction */
	SWEEP_ZEROS,     /* a run of eight or more zero bytes where an instruction would start */
	SWEEP_CUT_SHORT, /* an instruction runs over a known start: its bytes up to there */
	SWEEP_OVERLAP    /* a direct branch of this section goes into the middle of an instruction;
	                    offset is the target, size the bytes left of that instruction */
};

struct sweep_range {
	uint32_t offset;
	uint32_t size;
	enum sweep_range_reason reason;
};

struct sweep_result {
	uint64_t *starts;  /* bitmap of size bits: instruction starts */
	uint64_t *targets; /* bitmap of size bits: targets of direct branches within the section */
	size_t instruction_count;
	struct sweep_site *sites; /* ascending offsets */
	size_t site_count;
	struct sweep_range *ranges; /* ascending offsets */
	size_t range_count;
	/* Direct branches that leave the section: their target addresses, in the order met. */
	uint64_t *outside_targets;
	size_t outside_target_count;
};

/*
 * Sweeps the section. false only when memory runs out (errno ENOMEM) or size
 * exceeds UINT32_MAX - 64 (errno EFBIG); *result is then empty. The result's
 * memory belongs to the caller, who ends it with sweep_result_free().
 */
bool sweep(const struct sweep_input *input, struct sweep_result *result);
void sweep_result_free(struct sweep_result *result);

/* "undefined bytes", "truncated", ... : one phrase for reports. */
const char *sweep_range_reason_name(enum sweep_range_reason reason);

static inline bool bitmap_test(const uint64_t *bitmap, size_t bit)
{
	return bitmap[bit / 64] >> (bit % 64) & 1;
}

#endif
