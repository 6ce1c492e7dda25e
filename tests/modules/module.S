/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module with one of each thing that a relocation makes hard: tests/modules/link_test knows none
 * of it, but compares all of it before and after.
 */
	.macro function name
	.globl \name
	.type \name, @function
\name:
	call __fentry__
	.section __mcount_loc, "a", @progbits
	.long \name
	.previous
	.endm

	.text
	/* Operands of displaced instructions: absolute, with a base, an index; immediates. */
	function operands
	cli
	movl variable, %eax
	sti
	movl $variable, %ecx
	nop
	cli
	addl table+8(,%edx,4), %ecx
	pushf
	movl $text_end, variable+4
	popf
	movl %ecx, table-4(%eax)
	ret
	.size operands, . - operands

	/* Calls: of another module's function, of one's own, through a table. */
	function calls
	cli
	call other_function
	sti
	call operands
	nop
	cli
	call *table(,%eax,4)
	ret
	.size calls, . - calls

	/* Branches, near and far, out of windows; one to another section and back. */
	function branches
	cli
	jz 1f
	incl %eax
	sti
	jmp cold
back:
	nop
	pushf
	jnz other_function
	popf
	ret
1:	loop 1b
	jmp *table(,%eax,4)
	.size branches, . - branches

	/* A site that is a branch's target, with no room around it: its branches move. */
	function narrow
	decl %eax
	jz 2f
	ret
2:	sti
3:	decl %eax
	jnz 3b
	ret
	.size narrow, . - narrow

	/* An instruction whose fault is looked up stays; so does what is looked up by its address. */
	function faulting
4:	wrmsr
5:	cli
	movl $1, %eax
	ret
	.section __ex_table, "a", @progbits
	.balign 4
	.long 4b - ., 5b - ., 0
	.previous
	.size faulting, . - faulting

	/* A word that counts from its own place cannot move with its instruction. */
	function relative
	cli
	movl $variable - ., %eax
	sti
	ret
	.size relative, . - relative

	/* A site with a relocation of its own. */
	function sites
	lgdt descriptor
	ret
	nop
	nop
	sidt descriptor+8(,%ecx,2)
	ret
	.size sites, . - sites
text_end:

	.section .text.unlikely, "ax", @progbits
	.type cold, @function
cold:
	cli
	movl variable, %ebx
	jmp back
	.size cold, . - cold

	.section .init.text, "ax", @progbits
	.globl init_module
	.type init_module, @function
init_module:
	sti
	movl $operands, %eax
	call *%eax
	cli
	jmp calls
	.size init_module, . - init_module

	.section .exit.text, "ax", @progbits
	.globl cleanup_module
	.type cleanup_module, @function
cleanup_module:
	pushf
	cli
	call other_function
	ret
	.size cleanup_module, . - cleanup_module

	.data
	.globl variable
variable:
	.long 1, 2
table:
	.long operands, calls, back, other_data
descriptor:
	.fill 16, 1, 0

	.bss
	.fill 64, 1, 0

	.section .modinfo, "a", @progbits
	.asciz "license=GPL"
	.ascii "vermagic="
	.ascii RELEASE
	.asciz " SMP preempt mod_unload 686 "
	.section .gnu.linkonce.this_module, "aw", @progbits
	.fill 24, 1, 0
	.long init_module, cleanup_module
	.section .debug_info, "", @progbits
	.long operands, variable
	.section .note.GNU-stack, "", @progbits
