#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `postburn rom`: what a ROM makes of each call, by name, from its file, from a rewritten kernel.

bats_require_minimum_version 1.5.0

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
	rom="$POSTBURN_BUILD/rom/native.rom"
	out="$BATS_TEST_TMPDIR/out"
}

patched() {
	"$POSTBURN" patch --allow-unpatched -o "$out" "$guest" || [ $? -eq 3 ]
}

# slot NAME FORMAT...: what jq prints of the slot of that name in $output.
slot() {
	jq -r ".slots[] | select(.name == \"$1\") | $2" <<<"$output"
}

@test "every call of the table has a line, at its slot" {
	run "$POSTBURN" rom native
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ *[0-9]\+  [A-Z]' <<<"$output")" -eq "$(grep -c '^call ' patchtables/vmi_calls.def)" ]
	grep -qE '^  35  EnableInterrupts +0x00000460  in slot +2  call$' <<<"$output"
	grep -qE '^  53  AllocatePage +0x000006a0  - +-  -$' <<<"$output"
	grep -qE '^  33  RDTSC +0x00000420  - +-  native$' <<<"$output"
}

@test "name and file of a ROM are the same list" {
	[ "$("$POSTBURN" rom native)" = "$("$POSTBURN" rom "$rom")" ]
}

@test "code that is too long for its slot stands behind the slots" {
	run "$POSTBURN" rom --format=json native
	[ "$status" -eq 0 ]
	[ "$(slot SetDR .out_of_line)" = true ]
	[ $(($(slot SetDR .body))) -ge $((128 * 32)) ]
	[ "$(slot SetDR .size)" -gt 32 ]
	[ "$(slot WRMSR .out_of_line)" = false ]
	[ "$(slot WRMSR .body)" = "$(slot WRMSR .slot)" ]
}

@test "a rewritten kernel has the same slots, at their final addresses" {
	patched
	output=$("$POSTBURN" rom --format=json "$out")
	base=$(($(jq -r .address <<<"$output")))
	[ "$base" -eq $((0x$(readelf -SW "$out" | sed -n 's/.* \.vmi_rom *PROGBITS *\([0-9a-f]*\) .*/\1/p'))) ]
	[ "$(jq -r .placed <<<"$output")" = true ]
	placed=$(jq -c "[.slots[] | [.name, .action, .out_of_line, .size]]" <<<"$output")
	output=$("$POSTBURN" rom --format=json native)
	[ "$placed" = "$(jq -c "[.slots[] | [.name, .action, .out_of_line, .size]]" <<<"$output")" ]
	[ "$(jq -r .placed <<<"$output")" = false ]
}

@test "--disasm shows the code of slots and bodies" {
	patched
	run "$POSTBURN" rom --disasm "$out"
	[ "$status" -eq 0 ]
	grep -A2 ' WRMSR ' <<<"$output" | tail -2 | awk '{print $2}' | tr '\n' ' ' | grep -qx 'wrmsr retl '
	symbol=$(readelf -sW "$out" | awk '$8 == "VMI_SetDR" {print $2}')
	grep -A1 ' SetDR ' <<<"$output" | grep -q "^ *0x$symbol "
	run ! grep -q '(bad)' <<<"$output"
}

@test "json keeps to its schema" {
	patched
	for what in native "$out"; do
		for option in "" --disasm; do
			# shellcheck disable=SC2086
			"$POSTBURN" rom --format=json $option -o "$BATS_TEST_TMPDIR/rom.json" "$what"
			python3 - docs/postburn-rom.schema.json "$BATS_TEST_TMPDIR/rom.json" <<'PYTHON'
import json, sys
import jsonschema
schema, rom = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(rom)
PYTHON
		done
	done
}

@test "a kernel that was not rewritten has no ROM" {
	run "$POSTBURN" rom "$guest"
	[ "$status" -eq 1 ]
	[[ "$output" == *"$guest: has no section .vmi_rom with all slots [E563]"* ]]
}

@test "what is no ELF file is refused" {
	head -c 1000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
	run "$POSTBURN" rom "$BATS_TEST_TMPDIR/noise"
	[ "$status" -eq 1 ]
	[[ "$output" == *"libelf does not read it: "*" [E564]"* ]]
	run "$POSTBURN" rom "$BATS_TEST_TMPDIR/nothing"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E101]"* ]]
}

@test "usage errors end with status 2" {
	run "$POSTBURN" rom
	[ "$status" -eq 2 ]
	run "$POSTBURN" rom --format=xml native
	[ "$status" -eq 2 ]
	[[ "$output" == *"unknown word 'xml' (allowed: text, json)"* ]]
}

@test "a full disk leaves nothing behind" {
	run "$POSTBURN" rom -o /dev/full native
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E501]"* ]]
}

@test "the counting ROM offers what the native one offers, and has its counters in the kernel" {
	actions() { "$POSTBURN" rom "$1" | awk '/^ *[0-9]+  /{print $1, $2, $NF}'; }
	[ "$(actions native | wc -l)" -gt 80 ]
	diff <(actions native) <(actions native-counting)
	"$POSTBURN" patch --rom=native-counting -o "$BATS_TEST_TMPDIR/counting" \
		"$POSTBURN_BUILD/tests/cli/sites.elf"
	nm -S "$BATS_TEST_TMPDIR/counting" | grep -q ' [0-9a-f]* . rom_call_counts$'
}
