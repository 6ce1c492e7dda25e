#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Sites that the native ROM has to leave as they are, each with its reason.

setup() {
	report="$BATS_TEST_TMPDIR/report.json"
}

# Rewrites the kernel of the assembler text on standard input.
patch_text() {
	{
		printf '\t.globl _start\n_start:\n'
		cat
	} >"$BATS_TEST_TMPDIR/guest.S"
	gcc -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x100000,--emit-relocs \
		-o "$BATS_TEST_TMPDIR/guest" "$BATS_TEST_TMPDIR/guest.S"
	"$POSTBURN" patch --report="$report" -o "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/guest"
	"$POSTBURN" verify "$BATS_TEST_TMPDIR/guest" "$BATS_TEST_TMPDIR/out"
}

# METHOD: REASON of the site number $1.
site() {
	jq -r --argjson n "$1" '.sites[$n] | "\(.method): \(.reason)"' "$report"
}

@test "the return of a nested task stays, others do not" {
	patch_text <<-'END'
		task:	movl $1, %eax
			iret
			jmp task
		other:	movl $1, %eax
			iret
		after:	movl $2, %eax
			push $other
			push $after
			ret
			.balign 16, 0xcc
			movl $1, %eax
			iret
			.balign 16, 0xcc
	END
	[ "$(site 0)" = "native: return of a nested task, which goes on behind it" ]
	[ "$(site 1)" = "springboard: null" ]
	[ "$(site 2)" = "springboard: null" ]
}

@test "the return of a nested task is not moved with its neighbour either" {
	patch_text <<-'END'
		task:	nop
			cli
			iret
			jmp task
	END
	[[ "$(site 0)" == "native: "* ]]
	[ "$(site 1)" = "native: return of a nested task, which goes on behind it" ]
}

@test "another system's __ex_table is read where it is like Linux's" {
	patch_text <<-'END'
			xor %ecx, %ecx
		1:	rdmsr
		2:	movl $3, %eax
			movl $4, %eax
			ret
			.section __ex_table, "a", @progbits
			.long 1b - ., 2b - ., 1
	END
	[ "$(site 0)" = "native: __ex_table instruction, and the ROM sees no faults" ]
}

@test "another system's __ex_table that is none of Linux's does not matter" {
	patch_text <<-'END'
			xor %ecx, %ecx
		1:	rdmsr
		2:	movl $3, %eax
			movl $4, %eax
			ret
			.section __ex_table, "a", @progbits
			.long 0x12345678, 0, 1, 5, 7
	END
	[ "$(site 0)" = "springboard: null" ]
}

@test "what no springboard can do stays native" {
	patch_text <<-'END'
			movl $1, %esi
			outsb %fs:(%esi), (%dx)
			movl $2, %eax
			movl $2, %eax
			ret
			.balign 16, 0xcc
			movl $1, %esi
			cli
			lcall $0x50, $0
			movl $2, %eax
			ret
			.balign 16, 0xcc
			movl $1, %esi
			movl $1, %esi
			sti
			sysexit
	END
	[ "$(site 0)" = "native: an operand in FS or GS, whose base is unknown" ]
	[ "$(site 1)" = "native: beside an instruction that cannot stand elsewhere" ]
	[ "$(site 3)" = "native: sti beside an instruction that stays native" ]
}
