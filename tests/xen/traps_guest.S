/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps from ring 2 are taken and returned from; a stack that nothing is mapped at, as long as
 * nobody has touched it, is one like any other: every trap would end a domain in ring 1 there.
 */
#include "tests/xen/guest.inc"

#define FRESH_STACK 0x3f0000 /* below the ROM; never touched */

	.text
	.globl test_entry
test_entry:
	movl $stack_end, %esp
	movl $gdt_pointer, %eax		/* 0x10 is data here: CS is the old table's up to the jump */
	call VMI_SetGDT
	say "lgdt\r\n"
	pushl $0x08
	pushl $1f
	call VMI_FarJump
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl $idt_pointer, %eax
	call VMI_SetIDT
	movl $breakpoint, %eax
	movl $3, %ecx
	call set_gate
	movl $invalid, %eax
	movl $6, %ecx
	call set_gate
	movl $call_gate, %eax
	movl $0x33, %ecx
	call set_gate

	int3
	say "int3\r\n"
	ud2
	say "ud2\r\n"
	int $0x33
	say "int 0x33\r\n"

	movl $FRESH_STACK, %esp
	int3				/* the trap itself is what touches the stack first */
	say "stack\r\n"
	movl $FRESH_STACK - 0x10000, %esp
	pushl $0x12345678
	popl %eax
	cmpl $0x12345678, %eax
	jne 1f
	say "push\r\n"
1:	power_off

/* ECX: vector; EAX: its handler. */
set_gate:
	movw %ax, idt(, %ecx, 8)
	movw $0x08, idt + 2(, %ecx, 8)
	movw $0x8e00, idt + 4(, %ecx, 8)
	shrl $16, %eax
	movw %ax, idt + 6(, %ecx, 8)
	ret

breakpoint:
	cmpl $0x08, 4(%esp)		/* the guest's own CS, RPL 0 */
	jne 2f
	call VMI_IRET
invalid:
	addl $2, (%esp)			/* behind ud2 */
	call VMI_IRET
call_gate:
	call VMI_IRET
2:	say "wrong CS\r\n"
	power_off

	.data
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.short . - gdt - 1
	.long gdt
idt_pointer:
	.short 8 * 256 - 1
	.long idt

	.bss
	.balign 8
idt:	.fill 8 * 256, 1, 0
	.fill 4096, 1, 0
stack_end:

	guest_library
