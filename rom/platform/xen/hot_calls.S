/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that are made so often that they must not enter the ROM. They run in ring 2, in the window
 * or its low alias, on the guest's stack, and reach the ROM's data through SS: the ROM lets them run
 * only while the guest's SS is flat and its IOPL is 0 (hot.c). The virtual interrupt flag is the
 * reverse of Xen's event mask.
 *
 * The stack at the start of each:   (%esp) return address,   4(%esp) word0,   8(%esp) word1 ...
 *
 * What is not simple goes on at cold_NAME, with stack and registers as at the start.
 */
#include "frame_offsets.h" /* generated */
#include "patchtables/rom_abi.h"
#include "rom/platform/xen/window.h"

#define EFLAGS_IF 0x200
#define EFLAGS_NT 0x4000
#define EFLAGS_VM 0x20000
#define IF_BYTE   2		/* in bits 15-8 of the flags */
#define SLOW_BYTE 0x71		/* TF, IOPL, NT there: not done here */

	.text

/* Four bytes each: hot.c has the numbers, in this order. */
	.balign 4
	.globl cold_calls, cold_calls_end
	.type cold_calls, @function
cold_calls:
	.irp name, EnableInterrupts, POPF, IRET, SetPxE, SetPxELong
cold_\name:
	int $0x80
	ret
	nop
	.endr
cold_calls_end:
	.size cold_calls, . - cold_calls

	.globl hot_PUSHF
	.type hot_PUSHF, @function
hot_PUSHF:
	pushl (%esp)			/* the return address, a word lower */
	pushfl
	popl 4(%esp)			/* the flags where it was; the real IF is 1 */
	pushl %ecx
	movzbl %ss:VCPU_INFO_MASK, %ecx
	jecxz 1f
	movzbl 9(%esp), %ecx
	leal -IF_BYTE(%ecx), %ecx	/* no flag changes */
	movb %cl, 9(%esp)
1:	popl %ecx
	ret
	.size hot_PUSHF, . - hot_PUSHF

	.globl hot_POPF
	.type hot_POPF, @function
hot_POPF:
	pushl %ecx
	movzbl 9(%esp), %ecx		/* bits 15-8 of word0 */
	testb $SLOW_BYTE, %cl
	jnz 2f
	shrl %ecx
	notl %ecx
	andl $1, %ecx
	movb %cl, %ss:VCPU_INFO_MASK
	jnz 1f
	cmpb $0, %ss:VCPU_INFO_PENDING
	jne 2f
1:	popl %ecx
	pushl 4(%esp)
	popfl				/* leaves the real IF and IOPL alone */
	ret $4
2:	popl %ecx
	jmp cold_POPF
	.size hot_POPF, . - hot_POPF

/*
 * Page-table entries: the guest's store, and a note for the MMU if there is an entry now. The store
 * comes first, so that a fault finds the stack as at the start (traps.c). note_not: 4 where entries
 * have 64 bits, for their upper halves are none.
 */
	.globl hot_SetPxE
	.type hot_SetPxE, @function
hot_SetPxE:
	movl %edx, %ss:(%eax)
	testb $1, %dl
	jz 1f
	testb %al, %ss:note_not
	jnz 1f
	pushl %ecx
	movl %ss:mmu_notes, %ecx
	cmpl $NOTES, %ecx
	jae 2f
	movl %eax, %ss:mmu_notes + 4(, %ecx, 4)
	incl %ss:mmu_notes
	popl %ecx
1:	ret
2:	popl %ecx
	jmp cold_SetPxE
	.size hot_SetPxE, . - hot_SetPxE

	.globl hot_SetPxELong
	.type hot_SetPxELong, @function
hot_SetPxELong:
	movl %edx, %ss:4(%ecx)
	movl %eax, %ss:(%ecx)
	testb $1, %al
	jz 1f
	pushl %edx
	movl %ss:mmu_notes, %edx
	cmpl $NOTES, %edx
	jae 2f
	movl %ecx, %ss:mmu_notes + 4(, %edx, 4)
	incl %ss:mmu_notes
	popl %edx
1:	ret
2:	popl %edx
	jmp cold_SetPxELong
	.size hot_SetPxELong, . - hot_SetPxELong

/*
 * To user mode only, with interrupts enabled, and if none of the descriptors that user mode has
 * loaded changed. From hot_iret_last_part on an event finds nothing but the frame to return by:
 * the ROM then completes the return itself (hot.c).
 */
	.globl hot_IRET, hot_iret_last_part, hot_iret, hot_iret_end
	.type hot_IRET, @function
hot_IRET:
	pushl %eax
	pushl %ecx
	pushl %edx
	movl 20(%esp), %eax		/* CS */
	notl %eax
	testb $3, %al
	jnz 9f
	movl 24(%esp), %eax		/* flags */
	testl $(EFLAGS_NT | EFLAGS_VM), %eax
	jnz 9f
	testl $EFLAGS_IF, %eax
	jz 9f
	cmpl $0, %ss:mmu_notes		/* its count */
	jne 9f
	movl %ss:user_entry_count, %ecx
1:	decl %ecx
	js 2f
	movl %ss:user_entry_guest(, %ecx, 4), %eax	/* where the guest has it */
	movl %ss:user_entry_seen(, %ecx, 4), %edx
	pushl %esi
	movl %ss:(%eax), %esi
	cmpl %ss:(%edx), %esi
	jne 8f
	movl %ss:4(%eax), %esi
	cmpl %ss:4(%edx), %esi
	jne 8f
	popl %esi
	jmp 1b
2:	popl %edx
	popl %ecx
	popl %eax
hot_iret_last_part:
	movb $0, %ss:VCPU_INFO_MASK
	cmpb $0, %ss:VCPU_INFO_PENDING
	jne cold_IRET
	leal 4(%esp), %esp		/* the return address */
hot_iret:
	iret
hot_iret_end:
8:	popl %esi
9:	popl %edx
	popl %ecx
	popl %eax
	jmp cold_IRET
	.size hot_IRET, . - hot_IRET

	.section .note.GNU-stack, "", @progbits
