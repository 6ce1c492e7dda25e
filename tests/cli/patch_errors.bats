#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What `postburn patch` refuses, by message, and that it leaves no file behind.

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
}

# An ELF32 executable of the assembler text on standard input; further words go to the linker.
link_guest() {
	cat >"$BATS_TEST_TMPDIR/guest.S"
	gcc -m32 -nostdlib -static -no-pie "$@" -o "$BATS_TEST_TMPDIR/guest" "$BATS_TEST_TMPDIR/guest.S"
}

# A ROM of three calls; $1: its properties, $2: the symbol where a loader enters.
make_rom() {
	cat >"$BATS_TEST_TMPDIR/rom.S" <<-ROM
		#include "rom/include/vmi.inc"
			.section .rom_manifest, "a", @progbits
			.long ROM_MANIFEST_MAGIC
			.short ROM_ABI_VERSION, 3
			.long $1
			.asciz "test"
			.fill 15, 1, 0
			vmi_call(DisableInterrupts, 0)
			cli
			ret
			vmi_call_end(DisableInterrupts)
			vmi_call(EnableInterrupts, 0)
			sti
			ret
			vmi_call_end(EnableInterrupts)
			vmi_none(HLT)
			.section .rom_parameters, "aw", @progbits
			.fill ROM_PARAMETERS_SIZE, 1, 0
			.text
			.globl $2
		$2:
			jmp ROM_GUEST_ENTRY
	ROM
	gcc -m32 -I. -I"$POSTBURN_BUILD/generated" -c -o "$BATS_TEST_TMPDIR/test.rom" \
		"$BATS_TEST_TMPDIR/rom.S"
}

# The run before failed with diagnostic $1 and wrote nothing.
refused() {
	[ "$status" -eq 1 ]
	[[ "$output" == *"[$1]"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/output" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'output.*')" ]
}

@test "a module is not rewritten as a kernel" {
	gcc -m32 -c -o "$BATS_TEST_TMPDIR/module.o" tests/cli/sites.S
	run "$POSTBURN" patch -o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/module.o"
	refused E540
}

@test "a kernel is not rewritten twice" {
	"$POSTBURN" patch -o "$BATS_TEST_TMPDIR/once" "$guest"
	run "$POSTBURN" patch -o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/once"
	refused E541
}

@test "a file without segments is refused" {
	tests/cli/edit-elf "$guest" "$BATS_TEST_TMPDIR/guest" e_phoff=0 e_phnum=0
	run "$POSTBURN" patch -o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/guest"
	refused E542
}

@test "a kernel at the end of the address space leaves no room" {
	echo '.globl _start; _start: cli; nop; nop; nop; nop; ret' | link_guest -Wl,-Ttext=0xffff0000
	run "$POSTBURN" patch -o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/guest"
	refused E543
}

@test "more than a mebibyte of springboards and records is refused" {
	echo '.globl _start; _start: .rept 40000; cli; nop; nop; nop; nop; .endr; ret' | link_guest
	run "$POSTBURN" patch -o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/guest"
	refused E544
}

@test "code outside all segments is refused" {
	printf '\372\220\220\220\220\303' >"$BATS_TEST_TMPDIR/code"
	objcopy --add-section .extra="$BATS_TEST_TMPDIR/code" \
		--set-section-flags .extra=alloc,code,contents,load,readonly \
		--change-section-address .extra=0xd0000000 "$guest" "$BATS_TEST_TMPDIR/guest"
	run "$POSTBURN" patch -o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/guest"
	refused E545
}

@test "a ROM without an entry for the guest is refused" {
	echo '.globl _start; _start: cli; nop; nop; nop; nop; ret' | link_guest
	make_rom 0 ROM_ENTRY_PVH
	run "$POSTBURN" patch --rom="$BATS_TEST_TMPDIR/test.rom" -o "$BATS_TEST_TMPDIR/output" \
		"$BATS_TEST_TMPDIR/guest"
	refused E546
}

@test "sites that cannot be rewritten are an error, or exit status 3" {
	echo '.globl _start; .type _start,@function; _start: nop; nop; wrmsr; jmp _start' | link_guest
	make_rom ROM_OWNS_TRAPS ROM_ENTRY_MULTIBOOT
	run "$POSTBURN" patch --rom="$BATS_TEST_TMPDIR/test.rom" -o "$BATS_TEST_TMPDIR/output" \
		"$BATS_TEST_TMPDIR/guest"
	refused E547
	[[ "$output" == *"_start+0x2"*"wrmsr stays as it is: the ROM does not offer the call"* ]]
	run "$POSTBURN" patch --allow-unpatched --rom="$BATS_TEST_TMPDIR/test.rom" \
		-o "$BATS_TEST_TMPDIR/output" "$BATS_TEST_TMPDIR/guest"
	[ "$status" -eq 3 ]
	[ -s "$BATS_TEST_TMPDIR/output" ]
}

# The second instruction behind cli is a function of its own, and there is no padding to hop to.
@test "a site without a window traps, if the ROM owns the traps" {
	printf ".globl _start\n.type _start,@function\n_start: jmp 1f\n1: cli\n2: jmp 1b\n.size _start,.-_start\n.globl other\nother: jmp 2b\n" | link_guest
	make_rom ROM_OWNS_TRAPS ROM_ENTRY_MULTIBOOT
	run "$POSTBURN" patch --rom="$BATS_TEST_TMPDIR/test.rom" -o "$BATS_TEST_TMPDIR/output" \
		"$BATS_TEST_TMPDIR/guest"
	[ "$status" -eq 0 ]
	[[ "$output" == *" 1 trap"* ]]
	"$POSTBURN" verify --rom="$BATS_TEST_TMPDIR/test.rom" "$BATS_TEST_TMPDIR/guest" \
		"$BATS_TEST_TMPDIR/output"
	objdump -d "$BATS_TEST_TMPDIR/output" >"$BATS_TEST_TMPDIR/text"
	grep -qE '^ *[0-9a-f]+:	cc +	int3' "$BATS_TEST_TMPDIR/text"
}

@test "--dry-run writes nothing; without it -o is needed" {
	run "$POSTBURN" patch --dry-run "$guest"
	[ "$status" -eq 0 ]
	[ -z "$(ls "$BATS_TEST_TMPDIR")" ]
	run "$POSTBURN" patch "$guest"
	[ "$status" -eq 2 ]
}

@test "the same input gives the same bytes, and --rom-out the ROM that is in them" {
	"$POSTBURN" patch --rom-out="$BATS_TEST_TMPDIR/rom" -o "$BATS_TEST_TMPDIR/one" "$guest"
	"$POSTBURN" patch -o "$BATS_TEST_TMPDIR/two" "$guest"
	cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	objcopy -O binary --only-section=.vmi_rom "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/section"
	[ -s "$BATS_TEST_TMPDIR/rom" ]
	cmp "$BATS_TEST_TMPDIR/rom" "$BATS_TEST_TMPDIR/section"
}
