/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native ROM: every call does what its instruction does, on the bare machine. The contracts
 * are in patchtables/vmi_calls.def. All code here is position-independent: slots run before
 * paging is on, at the low alias of their addresses. What keeps flags needs no clobbers.
 *
 * The stack of a slot:
 *
 *    12(%esp)  word2
 *     8(%esp)  word1
 *     4(%esp)  word0
 *      (%esp)  return address
 */
#include "rom/include/vmi.inc"

/* The bit of CPUID leaf 0x80000001, EDX that says NX (SDM vol. 2, CPUID). Hidden from Linux: the ROM
 * stands behind the kernel, in memory that Linux maps without execution where it can. */
#define CPUID_NX (1 << 20)
#define PARAMETERS_GUEST_KIND 6 /* offset in struct rom_parameters */

/* --- interrupts and flags ------------------------------------------------------------------ */

	vmi_call(EnableInterrupts, 0)	/* the shadow of sti ends with the ret */
	sti
	ret
	vmi_call_end(EnableInterrupts)

	vmi_call(DisableInterrupts, 0)
	cli
	ret
	vmi_call_end(DisableInterrupts)

	vmi_call(Halt, 0)
	sti
	hlt
	ret
	vmi_call_end(Halt)

	vmi_call(HLT, 0)
	hlt
	ret
	vmi_call_end(HLT)

	vmi_call(PUSHF, 0)
	pushl (%esp)			/* return address, once more */
	pushfl
	popl 4(%esp)			/* flags over the first one; then below it the second */
	ret
	vmi_call_end(PUSHF)

	vmi_call(POPF, CLOBBERS_FLAGS)
	pushl 4(%esp)
	popfl
	ret $4
	vmi_call_end(POPF)

	vmi_none(PUSHFW)
	vmi_none(POPFW)
	vmi_call(STAC, CLOBBERS_FLAGS)
	stac
	ret
	vmi_call_end(STAC)

	vmi_call(CLAC, CLOBBERS_FLAGS)
	clac
	ret
	vmi_call_end(CLAC)

	vmi_call(IRET, 0)
	leal 4(%esp), %esp
	iret
	vmi_call_end(IRET)

	vmi_none(IRETW)
	vmi_none(SYSEXIT)
	vmi_none(SYSRET)

/* --- control transfers and selectors ------------------------------------------------------- */

	vmi_none(LRET)
	vmi_none(LRETW)
	vmi_none(FarCall)

	/* A jump to a TSS or a task gate is none that lret can do. */
	vmi_none(FarJump)

	vmi_call(PushCS, 0)
	pushl (%esp)
	pushl %cs
	popl 4(%esp)
	ret
	vmi_call_end(PushCS)

	vmi_call(PushSS, 0)
	pushl (%esp)
	pushl %ss
	popl 4(%esp)
	ret
	vmi_call_end(PushSS)

	/* The new SS may have another base: what would bring us back stands on the old stack. */
	vmi_none(PopSS)
	vmi_none(LoadStack)
	vmi_none(LoadSegment)
	vmi_none(CheckSelector)

	vmi_call(SetGDT, 0)
	lgdt (%eax)
	ret
	vmi_call_end(SetGDT)

	vmi_call(SetLDT, 0)
	lldt %ax
	ret
	vmi_call_end(SetLDT)

	vmi_call(SetIDT, 0)
	lidt (%eax)
	ret
	vmi_call_end(SetIDT)

	vmi_call(SetTR, 0)
	ltr %ax
	ret
	vmi_call_end(SetTR)

	vmi_call(GetGDT, 0)
	sgdt (%eax)
	ret
	vmi_call_end(GetGDT)

	vmi_call(GetIDT, 0)
	sidt (%eax)
	ret
	vmi_call_end(GetIDT)

	vmi_call(GetLDT, 0)
	sldt %eax
	ret
	vmi_call_end(GetLDT)

	vmi_call(GetTR, 0)
	str %eax
	ret
	vmi_call_end(GetTR)

/* --- control and debug registers ----------------------------------------------------------- */

	vmi_call(SetCR0, 0)
	movl %eax, %cr0
	ret
	vmi_call_end(SetCR0)

	vmi_call(GetCR0, 0)
	movl %cr0, %eax
	ret
	vmi_call_end(GetCR0)

	vmi_call(SetCR2, 0)
	movl %eax, %cr2
	ret
	vmi_call_end(SetCR2)

	vmi_call(GetCR2, 0)
	movl %cr2, %eax
	ret
	vmi_call_end(GetCR2)

	vmi_call(SetCR3, 0)
	movl %eax, %cr3
	ret
	vmi_call_end(SetCR3)

	vmi_call(GetCR3, 0)
	movl %cr3, %eax
	ret
	vmi_call_end(GetCR3)

	vmi_call(SetCR4, 0)
	movl %eax, %cr4
	ret
	vmi_call_end(SetCR4)

	vmi_call(GetCR4, 0)
	movl %cr4, %eax
	ret
	vmi_call_end(GetCR4)

	vmi_call(CLTS, 0)
	clts
	ret
	vmi_call_end(CLTS)

	vmi_call(LMSW, 0)
	lmsw %ax
	ret
	vmi_call_end(LMSW)

	vmi_call(XSETBV, 0)
	xsetbv
	ret
	vmi_call_end(XSETBV)

	/* EAX is the number, EDX the value: through a chain, for the number is in the opcode. 4 and 5
	   mean 6 and 7 (SDM vol. 3, section 17.2.2; with CR4.DE they would fault, which the guest could
	   not recover from here). */
	vmi_call(SetDR, CLOBBERS_FLAGS)
	.irp number, 0, 1, 2, 3
	cmpl $\number, %eax
	jne 1f
	movl %edx, %dr\number
	ret
1:
	.endr
	testl $1, %eax
	jnz 1f
	movl %edx, %dr6
	ret
1:	movl %edx, %dr7
	ret
	vmi_call_end(SetDR)

	vmi_call(GetDR, CLOBBERS_FLAGS)
	.irp number, 0, 1, 2, 3
	cmpl $\number, %eax
	jne 1f
	movl %dr\number, %eax
	ret
1:
	.endr
	testl $1, %eax
	jnz 1f
	movl %dr6, %eax
	ret
1:	movl %dr7, %eax
	ret
	vmi_call_end(GetDR)

/* --- caches and translations --------------------------------------------------------------- */

	vmi_call(INVD, 0)
	invd
	ret
	vmi_call_end(INVD)

	vmi_call(WBINVD, 0)
	wbinvd
	ret
	vmi_call_end(WBINVD)

	vmi_call(InvalPage, 0)
	invlpg (%eax)
	ret
	vmi_call_end(InvalPage)

	vmi_call(INVPCID, CLOBBERS_FLAGS)
	invpcid (%edx), %eax
	ret
	vmi_call_end(INVPCID)

/* --- page tables --------------------------------------------------------------------------- */

	vmi_call(SetPxE, 0)
	movl %edx, (%eax)
	ret
	vmi_call_end(SetPxE)

	vmi_call(GetPxE, 0)
	movl (%eax), %eax
	ret
	vmi_call_end(GetPxE)

	vmi_call(SwapPxE, 0)
	xchgl %edx, (%eax)
	movl %edx, %eax
	ret
	vmi_call_end(SwapPxE)

	vmi_call(SetPxELong, 0)		/* the high half first: the low one has the present bit */
	movl %edx, 4(%ecx)
	movl %eax, (%ecx)
	ret
	vmi_call_end(SetPxELong)

	vmi_call(GetPxELong, CLOBBERS_ECX)
	movl %eax, %ecx
	movl (%ecx), %eax
	movl 4(%ecx), %edx
	ret
	vmi_call_end(GetPxELong)

	vmi_call(SwapPxELongAtomic, CLOBBERS_FLAGS | CLOBBERS_ECX)
	pushl %ebx
	pushl %esi
	movl %ecx, %esi
	movl %eax, %ebx
	movl %edx, %ecx
	movl (%esi), %eax
	movl 4(%esi), %edx
1:	lock cmpxchg8b (%esi)
	jne 1b
	popl %esi
	popl %ebx
	ret
	vmi_call_end(SwapPxELongAtomic)

	vmi_call(CompareSwapPxELong, 0)	/* of the flags only ZF changes */
	lock cmpxchg8b (%esi)
	ret
	vmi_call_end(CompareSwapPxELong)

	vmi_call(TestAndSetPxEBit, CLOBBERS_FLAGS)
	lock btsl %edx, (%eax)
	sbbl %eax, %eax
	ret
	vmi_call_end(TestAndSetPxEBit)

	vmi_call(TestAndClearPxEBit, CLOBBERS_FLAGS)
	lock btrl %edx, (%eax)
	sbbl %eax, %eax
	ret
	vmi_call_end(TestAndClearPxEBit)

	vmi_call(TestAndSetPxELongBit, CLOBBERS_FLAGS)
	lock btsl %edx, (%eax)		/* of any dword from there on */
	sbbl %eax, %eax
	ret
	vmi_call_end(TestAndSetPxELongBit)

	vmi_call(TestAndClearPxELongBit, CLOBBERS_FLAGS)
	lock btrl %edx, (%eax)
	sbbl %eax, %eax
	ret
	vmi_call_end(TestAndClearPxELongBit)

	vmi_call(DeactivatePxELongAtomic, CLOBBERS_FLAGS | CLOBBERS_ECX)
	pushl %ebx
	pushl %esi
	movl %eax, %esi
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	movl (%esi), %eax
	movl 4(%esi), %edx
1:	lock cmpxchg8b (%esi)
	jne 1b
	popl %esi
	popl %ebx
	ret
	vmi_call_end(DeactivatePxELongAtomic)

/* --- identification, model-specific registers, time ---------------------------------------- */

	vmi_call(CPUID, CLOBBERS_FLAGS)
	cmpl $0x80000001, %eax
	je 1f
	cpuid
	ret
1:	cpuid
	vmi_outside hide_nx
	ret
	vmi_call_end(CPUID)

	.text
	.type hide_nx, @function
hide_nx:				/* EDX; clobbers flags */
	pushl %eax
	call 1f
1:	popl %eax
	cmpw $ROM_GUEST_LINUX, %cs:rom_parameters + PARAMETERS_GUEST_KIND - 1b(%eax)
	jne 2f
	andl $~CPUID_NX, %edx
2:	popl %eax
	ret
	.size hide_nx, . - hide_nx

	vmi_call(WRMSR, 0)
	wrmsr
	ret
	vmi_call_end(WRMSR)

	vmi_call(RDMSR, 0)
	rdmsr
	ret
	vmi_call_end(RDMSR)

	vmi_call(RDPMC, 0)
	rdpmc
	ret
	vmi_call_end(RDPMC)

	vmi_none(RDTSC)
	vmi_none(RDTSCP)

	vmi_none(MONITOR)
	vmi_none(MWAIT)
	vmi_none(InvalidOpcode)

/* --- ports --------------------------------------------------------------------------------- */

	vmi_call(INB, 0)
	inb %dx, %al
	ret
	vmi_call_end(INB)

	vmi_call(INW, 0)
	inw %dx, %ax
	ret
	vmi_call_end(INW)

	vmi_call(INL, 0)
	inl %dx, %eax
	ret
	vmi_call_end(INL)

	vmi_call(OUTB, 0)
	outb %al, %dx
	ret
	vmi_call_end(OUTB)

	vmi_call(OUTW, 0)
	outw %ax, %dx
	ret
	vmi_call_end(OUTW)

	vmi_call(OUTL, 0)
	outl %eax, %dx
	ret
	vmi_call_end(OUTL)

	vmi_call(INSB, 0)
	rep insb
	ret
	vmi_call_end(INSB)

	vmi_call(INSW, 0)
	rep insw
	ret
	vmi_call_end(INSW)

	vmi_call(INSL, 0)
	rep insl
	ret
	vmi_call_end(INSL)

	vmi_call(OUTSB, 0)
	rep outsb
	ret
	vmi_call_end(OUTSB)

	vmi_call(OUTSW, 0)
	rep outsw
	ret
	vmi_call_end(OUTSW)

	vmi_call(OUTSL, 0)
	rep outsl
	ret
	vmi_call_end(OUTSL)
