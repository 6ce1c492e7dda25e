/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The classifier against the cases that come from the same lines of
 * patchtables/instructions.def, and against what those lines cannot say:
 * repeated prefixes, other encodings with the same opcode number, the filter.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/classify.h"

struct form_case {
	uint8_t mode; /* enum disasm_mode */
	uint8_t size;
	uint16_t form; /* or SENSITIVE_FORM_NONE */
	uint8_t bytes[INSTRUCTION_MAX_LENGTH];
	const char *origin; /* what it was made from */
};

#include "sensitive_form_cases.h" /* generated */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *form_name(uint16_t form)
{
	return form < sensitive_form_count ? sensitive_forms[form].name : "no form";
}

/* Whether the case's bytes decode to one instruction of all of them and are its form. */
static bool case_holds(const struct form_case *test)
{
	struct instruction instruction;
	enum decode_status status;
	uint16_t form;

	status =
	    decode_instruction(test->bytes, test->size, (enum disasm_mode)test->mode, &instruction);
	if (status != DECODE_OK || instruction.length != test->size) {
		print_error("%s: decode status %d, length %d of %d\n", test->origin, (int)status,
		            instruction.length, test->size);
	} else {
		form = test->form < sensitive_form_count && sensitive_forms[test->form].named
		           ? classify_named(&instruction, test->bytes)
		           : classify_instruction(&instruction, test->bytes);
		if (form == test->form)
			return true;
		print_error("%s: is %s, not %s\n", test->origin, form_name(form),
		            form_name(test->form));
	}
	print_error("  mode %d, bytes", 16 << test->mode);
	for (unsigned i = 0; i < test->size; i++)
		print_error(" %02x", test->bytes[i]);
	print_error("\n");
	return false;
}

static void assert_cases(const struct form_case *tests, size_t count)
{
	size_t failures = 0;

	for (size_t i = 0; i < count; i++)
		failures += !case_holds(&tests[i]);
	assert_int_equal(failures, 0);
}

static void examples_are_their_forms(void **state)
{
	(void)state;
	assert_cases(form_examples, COUNT(form_examples));
}

static void encodings_are_their_forms(void **state)
{
	(void)state;
	assert_cases(form_cases, COUNT(form_cases));
}

/* What the table cannot derive: prefixes in numbers and orders that no one writes on purpose. */
static void prefixes_hide_nothing(void **state)
{
	static const struct form_case tests[] = {
	    {DISASM_MODE_32,
	     15,
	     FORM_CLI,
	     {0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
	      0xfa},
	     "cli after 14 prefixes"},
	    {DISASM_MODE_32, 5, FORM_STI, {0x66, 0x66, 0x67, 0x64, 0xfb}, "sti, prefixes mixed"},
	    {DISASM_MODE_32, 3, FORM_CLI, {0xf3, 0xf2, 0xfa}, "cli after f3 f2"},
	    {DISASM_MODE_32, 4, FORM_WBNOINVD, {0xf2, 0xf3, 0x0f, 0x09}, "f3 last"},
	    {DISASM_MODE_32, 4, FORM_WBINVD, {0xf3, 0xf2, 0x0f, 0x09}, "f2 last"},
	    {DISASM_MODE_32, 4, FORM_WBNOINVD, {0x66, 0xf3, 0x0f, 0x09}, "f3 wins over 66"},
	    {DISASM_MODE_32, 4, FORM_WBNOINVD, {0xf3, 0x66, 0x0f, 0x09}, "f3 wins over later 66"},
	    {DISASM_MODE_32, 5, FORM_RDPID, {0xf3, 0x65, 0x0f, 0xc7, 0xf9}, "rdpid, gs between"},
	    {DISASM_MODE_64, 4, FORM_IRET, {0x66, 0xf3, 0x48, 0xcf}, "REX.W wins over 66"},
	    {DISASM_MODE_64, 3, FORM_IRETW, {0x66, 0x40, 0xcf}, "REX without W"},
	    {DISASM_MODE_64, 3, FORM_CLI, {0x41, 0x48, 0xfa}, "only the last REX counts"},
	    {DISASM_MODE_64, 4, FORM_MOV_CR3_READ, {0x41, 0x0f, 0x20, 0xd8}, "mov r8, cr3"},
	    {DISASM_MODE_64, 4, FORM_LGDT, {0x41, 0x0f, 0x01, 0x10}, "lgdt (%r8)"},
	    {DISASM_MODE_64, 3, FORM_MOV_TO_SS, {0x44, 0x8e, 0xd0}, "REX.R before mov ss"},
	};

	(void)state;
	assert_cases(tests, COUNT(tests));
}

/* The same numbers in other opcode spaces are other instructions. */
static void other_encodings_are_no_forms(void **state)
{
	static const struct form_case tests[] = {
	    {DISASM_MODE_32, 4, SENSITIVE_FORM_NONE, {0x0f, 0x0f, 0xc1, 0x9a}, "3DNow! pfsub"},
	    {DISASM_MODE_32,
	     6,
	     SENSITIVE_FORM_NONE,
	     {0x62, 0xf1, 0x7e, 0x08, 0x79, 0xc0},
	     "EVEX 79, vcvtss2usi"},
	    {DISASM_MODE_32, 4, SENSITIVE_FORM_NONE, {0xc5, 0xf8, 0x5b, 0xc0}, "VEX 5b"},
	    {DISASM_MODE_64, 5, SENSITIVE_FORM_NONE, {0xc4, 0xe1, 0x7c, 0x28, 0xc0}, "not les"},
	    {DISASM_MODE_32, 2, SENSITIVE_FORM_NONE, {0xf3, 0x90}, "pause"},
	    {DISASM_MODE_32, 4, SENSITIVE_FORM_NONE, {0xf3, 0x0f, 0x1e, 0xfb}, "endbr32"},
	    {DISASM_MODE_32, 3, SENSITIVE_FORM_NONE, {0x0f, 0xae, 0xf0}, "mfence"},
	    {DISASM_MODE_32, 3, SENSITIVE_FORM_NONE, {0x0f, 0xc7, 0xf0}, "rdrand"},
	    {DISASM_MODE_32, 3, SENSITIVE_FORM_NONE, {0x0f, 0xc7, 0x0e}, "cmpxchg8b"},
	    {DISASM_MODE_64, 2, SENSITIVE_FORM_NONE, {0x63, 0xc8}, "movsxd"},
	    {DISASM_MODE_32, 2, SENSITIVE_FORM_NONE, {0xff, 0xe0}, "jmp near"},
	    {DISASM_MODE_32, 2, SENSITIVE_FORM_NONE, {0xff, 0x10}, "call near"},
	};

	(void)state;
	assert_cases(tests, COUNT(tests));
}

/* Where the filter says no, the classifier never says yes; and it says yes for few opcodes. */
static void filter_is_conservative(void **state)
{
	unsigned sensitive = 0;

	(void)state;
	for (unsigned map = 0; map < 256; map++) {
		for (unsigned opcode = 0; opcode < 256; opcode++) {
			bool may = opcode_may_be_sensitive((enum opcode_map)map, (uint8_t)opcode);

			sensitive += may;
			for (unsigned modrm = 0; modrm < 256 && !may; modrm++) {
				const struct instruction instruction = {.mode = DISASM_MODE_32,
				                                        .map = (uint8_t)map,
				                                        .opcode = (uint8_t)opcode,
				                                        .operand_size = 32,
				                                        .has_modrm = 1,
				                                        .modrm = (uint8_t)modrm};

				assert_int_equal(classify_instruction(&instruction, NULL),
				                 SENSITIVE_FORM_NONE);
			}
		}
	}
	assert_in_range(sensitive, 50, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_are_their_forms),
	    cmocka_unit_test(encodings_are_their_forms),
	    cmocka_unit_test(prefixes_hide_nothing),
	    cmocka_unit_test(other_encodings_are_no_forms),
	    cmocka_unit_test(filter_is_conservative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
