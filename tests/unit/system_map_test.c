/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "patcher/kernel/kernel.h"
#include "tests/unit/small_kernel.h"

static char kernel_path[] = "/tmp/postburn-map-kernel-XXXXXX";
static char map_path[] = "/tmp/postburn-map-XXXXXX";

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* Reads the small kernel with that System.map. */
static bool read_with_map(const char *map, size_t size, struct kernel *kernel,
                          struct problem *problem)
{
	const struct kernel_read_options options = {.system_map = map_path};

	memset(problem, 0, sizeof(*problem));
	write_file(map_path, map, size);
	return kernel_read(kernel_path, &options, kernel, problem);
}

static void check_refused(const char *map, enum diagnostic diagnostic, int line)
{
	struct kernel kernel;
	struct problem problem;

	if (read_with_map(map, strlen(map), &kernel, &problem))
		fail_msg("line %d: the map was taken", line);
	if (problem.diagnostic != diagnostic)
		fail_msg("line %d: E%d: %s", line, (int)problem.diagnostic, problem.text);
	/* the message is about the map, not about the kernel */
	assert_string_equal(problem.file, map_path);
}

#define assert_refused(map, diagnostic) check_refused((map), (diagnostic), __LINE__)

static void test_symbols_are_read_and_sorted(void **state)
{
	static const char map[] = "00001000 A absolute\n"
				  "c1000000 T _text\n"
				  "C1000200 t second\n"
				  "c1000100 W first\n"
				  "c1001000 R linux_banner\n"
				  "c1100000 D variable\n"
				  "c1101000 t init_function\t[module]\n"
				  "ffffffffff600000 A vsyscall";
	struct kernel kernel;
	struct problem problem;

	(void)state;
	assert_true(read_with_map(map, strlen(map), &kernel, &problem));
	assert_int_equal(kernel.symbol_source, SYMBOLS_SYSTEM_MAP);
	assert_int_equal(kernel.symbol_count, 8);
	assert_string_equal(kernel.symbols[0].name, "absolute");
	assert_int_equal(kernel.symbols[0].section, UINT32_MAX);
	assert_string_equal(kernel.symbols[1].name, "_text");
	assert_string_equal(kernel.symbols[2].name, "first");
	assert_true(kernel.symbols[2].weak);
	assert_string_equal(kernel.symbols[3].name, "second");
	assert_int_equal(kernel.symbols[3].address, 0xc1000200);
	assert_int_equal(kernel.symbols[3].section, 0);
	assert_int_equal(kernel.symbols[3].type, SYMBOL_FUNCTION);
	assert_int_equal(kernel.symbols[5].type, SYMBOL_OBJECT);
	assert_int_equal(kernel.symbols[5].section, 3);
	assert_string_equal(kernel.symbols[6].name, "init_function");
	assert_int_equal(kernel.symbols[7].address, 0xffffffffff600000);
	assert_string_equal(kernel_symbol_at(&kernel, UINT32_MAX, 0xc1000300)->name, "second");
	assert_string_equal(kernel_find_symbol(&kernel, "variable")->name, "variable");
	kernel_free(&kernel);
}

/* The System.map given is taken, not the kernel's own symbols. */
static void test_the_map_wins(void **state)
{
	struct elf_builder builder;
	struct byte_buffer symbols = {0}, names = {0};
	struct kernel kernel;
	struct problem problem;

	(void)state;
	small_kernel_start(&builder, false, NULL);
	builder_symbol(&builder, &symbols, &names, "own", STB_GLOBAL, STT_FUNC, SMALL_TEXT,
	               0xc1000000, 8);
	builder_symbols(&builder, &symbols, &names);
	builder_finish(&builder);
	write_file(kernel_path, builder.image.data, builder.image.size);
	assert_true(read_with_map("c1000000 T given\n", 17, &kernel, &problem));
	assert_int_equal(kernel.symbol_count, 1);
	assert_string_equal(kernel.symbols[0].name, "given");
	kernel_free(&kernel);
	builder_free(&builder);
}

static void test_what_is_no_map_is_refused(void **state)
{
	struct kernel kernel;
	struct problem problem = {0};
	const struct kernel_read_options options = {.system_map = "/nonexistent/System.map"};

	(void)state;
	assert_refused("", DIAGNOSTIC_INPUT_EMPTY);
	assert_refused("\n", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("c1000000 T _text\nrubbish\n", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("c1000000 T \n", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("c1000000 T", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("c1000000", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("c1000000  T _text\n", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("c1000000 1 _text\n", DIAGNOSTIC_SYSTEM_MAP_LINE);
	assert_refused("0123456789abcdef0 T _text\n", DIAGNOSTIC_SYSTEM_MAP_LINE);
	/* the whole of what Debian ships as System.map */
	assert_refused("ffffffffffffffff B The real System.map is in the "
	               "linux-image-<version>-dbg package\n",
	               DIAGNOSTIC_SYSTEM_MAP_STUB);
	assert_refused("                 U undefined\n",
	               DIAGNOSTIC_SYSTEM_MAP_LINE); /* nm, but no map */
	assert_false(kernel_read(kernel_path, &options, &kernel, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_INPUT_OPEN);
	assert_string_equal(problem.file, options.system_map);
}

static void test_maps_of_other_kernels_are_refused(void **state)
{
	(void)state;
	assert_refused("c1000000 T _text\nc1001008 R linux_banner\n",
	               DIAGNOSTIC_SYSTEM_MAP_OTHER_KERNEL);
	assert_refused("c1000000 T _text\nd1001000 R linux_banner\n",
	               DIAGNOSTIC_SYSTEM_MAP_OTHER_KERNEL);
	assert_refused("c0100000 T _text\nc0100100 T a\nc0100200 T b\n",
	               DIAGNOSTIC_SYSTEM_MAP_OUTSIDE);
	assert_refused("c1100000 D only_data\n", DIAGNOSTIC_SYSTEM_MAP_OUTSIDE);
}

static void test_huge_maps_are_refused(void **state)
{
	struct kernel kernel;
	struct problem problem = {0};
	const struct kernel_read_options options = {.system_map = map_path};

	(void)state;
	write_file(map_path, "c1000000 T _text\n", 17);
	assert_int_equal(truncate(map_path, (256 << 20) + 1), 0); /* a hole */
	assert_false(kernel_read(kernel_path, &options, &kernel, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_SYSTEM_MAP_TOO_LARGE);
	assert_string_equal(problem.file, map_path);
}

static void test_modules_have_no_map(void **state)
{
	struct elf_builder builder;

	(void)state;
	builder_start(&builder, false, ET_REL);
	builder_section(&builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, "code", 4);
	builder_finish(&builder);
	write_file(kernel_path, builder.image.data, builder.image.size);
	builder_free(&builder);
	assert_refused("c1000000 T _text\n", DIAGNOSTIC_SYSTEM_MAP_MODULE);
}

static void test_cut_at_every_byte_is_survived(void **state)
{
	static const char map[] = "c1000000 T _text\nc1000010 t second\nc1001000 R linux_banner\n";

	(void)state;
	for (size_t cut = 1; cut < sizeof(map); cut++) {
		struct kernel kernel;
		struct problem problem;

		if (read_with_map(map, cut, &kernel, &problem)) {
			assert_true(kernel.symbol_count > 0);
			kernel_free(&kernel);
		} else {
			assert_int_not_equal(problem.text[0], '\0');
		}
	}
}

static int make_files(void **state)
{
	struct elf_builder builder;
	int kernel = mkstemp(kernel_path), map = mkstemp(map_path);

	(void)state;
	if (kernel < 0 || map < 0)
		return -1;
	close(kernel);
	close(map);
	small_kernel(&builder, false, NULL);
	write_file(kernel_path, builder.image.data, builder.image.size);
	builder_free(&builder);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	return unlink(kernel_path) | unlink(map_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_symbols_are_read_and_sorted),
	    cmocka_unit_test(test_what_is_no_map_is_refused),
	    cmocka_unit_test(test_maps_of_other_kernels_are_refused),
	    cmocka_unit_test(test_cut_at_every_byte_is_survived),
	    cmocka_unit_test(test_huge_maps_are_refused),
	    /* these two write other kernels */
	    cmocka_unit_test(test_the_map_wins),
	    cmocka_unit_test(test_modules_have_no_map),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
