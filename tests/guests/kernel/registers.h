/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_REGISTERS_H
#define KERNEL_REGISTERS_H

/*
 * Whole register states: what an instruction changes, and above all what it leaves alone.
 */

/* Offsets for assembler, asserted below. */
#define REGISTERS_EAX    0
#define REGISTERS_ECX    4
#define REGISTERS_EDX    8
#define REGISTERS_EBX    12
#define REGISTERS_EBP    16
#define REGISTERS_ESI    20
#define REGISTERS_EDI    24
#define REGISTERS_EFLAGS 28

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct registers {
	uint32_t eax, ecx, edx, ebx, ebp, esi, edi, eflags;
};

enum register_number { EAX, ECX, EDX, EBX, EBP, ESI, EDI }; /* as in struct registers */

_Static_assert(offsetof(struct registers, eax) == REGISTERS_EAX, "run_with_registers.S");
_Static_assert(offsetof(struct registers, ecx) == REGISTERS_ECX, "run_with_registers.S");
_Static_assert(offsetof(struct registers, edx) == REGISTERS_EDX, "run_with_registers.S");
_Static_assert(offsetof(struct registers, ebx) == REGISTERS_EBX, "run_with_registers.S");
_Static_assert(offsetof(struct registers, ebp) == REGISTERS_EBP, "run_with_registers.S");
_Static_assert(offsetof(struct registers, esi) == REGISTERS_ESI, "run_with_registers.S");
_Static_assert(offsetof(struct registers, edi) == REGISTERS_EDI, "run_with_registers.S");
_Static_assert(offsetof(struct registers, eflags) == REGISTERS_EFLAGS, "run_with_registers.S");

/*
 * A function of instructions only, at file level. It may change any register but ESP, and reads
 * nothing but registers and memory.
 */
#define INSTRUCTION(name, text)                                                                    \
	asm("\t.pushsection .text\n\t.balign 16\n\t.type " #name ", @function\n" #name             \
	    ":\n\t" text "\n\tret\n\t.size " #name ", . - " #name "\n\t.popsection\n");            \
	extern void name(void)

/* Calls code with this state, and makes *registers the state that it leaves. Then no flag is set.
 */
void run_with_registers(struct registers *registers, void (*code)(void));

/*
 * Calls code from several states and expects that it changes nothing but the flags in
 * `flags_changed` and the registers in `registers_changed`, a bit a register in the order of
 * struct registers. name is what a failure is reported as.
 */
void expect_only_changes(const char *name, void (*code)(void), uint32_t registers_changed,
                         uint32_t flags_changed);

/* The same, and with EAX, ECX and EDX given, as the instruction's operands. */
void expect_only_changes_with(const char *name, void (*code)(void), const struct registers *given,
                              uint32_t registers_changed, uint32_t flags_changed);

/* Calls code from *given and expects that a register then holds `wanted`. */
void expect_register(const char *name, void (*code)(void), const struct registers *given,
                     enum register_number number, uint32_t wanted);

#define CHANGES_NONE 0u
#define CHANGES_EAX  1u
#define CHANGES_ECX  2u
#define CHANGES_EDX  4u
#define CHANGES_EBX  8u
#define CHANGES_EBP  16u
#define CHANGES_ESI  32u
#define CHANGES_EDI  64u

#endif
#endif
