/* SPDX-License-Identifier: BSD-2-Clause */

/* Compiled to assembler only: rom.mk makes frame_offsets.h of the lines that begin with `->`. */

#include "rom/mmu/mmu.h"
#include "rom/platform/xen/frame.h"
#include "rom/platform/xen/xen.h"
#include "rom/vcpu/vcpu.h"

#define DEFINE(name, value) __asm__ volatile("\n->#define " #name " %c0" : : "i"(value))

void frame_offsets(void);

void frame_offsets(void)
{
	DEFINE(FRAME_EAX, offsetof(struct rom_frame, eax));
	DEFINE(FRAME_VECTOR, offsetof(struct rom_frame, vector));
	DEFINE(FRAME_ERROR, offsetof(struct rom_frame, error));
	DEFINE(FRAME_EIP, offsetof(struct rom_frame, eip));
	/* Of what Xen has pushed, seen from its lowest word, EIP. */
	DEFINE(IRET_CS, offsetof(struct rom_frame, cs) - offsetof(struct rom_frame, eip));
	DEFINE(IRET_EFLAGS, offsetof(struct rom_frame, eflags) - offsetof(struct rom_frame, eip));
	DEFINE(IRET_ESP, offsetof(struct rom_frame, esp) - offsetof(struct rom_frame, eip));
	DEFINE(IRET_SS, offsetof(struct rom_frame, ss) - offsetof(struct rom_frame, eip));
	DEFINE(VCPU_CR0, offsetof(struct vcpu, cr0));
	DEFINE(VCPU_CR2, offsetof(struct vcpu, cr2));
	DEFINE(VCPU_CR3, offsetof(struct vcpu, cr3));
	DEFINE(VCPU_CR4, offsetof(struct vcpu, cr4));
	DEFINE(FAST_GATE_AT, offsetof(struct fast_system_call, gate_at));
	DEFINE(FAST_GATE, offsetof(struct fast_system_call, gate));
	DEFINE(FAST_TSS_AT, offsetof(struct fast_system_call, tss_at));
	DEFINE(FAST_SS0, offsetof(struct fast_system_call, ss0));
	DEFINE(FAST_EIP, offsetof(struct fast_system_call, eip));
	DEFINE(FAST_CS, offsetof(struct fast_system_call, cs));
	DEFINE(FAST_SS, offsetof(struct fast_system_call, ss));
	DEFINE(NOTES, MMU_NOTES);
	DEFINE(INFO_PENDING, offsetof(struct vcpu_info, evtchn_upcall_pending));
	DEFINE(INFO_MASK, offsetof(struct vcpu_info, evtchn_upcall_mask));
	DEFINE(XEN_DATA_SELECTOR, FLAT_RING1_DS);
	DEFINE(XEN_CODE_SELECTOR, FLAT_RING1_CS);
	DEFINE(FLAT_DATA_SELECTOR, FLAT_RING3_DS);
}
