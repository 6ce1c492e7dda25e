/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The xen ROM's calls. Slots run in ring 2, beside the guest, in the window or its low alias, on the
 * guest's stack, with the guest's segments. The hot ones do their work here (hot_calls.S says how, and
 * when they may). Most only enter the ROM: the processor tells it where
 * the software interrupt stood, hence which call it is, and all registers arrive in one frame
 * (frame.h), in which the call's function (calls.c) leaves results. So they clobber nothing.
 */
#include "frame_offsets.h" /* generated */
#include "rom/include/vmi.inc"
#include "rom/platform/xen/window.h"

	.macro enter_rom
	int $0x80			/* CALL_VECTOR */
	ret
	.endm

#define enters(name)		\
	vmi_call(name, 0) ;	\
	enter_rom ;		\
	vmi_call_end(name)

	/* The rest of a hot call that is longer than a slot (hot_calls.S). */
#define in_wedge(name, clobbers)	\
	vmi_call(name, clobbers) ;	\
	vmi_outside_jump hot_##name ; \
	vmi_call_end(name)

/* --- interrupts and flags ------------------------------------------------------------------ */

	/* Flags and registers are kept. Interrupts that wait are delivered by the ROM. */
	vmi_call(EnableInterrupts, 0)
	movb $0, %ss:VCPU_INFO_MASK
	pushl %ecx
	movzbl %ss:VCPU_INFO_PENDING, %ecx
	jecxz 1f
	popl %ecx
	enter_rom
1:	popl %ecx
	ret
	vmi_call_end(EnableInterrupts)

	vmi_call(DisableInterrupts, 0)
	movb $1, %ss:VCPU_INFO_MASK
	ret
	vmi_call_end(DisableInterrupts)

	enters(Halt)
	enters(HLT)
	in_wedge(PUSHF, 0)
	in_wedge(POPF, 0)
	enters(PUSHFW)
	enters(POPFW)
	enters(STAC)
	enters(CLAC)
	in_wedge(IRET, 0)
	enters(IRETW)
	enters(SYSEXIT)
	enters(SYSRET)

/* --- control transfers and selectors ------------------------------------------------------- */

	enters(LRET)
	enters(LRETW)
	enters(FarCall)
	enters(FarJump)
	/* The real RPL is 2, the guest's 0. No flag changes. */
#define push_selector(name, register)	\
	vmi_call(name, 0) ;		\
	pushl (%esp) ;			\
	pushl %register ;		\
	popl 4(%esp) ;			\
	pushl %ecx ;			\
	movzwl 8(%esp), %ecx ;		\
	leal -2(%ecx), %ecx ;		\
	movl %ecx, 8(%esp) ;		\
	popl %ecx ;			\
	ret ;				\
	vmi_call_end(name)

	push_selector(PushCS, cs)
	push_selector(PushSS, ss)
	enters(PopSS)
	enters(LoadStack)
	vmi_none(LoadSegment)		/* a selector fault brings the real tables up to date */
	enters(CheckSelector)

/* --- descriptor tables --------------------------------------------------------------------- */

	enters(SetGDT)
	enters(SetLDT)
	enters(SetIDT)
	enters(SetTR)
	enters(GetGDT)
	enters(GetIDT)
	enters(GetLDT)
	enters(GetTR)

	/* A word of struct vcpu, which is the ROM's: whatever the guest's SS is, CS is flat. */
#define reads(name, offset)			\
	vmi_call(name, 0) ;			\
	movl %cs:vcpu + offset, %eax ;		\
	ret ;					\
	vmi_call_end(name)

/* --- control and debug registers ----------------------------------------------------------- */

	enters(SetCR0)
	reads(GetCR0, VCPU_CR0)
	enters(SetCR2)
	reads(GetCR2, VCPU_CR2)
	enters(SetCR3)
	reads(GetCR3, VCPU_CR3)
	enters(SetCR4)
	reads(GetCR4, VCPU_CR4)
	enters(CLTS)
	enters(LMSW)
	enters(XSETBV)
	enters(SetDR)
	enters(GetDR)

/* --- caches and translations --------------------------------------------------------------- */

	enters(INVD)
	enters(WBINVD)
	enters(InvalPage)
	enters(INVPCID)

/* --- identification, model-specific registers, time ---------------------------------------- */

	enters(CPUID)
	enters(WRMSR)
	enters(RDMSR)
	enters(RDPMC)
	vmi_none(RDTSC)			/* no fault, in any ring (xen: unless CR4.TSD) */
	enters(RDTSCP)
	enters(MONITOR)
	enters(MWAIT)
	vmi_none(InvalidOpcode)		/* no such feature in any ring that is not Xen's: #UD */

/* --- ports --------------------------------------------------------------------------------- */

	enters(INB)
	enters(INW)
	enters(INL)
	enters(OUTB)
	enters(OUTW)
	enters(OUTL)
	enters(INSB)
	enters(INSW)
	enters(INSL)
	enters(OUTSB)
	enters(OUTSW)
	enters(OUTSL)

/* --- page-table entries -------------------------------------------------------------------- */

	in_wedge(SetPxE, CLOBBERS_FLAGS)
	in_wedge(SetPxELong, CLOBBERS_FLAGS)
	enters(SwapPxE)
	enters(SwapPxELongAtomic)
	enters(CompareSwapPxELong)
	enters(DeactivatePxELongAtomic)
	enters(TestAndSetPxEBit)
	enters(TestAndClearPxEBit)
	enters(TestAndSetPxELongBit)
	enters(TestAndClearPxELongBit)
