#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The generator's part for policies: what it refuses, by message.

bats_require_minimum_version 1.5.0

tables="$BATS_TEST_DIRNAME/../../patchtables"

setup() {
	cp "$tables/cpuid_policy.def" "$tables/msr_policy.def" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return
}

# The policy $1 with the text of stdin behind it must be refused with this line on stderr, and
# nothing written.
refused() {
	cat >>"$1_policy.def"
	run --separate-stderr "$tables/generate" "$1-policy" "$1_policy.def"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	echo "stderr: $stderr"
	# shellcheck disable=SC2053 # a pattern
	[[ "$stderr" == $2 ]]
	cp "$tables/$1_policy.def" .
}

@test "the policies as they are pass, twice alike" {
	for policy in cpuid msr; do
		"$tables/generate" $policy-policy ${policy}_policy.def >first
		"$tables/generate" $policy-policy ${policy}_policy.def | cmp - first
		grep -q '^#endif$' first
	done
}

@test "one policy a call" {
	run -1 "$tables/generate" cpuid-policy
	[[ $output == *usage:* ]]
	run -1 "$tables/generate" cpuid-policy cpuid_policy.def msr_policy.def
	[[ $output == *usage:* ]]
	run -1 "$tables/generate" msr-policy nowhere.def
	[ "$output" = 'nowhere.def: No such file or directory' ]
}

@test "heads of CPUID leaves" {
	refused cpuid '*: expected '\''leaf NUMBER\[.SUBLEAF\] REGISTER'\''*' <<<'leaf 9 EAX
  whole: zero: no'
	refused cpuid '*: unknown word '\''ESI'\'' (allowed: EAX, EBX, ECX, EDX)' <<<'leaf 0x80000009 ESI
  whole: zero: no'
	refused cpuid '*the range of leaves ends before it begins*' <<<'leaf 0x80000009-0x80000008
  whole: zero: no'
	refused cpuid '*leaf 0x3 does not ascend' <<<'leaf 0x3 EAX
  whole: zero: no'
	refused cpuid '*: 0x80000008 is given twice, first at cpuid_policy.def:*' <<<'leaf 0x80000008
  whole: zero: no'
}

@test "fields of CPUID leaves" {
	refused cpuid '*: unknown word '\''shown'\'' (allowed: *' <<<'leaf 0x80000009 EAX
  shown: SVM 2: no'
	refused cpuid '*: a leaf has either '\''whole'\'' or features' <<<'leaf 0x80000009 EAX
  whole: zero: no
  hidden: SVM 2: no'
	refused cpuid '*: a leaf has either '\''whole'\'' or features' <<<'leaf 0x80000009 EAX'
	refused cpuid '*: features are of one register of one leaf' <<<'leaf 0x80000009
  hidden: SVM 2: no'
	refused cpuid '*: '\''SVM 32'\'' is no feature: NAME BIT, bit 0 to 31' <<<'leaf 0x80000009 EAX
  hidden: SVM 32: no'
	refused cpuid '*: expected '\''NAME BIT, NAME BIT, ...: reason'\' <<<'leaf 0x80000009 EAX
  hidden: SVM 2'
	refused cpuid '*: bit 2 is given twice' <<<'leaf 0x80000009 EAX
  hidden: SVM 2: no
  processor: VMX 2: yes'
	refused cpuid '*: feature SVM is given twice' <<<'leaf 0x80000009 EAX
  hidden: SVM 2, SVM 3: no'
	refused cpuid '*: unknown word '\''ones'\'' (allowed: processor, zero, mask, last)' <<<'leaf 0x80000009 EAX
  whole: ones: no'
	refused cpuid '*: bits are given for '\''mask'\'', and for nothing else' <<<'leaf 0x80000009 EAX
  whole: mask: no'
	refused cpuid '*: '\''last'\'' is EAX of leaf 0x0 or 0x80000000' <<<'leaf 0x80000009 EAX
  whole: last: no'
}

@test "MSRs" {
	refused msr '*: expected '\''msr NUMBER NAME'\' <<<'msr 5 FIVE
  read: faults
  write: faults
  reason: no'
	refused msr '*: number 0x10 does not ascend' <<<'msr 0x10 TIME
  read: faults
  write: faults
  reason: no'
	refused msr '*: register IA32_EFER is given twice, first at msr_policy.def:*' <<<'msr 0xd0000000 IA32_EFER
  read: faults
  write: faults
  reason: no'
	refused msr '*: unknown word '\''zero'\'' (allowed: stored, value, time-stamp, faults)' <<<'msr 0xd0000000 NEW
  read: zero
  write: faults
  reason: no'
	refused msr '*: a number is given for '\''value'\'', and for nothing else' <<<'msr 0xd0000000 NEW
  read: value
  write: faults
  reason: no'
	refused msr '*: '\''5'\'' is no 64-bit number: 0x and hexadecimal digits' <<<'msr 0xd0000000 NEW
  read: value 5
  write: faults
  reason: no'
	refused msr '*: what is stored is read, and what is read is stored' <<<'msr 0xd0000000 NEW
  read: value 0x5
  write: stored 0xff
  reason: no'
	refused msr '*: only what is stored has a value after reset' <<<'msr 0xd0000000 NEW
  read: value 0x5
  write: ignored
  reset: 0x1
  reason: no'
	refused msr '*: has bits that cannot be written' <<<'msr 0xd0000000 NEW
  read: stored
  write: stored 0xff
  reset: 0x100
  reason: no'
	refused msr '*: '\''msr 0xd0000000 NEW'\'' has no '\''reason'\' <<<'msr 0xd0000000 NEW
  read: faults
  write: faults'
}

@test "the manual has each leaf and each register" {
	run -0 "$tables/generate" manual-cpuid cpuid_policy.def
	[[ $output == *'| 0x7.0 EDX | 29 ARCH_CAPABILITIES | forced | '* ]]
	[[ $output == *'| 0x40000000-0x4fffffff | all | zero | '* ]]
	run -0 "$tables/generate" manual-msr msr_policy.def
	[ "$(grep -c '^| 0x' <<<"$output")" -eq "$(grep -c '^msr ' msr_policy.def)" ]
}
