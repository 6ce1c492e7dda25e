/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's tables in the kernels that tools/build-linux makes: what is found by structure is what
 * the linker script's own symbols say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patcher/bytes.h"
#include "patcher/linux/linux_metadata.h"
#include "tests/cache.h"

static const char *const configurations[] = {"tiny-ftrace", "tiny-paravirt", "tiny-preempt",
                                             "tiny-pae"};

#define CONFIGURATIONS (sizeof(configurations) / sizeof(configurations[0]))

static void read_kernel(const char *configuration, const char *file, struct kernel *kernel)
{
	const struct kernel_read_options options = {.system_map = NULL};
	struct problem problem;
	char pattern[128], *path;

	snprintf(pattern, sizeof(pattern), "linux/%s/%s", configuration, file);
	path = cache_find(pattern);
	assert_non_null(path);
	if (!kernel_read(path, &options, kernel, &problem))
		fail_msg("%s: %s", path, problem.text);
	free(path);
}

static void read_metadata(const struct kernel *kernel, struct linux_metadata *metadata)
{
	struct problem problem;

	if (!linux_metadata_read(kernel, metadata, &problem))
		fail_msg("%s", problem.text);
}

/* Takes the names from all symbols around tables. */
static void hide_boundaries(struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		struct kernel_symbol *symbol = &kernel->symbols[i];

		if (strncmp(symbol->name, "__start_", 8) == 0 ||
		    strncmp(symbol->name, "__stop_", 7) == 0)
			symbol->name = "hidden";
	}
}

static void check_same(const char *name, const struct linux_table *by_symbols,
                       const struct linux_table *by_structure)
{
	if (by_symbols->found && by_symbols->size) {
		assert_true(by_structure->found && by_structure->by_structure);
		assert_false(by_symbols->by_structure);
	} else {
		assert_false(by_structure->found);
	}
	if (by_structure->found && (by_symbols->address != by_structure->address ||
	                            by_symbols->size != by_structure->size))
		fail_msg("%s: 0x%llx at 0x%llx, but 0x%llx at 0x%llx by structure", name,
		         WIDE(by_symbols->size), WIDE(by_symbols->address),
		         WIDE(by_structure->size), WIDE(by_structure->address));
}

static void test_structure_agrees_with_symbols(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGURATIONS; i++) {
		struct kernel kernel;
		struct linux_metadata by_symbols, by_structure;

		read_kernel(configurations[i], "vmlinux", &kernel);
		read_metadata(&kernel, &by_symbols);
		assert_true(by_symbols.jump_table.found);
		hide_boundaries(&kernel);
		read_metadata(&kernel, &by_structure);
		check_same("__jump_table", &by_symbols.jump_table, &by_structure.jump_table);
		check_same("__mcount_loc", &by_symbols.mcount_table, &by_structure.mcount_table);
		check_same("_kprobe_blacklist", &by_symbols.kprobe_blacklist_table,
		           &by_structure.kprobe_blacklist_table);
		assert_int_equal(by_symbols.jump_label_count, by_structure.jump_label_count);
		linux_metadata_free(&by_symbols);
		linux_metadata_free(&by_structure);
		kernel_free(&kernel);
	}
}

/* The trampolines' signature finds those that symbols name. */
static void test_trampolines(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGURATIONS; i++) {
		struct kernel kernel;
		struct linux_metadata by_symbols, by_signature;
		size_t symbol_count;

		read_kernel(configurations[i], "vmlinux", &kernel);
		read_metadata(&kernel, &by_symbols);
		symbol_count = kernel.symbol_count;
		kernel.symbol_count = 0;
		read_metadata(&kernel, &by_signature);
		kernel.symbol_count = symbol_count;
		assert_true(by_symbols.static_call_trampolines.count > 0);
		assert_int_equal(by_symbols.static_call_trampolines.count,
		                 by_signature.static_call_trampolines.count);
		for (size_t j = 0; j < by_symbols.static_call_trampolines.count; j++)
			assert_int_equal(by_symbols.static_call_trampolines.places[j].address,
			                 by_signature.static_call_trampolines.places[j].address);
		linux_metadata_free(&by_symbols);
		linux_metadata_free(&by_signature);
		kernel_free(&kernel);
	}
}

/* The boot image has the same tables as the ELF file that it was made of. */
static void test_boot_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIGURATIONS; i++) {
		struct kernel elf, image;
		struct linux_metadata one, other;

		read_kernel(configurations[i], "vmlinux", &elf);
		read_kernel(configurations[i], "bzImage", &image);
		read_metadata(&elf, &one);
		read_metadata(&image, &other);
		assert_int_equal(one.exception_count, other.exception_count);
		assert_int_equal(one.alternative_count, other.alternative_count);
		assert_int_equal(one.paravirt_count, other.paravirt_count);
		assert_int_equal(one.smp_locks.count, other.smp_locks.count);
		assert_int_equal(one.bug_count, other.bug_count);
		assert_int_equal(one.mcount.count, other.mcount.count);
		assert_int_equal(one.jump_label_count, other.jump_label_count);
		for (size_t j = 0; j < one.jump_label_count; j++)
			assert_int_equal(one.jump_labels[j].code.address,
			                 other.jump_labels[j].code.address);
		linux_metadata_free(&one);
		linux_metadata_free(&other);
		kernel_free(&elf);
		kernel_free(&image);
	}
}

static const char *const needed[] = {"linux/tiny-ftrace/bzImage", "linux/tiny-paravirt/bzImage",
                                     "linux/tiny-preempt/bzImage", "linux/tiny-pae/bzImage"};

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_structure_agrees_with_symbols),
	    cmocka_unit_test(test_trampolines),
	    cmocka_unit_test(test_boot_image),
	};

	if (cache_lacks(needed, sizeof(needed) / sizeof(needed[0])))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
