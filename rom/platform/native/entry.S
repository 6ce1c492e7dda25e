/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a boot loader enters the native ROM: paging off, flat segments, at the low alias (the
 * ROM's guest-virtual addresses minus rom_parameters.guest_offset).
 *
 * The C code is linked at guest-virtual addresses and must run before paging is on. So it runs in
 * segments whose base is minus the offset: what it sees at an address is what the guest will see
 * there in its direct map.
 */
#include "patchtables/rom_abi.h"

#define BASED_CODE 0x20
#define BASED_DATA 0x28
#define LINUX_CODE 0x10 /* __BOOT_CS and __BOOT_DS, Linux Documentation/x86/boot.rst */
#define LINUX_DATA 0x18
#define STACK_SIZE 4096
#define START_INFO_RESERVED 52 /* struct hvm_start_info: offset of its last word, ours to write */

	.text

/*
 * PVH (Xen docs/misc/pvh.pandoc): EBX is the physical address of struct hvm_start_info, there is
 * no stack. The structure's reserved word takes the one return address.
 */
	.globl ROM_ENTRY_PVH
	.type ROM_ENTRY_PVH, @function
ROM_ENTRY_PVH:
	cli
	cld
	leal START_INFO_RESERVED + 4(%ebx), %esp
	call 1f
1:	popl %ebp
	subl $1b, %ebp			/* EBP = minus the offset, for everything below */

	movl %ebp, %eax			/* the base into the two descriptors: bits 15-0, 23-16, 31-24 */
	movw %ax, based_code + 2(%ebp)
	movw %ax, based_data + 2(%ebp)
	shrl $16, %eax
	movb %al, based_code + 4(%ebp)
	movb %al, based_data + 4(%ebp)
	movb %ah, based_code + 7(%ebp)
	movb %ah, based_data + 7(%ebp)
	leal descriptors(%ebp), %eax
	movl %eax, descriptors_pointer + 2(%ebp)
	lgdt descriptors_pointer(%ebp)
	ljmp $BASED_CODE, $2f

2:	movl $BASED_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $stack_end, %esp
	pushl %ebp
	movl %ebx, %eax
	call boot_linux			/* uint32_t boot_linux(uint32_t start_info): boot_params, both
					   physical; regparm(3) */
	popl %ebp

	/* Back to flat segments, at the low alias. */
	leal 3f(%ebp), %ecx
	pushl $LINUX_CODE
	pushl %ecx
	lret
3:	movl $LINUX_DATA, %ecx
	movl %ecx, %ds
	movl %ecx, %es
	movl %ecx, %fs
	movl %ecx, %gs
	movl %ecx, %ss
	leal stack_end(%ebp), %esp	/* Linux makes calls before it has a stack of its own */
	movl %eax, %esi
	xorl %ebp, %ebp			/* boot.rst: EBP, EDI, EBX are zero */
	xorl %edi, %edi
	xorl %ebx, %ebx
	jmp ROM_GUEST_ENTRY
	.size ROM_ENTRY_PVH, . - ROM_ENTRY_PVH

/* Multiboot: nothing to build, the guest takes what the loader left in EAX and EBX. */
	.globl ROM_ENTRY_MULTIBOOT
	.type ROM_ENTRY_MULTIBOOT, @function
ROM_ENTRY_MULTIBOOT:
	jmp ROM_GUEST_ENTRY
	.size ROM_ENTRY_MULTIBOOT, . - ROM_ENTRY_MULTIBOOT

	.data
	.balign 8
descriptors:
	.quad 0, 0
	.quad 0x00cf9b000000ffff	/* LINUX_CODE: base 0, limit 4 GB, DPL 0 */
	.quad 0x00cf93000000ffff	/* LINUX_DATA */
based_code:
	.quad 0x00cf9b000000ffff
based_data:
	.quad 0x00cf93000000ffff
descriptors_end:
descriptors_pointer:
	.short descriptors_end - descriptors - 1
	.long 0

	.bss
	.balign 16
	.fill STACK_SIZE, 1, 0
stack_end:

	.section .note.GNU-stack, "", @progbits
