/* SPDX-License-Identifier: BSD-2-Clause */
/* The ROMs that come with the program, as their files are: const uint8_t NAME_rom[], to NAME_rom_end. */

	.section .rodata
	.macro built_in_rom name
	.balign 16
	.globl \name\()_rom, \name\()_rom_end
\name\()_rom:
	.incbin "rom/\name\().rom"
\name\()_rom_end:
	.endm

	built_in_rom native
	built_in_rom xen

	.section .note.GNU-stack, "", @progbits
