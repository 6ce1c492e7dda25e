/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

struct layout_case {
	const char *layout, *release;
	bool is_64bit, relative;
};

static const struct layout_case cases[] = {
    {"absolute-12", "3.16.0", false, false},
    {"absolute-24", "4.9.0", true, false},
    {"relative-12", "6.1.176", false, true},
    {"relative-16", "6.1.176", true, true},
};

#define CASES  (sizeof(cases) / sizeof(cases[0]))
#define TARGET 0x800

struct instruction {
	const char *bytes;
	uint8_t length;
};

/* At 0x100, 0x110, ...; a jump gets its displacement to TARGET. */
static const struct instruction instructions[] = {
    {"\x3e\x8d\x74\x26\x00", 5},
    {"\x0f\x1f\x44\x00\x00", 5},
    {"\x66\x66\x66\x66\x90", 5},
    {"\xe9\x00\x00\x00\x00", 5},
    {"\xe9", 0},
    {"\x66\x90", 2},
    {"\x89\xf6", 2},
    {"\xeb", 2},
};

#define ENTRIES (sizeof(instructions) / sizeof(instructions[0]))

static void put_code(struct fake_linux *fake)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		uint64_t at = 0x780 + 0x10 * i;

		fake_code(fake, AREA_TEXT, at, instructions[i].bytes, instructions[i].length);
		if (instructions[i].length == 0)
			fake_branch(fake, 0xe9, AREA_TEXT, at, AREA_TEXT, TARGET);
		if (instructions[i].bytes[0] == '\xeb') {
			fake->bytes[AREA_TEXT][at] = 0xeb;
			fake->bytes[AREA_TEXT][at + 1] = (uint8_t)(TARGET - (at + 2));
		}
	}
}

static void put_entry(struct fake_linux *fake, struct fake_table *table,
                      const struct layout_case *layout, size_t number)
{
	size_t size = layout->relative ? 4 : fake->is_64bit ? 8 : 4;

	fake_pointer(fake, table, size, layout->relative, AREA_TEXT,
	             0x780 + 0x10 * (int64_t)number);
	fake_pointer(fake, table, size, layout->relative, AREA_TEXT, TARGET);
	/* the key's low bits are flags */
	fake_pointer(fake, table, fake->is_64bit ? 8 : 4, layout->relative, AREA_DATA,
	             0x40 + 8 * (int64_t)number + (int64_t)(number & 3));
}

static struct fake_table *put_table(struct fake_linux *fake, const struct layout_case *layout,
                                    const char *section)
{
	struct fake_table *table = fake_table(fake, section);

	put_code(fake);
	for (size_t i = 0; i < ENTRIES; i++)
		put_entry(fake, table, layout, i);
	return table;
}

static void check_entries(struct fake_linux *fake, const struct layout_case *layout,
                          bool by_structure)
{
	const struct linux_metadata *metadata = &fake->metadata;

	assert_true(metadata->jump_table.found);
	assert_int_equal(metadata->jump_table.by_structure, by_structure);
	assert_string_equal(metadata->jump_table.layout, layout->layout);
	assert_int_equal(metadata->jump_label_count, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct jump_label_entry *entry = &metadata->jump_labels[i];

		assert_place(fake, entry->code, AREA_TEXT, 0x780 + 0x10 * i);
		assert_place(fake, entry->target, AREA_TEXT, TARGET);
		assert_int_equal(entry->key, fake_address(fake, AREA_DATA, 0x40 + 8 * i));
		assert_int_equal(entry->length, i < 5 ? 5 : 2);
	}
}

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct fake_linux *fake = fake_start(cases[i].is_64bit, cases[i].release);

		put_table(fake, &cases[i], "__jump_table");
		assert_read(fake);
		check_entries(fake, &cases[i], false);
		fake_end(fake);
	}
}

static void test_modules(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct fake_linux *fake = fake_start_module(cases[i].is_64bit);

		put_table(fake, &cases[i], "__jump_table");
		assert_read(fake);
		check_entries(fake, &cases[i], false);
		fake_end(fake);
	}
}

/* The table is found wherever it begins, between whatever stands around it. */
static void test_by_structure(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4 * CASES; i++) {
		const struct layout_case *layout = &cases[i % CASES];
		struct fake_linux *fake = fake_start(layout->is_64bit, layout->release);
		struct fake_table *table = fake_table(fake, ".data.tables");
		uint64_t start;

		buffer_word(&table->bytes, 0x12345678, 4);
		fake_pointer(fake, table, 4, false, AREA_TEXT, 0x780);
		for (size_t j = 0; j < i / CASES; j++)
			buffer_word(&table->bytes, 1, 4);
		start = fake_table_address(fake, table) + table->bytes.size;
		put_code(fake);
		for (size_t j = 0; j < ENTRIES; j++)
			put_entry(fake, table, layout, j);
		fake_pointer(fake, table, 4, false, AREA_TEXT, 0x780);
		buffer_fill(&table->bytes, 0, 40);
		assert_read(fake);
		check_entries(fake, layout, true);
		assert_int_equal(fake->metadata.jump_table.address, start);
		fake_end(fake);
	}
}

static void test_nothing_to_find(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = fake_table(fake, ".data.tables");

	(void)state;
	put_code(fake);
	put_entry(fake, table, &cases[2], 1); /* one alone is no table */
	assert_read(fake);
	assert_false(fake->metadata.jump_table.found);
	assert_int_equal(fake->metadata.jump_label_count, 0);
	fake_end(fake);
}

static void test_two_places(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = fake_table(fake, ".data.tables");

	(void)state;
	put_code(fake);
	for (size_t i = 0; i < 7; i++) {
		put_entry(fake, table, &cases[2], i);
		if (i == 3)
			buffer_fill(&table->bytes, 0, 64);
	}
	assert_table_refused(fake, LINUX_TABLE_TWO_PLACES,
	                     "__jump_table: two places look like it: 0xc1010000 (4 entries) and "
	                     "0xc1010070 (3 entries)");
}

/* Entry `number`'s word `word` becomes value. */
static void refuse_word(const struct layout_case *layout, size_t number, size_t word,
                        uint64_t value, const char *words)
{
	struct fake_linux *fake = fake_start(layout->is_64bit, layout->release);
	struct fake_table *table = put_table(fake, layout, "__jump_table");

	buffer_set(&table->bytes, number * table->bytes.size / ENTRIES + word * 4, value, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, words);
}

static void test_outside(void **state)
{
	(void)state;
	refuse_word(&cases[0], 1, 0, 0xc1000fff,
	            "__jump_table: entry 1 at 0xc101000c, read as absolute-12: its instruction is "
	            "not in code 0xc1000fff");
	refuse_word(&cases[0], 2, 1, 0xc1004000,
	            "entry 2 at 0xc1010018, read as absolute-12: its target is not in code "
	            "0xc1004000");
	refuse_word(&cases[0], 7, 2, 0xc1000100,
	            "entry 7 at 0xc1010054, read as absolute-12: its key is not in data "
	            "0xc1000100");
	refuse_word(&cases[2], 1, 0, 0, "read as relative-12: its instruction is not in code");
	refuse_word(&cases[2], 1, 1, 0, "read as relative-12: its target is not in code");
	refuse_word(&cases[2], 1, 2, 0x08000000, "read as relative-12: its key is not in data");
}

static void test_no_nop(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_table(fake, &cases[2], "__jump_table");
	fake_code(fake, AREA_TEXT, 0x790, "\x0f\x1f\x40\x00\x90", 5);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 1 at 0xc101000c, read as relative-12: no nop and no jump of 2 "
	                     "or 5 bytes stands at 0xc1000790");
}

static void test_jump_elsewhere(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_table(fake, &cases[2], "__jump_table");
	fake_branch(fake, 0xe9, AREA_TEXT, 0x7c0, AREA_TEXT, 0x810);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 4 at 0xc1010030, read as relative-12: its jump goes elsewhere "
	                     "than its target, to 0xc1000810");

	fake = fake_start_module(false);
	put_table(fake, &cases[2], "__jump_table");
	fake->bytes[AREA_TEXT][0x7f1]++;
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 7 at 0x54, read as relative-12: its jump goes elsewhere than "
	                     "its target, to 0x801");
}

/* The key of a module's label may be the kernel's. */
static void test_module_key_elsewhere(void **state)
{
	struct fake_linux *fake = fake_start_module(false);
	struct fake_table *table = fake_table(fake, "__jump_table");

	(void)state;
	put_code(fake);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x780);
	fake_pointer(fake, table, 4, true, AREA_TEXT, TARGET);
	fake_relocation(fake, table, SYMBOL_ELSEWHERE, 1, 4, true);
	assert_read(fake);
	assert_int_equal(fake->metadata.jump_label_count, 1);
	assert_int_equal(fake->metadata.jump_labels[0].key, 0);
	fake_end(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layouts),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_by_structure),
	    cmocka_unit_test(test_nothing_to_find),
	    cmocka_unit_test(test_two_places),
	    cmocka_unit_test(test_outside),
	    cmocka_unit_test(test_no_nop),
	    cmocka_unit_test(test_jump_elsewhere),
	    cmocka_unit_test(test_module_key_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
