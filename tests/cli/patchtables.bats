#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The patch tables' generator: what it refuses, by message, and that all it makes agrees.

bats_require_minimum_version 1.5.0

tables="$BATS_TEST_DIRNAME/../../patchtables"

setup() {
	cp "$tables/vmi_calls.def" "$tables/instructions.def" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return
}

generate() {
	"$tables/generate" "$1" vmi_calls.def instructions.def
}

# The generator must refuse the tables with this line on stderr, and write nothing.
refused() {
	run --separate-stderr generate form-table
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	echo "stderr: $stderr"
	# shellcheck disable=SC2053 # a pattern
	[[ "$stderr" == $1 ]]
}

# edit_form NAME FIELD TEXT, edit_call 'NUMBER NAME' FIELD TEXT: replaces a field of a block.
edit_form() {
	sed -i "/^form $1\$/,/^\$/s|^  $2:.*|  $2: $3|" instructions.def
}

edit_call() {
	sed -i "/^call $1\$/,/^\$/s|^  $2:.*|  $2: $3|" vmi_calls.def
}

line_of() {
	grep -n "$1" "$2" | head -n1 | cut -d: -f1
}

@test "the tables as they are pass" {
	run -0 generate form-table
	[[ "$output" == *'sensitive_forms[] = {'* ]]
}

@test "an unknown class names the allowed words" {
	edit_form CLI class interupt-flag
	refused "instructions.def:*: unknown word 'interupt-flag' (allowed: interrupt-flag, flags, *)"
	[[ "$stderr" == "instructions.def:$(line_of interupt-flag instructions.def):"* ]]
}

@test "unknown behaviour, treatment, call, field and operand are refused" {
	edit_form CLI deprivileged crashes
	refused "*: unknown word 'crashes' (allowed: faults, silent, harmless)"
	edit_form CLI deprivileged faults
	edit_form CLI treatment patch
	refused "*: unknown word 'patch' (allowed: rewrite, report, named, ignore)"
	edit_form CLI treatment rewrite
	edit_form CLI call DisableInterupts
	refused "*: unknown word 'DisableInterupts' (allowed: Init, CPUID, *"
	edit_form CLI call DisableInterrupts
	edit_form WRMSR before 'ECX=rm64 EDX EAX'
	refused "*: unknown word 'rm64' (allowed: rm, rm-word, *"
	edit_form WRMSR before 'ECX EDX EAX'
	sed -i 's/^  xen:  */  zen: /' instructions.def
	refused "instructions.def:*: unknown word 'zen' (allowed: instruction, encoding, *"
}

@test "words of an encoding are checked" {
	edit_form CLI encoding 'fa o8'
	refused "*: unknown word 'o8' (allowed: hexadecimal bytes, legacy, 64-only, *"
	edit_form CLI encoding '0f'
	refused "*: '0f' has no opcode: *"
	edit_form CLI encoding '66 2e'
	refused "*: '66 2e': 2e is a prefix and no opcode"
	edit_form CLI encoding 'np'
	refused "*: 'np' has no opcode: *"
	edit_form CLI encoding 'np f3 fa'
	refused "*: 'np f3 fa' gives two prefix words"
	edit_form CLI encoding 'fa np'
	refused "*: 'np' must stand before the opcode"
	edit_form CLI encoding '0f 01 /2 rm=1'
	refused "*: rm=N needs reg"
	edit_form CLI encoding '0f 20 cr8'
	refused "*: cr8 needs 64-only"
}

@test "an example that is another instruction is refused" {
	edit_form CLTS example '0f 08'
	refused "instructions.def:*: '0f 08' is no CLTS: none of its encodings has these bytes"
	edit_form CLTS example '0f 6'
	refused "instructions.def:*: '0f 6' is no example: *"
}

@test "two forms of the same instruction are refused" {
	edit_form STI encoding fa
	refused "instructions.def:*: 'fa' of STI overlaps 'fa' of CLI (instructions.def:*)"
}

@test "a name given twice is refused" {
	sed -i 's/^form STI$/form CLI/' instructions.def
	refused "instructions.def:*: form CLI is given twice, first at instructions.def:*"
	cp "$tables/instructions.def" .
	sed -i 's/^call 35 .*/call 35 DisableInterrupts/' vmi_calls.def
	refused "vmi_calls.def:*: call DisableInterrupts is given twice, first at vmi_calls.def:*"
}

@test "a field missing or given twice is refused" {
	sed -i '/^form STI$/,/^$/{/^  class:/d}' instructions.def
	refused "instructions.def:*: 'form STI' has no 'class'"
	cp "$tables/instructions.def" .
	sed -i '/^form STI$/a\  class: msr' instructions.def
	refused "instructions.def:*: field 'class' given twice"
}

@test "numbers out of range, out of order or missing are refused" {
	sed -i 's/^call 96 PUSHF$/call 90 PUSHF/' vmi_calls.def
	refused "vmi_calls.def:*: number 90 is out of range (published: 4 to 84, extensions: 96 to 127)"
	sed -i 's/^call 90 PUSHF$/call 128 PUSHF/' vmi_calls.def
	refused "vmi_calls.def:*: number 128 is out of range *"
	sed -i 's/^call 128 PUSHF$/call 97 PUSHF/' vmi_calls.def
	refused "vmi_calls.def:*: number 97 does not ascend"
	sed -i 's/^call 97 PUSHF$/call 96 PUSHF/; /^call 55 /,/^$/d' vmi_calls.def
	sed -i '/^form INVLPG$/,/^$/d' instructions.def
	refused "vmi_calls.def: published call 55 is missing"
}

@test "a form must fill its call's arguments, and take results it has" {
	edit_form WRMSR before 'ECX EDX'
	refused "*: WRMSR fills ECX EDX, but WRMSR takes EAX ECX EDX"
	edit_form WRMSR before 'ECX EDX EAX'
	edit_form LJMP before 'push=selector'
	refused "*: LJMP fills word0, but FarJump takes word0 word1"
	edit_form LJMP before 'push=selector push=offset'
	edit_form RDMSR after 'EDX EAX ECX'
	refused "*: RDMSR has no result ECX for RDMSR"
}

@test "results must be clobbers, and extensions need a source and a use" {
	edit_call '7 RDMSR' clobbers 'EAX flags'
	refused "vmi_calls.def:*: EDX is a result but not among the clobbers"
	edit_call '7 RDMSR' clobbers 'EAX EDX ECX flags'
	sed -i '/^call 111 HLT$/,/^$/{/^  source:/d}' vmi_calls.def
	refused "vmi_calls.def:*: extension HLT has no 'source' *"
	cp "$tables/vmi_calls.def" .
	edit_form HLT call Halt
	refused "vmi_calls.def:*: no instruction becomes extension HLT"
}

@test "what is not harmless cannot be ignored, what is rewritten needs a call" {
	edit_form CLI call -
	refused "*: CLI must be rewritten, but into which call?"
	edit_form CLI treatment ignore
	refused "*: CLI is not harmless, so it cannot be ignored"
}

@test "lines that are no field and no head are refused" {
	sed -i 's/^form STI$/form Sti/' instructions.def
	refused "instructions.def:*: expected 'form NAME', of capitals, digits and _"
	cp "$tables/instructions.def" .
	printf 'fom NEW\n' >>instructions.def
	refused "instructions.def:*: unknown word 'fom' (allowed: form, define)"
	cp "$tables/instructions.def" .
	sed -i 's/^  class: .*/  class/' instructions.def
	refused "instructions.def:*: expected '  field: text', or a head line *"
}

@test "shared texts must be defined once and used" {
	edit_form CLI reason @not-there
	refused "instructions.def:*: unknown word '@not-there' (allowed: @no-trap, *"
	edit_form CLI reason @gp
	printf 'define @gp again\n' >>instructions.def
	refused "instructions.def:*: @gp is defined twice, first at instructions.def:*"
	sed -i '$s/.*/define @new text/' instructions.def
	refused "instructions.def:*: @new is defined and not used"
	sed -i '$s/.*/define new text/' instructions.def
	refused "instructions.def:*: expected 'define @word text'"
}

@test "a file that is not there is named" {
	rm vmi_calls.def
	refused "vmi_calls.def: No such file or directory"
}

@test "the same tables give the same bytes" {
	for what in call-numbers call-table form-numbers form-table form-cases manual-calls \
		manual-forms; do
		generate "$what" >first
		generate "$what" >second
		[ -s first ]
		cmp first second
	done
}

@test "the numbers serve C and the assembler alike" {
	generate call-numbers >vmi_call_numbers.h
	printf '#include "vmi_call_numbers.h"\n.org VMI_CALL_SwapPxE * VMI_SLOT_SIZE\nslot: nop\n' >slot.S
	gcc -m32 -c -I. -o slot.o slot.S
	[ "$(nm slot.o)" = "000005e0 t slot" ]
	printf '#include "vmi_call_numbers.h"\n_Static_assert(VMI_CALL_SwapPxE == 47, "47");\n' >slot.c
	gcc -c -I. -o slot.o slot.c
}

@test "the manual has a row for each call and each form" {
	[ "$(generate manual-calls | grep -c '^| [0-9]')" -eq "$(grep -c '^call ' vmi_calls.def)" ]
	[ "$(generate manual-forms | grep -c '^| `')" -eq "$(grep -c '^form ' instructions.def)" ]
}

# --- guests ---------------------------------------------------------------------------------------

# The generator must refuse the guest's table on standard input with this line.
guest_refused() {
	cat >guest.def
	run --separate-stderr "$tables/generate" setter-table guest.def
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	# shellcheck disable=SC2053 # a pattern
	[[ "$stderr" == $1 ]]
}

@test "a guest's setters become C in the order of their names" {
	run -0 "$tables/generate" setter-table "$tables/guests/linux.def"
	names=$(sed -n 's/^\t{ "\([a-z0-9_]*\)".*/\1/p' <<<"$output")
	[ "$(wc -l <<<"$names")" -eq "$(grep -c '^setter' "$tables/guests/linux.def")" ]
	[ "$names" = "$(LC_ALL=C sort <<<"$names")" ]
}

@test "a guest's setters are checked" {
	printf 'setter a\n  writes: stor\n  source: x\n' |
		guest_refused "guest.def:2: unknown word 'stor' (allowed: store, xchg, *"
	printf 'setter a\n  writes: call\n  source: x\n' |
		guest_refused "*: a: 'writes: call' and 'calls' go together"
	printf 'setter a\n  writes: -\n  source: x\n' |
		guest_refused "guest.def:2: a writes nothing, so it is no setter"
	printf 'setter a-b\n  writes: store\n  source: x\n' |
		guest_refused "guest.def:1: expected 'setter NAME', *"
	printf 'setter a\n  writes: store\n  source: x\n\nsetter a\n  writes: bit\n  source: x\n' |
		guest_refused "guest.def:5: setter a is given twice, first at guest.def:1"
}

@test "a form that is named must be harmless" {
	edit_form PTE_STORE deprivileged silent
	refused "*: PTE_STORE is not harmless, so it is a site anywhere"
}
