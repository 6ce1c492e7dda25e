/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patcher/kernel/kernel.h"
#include "tests/cache.h"

static const char *const needed[] = {"linux/tiny-pae/bzImage", "linux/tiny-pae/vmlinux",
                                     "debian/686-pae/boot/vmlinuz-*", "debian/686/boot/vmlinuz-*"};

/* A kernel of the cache folder, by a pattern for its name. */
static void read_cached(const char *name, struct kernel *kernel)
{
	const struct kernel_read_options options = {NULL};
	char *path = cache_find(name);
	struct problem problem;

	assert_non_null(path);
	if (!kernel_read(path, &options, kernel, &problem))
		fail_msg("%s: E%d: %s", name, (int)problem.diagnostic, problem.text);
	free(path);
}

/* Both were made by one build: what is found in the image is what its ELF file says. */
static void test_boot_image_agrees_with_its_elf_file(void **state)
{
	struct kernel image, elf;
	size_t absolute = 0;

	(void)state;
	read_cached("linux/tiny-pae/bzImage", &image);
	read_cached("linux/tiny-pae/vmlinux", &elf);
	assert_int_equal(image.format, KERNEL_FORMAT_BZIMAGE);
	assert_int_equal(elf.format, KERNEL_FORMAT_ELF);
	assert_string_equal(image.banner, elf.banner);
	assert_int_equal(image.build_id_size, elf.build_id_size);
	assert_memory_equal(image.build_id, elf.build_id, elf.build_id_size);
	assert_int_equal(image.section_count, elf.section_count);
	for (size_t i = 0; i < elf.section_count; i++) {
		assert_string_equal(image.sections[i].name, elf.sections[i].name);
		assert_int_equal(image.sections[i].address, elf.sections[i].address);
		assert_int_equal(image.sections[i].size, elf.sections[i].size);
	}

	assert_int_equal(elf.symbol_source, SYMBOLS_SYMTAB);
	assert_int_equal(image.symbol_source, SYMBOLS_KALLSYMS);
	assert_true(image.symbol_count > 5000);
	for (size_t i = 0; i < image.symbol_count; i++) {
		const struct kernel_symbol *symbol = &image.symbols[i];
		bool found = false;

		for (size_t k = 0; k < elf.symbol_count && !found; k++) /* names are not unique */
			found = elf.symbols[k].address == symbol->address &&
			        strcmp(elf.symbols[k].name, symbol->name) == 0;
		if (!found)
			fail_msg("%s is not in .symtab", symbol->name);
	}

	/* the appended table has all absolute relocations of --emit-relocs but those of notes, and
	 * no others (walk_relocs() of arch/x86/tools/relocs.c in Linux) */
	for (size_t i = 0; i < elf.relocation_count; i++) {
		uint32_t section = elf.relocations[i].section;

		if (elf.relocations[i].type != R_386_32 ||
		    !strcmp(elf.sections[section].name, ".notes"))
			continue;
		assert_true(absolute < image.relocation_count);
		assert_int_equal(elf.relocations[i].address, image.relocations[absolute].address);
		assert_int_equal(elf.relocations[i].section, image.relocations[absolute].section);
		assert_int_equal(elf.relocations[i].addend, image.relocations[absolute].addend);
		absolute++;
	}
	assert_int_equal(absolute, image.relocation_count);
	kernel_free(&image);
	kernel_free(&elf);
}

/* strip leaves the sections in memory, and thereby the places of symbols, as they were. */
static void test_stripped_copy_has_the_same_sections(void **state)
{
	char folder[] = "/tmp/postburn-strip-test-XXXXXX", path[64], command[5000],
	     *cached = cache_find("linux/tiny-pae/vmlinux");
	const struct kernel_read_options options = {NULL};
	struct kernel kernel, stripped;
	struct problem problem;

	(void)state;
	read_cached("linux/tiny-pae/vmlinux", &kernel);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/stripped", folder);
	snprintf(command, sizeof(command), "strip -o '%s' '%s'", path, cached);
	free(cached);
	assert_int_equal(system(command), 0);
	assert_true(kernel_read(path, &options, &stripped, &problem));
	unlink(path);
	rmdir(folder);
	assert_int_equal(stripped.symbol_source, SYMBOLS_KALLSYMS);
	assert_int_equal(kernel.section_count, stripped.section_count);
	for (size_t i = 0; i < kernel.section_count; i++) {
		const struct kernel_section *a = &kernel.sections[i], *b = &stripped.sections[i];

		assert_string_equal(a->name, b->name);
		assert_int_equal(a->address, b->address);
		assert_int_equal(a->size, b->size);
		assert_int_equal(a->executable, b->executable);
		if (a->bytes)
			assert_memory_equal(a->bytes, b->bytes, a->size);
	}
	kernel_free(&kernel);
	kernel_free(&stripped);
}

static void check_stock_kernel(const char *name)
{
	struct kernel kernel;

	read_cached(name, &kernel);
	assert_int_equal(kernel.format, KERNEL_FORMAT_BZIMAGE);
	assert_false(kernel.is_64bit);
	assert_memory_equal(kernel.banner, "Linux version 6.1.", 18);
	assert_int_equal(kernel.linux_version >> 8, 6 << 8 | 1);
	assert_int_equal(kernel.build_id_size, 20);
	assert_int_equal(kernel.symbol_source, SYMBOLS_KALLSYMS);
	assert_true(kernel.symbol_count > 40000);
	assert_true(kernel.has_relocations);
	assert_true(kernel.relocation_count > 200000);
	for (size_t i = 1; i < kernel.relocation_count; i++)
		assert_true(kernel.relocations[i - 1].address < kernel.relocations[i].address);
	assert_int_equal(kernel_find_symbol(&kernel, "_stext")->address,
	                 kernel_find_section(&kernel, ".text")->address);
	assert_non_null(kernel_find_symbol(&kernel, "panic"));
	kernel_free(&kernel);
}

static void test_stock_686_pae(void **state)
{
	(void)state;
	check_stock_kernel("debian/686-pae/boot/vmlinuz-*");
}

static void test_stock_686(void **state)
{
	(void)state;
	check_stock_kernel("debian/686/boot/vmlinuz-*");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_boot_image_agrees_with_its_elf_file),
	    cmocka_unit_test(test_stock_686_pae),
	    cmocka_unit_test(test_stock_686),
	    cmocka_unit_test(test_stripped_copy_has_the_same_sections),
	};

	if (cache_lacks(needed, sizeof(needed) / sizeof(needed[0])))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
