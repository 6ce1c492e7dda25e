/* SPDX-License-Identifier: BSD-2-Clause */

/* Control and debug registers, and what drops translations. */

#include "rom/mmu/mmu.h"
#include "rom/policy/cpuid.h"
#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"

#define CR0_KNOWN                                                                                  \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)

static bool cr0_is_possible(uint32_t value)
{
	if (value & CR0_PG && !(value & CR0_PE))
		return false;
	return !(value & CR0_NW) || value & CR0_CD;
}

static void set_cr0(struct rom_frame *frame, uint32_t value)
{
	uint32_t old = vcpu.cr0;

	value = (value & CR0_KNOWN) | CR0_ET;
	if (!(value & CR0_PE))
		platform_panic(frame, "the guest leaves protected mode");
	if (!cr0_is_possible(value) || !mmu_set_cr0(value)) {
		call_fault(frame, VECTOR_GP, 0);
		return;
	}
	vcpu.cr0 = value;
	if ((old ^ value) & (CR0_TS | CR0_EM))
		platform_set_task_switched(value & (CR0_TS | CR0_EM));
}

void call_SetCR0(struct rom_frame *frame)
{
	set_cr0(frame, frame->eax);
}

void call_LMSW(struct rom_frame *frame)
{
	uint32_t low = CR0_PE | CR0_MP | CR0_EM | CR0_TS;

	set_cr0(frame, (vcpu.cr0 & (~low | CR0_PE)) | (frame->eax & low));
}

void call_CLTS(struct rom_frame *frame)
{
	set_cr0(frame, vcpu.cr0 & ~CR0_TS);
}

void call_GetCR0(struct rom_frame *frame)
{
	frame->eax = vcpu.cr0;
}

void call_SetCR2(struct rom_frame *frame)
{
	vcpu.cr2 = frame->eax;
}

void call_GetCR2(struct rom_frame *frame)
{
	frame->eax = vcpu.cr2;
}

void call_SetCR3(struct rom_frame *frame)
{
	if (mmu_set_cr3(frame->eax))
		vcpu.cr3 = frame->eax;
	else
		call_fault(frame, VECTOR_GP, 0);
}

void call_GetCR3(struct rom_frame *frame)
{
	frame->eax = vcpu.cr3;
}

void call_SetCR4(struct rom_frame *frame)
{
	uint32_t value = frame->eax;

	if (value & ~policy_cr4_allowed(platform_cpuid) || !mmu_set_cr4(value)) {
		call_fault(frame, VECTOR_GP, 0);
		return;
	}
	if ((vcpu.cr4 ^ value) & CR4_TSD)
		platform_set_time_stamp_disabled(value & CR4_TSD);
	vcpu.cr4 = value;
	note_not = value & CR4_PAE ? 4 : 0;
}

void call_GetCR4(struct rom_frame *frame)
{
	frame->eax = vcpu.cr4;
}

/* 4 and 5 are 6 and 7, or #UD with CR4.DE (SDM vol. 3, section 17.2.2). False: #UD was taken. */
static bool debug_register(struct rom_frame *frame, unsigned int *number)
{
	*number = frame->eax & 7;
	if (*number != 4 && *number != 5)
		return true;
	if (vcpu.cr4 & CR4_DE) {
		call_fault(frame, VECTOR_UD, 0);
		return false;
	}
	*number += 2;
	return true;
}

void call_SetDR(struct rom_frame *frame)
{
	unsigned int number;

	if (!debug_register(frame, &number))
		return;
	vcpu.dr[number] = frame->edx;
	if (number == 6)
		vcpu.dr[6] = (frame->edx & 0xe00f) | 0xffff0ff0;
	if (number == 7)
		vcpu.dr[7] = (frame->edx & 0xffff2fff) | 0x400;
	platform_set_debug_register(number, vcpu.dr[number]);
}

void call_GetDR(struct rom_frame *frame)
{
	unsigned int number;

	if (debug_register(frame, &number))
		frame->eax = vcpu.dr[number];
}

void call_InvalPage(struct rom_frame *frame)
{
	mmu_invalidate_page(frame->eax);
}

void call_FlushTLB(struct rom_frame *frame)
{
	mmu_flush(frame->eax & 2);
}

/* Memory is the machine's: its caches are coherent. */
void call_INVD(struct rom_frame *frame)
{
	(void)frame;
}

void call_WBINVD(struct rom_frame *frame)
{
	(void)frame;
}

void call_FlushDeferredCalls(struct rom_frame *frame)
{
	frame->eax = 0;
}

/* Hidden features. */
void call_INVPCID(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_XSETBV(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}
