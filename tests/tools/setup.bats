#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/setup: what is missing is told in one line, or installed.

# shellcheck disable=SC2154 # tools, calls: common.bash
load common

setup() {
	common_setup
	mkdir -p "$BATS_TEST_TMPDIR/tools"
	cp "$tools/setup" "$BATS_TEST_TMPDIR/tools/setup"
	cat >"$BATS_TEST_TMPDIR/tools/packages.txt" <<-END
		# a list

		[build]
		alpha   the first
		beta
		[test]
		gamma   the third
	END
	setup=$BATS_TEST_TMPDIR/tools/setup
	installed alpha
	pretend apt-get <<<'exit 0'
	pretend id <<<'echo 0'
}

# These packages are installed, delta is known and not.
installed() {
	pretend dpkg-query <<-END
		for name in $*; do
			echo "installed \$name"
		done
		echo "not-installed beta"
		echo "no packages found matching gamma" >&2
		exit 1
	END
}

@test "nothing missing: silent" {
	run "$setup" --check test
	[ "$status" -eq 1 ]
	installed alpha beta gamma
	run "$setup"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	run ! grep apt-get "$calls"
}

@test "--check tells in one line what is missing of a group" {
	run "$setup" --check build
	[ "$status" -eq 1 ]
	[ "$output" = "postburn: missing packages: beta; as root: apt-get install beta" ]
	run "$setup" --check build test
	[ "$output" = "postburn: missing packages: beta gamma; as root: apt-get install beta gamma" ]
	run ! grep apt-get "$calls"
}

@test "without groups, all of them count" {
	run "$setup" --check
	[ "$output" = "postburn: missing packages: beta gamma; as root: apt-get install beta gamma" ]
}

@test "not root: told, not installed" {
	pretend id <<<'echo 1000'
	run "$setup" build
	[ "$status" -eq 1 ]
	[ "$output" = "postburn: missing packages: beta; as root: apt-get install beta" ]
	run ! grep apt-get "$calls"
}

@test "root: only what is missing is installed, after an update" {
	run "$setup" build test
	[ "$status" -eq 0 ]
	[ "$output" = "postburn: installing beta gamma" ]
	[ "$(grep -c apt-get "$calls")" -eq 2 ]
	[[ $(sed -n 's/^apt-get //p' "$calls" | head -n 1) == *update ]]
	[[ $(sed -n 's/^apt-get //p' "$calls" | tail -n 1) == *"--no-install-recommends beta gamma" ]]
}

@test "an update that fails does not stop the installation, one that fails does" {
	pretend apt-get <<<'[[ $* != *update* ]]'
	run "$setup" build
	[ "$status" -eq 0 ]
	pretend apt-get <<<'echo "no such package"; [[ $* != *install* ]]'
	run "$setup" build
	[ "$status" -ne 0 ]
	[[ $output == *"no such package"* ]]
}

@test "a group that is not in the list is an error" {
	run "$setup" --check tset
	[ "$status" -eq 1 ]
	[[ $output == *"no group [tset]"* ]]
}

@test "a package is named once in the real list" {
	run awk 'NF && !/^[#[]/ && seen[$1]++' "$tools/packages.txt"
	[ "$output" = "" ]
}
