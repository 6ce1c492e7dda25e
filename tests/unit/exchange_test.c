/* SPDX-License-Identifier: BSD-2-Clause */

/* atomic64_xchg_cx8() known by its code: as Linux has it, and what is nearly it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "patcher/linux/exchange.h"

#define CODE UINT32_C(0xc1000000)

/* Whether the function that begins with these bytes, padded with int3, is the one. */
static bool exchanges(const char *bytes, size_t size)
{
	uint8_t code[64];
	struct kernel_section section = {.name = ".text",
	                                 .address = CODE,
	                                 .size = sizeof(code),
	                                 .bytes = code,
	                                 .allocated = true,
	                                 .executable = true};
	const struct kernel kernel = {
	    .sections = &section, .section_count = 1, .image = code, .image_size = sizeof(code)};

	memset(code, 0xcc, sizeof(code));
	memcpy(code, bytes, size);
	return linux_exchanges_64_bits(&kernel, CODE);
}

#define EXCHANGES(bytes) exchanges(bytes, sizeof(bytes) - 1)

static void linux_functions_are_known(void **state)
{
	(void)state;
	assert_true(EXCHANGES("\x0f\xc7\x0e\x75\xfb\xc3"));
	assert_true(EXCHANGES("\xf0\x0f\xc7\x0e\x75\xfa\xc3"));
	/* jmp to a ret, eight bytes on */
	assert_true(EXCHANGES("\xf0\x0f\xc7\x0e\x75\xfa\xe9\x03\x00\x00\x00\xcc\xcc\xcc\xc3"));
}

static void others_are_not(void **state)
{
	(void)state;
	assert_false(EXCHANGES("\x0f\xc7\x0f\x75\xfb\xc3"));     /* (%edi) */
	assert_false(EXCHANGES("\x0f\xc7\x4e\x75\xfb\xc3"));     /* -5(%esi) */
	assert_false(EXCHANGES("\x0f\xc7\x0e\x75\xfa\xc3"));     /* back into what is before */
	assert_false(EXCHANGES("\xf0\x0f\xc7\x0e\x75\xfb\xc3")); /* behind the lock prefix */
	assert_false(EXCHANGES("\x0f\xc7\x0e\x74\xfb\xc3"));     /* je */
	assert_false(EXCHANGES("\x0f\xc7\x0e\x75\xfb\x40\xc3")); /* inc %eax; ret */
	assert_false(EXCHANGES("\x0f\xc7\x0e\x75\xfb\xe9\x03\x00\x00\x00"));
	assert_false(EXCHANGES("\x0f\xc7\x0e\x75\xfb\xe9\xff\xff\xff\x7f"));
	assert_false(EXCHANGES("\x0f\xc7\x0e"));
}

static void the_end_of_the_code_is_kept(void **state)
{
	static const uint8_t code[] = {0x0f, 0xc7, 0x0e, 0x75, 0xfb, 0xe9, 0, 0, 0, 0};
	struct kernel_section section = {
	    .name = ".text", .address = CODE, .bytes = code, .allocated = true, .executable = true};
	const struct kernel kernel = {
	    .sections = &section, .section_count = 1, .image = code, .image_size = sizeof(code)};

	(void)state;
	for (section.size = 0; section.size <= sizeof(code); section.size++)
		assert_false(linux_exchanges_64_bits(&kernel, CODE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(linux_functions_are_known),
	    cmocka_unit_test(others_are_not),
	    cmocka_unit_test(the_end_of_the_code_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
