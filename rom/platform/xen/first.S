/* SPDX-License-Identifier: BSD-2-Clause */
/* Linked first: where lists begin that several files add to. */
	.section .rom_fixups, "a", @progbits
	.balign 4
	.globl rom_fixups		/* instructions that may fault: address, where to go on */
	.type rom_fixups, @object
rom_fixups:

	.section .note.GNU-stack, "", @progbits
