/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the counting ROM's slots call first. All registers and flags are kept. Counts are of 32 bits,
 * and not exact where several processors count at once; SS is taken to be flat. Whoever wants them
 * reads the guest's memory at rom_call_counts: a word for each of the ROM_SLOT_COUNT calls.
 */
#include "patchtables/rom_abi.h"

	.macro counter number, name
	.globl count_\name
	.type count_\name, @function
count_\name:
	pushl %eax
	pushl %ecx
	call 1f
1:	popl %eax			/* its own address, with paging off or on */
	movl %ss:rom_call_counts + 4 * \number - 1b(%eax), %ecx
	leal 1(%ecx), %ecx
	movl %ecx, %ss:rom_call_counts + 4 * \number - 1b(%eax)
	popl %ecx
	popl %eax
	ret
	.size count_\name, . - count_\name
	.endm

	.text
#define ROM_CALL(number, name) counter number, name
#include "rom_calls.h"

	.bss
	.balign 64
	.globl rom_call_counts
	.type rom_call_counts, @object
	.size rom_call_counts, 4 * ROM_SLOT_COUNT
rom_call_counts:
	.fill 4 * ROM_SLOT_COUNT, 1, 0

	.section .note.GNU-stack, "", @progbits
