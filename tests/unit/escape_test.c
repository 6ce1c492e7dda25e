/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patcher/escape.h"

static void test_printable_text_is_kept(void **state)
{
	char buffer[64];

	(void)state;
	assert_string_equal(escape_text("native_write_msr.cold", buffer, sizeof(buffer)),
	                    "native_write_msr.cold");
	assert_string_equal(escape_text("", buffer, sizeof(buffer)), "");
}

static void test_control_and_high_bytes_are_escaped(void **state)
{
	char buffer[64];

	(void)state;
	assert_string_equal(escape_text("a\033[31m\n", buffer, sizeof(buffer)), "a\\x1b[31m\\x0a");
	assert_string_equal(escape_text("\xff\x7f", buffer, sizeof(buffer)), "\\xff\\x7f");
}

/* A byte is escaped whole or not at all, and the end is always there. */
static void test_text_is_cut_to_the_buffer(void **state)
{
	char buffer[6];

	(void)state;
	assert_string_equal(escape_text("abcdefgh", buffer, sizeof(buffer)), "abcde");
	assert_string_equal(escape_text("ab\xff", buffer, sizeof(buffer)), "ab");
	assert_string_equal(escape_text("a\xff", buffer, sizeof(buffer)), "a\\xff");
	assert_string_equal(escape_text("abc", buffer, 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_printable_text_is_kept),
	    cmocka_unit_test(test_control_and_high_bytes_are_escaped),
	    cmocka_unit_test(test_text_is_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
