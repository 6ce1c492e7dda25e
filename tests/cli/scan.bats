#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `postburn scan` as people call it, on a guest of a few known instructions (sites.S).

bats_require_minimum_version 1.5.0

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
}

@test "text lists every site in order, and nothing inside an immediate" {
	run "$POSTBURN" scan "$guest"
	[ "$status" -eq 0 ]
	sites=$(grep -E '^[0-9a-f]{8}  \.(text|init)' <<<"$output" | grep -v ' bytes  ')
	[ "$(wc -l <<<"$sites")" -eq 10 ]
	[ "$(awk '{print $4}' <<<"$sites" | tr '\n' ' ')" = "cli rdmsr wrmsr sti hlt movl movl iretl lgdtl outb " ]
}

@test "text names section, symbol and offset, bytes, call and behaviour" {
	run "$POSTBURN" scan "$guest"
	grep -qE '^c1000000  \.text +fa +cli +DisableInterrupts +faults +_start$' <<<"$output"
	grep -qE '^c1000006  \.text +0f32 +rdmsr +RDMSR +faults +_start\+0x6$' <<<"$output"
}

@test "the summary counts what the table lists" {
	run "$POSTBURN" scan --summary "$guest"
	[ "$status" -eq 0 ]
	grep -q '^Sites    10 sensitive instructions, 10 to rewrite$' <<<"$output"
	grep -qE '^\.text +8 +8 ' <<<"$output"
	run ! grep -qE '^[0-9a-f]{8}  ' <<<"$output"
}

@test "zeros between functions are reported as such" {
	run "$POSTBURN" scan --format=json "$guest"
	[ "$(jq -r '.undecoded | length' <<<"$output")" = 1 ]
	[ "$(jq -r '.undecoded[0] | "\(.size) \(.why)"' <<<"$output")" = "16 zero bytes" ]
}

@test "json keeps to its schema" {
	"$POSTBURN" scan --format=json "$guest" >"$BATS_TEST_TMPDIR/scan.json"
	python3 - docs/postburn-scan.schema.json "$BATS_TEST_TMPDIR/scan.json" <<'PYTHON'
import json, sys
import jsonschema
schema, scan = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(scan)
PYTHON
}

@test "json, csv and text agree on the sites" {
	json=$("$POSTBURN" scan --format=json "$guest" | jq -r '.sites[] | .addr + " " + .bytes')
	csv=$("$POSTBURN" scan --format=csv "$guest" | tail -n +2 | awk -F, '{print $1, $5}')
	text=$("$POSTBURN" scan "$guest" | awk '/^[0-9a-f]+  \.(text|init)/ && !/ bytes  /{print "0x" $1, $3}')
	[ "$(wc -l <<<"$json")" -eq 10 ]
	[ "$json" = "$csv" ]
	[ "$json" = "$text" ]
}

@test "json names input, hash and build-id" {
	run "$POSTBURN" scan --format=json "$guest"
	[ "$(jq -r .schema <<<"$output")" = postburn-scan/1 ]
	[ "$(jq -r .input.sha256 <<<"$output")" = "$(sha256sum <"$guest" | cut -d' ' -f1)" ]
	build_id=$(readelf -n "$guest" | awk '/Build ID/{print $3}')
	[ -n "$build_id" ]
	[ "$(jq -r .input.build_id <<<"$output")" = "$build_id" ]
}

@test "the same input gives the same bytes" {
	for format in text json csv; do
		"$POSTBURN" scan --format=$format "$guest" >"$BATS_TEST_TMPDIR/one"
		"$POSTBURN" scan --format=$format "$guest" >"$BATS_TEST_TMPDIR/two"
		cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	done
}

@test "a stripped copy has the same sites" {
	strip -o "$BATS_TEST_TMPDIR/stripped" "$guest"
	whole=$("$POSTBURN" scan --format=json "$guest" | jq -c '.sites[] | [.addr, .insn, .form]')
	stripped=$("$POSTBURN" scan --format=json "$BATS_TEST_TMPDIR/stripped" |
		jq -c '.sites[] | [.addr, .insn, .form]')
	[ "$(wc -l <<<"$whole")" -eq 10 ]
	[ "$whole" = "$stripped" ]
}

@test "symbols come from a System.map given" {
	strip -o "$BATS_TEST_TMPDIR/stripped" "$guest"
	nm -n "$guest" >"$BATS_TEST_TMPDIR/System.map"
	run "$POSTBURN" scan --symbols="$BATS_TEST_TMPDIR/System.map" "$BATS_TEST_TMPDIR/stripped"
	[ "$status" -eq 0 ]
	grep -qE '^c1000006  .* _start\+0x6$' <<<"$output"
}

@test "--class and --call keep what they name" {
	run "$POSTBURN" scan --format=json --class=msr "$guest"
	[ "$(jq -r '[.sites[].insn] | join(" ")' <<<"$output")" = "rdmsr wrmsr" ]
	[ "$(jq -r .summary.sites <<<"$output")" = 2 ]
	run "$POSTBURN" scan --format=json --call=WRMSR,IRET "$guest"
	[ "$(jq -r '[.sites[].form] | length' <<<"$output")" = 2 ]
}

@test "an unknown class or call is a usage error that names those there are" {
	run "$POSTBURN" scan --class=msr,mrs "$guest"
	[ "$status" -eq 2 ]
	[[ "${lines[0]}" == "postburn: error: $guest: --class: unknown word 'mrs' (allowed: "*msr*"[E500]" ]]
	run "$POSTBURN" scan --call= "$guest"
	[ "$status" -eq 2 ]
}

@test "-o writes the report and nothing to standard output" {
	run "$POSTBURN" scan -o "$BATS_TEST_TMPDIR/report" "$guest"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	"$POSTBURN" scan "$guest" | cmp - "$BATS_TEST_TMPDIR/report"
}

@test "-o in a missing folder, onto a folder and on a full disk is an error" {
	run "$POSTBURN" scan -o "$BATS_TEST_TMPDIR/missing/report" "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == "postburn: error: $BATS_TEST_TMPDIR/missing/report: cannot write: "*"[E501]" ]]
	run "$POSTBURN" scan -o "$BATS_TEST_TMPDIR" "$guest"
	[ "$status" -eq 1 ]
	run "$POSTBURN" scan -o /dev/full "$guest"
	[ "$status" -eq 1 ]
	run bash -c "'$POSTBURN' scan '$guest' >/dev/full"
	[ "$status" -eq 1 ]
}

@test "no colour and no progress where there is no terminal" {
	run "$POSTBURN" scan "$guest"
	[ "$status" -eq 0 ]
	[[ "$output" != *$'\033'* ]]
}

@test "colour on a terminal, unless NO_COLOR says otherwise" {
	run script -qec "'$POSTBURN' scan '$guest'" /dev/null
	[[ "$output" == *$'\033[1m'* ]]
	NO_COLOR=1 TERM=dumb run script -qec "'$POSTBURN' scan '$guest'" /dev/null
	[[ "$output" == *DisableInterrupts* && "$output" != *$'\033'* ]]
}

@test "--explain shows the code around a site and what is known of it" {
	run "$POSTBURN" scan --explain 0xc1000006 "$guest"
	[ "$status" -eq 0 ]
	grep -qE '^-> c1000006  0f32 +rdmsr' <<<"$output"
	grep -qE '^address +0xc1000006 in \.text, _start\+0x6$' <<<"$output"
	grep -qE '^call +RDMSR \(7, slot at ROM \+ 0xe0\)$' <<<"$output"
	by_symbol=$("$POSTBURN" scan --explain _start+0x6 "$guest")
	[ "$by_symbol" = "$output" ]
}

@test "--explain of an address that is no site says what stands there" {
	run "$POSTBURN" scan --explain 0xc1000001 "$guest"
	[ "$status" -eq 0 ]
	grep -q '^no site: an instruction starts here' <<<"$output"
	run "$POSTBURN" scan --explain 0xc1000002 "$guest"
	grep -q '^no site: this is inside an instruction' <<<"$output"
	run "$POSTBURN" scan --explain _start+0x10 "$guest"
	grep -q '^no site: zero bytes' <<<"$output"
}

@test "--explain of nonsense and of data is an error" {
	run "$POSTBURN" scan --explain nowhere "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"'nowhere' is not an address"*"[E505]" ]]
	run "$POSTBURN" scan --explain 0x10 "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[E506]" ]]
}

@test "a file with no code in it is an error" {
	objcopy --only-keep-debug "$guest" "$BATS_TEST_TMPDIR/debug"
	run "$POSTBURN" scan "$BATS_TEST_TMPDIR/debug"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[E502]" ]]
}

@test "a section of more than 4 GiB is an error" {
	large="$BATS_TEST_TMPDIR/large" # sparse: it takes a page of the disk
	echo '.globl _start; _start: cli' |
		gcc -nostdlib -static -no-pie -Wl,--build-id=none -o "$large.small" -xassembler -
	tests/cli/edit-elf "$large.small" "$large" 'sh_size[.text]=0x100000100' \
		'p_filesz[1]=0x100000100' 'p_memsz[1]=0x100000100'
	truncate -s 5G "$large"
	run "$POSTBURN" scan "$large"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"section .text is larger than 4 GiB [E503]" ]]
}

@test "Capstone not starting is an error" {
	echo 'int cs_open(void); int cs_open(void) { return 1; }' >"$BATS_TEST_TMPDIR/no_capstone.c"
	gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/no_capstone.so" "$BATS_TEST_TMPDIR/no_capstone.c"
	LD_PRELOAD="$BATS_TEST_TMPDIR/no_capstone.so" \
		ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" run "$POSTBURN" scan "$guest"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[E504]" ]]
}

@test "usage: help, version, missing and unknown words" {
	run "$POSTBURN" --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"scan"* ]]
	run "$POSTBURN" scan --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"--explain"* ]]
	run "$POSTBURN" --version
	[ "$status" -eq 0 ]
	[[ "$output" =~ ^postburn\ [0-9]+\.[0-9]+ ]]
	run "$POSTBURN"
	[ "$status" -eq 2 ]
	run "$POSTBURN" scan
	[ "$status" -eq 2 ]
	run "$POSTBURN" scan --format=xml "$guest"
	[ "$status" -eq 2 ]
	[[ "$output" == *"allowed: text, json, csv"* ]]
	run "$POSTBURN" scna "$guest"
	[ "$status" -eq 2 ]
	[[ "$output" == *"did you mean 'scan'?"* ]]
}
