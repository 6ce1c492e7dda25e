/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_EMIT_H
#define PATCHER_EMIT_H

/*
 * A small emitter of i386 code (32-bit mode), for springboards. None of the instructions it makes
 * changes a flag, unless said; none needs an address that is known later, but emit_branch() with a
 * target, whose size is fixed. Writing beyond the capacity is remembered in overflow and otherwise
 * has no effect, so that callers look once, at the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disasm/decode.h"

/* Register numbers, as in ModRM. */
enum {
	REGISTER_EAX,
	REGISTER_ECX,
	REGISTER_EDX,
	REGISTER_EBX,
	REGISTER_ESP,
	REGISTER_EBP,
	REGISTER_ESI,
	REGISTER_EDI,
	REGISTER_COUNT
};

enum { SEGMENT_PREFIX_FS = 0x64, SEGMENT_PREFIX_GS = 0x65 };

struct emitter {
	uint8_t *bytes;
	unsigned int capacity;
	unsigned int size;
	uint32_t address; /* where bytes[0] will stand */
	bool overflow;
};

/* A ModRM memory operand. */
struct memory_operand {
	uint8_t segment; /* the prefix byte, or 0 */
	bool address16;  /* 16-bit addressing */
	uint8_t rm;      /* ModRM.rm */
	uint8_t sib;     /* where rm is 4 and addressing 32-bit */
	bool bare;       /* neither base nor, without SIB, index: a displacement of full size */
	uint32_t displacement;
	uint8_t registers; /* general registers it is computed from, 1 << number */
};

void emit_byte(struct emitter *emitter, uint8_t byte);
void emit_bytes(struct emitter *emitter, const uint8_t *bytes, size_t size);
void emit_word16(struct emitter *emitter, uint32_t value);
void emit_word32(struct emitter *emitter, uint32_t value);

/* Address of the next byte to be emitted. */
uint32_t emit_here(const struct emitter *emitter);

/* opcode (one or two bytes, 0f first) and the rel32 to target. */
void emit_branch(struct emitter *emitter, uint8_t opcode, uint32_t target);
void emit_branch_0f(struct emitter *emitter, uint8_t opcode, uint32_t target);

void emit_push(struct emitter *emitter, unsigned int number);
void emit_pop(struct emitter *emitter, unsigned int number);
/* Pushes a constant; emit_push_address() always as 5 bytes, as its value is known late. */
void emit_push_immediate(struct emitter *emitter, uint32_t value);
void emit_push_address(struct emitter *emitter, uint32_t value);
void emit_move(struct emitter *emitter, unsigned int to, unsigned int from);
void emit_move_immediate(struct emitter *emitter, unsigned int to, uint32_t value);
/* lea offset(%esp), to: to is ESP itself to give stack back. */
void emit_lea_stack(struct emitter *emitter, unsigned int to, int32_t offset);
void emit_load_stack(struct emitter *emitter, unsigned int to, int32_t offset);
/* Stores the low size bytes (1, 2 or 4) of a register at offset(%esp); of 1 only EAX to EBX. */
void emit_store_stack(struct emitter *emitter, unsigned int from, int32_t offset,
                      unsigned int size);

/* The memory operand of a decoded instruction; false if it has none. */
bool memory_operand_read(const struct instruction *instruction, const uint8_t *bytes,
                         struct memory_operand *operand);

/*
 * An instruction with a memory operand: opcode (a string of its bytes, prefixes first), reg for
 * ModRM.reg, and the operand moved by offset bytes. What an operand based on ESP needs because the
 * stack has grown is in offset too. The operand's segment and address-size prefixes come first;
 * lea wants an operand without segment.
 */
void emit_memory(struct emitter *emitter, const char *opcode, unsigned int reg,
                 const struct memory_operand *operand, uint32_t offset);

#endif
