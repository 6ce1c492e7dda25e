/* SPDX-License-Identifier: BSD-2-Clause */
/* A ROM that has a little of everything: calls in their slots and out of line, patchups, a wedge of
 * code, data and space without bytes. */
#include "rom/include/vmi.inc"

	.section .rom_manifest, "a", @progbits
	.long ROM_MANIFEST_MAGIC
	.short ROM_ABI_VERSION, 5	/* version, entries */
	.long 0
	.asciz "seed"
	.fill 15, 1, 0
	vmi_call(DisableInterrupts, 0)
	cli
	vmi_outside wedge
	ret
	vmi_call_end(DisableInterrupts)
	vmi_call(SetDR, CLOBBERS_EAX)
	.fill 40, 1, 0x90
	ret
	vmi_call_end(SetDR)
	vmi_jump(IRET)
	iret
	vmi_call_end(IRET)
	vmi_none(HLT)
	rom_manifest_entry VMI_CALL_CLTS, ROM_ACTION_NOP, 0

	.section .rom_parameters, "aw", @progbits
	.fill ROM_PARAMETERS_SIZE, 1, 0
	.text
	.globl ROM_ENTRY_PVH
	.type ROM_ENTRY_PVH, @function
ROM_ENTRY_PVH:
	jmp ROM_GUEST_ENTRY
wedge:
	movl word, %eax
	ret
	.data
word:
	.long wedge
	.bss
	.balign 64
	.fill 100, 1, 0
	.section .note.GNU-stack, "", @progbits
