/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_SHAPE_H
#define TESTS_DIFFERENTIAL_SHAPE_H

/*
 * The shape of a byte string: what its prefixes, escape and opcode bytes are,
 * told by the format rules alone (SDM vol. 2 section 2.1 to 2.7, APM vol. 3
 * section 1.2 to 1.10), without any table of instructions and without the
 * decoder under test. The table of known differences speaks of these features.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disasm/decode.h"

/* Every string compared has so many bytes, so that none ends inside an instruction. */
#define CASE_SIZE 24

enum feature {
	FEATURE_MODE,     /* enum disasm_mode */
	FEATURE_ENCODING, /* enum instruction_encoding */
	FEATURE_MAP,      /* the map field, or the escape bytes' number */
	FEATURE_OPCODE,   /* the opcode byte; the suffix byte of 3DNow! */
	/* The byte after the opcode, whether or not the instruction has a ModRM byte. */
	FEATURE_MODRM,
	FEATURE_MOD,
	FEATURE_REG,
	FEATURE_RM,
	FEATURE_BASE,  /* the low three bits of the byte after that (SIB.base) */
	FEATURE_INDEX, /* bits 3 to 5 of it (SIB.index) */
	/* 0 none, 1 66, 2 f3, 3 f2: the pp field, or the prefixes' (f2 and f3 before 66, the last
	 * of f2 and f3) */
	FEATURE_PP,
	FEATURE_W,
	FEATURE_L,    /* VEX.L, XOP.L, EVEX.L'L */
	FEATURE_VVVV, /* not inverted: 0 is the field's 1111b */
	/* The register extension bits, 1 extends: REX, VEX, EVEX, XOP */
	FEATURE_R,
	FEATURE_X,
	FEATURE_B,
	FEATURE_R2, /* EVEX.R' */
	FEATURE_V2, /* EVEX.V' */
	FEATURE_EVEX_B,
	FEATURE_Z,
	FEATURE_AAA,
	FEATURE_RESERVED, /* a bit that EVEX keeps fixed has the wrong value */
	/* 0 or 1: the prefix byte occurs before the opcode or VEX, EVEX, XOP */
	FEATURE_LOCK,
	FEATURE_REPNE,
	FEATURE_REP,
	FEATURE_OPERAND_SIZE,
	FEATURE_ADDRESS_SIZE,
	FEATURE_ES,
	FEATURE_CS,
	FEATURE_SS,
	FEATURE_DS,
	FEATURE_FS,
	FEATURE_GS,
	FEATURE_LAST_REPEAT,       /* the last of f0, f2, f3: 0 none, 1 f0, 2 f3, 3 f2 */
	FEATURE_OPERAND_SIZE_LAST, /* the last of 66, f2, f3 is 66 */
	/* the last prefix before the REX that counts: 0 none, 1 f0, 2 f3, 3 f2, 4 66, 5 67, 6 a
	 * segment's, 7 a REX that does not count */
	FEATURE_LAST_PREFIX,
	FEATURE_REX,       /* a REX byte directly before the opcode or VEX, EVEX, XOP */
	FEATURE_STRAY_REX, /* a REX byte before another prefix: without effect (SDM 2.2.1) */
	FEATURE_REPEATED,  /* a prefix byte occurs twice, or two segment prefixes, or f2 and f3 */
	FEATURE_PREFIXES,  /* how many prefix bytes, REX bytes included */
	/* Not of the bytes, but of a comparison; shape_of() leaves them 0. */
	FEATURE_STATUS, /* what ours answers: enum decode_status */
	FEATURE_BY,     /* how many bytes the lengths differ by */
	FEATURE_COUNT
};

struct shape {
	uint8_t values[FEATURE_COUNT];
	bool extended; /* VEX, EVEX or XOP */
};

/* The shape of the CASE_SIZE bytes, read in that mode. */
void shape_of(const uint8_t *bytes, enum disasm_mode mode, struct shape *shape);

/* Changes that may make an instruction of a string that is none. */
enum shape_change {
	CHANGE_LOCK = 1 << 0,         /* without its bytes f0 */
	CHANGE_REPEAT = 1 << 1,       /* f2 and f3 */
	CHANGE_OPERAND_SIZE = 1 << 2, /* 66 */
	CHANGE_REX = 1 << 3,          /* the REX byte that counts (others always go) */
	CHANGE_PLUS_66 = 1 << 4,      /* with 66 in front */
	/* Fields of VEX, EVEX and XOP: */
	CHANGE_VVVV = 1 << 5,       /* vvvv and EVEX.V' name no register */
	CHANGE_W0 = 1 << 6,         /* W = 0 */
	CHANGE_W1 = 1 << 7,         /* W = 1 */
	CHANGE_L0 = 1 << 8,         /* L = 0, L'L = 0 */
	CHANGE_L1 = 1 << 9,         /* L = 1, L'L = 1 */
	CHANGE_L2 = 1 << 10,        /* L'L = 2 */
	CHANGE_R = 1 << 11,         /* R and EVEX.R' extend nothing */
	CHANGE_BROADCAST = 1 << 12, /* EVEX.b = 0 */
	CHANGE_ZEROING = 1 << 13,   /* EVEX.z = 0 */
	CHANGE_OPMASK = 1 << 14,    /* EVEX.aaa = 0, z = 0 */
	CHANGE_K1 = 1 << 15         /* EVEX.aaa = 1 */
};
#define SHAPE_CHANGE_COUNT 16

/*
 * The string bytes, whose shape is given, with all of the changes made that can be, into changed.
 * How many bytes it is shorter; -1 if nothing was changed.
 */
int shape_change(const uint8_t *bytes, const struct shape *shape, unsigned changes,
                 uint8_t changed[CASE_SIZE]);

#endif
