/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel that says it is Linux: the base that tests rewrite modules for. */
	.text
	.globl _start
	.type _start, @function
_start:
	cli
	hlt
	jmp _start
	.size _start, . - _start

	.section .rodata, "a"
	.globl linux_banner
	.type linux_banner, @object
linux_banner:
	.asciz "Linux version 6.1.0-test (postburn) #1 test\n"
	.size linux_banner, . - linux_banner
	.section .note.GNU-stack, "", @progbits
