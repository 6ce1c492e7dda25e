/* SPDX-License-Identifier: BSD-2-Clause */
/* The first step: the ROM says hello from ring 1. The guest has no IDT: its first exception becomes
   a triple fault, a reset. */
	.text
	.globl test_entry
test_entry:
	ud2
	.section .note.GNU-stack, "", @progbits
