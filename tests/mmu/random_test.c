/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random guests: tables, writes to them, flushes or none, changes of mode; and accesses, each of
 * which must end as the reference allows. After every step everything that the shadow and the
 * processor's cache have for the pages of the universe is compared with the reference.
 *
 * MMU_SEED sets another seed, MMU_OPERATIONS the number of steps.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/mmu/consistency.h"
#include "tests/mmu/random.h"
#include "tests/mmu/reference.h"

#define CR0_WP   0x00010000u
#define CR0_PG   0x80000000u
#define CR4_PSE  0x10u
#define CR4_PAE  0x20u
#define CR4_PGE  0x80u
#define EFER_NXE 0x800u

#define ROOTS       4 /* tables at which CR3 may point */
#define DIRECTORIES 6 /* page directories of PAE */
#define TABLES      26
#define FIRST_TABLE 16 /* pfn */

static const uint32_t chunks[] = {
    0x00000000, 0x00200000, 0x00400000, 0x08000000,   ALIAS_START, ALIAS_START + 0x200000,
    0x40000000, 0x7fe00000, 0x80000000, 0xbfe00000,   0xc0000000,  0xc0200000,
    0xc0400000, 0xd0000000, 0xf4e00000, WINDOW_START, 0xf5800000,  0xffe00000};
static const uint32_t pages[] = {0, 1, 2, 77, 255, 256, 510, 511};

/* What a guest is like: percent of the steps, or of the entries. */
struct habits {
	const char *name;
	uint32_t pool_pages, windows;
	uint32_t cr0, cr4, efer; /* it begins with */
	uint32_t mode_changes;   /* in 1,000 steps */
	uint32_t forgets_flush;  /* percent of the writes that no flush follows */
	uint32_t large, global, user, reserved;
};

static struct random dice;
static uint64_t step_number, seed_now;
static const char *step_name;

#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			print_error("seed %llu step %llu (%s): ", (unsigned long long)seed_now,    \
			            (unsigned long long)step_number, step_name);                   \
			fail_msg(__VA_ARGS__);                                                     \
		}                                                                                  \
	} while (0)

/* --- entries --- */

static bool wide(void)
{
	return reference.cr4 & CR4_PAE;
}

static uint64_t random_flags(const struct habits *habits)
{
	uint64_t flags = random_percent(&dice, 88) ? 1 : 0;
	flags |= random_percent(&dice, 70) ? 2 : 0;
	flags |= random_percent(&dice, habits->user) ? 4 : 0;
	flags |= random_percent(&dice, 65) ? 0x20 : 0;
	flags |= random_percent(&dice, 55) ? 0x40 : 0;
	flags |= random_percent(&dice, habits->global) ? 0x100 : 0;
	flags |= random_percent(&dice, 10) ? random_next(&dice) & 0xe18 : 0;
	if (wide() && random_percent(&dice, 15) &&
	    (reference.efer & EFER_NXE || random_percent(&dice, habits->reserved)))
		flags |= 1ull << 63;
	if (wide() && random_percent(&dice, habits->reserved))
		flags |= 1ull << (MACHINE_PHYSICAL + random_below(&dice, 62 - MACHINE_PHYSICAL));
	return flags;
}

static uint64_t random_pfn(void)
{
	uint32_t kind = random_below(&dice, 100);
	if (kind < 55)
		return 64 + random_below(&dice, 24);
	if (kind < 75)
		return FIRST_TABLE + random_below(&dice, TABLES);
	if (kind < 88)
		return random_below(&dice, GUEST_PAGES);
	if (kind < 93)
		return ROM_PAGES_START + random_below(&dice, GUEST_PAGES - ROM_PAGES_START);
	if (kind < 98 || !wide())
		return random_next(&dice) & 0xfffff;
	return random_next(&dice) & 0xfffffff;
}

static uint64_t random_pte(const struct habits *habits)
{
	return random_pfn() << 12 | random_flags(habits) | (random_percent(&dice, 10) ? 0x80 : 0);
}

static uint64_t random_pde(const struct habits *habits)
{
	uint64_t flags = random_flags(habits);
	uint32_t shift = wide() ? 21 : 22;
	if (random_percent(&dice, habits->large)) {
		uint64_t page = random_percent(&dice, 80)
		                    ? random_below(&dice, GUEST_PAGES >> (shift - 12))
		                    : random_next(&dice) & 0x1ff;
		flags |= random_percent(&dice, habits->reserved)
		             ? 1ull << (13 + random_below(&dice, shift - 13))
		             : 0;
		return page << shift | flags | 0x80 | (random_percent(&dice, 20) ? 0x1000 : 0);
	}
	uint32_t first = wide() ? ROOTS + DIRECTORIES : ROOTS;
	uint64_t pfn = FIRST_TABLE + first + random_below(&dice, TABLES - first);
	if (random_percent(&dice, 5)) /* a table that is a directory, too, or anything */
		pfn = random_pfn();
	return pfn << 12 | flags | (random_percent(&dice, 97) ? 0 : 0x1000);
}

static uint64_t random_pdpte(const struct habits *habits)
{
	uint64_t pfn = FIRST_TABLE + ROOTS + random_below(&dice, DIRECTORIES);
	uint64_t entry = pfn << 12 | (random_percent(&dice, 90) ? 1 : 0);
	if (random_percent(&dice, habits->reserved))
		entry |= 1ull << random_below(&dice, 64);
	return entry;
}

static struct place place_in(uint32_t table, uint32_t index)
{
	uint32_t width = wide() ? 8 : 4;
	return (struct place){(uint64_t)(FIRST_TABLE + table) << 12 | (index * width & 0xfff),
	                      width};
}

static uint64_t random_entry(const struct habits *habits, uint32_t table)
{
	if (wide() && table < ROOTS)
		return random_pdpte(habits);
	return table < ROOTS + (wide() ? DIRECTORIES : 0) ? random_pde(habits) : random_pte(habits);
}

/* All tables anew, in the format of CR4. Some are filled, of others only what the universe needs.
 */
static void write_tables(const struct habits *habits)
{
	uint32_t count = wide() ? 512 : 1024;
	for (uint32_t table = 0; table < TABLES; table++) {
		bool filled = table >= TABLES - 6 || table < ROOTS;
		for (uint32_t i = 0; i < count; i++)
			memory_write(place_in(table, i), filled ? random_entry(habits, table) : 0);
		for (uint32_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++)
			memory_write(place_in(table, chunks[i] >> (wide() ? 21 : 22)),
			             random_entry(habits, table));
		for (uint32_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
			memory_write(place_in(table, pages[i]), random_entry(habits, table));
			memory_write(place_in(table, 512 + pages[i]), random_entry(habits, table));
		}
	}
}

/* --- checks --- */

static void check_translations(void)
{
	for (uint32_t i = 0; i < reference.universe_size; i++) {
		const struct page *page = &reference.universe[i];
		struct translation shadow = shadow_walk(page->linear);
		struct translation cached = cached_translation(page->linear);
		CHECK(may_have(page, &shadow), "shadow of %#x: frame %#x w %d u %d nx %d",
		      page->linear, shadow.frame, shadow.write, shadow.user, shadow.nx);
		CHECK(may_have(page, &cached), "cached for %#x: frame %#x w %d u %d nx %d",
		      page->linear, cached.frame, cached.write, cached.user, cached.nx);
	}
}

static void check_memory(uint32_t first, uint32_t count)
{
	for (uint32_t pfn = first; pfn < first + count; pfn++)
		CHECK(!memcmp(reference.memory[pfn], guest_memory(pfn), 4096),
		      "guest page %#x is not as it must be", pfn);
}

static void check_place(struct place place)
{
	uint64_t value = 0;
	if (place.address >> 12 >= ROM_PAGES_START)
		return;
	const uint8_t *real = guest_memory((uint32_t)(place.address >> 12));
	memcpy(&value, real + (place.address & 0xfff), place.width);
	CHECK(value == memory_read(place), "entry at %#llx is %#llx, not %#llx",
	      (unsigned long long)place.address, (unsigned long long)value,
	      (unsigned long long)memory_read(place));
}

/* --- steps --- */

/* Often the one before: things happen to a page in a row. */
static struct page *random_page(void)
{
	static uint32_t last;
	if (last >= reference.universe_size || random_percent(&dice, 50))
		last = random_below(&dice, reference.universe_size);
	return &reference.universe[last];
}

static enum mmu_result expected_result(uint32_t linear, uint32_t access,
                                       const struct walked *walked)
{
	if (!walked->allowed)
		return MMU_GUEST_FAULT;
	if (linear >= WINDOW_END)
		return MMU_HYPERVISOR_ADDRESS;
	if (linear >= WINDOW_START || reference_alias(linear))
		return MMU_ROM_ADDRESS;
	if (access & MMU_WRITE && expected_frame(walked->found.physical) == void_frame())
		return MMU_NOT_RAM;
	return MMU_FILLED;
}

/* A fault of the processor's, or an access asked for by the ROM. True: it is to be done again. */
static bool take_fault(uint32_t linear, uint32_t access, uint32_t error_code)
{
	struct mmu_fault fault;
	struct walked walked = reference_walk(linear, access);
	enum mmu_result expected = expected_result(linear, access, &walked);
	enum mmu_result result = mmu_fault(linear, error_code, access & MMU_USER, &fault);
	CHECK(result == expected, "access %#x to %#x: %d, not %d", access, linear, result,
	      expected);
	if (result == MMU_GUEST_FAULT)
		CHECK(fault.linear == linear && fault.error_code == walked.error_code,
		      "access %#x to %#x: error code %#x, not %#x", access, linear,
		      fault.error_code, walked.error_code);
	else if (result != MMU_FILLED)
		CHECK(fault.physical == (walked.found.physical | (linear & 0xfff)),
		      "physical address");
	if (result == MMU_FILLED || result == MMU_NOT_RAM)
		reference_mark(&walked, access & MMU_WRITE);
	check_place(walked.pde);
	check_place(walked.pte);
	reference_refresh();
	return result == MMU_FILLED;
}

static void do_access(struct page *page, uint32_t access)
{
	uint32_t linear = page->linear | random_below(&dice, 4096);
	uint32_t frame, error_code;
	step_name = "access";
	bool done = processor_access(linear, access, &frame, &error_code);
	bool rom = reference_alias(linear) || (linear >= WINDOW_START && linear < WINDOW_END);
	CHECK(done || !rom || access & MMU_USER, "the ROM is gone at %#x", linear);
	if (!done) {
		/* From ring 2 the processor says U, too. */
		if (!take_fault(linear, access, error_code | (random_next(&dice) & MMU_USER)))
			return;
		done = processor_access(linear, access, &frame, &error_code);
		CHECK(done, "access %#x to %#x faults after it was filled", access, linear);
	}
	CHECK(may_reach(page, access, frame), "access %#x to %#x reaches frame %#x", access, linear,
	      frame);
}

static void access_step(void)
{
	static const uint32_t kinds[] = {0, MMU_WRITE, MMU_FETCH};
	uint32_t access = kinds[random_below(&dice, 3)] | (random_next(&dice) & MMU_USER);
	do_access(random_page(), access);
}

/* The ROM wants to make an access for the guest, whatever the processor has cached. */
static void touch_step(void)
{
	step_name = "touch";
	uint32_t access = (random_next(&dice) & MMU_WRITE) | (random_next(&dice) & MMU_USER);
	take_fault(random_page()->linear, access, access & MMU_WRITE);
}

/* Says where an entry was written, if the guest has its table mapped. */
static void note(struct place place)
{
	for (uint32_t i = 0; i < reference.universe_size; i++) {
		uint32_t linear = reference.universe[i].linear;
		struct walked walked = reference_walk(linear, 0);
		if (!walked.present || walked.found.physical != (place.address & ~0xfffull) ||
		    mmu_notes.count == MMU_NOTES)
			continue;
		mmu_notes.linear[mmu_notes.count++] = linear | (place.address & 0xfff);
		return;
	}
}

static void invlpg(uint32_t linear)
{
	mmu_invalidate_page(linear);
	reference_invlpg(linear);
	reference_refresh();
}

static void write_step(const struct habits *habits)
{
	step_name = "write of an entry";
	uint32_t linear = random_page()->linear;
	struct walked walked = reference_walk(linear, 0);
	struct place place = walked.pte;
	uint64_t value = random_pte(habits);
	if (place.address == ~0ull || random_percent(&dice, 15)) {
		place = walked.pde;
		value = random_pde(habits);
	}
	if (place.address == ~0ull || random_percent(&dice, 2)) {
		place = walked.pdpte;
		value = random_pdpte(habits);
	}
	if (place.address == ~0ull)
		return;
	if (random_percent(&dice, 30)) /* only some bits change */
		value = memory_read(place) ^ (1u << random_below(&dice, 9) & 0x167);
	else if (random_percent(&dice, 25))
		value = 0;
	memory_write(place, value);
	reference_refresh();
	if (random_percent(&dice, 30))
		note(place);
	if (!random_percent(&dice, habits->forgets_flush))
		invlpg(linear);
}

static void table_step(const struct habits *habits)
{
	step_name = "write of a table";
	uint32_t table = ROOTS + DIRECTORIES + random_below(&dice, TABLES - ROOTS - DIRECTORIES);
	uint64_t fixed = random_flags(habits) | 0x21;
	for (uint32_t i = 0; i < (wide() ? 512 : 1024); i++)
		memory_write(place_in(table, i),
		             random_percent(&dice, 5) ? 0 : random_pfn() << 12 | fixed);
	reference_refresh();
}

static void load_cr3(uint32_t value)
{
	step_name = "CR3";
	bool done = mmu_set_cr3(value);
	CHECK(done == reference_cr3(value), "CR3 = %#x: %d", value, done);
	reference_refresh();
}

static uint32_t random_root(void)
{
	uint32_t root = (FIRST_TABLE + random_below(&dice, ROOTS)) << 12;
	if (random_percent(&dice, 3)) /* anything, memory or not */
		root = random_percent(&dice, 50) ? random_below(&dice, GUEST_PAGES) << 12
		                                 : (uint32_t)random_next(&dice) & 0xfffff000;
	return wide() ? root | random_below(&dice, 4) << 5 : root;
}

static void load_cr0(uint32_t value)
{
	step_name = "CR0";
	bool done = mmu_set_cr0(value | 1);
	CHECK(done == reference_cr0(value), "CR0 = %#x: %d", value, done);
	reference_refresh();
}

static void load_cr4(const struct habits *habits, uint32_t value)
{
	step_name = "CR4";
	uint32_t old = reference.cr4;
	bool reformat = (value ^ old) & CR4_PAE;
	if (reformat) {
		reference.cr4 = value;
		write_tables(habits);
		reference.cr4 = old;
		reference_refresh();
	}
	bool done = mmu_set_cr4(value);
	CHECK(done == reference_cr4(value), "CR4 = %#x: %d", value, done);
	if (reformat && !done)
		write_tables(habits);
	reference_refresh();
}

static void load_efer(uint32_t value)
{
	step_name = "EFER";
	mmu_set_efer(value);
	reference_efer(value);
	reference_refresh();
}

static void flush_step(bool global)
{
	step_name = "flush";
	mmu_flush(global);
	reference_flush(global);
	reference_refresh();
}

static void notes_step(void)
{
	step_name = "notes";
	for (uint32_t i = random_below(&dice, 4); i && mmu_notes.count < MMU_NOTES; i--)
		mmu_notes.linear[mmu_notes.count++] =
		    random_page()->linear | (random_below(&dice, 4096) & ~3u);
	mmu_take_notes();
}

static void leave_alias_step(void)
{
	step_name = "the alias is left";
	mmu_leave_alias();
	reference.alias_lingers = false;
}

static void mode_step(const struct habits *habits)
{
	uint32_t kind = random_below(&dice, 100);
	if (kind < 25)
		load_cr4(habits, reference.cr4 ^ CR4_PGE);
	else if (kind < 35)
		load_cr4(habits, reference.cr4 ^ CR4_PSE);
	else if (kind < 40)
		load_cr4(habits, reference.cr4 ^ CR4_PAE);
	else if (kind < 70)
		load_cr0(reference.cr0 ^ CR0_WP);
	else if (kind < 85 || !(reference.cr0 & CR0_PG))
		load_cr0(reference.cr0 ^ CR0_PG);
	else if (kind < 92)
		load_efer(reference.efer ^ EFER_NXE);
	else
		leave_alias_step();
}

static void other_step(const struct habits *habits)
{
	uint32_t kind = random_below(&dice, 1000);
	if (kind < 400)
		write_step(habits);
	else if (kind < 410)
		table_step(habits);
	else if (kind < 550) {
		step_name = "INVLPG";
		invlpg(random_page()->linear | random_below(&dice, 4096));
	} else if (kind < 650)
		load_cr3(random_root());
	else if (kind < 720)
		load_cr3(reference.cr3);
	else if (kind < 740)
		flush_step(random_next(&dice) & 1);
	else if (kind < 800)
		notes_step();
	else if (kind < 860)
		touch_step();
	else {
		step_name = "speculation";
		processor_speculate(random_page()->linear);
	}
}

static void step(const struct habits *habits)
{
	if (reference.full)
		flush_step(true);
	if (random_below(&dice, 1000) < habits->mode_changes)
		mode_step(habits);
	else if (random_percent(&dice, 65))
		access_step();
	else
		other_step(habits);
	check_translations();
	if (step_number % 512 == 0) {
		machine_check();
		consistency_check();
	}
	if (step_number % 64 == 0)
		check_memory(FIRST_TABLE, TABLES);
}

static void make_universe(void)
{
	reference.universe_size = 0;
	for (uint32_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++)
		for (uint32_t j = 0; j < sizeof(pages) / sizeof(*pages); j++)
			reference.universe[reference.universe_size++].linear =
			    chunks[i] | pages[j] << 12;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);
	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void run_guest(void **state)
{
	const struct habits *habits = *state;
	uint64_t steps = setting("MMU_OPERATIONS", 60000);
	seed_now = setting("MMU_SEED", 1);
	dice.state = seed_now * 1000003 + habits->pool_pages;
	memset(&reference, 0, sizeof(reference));
	step_number = 0;
	machine_start(habits->pool_pages, habits->windows, seed_now);
	make_universe();
	reference_refresh();
	if (habits->cr4 & CR4_PAE)
		load_cr4(habits, habits->cr4);
	else
		write_tables(habits), load_cr4(habits, habits->cr4);
	load_efer(habits->efer);
	load_cr3(FIRST_TABLE << 12);
	load_cr0(habits->cr0);
	for (step_number = 1; step_number <= steps; step_number++)
		step(habits);
	machine_check();
	consistency_check();
	check_memory(0, ROM_PAGES_START);
	print_message("# %s: %llu steps, faults %u, fills %u, guest's %u, spurious %u, bulk %u, "
	              "reclaims %u, retyped %u, revalidated %u, stale %u, notes filled %u\n",
	              habits->name, (unsigned long long)steps, mmu_counters.faults,
	              mmu_counters.fills, mmu_counters.guest_faults, mmu_counters.spurious,
	              mmu_counters.bulk_tables, mmu_counters.reclaims, mmu_counters.tables_retyped,
	              mmu_counters.entries_revalidated, mmu_counters.entries_stale,
	              mmu_counters.notes_filled);
	machine_stop();
}

static struct habits guests[] = {
    {"2-level", 256, 64, CR0_PG | CR0_WP, CR4_PSE | CR4_PGE, 0, 0, 50, 15, 40, 60, 2},
    {"PAE", 257, 64, CR0_PG | CR0_WP, CR4_PAE | CR4_PGE, EFER_NXE, 0, 50, 15, 40, 60, 2},
    {"no PGE, no WP", 258, 64, CR0_PG, CR4_PSE, 0, 0, 50, 20, 40, 60, 2},
    {"PAE, no WP, no NX", 259, 16, CR0_PG, CR4_PAE, 0, 0, 80, 10, 40, 60, 2},
    {"unpaged and paged", 255, 64, 0, CR4_PSE, 0, 100, 50, 20, 40, 60, 2},
    {"all modes", 254, 64, CR0_PG | CR0_WP, CR4_PAE, EFER_NXE, 60, 50, 20, 40, 60, 2},
    {"all modes, small pool", 33, 4, CR0_PG, CR4_PSE, 0, 60, 50, 25, 40, 60, 2},
    {"kernel only, small pool", 40, 8, CR0_PG | CR0_WP, CR4_PAE | CR4_PGE, 0, 5, 50, 5, 70, 5, 0},
    {"well-behaved", 128, 32, CR0_PG | CR0_WP, CR4_PSE | CR4_PGE, 0, 2, 0, 15, 40, 60, 0},
};

int main(void)
{
	enum { count = sizeof(guests) / sizeof(*guests) };
	struct CMUnitTest tests[count];
	for (int i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){guests[i].name, run_guest, NULL, NULL, &guests[i]};
	return cmocka_run_group_tests_name("shadow MMU, random guests", tests, NULL, NULL);
}
