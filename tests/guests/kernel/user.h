/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_USER_H
#define KERNEL_USER_H

/*
 * Programs of ring 3. They are a few instructions each, kept as data of the kernel and copied to
 * a page of ring 3, so whoever changes the kernel's code leaves them alone. They run until their
 * first trap that is not an interrupt from outside.
 */

#include <stdint.h>

#include "tests/guests/kernel/frame.h"

/* A program: assembler text at file level; it may not depend on its address. `int $0x80` ends. */
#define USER_PROGRAM(name, text)                                                                   \
	asm("\t.pushsection .user_programs, \"a\", @progbits\n" #name ":\n" text                   \
	    "\n\tint $0x80\n" #name "_end:\n\t.popsection\n");                                     \
	extern const uint8_t name[], name##_end[]

/* Runs a USER_PROGRAM with the state in *frame (user_state()); *frame is then what it was when
 * the trap came. */
#define user_run(name, frame) user_run_bytes(name, name##_end, frame)

void user_run_bytes(const uint8_t *start, const uint8_t *end, struct trap_frame *frame);

/* Goes on in ring 3 with *frame, without copying anything. */
void user_enter(struct trap_frame *frame);

/*
 * The usual state of ring 3: flat segments, EIP at the program, a stack, ESI the address of a page
 * of data, everything else 0, interrupts off.
 */
struct trap_frame user_state(void);

/* Linear addresses of a program, of its page of data, and of its stack's top. */
uint32_t user_text(void);
uint32_t user_data(void);
uint32_t user_stack_top(void);

/* CR2 of the page fault that ended the last run; 0 if something else did. */
extern uint32_t user_fault_address;

/* How user_enter() goes to ring 3, with ESP at the frame: trap_return(), unless a check sets it. */
extern void (*user_way)(void);
void trap_return(void);

/* Where user_enter() leaves the frame, NULL while nothing runs in ring 3; for trap(). */
extern struct trap_frame *user_frame;

__attribute__((noreturn)) void user_leave(const struct trap_frame *frame);

#endif
