/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_TRAPS_H
#define KERNEL_TRAPS_H

/* What happens on exceptions and interrupts. */

#include <stdbool.h>
#include <stdint.h>

#include "tests/guests/kernel/frame.h"

enum vector {
	VECTOR_DIVIDE = 0,
	VECTOR_DEBUG = 1,
	VECTOR_NMI = 2,
	VECTOR_BREAKPOINT = 3,
	VECTOR_OVERFLOW = 4,
	VECTOR_BOUND = 5,
	VECTOR_INVALID_OPCODE = 6,
	VECTOR_NO_COPROCESSOR = 7,
	VECTOR_DOUBLE_FAULT = 8,
	VECTOR_INVALID_TSS = 10,
	VECTOR_NOT_PRESENT = 11,
	VECTOR_STACK = 12,
	VECTOR_PROTECTION = 13,
	VECTOR_PAGE_FAULT = 14,
	VECTOR_FLOATING_POINT = 16,
	VECTOR_INTERRUPTS = 0x20, /* of the two interrupt controllers, 16 vectors */
	VECTOR_SYSTEM_CALL = 0x80
};

#define PAGE_FAULT_PRESENT     0x01u
#define PAGE_FAULT_WRITE       0x02u
#define PAGE_FAULT_USER        0x04u
#define PAGE_FAULT_RESERVED    0x08u
#define PAGE_FAULT_INSTRUCTION 0x10u

/* The last fault that the exception table recovered from. */
struct fault {
	bool taken;
	uint32_t vector, error, eip, cr2;
};

extern volatile struct fault fault;

/*
 * Asked first on every trap, if not NULL: true if it has handled it, and the trap returns with
 * *frame as it is then. A check sets it, for itself.
 */
extern bool (*trap_hook)(struct trap_frame *frame);

/* Called on every interrupt from outside, after it was counted and acknowledged, if not NULL. */
extern void (*interrupt_hook)(struct trap_frame *frame);

/* Base of the segment that SS names while it is another than the flat one. */
extern uint32_t stack_segment_base;

/* Whether the frame was pushed in ring 3. */
static inline bool frame_from_user(const struct trap_frame *frame)
{
	return (frame->cs & 3) == 3;
}

/*
 * An entry of the exception table in Linux' own layout since 5.16 (instruction and fixup relative
 * to the word that holds them, then EX_TYPE_DEFAULT), so that whoever knows Linux' table knows this
 * one: arch/x86/include/asm/extable.h. instruction and fixup are labels.
 */
#define EXCEPTION_ENTRY(instruction, fixup)                                                        \
	"\t.pushsection __ex_table, \"a\", @progbits\n"                                            \
	"\t.balign 4\n"                                                                            \
	"\t.long (" instruction ") - ., (" fixup ") - ., 1\n"                                      \
	"\t.popsection\n"

/*
 * For asm statements: an instruction that may fault. Where it does, what follows it goes on with
 * `fault` filled. Clear it before: fault_clear().
 */
#define MAY_FAULT(instruction)                                                                     \
	"771:\t" instruction "\n"                                                                  \
	"772:\n" EXCEPTION_ENTRY("771b", "772b")

static inline void fault_clear(void)
{
	fault.taken = false;
}

/* Whether the exception table is sorted by instruction, as Linux' is. */
bool exception_table_sorted(void);

#endif
