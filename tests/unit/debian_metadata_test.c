/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux's tables in Debian's kernels and modules: every count is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/cache.h"
#include "tests/unit/fake_linux.h"

/* --- Debian's kernels ------------------------------------------------------------------------- */

/* What tells a release of Debian's package, and what was counted in it. */
#define COUNTED_RELEASE "6.1.176-1"

struct counts {
	const char *package;
	size_t exceptions, alternatives, paravirt, smp_locks, jump_labels, jump_nops, jumps5,
	    jumps2, bugs, mcount, trampolines, pci_fixups, kprobe_blacklist;
	uint64_t jump_table, mcount_table, fixaddr_top;
};

static const struct counts debian[] = {
    {"686-pae", 1060, 1040, 265, 8128, 5071, 4885, 47, 139, 7001, 37115, 667, 909, 85, 0xc1bddb80,
     0xc1e16cc0, 0xc1c6eb90},
    {"686", 1053, 954, 264, 8059, 5131, 4945, 47, 139, 6882, 36953, 637, 898, 85, 0xc1bc5a18,
     0xc1df5040, 0xc1c519f0},
};

static const char *const needed[] = {"debian/686-pae/boot/vmlinuz-*", "debian/686/boot/vmlinuz-*"};

static void read_debian(const char *package, struct kernel *kernel)
{
	char pattern[128];
	const struct kernel_read_options options = {.system_map = NULL};
	struct problem problem;
	char *path;
	bool done;

	snprintf(pattern, sizeof(pattern), "debian/%s/boot/vmlinuz-*", package);
	path = cache_find(pattern);
	assert_non_null(path);
	done = kernel_read(path, &options, kernel, &problem);
	free(path);
	if (!done)
		fail_msg("%s", problem.text);
}

static void count_jumps(const struct kernel *kernel, const struct linux_metadata *metadata,
                        const struct counts *counts)
{
	static const uint8_t nop[] = {0x3e, 0x8d, 0x74, 0x26, 0x00};
	size_t nops = 0, jumps5 = 0, jumps2 = 0;

	for (size_t i = 0; i < metadata->jump_label_count; i++) {
		const struct jump_label_entry *entry = &metadata->jump_labels[i];
		const uint8_t *code = kernel_bytes_at(kernel, entry->code.address, entry->length);

		assert_non_null(code);
		if (entry->length == 2)
			jumps2 += code[0] == 0xeb;
		else if (memcmp(code, nop, sizeof(nop)) == 0)
			nops++;
		else
			jumps5 += code[0] == 0xe9;
	}
	assert_int_equal(nops, counts->jump_nops);
	assert_int_equal(jumps5, counts->jumps5);
	assert_int_equal(jumps2, counts->jumps2);
}

static void check_counts(const struct kernel *kernel, const struct linux_metadata *metadata,
                         const struct counts *counts)
{
	assert_int_equal(metadata->exception_count, counts->exceptions);
	assert_int_equal(metadata->alternative_count, counts->alternatives);
	assert_int_equal(metadata->paravirt_count, counts->paravirt);
	assert_int_equal(metadata->smp_locks.count, counts->smp_locks);
	assert_int_equal(metadata->jump_label_count, counts->jump_labels);
	assert_int_equal(metadata->jump_table.address, counts->jump_table);
	assert_int_equal(metadata->bug_count, counts->bugs);
	assert_int_equal(metadata->mcount.count, counts->mcount);
	assert_int_equal(metadata->mcount_table.address, counts->mcount_table);
	assert_int_equal(metadata->static_call_trampolines.count, counts->trampolines);
	assert_int_equal(metadata->pci_fixups.count, counts->pci_fixups);
	assert_int_equal(metadata->kprobe_blacklist.count, counts->kprobe_blacklist);
	count_jumps(kernel, metadata, counts);
}

/* What holds for any 6.1 for i386. */
static void check_layouts(const struct linux_metadata *metadata)
{
	uint8_t longest = 0, type = 0;

	assert_string_equal(metadata->exception_table.layout, "relative-12");
	assert_string_equal(metadata->alternative_table.layout, "relative-12");
	assert_string_equal(metadata->paravirt_table.layout, "absolute-8");
	assert_string_equal(metadata->smp_lock_table.layout, "relative-4");
	assert_string_equal(metadata->jump_table.layout, "relative-12");
	assert_true(metadata->jump_table.by_structure);
	assert_string_equal(metadata->bug_table.layout, "absolute-12");
	assert_string_equal(metadata->mcount_table.layout, "absolute-4");
	assert_true(metadata->mcount_table.by_structure);
	assert_string_equal(metadata->pci_fixup_table.layout, "relative-16");
	assert_true(metadata->kprobe_blacklist_table.by_structure);
	assert_false(metadata->static_call_table.found); /* x86_64 only */
	for (size_t i = 0; i < metadata->alternative_count; i++)
		if (metadata->alternatives[i].site_length > longest)
			longest = metadata->alternatives[i].site_length;
	assert_int_equal(longest, 198);
	for (size_t i = 0; i < metadata->paravirt_count; i++)
		if (metadata->paravirt[i].type > type)
			type = metadata->paravirt[i].type;
	assert_int_equal(type, 12);
}

static void check_debian(const struct counts *counts)
{
	struct kernel kernel;
	struct linux_metadata metadata;
	struct problem problem;
	uint64_t address = 0;
	bool counted;

	read_debian(counts->package, &kernel);
	if (!linux_metadata_read(&kernel, &metadata, &problem))
		fail_msg("%s", problem.text);
	counted = kernel.banner && strstr(kernel.banner, COUNTED_RELEASE);
	check_layouts(&metadata);
	assert_true(linux_exported_symbol(&kernel, "__FIXADDR_TOP", &address));
	if (counted) {
		check_counts(&kernel, &metadata, counts);
		assert_int_equal(address, counts->fixaddr_top);
	}
	linux_metadata_free(&metadata);
	kernel_free(&kernel);
}

static void test_debian_686_pae(void **state)
{
	(void)state;
	check_debian(&debian[0]);
}

static void test_debian_686(void **state)
{
	(void)state;
	check_debian(&debian[1]);
}

/* --- without section headers ------------------------------------------------------------------ */

/* The kernel's ELF image again, without section headers; *image is to be freed. */
static void read_headless(const struct kernel *kernel, uint8_t **image, struct kernel *headless)
{
	struct problem problem;
	Elf32_Ehdr header;

	*image = malloc(kernel->image_size);
	assert_non_null(*image);
	memcpy(*image, kernel->image, kernel->image_size);
	memcpy(&header, *image, sizeof(header));
	header.e_shoff = 0;
	header.e_shnum = 0;
	header.e_shstrndx = 0;
	memcpy(*image, &header, sizeof(header));
	if (!kernel_read_memory("headless", *image, kernel->image_size, headless, &problem))
		fail_msg("%s", problem.text);
}

static void check_same(const char *name, const struct linux_table *one, size_t one_count,
                       const struct linux_table *other, size_t other_count)
{
	if (one->found && other->found && one->address == other->address &&
	    one_count == other_count)
		return;
	fail_msg("%s: %zu entries at 0x%llx, but %zu at 0x%llx without section headers", name,
	         one_count, WIDE(one->address), other_count, WIDE(other->address));
}

static void check_headless(const struct linux_metadata *one, const struct linux_metadata *other)
{
	check_same("__ex_table", &one->exception_table, one->exception_count,
	           &other->exception_table, other->exception_count);
	check_same(".altinstructions", &one->alternative_table, one->alternative_count,
	           &other->alternative_table, other->alternative_count);
	check_same(".parainstructions", &one->paravirt_table, one->paravirt_count,
	           &other->paravirt_table, other->paravirt_count);
	check_same(".smp_locks", &one->smp_lock_table, one->smp_locks.count, &other->smp_lock_table,
	           other->smp_locks.count);
	check_same("__jump_table", &one->jump_table, one->jump_label_count, &other->jump_table,
	           other->jump_label_count);
	check_same("__bug_table", &one->bug_table, one->bug_count, &other->bug_table,
	           other->bug_count);
	check_same("__mcount_loc", &one->mcount_table, one->mcount.count, &other->mcount_table,
	           other->mcount.count);
	check_same("_kprobe_blacklist", &one->kprobe_blacklist_table, one->kprobe_blacklist.count,
	           &other->kprobe_blacklist_table, other->kprobe_blacklist.count);
	assert_int_equal(one->static_call_trampolines.count, other->static_call_trampolines.count);
}

static void test_without_section_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(debian) / sizeof(debian[0]); i++) {
		struct kernel kernel, headless;
		struct linux_metadata one, other;
		struct problem problem;
		uint8_t *image;
		uint64_t address = 0, headless_address = 1;

		read_debian(debian[i].package, &kernel);
		read_headless(&kernel, &image, &headless);
		assert_true(linux_metadata_read(&kernel, &one, &problem));
		if (!linux_metadata_read(&headless, &other, &problem))
			fail_msg("%s", problem.text);
		check_headless(&one, &other);
		assert_true(linux_exported_symbol(&kernel, "__FIXADDR_TOP", &address));
		assert_true(linux_exported_symbol(&headless, "__FIXADDR_TOP", &headless_address));
		assert_int_equal(address, headless_address);
		linux_metadata_free(&one);
		linux_metadata_free(&other);
		kernel_free(&kernel);
		kernel_free(&headless);
		free(image);
	}
}

/* --- modules ---------------------------------------------------------------------------------- */

/* The number of entries that the size of a module's section says it has. */
static size_t entries_in(const struct kernel *kernel, const char *name, size_t entry_size)
{
	const struct kernel_section *section = kernel_find_section(kernel, name);

	return section ? section->size / entry_size : 0;
}

static void check_module(const char *path)
{
	const struct kernel_read_options options = {.system_map = NULL};
	struct kernel kernel;
	struct linux_metadata metadata;
	struct problem problem;

	if (!kernel_read(path, &options, &kernel, &problem))
		fail_msg("%s: %s", path, problem.text);
	if (!linux_metadata_read(&kernel, &metadata, &problem))
		fail_msg("%s: %s", path, problem.text);
	assert_int_equal(metadata.exception_count, entries_in(&kernel, "__ex_table", 12));
	assert_int_equal(metadata.alternative_count, entries_in(&kernel, ".altinstructions", 12));
	assert_int_equal(metadata.paravirt_count, entries_in(&kernel, ".parainstructions", 8));
	assert_int_equal(metadata.smp_locks.count, entries_in(&kernel, ".smp_locks", 4));
	assert_int_equal(metadata.jump_label_count, entries_in(&kernel, "__jump_table", 12));
	assert_int_equal(metadata.bug_count, entries_in(&kernel, "__bug_table", 12));
	assert_int_equal(metadata.mcount.count, entries_in(&kernel, "__mcount_loc", 4));
	assert_int_equal(metadata.static_call_trampolines.count,
	                 entries_in(&kernel, ".static_call.text", 8));
	linux_metadata_free(&metadata);
	kernel_free(&kernel);
}

static void test_debian_modules(void **state)
{
	static const char *const modules[] = {"arch/x86/kvm/kvm.ko", "fs/btrfs/btrfs.ko",
	                                      "net/mac80211/mac80211.ko",
	                                      "drivers/gpu/drm/i915/i915.ko", "lib/crc7.ko"};

	(void)state;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		char pattern[128];
		char *path;

		snprintf(pattern, sizeof(pattern), "debian/686-pae/lib/modules/*/kernel/%s",
		         modules[i]);
		path = cache_find(pattern);
		assert_non_null(path);
		check_module(path);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_debian_686_pae),
	    cmocka_unit_test(test_debian_686),
	    cmocka_unit_test(test_without_section_headers),
	    cmocka_unit_test(test_debian_modules),
	};

	if (cache_lacks(needed, sizeof(needed) / sizeof(needed[0])))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
