#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `postburn verify`: silent about what patch writes, loud about everything else. Damage of every kind
# is tests/mutation's; here it is how findings, errors and exit statuses look.

bats_require_minimum_version 1.5.0

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
	out="$BATS_TEST_TMPDIR/out"
	"$POSTBURN" patch --allow-unpatched -o "$out" "$guest" >/dev/null || [ $? -eq 3 ]
}

# poke ADDRESS BYTES: writes bytes (hexadecimal) where the output is loaded at a virtual address.
poke() {
	python3 - "$out" "$1" "$2" <<'PYTHON'
import struct, sys
path, address, new = sys.argv[1], int(sys.argv[2], 16), bytes.fromhex(sys.argv[3])
image = bytearray(open(path, "rb").read())
table, = struct.unpack_from("<I", image, 28)
count, = struct.unpack_from("<H", image, 44)
for i in range(count):
    kind, offset, virtual, _, size = struct.unpack_from("<5I", image, table + 32 * i)
    if kind == 1 and virtual <= address < virtual + size:
        at = offset + address - virtual
        image[at : at + len(new)] = new
open(path, "wb").write(image)
PYTHON
}

address_of() {
	readelf -sW "$out" | awk -v name="$1" '$8 == name {print $2; exit}'
}

@test "what patch writes is clean" {
	run "$POSTBURN" verify "$guest" "$out"
	[ "$status" -eq 0 ]
	grep -qE '^Sites +10, ' <<<"$output"
	grep -q '^Findings 0$' <<<"$output"
	run "$POSTBURN" verify --quiet "$guest" "$out"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "the test guest is clean, too" {
	"$POSTBURN" patch --allow-unpatched -o "$out" "$POSTBURN_BUILD/tests/guests/guest.elf" >/dev/null ||
		[ $? -eq 3 ]
	run "$POSTBURN" verify --allow-unpatched "$POSTBURN_BUILD/tests/guests/guest.elf" "$out"
	[ "$status" -eq 0 ]
	[ "$(sed -n 's/^Windows  \([0-9]*\),.*/\1/p' <<<"$output")" -gt 300 ]
}

@test "a finding has file, address, subject and reason" {
	poke c1000005 90 # the filler behind the jump at _start
	run "$POSTBURN" verify "$guest" "$out"
	[ "$status" -eq 1 ]
	grep -qx "$out: 0xc1000005: window: the rest of the window is not int3" <<<"$output"
	grep -qx "postburn: error: $out: 1 findings: this is not what its kernel asks for \[E561\]" <<<"$output"
}

@test "all findings are told, not only the first" {
	poke c1000005 90
	poke "$(address_of springboard_c1000000)" 90
	poke "$(address_of VMI_WRMSR)" 90
	run "$POSTBURN" verify "$guest" "$out"
	[ "$status" -eq 1 ]
	grep -q ': window: ' <<<"$output"
	grep -q ': springboard: ' <<<"$output"
	grep -q ': ROM: .vmi.call.WRMSR of the ROM differs: 90 where 0f belongs$' <<<"$output"
	[ "$(sed -n 's/^Findings //p' <<<"$output")" -ge 3 ]
}

@test "a springboard that goes elsewhere" {
	# the last 4 bytes of the springboard of _start are the way back's displacement
	start=$(address_of springboard_c1000000)
	size=$(readelf -sW "$out" | awk '$8 == "springboard_c1000000" {print $3}')
	poke "$(printf %x $((0x$start + size - 4)))" 00000000
	run "$POSTBURN" verify "$guest" "$out"
	[ "$status" -eq 1 ]
	grep -q ': springboard: the springboard does not go back to 0xc100000a$' <<<"$output"
}

@test "another input than the output was made from" {
	cp "$guest" "$BATS_TEST_TMPDIR/other"
	printf x >>"$BATS_TEST_TMPDIR/other"
	run "$POSTBURN" verify "$BATS_TEST_TMPDIR/other" "$out"
	[ "$status" -eq 1 ]
	grep -q ': file: the note of origin tells of another input, ROM or version of postburn' <<<"$output"
}

@test "an input is not its own output" {
	run "$POSTBURN" verify --rom=native "$guest" "$guest"
	[ "$status" -eq 1 ]
	grep -q ": file: the input's segment . is not as it was$" <<<"$output"
}

@test "a file that names no ROM needs --rom" {
	run "$POSTBURN" verify "$guest" "$guest"
	[ "$status" -eq 1 ]
	[[ "$output" == *"postburn: error: $guest: does not say which ROM it was made with [E562]"* ]]
}

@test "--rom takes the ROM's file, and only the right one will do" {
	rom="$POSTBURN_BUILD/rom/native.rom"
	run "$POSTBURN" verify --rom="$rom" "$guest" "$out"
	[ "$status" -eq 0 ]
	# Another ROM: its cli has become a nop.
	printf '\x90\xc3' >"$BATS_TEST_TMPDIR/code"
	objcopy --update-section .vmi.call.DisableInterrupts="$BATS_TEST_TMPDIR/code" "$rom" \
		"$BATS_TEST_TMPDIR/other.rom"
	run "$POSTBURN" verify --rom="$BATS_TEST_TMPDIR/other.rom" "$guest" "$out"
	[ "$status" -eq 1 ]
	grep -q ': ROM: .vmi.call.DisableInterrupts of the ROM differs: fa where 90 belongs$' <<<"$output"
	run "$POSTBURN" verify --rom="$guest" "$guest" "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E521]"* ]]
	run "$POSTBURN" verify --rom=nativ "$guest" "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E520]"* ]]
	run "$POSTBURN" verify --rom="$BATS_TEST_TMPDIR/nothing.rom" "$guest" "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"$BATS_TEST_TMPDIR/nothing.rom: cannot be opened"* ]]
}

@test "a kernel that only our own reader reads" {
	cp "$guest" "$BATS_TEST_TMPDIR/odd"
	printf '\x07' | dd of="$BATS_TEST_TMPDIR/odd" bs=1 seek=6 conv=notrunc status=none # EI_VERSION
	run "$POSTBURN" verify --rom=native "$BATS_TEST_TMPDIR/odd" "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"libelf does not read this kernel: "*" [E560]"* ]]
}

@test "an output that is no ELF file is a finding" {
	head -c 5000 /dev/zero >"$out"
	run "$POSTBURN" verify --rom=native "$guest" "$out"
	[ "$status" -eq 1 ]
	grep -q ': file: the output cannot be read: libelf sees no ELF file in it$' <<<"$output"
	run "$POSTBURN" verify --rom=native "$guest" "$BATS_TEST_TMPDIR/nothing"
	[ "$status" -eq 1 ]
	[[ "$output" == *"$BATS_TEST_TMPDIR/nothing: cannot be opened"* ]]
}

@test "a module is refused" {
	run "$POSTBURN" verify "$POSTBURN_BUILD/rom/native.rom" "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E540]"* ]]
}

@test "names that are no text are escaped" {
	python3 - "$out" <<'PYTHON'
import sys
image = open(sys.argv[1], "rb").read()
at = image.index(b"VMI_WRMSR\0")
open(sys.argv[1], "wb").write(image[:at] + b"\x1b[31mRED\0" + image[at + 9 :])
PYTHON
	run "$POSTBURN" verify "$guest" "$out"
	[ "$status" -eq 1 ]
	run ! grep -q $'\x1b' <<<"$output"
}

@test "usage errors end with status 2" {
	run "$POSTBURN" verify "$guest"
	[ "$status" -eq 2 ]
	run "$POSTBURN" verify "$guest" "$out" "$out"
	[ "$status" -eq 2 ]
}

@test "stock kernels are clean" {
	cache="${XDG_CACHE_HOME:-$HOME/.cache}/postburn"
	found=0
	for kernel in "$cache"/debian/*/boot/vmlinuz-* "$cache"/linux/*/vmlinux; do
		[ -e "$kernel" ] || continue
		found=1
		"$POSTBURN" patch --allow-unpatched -o "$out" "$kernel" >/dev/null || [ $? -eq 3 ]
		run "$POSTBURN" verify --allow-unpatched "$kernel" "$out"
		echo "$kernel: $output"
		[ "$status" -eq 0 ]
	done
	[ "$found" -eq 1 ] || skip "no kernel in the cache"
}
