#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The table of messages: every one is tested somewhere, and a broken table does not build.

generate() {
	run tools/generate-diagnostics header "$BATS_TEST_TMPDIR/table.def"
}

@test "every message has a test" {
	untested=""
	while read -r number name; do
		# The one needs an allocation to fail; the other a line of instructions.def whose moves
		# the springboards do not know, which the equivalence tests would find before.
		[ "$name" = OUT_OF_MEMORY ] || [ "$name" = SPRINGBOARD_OPERAND ] && continue
		grep -rqE "\b((DIAGNOSTIC_)?$name|$number)\b" tests --include='*.c' --include='*.bats' ||
			untested+=" $number"
	done < <(grep -oE '^E[0-9]{3} [A-Z0-9_]+' patcher/diagnostics.def)
	echo "untested:$untested"
	[ -z "$untested" ]
}

@test "every message is used" {
	unused=""
	while read -r number name; do
		grep -rqE "\b$name\b" patcher --include='*.c' || unused+=" $number"
	done < <(grep -oE '^E[0-9]{3} [A-Z0-9_]+' patcher/diagnostics.def)
	echo "unused:$unused"
	[ -z "$unused" ]
}

@test "the table makes header, source and manual" {
	for kind in header source manual; do
		tools/generate-diagnostics $kind patcher/diagnostics.def >"$BATS_TEST_TMPDIR/$kind"
		[ -s "$BATS_TEST_TMPDIR/$kind" ]
	done
	grep -q '^## E502: ' "$BATS_TEST_TMPDIR/manual"
}

@test "an unknown field is an error that names line and fields" {
	printf 'E100 A\n  message: m\n  meening: m\n' >"$BATS_TEST_TMPDIR/table.def"
	generate
	[ "$status" -eq 1 ]
	[[ "$output" == *"table.def:3: unknown field 'meening': one of message, meaning, cure" ]]
}

@test "numbers ascend, names are unique, fields are complete" {
	printf 'E101 A\n  message: m\n  meaning: m\n  cure: c\n\nE100 B\n' >"$BATS_TEST_TMPDIR/table.def"
	generate
	[[ "$output" == *"E100 does not ascend"* ]]
	printf 'E101 A\n  message: m\n  meaning: m\n  cure: c\n\nE102 A\n' >"$BATS_TEST_TMPDIR/table.def"
	generate
	[[ "$output" == *"name A given twice"* ]]
	printf 'E101 A\n  message: m\n  cure: c\n' >"$BATS_TEST_TMPDIR/table.def"
	generate
	[[ "$output" == *"A has no 'meaning'"* ]]
}
