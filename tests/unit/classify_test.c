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

	status = decode_instruction(test->bytes, test->size, (enum disasm_mode)test->mode,
	                            &instruction);
	if (status != DECODE_OK || instruction.length != test->size) {
		print_error("%s: decode status %d, length %d of %d\n", test->origin, (int)status,
		            instruction.length, test->size);
	} else {
		form = classify_instruction(&instruction, test->bytes);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_are_their_forms),
	    cmocka_unit_test(encodings_are_their_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
