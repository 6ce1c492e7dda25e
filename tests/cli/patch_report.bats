#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `postburn patch --report`: the report keeps to its schema, and says what really was done.

bats_require_minimum_version 1.5.0

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
	kernel="$BATS_TEST_TMPDIR/kernel"
	report="$BATS_TEST_TMPDIR/report.json"
}

patch_guest() {
	"$POSTBURN" patch --report="$report" -o "$kernel" "$@" "$guest"
}

# The bytes that the ELF file $1 has at guest-virtual address $2, $3 of them, in hexadecimal.
bytes_at() {
	python3 - "$@" <<-'PYTHON'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		address, size = int(sys.argv[2], 16), int(sys.argv[3])
		offset, count = struct.unpack_from("<I", data, 28)[0], struct.unpack_from("<H", data, 44)[0]
		for number in range(count):
		    kind, start, virtual, _, length = struct.unpack_from("<5I", data, offset + 32 * number)
		    if kind == 1 and virtual <= address and address + size <= virtual + length:
		        print(data[start + address - virtual:][:size].hex())
	PYTHON
}

@test "the report keeps to its schema" {
	patch_guest
	tests/cli/check-json docs/report.schema.json "$report"
}

@test "the schema refuses what is no report" {
	patch_guest
	jq 'del(.sites[0].call)' "$report" >"$BATS_TEST_TMPDIR/bad.json"
	run tests/cli/check-json docs/report.schema.json "$BATS_TEST_TMPDIR/bad.json"
	[ "$status" -eq 1 ]
	[[ "$output" == *"sites/0"*"'call'"* ]]
	jq '.windows[0].before[0] = "fa cli"' "$report" >"$BATS_TEST_TMPDIR/bad.json"
	run tests/cli/check-json docs/report.schema.json "$BATS_TEST_TMPDIR/bad.json"
	[ "$status" -eq 1 ]
}

@test "input, output and ROM are named with their hashes" {
	patch_guest --rom-out="$BATS_TEST_TMPDIR/rom"
	[ "$(jq -r '.input | "\(.name) \(.sha256) \(.size)"' "$report")" = \
		"sites.elf $(sha256sum <"$guest" | cut -d' ' -f1) $(stat -c %s "$guest")" ]
	[ "$(jq -r '.output | "\(.name) \(.sha256) \(.size)"' "$report")" = \
		"kernel $(sha256sum <"$kernel" | cut -d' ' -f1) $(stat -c %s "$kernel")" ]
	[ "$(jq -r '.rom | "\(.name) \(.file) \(.sha256) \(.size)"' "$report")" = \
		"native rom $(sha256sum <"$BATS_TEST_TMPDIR/rom" | cut -d' ' -f1) $(stat -c %s "$BATS_TEST_TMPDIR/rom")" ]
	[ "$(jq -r .input.build_id "$report")" = "$(readelf -n "$guest" | awk '/Build ID/{print $3}')" ]
}

@test "the sites are those of scan, in its order" {
	patch_guest
	"$POSTBURN" scan --format=json "$guest" |
		jq -r '.sites[] | select(.rewrite) | "\(.addr) \(.bytes) \(.insn) \(.call) \(.symbol) \(.offset)"' \
			>"$BATS_TEST_TMPDIR/scan"
	jq -r '.sites[] | "\(.address) \(.bytes) \(.text) \(.call) \(.symbol) \(.offset)"' "$report" \
		>"$BATS_TEST_TMPDIR/sites"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/scan")" -eq 10 ]
	cmp "$BATS_TEST_TMPDIR/scan" "$BATS_TEST_TMPDIR/sites"
}

@test "windows hold the input's bytes, springboards the output's" {
	patch_guest
	[ "$(jq '.windows | length' "$report")" -gt 2 ]
	while read -r address size bytes board board_size board_bytes first; do
		[ "$(bytes_at "$guest" "$address" "$size")" = "$bytes" ]
		[ "$(bytes_at "$kernel" "$board" "$board_size")" = "$board_bytes" ]
		[ "$(bytes_at "$kernel" "$address" 5)" = "$first" ]
	done < <(jq -r '.windows[] | "\(.address) \(.size) \(.bytes) \(.springboard.address)"
		+ " \(.springboard.size) \(.springboard.bytes) \(.after[0] | split(" ")[1])"' "$report")
}

@test "lines of code are the bytes, and what is displaced is no site" {
	patch_guest
	[ "$(jq '[.windows[] | (.before | map(split(" ")[1]) | add) == .bytes] | all' "$report")" = true ]
	[ "$(jq '[.windows[].springboard | (.code | map(split(" ")[1]) | add) == .bytes] | all' "$report")" = true ]
	# Every instruction of a window is a site or displaced.
	[ "$(jq '[.windows[] | (.sites | length) + (.displaced | length) == (.before | length)] | all' "$report")" = true ]
	# shellcheck disable=SC2016 # AT&T's syntax
	[ "$(jq -r '.windows[0].before | map(split(" ")[2:] | join(" ")) | join("; ")' "$report")" = \
		"cli; movl \$0x1b,%ecx; rdmsr; wrmsr" ]
	[ "$(jq -c '.windows[0] | [.sites, .displaced]' "$report")" = '[[0,1,2],[1]]' ]
	# What stands for the wrmsr, and the way back.
	[ "$(jq -c '[.windows[0].springboard | .originals[-2], .originals[-1]]' "$report")" = '["0xc1000008","0xc100000a"]' ]
	[ "$(jq '[.windows[].springboard | (.code | length) == (.originals | length)] | all' "$report")" = true ]
	# A name stands behind what leads into it, not behind what leads past its end.
	[[ "$(jq -r '.windows[0].after[0]' "$report")" =~ ^c1000000\ e9[0-9a-f]{8}\ jmp\ 0x[0-9a-f]+$ ]]
	jq -r '.windows[0].springboard.code[]' "$report" | grep -q '<VMI_DisableInterrupts>$'
}

@test "the totals count the sites" {
	patch_guest
	[ "$(jq '.totals.sites == (.sites | length)' "$report")" = true ]
	for list in by_call by_section by_method; do
		[ "$(jq ".totals.sites == (.totals.$list | map(.sites) | add)" "$report")" = true ]
	done
	[ "$(jq -r '.totals.by_call[] | select(.name == "SetCR3") | .methods.springboard' "$report")" = 1 ]
	[ "$(jq '(.slots | map(.sites) | add) == .totals.rewritten' "$report")" = true ]
}

@test "a site that stays native says why, and which table is in its way" {
	patch_guest
	[ "$(jq -r '.sites[] | select(.text == "hlt") | "\(.method): \(.reason)"' "$report")" = "native: symbol" ]
	[ "$(jq -c '.sites[] | select(.text == "hlt") | .constraints[] | [.address, .property, .reason]' "$report")" = \
		'["0xc100001f","pointer","symbol"]' ]
	[ "$(jq -c '[.windows[1].constraints[] | [.address, .reason]]' "$report")" = \
		'[["0xc100001f","symbol"],["0xc100002b","symbol"]]' ]
}

@test "the same input gives the same bytes, wherever the files are" {
	patch_guest
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	cp "$guest" "$BATS_TEST_TMPDIR/elsewhere"
	(cd "$BATS_TEST_TMPDIR/elsewhere" && "$POSTBURN" patch --report=again.json -o kernel sites.elf)
	cmp "$report" "$BATS_TEST_TMPDIR/elsewhere/again.json"
}

@test "several reports, and one on standard output with nothing else" {
	"$POSTBURN" patch --report=- --report="$report" --report="$BATS_TEST_TMPDIR/second.json" \
		-o "$kernel" "$guest" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr"
	cmp "$report" "$BATS_TEST_TMPDIR/stdout"
	cmp "$report" "$BATS_TEST_TMPDIR/second.json"
	grep -q '^Sites ' "$BATS_TEST_TMPDIR/stderr"
}

@test "--dry-run writes reports of the kernel that it does not write" {
	patch_guest
	run "$POSTBURN" patch --dry-run --report="$BATS_TEST_TMPDIR/dry.json" -o "$BATS_TEST_TMPDIR/none" "$guest"
	[ "$status" -eq 0 ]
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
	[ "$(jq -r '.output | "\(.name) \(.sha256)"' "$BATS_TEST_TMPDIR/dry.json")" = \
		"null $(sha256sum <"$kernel" | cut -d' ' -f1)" ]
}

@test "kernel, ROM and reports: all or nothing" {
	for path in "$BATS_TEST_TMPDIR/missing/report" /dev/full "$BATS_TEST_TMPDIR"; do
		run patch_guest --report="$path" --rom-out="$BATS_TEST_TMPDIR/rom"
		[ "$status" -eq 1 ]
		[[ "$output" == *"$path: cannot write"*"[E501]"* ]]
		[ -z "$(ls -A "$BATS_TEST_TMPDIR")" ]
	done
	run bash -c "'$POSTBURN' patch --report=- --report='$report' -o '$kernel' '$guest' >/dev/full"
	[ "$status" -eq 1 ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR")" ]
}

@test "two outputs with one name are a usage error" {
	run patch_guest --report="$report"
	[ "$status" -eq 2 ]
	[[ "$output" == *"two outputs go to '$report'"* ]]
	run "$POSTBURN" patch --report="$kernel" -o "$kernel" "$guest"
	[ "$status" -eq 2 ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR")" ]
}
