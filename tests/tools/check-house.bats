#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/check-house: each rule finds its breach.

setup() {
	house=$BATS_TEST_TMPDIR/house
	mkdir -p "$house/tools" "$house/patcher/verify" "$house/disasm"
	cp "$BATS_TEST_DIRNAME/../../tools/check-house" "$house/tools/"
	licence='/* SPDX-License-Identifier: BSD-2-Clause */'
	echo "$licence" >"$house/patcher/good.c"
	git -C "$house" init -q
}

# The house with a file $1 of text $2 breaks the rule named $3.
breaks() {
	printf '%s\n' "$2" >"$house/$1"
	git -C "$house" add -A
	run "$house/tools/check-house"
	[ "$status" -eq 1 ]
	[[ $output == *"$3:"*"$1"* ]]
}

@test "a clean house passes" {
	git -C "$house" add -A
	run "$house/tools/check-house"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
}

@test "a file without licence" {
	breaks patcher/bad.c 'int x;' 'licence'
}

@test "a script that is not executable, and the reverse" {
	breaks tools/bad $'#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause' 'modes'
	[[ $output == *"tools/bad: a script that is not executable"* ]]
	chmod +x "$house/patcher/good.c"
	run "$house/tools/check-house"
	[[ $output == *"patcher/good.c: executable, and no script"* ]]
}

@test "libelf outside libelf_reader.c" {
	printf '%s\n' "$licence" '#include <libelf.h>' >"$house/patcher/verify/libelf_reader.c"
	breaks patcher/bad.c "$licence"$'\n#include <gelf.h>' "only patcher/verify/libelf_reader.c knows libelf"
	[[ $output != *"patcher/verify/libelf_reader.c:2"* ]]
}

@test "Capstone outside disasm" {
	breaks patcher/bad.c "$licence"$'\n#include <capstone/capstone.h>' 'only disasm/ knows Capstone'
}

@test "a path of one machine" {
	breaks patcher/bad.c "$licence"$'\n// '"/""home/me" 'paths of one machine'
}

@test "an address of a package archive" {
	breaks patcher/bad.c "$licence"$'\n// https://'"deb.debian""."org/debian 'addresses of package archives'
}

@test "blanks at the end of a line" {
	breaks patcher/bad.c "$licence"$'\nint x; ' 'blanks at the end of a line'
}

@test "a shell script that shellcheck objects to" {
	breaks tools/bad $'#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\ncd $1' 'shellcheck'
}
