/* SPDX-License-Identifier: BSD-2-Clause */
/* A module's object file: the sections a reader of modules looks for, with their relocations. */

	.text
	.globl init_module
	.type init_module, @function
init_module:
	call __fentry__
1:	rdmsr
2:	cli
3:	.byte 0x90, 0x90, 0x90
	.if BITS == 32
4:	lock addl $1, (%edx)
	.else
4:	lock addl $1, (%rdx)
	.endif
	.byte 0xf, 0x1f, 0x44, 0, 0
5:	ud2
	call _printk
	ret
	.size init_module, . - init_module

	.section .init.text, "ax"
	.globl cleanup_module
	.type cleanup_module, @function
cleanup_module:
	wbinvd
	ret
	.size cleanup_module, . - cleanup_module

	.section .altinstr_replacement, "ax"
6:	stac

	.section .altinstructions, "a"
	.long 3b - ., 6b - .
	.word 9 * 32 + 20
	.byte 3, 3

	.section __ex_table, "a"
	.balign 4
	.long 1b - ., 2b - .
	.long 1

	.section .smp_locks, "a"
	.balign 4
	.long 4b - .

	.section __bug_table, "aw"
	.if BITS == 32
	.long 5b, file_name
	.else
	.long 5b - ., file_name - .
	.endif
	.word 12, 1

	.section __mcount_loc, "a"
	.if BITS == 32
	.long init_module
	.else
	.quad init_module
	.endif

	.section .modinfo, "a"
	.asciz "license=Dual BSD/GPL"
	.asciz "vermagic=6.1.0 SMP preempt mod_unload modversions 686"

	.section .rodata
file_name:
	.asciz "module.c"

	.section .note.gnu.build-id, "a", @note
	.long 4, 20, 3
	.asciz "GNU"
	.ascii "01234567890123456789"

	.section .gnu.linkonce.this_module, "aw"
	.zero 64
	.section .note.GNU-stack, "", @progbits
