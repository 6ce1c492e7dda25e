/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ROM that leaves every instruction native: a kernel linked with it is the unpatched kernel with
 * the native ROM's way in. It is what kernels without a PVH entry of their own are compared with.
 */
#include "rom/include/vmi.inc"

	.section .rom_manifest, "a", @progbits
	.globl rom_manifest
	.type rom_manifest, @object
rom_manifest:
	.long ROM_MANIFEST_MAGIC
	.short ROM_ABI_VERSION
	.short (rom_manifest_end - rom_manifest_entries) / 32
	.long 0
1:	.asciz "entry-only"
	.fill 20 - (. - 1b), 1, 0
rom_manifest_entries:

#define ROM_CALL(number, name) vmi_none(name)
#include "rom_calls.h"

	.section .rom_manifest, "a", @progbits
rom_manifest_end:

	.section .note.GNU-stack, "", @progbits
