/* SPDX-License-Identifier: BSD-2-Clause */
/* Ring 2 is entered with paging off, a call is made and returned from, and it ends by itself. */
#include "tests/xen/guest.inc"

	.text
	.globl test_entry
test_entry:
	movl $stack_end, %esp
	movl %cs, %eax
	andl $3, %eax
	cmpl $2, %eax
	jne 1f
	say "ring 2\r\n"
1:	power_off

	.bss
	.fill 4096, 1, 0
stack_end:

	guest_library
