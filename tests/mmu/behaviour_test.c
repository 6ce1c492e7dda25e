/* SPDX-License-Identifier: BSD-2-Clause */
/* What the shadow MMU promises, one promise a test, and what things cost. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/mmu/consistency.h"
#include "tests/mmu/guest.h"

#define TEXT  0x08048000u
#define STACK 0xbffff000u
#define HIGH  0xc0000000u

static int stop(void **state)
{
	(void)state;
	consistency_check();
	machine_check();
	machine_stop();
	return 0;
}

static bool is_pae(void **state)
{
	return *state;
}

/* One space, entered. */
static uint32_t start(void **state)
{
	guest_start(128, is_pae(state));
	uint32_t space = guest_space();
	guest_enter(space);
	return space;
}

static void assert_guest_fault(uint32_t linear, uint32_t access, uint32_t error_code)
{
	assert_int_equal(guest_access(linear, access), MMU_GUEST_FAULT);
	assert_int_equal(guest_fault.linear, linear);
	assert_int_equal(guest_fault.error_code, error_code);
}

static void assert_reaches(uint32_t linear, uint32_t access, uint32_t physical)
{
	assert_int_equal(guest_access(linear, access), MMU_FILLED);
	assert_int_equal(guest_frame, expected_frame(physical));
}

/* What has been spent since the last call, but for windows. */
static struct machine_counters spent(void)
{
	static struct machine_counters before;
	struct machine_counters now = machine_counters, difference;
	now.hypercalls -= now.windows;
	difference = now;
	difference.hypercalls -= before.hypercalls;
	difference.entries -= before.entries;
	difference.flushes -= before.flushes;
	difference.page_flushes -= before.page_flushes;
	difference.instructions -= before.instructions;
	before = now;
	return difference;
}

static void assert_spent(uint32_t hypercalls, uint32_t entries)
{
	struct machine_counters counters = spent();
	assert_int_equal(counters.hypercalls, hypercalls);
	assert_int_equal(counters.entries, entries);
}

/* --- what is reached --- */

static void test_unpaged(void **state)
{
	guest_start(64, is_pae(state));
	assert_reaches(0x1234, 0, 0x1000);
	assert_reaches(0x5678, MMU_WRITE | MMU_USER, 0x5000);
	assert_reaches(0x200000, MMU_FETCH, 0x200000);
	assert_int_equal(guest_access(0x30000000, 0), MMU_FILLED);
	assert_int_equal(guest_frame, void_frame());
}

static void test_first_megabyte(void **state)
{
	uint32_t space = start(state);
	guest_map(space, HIGH + 0xb8000, 0xb8000 | KERNEL);
	assert_reaches(HIGH + 0xb8000, MMU_WRITE, 0xb8000);
}

static void test_no_memory(void **state)
{
	uint32_t space = start(state), rom = ROM_PAGES_START << 12;
	guest_map(space, TEXT, 0xfee00000 | KERNEL);
	guest_map(space, TEXT + 4096, rom | KERNEL | USER);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t linear = TEXT + 4096 * i;
		assert_int_equal(guest_access(linear, 0), MMU_FILLED);
		assert_int_equal(guest_frame, void_frame());
		assert_int_equal(guest_access(linear | 0x123, MMU_WRITE), MMU_NOT_RAM);
		assert_int_equal(guest_fault.physical, (i ? rom : 0xfee00000) | 0x123);
		assert_true(guest_entry_of(space, linear) & DIRTY);
	}
}

static void test_user_stays_out(void **state)
{
	uint32_t space = start(state);
	guest_map(space, HIGH, 0x10000 | KERNEL);
	assert_reaches(HIGH, MMU_WRITE, 0x10000);
	assert_guest_fault(HIGH, MMU_USER, 5);
	assert_guest_fault(HIGH, MMU_USER | MMU_WRITE, 7);
	assert_guest_fault(WINDOW_START, MMU_USER, 4);
	assert_guest_fault(WINDOW_END, MMU_USER | MMU_WRITE, 6);
	guest_map(space, WINDOW_START, 0x10000 | KERNEL | USER);
	guest_map(space, 0xffff0000, 0x10000 | KERNEL | USER);
	assert_int_equal(guest_access(WINDOW_START, MMU_USER), MMU_ROM_ADDRESS);
	assert_int_equal(guest_access(0xffff0000, MMU_USER), MMU_HYPERVISOR_ADDRESS);
	assert_int_equal(guest_fault.physical, 0x10000);
}

static void test_stray_kernel_address(void **state)
{
	start(state);
	assert_guest_fault(0xfffffff4, 0, 0);
	assert_guest_fault(0xfffffff4, MMU_WRITE, 2);
}

/* --- permissions --- */

static void test_write_protection(void **state)
{
	uint32_t space = start(state);
	guest_map(space, TEXT, 0x10000 | PRESENT | USER);
	assert_guest_fault(TEXT, MMU_WRITE, 3);
	assert_true(mmu_set_cr0(0x80000001));
	assert_reaches(TEXT, MMU_WRITE, 0x10000);
	assert_true(guest_entry_of(space, TEXT) & DIRTY);
	assert_guest_fault(TEXT, MMU_WRITE | MMU_USER, 7);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	assert_reaches(TEXT, MMU_WRITE, 0x10000);
	assert_true(mmu_set_cr0(0x80010001));
	assert_guest_fault(TEXT, MMU_WRITE, 3);
	assert_reaches(TEXT, MMU_USER, 0x10000);
}

static void test_no_execute(void **state)
{
	uint32_t space = start(state);
	if (!is_pae(state))
		return;
	guest_map(space, TEXT, 0x10000 | PRESENT | USER | NX);
	assert_guest_fault(TEXT, MMU_FETCH | MMU_USER, 0x15);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	assert_guest_fault(TEXT, MMU_FETCH | MMU_USER, 0x15);
	assert_true(mmu_set_efer(0));
	assert_guest_fault(TEXT, MMU_USER, 0xd);
}

static void test_accessed_and_dirty(void **state)
{
	uint32_t space = start(state), clean = 0x10000 | PRESENT | WRITABLE | USER;
	guest_map(space, TEXT, clean);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	assert_int_equal(guest_entry_of(space, TEXT), clean | ACCESSED);
	assert_reaches(TEXT, MMU_USER | MMU_WRITE, 0x10000);
	assert_int_equal(guest_entry_of(space, TEXT), clean | ACCESSED | DIRTY);
	guest_map(space, TEXT, clean | ACCESSED);
	mmu_invalidate_page(TEXT);
	assert_reaches(TEXT, MMU_USER | MMU_WRITE, 0x10000);
	assert_int_equal(guest_entry_of(space, TEXT), clean | ACCESSED | DIRTY);
	guest_map(space, TEXT, clean);
	mmu_invalidate_page(TEXT);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	assert_int_equal(guest_entry_of(space, TEXT), clean | ACCESSED);
}

/* --- look-aside buffer --- */

static void test_stale_until_flushed(void **state)
{
	uint32_t space = start(state);
	guest_map(space, TEXT, 0x10000 | KERNEL | USER);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	guest_map(space, TEXT, 0x20000 | KERNEL | USER);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	mmu_invalidate_page(TEXT + 123);
	assert_reaches(TEXT, MMU_USER, 0x20000);
	guest_map(space, TEXT, 0);
	assert_true(mmu_set_cr3(space));
	assert_guest_fault(TEXT, MMU_USER, 4);
}

/* Two pages of the guest's, the bits of whose frames are a part of the other's. */
static void find_nested_frames(uint32_t *small, uint32_t *large)
{
	for (*small = 0x100; *small < 0x200; ++*small)
		for (*large = 0x100; *large < 0x200; ++*large)
			if (*small != *large && !(expected_frame((uint64_t)*small << 12) &
			                          ~expected_frame((uint64_t)*large << 12)))
				return;
	fail_msg("no such frames");
}

/* The ROM makes an access for the guest while the processor has an older translation. */
static void test_access_by_the_rom(void **state)
{
	uint32_t space = start(state), small, large;
	struct mmu_fault fault;
	find_nested_frames(&small, &large);
	guest_map(space, TEXT, small << 12 | KERNEL);
	assert_reaches(TEXT, MMU_WRITE, small << 12);
	guest_map(space, TEXT, large << 12 | KERNEL);
	assert_int_equal(mmu_fault(TEXT, MMU_WRITE, false, &fault), MMU_FILLED);
	mmu_invalidate_page(TEXT);
	assert_reaches(TEXT, MMU_WRITE, large << 12);
}

static void test_global(void **state)
{
	uint32_t space = start(state);
	guest_map(space, HIGH, 0x10000 | KERNEL | GLOBAL);
	guest_map(space, HIGH + 0x200000, 0x11000 | KERNEL);
	assert_reaches(HIGH, 0, 0x10000);
	assert_reaches(HIGH + 0x200000, 0, 0x11000);
	guest_map(space, HIGH, 0);
	guest_map(space, HIGH + 0x200000, 0);
	mmu_flush(false);
	assert_reaches(HIGH, 0, 0x10000);
	assert_guest_fault(HIGH + 0x200000, 0, 0);
	mmu_flush(true);
	assert_guest_fault(HIGH, 0, 0);
}

static void test_large_page_goes_whole(void **state)
{
	uint32_t space = start(state), size = is_pae(state) ? 0x200000 : 0x400000;
	guest_map(space, 0x40000000, 0 | KERNEL | LARGE);
	assert_reaches(0x40000000, 0, 0);
	assert_reaches(0x40000000 + size - 4096, MMU_WRITE, size - 4096);
	guest_map(space, 0x40000000, 0 | LARGE);
	mmu_invalidate_page(0x40000000 + size - 4096);
	assert_guest_fault(0x40000000, 0, 0);
}

static void test_pdpte_registers(void **state)
{
	uint32_t space = start(state);
	if (!is_pae(state))
		return;
	guest_map(space, TEXT, 0x10000 | KERNEL);
	uint64_t *pdpt = guest_memory(space >> 12), good = *pdpt;
	*pdpt = 0;
	mmu_flush(true);
	assert_reaches(TEXT, 0, 0x10000);
	*pdpt = good | 0x100;
	assert_false(mmu_set_cr3(space));
	assert_false(mmu_set_cr4(0x30));
	assert_reaches(TEXT, 0, 0x10000);
	*pdpt = 0;
	assert_true(mmu_set_cr3(space));
	assert_guest_fault(TEXT, 0, 0);
	*pdpt = good;
}

static void test_same_directory_twice(void **state)
{
	uint32_t space = start(state);
	if (!is_pae(state))
		return;
	guest_map(space, TEXT, 0x10000 | KERNEL);
	uint64_t *pdpt = guest_memory(space >> 12);
	pdpt[1] = pdpt[0];
	assert_true(mmu_set_cr3(space));
	assert_reaches(TEXT, 0, 0x10000);
	assert_reaches(TEXT + 0x40000000, 0, 0x10000);
	assert_true(mmu_set_cr3(space));
	assert_reaches(TEXT + 0x40000000, 0, 0x10000);
}

/* CR0.CD and NW load them as well (SDM vol. 3, 4.4.1). */
static void test_pdptes_by_cr0(void **state)
{
	uint32_t space = start(state);
	if (!is_pae(state))
		return;
	guest_map(space, TEXT, 0x10000 | KERNEL);
	assert_reaches(TEXT, 0, 0x10000);
	uint64_t *pdpt = guest_memory(space >> 12), good = *pdpt;
	*pdpt = good | 0x100;
	assert_false(mmu_set_cr0(0xc0010001));
	*pdpt = 0;
	assert_true(mmu_set_cr0(0xc0010001));
	assert_guest_fault(TEXT, 0, 0);
	*pdpt = good;
}

static void test_map_guest(void **state)
{
	guest_start(64, is_pae(state));
	*(uint32_t *)guest_memory(0x123) = 0x12345678;
	const uint32_t *mapped = mmu_map_guest(0x123);
	assert_non_null(mapped);
	assert_int_equal(*mapped, 0x12345678);
	assert_null(mmu_map_guest(ROM_PAGES_START));
	assert_null(mmu_map_guest(0xffffffff));
}

static void test_translate(void **state)
{
	uint32_t space = start(state);
	uint64_t physical;
	guest_map(space, TEXT, 0x10000 | PRESENT);
	assert_true(mmu_translate(TEXT | 0x123, &physical));
	assert_int_equal(physical, 0x10123);
	assert_int_equal(guest_entry_of(space, TEXT), 0x10000 | PRESENT);
	guest_map(space, 0x40000000, 0 | KERNEL | LARGE);
	assert_true(mmu_translate(0x40123456, &physical));
	assert_int_equal(physical, 0x123456);
	assert_false(mmu_translate(STACK, &physical));
}

/* A processor that faults where the shadow has all it wants would do so for ever. */
static void test_endless_faults(void **state)
{
	uint32_t space = start(state);
	struct mmu_fault fault;
	jmp_buf end;
	guest_map(space, TEXT, 0x10000 | KERNEL);
	machine_fatal = &end;
	if (setjmp(end))
		return;
	for (uint32_t i = 0; i < 2000; i++)
		mmu_fault(TEXT, 0, false, &fault);
	fail_msg("2,000 faults at one address");
}

/* --- the alias --- */

static void test_no_alias(void **state)
{
	machine_has_alias = false;
	guest_start(64, is_pae(state));
	assert_int_equal(guest_access(ALIAS_START, 0), MMU_FILLED);
	assert_int_equal(guest_frame, void_frame());
	uint32_t space = guest_space();
	guest_map(space, ALIAS_START, 0x10000 | KERNEL);
	guest_enter(space);
	assert_reaches(ALIAS_START, 0, 0x10000);
	mmu_leave_alias();
}

static void test_alias(void **state)
{
	guest_start(64, is_pae(state));
	assert_int_equal(guest_access(ALIAS_START, MMU_FETCH), MMU_FILLED);
	assert_int_equal(guest_frame, rom_frame(WINDOW_START));
	assert_int_equal(guest_access(ALIAS_START, MMU_USER), MMU_ROM_ADDRESS);
	uint32_t space = guest_space();
	guest_map(space, ALIAS_START, 0x10000 | KERNEL);
	guest_enter(space);
	assert_int_equal(guest_access(ALIAS_START, MMU_FETCH), MMU_FILLED);
	assert_int_equal(guest_frame, rom_frame(WINDOW_START));
	mmu_leave_alias();
	assert_reaches(ALIAS_START, 0, 0x10000);
	assert_true(mmu_set_cr0(0x10001));
	assert_int_equal(guest_access(ALIAS_START, MMU_FETCH), MMU_FILLED);
	assert_int_equal(guest_frame, rom_frame(WINDOW_START));
	guest_enter(space);
	assert_true(mmu_set_cr3(space));
	assert_reaches(ALIAS_START, 0, 0x10000);
}

/* --- what it costs --- */

static void test_fill_is_one_entry(void **state)
{
	uint32_t space = start(state);
	for (uint32_t i = 0; i < 2; i++)
		guest_map(space, TEXT + 4096 * i, (0x10000 + 4096 * i) | KERNEL | USER);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	spent();
	assert_reaches(TEXT + 4096, MMU_USER, 0x11000);
	assert_int_equal(guest_faults, 1);
	assert_spent(1, 1);
}

static void test_nothing_changed_is_free(void **state)
{
	uint32_t space = start(state);
	for (uint32_t i = 0; i < 64; i++)
		guest_map(space, TEXT + 4096 * i, (0x10000 + 4096 * i) | KERNEL | USER);
	for (uint32_t i = 0; i < 64; i++)
		assert_reaches(TEXT + 4096 * i, MMU_USER, 0x10000 + 4096 * i);
	assert_true(mmu_set_cr3(space)); /* the alias goes */
	spent();
	assert_true(mmu_set_cr3(space));
	mmu_invalidate_page(TEXT);
	mmu_invalidate_page(STACK);
	mmu_flush(true);
	mmu_leave_alias();
	assert_reaches(TEXT, MMU_USER, 0x10000);
	assert_spent(0, 0);
}

static void test_switch(void **state)
{
	uint32_t spaces[2] = {start(state), guest_space()};
	for (uint32_t i = 0; i < 2; i++) {
		guest_map(spaces[i], TEXT, (0x10000 + 4096 * i) | KERNEL | USER);
		guest_map(spaces[i], STACK, (0x20000 + 4096 * i) | KERNEL | USER);
	}
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(mmu_set_cr3(spaces[i % 2]));
		assert_reaches(TEXT, MMU_USER, 0x10000 + 4096 * (i % 2));
		assert_reaches(STACK, MMU_USER, 0x20000 + 4096 * (i % 2));
	}
	spent();
	assert_true(mmu_set_cr3(spaces[0]));
	assert_spent(1, 2);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	assert_reaches(STACK, MMU_USER, 0x20000);
	assert_spent(0, 0);
}

static void test_large_pages_at_once_and_shared(void **state)
{
	uint32_t spaces[2] = {start(state), guest_space()};
	for (uint32_t i = 0; i < 2; i++)
		guest_map(spaces[i], 0x40000000, 0 | KERNEL | LARGE);
	assert_reaches(0x40000000, MMU_WRITE, 0);
	spent();
	for (uint32_t i = 0; i < 512; i++)
		assert_reaches(0x40000000 + 4096 * i, MMU_WRITE, 4096 * i);
	assert_spent(0, 0);
	uint32_t tables = mmu_counters.bulk_tables;
	assert_true(mmu_set_cr3(spaces[1]));
	assert_reaches(0x40000000, MMU_WRITE, 0);
	assert_int_equal(mmu_counters.bulk_tables, tables);
}

static void test_kernel_tables_at_once(void **state)
{
	uint32_t space = start(state);
	for (uint32_t i = 0; i < 200; i++)
		guest_map(space, HIGH + 4096 * i, (0x100000 + 4096 * i) | KERNEL | GLOBAL);
	guest_restrict(space, HIGH);
	assert_reaches(HIGH, MMU_WRITE, 0x100000);
	assert_int_equal(mmu_counters.bulk_tables, 1);
	spent();
	for (uint32_t i = 0; i < 200; i++)
		assert_reaches(HIGH + 4096 * i, MMU_WRITE, 0x100000 + 4096 * i);
	assert_spent(0, 0);
}

static void test_notes(void **state)
{
	uint32_t space = start(state);
	guest_map(space, TEXT, 0x10000 | KERNEL | USER);
	assert_reaches(TEXT, MMU_USER, 0x10000);
	uint64_t table = guest_entry_address(space, TEXT) & ~0xfffull;
	guest_map(space, HIGH, table | KERNEL | GLOBAL);
	assert_reaches(HIGH, MMU_WRITE, (uint32_t)table);
	spent();
	for (uint32_t i = 1; i <= 16; i++) {
		guest_map(space, TEXT + 4096 * i, (0x10000 + 4096 * i) | KERNEL | USER);
		mmu_notes.linear[mmu_notes.count++] =
		    HIGH | (guest_entry_address(space, TEXT + 4096 * i) & 0xfff);
	}
	mmu_notes.linear[mmu_notes.count++] = 0x70000000; /* not mapped */
	mmu_take_notes();
	assert_int_equal(mmu_notes.count, 0);
	assert_spent(1, 16);
	for (uint32_t i = 1; i <= 16; i++)
		assert_reaches(TEXT + 4096 * i, MMU_USER, 0x10000 + 4096 * i);
	assert_spent(0, 0);
}

/* INVLPG brings the new entry of a page; but not those of a run. */
static void test_invlpg_fills(void **state)
{
	uint32_t space = start(state);
	guest_map(space, HIGH, 0x10000 | KERNEL);
	assert_reaches(HIGH, 0, 0x10000);
	for (uint32_t i = 1; i < 16; i++)
		guest_map(space, HIGH + 4096 * i, (0x10000 + 4096 * i) | KERNEL);
	spent();
	for (uint32_t i = 4; i < 8; i++)
		mmu_invalidate_page(HIGH + 4096 * i);
	assert_spent(1, 1);
	assert_reaches(HIGH + 4 * 4096, 0, 0x14000);
	assert_spent(0, 0);
	mmu_invalidate_page(HIGH + 9 * 4096);
	assert_spent(1, 1);
	assert_reaches(HIGH + 7 * 4096, 0, 0x17000);
	assert_spent(1, 1);
}

static void test_crowded_tables_sleep(void **state)
{
	uint32_t space = start(state);
	for (uint32_t i = 0; i < 200; i++)
		guest_map(space, TEXT + 4096 * i, (0x100000 + 4096 * i) | KERNEL | USER);
	for (uint32_t i = 0; i < 200; i++)
		assert_reaches(TEXT + 4096 * i, MMU_USER, 0x100000 + 4096 * i);
	guest_map(space, TEXT + 4096, 0);
	uint32_t compared = mmu_counters.entries_revalidated;
	assert_true(mmu_set_cr3(space));
	assert_int_equal(mmu_counters.entries_revalidated, compared);
	spent();
	assert_reaches(TEXT, MMU_USER, 0x100000);
	assert_spent(1, 2); /* the entry that went, and the L2's */
	assert_guest_fault(TEXT + 4096, MMU_USER, 4);
	assert_reaches(TEXT + 8192, MMU_USER, 0x102000);
	assert_spent(0, 0);
}

static void test_space_larger_than_pool(void **state)
{
	guest_start(MMU_POOL_MINIMUM, is_pae(state));
	uint32_t space = guest_space();
	for (uint32_t i = 0; i < 100; i++)
		guest_map(space, i << 24, (16 + i) << 12 | KERNEL | USER);
	guest_enter(space);
	mmu_leave_alias();
	for (uint32_t i = 0; i < 300; i++)
		assert_reaches(i % 100 << 24, MMU_USER | MMU_WRITE, (16 + i % 100) << 12);
	assert_true(mmu_counters.reclaims > 0);
}

static void test_full_pool(void **state)
{
	guest_start(MMU_POOL_MINIMUM, is_pae(state));
	uint32_t spaces[6];
	for (uint32_t i = 0; i < 6; i++) {
		spaces[i] = guest_space();
		for (uint32_t j = 0; j < 20; j++)
			guest_map(spaces[i], j << 22, ((16 + i * 20 + j) << 12) | KERNEL | USER);
	}
	guest_enter(spaces[0]);
	for (uint32_t round = 0; round < 12; round++) {
		assert_true(mmu_set_cr3(spaces[round % 6]));
		for (uint32_t j = 0; j < 20; j++)
			assert_reaches(j << 22, MMU_WRITE, (16 + round % 6 * 20 + j) << 12);
	}
	assert_true(mmu_counters.reclaims > 0);
}

/* --- the beginning --- */

static void test_numbers_refused(void **state)
{
	guest_start(64, is_pae(state));
	const struct mmu_platform good = *machine_platform();
	struct mmu_platform bad[16];
	for (uint32_t i = 0; i < 16; i++)
		bad[i] = good;
	bad[0].window_start += 4096;
	bad[1].window_end += 4096;
	bad[2].window_end = bad[2].window_start;
	bad[3].window_start = 0xc0000000;
	bad[4].pool_pages = MMU_POOL_MINIMUM - 1;
	bad[5].pool_pages = MMU_POOL_MAXIMUM + 1;
	bad[6].window_count = 3;
	bad[7].window_count = 2;
	bad[8].window_count = 8192;
	bad[9].physical_bits = 31;
	bad[10].physical_bits = 53;
	bad[11].alias_start += 4096;
	bad[12].alias_start = 0xd0000000;
	bad[13].alias_start = 0x3fe00000;
	bad[14].alias_size = 0x400001;
	bad[15].alias_size = 0;
	for (uint32_t i = 0; i < 16; i++)
		if (mmu_init(&bad[i]))
			fail_msg("numbers %u are taken", i);
}

#define BOTH(test)                                                                                 \
	{#test ", 2-level", test, NULL, stop, (void *)0},                                          \
	{                                                                                          \
#test ", PAE", test, NULL, stop, (void *)1                                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(test_unpaged),
	    BOTH(test_first_megabyte),
	    BOTH(test_no_memory),
	    BOTH(test_user_stays_out),
	    BOTH(test_stray_kernel_address),
	    BOTH(test_write_protection),
	    BOTH(test_no_execute),
	    BOTH(test_accessed_and_dirty),
	    BOTH(test_stale_until_flushed),
	    BOTH(test_access_by_the_rom),
	    BOTH(test_global),
	    BOTH(test_large_page_goes_whole),
	    BOTH(test_pdpte_registers),
	    BOTH(test_same_directory_twice),
	    BOTH(test_alias),
	    BOTH(test_no_alias),
	    BOTH(test_pdptes_by_cr0),
	    BOTH(test_map_guest),
	    BOTH(test_translate),
	    BOTH(test_endless_faults),
	    BOTH(test_fill_is_one_entry),
	    BOTH(test_nothing_changed_is_free),
	    BOTH(test_switch),
	    BOTH(test_large_pages_at_once_and_shared),
	    BOTH(test_kernel_tables_at_once),
	    BOTH(test_notes),
	    BOTH(test_invlpg_fills),
	    BOTH(test_crowded_tables_sleep),
	    BOTH(test_full_pool),
	    BOTH(test_space_larger_than_pool),
	    BOTH(test_numbers_refused),
	};
	return cmocka_run_group_tests_name("shadow MMU, behaviour", tests, NULL, NULL);
}
