/* SPDX-License-Identifier: BSD-2-Clause */
/* Lock prefixes, traced functions, PCI fixups, the kprobe blacklist, static calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_linux.h"

static size_t word_size(const struct fake_linux *fake)
{
	return fake->is_64bit ? 8 : 4;
}

/* --- .smp_locks ------------------------------------------------------------------------------- */

#define LOCKS 4

static struct fake_table *put_locks(struct fake_linux *fake, bool relative)
{
	struct fake_table *table = fake_table(fake, ".smp_locks");

	for (size_t i = 0; i < LOCKS; i++) {
		enum area area = i == 2 ? AREA_INIT_TEXT : AREA_TEXT;

		fake_code(fake, area, 0x100 + 0x20 * i, i == 1 ? "\x3e" : "\xf0", 1);
		fake_pointer(fake, table, relative ? 4 : word_size(fake), relative, area,
		             0x100 + 0x20 * (int64_t)i);
	}
	return table;
}

static void check_locks(struct fake_linux *fake, bool relative, const char *layout)
{
	const struct linux_metadata *metadata = &fake->metadata;
	struct fake_table *table = put_locks(fake, relative);

	if (!fake->is_module) /* up to the end of the page */
		buffer_fill(&table->bytes, 0, 0x100);
	assert_read(fake);
	assert_string_equal(metadata->smp_lock_table.layout, layout);
	assert_int_equal(metadata->smp_locks.count, LOCKS);
	for (size_t i = 0; i < LOCKS; i++)
		assert_place(fake, metadata->smp_locks.places[i],
		             i == 2 ? AREA_INIT_TEXT : AREA_TEXT, 0x100 + 0x20 * i);
	fake_end(fake);
}

static void test_locks(void **state)
{
	(void)state;
	check_locks(fake_start(false, "2.6.18"), false, "absolute-4");
	check_locks(fake_start(true, "2.6.32"), false, "absolute-8");
	check_locks(fake_start(false, "6.1.176"), true, "relative-4");
	check_locks(fake_start(true, "6.1.176"), true, "relative-4");
	check_locks(fake_start_module(false), false, "absolute-4");
	check_locks(fake_start_module(false), true, "relative-4");
	check_locks(fake_start_module(true), true, "relative-4");
}

static void test_no_lock(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_locks(fake, true);
	fake->bytes[AREA_TEXT][0x160] = 0x87;
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     ".smp_locks: entry 3 at 0xc101000c, read as relative-4: no lock "
	                     "prefix stands at 0xc1000160");
}

static void test_lock_outside(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_locks(fake, true);

	(void)state;
	buffer_set(&table->bytes, 4, 0x123456, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 1 at 0xc1010004, read as relative-4: its place is not in "
	                     "code 0xc113345a");
}

static void test_lock_behind_padding(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_locks(fake, true);

	(void)state;
	buffer_fill(&table->bytes, 0, 8);
	fake_pointer(fake, table, 4, true, AREA_TEXT, 0x100);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 6 at 0xc1010018, read as relative-4: it follows the padding");
}

/* The prefix may be in the alternative only: LOCK_PREFIX_HERE "call cmpxchg8b_emu". */
static void test_lock_in_alternative(void **state)
{
	(void)state;
	for (int has_lock = 0; has_lock <= 1; has_lock++) {
		struct fake_linux *fake = fake_start(false, "6.1.0");
		struct fake_table *table;

		put_locks(fake, true);
		fake_branch(fake, 0xe8, AREA_TEXT, 0x120, AREA_TEXT, 0x400);
		if (has_lock)
			fake_code(fake, AREA_REPLACEMENTS, 0x10, "\xf0\x0f\xc7\x0e", 4);
		table = fake_table(fake, ".altinstructions");
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x120);
		fake_pointer(fake, table, 4, true, AREA_REPLACEMENTS, 0x10);
		buffer_word(&table->bytes, 0x04050008, 4);
		if (!has_lock) {
			assert_table_refused(fake, LINUX_TABLE_ENTRY,
			                     "no lock prefix stands at 0xc1000120");
			continue;
		}
		assert_read(fake);
		assert_int_equal(fake->metadata.smp_locks.count, LOCKS);
		fake_end(fake);
	}
}

/* --- __mcount_loc ----------------------------------------------------------------------------- */

#define FUNCTIONS 300
#define FENTRY    0xff0

/* Calls to __fentry__ at 0, 10, 20, ... in .text and their addresses, in the order of step. */
static void put_functions(struct fake_linux *fake, struct fake_table *table, size_t step)
{
	for (size_t i = 0; i < FUNCTIONS; i++) {
		uint64_t at = i * step % FUNCTIONS * 10;

		fake_branch(fake, 0xe8, AREA_TEXT, at, AREA_TEXT, FENTRY);
		fake_pointer(fake, table, word_size(fake), false, AREA_TEXT, (int64_t)at);
	}
}

static void check_functions(struct fake_linux *fake, size_t step)
{
	const struct place_list *mcount = &fake->metadata.mcount;

	assert_int_equal(mcount->count, FUNCTIONS);
	for (size_t i = 0; i < FUNCTIONS; i++)
		assert_place(fake, mcount->places[i], AREA_TEXT, i * step % FUNCTIONS * 10);
}

static void check_mcount(struct fake_linux *fake)
{
	struct fake_table *table = fake_table(fake, "__mcount_loc");

	put_functions(fake, table, 7);
	if (fake->is_64bit) { /* objtool's nop is taken too */
		fake_code(fake, AREA_TEXT, 0, "\x0f\x1f\x44\x00\x00", 5);
		fake_code(fake, AREA_TEXT, 100, "\x0f\x1f\x44\x00\x00", 5);
	}
	assert_read(fake);
	assert_string_equal(fake->metadata.mcount_table.layout,
	                    fake->is_64bit ? "absolute-8" : "absolute-4");
	check_functions(fake, 7);
	fake_end(fake);
}

static void test_mcount(void **state)
{
	(void)state;
	check_mcount(fake_start(false, "3.16.0"));
	check_mcount(fake_start(true, "6.1.0"));
	check_mcount(fake_start_module(false));
	check_mcount(fake_start_module(true));
}

/* From 6.15 on functions left out have zeros. */
static void test_mcount_zeros(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.15.0");
	struct fake_table *table = fake_table(fake, "__mcount_loc");

	(void)state;
	buffer_fill(&table->bytes, 0, 12);
	put_functions(fake, table, 1);
	assert_read(fake);
	check_functions(fake, 1);
	fake_end(fake);
}

/* Sorted, it is cut from the pointers to traced functions that stand around it. */
static void test_mcount_by_structure(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct fake_linux *fake = fake_start(is_64bit, "6.1.0");
		struct fake_table *table = fake_table(fake, ".init.data");
		uint64_t start;

		for (int i = 0; i < 20; i++) /* a table of operations */
			fake_pointer(fake, table, word_size(fake), false, AREA_TEXT, 50);
		buffer_fill(&table->bytes, 0, 16);
		fake_pointer(fake, table, word_size(fake), false, AREA_TEXT, 990);
		start = fake_table_address(fake, table) + table->bytes.size;
		put_functions(fake, table, 1);
		fake_pointer(fake, table, word_size(fake), false, AREA_TEXT, 50);
		buffer_fill(&table->bytes, 0x55, 16);
		assert_read(fake);
		assert_true(fake->metadata.mcount_table.by_structure);
		assert_int_equal(fake->metadata.mcount_table.address, start);
		check_functions(fake, 1);
		fake_end(fake);
	}
}

/* Before 5.17 it is in the order of linking. */
static void test_mcount_by_structure_unsorted(void **state)
{
	struct fake_linux *fake = fake_start(false, "4.9.0");
	struct fake_table *table = fake_table(fake, ".init.data");

	(void)state;
	buffer_fill(&table->bytes, 0, 16);
	put_functions(fake, table, 7);
	assert_read(fake);
	assert_true(fake->metadata.mcount_table.by_structure);
	check_functions(fake, 7);
	fake_end(fake);
}

static void test_mcount_two_places(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = fake_table(fake, ".init.data");

	(void)state;
	put_functions(fake, table, 1);
	buffer_fill(&table->bytes, 0, 16);
	put_functions(fake, table, 7);
	assert_table_refused(fake, LINUX_TABLE_TWO_PLACES,
	                     "__mcount_loc: two places look like it: 0xc1010000 (300 entries) and "
	                     "0xc10104c0 (300 entries)");
}

static void test_mcount_refused(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_functions(fake, fake_table(fake, "__mcount_loc"), 1);
	fake->bytes[AREA_TEXT][50] = 0x55;
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "__mcount_loc: entry 5 at 0xc1010014, read as absolute-4: no call and "
	                     "no nop of 5 bytes stands at 0xc1000032");

	fake = fake_start(false, "6.1.0");
	put_functions(fake, fake_table(fake, "__mcount_loc"), 1);
	fake_branch(fake, 0xe8, AREA_TEXT, 50, AREA_TEXT, FENTRY - 1);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "its call does not go where the others do, but to 0xc1000fef");

	fake = fake_start(false, "6.1.0");
	put_functions(fake, fake_table(fake, "__mcount_loc"), 1);
	fake_symbol(fake, "__fentry__", STT_FUNC, fake_address(fake, AREA_TEXT, 0x123));
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 0 at 0xc1010000, read as absolute-4: its call does not go "
	                     "where the others do, but to 0xc1000ff0");

	fake = fake_start(false, "6.1.0");
	put_functions(fake, fake_table(fake, "__mcount_loc"), 1);
	buffer_set(&fake->tables[0].bytes, 8, 0xc1000ffc, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 2 at 0xc1010008, read as absolute-4: its place is not in code "
	                     "0xc1000ffc");
}

/* --- .pci_fixup ------------------------------------------------------------------------------- */

static struct fake_table *put_fixups(struct fake_linux *fake, bool relative, bool has_class)
{
	struct fake_table *table = fake_table(fake, ".pci_fixup");

	for (int i = 0; i < 3; i++) {
		buffer_word(&table->bytes, 0x12348086, 4);
		if (has_class) {
			buffer_word(&table->bytes, 0xffffffff, 4);
			buffer_word(&table->bytes, 8 * (uint64_t)i, 4);
		}
		if (!relative)
			buffer_align(&table->bytes, word_size(fake));
		fake_pointer(fake, table, relative ? 4 : word_size(fake), relative, AREA_TEXT,
		             0x100 * i);
	}
	return table;
}

static void check_fixups(struct fake_linux *fake, bool relative, bool has_class, const char *layout)
{
	const struct linux_metadata *metadata = &fake->metadata;

	put_fixups(fake, relative, has_class);
	assert_read(fake);
	assert_string_equal(metadata->pci_fixup_table.layout, layout);
	assert_int_equal(metadata->pci_fixups.count, 3);
	for (uint64_t i = 0; i < 3; i++)
		assert_place(fake, metadata->pci_fixups.places[i], AREA_TEXT, 0x100 * i);
	fake_end(fake);
}

static void test_fixups(void **state)
{
	(void)state;
	check_fixups(fake_start(false, "2.6.32"), false, false, "absolute-8");
	check_fixups(fake_start(true, "2.6.32"), false, false, "absolute-16-short");
	check_fixups(fake_start(false, "3.16.0"), false, true, "absolute-16");
	check_fixups(fake_start(true, "3.16.0"), false, true, "absolute-24");
	check_fixups(fake_start(false, "6.1.0"), true, true, "relative-16");
	check_fixups(fake_start(true, "6.1.0"), true, true, "relative-16");
	check_fixups(fake_start_module(false), true, true, "relative-16");
}

static void test_fixups_refused(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = put_fixups(fake, true, true);

	(void)state;
	buffer_set(&table->bytes, 16 + 12, 0, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     ".pci_fixup: entry 1 at 0xc1010010, read as relative-16: its hook is "
	                     "not in code 0xc101001c");

	fake = fake_start(false, "6.1.0");
	table = put_fixups(fake, true, true);
	buffer_set(&table->bytes, 32 + 8, 33, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "entry 2 at 0xc1010020, read as relative-16: its class is shifted too "
	                     "far, by 0x21");
}

/* --- the kprobe blacklist --------------------------------------------------------------------- */

#define BLACKLISTED     10
#define OTHER_FUNCTIONS 20

/* Most functions are on no blacklist. */
static void put_other_functions(struct fake_linux *fake)
{
	for (size_t i = 0; i < OTHER_FUNCTIONS; i++)
		fake_symbol(fake, "other", STT_FUNC,
		            fake_address(fake, AREA_TEXT, 0x400 + 0x10 * i));
}

static void put_blacklist(struct fake_linux *fake, struct fake_table *table)
{
	static const char *const names[BLACKLISTED] = {
	    "do_int3",    "do_trap",  "get_kprobe",  "kprobe_exceptions_notify",
	    "notify_die", "__die",    "dump_kprobe", "aggr_pre_handler",
	    "opt_pre",    "oops_end", /* all of them functions */
	};

	for (size_t i = 0; i < BLACKLISTED; i++) {
		if (!fake->is_module)
			fake_symbol(fake, names[i], STT_FUNC,
			            fake_address(fake, AREA_TEXT, 0x100 + 0x10 * i));
		fake_pointer(fake, table, word_size(fake), false, AREA_TEXT,
		             0x100 + 0x10 * (int64_t)i);
	}
}

static void check_blacklist(struct fake_linux *fake, uint64_t address)
{
	const struct linux_metadata *metadata = &fake->metadata;

	assert_read(fake);
	assert_int_equal(metadata->kprobe_blacklist_table.address, address);
	assert_int_equal(metadata->kprobe_blacklist.count, BLACKLISTED);
	for (uint64_t i = 0; i < BLACKLISTED; i++)
		assert_place(fake, metadata->kprobe_blacklist.places[i], AREA_TEXT,
		             0x100 + 0x10 * i);
	fake_end(fake);
}

static void test_blacklist(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fake_linux *fake =
		    i < 2 ? fake_start(i & 1, "6.1.0") : fake_start_module(i & 1);
		struct fake_table *table = fake_table(fake, "_kprobe_blacklist");

		put_blacklist(fake, table);
		check_blacklist(fake, fake_table_address(fake, table));
	}
}

static void test_blacklist_by_names(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct fake_linux *fake = fake_start(is_64bit, "6.1.0");
		struct fake_table *table = fake_table(fake, ".init.data");
		uint64_t address;

		/* one of the two names alone is nothing */
		fake_pointer(fake, table, word_size(fake), false, AREA_TEXT, 0x120);
		buffer_fill(&table->bytes, 0, word_size(fake));
		/* a pointer into code, but to no function */
		fake_pointer(fake, table, word_size(fake), false, AREA_TEXT, 0x105);
		put_other_functions(fake);
		address = fake_table_address(fake, table) + table->bytes.size;
		put_blacklist(fake, table);
		buffer_fill(&table->bytes, 0, 32);
		check_blacklist(fake, address);
	}
}

/* kallsyms' list of all functions has the two names too. */
static void test_list_of_all_functions(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_blacklist(fake, fake_table(fake, ".rodata.tables"));
	assert_read(fake);
	assert_false(fake->metadata.kprobe_blacklist_table.found);
	fake_end(fake);
}

static void test_blacklist_two_places(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = fake_table(fake, ".init.data");

	(void)state;
	put_other_functions(fake);
	put_blacklist(fake, table);
	buffer_fill(&table->bytes, 0, 8);
	put_blacklist(fake, table);
	assert_table_refused(fake, LINUX_TABLE_TWO_PLACES,
	                     "_kprobe_blacklist: two places look like it: 0xc1010000 (10 entries) "
	                     "and 0xc1010030 (10 entries)");
}

static void test_blacklist_refused(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct fake_table *table = fake_table(fake, "_kprobe_blacklist");

	(void)state;
	put_blacklist(fake, table);
	buffer_set(&table->bytes, 8, 0xc1004000, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     "_kprobe_blacklist: entry 2 at 0xc1010008, read as absolute-4: its "
	                     "function is not in code 0xc1004000");
}

/* --- static calls ----------------------------------------------------------------------------- */

#define TRAMPOLINES        3
#define TRAMPOLINE(number) (0x800 + 8 * (uint64_t)(number))

static void put_trampolines(struct fake_linux *fake, const char *signature)
{
	for (uint64_t i = 0; i < TRAMPOLINES; i++) {
		fake_branch(fake, 0xe9, AREA_TEXT, TRAMPOLINE(i), AREA_TEXT, 0x300 + i);
		fake_code(fake, AREA_TEXT, TRAMPOLINE(i) + 5, signature, 3);
	}
	fake_code(fake, AREA_TEXT, TRAMPOLINE(1), "\xc3\xcc\x90\x90\x90", 5);
}

static void check_trampolines(struct fake_linux *fake)
{
	const struct place_list *list = &fake->metadata.static_call_trampolines;

	assert_read(fake);
	assert_int_equal(list->count, TRAMPOLINES);
	for (uint64_t i = 0; i < TRAMPOLINES; i++)
		assert_place(fake, list->places[i], AREA_TEXT, TRAMPOLINE(i));
	fake_end(fake);
}

static void test_trampolines_by_signature(void **state)
{
	static const char *const signatures[] = {"\x0f\xb9\xcc", "SCT"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake_linux *fake = fake_start(false, "6.1.0");

		put_trampolines(fake, signatures[i]);
		/* the signature alone, and where no trampoline can stand */
		fake_code(fake, AREA_TEXT, 0x905, signatures[i], 3);
		fake_branch(fake, 0xe9, AREA_TEXT, 0xa02, AREA_TEXT, 0);
		fake_code(fake, AREA_TEXT, 0xa07, signatures[i], 3);
		check_trampolines(fake);
	}
}

static void put_trampoline_symbols(struct fake_linux *fake)
{
	static const char *const names[TRAMPOLINES] = {"__SCT__one", "__SCT__two", "__SCT__three"};

	for (uint64_t i = 0; i < TRAMPOLINES; i++)
		fake_symbol(fake, names[i], STT_FUNC, fake_address(fake, AREA_TEXT, TRAMPOLINE(i)));
}

static void test_trampolines_by_symbols(void **state)
{
	struct fake_linux *fake = fake_start(false, "5.10.0");

	(void)state;
	put_trampolines(fake, "\x90\x90\x90"); /* 5.10 has no signature */
	put_trampoline_symbols(fake);
	check_trampolines(fake);
}

static void test_no_trampoline(void **state)
{
	struct fake_linux *fake = fake_start(false, "5.10.0");

	(void)state;
	put_trampolines(fake, "\x90\x90\x90");
	put_trampoline_symbols(fake);
	fake->bytes[AREA_TEXT][TRAMPOLINE(2)] = 0xe8;
	assert_table_refused(fake, LINUX_TRAMPOLINE,
	                     "__SCT__three at 0xc1000810 is no static-call trampoline");
}

#define CALLS 10

static struct fake_table *put_calls(struct fake_linux *fake, const char *section)
{
	struct fake_table *table = fake_table(fake, section);

	put_trampolines(fake, "\x0f\xb9\xcc");
	for (uint64_t i = 0; i < CALLS; i++) {
		fake_branch(fake, i & 1 ? 0xe9 : 0xe8, AREA_TEXT, 0x10 * i, AREA_TEXT,
		            TRAMPOLINE(i % TRAMPOLINES));
		fake_pointer(fake, table, 4, true, AREA_TEXT, 0x10 * (int64_t)i);
		fake_pointer(fake, table, 4, true, AREA_DATA, 8 * (int64_t)i + (int64_t)(i & 3));
	}
	return table;
}

static void check_calls(struct fake_linux *fake, const char *section)
{
	const struct linux_metadata *metadata = &fake->metadata;

	put_calls(fake, section);
	assert_read(fake);
	assert_string_equal(metadata->static_call_table.layout, "relative-8");
	assert_int_equal(metadata->static_call_table.by_structure, section[1] == 'd');
	assert_int_equal(metadata->static_calls.count, CALLS);
	for (uint64_t i = 0; i < CALLS; i++)
		assert_place(fake, metadata->static_calls.places[i], AREA_TEXT, 0x10 * i);
	fake_end(fake);
}

static void test_static_calls(void **state)
{
	(void)state;
	check_calls(fake_start(true, "6.1.0"), ".static_call_sites");
	check_calls(fake_start(true, "6.1.0"), ".data.tables");
	check_calls(fake_start_module(true), ".static_call_sites");
}

/* i386 has no such table. */
static void test_no_static_calls(void **state)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	(void)state;
	put_calls(fake, ".data.tables");
	assert_read(fake);
	assert_false(fake->metadata.static_call_table.found);
	fake_end(fake);
}

static void test_static_calls_refused(void **state)
{
	struct fake_linux *fake = fake_start(true, "6.1.0");
	struct fake_table *table;

	(void)state;
	put_calls(fake, ".static_call_sites");
	fake->bytes[AREA_TEXT][0x20] = 0x90;
	assert_table_refused(fake, LINUX_TABLE_ENTRY,
	                     ".static_call_sites: entry 2 at 0xffffffff81010010, read as "
	                     "relative-8: no call and no jump of 32 bits stands at "
	                     "0xffffffff81000020");

	fake = fake_start(true, "6.1.0");
	table = put_calls(fake, ".static_call_sites");
	buffer_set(&table->bytes, 8, 0, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, "its site is not in code");

	fake = fake_start(true, "6.1.0");
	table = put_calls(fake, ".static_call_sites");
	buffer_set(&table->bytes, 12, 0x123456, 4);
	assert_table_refused(fake, LINUX_TABLE_ENTRY, "its key is not in data");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_locks),
	    cmocka_unit_test(test_no_lock),
	    cmocka_unit_test(test_lock_outside),
	    cmocka_unit_test(test_lock_behind_padding),
	    cmocka_unit_test(test_lock_in_alternative),
	    cmocka_unit_test(test_mcount),
	    cmocka_unit_test(test_mcount_zeros),
	    cmocka_unit_test(test_mcount_by_structure),
	    cmocka_unit_test(test_mcount_by_structure_unsorted),
	    cmocka_unit_test(test_mcount_two_places),
	    cmocka_unit_test(test_mcount_refused),
	    cmocka_unit_test(test_fixups),
	    cmocka_unit_test(test_fixups_refused),
	    cmocka_unit_test(test_blacklist),
	    cmocka_unit_test(test_blacklist_by_names),
	    cmocka_unit_test(test_list_of_all_functions),
	    cmocka_unit_test(test_blacklist_two_places),
	    cmocka_unit_test(test_blacklist_refused),
	    cmocka_unit_test(test_trampolines_by_signature),
	    cmocka_unit_test(test_trampolines_by_symbols),
	    cmocka_unit_test(test_no_trampoline),
	    cmocka_unit_test(test_static_calls),
	    cmocka_unit_test(test_no_static_calls),
	    cmocka_unit_test(test_static_calls_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
