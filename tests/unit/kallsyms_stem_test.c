/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patcher/kernel/kallsyms_stem.h"
#include "tests/unit/small_kernel.h"

#define COUNT 300

static void symbol_name(char *name, size_t size, size_t index)
{
	snprintf(name, size, index % 3 ? "function_%zu" : "other_function_%zu", index);
}

/* Where the tables are in the bytes that build_tables() makes. */
struct places {
	size_t addresses, count, names;
};

static struct places build_tables(struct byte_buffer *bytes, bool is_64bit)
{
	size_t width = is_64bit ? 8 : 4;
	struct places places;
	char previous[64] = "";

	memset(bytes, 0, sizeof(*bytes));
	buffer_fill(bytes, 0xee, 64);
	buffer_align(bytes, 8);
	places.addresses = bytes->size;
	for (size_t i = 0; i < COUNT; i++)
		buffer_word(bytes, small_base(is_64bit) + i * 4, width);
	places.count = bytes->size;
	buffer_word(bytes, COUNT, width);
	places.names = bytes->size;
	for (size_t i = 0; i < COUNT; i++) {
		char name[64];
		size_t stem = 0;

		symbol_name(name, sizeof(name), i);
		while (name[stem] && name[stem] == previous[stem])
			stem++;
		buffer_word(bytes, stem, 1);
		buffer_append(bytes, name + stem, strlen(name + stem) + 1);
		memcpy(previous, name, sizeof(name));
	}
	buffer_fill(bytes, 0xee, 64);
	return places;
}

/* The small kernel with the tables, and a banner of that version. */
static void build_kernel(struct elf_builder *elf, bool is_64bit, const struct byte_buffer *tables,
                         const char *version)
{
	uint8_t *banner;

	small_kernel(elf, is_64bit, tables);
	banner = memmem(elf->image.data, elf->image.size, SMALL_BANNER, strlen(SMALL_BANNER));
	banner += strlen("Linux version ");
	while (*version)
		*banner++ = (uint8_t)*version++;
}

static enum kernel_symbol_source read_source(const struct elf_builder *elf, struct kernel *kernel)
{
	struct problem problem;

	if (!kernel_read_memory("test", elf->image.data, elf->image.size, kernel, &problem))
		fail_msg("%s", problem.text);
	return kernel->symbol_source;
}

static void test_tables_are_read(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct byte_buffer tables;
		struct elf_builder elf;
		struct kernel kernel;

		build_tables(&tables, is_64bit);
		build_kernel(&elf, is_64bit, &tables, "2.6.9-5.");
		assert_int_equal(read_source(&elf, &kernel), SYMBOLS_KALLSYMS);
		assert_int_equal(kernel.linux_version, 2 << 16 | 6 << 8 | 9);
		assert_int_equal(kernel.symbol_count, COUNT);
		for (size_t i = 0; i < COUNT; i++) {
			char name[64];

			symbol_name(name, sizeof(name), i);
			assert_string_equal(kernel.symbols[i].name, name);
			assert_int_equal(kernel.symbols[i].address, small_base(is_64bit) + i * 4);
			assert_int_equal(kernel.symbols[i].type, SYMBOL_FUNCTION);
			assert_int_equal(kernel.symbols[i].section, 0);
		}
		kernel_free(&kernel);
		builder_free(&elf);
		buffer_free(&tables);
	}
}

/* Later kernels have other tables. */
static void test_later_kernels_have_none(void **state)
{
	struct byte_buffer tables;
	struct elf_builder elf;
	struct kernel kernel;

	(void)state;
	build_tables(&tables, false);
	build_kernel(&elf, false, &tables, "2.6.10-5");
	assert_int_equal(read_source(&elf, &kernel), SYMBOLS_NONE);
	kernel_free(&kernel);
	builder_free(&elf);
	buffer_free(&tables);
}

static void check_damage(size_t offset, uint8_t change)
{
	struct byte_buffer tables;
	struct elf_builder elf;
	struct kernel kernel;

	build_tables(&tables, false);
	tables.data[offset] ^= change;
	build_kernel(&elf, false, &tables, "2.6.9-5.");
	assert_int_equal(read_source(&elf, &kernel), SYMBOLS_NONE);
	kernel_free(&kernel);
	builder_free(&elf);
	buffer_free(&tables);
}

static void test_contradictions_are_no_tables(void **state)
{
	struct byte_buffer tables;
	struct places places = build_tables(&tables, false);

	(void)state;
	buffer_free(&tables);
	check_damage(places.addresses + 100 * 4 + 3, 0x80); /* not ascending */
	check_damage(places.count, 0x01);                   /* one more than there are */
	check_damage(places.names, 0x01);                   /* a stem of no name before */
	check_damage(places.names + 1, 0x80);               /* no character of a name */
}

static void test_damage_is_survived(void **state)
{
	struct byte_buffer tables;
	struct elf_builder elf;
	struct places places = build_tables(&tables, false);
	size_t start;

	(void)state;
	build_kernel(&elf, false, &tables, "2.6.9-5.");
	start =
	    (size_t)((uint8_t *)memmem(elf.image.data, elf.image.size, tables.data, tables.size) -
	             elf.image.data);
	for (size_t at = places.addresses; at < tables.size; at++) {
		struct kernel kernel;
		uint8_t saved = elf.image.data[start + at];

		elf.image.data[start + at] = (uint8_t)(saved ^ 1 << at % 8);
		read_source(&elf, &kernel);
		for (size_t i = 0; i < kernel.symbol_count; i++)
			assert_non_null(kernel_find_symbol(&kernel, kernel.symbols[i].name));
		kernel_free(&kernel);
		elf.image.data[start + at] = saved;
	}
	builder_free(&elf);
	buffer_free(&tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tables_are_read),
	    cmocka_unit_test(test_later_kernels_have_none),
	    cmocka_unit_test(test_contradictions_are_no_tables),
	    cmocka_unit_test(test_damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
