#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What the ROM linker refuses, by message. Each test breaks one thing of a ROM that is fine.

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
	rom="$BATS_TEST_TMPDIR/test.rom"
	source="$BATS_TEST_TMPDIR/rom.S"
	cat >"$source" <<-'ROM'
		#include "rom/include/vmi.inc"
			.section .rom_manifest, "a", @progbits
			.long ROM_MANIFEST_MAGIC
			.short ROM_ABI_VERSION, 2	/* version, entries */
			.long 0
			.asciz "test"
			.fill 15, 1, 0
			vmi_call(DisableInterrupts, 0)
			cli
			vmi_outside wedge
			ret
			vmi_call_end(DisableInterrupts)
			vmi_none(HLT)			/* second entry */
			.section .rom_parameters, "aw", @progbits
			.fill ROM_PARAMETERS_SIZE, 1, 0
			.text
			.globl ROM_ENTRY_MULTIBOOT
		ROM_ENTRY_MULTIBOOT:
			jmp ROM_GUEST_ENTRY
		wedge:
			ret
			/* end */
	ROM
}

assemble() {
	gcc -m32 -I. -I"$POSTBURN_BUILD/generated" -c -o "$rom" "$source"
}

# Changes the source by a sed script, assembles it, and expects the diagnostic.
broken() {
	sed -i "$1" "$source"
	assemble
	run "$POSTBURN" patch --allow-unpatched --rom="$rom" -o "$BATS_TEST_TMPDIR/output" "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[$2]" ]]
	[ ! -e "$BATS_TEST_TMPDIR/output" ]
}

@test "the ROM that the others break is fine" {
	assemble
	run "$POSTBURN" patch --allow-unpatched --rom="$rom" -o "$BATS_TEST_TMPDIR/output" "$guest"
	[ "$status" -eq 3 ]
	[ -s "$BATS_TEST_TMPDIR/output" ]
}

@test "an unknown ROM's name" {
	run "$POSTBURN" patch --rom=nativ --dry-run "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == "postburn: error: nativ: no ROM is called 'nativ' [E520]" ]]
}

@test "a linked file is no ROM" {
	run "$POSTBURN" patch --rom="$guest" --dry-run "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[E521]" ]]
}

@test "more entries than the manifest holds" {
	broken 's/ROM_ABI_VERSION, 2/ROM_ABI_VERSION, 3/' E522
}

@test "another magic" {
	broken 's/\.long ROM_MANIFEST_MAGIC/.long 0/' E523
}

@test "a newer contract" {
	broken 's/ROM_ABI_VERSION, 2/ROM_ABI_VERSION + 1, 2/' E523
}

@test "an entry for a call that is not in the table" {
	broken 's/vmi_none(HLT)/rom_manifest_entry 127, ROM_ACTION_NONE, 0/' E524
}

@test "an entry of an unknown action" {
	broken 's/vmi_none(HLT)/rom_manifest_entry VMI_CALL_HLT, 9, 0/' E525
}

@test "an entry for inline bytes without any" {
	broken 's/vmi_none(HLT)/rom_manifest_entry VMI_CALL_HLT, ROM_ACTION_INLINE, 0/' E525
}

@test "two entries for one call" {
	broken 's/vmi_none(HLT)/vmi_none(DisableInterrupts)/' E526
}

@test "code for a call that is not offered" {
	broken 's/\/\* end \*\//vmi_code WRMSR; wrmsr; ret/' E527
}

@test "a call without code" {
	broken 's/vmi_none(HLT)/rom_manifest_entry VMI_CALL_HLT, ROM_ACTION_CALL, 0/' E528
}

@test "more than a mebibyte" {
	broken 's/\/\* end \*\//.bss; .fill 1100000, 1, 0/' E529
}

@test "a relocation of a type that no ROM has" {
	broken 's/\/\* end \*\//.short elsewhere/' E530
}

@test "an undefined symbol" {
	broken 's/jmp ROM_GUEST_ENTRY/jmp ROM_GUEST_EXIT/' E531
}

@test "a jump out of a call's code that is not listed" {
	broken 's/vmi_outside wedge/call wedge/' E532
}

@test "a row of CPUID that is cut short" {
	broken 's/\/\* end \*\//.section .rom_cpuid, "a"; .long 1, 1, 0/' E534
}

@test "no place for the parameters" {
	broken 's|ROM_PARAMETERS_SIZE, 1, 0|ROM_PARAMETERS_SIZE - 4, 1, 0|' E533
}
