/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_FRAME_H
#define KERNEL_FRAME_H

/*
 * The frame that trap entry (trap_entry.S) leaves on the stack. The offsets below are for
 * assembler; C asserts that they are the structure's.
 */

#define FRAME_EAX      28
#define FRAME_GS       32
#define FRAME_VECTOR   48
#define FRAME_EIP      56
#define FRAME_CS       60
#define FRAME_USER_ESP 68
#define FRAME_SIZE     76 /* from ring 3; 8 less from ring 0 */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct trap_frame {
	uint32_t edi, esi, ebp, pushed_esp, ebx, edx, ecx, eax; /* pusha */
	uint16_t gs, gs_unused, fs, fs_unused, es, es_unused, ds, ds_unused;
	uint32_t vector;
	uint32_t error; /* 0 where the processor pushes none */
	uint32_t eip;
	uint16_t cs, cs_unused;
	uint32_t eflags;
	uint32_t user_esp; /* these two only if cs is of ring 3 */
	uint16_t user_ss, user_ss_unused;
};

_Static_assert(offsetof(struct trap_frame, eax) == FRAME_EAX, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, gs) == FRAME_GS, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, vector) == FRAME_VECTOR, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, eip) == FRAME_EIP, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, cs) == FRAME_CS, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, user_esp) == FRAME_USER_ESP, "trap_entry.S");
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "trap_entry.S");

#endif
#endif
