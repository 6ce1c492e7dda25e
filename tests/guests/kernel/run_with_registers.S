/* SPDX-License-Identifier: BSD-2-Clause */

#include "tests/guests/kernel/registers.h"

/*
 * void run_with_registers(struct registers *registers, void (*code)(void));
 * The stack when code is called, from the return address of run_with_registers() down:
 *	return address, EBP, EBX, ESI, EDI, return address into here
 */
	.text
	.globl run_with_registers
	.type run_with_registers, @function
run_with_registers:
	push %ebp
	push %ebx
	push %esi
	push %edi
	mov 20(%esp), %eax
	mov 24(%esp), %edx
	mov %edx, code_to_run
	mov REGISTERS_ECX(%eax), %ecx
	mov REGISTERS_EDX(%eax), %edx
	mov REGISTERS_EBX(%eax), %ebx
	mov REGISTERS_EBP(%eax), %ebp
	mov REGISTERS_ESI(%eax), %esi
	mov REGISTERS_EDI(%eax), %edi
	push REGISTERS_EFLAGS(%eax)
	mov REGISTERS_EAX(%eax), %eax
	popf
	call *code_to_run
	pushf
	push $2				/* none set but the one that always is */
	popf
	push %eax
	mov 28(%esp), %eax
	mov %ecx, REGISTERS_ECX(%eax)
	mov %edx, REGISTERS_EDX(%eax)
	mov %ebx, REGISTERS_EBX(%eax)
	mov %ebp, REGISTERS_EBP(%eax)
	mov %esi, REGISTERS_ESI(%eax)
	mov %edi, REGISTERS_EDI(%eax)
	pop REGISTERS_EAX(%eax)
	pop REGISTERS_EFLAGS(%eax)
	pop %edi
	pop %esi
	pop %ebx
	pop %ebp
	ret
	.size run_with_registers, . - run_with_registers

	.bss
	.balign 4
code_to_run:
	.skip 4
