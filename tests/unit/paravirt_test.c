/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

struct site {
	uint64_t offset;
	const char *bytes;
	uint8_t length, type;
	uint16_t clobbers;
};

static const struct site sites[] = {
    {0x100, "\xff\x15\x10\x20\x30\xc1", 6, 0, 0x1},                  /* call *pv_ops */
    {0x120, "\xff\x14\x25\x10\x20\x30\x81", 7, 12, 0x1ff},           /* the same, 64-bit */
    {0x140, "\x2e\xff\x25\x10\x20\x30\xc1", 7, 9, 0},                /* jmp *%cs:pv_ops */
    {0x160, "\x51\x52\xff\x15\x10\x20\x30\xc1\x5a\x59", 10, 44, 16}, /* with pushes */
};

#define ENTRIES (sizeof(sites) / sizeof(sites[0]))

static void put_entry(struct fake_linux *fake, struct fake_table *table, const struct site *site,
                      bool has_clobbers)
{
	buffer_align(&table->bytes, fake->is_64bit ? 8 : 4);
	fake_pointer(fake, table, fake->is_64bit ? 8 : 4, false, AREA_TEXT, (int64_t)site->offset);
	buffer_word(&table->bytes, site->type, 1);
	buffer_word(&table->bytes, site->length, 1);
	if (has_clobbers)
		buffer_word(&table->bytes, site->clobbers, 2);
}

static struct fake_table *put_table(struct fake_linux *fake, bool has_clobbers)
{
	struct fake_table *table = fake_table(fake, ".parainstructions");

	for (size_t i = 0; i < ENTRIES; i++) {
		fake_code(fake, AREA_TEXT, sites[i].offset, sites[i].bytes, sites[i].length);
		put_entry(fake, table, &sites[i], has_clobbers);
	}
	return table;
}

static void check_layout(struct fake_linux *fake, bool has_clobbers)
{
	const struct linux_metadata *metadata = &fake->metadata;

	put_table(fake, has_clobbers);
	assert_read(fake);
	assert_string_equal(metadata->paravirt_table.layout,
	                    fake->is_64bit ? "absolute-16" : "absolute-8");
	assert_int_equal(metadata->paravirt_count, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct paravirt_entry *entry = &metadata->paravirt[i];

		assert_place(fake, entry->site, AREA_TEXT, sites[i].offset);
		assert_int_equal(entry->type, sites[i].type);
		assert_int_equal(entry->length, sites[i].length);
		assert_int_equal(entry->clobbers, has_clobbers ? sites[i].clobbers : 0);
	}
	fake_end(fake);
}

/* Without clobbers the last entry lacks its padding. */
static void test_layouts(void **state)
{
	(void)state;
	check_layout(fake_start(false, "2.6.32"), true);
	check_layout(fake_start(false, "6.1.176"), false);
	check_layout(fake_start(true, "4.19.0"), true);
	check_layout(fake_start(true, "6.1.176"), false);
}

static void test_modules(void **state)
{
	(void)state;
	check_layout(fake_start_module(false), true);
	check_layout(fake_start_module(false), false);
	check_layout(fake_start_module(true), false);
}

static void refuse_site(struct site site, const char *words)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_table(fake, false);

	put_entry(fake, table, &site, false);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, words);
}

static void test_refused(void **state)
{
	(void)state;
	refuse_site((struct site){.offset = 0x3000, .length = 6},
	            ".parainstructions: entry 4 at 0xc1010020, read as absolute-8: its site is not "
	            "in code 0xc1003000");
	refuse_site((struct site){.offset = 0xffc, .length = 6}, "its site is not in code");
	refuse_site((struct site){.offset = 0x100, .length = 0},
	            "its site is too short or too long, length 0x0");
	refuse_site((struct site){.offset = 0x100, .length = 65},
	            "its site is too short or too long, length 0x41");
	refuse_site((struct site){.offset = 0x200, .length = 6},
	            "its site holds no indirect call or jump 0xc1000200");
	/* the site ends in the middle of it */
	refuse_site((struct site){.offset = 0xfb, .length = 6},
	            "its site holds no indirect call or jump");
}

static void test_cut(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_table(fake, false);

	(void)state;
	table->bytes.size -= 1; /* of the last entry's length */
	assert_table_refused(fake, LINUX_TABLE_SIZE, ".parainstructions at 0xc1010000: 0x1d bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layouts),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
