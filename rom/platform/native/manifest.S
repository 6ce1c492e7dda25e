/* SPDX-License-Identifier: BSD-2-Clause */
/* The head of the native ROM's manifest; slots.S adds the entries, in this section, behind it. */
#include "patchtables/rom_abi.h"

#ifndef ROM_NAME /* manifest_counting.S has another one */
#define ROM_NAME "native"
#endif

	.section .rom_manifest, "a", @progbits
	.globl rom_manifest
	.type rom_manifest, @object
rom_manifest:
	.long ROM_MANIFEST_MAGIC
	.short ROM_ABI_VERSION
	.short (rom_manifest_end - rom_manifest_entries) / 32
	.long ROM_KEEPS_ENTRY_TEXT | ROM_KEEPS_FAULTING
1:	.asciz ROM_NAME
	.fill 20 - (. - 1b), 1, 0
rom_manifest_entries:

#include "rom/platform/native/slots.S"

	.section .rom_manifest, "a", @progbits
rom_manifest_end:

	.section .note.GNU-stack, "", @progbits
