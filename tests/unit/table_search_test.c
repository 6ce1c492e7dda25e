/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of kernels with neither section headers nor symbols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

#define ENTRIES 100

static struct fake_linux *start(bool is_64bit)
{
	struct fake_linux *fake = fake_start(is_64bit, "6.1.0");

	fake->without_section_headers = true;
	return fake;
}

/* What stands before the tables and behind them: words that lead into code and elsewhere. */
static void put_noise(struct fake_linux *fake, struct fake_table *table, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		if (i & 1)
			fake_pointer(fake, table, 4, i & 2, AREA_TEXT, 8 * (int64_t)i);
		else
			buffer_word(&table->bytes, i * 0x01010101, 4);
	}
}

static uint64_t address_here(const struct fake_linux *fake, const struct fake_table *table)
{
	return fake_table_address(fake, table) + table->bytes.size;
}

static void test_bugs(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct fake_linux *fake = start(is_64bit);
		struct fake_table *table = fake_table(fake, "any");
		uint64_t address;

		fake_string(fake, AREA_RODATA, 0, "kernel/fork.c");
		put_noise(fake, table, 11);
		address = address_here(fake, table);
		for (int i = 0; i < ENTRIES; i++) {
			fake_code(fake, AREA_TEXT, 0x10 * (uint64_t)i, "\x0f\x0b", 2);
			fake_pointer(fake, table, 4, is_64bit, AREA_TEXT, 0x10 * i);
			fake_pointer(fake, table, 4, is_64bit, AREA_RODATA, 0);
			buffer_word(&table->bytes, 0x09030001, 4);
		}
		put_noise(fake, table, 20);
		assert_read(fake);
		assert_true(fake->metadata.bug_table.by_structure);
		assert_int_equal(fake->metadata.bug_table.address, address);
		assert_int_equal(fake->metadata.bug_count, ENTRIES);
		fake_end(fake);
	}
}

/* Entries of 14 bytes have no alignment but that of the first. */
static void test_alternatives(void **state)
{
	struct fake_linux *fake = start(false);
	struct fake_table *table = fake_table(fake, "any");
	uint64_t address;

	(void)state;
	put_noise(fake, table, 12);
	address = address_here(fake, table);
	for (int i = 0; i < ENTRIES; i++) {
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x10 * i);
		fake_pointer(fake, table, 4, true, AREA_REPLACEMENTS, 3 * i);
		buffer_word(&table->bytes, 0x1a, 4);
		buffer_word(&table->bytes, 0x0305, 2);
	}
	put_noise(fake, table, 20);
	assert_read(fake);
	assert_string_equal(fake->metadata.alternative_table.layout, "relative-14");
	assert_int_equal(fake->metadata.alternative_table.address, address);
	assert_int_equal(fake->metadata.alternative_count, ENTRIES);
	fake_end(fake);
}

/* A first run that ends in zeros does not hide the table behind it. */
static void test_locks(void **state)
{
	struct fake_linux *fake = start(false);
	struct fake_table *table = fake_table(fake, "any");
	uint64_t address;

	(void)state;
	fake_code(fake, AREA_TEXT, 0, "\xf0", 1);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0);
	buffer_fill(&table->bytes, 0, 16);
	put_noise(fake, table, 12);
	address = address_here(fake, table);
	for (int i = 0; i < ENTRIES; i++) {
		fake_code(fake, AREA_TEXT, 0x10 * (uint64_t)i, "\xf0", 1);
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x10 * i);
	}
	buffer_fill(&table->bytes, 0, 0x100);
	assert_read(fake);
	assert_int_equal(fake->metadata.smp_lock_table.address, address);
	assert_int_equal(fake->metadata.smp_locks.count, ENTRIES);
	fake_end(fake);
}

static void put_paravirt(struct fake_linux *fake, struct fake_table *table, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		fake_code(fake, AREA_TEXT, 0x10 * (uint64_t)i, "\xff\x15\x00\x00\x00\xc1", 6);
		fake_pointer(fake, table, 4, false, AREA_TEXT, 0x10 * i);
		buffer_word(&table->bytes, 0x0600, 4);
	}
}

static void test_paravirt(void **state)
{
	struct fake_linux *fake = start(false);
	struct fake_table *table = fake_table(fake, "any");
	uint64_t address;

	(void)state;
	put_noise(fake, table, 7);
	address = address_here(fake, table);
	put_paravirt(fake, table, 0, ENTRIES);
	put_noise(fake, table, 20);
	assert_read(fake);
	assert_int_equal(fake->metadata.paravirt_table.address, address);
	assert_int_equal(fake->metadata.paravirt_count, ENTRIES);
	fake_end(fake);
}

/* A run of a quarter of the table's length is another table. */
static void test_second_run(void **state)
{
	(void)state;
	for (int more = 0; more <= 1; more++) {
		struct fake_linux *fake = start(false);
		struct fake_table *table = fake_table(fake, "any");

		put_paravirt(fake, table, 0, ENTRIES);
		buffer_fill(&table->bytes, 0, 16);
		put_paravirt(fake, table, 0, ENTRIES / 4 + more);
		if (more) {
			assert_table_refused(
			    fake, LINUX_TABLE_TWO_PLACES,
			    ".parainstructions: two places look like it: "
			    "0xc1010000 (100 entries) and 0xc1010330 (26 entries)");
			continue;
		}
		assert_read(fake);
		assert_int_equal(fake->metadata.paravirt_count, ENTRIES);
		fake_end(fake);
	}
}

/* Without knowing what is code, three small numbers would be an entry: it is not looked for. */
static void test_no_exceptions(void **state)
{
	struct fake_linux *fake = start(false);
	struct fake_table *table = fake_table(fake, "any");

	(void)state;
	for (int i = 0; i < ENTRIES; i++) {
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x10 * i);
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x800);
		buffer_word(&table->bytes, 1, 4);
	}
	assert_read(fake);
	assert_false(fake->metadata.exception_table.found);
	fake_end(fake);
}

/* With section headers, a table that has a section wherever there is one is nowhere else. */
static void test_not_with_section_headers(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_paravirt(fake, fake_table(fake, ".data.tables"), 0, ENTRIES);
	assert_read(fake);
	assert_false(fake->metadata.paravirt_table.found);
	fake_end(fake);
}

static void test_exported_symbols(void **state)
{
	struct fake_linux *fake = start(false);
	struct fake_table *table = fake_table(fake, "any");
	uint64_t address;

	(void)state;
	put_noise(fake, table, 9);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf((char *)fake->bytes[AREA_RODATA] + 0x20 * i, 0x20, "symbol_%d", i);
		fake_pointer(fake, table, 4, true, AREA_DATA, 4 * i);
		fake_pointer(fake, table, 4, true, AREA_RODATA, 0x20 * i);
		fake_pointer(fake, table, 4, true, AREA_RODATA, 0x20 * ENTRIES);
	}
	put_noise(fake, table, 9);
	assert_read(fake);
	assert_true(linux_exported_symbol(&fake->kernel, "symbol_0", &address));
	assert_int_equal(address, fake_address(fake, AREA_DATA, 0));
	assert_true(linux_exported_symbol(&fake->kernel, "symbol_99", &address));
	assert_int_equal(address, fake_address(fake, AREA_DATA, 4 * 99));
	assert_false(linux_exported_symbol(&fake->kernel, "symbol_100", &address));
	fake_end(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bugs),
	    cmocka_unit_test(test_alternatives),
	    cmocka_unit_test(test_locks),
	    cmocka_unit_test(test_paravirt),
	    cmocka_unit_test(test_second_run),
	    cmocka_unit_test(test_no_exceptions),
	    cmocka_unit_test(test_not_with_section_headers),
	    cmocka_unit_test(test_exported_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
