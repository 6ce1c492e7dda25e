/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where Xen enters (public/arch-x86/xen-x86_32.h): ring 1, flat segments of Xen's own, ESI the
 * address of struct start_info, a stack, events masked. This is Xen's first mapping, guest-physical
 * addresses + ROM_XEN_VIRT_BASE, not the window at which the ROM is linked.
 */
#include "rom/platform/xen/window.h"

	.text
	.globl ROM_ENTRY_XEN
	.type ROM_ENTRY_XEN, @function
ROM_ENTRY_XEN:
	cld
	call 1f
1:	popl %ebp
	subl $1b, %ebp			/* EBP = address here minus linked address */
	movl %esi, %eax
	movl %ebp, %edx
	call map_window			/* int32_t map_window(start_info, low): 0 if it worked */
	testl %eax, %eax
	jnz 2f
	movl $3f, %eax
	jmp *%eax

	/* There is no window, so nobody who could say so: Xen reports the fault and the registers,
	   EAX with the hypercall's errno. */
2:	ud2

3:	movl $rom_stack_end, %esp
	xorl %ebp, %ebp
	movl %esi, %eax
	call start			/* void start(start_info): does not return */
	ud2
	.size ROM_ENTRY_XEN, . - ROM_ENTRY_XEN

	.bss
	.balign 4096
	.globl rom_stack, rom_stack_end
	.type rom_stack, @object
rom_stack:
	.fill 16384, 1, 0
	.size rom_stack, . - rom_stack
rom_stack_end:

	.section .note.GNU-stack, "", @progbits
