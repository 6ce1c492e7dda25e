/* SPDX-License-Identifier: BSD-2-Clause */

/* The text of single instructions. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct text_case {
	enum disasm_mode mode;
	size_t size;
	uint8_t bytes[INSTRUCTION_MAX_LENGTH];
	const char *expected;
};

static const struct text_case text_cases[] = {
    {DISASM_MODE_32, 1, {0xfa}, "cli"},
    {DISASM_MODE_32, 2, {0x0f, 0x30}, "wrmsr"},
    {DISASM_MODE_32, 3, {0x0f, 0x20, 0xc0}, "movl %cr0,%eax"},
    {DISASM_MODE_32, 2, {0xe6, 0x04}, "outb %al,$0x4"},
    {DISASM_MODE_32, 2, {0xe6, 0x64}, "outb %al,$0x64"},
    {DISASM_MODE_32, 4, {0x8b, 0x44, 0x24, 0x04}, "movl 0x4(%esp),%eax"},
    {DISASM_MODE_32, 3, {0x8b, 0x45, 0xfa}, "movl -0x6(%ebp),%eax"},
    {DISASM_MODE_32, 4, {0x8b, 0x44, 0x88, 0x40}, "movl 0x40(%eax,%ecx,4),%eax"},
    {DISASM_MODE_32, 2, {0xd8, 0xc1}, "fadd %st(1)"},
    {DISASM_MODE_32, 5, {0xe8, 0xfb, 0xff, 0xff, 0xff}, "calll 0xc1000000"},
    {DISASM_MODE_32, 2, {0x0f, 0x04}, "(bad)"},
    /* Bytes of more or less than one instruction are none. */
    {DISASM_MODE_32, 2, {0xfa, 0x90}, "(bad)"},
    {DISASM_MODE_32, 1, {0x0f}, "(bad)"},
    {DISASM_MODE_32, 0, {0}, "(bad)"},
    {DISASM_MODE_16, 3, {0xb8, 0x34, 0x12}, "movw $0x1234,%ax"},
    {DISASM_MODE_64, 3, {0x0f, 0x22, 0xd8}, "movq %rax,%cr3"},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(text_cases); i++) {
		const struct text_case *test = &text_cases[i];
		struct disasm_text *text = disasm_text_open(test->mode);
		char buffer[128];

		assert_non_null(text);
		disasm_text_format(text, test->bytes, test->size, 0xc1000000, buffer,
		                   sizeof(buffer));
		assert_string_equal(buffer, test->expected);
		disasm_text_close(text);
	}
}

/* The text is cut, and what is behind the buffer stays. */
static void test_small_buffers(void **state)
{
	static const uint8_t bytes[] = {0x8b, 0x44, 0x24, 0x04};
	struct disasm_text *text = disasm_text_open(DISASM_MODE_32);

	(void)state;
	assert_non_null(text);
	for (size_t size = 1; size < 24; size++) {
		char buffer[32];
		size_t length;

		memset(buffer, 'x', sizeof(buffer));
		disasm_text_format(text, bytes, sizeof(bytes), 0, buffer, size);
		length = strlen(buffer);
		assert_true(length < size);
		assert_memory_equal(buffer, "movl 0x4(%esp),%eax", length);
		for (size_t i = size; i < sizeof(buffer); i++)
			assert_int_equal(buffer[i], 'x');
	}
	disasm_text_close(text);
}

static void test_close_nothing(void **state)
{
	(void)state;
	disasm_text_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_small_buffers),
	    cmocka_unit_test(test_close_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
