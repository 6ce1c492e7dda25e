/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into C and back. Every trap, every software interrupt and Xen's event callback comes here, in
 * ring 1, with events masked; frame.h has the frame. The data segment registers are whatever the
 * interrupted code had; SS is flat.
 */
#include "frame_offsets.h" /* generated */
#include "rom/platform/xen/window.h"

#define TF 0x00000100		/* of EFLAGS */
#define NT 0x00004000
#define RF 0x00010000

#define VECTOR_EVENT    0x100
#define VECTOR_FAILSAFE 0x101

	.text

/* --- in ------------------------------------------------------------------------------------- */

/* 256 entries of 16 bytes. Xen pushes an error code where the processor does (SDM vol. 3, 6.15). */
	.balign 16
	.globl trap_entries
	.type trap_entries, @function
trap_entries:
	vector = 0
	.rept 256
	.balign 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	pushl $0
	.endif
	pushl $vector
	jmp trap_common
	vector = vector + 1
	.endr
	.size trap_entries, . - trap_entries

/*
 * `int $0x80`. From user mode the short way: as long as the guest's gate and its TSS's SS0 are those
 * that fast_system_call remembers, its frame is written to its stack, and its handler entered. What
 * faults on the way is filled by the MMU; where that cannot be, C finds out everything again. (The
 * instruction is looked at because qemu takes int 0x40 for int 0x80.)
 */
#define PUSHED 12

	.macro guest_access instruction:vararg
7777:	\instruction
	.pushsection .rom_fixups, "a", @progbits
	.long 7777b, system_call_in_c
	.popsection
	.endm

	.globl system_call_entry
	.type system_call_entry, @function
system_call_entry:
	testb $1, IRET_CS(%esp)		/* ring 3, not 2 */
	jz 1f
	pushl %eax
	pushl %ecx
	pushl %edx
	movl %ss:fast_system_call + FAST_GATE_AT, %ecx
	testl %ecx, %ecx
	jz system_call_in_c
	movl PUSHED(%esp), %eax
	guest_access cmpw $0x80cd, %ss:-2(%eax)
	jne system_call_in_c
	guest_access movl %ss:(%ecx), %eax
	cmpl %ss:fast_system_call + FAST_GATE, %eax
	jne system_call_in_c
	guest_access movl %ss:4(%ecx), %eax
	cmpl %ss:fast_system_call + FAST_GATE + 4, %eax
	jne system_call_in_c
	movl %ss:fast_system_call + FAST_TSS_AT, %ecx
	guest_access movl %ss:4(%ecx), %edx	/* ESP0 */
	guest_access movzwl %ss:8(%ecx), %eax	/* SS0 */
	cmpl %ss:fast_system_call + FAST_SS0, %eax
	jne system_call_in_c
	movl PUSHED + IRET_SS(%esp), %eax
	guest_access movl %eax, %ss:-4(%edx)
	movl PUSHED + IRET_ESP(%esp), %eax
	guest_access movl %eax, %ss:-8(%edx)
	movl PUSHED + IRET_EFLAGS(%esp), %eax
	guest_access movl %eax, %ss:-12(%edx)
	movzwl PUSHED + IRET_CS(%esp), %eax
	guest_access movl %eax, %ss:-16(%edx)
	movl PUSHED(%esp), %eax
	guest_access movl %eax, %ss:-20(%edx)
	leal -20(%edx), %edx
	movl %edx, PUSHED + IRET_ESP(%esp)
	movl %ss:fast_system_call + FAST_SS, %eax
	movl %eax, PUSHED + IRET_SS(%esp)
	movl %ss:fast_system_call + FAST_CS, %eax
	movl %eax, PUSHED + IRET_CS(%esp)
	movl %ss:fast_system_call + FAST_EIP, %eax
	movl %eax, PUSHED(%esp)
	andl $~(TF | NT | RF), PUSHED + IRET_EFLAGS(%esp)
	popl %edx
	popl %ecx
	popl %eax
	iret				/* events stay masked: IF is 0 */
system_call_in_c:
	popl %edx
	popl %ecx
	popl %eax
1:	pushl $0
	pushl $0x80
	jmp trap_common
	.size system_call_entry, . - system_call_entry

/*
 * An event. In ring 1 it can come in two places only: behind SCHEDOP_block, which unmasks, and on
 * the way out (below), where the frame that was about to be used is taken for the event's.
 */
	.globl event_entry
	.type event_entry, @function
event_entry:
	testb $2, IRET_CS(%esp)
	jnz 1f
	cmpl $exit_critical, (%esp)
	jb 2f
	cmpl $exit_critical_end, (%esp)
	jae 2f
	addl $12, %esp
1:	pushl $0
	pushl $VECTOR_EVENT
	jmp trap_common
2:	movb $1, %ss:VCPU_INFO_MASK
	iret
	.size event_entry, . - event_entry

/* Xen could not load the guest's DS, ES, FS or GS, and has pushed them. */
	.globl failsafe_entry
	.type failsafe_entry, @function
failsafe_entry:
	addl $16, %esp
	pushl $0
	pushl $VECTOR_FAILSAFE
	.size failsafe_entry, . - failsafe_entry

trap_common:
	pushal
	pushl %ds
	pushl %es
	movl $XEN_DATA_SELECTOR, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	movl %esp, %eax
	call trap			/* void trap(struct rom_frame *) */

/* --- out ------------------------------------------------------------------------------------ */

	.globl exit_frame
	.type exit_frame, @function
exit_frame:
	.globl exit_pop_es, exit_pop_ds, exit_iret
exit_pop_es:
	popl %es
exit_pop_ds:
	popl %ds
	popal
	addl $8, %esp
	testb $2, IRET_EFLAGS + 1(%esp)
	jz exit_iret
exit_critical:
	movb $0, %ss:VCPU_INFO_MASK
	cmpb $0, %ss:VCPU_INFO_PENDING
	jne 1f
exit_iret:
	cmpl $0, %ss:espfix_stack + 4
	jne 2f
	iret				/* leaves the real IF alone: CPL > IOPL */
2:	lss %ss:espfix_stack, %esp
	iret
1:	movb $1, %ss:VCPU_INFO_MASK
exit_critical_end:
	pushl $0
	pushl $VECTOR_EVENT
	jmp trap_common
	.size exit_frame, . - exit_frame

/* void enter_guest(const struct rom_frame *): goes on as the frame says. */
	.globl enter_guest
	.type enter_guest, @function
enter_guest:
	movl %eax, %esp
	jmp exit_frame
	.size enter_guest, . - enter_guest

/* --- memory that may fault -------------------------------------------------------------------- */

/*
 * uint32_t copy_or_fault(void *to, const void *from, uint32_t size): how many bytes were not
 * copied, 0 if all were.
 */
	.globl copy_or_fault
	.type copy_or_fault, @function
copy_or_fault:
	pushl %edi
	pushl %esi
	movl %eax, %edi
	movl %edx, %esi
	movl %ecx, %eax
	andl $3, %eax
	shrl $2, %ecx
1:	rep movsl
	movl %eax, %ecx
2:	rep movsb
3:	movl %ecx, %eax
	popl %esi
	popl %edi
	ret
4:	leal (%eax, %ecx, 4), %eax	/* fault among the words */
	popl %esi
	popl %edi
	ret
	.size copy_or_fault, . - copy_or_fault
	.pushsection .rom_fixups, "a", @progbits
	.long 1b, 4b
	.long 2b, 3b
	.popsection

/* uint32_t exchange_or_fault(uint32_t *at, uint32_t *value): 0 if it worked. */
	.globl exchange_or_fault
	.type exchange_or_fault, @function
exchange_or_fault:
	movl (%edx), %ecx
1:	xchgl %ecx, (%eax)
	movl %ecx, (%edx)
	xorl %eax, %eax
	ret
2:	movl $1, %eax
	ret
	.size exchange_or_fault, . - exchange_or_fault
	.pushsection .rom_fixups, "a", @progbits
	.long 1b, 2b
	.popsection

/* void platform_set_fs(uint16_t selector), platform_set_gs: null if it is no good. */
	.macro set_segment register
	.globl platform_set_\register
	.type platform_set_\register, @function
platform_set_\register:
1:	movw %ax, %\register
	ret
2:	xorl %eax, %eax
	movw %ax, %\register
	ret
	.size platform_set_\register, . - platform_set_\register
	.pushsection .rom_fixups, "a", @progbits
	.long 1b, 2b
	.popsection
	.endm

	set_segment fs
	set_segment gs

	.section .note.GNU-stack, "", @progbits
