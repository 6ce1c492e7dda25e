#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# disasm/generate-opcodes: what is no table is refused, with file, line and what would be right.

setup() {
	table=$BATS_TEST_TMPDIR/table.def
	generate=$BATS_TEST_DIRNAME/../../disasm/generate-opcodes
}

# The line $1 is refused with the words $2.
refused() {
	printf '%s\n' '# a comment' "$1" >"$table"
	run "$generate" "$table"
	[ "$status" -eq 1 ]
	[[ $output == "$table:2: "*"$2"* ]]
}

@test "the table itself" {
	run "$generate" "$BATS_TEST_DIRNAME/../../disasm/opcodes.def"
	[ "$status" -eq 0 ]
	[[ $output == *"opcode_entries"* ]]
}

@test "an unknown word, and the allowed ones are named" {
	refused 'one 00 modrm locked' "unknown word 'locked': one of no64 only64 "
	[[ $output == *" lock "* && $output == *" indirect-jump "* ]]
}

@test "an unknown space, and the allowed ones are named" {
	refused '0f39 00 modrm' "unknown space '0f39': one of one 0f 0f38 0f3a "
}

@test "opcodes that are none" {
	refused 'one 0x modrm' "'0x' is no number"
	refused 'one 08-00 modrm' "'08-00' is not an ascending range"
	refused 'one fe-100 modrm' "'fe-100' is not an ascending range"
	refused 'one' 'no opcodes'
}

@test "ModRM.reg above 7" {
	refused 'one 80 /8 modrm ib' "'8' is not an ascending range below 8"
}

@test "a condition on ModRM without one" {
	refused 'one 80 /1 ib' 'a condition on ModRM, but no modrm'
}

@test "modrm in one line of an opcode only" {
	printf '%s\n' 'one 80 /1 modrm ib' 'one 80 ib' >"$table"
	run "$generate" "$table"
	[ "$status" -eq 1 ]
	[[ $output == "$table:2: 80: modrm in one line, not in another" ]]
}

@test "a line that a line before makes useless" {
	printf '%s\n' 'one 80-83 modrm ib' 'one 81 /1 modrm iz' >"$table"
	run "$generate" "$table"
	[ "$status" -eq 1 ]
	[[ $output == "$table:2: 81: a line before takes all of this" ]]
}

@test "a word twice" {
	refused 'vex1 41 r0 L1 r0 modrm' "'r0' given twice"
}

@test "words of other encodings" {
	refused '0f 58 vvvv modrm' "'vvvv' does not belong into space 0f"
	refused 'vex1 58 bcst modrm' "'bcst' does not belong into space vex1"
}
