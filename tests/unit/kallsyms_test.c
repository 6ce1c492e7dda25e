/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "tests/unit/kallsyms_builder.h"
#include "tests/unit/small_kernel.h"

#define MOST_SYMBOLS 700

static const struct kallsyms_shape shapes[] = {
    {"2.6.16 i386", 4, 4, 0, KALLSYMS_ABSOLUTE, false, false, false},
    {"2.6.32 x86-64", 8, 8, 0, KALLSYMS_ABSOLUTE, true, false, false},
    {"4.6 i386", 4, 4, 0, KALLSYMS_RELATIVE, false, false, false},
    {"4.9 x86-64", 8, 8, 0, KALLSYMS_RELATIVE_PERCPU, true, false, false},
    {"4.9 x86-64, one processor", 8, 8, 0, KALLSYMS_RELATIVE, true, false, false},
    {"5.10 x86-64", 4, 8, 0, KALLSYMS_RELATIVE_PERCPU, true, false, false},
    {"5.10 x86-64, one processor", 4, 8, 0, KALLSYMS_RELATIVE, true, false, false},
    {"6.1 i386", 4, 4, 0, KALLSYMS_RELATIVE, false, false, true},
    {"6.1 i386, absolute", 4, 4, 0, KALLSYMS_ABSOLUTE, false, false, true},
    {"6.2-rc i386", 4, 4, 4, KALLSYMS_RELATIVE, false, false, true},
    {"6.3 i386", 4, 4, 3, KALLSYMS_RELATIVE, false, false, true},
    {"6.3 x86-64", 4, 8, 3, KALLSYMS_RELATIVE_PERCPU, true, false, true},
    {"6.6 i386", 4, 4, 3, KALLSYMS_RELATIVE, false, true, true},
    {"6.6 i386, absolute", 4, 4, 3, KALLSYMS_ABSOLUTE, false, true, true},
    {"6.6 x86-64", 4, 8, 3, KALLSYMS_RELATIVE_PERCPU, true, true, true},
    {"6.15 x86-64", 4, 8, 3, KALLSYMS_RELATIVE, true, true, true},
    {"7.0 i386", 4, 4, 3, KALLSYMS_ABSOLUTE, false, true, true},
    {"7.0 x86-64", 4, 4, 3, KALLSYMS_PLACE_RELATIVE, true, true, true},
};
#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

static struct kallsyms_entry entries[MOST_SYMBOLS];

/* Ascending symbols in .text, with per-CPU ones in front where the form has them. */
static void make_entries(const struct kallsyms_shape *shape, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct kallsyms_entry *entry = &entries[i];

		entry->address = small_base(shape->is_64bit) + i * 2;
		entry->type = i % 7 ? (i % 2 ? 't' : 'T') : 'W';
		snprintf(entry->name, sizeof(entry->name), "function_%zu", i);
		if (shape->form == KALLSYMS_RELATIVE_PERCPU && i < count / 8) {
			entry->type = 'A';
			entry->address = i * 8;
			snprintf(entry->name, sizeof(entry->name), "percpu_%zu", i);
		}
		if (i % 100 == 42 && shape->long_names) {
			memset(entry->name, 'z', 310);
			entry->name[310] = '\0';
		}
	}
	/* between the text sections is data, which KALLSYMS_ALL adds */
	if (count > 4)
		entries[count - 2].type = 'D';
}

static void build_tables(struct kallsyms_builder *builder, const struct kallsyms_shape *shape,
                         size_t count, size_t offset)
{
	make_entries(shape, count);
	*builder = (struct kallsyms_builder){
	    .shape = *shape,
	    .start = small_rodata_address(shape->is_64bit) + offset,
	    .entries = entries,
	    .count = count,
	};
	kallsyms_build(builder);
}

/* The kernel with `offset` bytes and the tables in its .rodata. */
static void build_kernel(struct elf_builder *elf, const struct kallsyms_builder *tables,
                         size_t offset)
{
	struct byte_buffer rodata = {0};

	buffer_fill(&rodata, 0x11, offset);
	buffer_append(&rodata, tables->bytes.data, tables->bytes.size);
	buffer_fill(&rodata, 0x22, 100);
	small_kernel(elf, tables->shape.is_64bit, &rodata);
	buffer_free(&rodata);
}

static void check_symbols(const struct kernel *kernel, const struct kallsyms_builder *builder)
{
	assert_int_equal(kernel->symbol_source, SYMBOLS_KALLSYMS);
	assert_int_equal(kernel->symbol_count, builder->count);
	for (size_t i = 0; i < builder->count; i++) {
		const struct kernel_symbol *symbol = &kernel->symbols[i];
		const struct kallsyms_entry *entry = &builder->entries[i];

		assert_string_equal(symbol->name, entry->name);
		assert_int_equal(symbol->address, entry->address);
		assert_int_equal(symbol->type, entry->type == 'A'   ? SYMBOL_OTHER
		                               : entry->type == 'D' ? SYMBOL_OBJECT
		                                                    : SYMBOL_FUNCTION);
		assert_int_equal(symbol->weak, entry->type == 'W');
		assert_int_equal(symbol->section, entry->type == 'A' ? UINT32_MAX : 0);
	}
}

static void check_shape(const struct kallsyms_shape *shape, size_t count, size_t offset)
{
	struct kallsyms_builder tables;
	struct elf_builder elf;
	struct kernel kernel;
	struct kallsyms found;
	struct problem problem;

	build_tables(&tables, shape, count, offset);
	build_kernel(&elf, &tables, offset);
	assert_true(kernel_read_memory("test", elf.image.data, elf.image.size, &kernel, &problem));
	if (!kallsyms_find(&kernel, &found))
		fail_msg("%s: %zu symbols not found", shape->kernel, count);
	assert_int_equal(found.count, count);
	if (found.addresses_last != shape->addresses_last)
		fail_msg("%s: %zu symbols found elsewhere", shape->kernel, count);
	/* one or two offsets from a base may be read either way, with the same result */
	if (count > 2 && found.form != shape->form)
		fail_msg("%s: %zu symbols found in form %d", shape->kernel, count, found.form);
	check_symbols(&kernel, &tables);
	kernel_free(&kernel);
	builder_free(&elf);
	buffer_free(&tables.bytes);
}

static void test_every_layout_is_found(void **state)
{
	static const size_t counts[] = {2, 3, 17, 255, 256, 257, 511, 512, 513, 700};

	(void)state;
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
			check_shape(&shapes[i], counts[k], 0);
			check_shape(&shapes[i], counts[k], 8 * (k + 1));
		}
	}
}

/* A stripped image without section headers: found in its segment, and sections cut by it. */
static void test_segments_are_searched_and_cut(void **state)
{
	struct kallsyms_builder tables;
	struct elf_builder elf;
	struct byte_buffer rodata = {0};
	struct kernel kernel;
	struct problem problem;
	uint64_t base = small_base(false);

	(void)state;
	make_entries(&shapes[2], 300);
	strcpy(entries[0].name, "_stext");
	strcpy(entries[290].name, "_etext");
	for (size_t i = 291; i < 300; i++)
		entries[i].address = base + 0x101000 + (i - 291) * 2;
	strcpy(entries[291].name, "_sinittext");
	strcpy(entries[299].name, "_einittext");
	tables = (struct kallsyms_builder){shapes[2], small_rodata_address(false), entries, 300,
	                                   .bytes = {0}};
	kallsyms_build(&tables);
	buffer_append(&rodata, tables.bytes.data, tables.bytes.size);
	small_kernel_start(&elf, false, &rodata);
	elf.without_section_headers = true;
	builder_finish(&elf);
	assert_true(kernel_read_memory("test", elf.image.data, elf.image.size, &kernel, &problem));
	assert_int_equal(kernel.symbol_source, SYMBOLS_KALLSYMS);
	assert_int_equal(kernel.section_count, 5);
	assert_string_equal(kernel.sections[0].name, ".text");
	assert_int_equal(kernel.sections[0].address, base);
	assert_int_equal(kernel.sections[0].size, 290 * 2);
	assert_true(kernel.sections[0].executable);
	assert_int_equal(kernel.sections[1].address, base + 290 * 2);
	assert_false(kernel.sections[1].executable);
	assert_int_equal(kernel.sections[2].address, base + 0x100000);
	assert_false(kernel.sections[2].executable);
	assert_string_equal(kernel.sections[3].name, ".init.text");
	assert_int_equal(kernel.sections[3].address, entries[291].address);
	assert_int_equal(kernel.sections[3].size, 16);
	assert_true(kernel.sections[3].executable);
	assert_false(kernel.sections[4].executable);
	assert_int_equal(kernel.sections[4].index, UINT32_MAX);
	assert_string_equal(kernel_symbol_at(&kernel, UINT32_MAX, entries[291].address + 1)->name,
	                    "_sinittext");
	kernel_free(&kernel);
	builder_free(&elf);
	buffer_free(&rodata);
	buffer_free(&tables.bytes);
}

/* Damages one byte of the tables and expects that no symbols are found. */
static void check_damage(const struct kallsyms_shape *shape, size_t offset_in_builder, size_t index,
                         uint8_t change)
{
	struct kallsyms_builder tables;
	struct elf_builder elf;
	struct kernel kernel;
	struct problem problem;
	size_t at;

	build_tables(&tables, shape, 600, 0);
	memcpy(&at, (const char *)&tables + offset_in_builder, sizeof(at));
	tables.bytes.data[at + index] ^= change;
	build_kernel(&elf, &tables, 0);
	assert_true(kernel_read_memory("test", elf.image.data, elf.image.size, &kernel, &problem));
	if (kernel.symbol_source != SYMBOLS_NONE)
		fail_msg("%s: found in spite of a wrong byte at %zu", shape->kernel, at + index);
	assert_int_equal(kernel.symbol_count, 0);
	kernel_free(&kernel);
	builder_free(&elf);
	buffer_free(&tables.bytes);
}

#define DAMAGE(shape, table, index, change)                                                        \
	check_damage((shape), offsetof(struct kallsyms_builder, table), (index), (change))

/* Tables that do not fit each other are not taken. */
static void test_contradictions_are_no_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		const struct kallsyms_shape *shape = &shapes[i];

		DAMAGE(shape, count_at, 0, 1);    /* one more or less than there are names */
		DAMAGE(shape, count_at, 1, 4);    /* a thousand more */
		DAMAGE(shape, names_at, 0, 0xff); /* a length */
		DAMAGE(shape, markers_at, 1, 1);  /* the first marker */
		DAMAGE(shape, markers_at, shape->word, 1); /* the second */
		DAMAGE(shape, index_at, 10, 1);
		DAMAGE(shape, index_at, 511, 0x80);
		DAMAGE(shape, tokens_at, 2, 1);                 /* a zero: one token less */
		DAMAGE(shape, addresses_at, 4 * 100 + 3, 0x40); /* out of order or of the kernel */
	}
}

/* Whatever a damaged byte does, what is read can be used. */
static void test_damage_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		struct kallsyms_builder tables;
		struct elf_builder elf;
		size_t start;

		build_tables(&tables, &shapes[i], 20, 0);
		build_kernel(&elf, &tables, 0);
		start = (size_t)((const uint8_t *)memmem(elf.image.data, elf.image.size,
		                                         tables.bytes.data, tables.bytes.size) -
		                 elf.image.data);
		for (size_t at = start; at < start + tables.bytes.size; at++) {
			struct kernel kernel;
			struct problem problem;
			uint8_t saved = elf.image.data[at];

			elf.image.data[at] = (uint8_t)(saved ^ 1 << at % 8);
			assert_true(kernel_read_memory("test", elf.image.data, elf.image.size,
			                               &kernel, &problem));
			for (size_t k = 0; k < kernel.symbol_count; k++)
				assert_non_null(
				    kernel_find_symbol(&kernel, kernel.symbols[k].name));
			kernel_free(&kernel);
			elf.image.data[at] = saved;
		}
		builder_free(&elf);
		buffer_free(&tables.bytes);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads a kernel with these bytes in its .rodata; expects no symbols and little time. */
static void check_hostile(const struct byte_buffer *rodata)
{
	struct elf_builder elf;
	struct kernel kernel;
	struct problem problem;
	double start;

	small_kernel(&elf, true, NULL);
	builder_free(&elf);
	small_kernel_start(&elf, true, rodata);
	elf.segments[1].p_vaddr += 0x10000000; /* out of the large section's way */
	for (size_t i = SMALL_DATA; i <= SMALL_BSS; i++)
		elf.sections[i].sh_addr += 0x10000000;
	builder_finish(&elf);
	start = seconds();
	if (!kernel_read_memory("test", elf.image.data, elf.image.size, &kernel, &problem))
		fail_msg("%s", problem.text);
	assert_true(seconds() - start < 3);
	assert_int_equal(kernel.symbol_source, SYMBOLS_NONE);
	kernel_free(&kernel);
	builder_free(&elf);
}

/* What would be searched for long without a limit. */
static void test_hostile_images_cost_little(void **state)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	struct kallsyms_builder tables;
	struct byte_buffer rodata = {0};

	(void)state;
	while (rodata.size < 8 << 20) /* token tables all over */
		buffer_append(&rodata, digits, sizeof(digits));
	check_hostile(&rodata);
	buffer_free(&rodata);

	/* true token tables without anything before them, then with markers that ascend */
	build_tables(&tables, &shapes[14], 20, 0);
	for (uint32_t i = 0; rodata.size < 4 << 20; i++)
		buffer_word(&rodata, i % 1000 ? i % 1000 * 600 : 0, 4);
	buffer_append(&rodata, tables.bytes.data + tables.tokens_at,
	              tables.bytes.size - tables.tokens_at);
	check_hostile(&rodata);
	rodata.size = 0;
	buffer_fill(&rodata, 0, 4 << 20);
	for (int i = 0; i < 1000; i++) {
		buffer_append(&rodata, tables.bytes.data + tables.tokens_at,
		              tables.index_at + 512 - tables.tokens_at);
		buffer_align(&rodata, 8);
	}
	check_hostile(&rodata);
	buffer_free(&rodata);
	buffer_free(&tables.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_layout_is_found),
	    cmocka_unit_test(test_segments_are_searched_and_cut),
	    cmocka_unit_test(test_contradictions_are_no_tables),
	    cmocka_unit_test(test_damage_is_survived),
	    cmocka_unit_test(test_hostile_images_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
