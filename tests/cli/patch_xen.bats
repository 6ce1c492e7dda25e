#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What `postburn patch` writes with a ROM for Xen: where its segment is, what its notes say.

setup() {
	guest="$POSTBURN_BUILD/tests/guests/guest.elf"
	rom="$POSTBURN_BUILD/tests/mutation/greedy-xen.rom"
	out="$BATS_TEST_TMPDIR/out"
}

# An ELF32 executable of the assembler text on standard input; further words go to the linker.
link_guest() {
	cat >"$BATS_TEST_TMPDIR/guest.S"
	gcc -m32 -nostdlib -static -no-pie "$@" -o "$BATS_TEST_TMPDIR/guest" "$BATS_TEST_TMPDIR/guest.S"
}

# The Xen note of type $1, as readelf shows its bytes.
xen_note() {
	readelf -nW "$out" | awk -v type="$1" '$1 == "Xen" && index($0, type) {
		sub(/.*description data: /, ""); sub(/ *$/, ""); print }'
}

@test "the segment runs in the window, and is loaded behind the guest" {
	"$POSTBURN" patch --allow-unpatched --rom="$rom" -o "$out" "$guest" || [ $? -eq 3 ]
	readelf -lW "$out" >"$BATS_TEST_TMPDIR/segments"
	grep -Eq 'LOAD +0x[0-9a-f]+ 0xf5000000 0x00[0-9a-f]00000 .* RWE 0x1000$' \
		"$BATS_TEST_TMPDIR/segments"
	"$POSTBURN" verify --allow-unpatched --rom="$rom" "$guest" "$out"
}

@test "the notes are what Xen's domain builder reads, and PVH's is gone" {
	"$POSTBURN" patch --allow-unpatched --rom="$rom" -o "$out" "$guest" || [ $? -eq 3 ]
	[ "$(xen_note "(0x00000003)")" = "00 00 00 c0" ] # VIRT_BASE
	[ "$(xen_note "(0x0000000c)")" = "00 00 80 f5" ] # HV_START_LOW
	[ "$(xen_note "(0x00000010)")" = "01 00 00 00" ] # MOD_START_PFN
	[ "$(xen_note "(0x00000009)")" = "79 65 73 00" ] # PAE_MODE: yes
	[ -z "$(xen_note "(0x00000012)")" ]              # PHYS32_ENTRY
}

# The entry's low alias is as far from where its segment is loaded as the symbol from the window.
@test "the entry is the low alias of ROM_ENTRY_XEN" {
	"$POSTBURN" patch --allow-unpatched --rom="$rom" -o "$out" "$guest" || [ $? -eq 3 ]
	loaded=$(readelf -lW "$out" | awk '$3 == "0xf5000000" { print $4 }')
	symbol=$(nm "$out" | awk '$3 == "ROM_ENTRY_XEN" { print $1 }')
	printf -v entry '%08x' $((0x$symbol - 0xf5000000 + loaded + 0xc0000000))
	[ "$(xen_note "NT_VERSION")" = "${entry:6:2} ${entry:4:2} ${entry:2:2} ${entry:0:2}" ]
}

@test "a guest that is where the window goes is refused" {
	echo '.globl _start; _start: cli; nop; nop; nop; nop; ret' | link_guest -Wl,-Ttext=0xf5100000
	run "$POSTBURN" patch --rom="$rom" -o "$out" "$BATS_TEST_TMPDIR/guest"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E543]"* ]]
	[ ! -e "$out" ]
}

@test "a guest that Xen would map up to the window is refused" {
	echo '.globl _start; _start: cli; nop; nop; nop; nop; ret' | link_guest -Wl,-Ttext=0x34f00000
	run "$POSTBURN" patch --rom="$rom" -o "$out" "$BATS_TEST_TMPDIR/guest"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E543]"* ]]
}
