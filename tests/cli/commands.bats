#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What all commands do with their words, and what is made of patcher/command/commands.def.

root=$BATS_TEST_DIRNAME/../..
table=$root/patcher/command/commands.def

listed() {
	"$root/tools/generate-commands" list "$table"
}

@test "the table is refused where it is wrong" {
	bad=$BATS_TEST_TMPDIR/bad.def
	printf 'scan KERNEL\n  sumary: x\n' >"$bad"
	run "$root/tools/generate-commands" header "$bad"
	[ "$status" -eq 1 ]
	[[ $output == *"bad.def:2: unknown field 'sumary': one of summary, about, exit, option" ]]
	printf 'scan KERNEL\n  option: -format  x\n' >"$bad"
	run "$root/tools/generate-commands" header "$bad"
	[[ $output == *"bad.def:2: expected 'option: "* ]]
	printf 'scan KERNEL\n  summary: x\n  about: y\n' >"$bad"
	run "$root/tools/generate-commands" header "$bad"
	[[ $output == *"bad.def: scan has no 'exit'" ]]
}

@test "--help of each command has all of its options" {
	listed | while read -r command option; do
		help=$("$POSTBURN" "$command" --help)
		[[ $help == "Usage: postburn $command "* ]]
		[ -z "$option" ] || [[ $help == *"$option"* ]]
	done
	"$POSTBURN" --help >"$BATS_TEST_TMPDIR/help"
	for command in $(listed | grep -v -- --); do
		grep -q "^  $command " "$BATS_TEST_TMPDIR/help"
	done
}

@test "the man pages have each command's options, and no others" {
	cat "$root"/docs/postburn*.1 >"$BATS_TEST_TMPDIR/pages"
	for option in $(listed | sed -n 's/.* --//p' | sort -u); do
		grep -qE "^\.It.* Fl .*-$option( |\$)" "$BATS_TEST_TMPDIR/pages" || {
			echo "--$option is in no man page"
			false
		}
	done
	grep -E '^\.It.* Fl ' "$BATS_TEST_TMPDIR/pages" |
		grep -oE 'Fl (. , )?-[a-z][a-z-]+|, -[a-z][a-z-]+' | sed 's/.* -//' | sort -u |
		while read -r option; do
			[[ $option =~ ^(help|version|usage)$ ]] || listed | grep -q -- " --$option\$" || {
				echo "--$option is in the man pages only"
				false
			}
		done
}

@test "a mistyped option" {
	run "$POSTBURN" patch --simbols=x -o y z
	[ "$status" -eq 2 ]
	[ "${lines[0]}" = "postburn patch: unknown option '--simbols': did you mean '--symbols'?" ]
	[ "${lines[1]}" = "Try \`postburn patch --help'." ]
	run "$POSTBURN" rom --nothing-like-it native
	[ "$status" -eq 2 ]
	[ "${lines[0]}" = "postburn rom: unknown option '--nothing-like-it'" ]
}

@test "what looks like an option but is a value, or a file" {
	run "$POSTBURN" rom -o "$BATS_TEST_TMPDIR/list" -- --native
	[ "$status" -eq 1 ]
	[[ $output != *"unknown option"* ]]
	run "$POSTBURN" scan --symbols --odd "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 1 ]
	[[ $output != *"unknown option"* ]]
}

@test "a word that is none of an option's" {
	run "$POSTBURN" scan --format=xml kernel
	[ "$status" -eq 2 ]
	[[ $output == *"--format: unknown word 'xml' (allowed: text, json, csv)"* ]]
	run "$POSTBURN" rom --format=js native
	[ "$status" -eq 2 ]
	[[ $output == *"--format: unknown word 'js' (allowed: text, json)"* ]]
}

@test "completion: bash offers commands, options, words" {
	# shellcheck source=/dev/null
	source "$POSTBURN_BUILD/completions/bash"
	compopt() { :; }
	complete_words() {
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_postburn
	}
	complete_words postburn ver
	[ "${COMPREPLY[*]}" = verify ]
	complete_words postburn scan --f
	[ "${COMPREPLY[*]}" = --format= ]
	complete_words postburn scan --format = j
	[ "${COMPREPLY[*]}" = json ]
	complete_words postburn patch --dry
	[ "${COMPREPLY[*]}" = --dry-run ]
	cd "$BATS_TEST_TMPDIR"
	touch vmlinuz-1
	complete_words postburn scan vml
	[ "${COMPREPLY[*]}" = vmlinuz-1 ]
}

@test "completion: zsh and fish have every option" {
	listed | while read -r command option; do
		[ -n "$option" ] || continue
		grep -q -- "${option}[=[]" "$POSTBURN_BUILD/completions/zsh"
		grep -q -- "from $command' -l ${option#--} " "$POSTBURN_BUILD/completions/fish"
	done
}
