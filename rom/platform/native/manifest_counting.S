/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native ROM that counts: every call adds one to its counter (counters.S), then does what the
 * native ROM's does.
 */
#include "rom/include/vmi.inc"

#undef vmi_call
#define vmi_call(name, clobbers)                                          \
	rom_manifest_entry VMI_CALL_##name, ROM_ACTION_CALL, clobbers ; \
	vmi_code name                                                  ; \
	vmi_outside count_##name

#define ROM_NAME "native-counting"
#include "rom/platform/native/manifest.S"
