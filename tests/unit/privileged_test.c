/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Is anything missing in patchtables/instructions.def? Every opcode of the
 * first four maps with every ModRM byte and mandatory prefix, in all modes,
 * asked of Zydis, which knows by its own tables what is privileged.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <Zydis/Zydis.h>

#include "disasm/classify.h"

static const char *const escapes[] = {"", "\x0f", "\x0f\x38", "\x0f\x3a"};
static const char *const prefix_bytes[] = {"", "\x66", "\xf3", "\xf2", "\xf0", "\x44"};

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
	bool privileged;
};

typedef void answer(const struct question *question, void *context);

static void ask(const ZydisDecoder *decoder, struct question *question, answer *take, void *context)
{
	ZydisDecodedInstruction zydis;
	struct instruction instruction;

	question->form = SENSITIVE_FORM_NONE;
	question->privileged = false;
	if (decode_instruction(question->bytes, sizeof(question->bytes), question->mode,
	                       &instruction) != DECODE_OK)
		return;
	question->form = classify_instruction(&instruction, question->bytes);
	if (ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, NULL, question->bytes,
	                                               sizeof(question->bytes), &zydis)))
		question->privileged = (zydis.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0;
	take(question, context);
}

static void enumerate_mode(enum disasm_mode mode, answer *take, void *context)
{
	struct question question = {.mode = mode};
	ZydisDecoder decoder;

	assert_true(
	    ZYAN_SUCCESS(ZydisDecoderInit(&decoder, modes[mode].machine, modes[mode].stack)));
	for (unsigned i = 0; i < 4u * 6 * 256 * 256; i++) {
		const char *escape = escapes[i >> 16 & 3], *prefix = prefix_bytes[i >> 18];
		size_t length = strlen(prefix) + strlen(escape);

		memset(question.bytes, 0, sizeof(question.bytes));
		memcpy(question.bytes, prefix, strlen(prefix));
		memcpy(question.bytes + strlen(prefix), escape, strlen(escape));
		question.bytes[length] = (uint8_t)(i >> 8);
		question.bytes[length + 1] = (uint8_t)i;
		ask(&decoder, &question, take, context);
	}
}

static void enumerate(answer *take, void *context)
{
	enumerate_mode(DISASM_MODE_16, take, context);
	enumerate_mode(DISASM_MODE_32, take, context);
	enumerate_mode(DISASM_MODE_64, take, context);
}

struct tally {
	unsigned privileged, missing;
};

static void count_missing(const struct question *question, void *context)
{
	struct tally *tally = context;

	if (!question->privileged)
		return;
	tally->privileged++;
	if (question->form != SENSITIVE_FORM_NONE && sensitive_forms[question->form].rewrite)
		return;
	if (tally->missing++ < 20)
		print_error("privileged, but not rewritten: mode %d, %02x %02x %02x %02x %02x\n",
		            16 << question->mode, question->bytes[0], question->bytes[1],
		            question->bytes[2], question->bytes[3], question->bytes[4]);
}

static void privileged_instructions_are_rewritten(void **state)
{
	struct tally tally = {0, 0};

	(void)state;
	enumerate(count_missing, &tally);
	assert_int_equal(tally.missing, 0);
	assert_true(tally.privileged > 10000);
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
		if (seen[i])
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
	    cmocka_unit_test(every_form_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
