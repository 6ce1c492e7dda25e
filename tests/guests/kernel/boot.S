/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Entry from a multiboot loader or from a PVH one. Both enter in 32-bit protected mode with flat
 * segments, paging and interrupts off, and EBX the address of their information structure.
 * Sources: Multiboot Specification 0.6.96, 3.2; Xen's docs/misc/pvh.pandoc.
 */

#include "tests/guests/kernel/boot_information.h"
#include "tests/guests/kernel/selectors.h"

	.section .multiboot, "a", @progbits
	.balign 4
multiboot_header:
	.long MULTIBOOT_HEADER_MAGIC
	.long MULTIBOOT_HEADER_FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_HEADER_FLAGS)

/* XEN_ELFNOTE_PHYS32_ENTRY: where a PVH loader enters. */
	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18
	.asciz "Xen"
	.long entry_pvh

	.text
	.globl entry_multiboot
	.type entry_multiboot, @function
entry_multiboot:
	mov %eax, %esi
	jmp boot
	.size entry_multiboot, . - entry_multiboot

	.type entry_pvh, @function
entry_pvh:
	mov $PVH_MAGIC, %esi
	.size entry_pvh, . - entry_pvh

/* ESI: which loader. EBX: its information. */
	.type boot, @function
boot:
	cli
	cld
	xor %eax, %eax
	mov $bss_start, %edi
	mov $bss_end, %ecx
	sub %edi, %ecx
	rep stosb
	mov $boot_stack_top, %esp
	push $0
	popf
	lgdt boot_gdt_pointer
	ljmp $SELECTOR_KERNEL_CODE, $1f
1:	mov $SELECTOR_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	xor %ebp, %ebp
	push %ebx
	push %esi
	call guest_main		/* does not return */
	ud2
	.size boot, . - boot

	.section .rodata, "a", @progbits
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00cf9a000000ffff	/* SELECTOR_KERNEL_CODE */
	.quad 0x00cf92000000ffff	/* SELECTOR_KERNEL_DATA */
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long boot_gdt

	.bss
	.balign 4096
	.skip 16384
boot_stack_top:
	.globl boot_stack_top
