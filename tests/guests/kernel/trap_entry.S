/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Trap entry and return. All gates are interrupt gates: interrupts are off from entry on. The
 * stack when trap() is called, addresses falling from top to bottom (struct trap_frame, frame.h):
 *
 *	+0x48  SS		only from ring 3
 *	+0x44  ESP		only from ring 3
 *	+0x40  EFLAGS
 *	+0x3c  CS
 *	+0x38  EIP		pushed by the processor down to here, or the error code
 *	+0x34  error code, or 0
 *	+0x30  vector
 *	+0x2c  DS
 *	+0x28  ES
 *	+0x24  FS
 *	+0x20  GS
 *	+0x1c  EAX
 *	 ...   ECX EDX EBX (ESP) EBP ESI
 *	+0x00  EDI		<- argument of trap()
 */

#include "tests/guests/kernel/frame.h"
#include "tests/guests/kernel/selectors.h"

/* Vectors for which the processor pushes an error code: SDM vol. 3, 6.3.1, table 6-1. */
#define HAS_ERROR(vector) \
	((vector) == 8 || ((vector) >= 10 && (vector) <= 14) || (vector) == 17 || (vector) == 21)

/* One stub of TRAP_STUB_SIZE bytes a vector. */
	.text
	.balign 16
	.globl trap_stubs
	.type trap_stubs, @function
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if HAS_ERROR(vector) == 0
	push $0
	.endif
	push $vector
	jmp trap_entry
	.set vector, vector + 1
	.endr
	.balign 16
	.size trap_stubs, . - trap_stubs

/*
 * The same for vectors raised by `int n`, which never pushes an error code: SDM vol. 2, INT n.
 */
	.globl software_trap_stubs
	.type software_trap_stubs, @function
software_trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	push $0
	push $vector
	jmp trap_entry
	.set vector, vector + 1
	.endr
	.balign 16
	.size software_trap_stubs, . - software_trap_stubs

	.type trap_entry, @function
trap_entry:
	push %ds
	push %es
	push %fs
	push %gs
	pusha
	mov %ss, %eax
	cmp $SELECTOR_KERNEL_DATA, %ax
	jne odd_stack
	mov $SELECTOR_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	cld
	push %esp			/* struct trap_frame * */
	call trap
	add $4, %esp
	.size trap_entry, . - trap_entry

/* ESP: a struct trap_frame. Also the way into ring 3. */
	.globl trap_return
	.type trap_return, @function
trap_return:
	popa
	pop %gs
	pop %fs
	pop %es
	pop %ds
	add $8, %esp
trap_return_iret:
	iret
	.size trap_return, . - trap_return

/*
 * A check had another stack segment than the flat one, with base stack_segment_base: handle the
 * trap on the same bytes by their linear address, then go back to that segment. Not reentrant.
 */
	.type odd_stack, @function
odd_stack:
	mov $SELECTOR_KERNEL_DATA, %edx
	mov %edx, %ds
	mov %edx, %es
	mov %edx, %fs
	mov %edx, %gs
	mov %eax, odd_stack_pointer + 4
	mov %esp, odd_stack_pointer
	mov %esp, %eax
	add stack_segment_base, %eax
	mov %edx, %ss
	mov %eax, %esp
	cld
	push %esp			/* struct trap_frame * */
	call trap
	lss odd_stack_pointer, %esp
	jmp trap_return
	.size odd_stack, . - odd_stack

/*
 * void user_enter(struct trap_frame *frame);
 * Goes to ring 3 with the state in *frame, through a copy of it on a stack of its own, and returns
 * when a trap ends the run (user_leave()), with the state then in *frame. Interrupts off on return.
 */
	.globl user_enter
	.type user_enter, @function
user_enter:
	push %ebp
	push %ebx
	push %esi
	push %edi
	mov 20(%esp), %esi
	mov %esi, user_frame
	mov %esp, user_kernel_stack
	mov $user_entry_frame, %edi
	mov $FRAME_SIZE / 4, %ecx
	rep movsl
	mov $user_entry_frame, %esp
	jmp *user_way
	.size user_enter, . - user_enter

/*
 * void user_leave(const struct trap_frame *frame); does not return
 * Called by trap() on the stack that the trap came to: makes user_enter() return.
 */
	.globl user_leave
	.type user_leave, @function
user_leave:
	mov 4(%esp), %esi
	mov user_frame, %edi
	mov $FRAME_SIZE / 4, %ecx
	rep movsl
	mov user_kernel_stack, %esp
	movl $0, user_frame
	push $2				/* no flag of the program stays, such as IOPL */
	popf
	pop %edi
	pop %esi
	pop %ebx
	pop %ebp
	ret
	.size user_leave, . - user_leave

	.bss
	.balign 4
	.globl user_frame
user_frame:
	.skip 4
user_kernel_stack:
	.skip 4
odd_stack_pointer:
	.skip 8
	.skip 2048			/* for a fault on the way to ring 3 */
user_entry_frame:
	.skip FRAME_SIZE
	.skip 16			/* ES, DS, FS, GS of virtual-8086 mode: all 0 */
