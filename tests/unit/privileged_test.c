/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Is anything missing in patchtables/instructions.def? Every opcode of the
 * first four maps with every ModRM byte and some prefixes, in all modes, asked
 * of Zydis, whose own tables say what is privileged and what is called alike.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <Zydis/Zydis.h>

#include "disasm/classify.h"

struct leading_bytes {
	uint8_t size;
	uint8_t bytes[2];
};

static const struct leading_bytes escapes[] = {
    {0, {0}}, {1, {0x0f}}, {2, {0x0f, 0x38}}, {2, {0x0f, 0x3a}}};
static const struct leading_bytes prefixes[] = {{0, {0}},    {1, {0x66}}, {1, {0xf3}},
                                                {1, {0xf2}}, {1, {0xf0}}, {1, {0x44}}};
#define PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

static const struct {
	ZydisMachineMode machine;
	ZydisStackWidth stack;
} modes[] = {
    [DISASM_MODE_16] = {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
    [DISASM_MODE_32] = {ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
    [DISASM_MODE_64] = {ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64},
};

/* One instruction of the enumeration and what both sides say of it. */
struct question {
	enum disasm_mode mode;
	uint8_t bytes[INSTRUCTION_MAX_LENGTH];
	uint16_t form;
	ZydisDecodedInstruction zydis; /* mnemonic ZYDIS_MNEMONIC_INVALID: it knows none */
};

typedef void answer(const struct question *question, void *context);

static void ask(const ZydisDecoder *decoder, struct question *question, answer *take, void *context)
{
	struct instruction instruction;

	if (decode_instruction(question->bytes, sizeof(question->bytes), question->mode,
	                       &instruction) != DECODE_OK)
		return;
	question->form = classify_instruction(&instruction, question->bytes);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, NULL, question->bytes,
	                                                sizeof(question->bytes), &question->zydis)))
		question->zydis = (ZydisDecodedInstruction){.mnemonic = ZYDIS_MNEMONIC_INVALID};
	take(question, context);
}

static void enumerate_mode(enum disasm_mode mode, answer *take, void *context)
{
	struct question question = {.mode = mode};
	ZydisDecoder decoder;

	assert_true(
	    ZYAN_SUCCESS(ZydisDecoderInit(&decoder, modes[mode].machine, modes[mode].stack)));
	for (unsigned i = 0; i < PREFIXES * 4 * 256 * 256; i++) {
		const struct leading_bytes *prefix = &prefixes[i >> 18];
		const struct leading_bytes *escape = &escapes[i >> 16 & 3];
		uint8_t *bytes = question.bytes;

		memset(bytes, 0, sizeof(question.bytes));
		memcpy(bytes, prefix->bytes, prefix->size);
		bytes += prefix->size;
		memcpy(bytes, escape->bytes, escape->size);
		bytes += escape->size;
		bytes[0] = (uint8_t)(i >> 8);
		bytes[1] = (uint8_t)i;
		ask(&decoder, &question, take, context);
	}
}

static void enumerate(answer *take, void *context)
{
	enumerate_mode(DISASM_MODE_16, take, context);
	enumerate_mode(DISASM_MODE_32, take, context);
	enumerate_mode(DISASM_MODE_64, take, context);
}

static void print_question(const char *what, const struct question *question)
{
	const char *name = ZydisMnemonicGetString(question->zydis.mnemonic);

	print_error("%s: %s, mode %d, %02x %02x %02x %02x %02x\n", what, name ? name : "?",
	            16 << question->mode, question->bytes[0], question->bytes[1],
	            question->bytes[2], question->bytes[3], question->bytes[4]);
}

struct tally {
	unsigned privileged, missing;
};

static void count_missing(const struct question *question, void *context)
{
	struct tally *tally = context;

	if (!(question->zydis.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED))
		return;
	tally->privileged++;
	if (question->form != SENSITIVE_FORM_NONE && sensitive_forms[question->form].rewrite)
		return;
	if (tally->missing++ < 20)
		print_question("privileged, but not rewritten", question);
}

static void privileged_instructions_are_rewritten(void **state)
{
	struct tally tally = {0, 0};

	(void)state;
	enumerate(count_missing, &tally);
	assert_int_equal(tally.missing, 0);
	assert_true(tally.privileged > 10000);
}

/* Zydis' name of the instruction, far branches apart from near ones; 0 for names that stand for
 * sensitive and other instructions alike. */
static unsigned name_of(const struct question *question)
{
	switch (question->zydis.mnemonic) {
	case ZYDIS_MNEMONIC_INVALID:
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_POP: return 0;
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_JMP:
	case ZYDIS_MNEMONIC_RET:
		return question->zydis.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR
		           ? question->zydis.mnemonic
		           : 0;
	default: return question->zydis.mnemonic;
	}
}

struct names {
	bool sensitive[ZYDIS_MNEMONIC_MAX_VALUE + 1];
	unsigned missing;
};

static void note_name(const struct question *question, void *context)
{
	struct names *names = context;

	if (question->form != SENSITIVE_FORM_NONE)
		names->sensitive[name_of(question)] = true;
}

static void count_unnoticed(const struct question *question, void *context)
{
	struct names *names = context;
	unsigned name = name_of(question);

	if (name && names->sensitive[name] && question->form == SENSITIVE_FORM_NONE &&
	    names->missing++ < 20)
		print_question("not noticed in this encoding", question);
}

static void sensitive_in_one_encoding_is_in_all(void **state)
{
	struct names names = {{false}, 0};

	(void)state;
	enumerate(note_name, &names);
	enumerate(count_unnoticed, &names);
	assert_true(names.sensitive[ZYDIS_MNEMONIC_INSD]);
	assert_int_equal(names.missing, 0);
}

static void note_form(const struct question *question, void *context)
{
	bool *seen = context;

	if (question->form != SENSITIVE_FORM_NONE)
		seen[question->form] = true;
}

static void every_form_is_reached(void **state)
{
	bool seen[FORM_COUNT] = {false};
	unsigned unseen = 0;

	(void)state;
	enumerate(note_form, seen);
	for (unsigned i = 0; i < FORM_COUNT; i++) {
		if (seen[i] || sensitive_forms[i].named)
			continue;
		print_error("no instruction is %s\n", sensitive_forms[i].name);
		unseen++;
	}
	assert_int_equal(unseen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(privileged_instructions_are_rewritten),
	    cmocka_unit_test(sensitive_in_one_encoding_is_in_all),
	    cmocka_unit_test(every_form_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
