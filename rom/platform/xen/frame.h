/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_FRAME_H
#define ROM_XEN_FRAME_H

/*
 * The one frame: what stands on the ROM's stack when C sees a trap, a call of the guest's or an
 * event. traps.S builds it, and takes it down again on the way back; its offsets there come from
 * here (frame_offsets.c). From rings 2 and 3 Xen always begins at the top of the ROM's stack.
 *
 *   offset  what                    pushed by
 *   0       es, ds                  traps.S
 *   8       edi ... eax             traps.S (pushal)
 *   40      vector                  traps.S
 *   44      error                   Xen, or traps.S: 0
 *   48      eip, cs, eflags         Xen
 *   60      esp, ss                 Xen; not there if the ROM itself was interrupted
 */

#include <stddef.h>
#include <stdint.h>

struct rom_frame {
	uint32_t es, ds;
	uint32_t edi, esi, ebp, pushal_esp, ebx, edx, ecx, eax;
	uint32_t vector;
	uint32_t error;
	uint32_t eip;
	uint32_t cs;     /* bits 23-16: Xen's copy of the event mask */
	uint32_t eflags; /* IF is the virtual one: events were not masked */
	uint32_t esp, ss;
};

_Static_assert(sizeof(struct rom_frame) == 68, "no padding");
_Static_assert(offsetof(struct rom_frame, eip) == 48, "as Xen pushes it");

#define FRAME_VECTOR_EVENT    0x100 /* Xen's event callback */
#define FRAME_VECTOR_FAILSAFE 0x101

#define EFLAGS_CF   0x00000001
#define EFLAGS_ZF   0x00000040
#define EFLAGS_TF   0x00000100
#define EFLAGS_IF   0x00000200
#define EFLAGS_DF   0x00000400
#define EFLAGS_IOPL 0x00003000
#define EFLAGS_NT   0x00004000
#define EFLAGS_RF   0x00010000
#define EFLAGS_VM   0x00020000
#define EFLAGS_AC   0x00040000

#define RING_ROM   1
#define RING_GUEST 2 /* the guest's kernel */
#define RING_USER  3

static inline unsigned int frame_ring(const struct rom_frame *frame)
{
	return frame->cs & 3;
}

#endif
