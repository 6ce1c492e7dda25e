#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Writes to page tables, which debug information or a sites file names (page_tables.c).

bats_require_minimum_version 1.5.0

setup() {
	guest="$POSTBURN_BUILD/tests/cli/page_tables.elf"
	cd "$BATS_TEST_TMPDIR" || return
}

# The sites of class page-table, a line each: call, and what names it.
listed() {
	"$POSTBURN" scan --class=page-table --format=json "$@" |
		jq -r '.sites[] | .call + " " + .origin'
}

# The guest without debug information, and its debug information alone.
split() {
	objcopy --only-keep-debug "$guest" guest.debug
	strip -g -o guest "$guest"
}

# patch must fail with this number and write nothing.
refused() {
	local number=$1
	shift
	run "$POSTBURN" patch -o out "$@"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"[$number]"* ]]
	[ ! -e out ]
}

expected="SetPxE native_set_pte in _start
SetPxE native_set_pte in _start
SetPxE native_set_pte in populate
SetPxE native_set_pte in populate
SetPxE native_pte_clear in _start
SetPxE native_pte_clear in _start
CompareSwapPxELong set_64bit in _start
TestAndClearPxEBit ptep_set_wrprotect in _start
TestAndClearPxEBit ptep_test_and_clear_young
SwapPxELongAtomic native_ptep_get_and_clear in _start"

@test "a kernel's own debug information names its writes, and scan looks only if asked" {
	diff <(listed --debug-info=auto "$guest" | sort) <(sort <<<"$expected")
	[ -z "$(listed "$guest")" ]
}

@test "a debug file, and a folder that has it under its build-id" {
	split
	[ -z "$(listed --debug-info=auto guest)" ]
	diff <(listed --debug-info=guest.debug guest | sort) <(sort <<<"$expected")
	id=$(readelf -n "$guest" | sed -n 's/.*Build ID: //p')
	mkdir -p "debug/.build-id/${id:0:2}"
	cp guest.debug "debug/.build-id/${id:0:2}/${id:2}.debug"
	diff <(listed --debug-info=debug guest | sort) <(sort <<<"$expected")
}

@test "a sites file names the same writes" {
	split
	{
		echo 'postburn-sites 1'
		"$POSTBURN" scan --class=page-table --format=json --debug-info=auto "$guest" |
			jq -r '.sites[] | .addr + " pte bytes=" + .bytes + " origin=" + .origin'
	} >sites
	diff <(listed --sites=sites guest | sort) <(sort <<<"$expected")
}

@test "json with origins keeps to its schema" {
	"$POSTBURN" scan --format=json --debug-info=auto "$guest" >scan.json
	python3 - "$BATS_TEST_DIRNAME/../../docs/postburn-scan.schema.json" scan.json <<'PYTHON'
import json, sys
import jsonschema
schema, scan = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(scan)
PYTHON
}

@test "patch rewrites them, says how many, and verify proves them right" {
	run -0 "$POSTBURN" patch -o out "$guest"
	[[ $output == *"Tables   10 writes to page tables, "*" of them rewritten"* ]]
	run -0 "$POSTBURN" verify "$guest" out
	run -0 "$POSTBURN" patch --debug-info=none -o none "$guest"
	[[ $output != *"Tables"* ]]
}

@test "verify told of them finds those that have no record, and records of others" {
	"$POSTBURN" patch -o out "$guest"
	run -0 "$POSTBURN" verify --debug-info=auto "$guest" out
	"$POSTBURN" patch --debug-info=none -o none "$guest"
	run "$POSTBURN" verify --debug-info=auto "$guest" none
	[ "$status" -eq 1 ]
	[ "$(grep -c 'a write to a page table (debug information) has no record' <<<"$output")" -eq 10 ]
	run -0 "$POSTBURN" verify "$guest" none
	run "$POSTBURN" verify --debug-info=none "$guest" out
	[ "$status" -eq 1 ]
	[ "$(grep -c 'nothing names this write to a page table' <<<"$output")" -eq 10 ]
}

@test "two halves that are stored one behind the other become one call" {
	"$POSTBURN" patch -o out "$guest"
	[ "$(objdump -d out | grep -c 'call .*<.*SetPxELong>')" -eq 1 ]
	split
	address=$(nm "$guest" | sed -n 's/ T populate$//p')
	printf 'postburn-sites 1\n0x%s SetPxELong\n0x%x pte\n' "$address" $((16#$address + 3)) >sites
	"$POSTBURN" patch --sites=sites -o again guest
	[ "$(objdump -d again | grep -c 'call .*<.*SetPxELong>')" -eq 1 ]
	"$POSTBURN" verify guest again
	rm out again
	# The first half alone is no entry.
	printf 'postburn-sites 1\n0x%s SetPxELong\n' "$address" >sites
	refused E597 --sites=sites guest
}

@test "a site that was rewritten wrongly is found" {
	"$POSTBURN" patch -o out "$guest"
	# SetPxE is called where TestAndClearPxEBit (52) should be: the slot of another number.
	python3 - out <<'PYTHON'
import re, struct, subprocess, sys
path = sys.argv[1]
sections = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
def section(name):
    words = re.search(rf"{re.escape(name)} +\S+ +(\S+) +(\S+) +(\S+)", sections)
    return [int(word, 16) for word in words.groups()]
rom, _, _ = section(".vmi_rom")
text, offset, size = section(".postburn.text")
data = bytearray(open(path, "rb").read())
changed = 0
for at in range(offset, offset + size - 5):
    target = (text + at - offset + 5 + struct.unpack_from("<i", data, at + 1)[0]) & 0xffffffff
    if data[at] == 0xe8 and target == rom + 32 * 52:
        struct.pack_into("<i", data, at + 1, struct.unpack_from("<i", data, at + 1)[0] - 32 * 7)
        changed += 1
assert changed
open(path, "wb").write(data)
PYTHON
	run "$POSTBURN" verify "$guest" out
	[ "$status" -eq 1 ]
	[[ $output == *TestAndClearPxEBit* ]]
}

@test "debug information that is not there is refused" {
	split
	refused E590 --debug-info=absent guest
	refused E592 --debug-info=guest guest
	mkdir empty
	refused E594 --debug-info=empty guest
	echo 'no ELF file, whatever its name says' >text
	refused E591 --debug-info=text guest
}

@test "debug information of another build is refused" {
	split
	gcc -m32 -mregparm=3 -g -O2 -ffreestanding -fno-pic -fno-stack-protector -nostdlib -static -no-pie \
		-Wl,-Ttext=0xc2000000 -Wl,--build-id=sha1 -o other "$BATS_TEST_DIRNAME/page_tables.c"
	refused E593 --debug-info=other guest
	# Without a build-id it is only seen that its functions lie elsewhere.
	objcopy --remove-section=.note.gnu.build-id other
	refused E596 --debug-info=other guest
}

@test "debug information that is damaged is refused" {
	split
	read -r offset size < <(readelf -SW guest.debug |
		sed -n 's/.* \.debug_abbrev  *[A-Z]*  *[0-9a-f]* \([0-9a-f]*\) \([0-9a-f]*\) .*/\1 \2/p')
	printf '\xff%.0s' $(seq $((16#$size))) |
		dd of=guest.debug bs=1 seek=$((16#$offset)) conv=notrunc status=none
	refused E595 --debug-info=guest.debug guest
}

@test "a sites file that names what no call does is refused" {
	split
	printf 'postburn-sites 1\n_start pte\n' >sites
	refused E597 --sites=sites guest
	# A call, but not of what exchanges an entry.
	address=$(objdump -d "$guest" | sed -n 's/^ *\([0-9a-f]*\):.*call .*<ptep_test.*/0x\1/p')
	printf 'postburn-sites 1\n%s pte\n' "$address" >sites
	refused E597 --sites=sites guest
	# What it is is known, but it is another call than the file says.
	address=$("$POSTBURN" scan --format=json --debug-info=auto "$guest" |
		jq -r '[.sites[] | select(.call == "SetPxE")][0].addr')
	printf 'postburn-sites 1\n%s SwapPxE\n' "$address" >sites
	refused E597 --sites=sites guest
}
