/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_DECODE_H
#define DISASM_DECODE_H

/*
 * The length decoder: bytes -> one instruction's shape. Generated from
 * disasm/opcodes.def; no allocation, no global state, no byte is read at or
 * beyond bytes + size.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SDM vol. 2 section 2.3.11: no instruction is longer than this. */
#define INSTRUCTION_MAX_LENGTH 15

/* The code segment's default size: CS.D = 0, CS.D = 1, CS.L = 1. */
enum disasm_mode { DISASM_MODE_16, DISASM_MODE_32, DISASM_MODE_64 };

enum instruction_encoding {
	ENCODING_LEGACY, /* with or without 0F, 0F38, 0F3A */
	ENCODING_3DNOW,  /* 0F 0F modrm ... opcode */
	ENCODING_VEX,    /* C4, C5 */
	ENCODING_EVEX,   /* 62 */
	ENCODING_XOP     /* 8F with map >= 8 */
};

/* Numbers as in the VEX, EVEX and XOP map fields. */
enum opcode_map {
	OPCODE_MAP_ONE_BYTE = 0,
	OPCODE_MAP_0F = 1,
	OPCODE_MAP_0F38 = 2,
	OPCODE_MAP_0F3A = 3,
	OPCODE_MAP_5 = 5, /* EVEX only: AVX512-FP16 */
	OPCODE_MAP_6 = 6, /* EVEX only: AVX512-FP16 */
	OPCODE_MAP_7 = 7, /* VEX only: USER_MSR, MSR_IMM */
	OPCODE_MAP_XOP_8 = 8,
	OPCODE_MAP_XOP_9 = 9,
	OPCODE_MAP_XOP_A = 10
};

/* Bits of struct instruction's prefixes. The last segment prefix wins. */
enum {
	PREFIX_LOCK = 1 << 0,         /* f0 */
	PREFIX_REPNE = 1 << 1,        /* f2 */
	PREFIX_REP = 1 << 2,          /* f3 */
	PREFIX_OPERAND_SIZE = 1 << 3, /* 66 */
	PREFIX_ADDRESS_SIZE = 1 << 4, /* 67 */
	PREFIX_ES = 1 << 5,           /* 26 */
	PREFIX_CS = 1 << 6,           /* 2e */
	PREFIX_SS = 1 << 7,           /* 36 */
	PREFIX_DS = 1 << 8,           /* 3e */
	PREFIX_FS = 1 << 9,           /* 64 */
	PREFIX_GS = 1 << 10,          /* 65 */
	PREFIX_REX = 1 << 11          /* 40-4f directly before the opcode, 64-bit mode only */
};

/* Where control goes after the instruction. */
enum instruction_flow {
	FLOW_NEXT,          /* falls through, always */
	FLOW_JUMP,          /* jmp rel: only to the target */
	FLOW_CONDITIONAL,   /* jcc, loop, jcxz, xbegin: target or next */
	FLOW_CALL,          /* call rel */
	FLOW_INDIRECT_JUMP, /* jmp r/m, jmp far m, jmp ptr16:32 */
	FLOW_INDIRECT_CALL, /* call r/m, call far m, call ptr16:32 */
	FLOW_RETURN,        /* ret, lret, iret, sysexit, sysret, rsm */
	FLOW_INTERRUPT,     /* int n, int3, int1, into, syscall, sysenter, vmcall ... : returns as a
	                       rule */
	FLOW_STOP           /* ud0, ud1, ud2: does not go on */
};

struct instruction {
	uint8_t length; /* bytes, prefixes included; 1 to 15 */
	uint8_t mode;   /* enum disasm_mode it was decoded in */
	uint8_t encoding;
	uint8_t map;
	uint8_t opcode;
	uint8_t flow;
	uint16_t prefixes;
	uint8_t segment;       /* the effective segment prefix byte (26 2e 36 3e 64 65), or 0 */
	uint8_t rex;           /* the REX byte, or 0 */
	uint8_t vector_length; /* VEX.L, EVEX.L'L, XOP.L; 0 otherwise */
	uint8_t vector_pp;     /* VEX/EVEX/XOP pp: 0 none, 1 66, 2 f3, 3 f2 */
	/* The prefix that selects among instructions of one opcode, numbered as vector_pp: with
	 * VEX, EVEX and XOP that field itself, else the last f2 or f3, else 66, else none. */
	uint8_t mandatory_prefix;
	uint8_t wide;          /* REX.W, VEX.W, EVEX.W, XOP.W */
	uint8_t operand_size;  /* bits, 16, 32 or 64 */
	uint8_t address_size;  /* bits, 16, 32 or 64 */
	uint8_t opcode_offset; /* of the last opcode byte, from the first byte of the instruction */
	uint8_t has_modrm;
	uint8_t modrm_offset;
	uint8_t modrm;
	uint8_t has_sib;
	uint8_t sib;
	uint8_t displacement_offset; /* of a ModRM displacement or a moffs; 0 if none */
	uint8_t displacement_size;   /* bytes: 0, 1, 2, 4, 8 */
	uint8_t immediate_offset;    /* of the first immediate, relative offsets included */
	uint8_t immediate_size; /* bytes of all immediates together: enter 3, far pointers 4 or 6 */
};

enum decode_status {
	DECODE_OK,
	DECODE_TRUNCATED, /* the buffer ends inside the instruction */
	DECODE_UNDEFINED, /* the published ISA gives these bytes no meaning (#UD) */
	DECODE_TOO_LONG   /* more than 15 bytes (#GP) */
};

/*
 * Decodes the instruction at bytes, of which size bytes may be read (0 is
 * allowed: DECODE_TRUNCATED). Only DECODE_OK fills *instruction completely;
 * otherwise its content is unspecified, but initialised.
 */
enum decode_status decode_instruction(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                      struct instruction *instruction);

/*
 * The target of a direct branch (FLOW_JUMP, FLOW_CONDITIONAL, FLOW_CALL) that
 * stands at address; bytes are those given to decode_instruction(). The result
 * is truncated to the branch's operand size, as the CPU does.
 */
uint64_t instruction_branch_target(const struct instruction *instruction, const uint8_t *bytes,
                                   uint64_t address);

static inline bool instruction_is_direct_branch(const struct instruction *instruction)
{
	return instruction->flow == FLOW_JUMP || instruction->flow == FLOW_CONDITIONAL ||
	       instruction->flow == FLOW_CALL;
}

#endif
