/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

struct layout_case {
	const char *release;
	bool is_64bit, relative, has_namespace;
};

static const struct layout_case cases[] = {
    {"2.6.32", false, false, false}, {"4.9.0", true, false, false}, {"5.10.0", false, false, true},
    {"5.10.0", true, false, true},   {"5.0.0", false, true, false}, {"5.0.0", true, true, false},
    {"6.1.176", false, true, true},  {"6.1.176", true, true, true},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static const char *const names[] = {"__FIXADDR_TOP", "boot_cpu_data", "panic"};

#define NAME_SPACE 0x20 /* from one name in .rodata to the next */
#define NAMESPACE  0x100
#define NOTHING    0x120 /* an empty string */

static void put_entry(struct fake_linux *fake, struct fake_table *table,
                      const struct layout_case *layout, uint64_t number, enum area area)
{
	size_t size = layout->relative ? 4 : fake->is_64bit ? 8 : 4;

	fake_pointer(fake, table, size, layout->relative, area, 0x100 * (int64_t)number);
	fake_pointer(fake, table, size, layout->relative, AREA_RODATA,
	             NAME_SPACE * (int64_t)number);
	if (!layout->has_namespace)
		return;
	if (number == 2)
		buffer_word(&table->bytes, 0, size);
	else
		fake_pointer(fake, table, size, layout->relative, AREA_RODATA,
		             number ? NOTHING : NAMESPACE);
}

/* Two names in __ksymtab, panic in __ksymtab_gpl. */
static struct fake_table *put_tables(struct fake_linux *fake, const struct layout_case *layout)
{
	struct fake_table *table = fake_table(fake, "__ksymtab");
	struct fake_table *gpl = fake_table(fake, "__ksymtab_gpl");

	for (uint64_t i = 0; i < 3; i++) {
		fake_string(fake, AREA_RODATA, NAME_SPACE * i, names[i]);
		put_entry(fake, i < 2 ? table : gpl, layout, i, i < 2 ? AREA_DATA : AREA_TEXT);
	}
	fake_string(fake, AREA_RODATA, NAMESPACE, "DMA_BUF");
	return table;
}

static void check_names(struct fake_linux *fake)
{
	uint64_t address = 0;

	assert_read(fake);
	assert_true(linux_exported_symbol(&fake->kernel, "__FIXADDR_TOP", &address));
	assert_int_equal(address, fake_address(fake, AREA_DATA, 0));
	assert_true(linux_exported_symbol(&fake->kernel, "boot_cpu_data", &address));
	assert_int_equal(address, fake_address(fake, AREA_DATA, 0x100));
	assert_true(linux_exported_symbol(&fake->kernel, "panic", &address));
	assert_int_equal(address, fake_address(fake, AREA_TEXT, 0x200));
	assert_false(linux_exported_symbol(&fake->kernel, "DMA_BUF", &address));
	assert_false(linux_exported_symbol(&fake->kernel, "", &address));
	fake_end(fake);
}

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct fake_linux *fake = fake_start(cases[i].is_64bit, cases[i].release);

		put_tables(fake, &cases[i]);
		check_names(fake);
	}
}

/* Without sections, but with the linker script's symbols. */
static void test_symbols(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_tables(fake, &cases[6]);
	fake->tables[0].section = ".rodata.one";
	fake->tables[1].section = ".rodata.two";
	fake_symbol(fake, "__start___ksymtab", STT_NOTYPE,
	            fake_table_address(fake, &fake->tables[0]));
	fake_symbol(fake, "__stop___ksymtab", STT_NOTYPE,
	            fake_table_address(fake, &fake->tables[0]) + 24);
	fake_symbol(fake, "__start___ksymtab_gpl", STT_NOTYPE,
	            fake_table_address(fake, &fake->tables[1]));
	fake_symbol(fake, "__stop___ksymtab_gpl", STT_NOTYPE,
	            fake_table_address(fake, &fake->tables[1]) + 12);
	check_names(fake);
}

static bool finds(struct fake_linux *fake, const char *name)
{
	uint64_t address;
	bool found;

	assert_read(fake);
	found = linux_exported_symbol(&fake->kernel, name, &address);
	fake_end(fake);
	return found;
}

/* A table in which any entry does not validate tells nothing. */
static void test_damaged(void **state)
{
	(void)state;
	for (int word = 1; word <= 2; word++) {
		struct fake_linux *fake = fake_start(false, "5.10.0");
		struct fake_table *table = put_tables(fake, &cases[2]);

		buffer_set(&table->bytes, 12 + 4 * (size_t)word, 0xc1000ffc, 4); /* nops */
		assert_false(finds(fake, "__FIXADDR_TOP"));
	}
}

static void test_nothing_exported(void **state)
{
	struct fake_linux *fake;

	(void)state;
	assert_false(finds(fake_start(false, "6.1.0"), "panic"));

	fake = fake_start(false, NULL); /* not Linux */
	put_tables(fake, &cases[6]);
	assert_false(finds(fake, "panic"));

	fake = fake_start_module(false);
	put_tables(fake, &cases[6]);
	assert_false(finds(fake, "panic"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layouts),
	    cmocka_unit_test(test_symbols),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_nothing_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
