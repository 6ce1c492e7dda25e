/* SPDX-License-Identifier: BSD-2-Clause */
/* The ROMs that come with the program, as their files are: const uint8_t NAME_rom[], to NAME_rom_end. */

	.section .rodata
	.macro built_in_rom name, file
	.balign 16
	.globl \name\()_rom, \name\()_rom_end
\name\()_rom:
	.incbin "rom/\file\().rom"
\name\()_rom_end:
	.endm

	built_in_rom native, native
	built_in_rom native_counting, native-counting
	built_in_rom xen, xen

	.section .note.GNU-stack, "", @progbits
