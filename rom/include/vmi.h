/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VMI_H
#define ROM_VMI_H

/*
 * Assembler macros for the calls of a ROM (patchtables/rom_abi.h). In .S files only.
 *
 *   vmi_call(NAME, CLOBBERS)   begins the code of a call of vmi_calls.def, offered as CALL
 *   vmi_jump(NAME)             likewise for a call that does not return, offered as JUMP
 *   vmi_call_end(NAME)         ends it: gives the symbol VMI_NAME its size
 *   vmi_none(NAME)             the native instruction stays
 *   vmi_outside target         call target in the wedge, listed as a patchup
 */

/* clang-format off: this is assembly */

#include "patchtables/rom_abi.h"

#define CLOBBERS_EAX   (1 << 0)
#define CLOBBERS_ECX   (1 << 1)
#define CLOBBERS_EDX   (1 << 2)
#define CLOBBERS_FLAGS ROM_CLOBBERS_FLAGS

	/* One struct rom_manifest_entry. */
	.macro rom_manifest_entry number, action, clobbers
	.pushsection .rom_manifest, "a", @progbits
	.short \number
	.byte \action
	.byte 0
	.long \clobbers
	.fill 24, 1, 0
	.popsection
	.endm

	.macro vmi_code name
	.section .vmi.call.\name, "ax", @progbits
	.globl VMI_\name
	.type VMI_\name, @function
VMI_\name:
	.endm

#define vmi_call(name, clobbers)                                          \
	rom_manifest_entry VMI_CALL_##name, ROM_ACTION_CALL, clobbers ; \
	vmi_code name
#define vmi_jump(name)                                             \
	rom_manifest_entry VMI_CALL_##name, ROM_ACTION_JUMP, 0 ; \
	vmi_code name
#define vmi_none(name)	   rom_manifest_entry VMI_CALL_##name, ROM_ACTION_NONE, 0
#define vmi_call_end(name) .size VMI_##name, . - VMI_##name

	.macro vmi_outside target
9191:	call \target
	.pushsection .vmi_patchups, "a", @progbits
	.balign 4
	.long 9191b + 1
	.popsection
	.endm

#endif
