/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels that have none of Linux's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

static void test_not_linux(void **state)
{
	static const struct linux_metadata nothing;
	struct fake_linux *fake = fake_start(false, NULL);

	(void)state;
	/* of a hobby kernel's own */
	buffer_word(&fake_table(fake, "__ex_table")->bytes, 0xdeadbeef, 4);
	assert_read(fake);
	assert_memory_equal(&fake->metadata, &nothing, sizeof(nothing));
	fake_end(fake);
}

static void test_no_tables(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	assert_read(fake);
	assert_false(fake->metadata.exception_table.found);
	assert_false(fake->metadata.jump_table.found);
	assert_false(fake->metadata.mcount_table.found);
	assert_int_equal(fake->metadata.static_call_trampolines.count, 0);
	fake_end(fake);
}

/* A debug file's tables have no bytes. */
static void test_no_bytes(void **state)
{
	struct elf_builder builder;
	struct kernel kernel;
	struct linux_metadata metadata;
	struct problem problem;
	static const char banner[] = "Linux version 6.1.0 (builder@host)\n";

	(void)state;
	builder_start(&builder, false, ET_EXEC);
	builder_section(&builder, ".rodata", SHT_PROGBITS, SHF_ALLOC, 0xc1000000, banner,
	                sizeof(banner));
	builder_section(&builder, "__ex_table", SHT_NOBITS, SHF_ALLOC, 0xc1001000, NULL, 24);
	builder_finish(&builder);
	assert_true(
	    kernel_read_memory("fake", builder.image.data, builder.image.size, &kernel, &problem));
	assert_false(linux_metadata_read(&kernel, &metadata, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_LINUX_TABLE_NO_BYTES);
	assert_string_equal(problem.text, "section __ex_table has no bytes in the file");
	kernel_free(&kernel);
	builder_free(&builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_not_linux),
	    cmocka_unit_test(test_no_tables),
	    cmocka_unit_test(test_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
