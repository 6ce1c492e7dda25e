/* SPDX-License-Identifier: BSD-2-Clause */

/* Identification, model-specific registers, time. */

#include "rom/mmu/mmu.h"
#include "rom/policy/cpuid.h"
#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"

#define MSR_EFER_NUMBER 0xc0000080

void call_Init(struct rom_frame *frame)
{
	frame->eax = 0;
}

void call_CPUID(struct rom_frame *frame)
{
	struct cpuid_registers result;

	policy_cpuid(platform_cpuid, frame->eax, frame->ecx, &result);
	frame->eax = result.eax;
	frame->ebx = result.ebx;
	frame->ecx = result.ecx;
	frame->edx = result.edx;
}

void call_RDMSR(struct rom_frame *frame)
{
	uint64_t value;

	if (!msr_read(&vcpu.msr, frame->ecx, &value)) {
		call_fault(frame, VECTOR_GP, 0);
		return;
	}
	frame->eax = (uint32_t)value;
	frame->edx = (uint32_t)(value >> 32);
}

void call_WRMSR(struct rom_frame *frame)
{
	uint64_t value = (uint64_t)frame->edx << 32 | frame->eax;

	if (!msr_write(&vcpu.msr, frame->ecx, value) ||
	    (frame->ecx == MSR_EFER_NUMBER && !mmu_set_efer((uint32_t)msr_efer(&vcpu.msr))))
		call_fault(frame, VECTOR_GP, 0);
}

void call_RDPMC(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_GP, 0);
}

static void return_cycles(struct rom_frame *frame)
{
	uint64_t now = platform_time_stamp();

	frame->eax = (uint32_t)now;
	frame->edx = (uint32_t)(now >> 32);
}

void call_RDTSC(struct rom_frame *frame)
{
	return_cycles(frame);
}

void call_GetCycleCounter(struct rom_frame *frame)
{
	return_cycles(frame);
}

/* Hidden features. */
void call_RDTSCP(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_MONITOR(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_MWAIT(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_InvalidOpcode(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_SYSEXIT(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_SYSRET(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}
