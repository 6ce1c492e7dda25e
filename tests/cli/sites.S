/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest of a few instructions: tests/cli/scan.bats knows each site of it. */
	.text
	.globl _start
	.type _start, @function
_start:
	cli
	movl $0x1b, %ecx
	rdmsr
	wrmsr
	nop
	jmp .Lend
	.fill 16, 1, 0		/* zeros between functions are data */
.Lend:
	sti
	hlt
	.size _start, . - _start

	.globl idle
	.type idle, @function
idle:
	mov %cr3, %eax
	mov %eax, %cr3
	movl $0xfafafafa, %eax	/* no cli in there */
	iret
	.size idle, . - idle

	.section .init.text, "ax"
	.globl setup
	.type setup, @function
setup:
	lgdt (%eax)
	outb %al, %dx
	ret
	.size setup, . - setup
	.section .note.GNU-stack, "", @progbits
