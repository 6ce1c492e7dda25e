/* SPDX-License-Identifier: BSD-2-Clause */

/* Which words of a springboard follow which addresses, and what is no sum of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "patcher/module/module_words.h"
#include "patchtables/vmi_calls.h"

#define WINDOW_ADDRESS UINT32_C(0x20001100)
#define ADDRESS        UINT32_C(0x70000000)
#define ROM            UINT32_C(0xc3000000)

struct subject {
	uint8_t code[WINDOW_MAX_INSTRUCTIONS * INSTRUCTION_MAX_LENGTH];
	struct module_window window;
	struct rom rom;
	struct module_springboard springboard;
	struct problem problem;
};

/* A window of all of code, and a ROM that offers every call and clobbers nothing. */
static void begin(struct subject *subject, const char *code, unsigned size)
{
	struct window *window = &subject->window.window;
	unsigned at = 0;

	memset(subject, 0, sizeof(*subject));
	memcpy(subject->code, code, size);
	subject->rom = (struct rom){.name = "test"};
	for (size_t i = 0; i < vmi_call_count; i++)
		subject->rom.calls[vmi_calls[i].number].action = ROM_ACTION_CALL;
	*window = (struct window){.start = WINDOW_ADDRESS, .end = WINDOW_ADDRESS + size};
	while (at < size) {
		struct window_instruction *next = &window->instructions[window->count++];

		*next = (struct window_instruction){.address = WINDOW_ADDRESS + at,
		                                    .bytes = subject->code + at,
		                                    .live_after = UINT32_MAX};
		assert_int_equal(
		    decode_instruction(next->bytes, size - at, DISASM_MODE_32, &next->instruction),
		    DECODE_OK);
		next->form = classify_instruction(&next->instruction, next->bytes);
		at += next->instruction.length;
	}
}

#define BEGIN(subject, code) begin((subject), (code), sizeof(code) - 1)

static void relocate(struct subject *subject, uint8_t instruction, uint8_t offset)
{
	subject->window.relocated[subject->window.relocated_count++] =
	    (struct module_relocated){instruction, offset};
}

static bool build(struct subject *subject)
{
	return module_springboard_build(&subject->window, ADDRESS, &subject->rom, ROM,
	                                &subject->springboard, &subject->problem);
}

/* The springboard has these words and no others. */
static void expect(struct subject *subject, const struct module_word *words, unsigned int count)
{
	if (!build(subject))
		fail_msg("%s", subject->problem.text);
	assert_int_equal(subject->springboard.word_count, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(subject->springboard.words[i].offset, words[i].offset);
		assert_int_equal(subject->springboard.words[i].kind, words[i].kind);
		assert_int_equal(subject->springboard.words[i].relocated, words[i].relocated);
	}
}

#define EXPECT(subject, ...)                                                                       \
	do {                                                                                       \
		const struct module_word words[] = {__VA_ARGS__};                                  \
		expect((subject), words, sizeof(words) / sizeof(words[0]));                        \
	} while (0)

/* cli; mov ...,%eax: call slot; mov; jmp back */
static void test_absolute(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfa\xa1\x78\x56\x34\x22");
	EXPECT(&subject, {1, MODULE_WORD_SLOT, 0}, {11, MODULE_WORD_BRANCH, 0});
	relocate(&subject, 1, 1);
	EXPECT(&subject, {1, MODULE_WORD_SLOT, 0}, {6, MODULE_WORD_COPY, 0},
	       {11, MODULE_WORD_BRANCH, 0});
}

/* cli; movl $imm, disp: two words side by side */
static void test_neighbours(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfa\xc7\x05\x78\x56\x34\x22\x11\x22\x33\x44");
	relocate(&subject, 1, 2);
	relocate(&subject, 1, 6);
	EXPECT(&subject, {1, MODULE_WORD_SLOT, 0}, {7, MODULE_WORD_COPY, 0},
	       {11, MODULE_WORD_COPY, 1}, {16, MODULE_WORD_BRANCH, 0});
}

/* cli; call f: the return address, and a jump */
static void test_call(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfa\xe8\x00\x10\x00\x48");
	EXPECT(&subject, {1, MODULE_WORD_SLOT, 0}, {6, MODULE_WORD_ADDRESS, 0},
	       {11, MODULE_WORD_BRANCH, 0});
	relocate(&subject, 1, 1);
	EXPECT(&subject, {1, MODULE_WORD_SLOT, 0}, {6, MODULE_WORD_ADDRESS, 0},
	       {11, MODULE_WORD_FOLLOW, 0});
}

/* Branches inside of the window follow nothing. */
static void test_inside(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfa\x48\x75\xfd\xc3");
	EXPECT(&subject, {1, MODULE_WORD_SLOT, 0});
}

/* lgdt disp: the site's own operand */
static void test_site(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x0f\x01\x15\x78\x56\x34\x22");
	relocate(&subject, 0, 3);
	EXPECT(&subject, {3, MODULE_WORD_COPY, 0}, {8, MODULE_WORD_SLOT, 0},
	       {14, MODULE_WORD_BRANCH, 0});
}

static void must_refuse(struct subject *subject)
{
	assert_false(build(subject));
	if (subject->problem.diagnostic != DIAGNOSTIC_MODULE_SPRINGBOARD)
		print_error("%s\n", subject->problem.text);
	assert_int_equal(subject->problem.diagnostic, DIAGNOSTIC_MODULE_SPRINGBOARD);
}

static void test_not_linear(void **state)
{
	struct subject subject;

	(void)state;
	/* jz rel32 into the window, relocated: moved, it leads elsewhere */
	BEGIN(&subject, "\xfa\x0f\x84\x00\x00\x00\x00\x90");
	relocate(&subject, 1, 2);
	must_refuse(&subject);
	/* lgdt disp(%eax) with a small word: encoded in one byte, and moved in four */
	BEGIN(&subject, "\x0f\x01\x90\x08\x00\x00\x00");
	relocate(&subject, 0, 3);
	must_refuse(&subject);
}

static void test_operands(void **state)
{
	struct subject subject;
	const struct instruction *instruction = &subject.window.window.instructions[0].instruction;

	(void)state;
	BEGIN(&subject, "\xc7\x05\x78\x56\x34\x22\x11\x22\x33\x44");
	assert_true(module_operand_at(instruction, 2));
	assert_true(module_operand_at(instruction, 6));
	assert_false(module_operand_at(instruction, 3));
	assert_false(module_operand_at(instruction, 0));
	BEGIN(&subject, "\x83\x40\x08\x01"); /* addl $1, 8(%eax): nothing of four bytes */
	assert_false(module_operand_at(instruction, 2));
	assert_false(module_operand_at(instruction, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_absolute), cmocka_unit_test(test_neighbours),
	    cmocka_unit_test(test_call),     cmocka_unit_test(test_inside),
	    cmocka_unit_test(test_site),     cmocka_unit_test(test_not_linear),
	    cmocka_unit_test(test_operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
