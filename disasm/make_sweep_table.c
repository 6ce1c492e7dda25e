/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Host program: writes sweep_table.c, the tables of disasm/sweep_table.h, to standard output.
 *
 * An entry is what the decoder says of the two bytes after a prefix sequence of the context. Opcode
 * and ModRM must lie within the two bytes: then the decoder's result depends on nothing that
 * follows but the SIB, whose two cases are both asked for. Where that is not so, or where the
 * prefix sequences of a context disagree, the entry is SWEEP_SLOW.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm/classify.h"
#include "disasm/decode.h"
#include "disasm/sweep_table.h"

#define MAX_MEMBERS 16

/* A context: byte sequences that are alike for what follows, each ended by the list's length. */
struct context {
	const char *members[MAX_MEMBERS];
};

/* Sequences of what kernels are full of; others are left to the decoder. */
static const struct context contexts_legacy[] = {
    {{""}},
    {{"\x0f"}},
    {{"\x66"}},
    {{"\x66\x0f"}},
    {{"\x26", "\x2e", "\x36", "\x3e", "\x64", "\x65"}},
    {{"\x26\x0f", "\x2e\x0f", "\x36\x0f", "\x3e\x0f", "\x64\x0f", "\x65\x0f"}},
    {{"\xf0"}},
    {{"\xf0\x0f"}},
    {{"\xf3"}},
    {{"\xf3\x0f"}},
};

static const struct context contexts_long[] = {
    {{""}},
    {{"\x0f"}},
    {{"\x40", "\x41", "\x42", "\x43", "\x44", "\x45", "\x46", "\x47"}},
    {{"\x48", "\x49", "\x4a", "\x4b", "\x4c", "\x4d", "\x4e", "\x4f"}},
    {{"\x40\x0f", "\x41\x0f", "\x42\x0f", "\x43\x0f", "\x44\x0f", "\x45\x0f", "\x46\x0f",
      "\x47\x0f"}},
    {{"\x48\x0f", "\x49\x0f", "\x4a\x0f", "\x4b\x0f", "\x4c\x0f", "\x4d\x0f", "\x4e\x0f",
      "\x4f\x0f"}},
    {{"\x66"}},
    {{"\x66\x0f"}},
    {{"\x26", "\x2e", "\x36", "\x3e"}},
    {{"\x64", "\x65"}},
    {{"\x64\x48", "\x64\x49", "\x64\x4a", "\x64\x4b", "\x64\x4c", "\x64\x4d", "\x64\x4e",
      "\x64\x4f", "\x65\x48", "\x65\x49", "\x65\x4a", "\x65\x4b", "\x65\x4c", "\x65\x4d",
      "\x65\x4e", "\x65\x4f"}},
    {{"\xf0"}},
    {{"\xf0\x48", "\xf0\x49", "\xf0\x4a", "\xf0\x4b", "\xf0\x4c", "\xf0\x4d", "\xf0\x4e",
      "\xf0\x4f"}},
    {{"\xf0\x0f"}},
    {{"\xf3"}},
    {{"\xf3\x0f"}},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(contexts_legacy) <= SWEEP_LOW_BITS + 1, "entries have no room for more");
_Static_assert(COUNT(contexts_long) <= SWEEP_LOW_BITS + 1, "entries have no room for more");

struct mode {
	enum disasm_mode mode;
	const char *name;
	const struct context *contexts;
	size_t count;
};

static const struct mode modes[] = {
    {DISASM_MODE_32, "32", contexts_legacy, COUNT(contexts_legacy)},
    {DISASM_MODE_64, "64", contexts_long, COUNT(contexts_long)},
};

/* The entry that one prefix sequence and the two bytes ask for, before a given SIB. */
static uint8_t entry_with_sib(const struct mode *mode, const char *prefix, uint16_t pair,
                              uint8_t sib)
{
	size_t passed = strlen(prefix);
	uint8_t bytes[SWEEP_TABLE_REACH] = {0};
	struct instruction instruction;
	uint8_t length;

	for (size_t i = 0; i < passed; i++)
		bytes[i] = prefix[i];
	bytes[passed] = pair & 0xff;
	bytes[passed + 1] = pair >> 8;
	bytes[passed + 2] = sib;
	if (decode_instruction(bytes, sizeof(bytes), mode->mode, &instruction) != DECODE_OK)
		return SWEEP_SLOW;
	if (instruction.encoding != ENCODING_LEGACY || instruction.opcode_offset < passed ||
	    instruction.opcode_offset + instruction.has_modrm > passed + 1)
		return SWEEP_SLOW;
	/* A form may look at immediates, which are not known here. */
	if (classify_instruction(&instruction, bytes) != SENSITIVE_FORM_NONE ||
	    (instruction.immediate_size &&
	     opcode_may_be_sensitive(instruction.map, instruction.opcode)))
		return SWEEP_SLOW;
	length = instruction.length - passed;
	if (!instruction_is_direct_branch(&instruction))
		return SWEEP_SIMPLE | length;
	return passed ? SWEEP_SLOW : SWEEP_SIMPLE | SWEEP_BRANCH | length;
}

static uint8_t entry_for(const struct mode *mode, const char *prefix, uint16_t pair)
{
	uint8_t entry = entry_with_sib(mode, prefix, pair, 0);
	uint8_t base5 = entry_with_sib(mode, prefix, pair, 5);

	if (entry == base5)
		return entry;
	if (!(entry & SWEEP_SIMPLE) || base5 != entry + 4)
		return SWEEP_SLOW;
	return SWEEP_SIB | (entry & SWEEP_LOW_BITS);
}

/* The context that a sequence belongs to, or -1. */
static int context_of(const struct mode *mode, const char *sequence, size_t length)
{
	for (size_t i = 0; i < mode->count; i++)
		for (size_t j = 0; j < MAX_MEMBERS && mode->contexts[i].members[j]; j++)
			if (strlen(mode->contexts[i].members[j]) == length &&
			    !memcmp(mode->contexts[i].members[j], sequence, length))
				return i;
	return -1;
}

/* An entry may lead on to a context when every member with this byte appended is in that same
 * context. */
static uint8_t chain_entry(const struct mode *mode, const struct context *context, uint8_t byte)
{
	int next = -1;

	for (size_t i = 0; i < MAX_MEMBERS && context->members[i]; i++) {
		char sequence[8];
		size_t length = strlen(context->members[i]);
		int found;

		memcpy(sequence, context->members[i], length);
		sequence[length] = byte;
		found = context_of(mode, sequence, length + 1);
		if (found < 0 || (next >= 0 && found != next))
			return SWEEP_SLOW;
		next = found;
	}
	return SWEEP_CHAIN | next;
}

static uint8_t table_entry(const struct mode *mode, const struct context *context, uint16_t pair)
{
	uint8_t entry = entry_for(mode, context->members[0], pair);

	/* Perhaps the first of many zeros, which are no code. */
	if (!pair && !*context->members[0])
		return SWEEP_SLOW;
	if (entry == SWEEP_SLOW && pair & 0xff)
		return chain_entry(mode, context, pair & 0xff);
	for (size_t i = 1; i < MAX_MEMBERS && context->members[i]; i++)
		if (entry_for(mode, context->members[i], pair) != entry)
			return SWEEP_SLOW;
	return entry;
}

static void write_mode(const struct mode *mode)
{
	bool reached[SWEEP_LOW_BITS + 1] = {true};

	printf("static const uint8_t table_%s[] =\n", mode->name);
	for (size_t i = 0; i < mode->count; i++) {
		for (unsigned pair = 0; pair < 0x10000; pair++) {
			uint8_t entry;

			if (pair % 64 == 0)
				printf("\t\"");
			entry = table_entry(mode, &mode->contexts[i], pair);
			if (entry & SWEEP_CHAIN)
				reached[entry & SWEEP_LOW_BITS] = true;
			printf("\\%o", entry);
			if (pair % 64 == 63)
				printf("\"\n");
		}
	}
	printf("\t;\n\n");
	for (size_t i = 0; i < mode->count; i++) {
		if (!reached[i]) {
			fprintf(stderr, "make_sweep_table: no way to context %zu of %s bits\n", i,
			        mode->name);
			exit(EXIT_FAILURE);
		}
	}
}

int main(void)
{
	printf("/* Generated by disasm/make_sweep_table.c: do not edit. */\n"
	       "#include \"disasm/sweep_table.h\"\n\n#include \"disasm/decode.h\"\n\n");
	for (size_t i = 0; i < COUNT(modes); i++)
		write_mode(&modes[i]);
	printf("const uint8_t *const sweep_tables[3] = {\n");
	for (size_t i = 0; i < COUNT(modes); i++)
		printf("\t[DISASM_MODE_%s] = table_%s,\n", modes[i].name, modes[i].name);
	printf("};\n");
	return ferror(stdout) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
