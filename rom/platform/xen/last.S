/* SPDX-License-Identifier: BSD-2-Clause */
/* Linked last: where the lists of first.S end. */
	.section .rom_fixups, "a", @progbits
	.globl rom_fixups_end
	.type rom_fixups_end, @object
rom_fixups_end:

	.section .note.GNU-stack, "", @progbits
