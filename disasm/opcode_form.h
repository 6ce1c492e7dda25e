/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_OPCODE_FORM_H
#define DISASM_OPCODE_FORM_H

/*
 * What a line of disasm/opcodes.def becomes: the contract of disasm/generate-opcodes, which
 * writes the tables with these names, and disasm/decode.c, which walks them. The words of the
 * table that are behind the names are explained in its head.
 */

#include <stdint.h>

/* The table's opcode maps. */
enum opcode_space {
	SPACE_ONE,
	SPACE_0F,
	SPACE_0F38,
	SPACE_0F3A,
	SPACE_3DNOW,
	SPACE_VEX1,
	SPACE_VEX2,
	SPACE_VEX3,
	SPACE_VEX7,
	SPACE_EVEX1,
	SPACE_EVEX2,
	SPACE_EVEX3,
	SPACE_EVEX5,
	SPACE_EVEX6,
	SPACE_XOP8,
	SPACE_XOP9,
	SPACE_XOPA,
	SPACE_COUNT
};

/*
 * An instruction presents one bit of each group that it has (no ModRM, no bits of the ModRM
 * groups); a form takes it if it accepts all bits presented.
 */
#define ACCEPT_MODE(mask)   ((uint32_t)(mask) << 0)  /* enum disasm_mode */
#define ACCEPT_PREFIX(mask) ((uint32_t)(mask) << 3)  /* none, 66, f3, f2 */
#define ACCEPT_MOD(mask)    ((uint32_t)(mask) << 7)  /* memory, register */
#define ACCEPT_REG(mask)    ((uint32_t)(mask) << 9)  /* ModRM.reg */
#define ACCEPT_RM(mask)     ((uint32_t)(mask) << 17) /* ModRM.rm, of register forms */
#define ACCEPT_W(mask)      ((uint32_t)(mask) << 25)
#define ACCEPT_LENGTH(mask) ((uint32_t)(mask) << 27) /* vector length 0, 1, 2 */
#define ACCEPT_R(mask)      ((uint32_t)(mask) << 30) /* REX.R */

/* Each says what the word of the same name in the table does. */
enum opcode_flag {
	FORM_LOCK = 1 << 0,
	FORM_LOCK_REGISTER = 1 << 1,
	FORM_VVVV = 1 << 2,
	FORM_KVVVV = 1 << 3,
	FORM_K = 1 << 4,
	FORM_KMASK = 1 << 5,
	FORM_Z = 1 << 6,
	FORM_BCST = 1 << 7,
	FORM_ER = 1 << 8,
	FORM_SIB = 1 << 9,
	FORM_GATHER = 1 << 10,
	FORM_TMM = 1 << 11,
	FORM_DISTINCT = 1 << 12,
	FORM_GPR = 1 << 13,
	FORM_NO66 = 1 << 14,
	FORM_MODRM_REGISTER = 1 << 15
};

enum opcode_immediate { IMMEDIATE_NONE, IMMEDIATE_IZ, IMMEDIATE_IV, IMMEDIATE_MOFFS };

enum opcode_operand_size {
	OPERAND_SIZE_USUAL,
	OPERAND_SIZE_O64,
	OPERAND_SIZE_F64,
	OPERAND_SIZE_O32
};

struct opcode_form {
	uint32_t accepts;
	uint32_t flags;
	uint8_t fixed_immediate; /* bytes of ib, iw and id together */
	uint8_t sized_immediate; /* enum opcode_immediate */
	uint8_t operand_size;    /* enum opcode_operand_size */
	uint8_t flow;            /* enum instruction_flow */
};

struct opcode_entry {
	uint16_t first; /* index into opcode_forms */
	uint8_t count;  /* 0: undefined */
	uint8_t has_modrm;
};

extern const struct opcode_form opcode_forms[];
extern const struct opcode_entry opcode_entries[SPACE_COUNT][256];

#endif
