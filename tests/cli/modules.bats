#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `postburn patch --base`: what it says, writes and refuses. What the code it writes does is the
# matter of tests/modules/link_test.

setup() {
	base="$POSTBURN_BUILD/tests/modules/base.out"
	module="$POSTBURN_BUILD/tests/modules/module.ko"
	output="$BATS_TEST_TMPDIR/output"
	changed="$BATS_TEST_TMPDIR/changed.ko"
}

patch_module() {
	run "$POSTBURN" patch --base "$base" -o "$output" "$@"
}

# The run before failed with diagnostic $1 and wrote nothing.
refused() {
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[$1]"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/output" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'output.*')" ]
}

# A module of the assembler text on standard input, for the base's release.
assemble() {
	{
		printf '.section .modinfo, "a"\n.asciz "vermagic=6.1.0-test SMP"\nlocal:\n.text\n'
		cat
	} >"$BATS_TEST_TMPDIR/module.S"
	gcc -m32 -c -o "$changed" "$BATS_TEST_TMPDIR/module.S"
}

@test "a module is rewritten, and its summary says how" {
	patch_module "$module"
	[ "$status" -eq 0 ]
	[[ "$output" == *"of 6.1.0-test"*"Sites    24 to rewrite, 0 left"*"3 native"*"20 springboard"*"1 retarget"* ]]
	[[ "$output" != *Signature* ]]
	readelf -SW "$BATS_TEST_TMPDIR/output" | grep -q ' \.postburn\.text .* AX '
	readelf -SW "$BATS_TEST_TMPDIR/output" | grep -q ' \.init\.text\.postburn .* AX '
	readelf -p .note.postburn "$BATS_TEST_TMPDIR/output" | grep -q 'base-release 6.1.0-test'
}

@test "the same module gives the same bytes, packed or not" {
	patch_module "$module"
	xz -k -c "$module" >"$BATS_TEST_TMPDIR/module.ko.xz"
	"$POSTBURN" patch --base "$base" -o "$BATS_TEST_TMPDIR/again" "$module"
	"$POSTBURN" patch --base "$base" -o "$BATS_TEST_TMPDIR/unpacked" "$BATS_TEST_TMPDIR/module.ko.xz"
	cmp "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/again"
	# The note has the input's sha256, and nothing else differs.
	objcopy --remove-section=.note.postburn "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/one"
	objcopy --remove-section=.note.postburn "$BATS_TEST_TMPDIR/unpacked" "$BATS_TEST_TMPDIR/two"
	cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "debug information keeps its symbols" {
	patch_module "$module"
	[ "$(readelf -rW "$module" | sed -n '/debug_info/,/^$/p' | awk '/R_386/ { print $1, $3, $5 }')" = \
		"$(readelf -rW "$BATS_TEST_TMPDIR/output" | sed -n '/debug_info/,/^$/p' |
			awk '/R_386/ { print $1, $3, $5 }')" ]
}

@test "a signature is dropped, with a word" {
	cp "$module" "$changed"
	printf 'signature~Module signature appended~\n' >>"$changed"
	patch_module "$changed"
	[ "$status" -eq 0 ]
	[[ "$output" == *"Signature dropped"* ]]
	[ "$(grep -c 'Module signature appended' "$BATS_TEST_TMPDIR/output")" -eq 0 ]
}

@test "a module without code is only marked" {
	printf '.data\n.long 1\n' | assemble
	patch_module "$changed"
	[ "$status" -eq 0 ]
	[[ "$output" == *"Sites    0 to rewrite"* ]]
	readelf -SW "$BATS_TEST_TMPDIR/output" | grep -q ' \.note\.postburn '
}

@test "--dry-run writes nothing" {
	run "$POSTBURN" patch --base "$base" --dry-run "$module"
	[ "$status" -eq 0 ]
	[ ! -e "$BATS_TEST_TMPDIR/output" ]
}

@test "--base goes with none of --rom-out, --report and --symbols" {
	patch_module --rom-out="$BATS_TEST_TMPDIR/rom" "$module"
	[ "$status" -eq 2 ]
}

@test "sites that the ROM has no call for are an error, or exit status 3" {
	"$POSTBURN" patch --rom="$POSTBURN_BUILD/tests/fuzz/rom.o" -o "$BATS_TEST_TMPDIR/base" \
		"$POSTBURN_BUILD/tests/modules/base"
	base="$BATS_TEST_TMPDIR/base"
	run "$POSTBURN" patch --rom="$POSTBURN_BUILD/tests/fuzz/rom.o" --base "$base" -o "$output" "$module"
	[ "$status" -eq 1 ]
	[[ "$output" == *"lgdt stays as it is: the ROM does not offer the call"*"[E547]"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/output" ]
	run "$POSTBURN" patch --rom="$POSTBURN_BUILD/tests/fuzz/rom.o" --allow-unpatched --base "$base" \
		-o "$BATS_TEST_TMPDIR/output" "$module"
	[ "$status" -eq 3 ]
	[ -e "$BATS_TEST_TMPDIR/output" ]
}

@test "verify reads modules, too" {
	"$POSTBURN" patch --base "$base" -o "$changed" "$module"
	run "$POSTBURN" verify --base "$base" "$module" "$changed"
	[ "$status" -eq 0 ]
	[[ "$output" == *"Sites    24"*"Windows  14"*"Findings 0"* ]]
	run "$POSTBURN" verify --base "$base" --symbols=none "$module" "$changed"
	[ "$status" -eq 2 ]
}

@test "verify wants the base that a module was made for" {
	"$POSTBURN" patch --base "$base" -o "$changed" "$module"
	run "$POSTBURN" verify --base "$POSTBURN_BUILD/tests/modules/base" "$module" "$changed"
	[ "$status" -eq 1 ]
	[[ "$output" == *"tests/modules/base: "*"[E562]"* ]]
	run "$POSTBURN" verify --rom=native --base "$POSTBURN_BUILD/tests/modules/base" "$module" "$changed"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E650]"* ]]
	"$POSTBURN" patch -o "$BATS_TEST_TMPDIR/base" "$POSTBURN_BUILD/tests/cli/sites.elf"
	run "$POSTBURN" verify --base "$BATS_TEST_TMPDIR/base" "$module" "$changed"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[E561]"* ]]
}

# --- what is refused ---

@test "the base is no rewritten kernel" {
	base="$POSTBURN_BUILD/tests/modules/base"
	patch_module "$module"
	refused E650
	[[ "${lines[0]}" == *"tests/modules/base: "* ]]
}

@test "the base's ROM is another one" {
	offset=$(readelf -SW "$base" | awk '$2 == ".vmi_rom" || $3 == ".vmi_rom" {
		for (i = 1; i <= NF; i++) if ($i == "PROGBITS") print $(i + 2) }')
	cp "$base" "$BATS_TEST_TMPDIR/base"
	printf '\xf4' | dd of="$BATS_TEST_TMPDIR/base" bs=1 seek=$((0x$offset + 0x480)) conv=notrunc status=none
	base="$BATS_TEST_TMPDIR/base"
	patch_module "$module"
	refused E651
}

@test "the base is not Linux" {
	"$POSTBURN" patch -o "$BATS_TEST_TMPDIR/base" "$POSTBURN_BUILD/tests/cli/sites.elf"
	base="$BATS_TEST_TMPDIR/base"
	patch_module "$module"
	refused E652
}

@test "the module is for another release" {
	gcc -m32 '-DRELEASE="6.1.0-other"' -c -o "$changed" tests/modules/module.S
	patch_module "$changed"
	refused E653
	[[ "${lines[0]}" == *"'6.1.0-other'; the kernel's is '6.1.0-test'"* ]]
}

@test "a module is not rewritten twice" {
	"$POSTBURN" patch --base "$base" -o "$changed" "$module"
	patch_module "$changed"
	refused E654
}

@test "a kernel is no module" {
	patch_module "$POSTBURN_BUILD/tests/modules/base"
	refused E655
}

@test "a module for another machine" {
	echo 'nop' >"$BATS_TEST_TMPDIR/long.S"
	gcc -c -o "$changed" "$BATS_TEST_TMPDIR/long.S"
	patch_module "$changed"
	refused E655
}

@test "a module without local symbols is damaged" {
	tests/cli/edit-elf "$module" "$changed" 'sh_info[.symtab]=0'
	patch_module "$changed"
	refused E656
}

@test "sections share bytes of the file" {
	tests/cli/edit-elf "$module" "$changed" 'sh_offset[.exit.text]=-1'
	patch_module "$changed"
	refused E656
	[[ "${lines[0]}" == *"it shares bytes of the file with another"* ]]
}

@test "two relocations change the same bytes" {
	printf 'leal a, %%eax\nret\n.reloc 2, R_386_32, b\n' | assemble
	patch_module "$changed"
	refused E656
	[[ "${lines[0]}" == *"two relocations change the same bytes"* ]]
}

@test "relocations of a section that does not exist" {
	tests/cli/edit-elf "$module" "$changed" 'sh_info[.rel.data]=99'
	patch_module "$changed"
	refused E656
	[[ "${lines[0]}" == *"it relocates a section that does not exist"* ]]
}

@test "local symbols stand behind others" {
	tests/cli/edit-elf "$module" "$changed" 'sh_info[.symtab]=2'
	patch_module "$changed"
	refused E657
}

@test "common symbols" {
	printf '.comm shared, 4, 4\n' | assemble
	patch_module "$changed"
	refused E657
}

@test "a relocation that the loader does not know" {
	printf '.word variable\n' | assemble
	patch_module "$changed"
	refused E658
	[[ "${lines[0]}" == *"its type is none of"* ]]
}

@test "a module of more than its share of addresses" {
	printf '.bss\n.skip 0x50000000\n' | assemble
	patch_module "$changed"
	refused E659
}
