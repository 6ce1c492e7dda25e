/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may not be displaced, one kind after the other: a site has room for a window only if the
 * instruction behind it moves too, and something speaks for that instruction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patcher/plan/plan.h"
#include "tests/unit/fake_linux.h"

/* Behind a ret, so that no window can begin before it. */
#define SITE   0x100
#define BEHIND (SITE + 1) /* what stands behind the site's one byte, `cli` */
#define FAR    0x800      /* some other code */

struct protection {
	const char *reason; /* what the plan says of the site; NULL: it gets its window */
	const char *bytes;  /* at BEHIND */
	size_t size;
	void (*protect)(struct fake_linux *fake);
};

#define PLAIN "\xa1\x00\x20\x00\xc2", 5 /* mov 0xc2002000,%eax */

static void put_relative_pair(struct fake_linux *fake, struct fake_table *table, uint64_t first,
                              enum area area, uint64_t second)
{
	fake_pointer(fake, table, 4, true, AREA_TEXT, (int64_t)first);
	fake_pointer(fake, table, 4, true, area, (int64_t)second);
}

/* --- what the kernel looks up or rewrites ----------------------------------------------------- */

static void put_exception(struct fake_linux *fake, uint64_t instruction, uint64_t fixup)
{
	struct fake_table *table = fake_table(fake, "__ex_table");

	put_relative_pair(fake, table, instruction, AREA_TEXT, fixup);
	buffer_word(&table->bytes, 1, 4);
}

static void exception_instruction(struct fake_linux *fake)
{
	put_exception(fake, BEHIND, FAR);
}

static void exception_fixup(struct fake_linux *fake)
{
	put_exception(fake, FAR, BEHIND);
}

static void put_alternative(struct fake_linux *fake, uint64_t site, uint64_t size)
{
	struct fake_table *table = fake_table(fake, ".altinstructions");

	put_relative_pair(fake, table, site, AREA_REPLACEMENTS, 0x10);
	buffer_word(&table->bytes, 26, 2);
	buffer_word(&table->bytes, size, 1);
	buffer_word(&table->bytes, 3, 1);
}

static void alternative(struct fake_linux *fake)
{
	put_alternative(fake, BEHIND, 5);
}

/* The bytes that an alternative may write, not only its first one. */
static void alternative_before(struct fake_linux *fake)
{
	fake_code(fake, AREA_TEXT, SITE - 1, "\x90", 1);
	put_alternative(fake, SITE - 2, 7);
}

static void paravirt(struct fake_linux *fake)
{
	struct fake_table *table = fake_table(fake, ".parainstructions");

	fake_pointer(fake, table, 4, false, AREA_TEXT, BEHIND);
	buffer_word(&table->bytes, 0, 1);
	buffer_word(&table->bytes, 6, 1);
}

static void lock_prefix(struct fake_linux *fake)
{
	fake_pointer(fake, fake_table(fake, ".smp_locks"), 4, true, AREA_TEXT, BEHIND);
}

static void put_label(struct fake_linux *fake, uint64_t code, uint64_t target)
{
	struct fake_table *table = fake_table(fake, "__jump_table");

	put_relative_pair(fake, table, code, AREA_TEXT, target);
	fake_pointer(fake, table, 4, true, AREA_DATA, 0x40);
}

static void jump_label(struct fake_linux *fake)
{
	put_label(fake, BEHIND, FAR);
}

static void jump_label_target(struct fake_linux *fake)
{
	fake_code(fake, AREA_TEXT, FAR, "\x3e\x8d\x74\x26\x00", 5);
	put_label(fake, FAR, BEHIND);
}

static void bug(struct fake_linux *fake)
{
	struct fake_table *table = fake_table(fake, "__bug_table");

	table->flags |= SHF_WRITE;
	fake_string(fake, AREA_RODATA, 0x80, "mm/slab.c");
	fake_pointer(fake, table, 4, false, AREA_TEXT, BEHIND);
	fake_pointer(fake, table, 4, false, AREA_RODATA, 0x80);
	buffer_word(&table->bytes, 0x00010010, 4);
}

/* A call of what no symbol names; a window could have it as its last instruction. */
static void traced(struct fake_linux *fake)
{
	fake_branch(fake, 0xe8, AREA_TEXT, BEHIND, AREA_TEXT, FAR);
	fake_pointer(fake, fake_table(fake, "__mcount_loc"), 4, false, AREA_TEXT, BEHIND);
}

static void call(struct fake_linux *fake)
{
	fake_branch(fake, 0xe8, AREA_TEXT, BEHIND, AREA_TEXT, FAR);
}

/* --- what may be jumped to -------------------------------------------------------------------- */

static void blacklisted(struct fake_linux *fake)
{
	fake_pointer(fake, fake_table(fake, "_kprobe_blacklist"), 4, false, AREA_TEXT, BEHIND);
}

static void pci_fixup(struct fake_linux *fake)
{
	struct fake_table *table = fake_table(fake, ".pci_fixup");

	buffer_word(&table->bytes, 0x12348086, 4);
	buffer_word(&table->bytes, 0xffffffff, 4);
	buffer_word(&table->bytes, 8, 4);
	fake_pointer(fake, table, 4, true, AREA_TEXT, BEHIND);
}

static void symbol(struct fake_linux *fake)
{
	fake_symbol(fake, "label", STT_NOTYPE, fake_address(fake, AREA_TEXT, BEHIND));
}

static void put_word(struct fake_linux *fake, uint64_t at)
{
	uint32_t word = (uint32_t)fake_address(fake, AREA_TEXT, BEHIND);

	memcpy(fake->bytes[AREA_DATA] + at, &word, sizeof(word));
}

/* A jump table or a pointer, at any address: without relocations nothing tells. */
static void word_in_data(struct fake_linux *fake)
{
	put_word(fake, 0x123);
}

static void put_relocation(struct fake_linux *fake, uint64_t at, uint8_t type)
{
	struct fake_table *table = fake_table(fake, ".relocated");
	Elf32_Rel entry = {(uint32_t)(fake_table_address(fake, table) + at), ELF32_R_INFO(0, type)};
	uint64_t target = fake_address(fake, AREA_TEXT, BEHIND);

	buffer_fill(&table->bytes, 0, at);
	buffer_word(&table->bytes, type == R_386_32 ? target : target - entry.r_offset, 4);
	buffer_append(&table->relocations, &entry, sizeof(entry));
}

static void relocation(struct fake_linux *fake)
{
	put_relocation(fake, 8, R_386_32);
}

static void relative_relocation(struct fake_linux *fake)
{
	put_relocation(fake, 8, R_386_PC32);
}

/* Where relocations tell all references, a word that only looks like one is none. */
static void word_beside_relocations(struct fake_linux *fake)
{
	struct fake_table *table = fake_table(fake, ".relocated");
	Elf32_Rel entry = {(uint32_t)fake_table_address(fake, table), ELF32_R_INFO(0, R_386_32)};

	buffer_word(&table->bytes, fake_address(fake, AREA_TEXT, FAR), 4);
	buffer_append(&table->relocations, &entry, sizeof(entry));
	put_word(fake, 0x123);
}

static void nothing(struct fake_linux *fake)
{
	(void)fake;
}

static const struct protection protections[] = {
    {NULL, PLAIN, nothing},
    {NULL, "\xe8", 1, call},
    {NULL, PLAIN, word_beside_relocations},
    {"__ex_table", PLAIN, exception_instruction},
    {".altinstructions", PLAIN, alternative},
    {".altinstructions", PLAIN, alternative_before},
    {".parainstructions", "\xff\x15\x10\x20\x30\xc1", 6, paravirt},
    {".smp_locks", "\xf0\xff\x05\x00\x20\x00\xc2", 7, lock_prefix},
    {"__jump_table", "\x3e\x8d\x74\x26\x00", 5, jump_label},
    {"__jump_table target", PLAIN, jump_label_target},
    {"__bug_table", "\x0f\x0b", 2, bug},
    {"__mcount_loc", "\xe8", 1, traced},
    {"kprobe blacklist", PLAIN, blacklisted},
    {".pci_fixup", PLAIN, pci_fixup},
    {"symbol", PLAIN, symbol},
    {"word that looks like an address", PLAIN, word_in_data},
    {"relocation", PLAIN, relocation},
    {"relative relocation", PLAIN, relative_relocation},
};

/* --- plans ------------------------------------------------------------------------------------ */

struct planned {
	struct fake_linux *fake;
	struct scan scan;
	struct code_map map;
	struct rom rom;
	struct plan plan;
};

static struct fake_linux *start(const char *behind, size_t size)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	fake_code(fake, AREA_TEXT, SITE - 1, "\xc3\xfa", 2);
	fake_code(fake, AREA_TEXT, BEHIND, behind, size);
	fake_code(fake, AREA_TEXT, BEHIND + (size == 1 ? 5 : size), "\xc3", 1);
	return fake;
}

static void make_plan(struct fake_linux *fake, struct planned *planned)
{
	struct problem problem;

	planned->fake = fake;
	assert_read(fake);
	assert_true(scan_kernel(&fake->kernel, &planned->scan, &problem));
	assert_true(rom_read("native", &planned->rom, &problem));
	assert_true(code_map_build(&planned->scan, &planned->rom, &planned->map, &problem));
	assert_true(
	    plan_build(&planned->scan, &planned->map, &planned->rom, &planned->plan, &problem));
}

static void end_plan(struct planned *planned)
{
	plan_free(&planned->plan);
	rom_free(&planned->rom);
	code_map_free(&planned->map);
	scan_free(&planned->scan);
	fake_end(planned->fake);
}

static const struct plan_site *find_site(const struct planned *planned, enum area area,
                                         uint64_t offset)
{
	uint64_t address = fake_address(planned->fake, area, offset);

	for (size_t i = 0; i < planned->plan.site_count; i++)
		if (planned->plan.sites[i].site->address == address)
			return &planned->plan.sites[i];
	fail_msg("no site at 0x%llx", WIDE(address));
	return NULL;
}

static void check_protection(const struct protection *protection)
{
	struct fake_linux *fake = start(protection->bytes, protection->size);
	struct planned planned;
	const struct plan_site *site;

	protection->protect(fake);
	make_plan(fake, &planned);
	site = find_site(&planned, AREA_TEXT, SITE);
	if (!protection->reason) {
		assert_int_equal(site->method, ROM_METHOD_SPRINGBOARD);
		assert_int_equal(planned.plan.windows[site->window].start,
		                 fake_address(fake, AREA_TEXT, SITE));
		assert_true(planned.plan.windows[site->window].end >=
		            fake_address(fake, AREA_TEXT, SITE + 6));
	} else {
		assert_int_equal(site->window, UINT32_MAX);
		assert_int_equal(planned.plan.window_count, 0);
		assert_non_null(site->reason);
		assert_string_equal(site->reason, protection->reason);
	}
	end_plan(&planned);
}

static void test_protections(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(protections) / sizeof(protections[0]); i++) {
		print_message("# %zu: %s\n", i,
		              protections[i].reason ? protections[i].reason : "nothing");
		check_protection(&protections[i]);
	}
}

/* The instruction that a fixup leads to may move: the fixup follows it. */
static void test_fixup(void **state)
{
	struct fake_linux *fake = start(PLAIN);
	struct planned planned;
	const struct plan_site *site;

	(void)state;
	exception_fixup(fake);
	make_plan(fake, &planned);
	site = find_site(&planned, AREA_TEXT, SITE);
	assert_int_equal(site->method, ROM_METHOD_RETARGET);
	assert_int_equal(planned.plan.fixup_count, 1);
	assert_int_equal(planned.plan.fixups[0].entry->fixup.address,
	                 fake_address(fake, AREA_TEXT, BEHIND));
	end_plan(&planned);
}

/* `jmp rel32` of a static call: the kernel rewrites where it leads, so it must stay. */
static void test_static_call_trampolines(void **state)
{
	struct fake_linux *fake = start(PLAIN);
	struct planned planned;
	const struct plan_site *site;

	(void)state;
	for (uint64_t i = 0; i < 2; i++) {
		uint64_t at = 0x800 + 8 * i;

		fake_branch(fake, 0xe9, AREA_TEXT, at, AREA_TEXT, 0x300);
		fake_code(fake, AREA_TEXT, at + 5, "\x53\x43\x54", 3);
	}
	/* and one right behind a site; they are aligned */
	fake_code(fake, AREA_TEXT, 0x816, "\xc3\xfa", 2);
	fake_branch(fake, 0xe9, AREA_TEXT, 0x818, AREA_TEXT, 0x300);
	fake_code(fake, AREA_TEXT, 0x81d, "\x53\x43\x54", 3);
	make_plan(fake, &planned);
	assert_int_equal(fake->metadata.static_call_trampolines.count, 3);
	site = find_site(&planned, AREA_TEXT, 0x817);
	assert_int_equal(site->window, UINT32_MAX);
	assert_string_equal(site->reason, "static call");
	end_plan(&planned);
}

/* A site in a replacement that the kernel may copy. */
static void test_replacement(void **state)
{
	struct fake_linux *fake = start(PLAIN);
	struct planned planned;
	const struct plan_site *site;

	(void)state;
	put_alternative(fake, FAR, 5);
	fake_code(fake, AREA_REPLACEMENTS, 0x10, "\x90\xfa\x90", 3);
	make_plan(fake, &planned);
	site = find_site(&planned, AREA_REPLACEMENTS, 0x11);
	assert_int_equal(site->window, UINT32_MAX);
	assert_string_equal(site->reason, "alternative's replacement");
	end_plan(&planned);
}

/* A direct branch does not stand in the way, from wherever it comes: it is moved along. */
static void check_branch(enum area from)
{
	struct fake_linux *fake = start(PLAIN);
	struct planned planned;
	const struct plan_site *site;

	fake_branch(fake, 0xe9, from, 0x200, AREA_TEXT, BEHIND);
	make_plan(fake, &planned);
	site = find_site(&planned, AREA_TEXT, SITE);
	assert_int_equal(site->method, ROM_METHOD_RETARGET);
	assert_int_equal(planned.plan.retarget_count, 1);
	assert_int_equal(planned.plan.retargets[0].branch, fake_address(fake, from, 0x200));
	assert_int_equal(planned.plan.retargets[0].target, fake_address(fake, AREA_TEXT, BEHIND));
	end_plan(&planned);
}

static void test_branches(void **state)
{
	(void)state;
	check_branch(AREA_TEXT);
	check_branch(AREA_INIT_TEXT);
}

/* Sites that stand close by share one window, which ends with whole instructions. */
static void test_joined_sites(void **state)
{
	struct fake_linux *fake = start("\x89\xc3\x9c\x58\x0f\x06\x89\xc1\x89\xc2", 10);
	struct planned planned;
	const struct plan_site *first;

	(void)state;
	make_plan(fake, &planned);
	first = find_site(&planned, AREA_TEXT, SITE);
	assert_int_equal(find_site(&planned, AREA_TEXT, BEHIND + 2)->window, first->window);
	assert_int_equal(find_site(&planned, AREA_TEXT, BEHIND + 4)->window, first->window);
	assert_int_equal(planned.plan.window_count, 1);
	assert_int_equal(planned.plan.windows[0].site_count, 3);
	assert_int_equal(planned.plan.windows[0].end, fake_address(fake, AREA_TEXT, BEHIND + 6));
	end_plan(&planned);
}

/* `sti; hlt` with an interrupt between the two would sleep on: they are in one window. */
static void test_halt_in_the_shadow(void **state)
{
	struct fake_linux *fake = start("\x89\xc3\x89\xc1\xfb\xf4\xa1\x00\x20\x00\xc2", 11);
	struct planned planned;
	const struct plan_site *halt;

	(void)state;
	make_plan(fake, &planned);
	halt = find_site(&planned, AREA_TEXT, BEHIND + 5);
	assert_int_not_equal(halt->window, UINT32_MAX);
	assert_int_equal(find_site(&planned, AREA_TEXT, BEHIND + 4)->window, halt->window);
	end_plan(&planned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_protections),
	    cmocka_unit_test(test_fixup),
	    cmocka_unit_test(test_static_call_trampolines),
	    cmocka_unit_test(test_replacement),
	    cmocka_unit_test(test_branches),
	    cmocka_unit_test(test_joined_sites),
	    cmocka_unit_test(test_halt_in_the_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
