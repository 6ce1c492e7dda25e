/* SPDX-License-Identifier: BSD-2-Clause */

/* The interrupt flag, EFLAGS, and waiting. The virtual IF is the frame's; trap code makes it Xen's
 * event mask on the way out, and delivers what waits. */

#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"

/* What popf in ring 0 changes; IF is the frame's, IOPL the vcpu's. */
#define POPPED                                                                                     \
	(0x8d5u | EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | 0x200000u /* ID */)

void call_EnableInterrupts(struct rom_frame *frame)
{
	frame->eflags |= EFLAGS_IF;
}

void call_DisableInterrupts(struct rom_frame *frame)
{
	frame->eflags &= ~EFLAGS_IF;
}

void call_GetInterruptMask(struct rom_frame *frame)
{
	frame->eax = frame->eflags & EFLAGS_IF;
}

void call_SetInterruptMask(struct rom_frame *frame)
{
	frame->eflags = (frame->eflags & ~EFLAGS_IF) | (frame->eax & EFLAGS_IF);
}

static uint32_t virtual_flags(const struct rom_frame *frame)
{
	return (frame->eflags & ~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_RF)) | vcpu.iopl | 2;
}

void frame_set_flags(struct rom_frame *frame, uint32_t flags)
{
	frame->eflags = (frame->eflags & ~POPPED) | (flags & POPPED);
	vcpu.iopl = flags & EFLAGS_IOPL;
}

void call_PUSHF(struct rom_frame *frame)
{
	call_push(frame, virtual_flags(frame), 4);
}

void call_PUSHFW(struct rom_frame *frame)
{
	call_push(frame, virtual_flags(frame), 2);
}

void call_POPF(struct rom_frame *frame)
{
	uint32_t flags;

	if (!call_pop(frame, &flags, 4))
		return;
	vcpu.step_shadow =
	    flags & EFLAGS_TF && !(frame->eflags & EFLAGS_TF) && is_in_region(frame->eip);
	frame_set_flags(frame, flags);
}

void call_POPFW(struct rom_frame *frame)
{
	uint32_t flags;

	if (call_pop(frame, &flags, 2))
		frame_set_flags(frame, (frame->eflags & 0xffff0000) | flags);
}

void call_SetIOPLMask(struct rom_frame *frame)
{
	vcpu.iopl = frame->eax & EFLAGS_IOPL;
}

/* SMAP is hidden. */
void call_STAC(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

void call_CLAC(struct rom_frame *frame)
{
	call_fault(frame, VECTOR_UD, 0);
}

static void halt(struct rom_frame *frame)
{
	for (;;) {
		enum shutdown_reason reason = SHUTDOWN_REASON_NONE;

		switch (devices_halt(&devices, frame->eflags & EFLAGS_IF, &reason)) {
		case HALT_RETURN: return;
		case HALT_BLOCK: platform_block(); break;
		case HALT_SHUT_DOWN: platform_shut_down(reason);
		}
	}
}

void call_Halt(struct rom_frame *frame)
{
	frame->eflags |= EFLAGS_IF;
	halt(frame);
}

void call_HLT(struct rom_frame *frame)
{
	halt(frame);
}

void call_Pause(struct rom_frame *frame)
{
	(void)frame;
}

void call_Reboot(struct rom_frame *frame)
{
	(void)frame;
	platform_shut_down(SHUTDOWN_REASON_REBOOT);
}

void call_Shutdown(struct rom_frame *frame)
{
	(void)frame;
	platform_shut_down(SHUTDOWN_REASON_POWER_OFF);
}
