# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# For the tests of tools/: a folder of pretended commands in front of PATH, and a cache of its own.

# shellcheck disable=SC2034 # the tests use it
tools=$BATS_TEST_DIRNAME/../../tools
pretended=$BATS_TEST_TMPDIR/pretended

# The command $1 shall do what standard input says; $calls records its arguments.
pretend() {
	{
		printf '#!/bin/bash\necho "%s $*" >>"%s"\n' "$1" "$calls"
		cat
	} >"$pretended/$1"
	chmod +x "$pretended/$1"
}

bats_require_minimum_version 1.5.0

common_setup() {
	calls=$BATS_TEST_TMPDIR/calls
	mkdir -p "$pretended"
	: >"$calls"
	export PATH=$pretended:$PATH XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	export PYTHONDONTWRITEBYTECODE=1
}
