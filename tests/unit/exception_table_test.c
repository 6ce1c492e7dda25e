/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

enum third_word { NO_THIRD_WORD, HANDLER, TYPE };

struct layout_case {
	const char *layout, *release;
	bool is_64bit, relative;
	enum third_word third_word;
};

static const struct layout_case cases[] = {
    {"absolute-8", "2.6.18", false, false, NO_THIRD_WORD},
    {"absolute-16", "2.6.32", true, false, NO_THIRD_WORD},
    {"relative-8", "3.16.0", false, true, NO_THIRD_WORD},
    {"relative-8", "3.16.0", true, true, NO_THIRD_WORD},
    {"relative-12-handler", "4.19.0", false, true, HANDLER},
    {"relative-12-handler", "4.19.0", true, true, HANDLER},
    {"relative-12", "6.1.176", false, true, TYPE},
    {"relative-12", "6.12.0", true, true, TYPE},
};

#define ENTRIES 5

static void put_entry(struct fake_linux *fake, struct fake_table *table,
                      const struct layout_case *layout, uint64_t instruction, uint64_t fixup)
{
	size_t size = layout->relative ? 4 : fake->is_64bit ? 8 : 4;

	fake_pointer(fake, table, size, layout->relative, AREA_TEXT, (int64_t)instruction);
	fake_pointer(fake, table, size, layout->relative, AREA_TEXT, (int64_t)fixup);
	if (layout->third_word == HANDLER)
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0xf00);
	else if (layout->third_word == TYPE)
		buffer_word(&table->bytes, 0xfff20000 | 8, 4);
}

/* ENTRIES instructions at 0x100, 0x110, ...; fixups at 0x800, 0x802, ... */
static struct fake_table *put_table(struct fake_linux *fake, const struct layout_case *layout)
{
	struct fake_table *table = fake_table(fake, "__ex_table");

	for (uint64_t i = 0; i < ENTRIES; i++)
		put_entry(fake, table, layout, 0x100 + 0x10 * i, 0x800 + 2 * i);
	return table;
}

static struct fake_linux *start(const struct layout_case *layout)
{
	return fake_start(layout->is_64bit, layout->release);
}

static void check_entries(struct fake_linux *fake, const struct layout_case *layout)
{
	const struct linux_metadata *metadata = &fake->metadata;

	assert_true(metadata->exception_table.found);
	assert_false(metadata->exception_table.by_structure);
	assert_string_equal(metadata->exception_table.layout, layout->layout);
	assert_int_equal(metadata->exception_count, ENTRIES);
	for (uint64_t i = 0; i < ENTRIES; i++) {
		const struct exception_entry *entry = &metadata->exceptions[i];

		assert_place(fake, entry->instruction, AREA_TEXT, 0x100 + 0x10 * i);
		assert_place(fake, entry->fixup, AREA_TEXT, 0x800 + 2 * i);
		assert_int_equal(entry->entry_address,
		                 metadata->exception_table.address +
		                     i * metadata->exception_table.entry_size);
		if (layout->third_word == TYPE)
			assert_int_equal(entry->handler, 0xfff20008);
		else if (layout->third_word == NO_THIRD_WORD)
			assert_int_equal(entry->handler, 0);
	}
}

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_linux *fake = start(&cases[i]);

		put_table(fake, &cases[i]);
		assert_read(fake);
		check_entries(fake, &cases[i]);
		fake_end(fake);
	}
}

/* The entries tell the layout even where the version says another one. */
static void test_layouts_of_unexpected_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_linux *fake = fake_start(cases[i].is_64bit, "2.4.99");

		put_table(fake, &cases[i]);
		assert_read(fake);
		check_entries(fake, &cases[i]);
		fake_end(fake);
	}
}

static void test_modules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_linux *fake = fake_start_module(cases[i].is_64bit);

		put_table(fake, &cases[i]);
		assert_read(fake);
		check_entries(fake, &cases[i]);
		fake_end(fake);
	}
}

/* 3.5 to 4.5: the fixup is biased where an access to user memory reports an error. */
static void test_biased_fixup(void **state)
{
	static const int64_t bias = 0x7ffffff0;

	(void)state;
	for (int is_module = 0; is_module <= 1; is_module++) {
		struct fake_linux *fake = is_module ? fake_start_module(false) : start(&cases[2]);
		struct fake_table *table = fake_table(fake, "__ex_table");

		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x40);
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x80 + bias);
		assert_read(fake);
		assert_place(fake, fake->metadata.exceptions[0].fixup, AREA_TEXT, 0x80);
		fake_end(fake);
	}
}

/* 2.6.29 to 3.4: a fixup below 16 counts from the instruction. */
static void test_short_fixup(void **state)
{
	struct fake_linux *fake = start(&cases[0]);
	struct fake_table *table = fake_table(fake, "__ex_table");

	(void)state;
	fake_pointer(fake, table, 4, false, AREA_TEXT, 0x40);
	buffer_word(&table->bytes, 3, 4);
	assert_read(fake);
	assert_place(fake, fake->metadata.exceptions[0].fixup, AREA_TEXT, 0x43);
	fake_end(fake);
}

/* Tables of absolute addresses are sorted when the kernel starts only. */
static void test_unsorted_absolute(void **state)
{
	struct fake_linux *fake = start(&cases[0]);
	struct fake_table *table = fake_table(fake, "__ex_table");

	(void)state;
	put_entry(fake, table, &cases[0], 0x200, 0x800);
	put_entry(fake, table, &cases[0], 0x100, 0x802);
	assert_read(fake);
	assert_int_equal(fake->metadata.exception_count, 2);
	fake_end(fake);
}

static void test_empty_table(void **state)
{
	struct fake_linux *fake = start(&cases[6]);

	(void)state;
	fake_symbol(fake, "__start___ex_table", STT_NOTYPE, fake_address(fake, AREA_DATA, 0x10));
	fake_symbol(fake, "__stop___ex_table", STT_NOTYPE, fake_address(fake, AREA_DATA, 0x10));
	assert_read(fake);
	assert_true(fake->metadata.exception_table.found);
	assert_int_equal(fake->metadata.exception_count, 0);
	assert_null(fake->metadata.exceptions);
	fake_end(fake);
}

/* Some linker scripts put a word of zeros behind a table, even if it is empty. */
static void test_zeros_behind(void **state)
{
	struct fake_linux *fake = start(&cases[6]);
	struct fake_table *table = put_table(fake, &cases[6]);

	(void)state;
	buffer_fill(&table->bytes, 0, 4);
	assert_read(fake);
	check_entries(fake, &cases[6]);
	fake_end(fake);

	fake = start(&cases[6]);
	buffer_fill(&fake_table(fake, "__ex_table")->bytes, 0, 4);
	assert_read(fake);
	assert_true(fake->metadata.exception_table.found);
	assert_string_equal(fake->metadata.exception_table.layout, "empty");
	assert_int_equal(fake->metadata.exception_count, 0);
	fake_end(fake);
}

/* Without section, but with the linker script's symbols. */
static void test_table_of_symbols(void **state)
{
	struct fake_linux *fake = start(&cases[6]);
	struct fake_table *table = put_table(fake, &cases[6]);
	uint64_t address = fake_table_address(fake, table);

	(void)state;
	table->section = ".rodata.tables";
	buffer_word(&table->bytes, 0x12345678, 4); /* no part of it */
	fake_symbol(fake, "__start___ex_table", STT_NOTYPE, address);
	fake_symbol(fake, "__stop___ex_table", STT_NOTYPE, address + 12 * ENTRIES);
	assert_read(fake);
	check_entries(fake, &cases[6]);
	fake_end(fake);
}

static void test_symbols_out_of_place(void **state)
{
	struct fake_linux *fake = start(&cases[6]);

	(void)state;
	fake_symbol(fake, "__start___ex_table", STT_NOTYPE, fake_address(fake, AREA_DATA, 0xff0));
	fake_symbol(fake, "__stop___ex_table", STT_NOTYPE, fake_address(fake, AREA_DATA, 0x1008));
	assert_table_refused(fake, LINUX_TABLE_BOUNDS, "__ex_table: its symbols bound nothing");

	fake = start(&cases[6]);
	fake_symbol(fake, "__start___ex_table", STT_NOTYPE, fake_address(fake, AREA_DATA, 0x20));
	fake_symbol(fake, "__stop___ex_table", STT_NOTYPE, fake_address(fake, AREA_DATA, 0x10));
	assert_table_refused(fake, LINUX_TABLE_BOUNDS, "__ex_table: its symbols bound nothing");
}

/* Entry `number`'s word `word` becomes value; what the refusal must say. */
static void refuse_word(const struct layout_case *layout, unsigned int number, unsigned int word,
                        uint64_t value, const char *words)
{
	struct fake_linux *fake = start(layout);
	struct fake_table *table = put_table(fake, layout);
	size_t entry = table->bytes.size / ENTRIES;

	buffer_set(&table->bytes, number * entry + word * 4, value, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, words);
}

static void test_instruction_outside(void **state)
{
	(void)state;
	refuse_word(&cases[0], 3, 0, 0xdeadbeef,
	            "__ex_table: entry 3 at 0xc1010018, read as absolute-8: its instruction is not "
	            "in code 0xdeadbeef");
	refuse_word(&cases[6], 4, 0, 0x100,
	            "entry 4 at 0xc1010030, read as relative-12: its instruction is not in code");
}

static void test_fixup_outside(void **state)
{
	(void)state;
	refuse_word(&cases[0], 2, 1, 0xc1004000,
	            "entry 2 at 0xc1010010, read as absolute-8: its "
	            "fixup is not in code 0xc1004000");
	refuse_word(&cases[2], 2, 1, 0, "read as relative-8: its fixup is not in code");
	refuse_word(&cases[6], 2, 1, 0, "read as relative-12: its fixup is not in code");
}

static void test_handler_outside(void **state)
{
	(void)state;
	refuse_word(&cases[4], 2, 2, 0x10,
	            "read as relative-12-handler: its handler is not in code");
}

static void test_unknown_type(void **state)
{
	(void)state;
	refuse_word(&cases[6], 1, 2, 0xff,
	            "entry 1 at 0xc101000c, read as relative-12: its type word is of no known type "
	            "0xff");
	refuse_word(&cases[6], 1, 2, 0x300, "its type word is of no known type 0x300");
}

static void test_unsorted_relative(void **state)
{
	struct fake_linux *fake = start(&cases[6]);
	struct fake_table *table = put_table(fake, &cases[6]);

	(void)state;
	put_entry(fake, table, &cases[6], 0x120, 0x900);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 5 at 0xc101003c, read as relative-12: its instruction lies "
	                     "before the previous entry's");
}

static void test_size(void **state)
{
	struct fake_linux *fake = start(&cases[6]);
	struct fake_table *table = put_table(fake, &cases[6]);

	(void)state;
	buffer_fill(&table->bytes, 1, 2);
	assert_table_refused(fake, LINUX_TABLE_SIZE,
	                     "__ex_table at 0xc1010000: 0x3e bytes are not a whole number");
}

static void test_module_without_relocation(void **state)
{
	struct fake_linux *fake = fake_start_module(false);
	struct fake_table *table = put_table(fake, &cases[6]);

	(void)state;
	table->relocations.size -= sizeof(Elf32_Rel);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "__ex_table: entry 4 at 0x30, read as relative-12: no relocation of "
	                     "the right kind makes its pointer at 0x34");
}

static void test_module_symbol_elsewhere(void **state)
{
	struct fake_linux *fake = fake_start_module(false);
	struct fake_table *table = fake_table(fake, "__ex_table");

	(void)state;
	fake_relocation(fake, table, SYMBOL_ELSEWHERE, 0, 4, true);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x800);
	buffer_word(&table->bytes, 1, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, "its instruction is not in code");
}

static void test_module_symbol_unknown(void **state)
{
	struct fake_linux *fake = fake_start_module(false);
	struct fake_table *table = fake_table(fake, "__ex_table");

	(void)state;
	fake_relocation(fake, table, 1234, 0, 4, true);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x800);
	buffer_word(&table->bytes, 1, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "its relocation names no symbol of the module: number 0x4d2");
}

/* A module's handlers are the kernel's. */
static void test_module_handler_elsewhere(void **state)
{
	struct fake_linux *fake = fake_start_module(false);
	struct fake_table *table = fake_table(fake, "__ex_table");

	(void)state;
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x40);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x800);
	fake_relocation(fake, table, SYMBOL_ELSEWHERE, 0, 4, true);
	assert_read(fake);
	assert_string_equal(fake->metadata.exception_table.layout, "relative-12-handler");
	fake_end(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layouts),
	    cmocka_unit_test(test_layouts_of_unexpected_version),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_biased_fixup),
	    cmocka_unit_test(test_short_fixup),
	    cmocka_unit_test(test_unsorted_absolute),
	    cmocka_unit_test(test_empty_table),
	    cmocka_unit_test(test_zeros_behind),
	    cmocka_unit_test(test_table_of_symbols),
	    cmocka_unit_test(test_symbols_out_of_place),
	    cmocka_unit_test(test_instruction_outside),
	    cmocka_unit_test(test_fixup_outside),
	    cmocka_unit_test(test_handler_outside),
	    cmocka_unit_test(test_unknown_type),
	    cmocka_unit_test(test_unsorted_relative),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_module_without_relocation),
	    cmocka_unit_test(test_module_symbol_elsewhere),
	    cmocka_unit_test(test_module_symbol_unknown),
	    cmocka_unit_test(test_module_handler_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
