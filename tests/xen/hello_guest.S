/* SPDX-License-Identifier: BSD-2-Clause */
/* The first step: the ROM says hello from ring 1. What is here is not run yet. */
	.text
	.globl guest_entry
guest_entry:
	ud2
	.section .note.GNU-stack, "", @progbits
