/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

struct layout_case {
	const char *layout, *release;
	bool is_64bit, relative, has_format, has_file, file_from_entry;
	uint8_t size;
};

static const struct layout_case cases[] = {
    {"absolute-12", "6.1.176", false, false, false, true, false, 12},
    {"absolute-8", "6.1.176", false, false, false, false, false, 8},
    {"absolute-24", "2.6.24", true, false, false, true, false, 24},
    {"absolute-16", "2.6.24", true, false, false, false, false, 16},
    {"relative-12", "3.1.4", true, true, false, true, true, 12},
    {"relative-12", "6.1.176", true, true, false, true, false, 12},
    {"relative-8", "6.1.176", true, true, false, false, false, 8},
    {"relative-16", "6.19.0", true, true, true, true, false, 16},
    {"relative-12-format", "6.19.0", true, true, true, false, false, 12},
};

#define CASES   (sizeof(cases) / sizeof(cases[0]))
#define ENTRIES 4
#define FILE_AT 0x80 /* in .rodata */

static uint16_t line_of(size_t entry)
{
	return (uint16_t)(1000 + entry);
}

static void put_entry(struct fake_linux *fake, struct fake_table *table,
                      const struct layout_case *layout, size_t number)
{
	size_t size = layout->relative ? 4 : fake->is_64bit ? 8 : 4, start = table->bytes.size;

	fake_pointer(fake, table, size, layout->relative, AREA_TEXT, 0x100 + 8 * (int64_t)number);
	if (layout->has_format && number == 1)
		buffer_word(&table->bytes, 0, 4);
	else if (layout->has_format)
		fake_pointer(fake, table, 4, true, AREA_RODATA, FILE_AT);
	if (layout->has_file)
		fake_pointer(fake, table, size, layout->relative, AREA_RODATA,
		             FILE_AT + (layout->file_from_entry ? 4 : 0));
	if (layout->has_file)
		buffer_word(&table->bytes, line_of(number), 2);
	buffer_word(&table->bytes, 0x903, 2);
	buffer_fill(&table->bytes, 0, start + layout->size - table->bytes.size);
}

static struct fake_table *put_table(struct fake_linux *fake, const struct layout_case *layout)
{
	struct fake_table *table = fake_table(fake, "__bug_table");

	fake_string(fake, AREA_RODATA, FILE_AT, "mm/slab.c");
	table->flags |= SHF_WRITE;
	for (size_t i = 0; i < ENTRIES; i++) {
		fake_code(fake, AREA_TEXT, 0x100 + 8 * i, i == 3 ? "\x0f\xff" : "\x0f\x0b", 2);
		put_entry(fake, table, layout, i);
	}
	return table;
}

static void check_layout(struct fake_linux *fake, const struct layout_case *layout)
{
	const struct linux_metadata *metadata = &fake->metadata;

	put_table(fake, layout);
	assert_read(fake);
	assert_string_equal(metadata->bug_table.layout, layout->layout);
	assert_int_equal(metadata->bug_count, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		assert_place(fake, metadata->bugs[i].instruction, AREA_TEXT, 0x100 + 8 * i);
		assert_int_equal(metadata->bugs[i].flags, 0x903);
		assert_int_equal(metadata->bugs[i].line, layout->has_file ? line_of(i) : 0);
	}
	fake_end(fake);
}

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++)
		check_layout(fake_start(cases[i].is_64bit, cases[i].release), &cases[i]);
}

static void test_modules(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++)
		check_layout(fake_start_module(cases[i].is_64bit), &cases[i]);
}

static void test_no_undefined_instruction(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_table(fake, &cases[0]);
	fake_code(fake, AREA_TEXT, 0x110, "\x0f\x05", 2);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "__bug_table: entry 2 at 0xc1010018, read as absolute-12: no "
	                     "undefined instruction stands at 0xc1000110");
}

static void test_instruction_outside(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_table(fake, &cases[0]);

	(void)state;
	buffer_set(&table->bytes, 12, 0xc1000fff, 4); /* of 2 bytes */
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 1 at 0xc101000c, read as absolute-12: its instruction is not "
	                     "in code 0xc1000fff");
}

static void test_file_name(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_table(fake, &cases[0]);

	(void)state;
	buffer_set(&table->bytes, 3 * 12 + 4, 0x10, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 3 at 0xc1010024, read as absolute-12: its file name or format "
	                     "is no text, at 0x10");
}

static void test_padding(void **state)
{
	struct fake_linux *fake = fake_start(true, "6.19.0");
	struct fake_table *table = put_table(fake, &cases[8]);

	(void)state;
	buffer_set(&table->bytes, 3 * 12 + 10, 7, 2);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "read as relative-12-format: its padding is not zero but 0x7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layouts),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_no_undefined_instruction),
	    cmocka_unit_test(test_instruction_outside),
	    cmocka_unit_test(test_file_name),
	    cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
