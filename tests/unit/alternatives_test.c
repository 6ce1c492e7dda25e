/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

struct entry_values {
	uint64_t site, replacement;
	uint16_t feature, flags;
	uint8_t site_length, replacement_length, pad_length;
};

/* What stands behind the two pointers. */
enum fields { BYTE_CPUID, WORD_CPUID, INVERTIBLE, PADDED, FLAGS };

struct layout_case {
	const char *layout, *release;
	bool is_64bit, relative;
	enum fields fields;
	size_t alignment; /* of each entry, and so its padding; the last has none */
};

static const struct layout_case cases[] = {
    {"absolute-12-byte", "2.6.18", false, false, BYTE_CPUID, 4},
    {"absolute-24-byte", "2.6.32", true, false, BYTE_CPUID, 8},
    {"absolute-12", "2.6.39", false, false, WORD_CPUID, 4},
    {"absolute-24", "2.6.39", true, false, WORD_CPUID, 8},
    {"relative-12", "3.16.0", false, true, WORD_CPUID, 1},
    {"relative-12", "3.16.0", true, true, WORD_CPUID, 1},
    {"relative-13", "4.19.0", false, true, PADDED, 1},
    {"relative-13", "5.10.0", true, true, PADDED, 1},
    {"relative-12", "6.1.176", false, true, INVERTIBLE, 1},
    {"relative-12", "5.15.0", true, true, INVERTIBLE, 1},
    {"relative-14", "6.3.0", false, true, FLAGS, 1},
    {"relative-14", "6.12.0", true, true, FLAGS, 1},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static const struct entry_values values[] = {
    {0x100, 0x00, 26, 0, 5, 3, 2},   {0x110, 0x03, 96, 1, 3, 0, 0},
    {0x120, 0x03, 116, 0, 12, 6, 1}, {0x140, 0x09, 67, 0, 198, 190, 198},
    {0x130, 0xc7, 30, 1, 5, 5, 0},
};

#define ENTRIES (sizeof(values) / sizeof(values[0]))

static void put_entry(struct fake_linux *fake, struct fake_table *table,
                      const struct layout_case *layout, const struct entry_values *entry)
{
	size_t size = layout->relative ? 4 : fake->is_64bit ? 8 : 4;

	buffer_align(&table->bytes, layout->alignment);
	fake_pointer(fake, table, size, layout->relative, AREA_TEXT, (int64_t)entry->site);
	fake_pointer(fake, table, size, layout->relative, AREA_REPLACEMENTS,
	             (int64_t)entry->replacement);
	switch (layout->fields) {
	case BYTE_CPUID: buffer_word(&table->bytes, entry->feature, 1); break;
	case WORD_CPUID: buffer_word(&table->bytes, entry->feature, 2); break;
	case INVERTIBLE:
	case PADDED: buffer_word(&table->bytes, entry->feature | entry->flags << 15, 2); break;
	case FLAGS:
		buffer_word(&table->bytes, entry->feature, 2);
		buffer_word(&table->bytes, entry->flags, 2);
		break;
	}
	buffer_word(&table->bytes, entry->site_length, 1);
	buffer_word(&table->bytes, entry->replacement_length, 1);
	if (layout->fields == PADDED)
		buffer_word(&table->bytes, entry->pad_length, 1);
}

static struct fake_table *put_table(struct fake_linux *fake, const struct layout_case *layout)
{
	struct fake_table *table = fake_table(fake, ".altinstructions");

	for (size_t i = 0; i < ENTRIES; i++)
		put_entry(fake, table, layout, &values[i]);
	return table;
}

static void check_entries(struct fake_linux *fake, const struct layout_case *layout)
{
	const struct linux_metadata *metadata = &fake->metadata;
	bool has_flags = layout->fields != BYTE_CPUID && layout->fields != WORD_CPUID;

	assert_string_equal(metadata->alternative_table.layout, layout->layout);
	assert_int_equal(metadata->alternative_count, ENTRIES);
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		assert_place(fake, entry->site, AREA_TEXT, values[i].site);
		assert_place(fake, entry->replacement, AREA_REPLACEMENTS, values[i].replacement);
		assert_int_equal(entry->feature, values[i].feature);
		assert_int_equal(entry->flags, has_flags ? values[i].flags : 0);
		assert_int_equal(entry->site_length, values[i].site_length);
		assert_int_equal(entry->replacement_length, values[i].replacement_length);
		assert_int_equal(entry->pad_length,
		                 layout->fields == PADDED ? values[i].pad_length : 0);
		assert_int_equal(entry->entry_address,
		                 metadata->alternative_table.address +
		                     i * metadata->alternative_table.entry_size);
	}
}

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct fake_linux *fake = fake_start(cases[i].is_64bit, cases[i].release);

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
	for (size_t i = 0; i < CASES; i++) {
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
	for (size_t i = 0; i < CASES; i++) {
		struct fake_linux *fake = fake_start_module(cases[i].is_64bit);

		put_table(fake, &cases[i]);
		assert_read(fake);
		check_entries(fake, &cases[i]);
		fake_end(fake);
	}
}

/* One entry each fits byte and word cpuids: the version decides, and without one nothing does. */
static void test_ambiguous(void **state)
{
	static const uint8_t fields[] = {26, 1, 1, 0};
	static const struct {
		const char *release, *layout;
	} decided[] = {{"2.6.18", "absolute-12-byte"}, {"2.6.39", "absolute-12"}};
	struct fake_linux *fake;
	struct fake_table *table;

	(void)state;
	for (size_t i = 0; i <= 2; i++) {
		fake = fake_start(false, i < 2 ? decided[i].release : "3.99.0");
		table = fake_table(fake, ".altinstructions");
		fake_pointer(fake, table, 4, false, AREA_TEXT, 0x100);
		fake_pointer(fake, table, 4, false, AREA_REPLACEMENTS, 0x100);
		buffer_append(&table->bytes, fields, sizeof(fields));
		if (i == 2) {
			assert_table_refused(fake, LINUX_TABLE_AMBIGUOUS,
			                     ".altinstructions at 0xc1010000: layouts absolute-12 "
			                     "and absolute-12-byte both fit");
			break;
		}
		assert_read(fake);
		assert_string_equal(fake->metadata.alternative_table.layout, decided[i].layout);
		fake_end(fake);
	}
}

/* Early 2.6 has a second table, whose replacements stand apart. */
static void test_smp_alternatives(void **state)
{
	struct fake_linux *fake = fake_start(false, "2.6.18");
	struct fake_table *table;

	(void)state;
	put_table(fake, &cases[0]);
	table = fake_table(fake, ".smp_altinstructions");
	fake_pointer(fake, table, 4, false, AREA_TEXT, 0x400);
	buffer_word(&table->bytes, fake_table_address(fake, table + 1) + 0x10, 4);
	buffer_word(&table->bytes, 0x020568, 4);
	table = fake_table(fake, ".smp_altinstr_replacement");
	table->flags |= SHF_EXECINSTR | SHF_WRITE;
	buffer_fill(&table->bytes, 0x90, 0x40);
	assert_read(fake);
	assert_true(fake->metadata.smp_alternative_table.found);
	assert_int_equal(fake->metadata.alternative_count, ENTRIES + 1);
	assert_place(fake, fake->metadata.alternatives[ENTRIES].site, AREA_TEXT, 0x400);
	assert_int_equal(fake->metadata.alternatives[ENTRIES].feature, 0x68);
	assert_int_equal(fake->metadata.alternatives[ENTRIES].site_length, 5);
	fake_end(fake);
}

/* The first entry's values become these; what the refusal must say. */
static void refuse_values(const struct layout_case *layout, struct entry_values changed,
                          const char *words)
{
	struct fake_linux *fake = fake_start(layout->is_64bit, layout->release);
	struct fake_table *table = fake_table(fake, ".altinstructions");

	put_entry(fake, table, layout, &values[0]);
	put_entry(fake, table, layout, &changed);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, words);
}

static void test_lengths(void **state)
{
	struct entry_values longer = values[0], padded = values[0];

	(void)state;
	longer.replacement_length = 9;
	refuse_values(&cases[8], longer,
	              ".altinstructions: entry 1 at 0xc101000c, read as relative-12: its "
	              "replacement is longer than its site, length 0x9");
	padded.pad_length = 6;
	refuse_values(&cases[6], padded,
	              "entry 1 at 0xc101000d, read as relative-13: its padding is longer than its "
	              "site, length 0x6");
}

static void test_feature_and_flags(void **state)
{
	struct entry_values feature = values[0], flags = values[0];

	(void)state;
	feature.feature = 0x500;
	refuse_values(&cases[8], feature,
	              "read as relative-12: its CPU feature is none, number 0x500");
	flags.flags = 0x4000;
	refuse_values(&cases[10], flags, "read as relative-14: its flags are unknown 0x4000");
}

static void test_site_outside(void **state)
{
	struct entry_values start = values[0], end = values[0];

	(void)state;
	start.site = 0x12000;
	refuse_values(&cases[8], start, "its site is not in code 0xc1012000");
	end.site = AREA_SIZE - 4; /* of 5 bytes */
	refuse_values(&cases[8], end, "its site is not in code 0xc1000ffc");
}

static void test_replacement_outside(void **state)
{
	struct entry_values behind = values[0];
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = fake_table(fake, ".altinstructions");

	(void)state;
	behind.replacement = AREA_SIZE - 2; /* of 3 bytes */
	refuse_values(&cases[8], behind,
	              "its replacement is not among the replacements 0xc1080ffe");

	/* in code, but of another section */
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x100);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x200);
	buffer_word(&table->bytes, 0x0305001a, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "its replacement is not among the replacements 0xc1000200");
}

static void test_cut(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_table(fake, &cases[8]);

	(void)state;
	table->bytes.size -= 2;
	assert_table_refused(fake, LINUX_TABLE_SIZE,
	                     ".altinstructions at 0xc1010000: 0x3a bytes are not a whole number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layouts),
	    cmocka_unit_test(test_layouts_of_unexpected_version),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_ambiguous),
	    cmocka_unit_test(test_smp_alternatives),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_feature_and_flags),
	    cmocka_unit_test(test_site_outside),
	    cmocka_unit_test(test_replacement_outside),
	    cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
