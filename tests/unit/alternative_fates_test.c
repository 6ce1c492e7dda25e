/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What becomes of alternatives with sensitive instructions under a ROM that hides features: inert,
 * disarmed, or a refusal that names the feature.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/patch/patch.h"
#include "tests/unit/fake_linux.h"

#define SITE  0x100
#define OTHER 0x200 /* a second site */

/* Features by number: SMAP is hidden by any policy; XMM2 (SSE2) is shown. */
#define SMAP     (9 * 32 + 20)
#define XMM2     (0 * 32 + 26)
#define VMMCALL  (8 * 32 + 15) /* not known to stand for anything of CPUID */
#define USE_IBPB (7 * 32 + 21)
#define WITHOUT  0x8000

struct made {
	struct fake_linux *fake;
	struct scan scan;
	struct rom rom;
	struct patch patch;
};

static void put_entry(struct fake_linux *fake, uint64_t site, uint64_t replacement,
                      uint32_t feature, uint8_t length)
{
	struct fake_table *table =
	    fake->table_count ? &fake->tables[0] : fake_table(fake, ".altinstructions");

	fake_pointer(fake, table, 4, true, AREA_TEXT, site);
	fake_pointer(fake, table, 4, true, AREA_REPLACEMENTS, replacement);
	buffer_word(&table->bytes, feature, 2);
	buffer_word(&table->bytes, length, 1);
	buffer_word(&table->bytes, length, 1);
}

/* A site of nops whose replacement has bytes. */
static struct fake_linux *start(const char *bytes, uint8_t size, uint32_t feature)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");

	fake_code(fake, AREA_REPLACEMENTS, 0x10, bytes, size);
	put_entry(fake, SITE, 0x10, feature, size);
	return fake;
}

/* As the linker would make it: with segments. */
static void read_linked(struct fake_linux *fake)
{
	struct elf_builder *builder = &fake->builder;
	uint32_t sections[AREA_COUNT];

	snprintf((char *)fake->bytes[AREA_RODATA] + AREA_SIZE - 0x100, 0x100,
	         "Linux version 6.1.0 (builder@host)\n");
	builder_start(builder, false, ET_EXEC);
	fake_sections(fake, sections);
	for (uint32_t i = 1; i <= AREA_COUNT + fake->table_count; i++)
		builder_segment(builder, PT_LOAD, PF_R | PF_W, i, i);
	builder_finish(builder);
	if (!kernel_read_memory("fake", builder->image.data, builder->image.size, &fake->kernel,
	                        &fake->problem))
		fail_msg("the fake kernel is not read: %s", fake->problem.text);
}

static void make(struct fake_linux *fake, const char *rom, struct made *made)
{
	char path[4096];

	made->fake = fake;
	snprintf(path, sizeof(path), "%s/tests/mutation/%s.rom", getenv("POSTBURN_BUILD"), rom);
	read_linked(fake);
	assert_true(scan_kernel(&fake->kernel, &made->scan, &fake->problem));
	if (!rom_read(path, &made->rom, &fake->problem) ||
	    !patch_kernel(&fake->kernel, &made->scan, &made->rom, &made->patch, &fake->problem))
		fail_msg("%s", fake->problem.text);
}

static void end(struct made *made)
{
	patch_free(&made->patch);
	rom_free(&made->rom);
	scan_free(&made->scan);
	fake_end(made->fake);
}

static const struct plan_site *find_site(const struct made *made, enum area area, uint64_t offset)
{
	uint64_t address = fake_address(made->fake, area, offset);

	for (size_t i = 0; i < made->patch.plan.site_count; i++)
		if (made->patch.plan.sites[i].site->address == address)
			return &made->patch.plan.sites[i];
	fail_msg("no site at 0x%llx", (unsigned long long)address);
	return NULL;
}

/* --- inert ------------------------------------------------------------------------------------ */

static void check_inert(const char *bytes, uint8_t size, uint32_t feature)
{
	struct made made;
	const struct plan_site *site;

	make(start(bytes, size, feature), "greedy-xen", &made);
	site = find_site(&made, AREA_REPLACEMENTS, 0x10);
	assert_true(site->patched);
	assert_int_equal(site->method, ROM_METHOD_ALTERNATIVE);
	assert_int_equal(site->feature, feature);
	assert_int_equal(made.patch.unpatched, 0);
	end(&made);
}

static void test_hidden(void **state)
{
	(void)state;
	check_inert("\x0f\x01\xcb", 3, SMAP); /* stac */
	check_inert("\x0f\x30", 2, USE_IBPB); /* wrmsr */
}

/* A window may cover what an entry would write that is never applied. */
static void test_site_of_hidden(void **state)
{
	struct fake_linux *fake = start("\x0f\x01\xcb", 3, SMAP);
	struct made made;
	const struct plan_site *site;

	(void)state;
	fake_code(fake, AREA_TEXT, SITE - 1, "\xfa", 1); /* cli; three nops of the entry; nop */
	make(fake, "greedy-xen", &made);
	site = find_site(&made, AREA_TEXT, SITE - 1);
	assert_int_equal(site->method, ROM_METHOD_SPRINGBOARD);
	assert_true(made.patch.plan.windows[site->window].end >=
	            fake_address(fake, AREA_TEXT, SITE + 3));
	end(&made);
}

/* A ROM that says nothing of its CPUID hides nothing: the entry's bytes stay, so does the site. */
static void test_unknown_rom(void **state)
{
	struct fake_linux *fake = start("\x0f\x01\xcb", 3, SMAP);
	struct made made;

	(void)state;
	make(fake, "greedy", &made);
	assert_int_equal(find_site(&made, AREA_REPLACEMENTS, 0x10)->method, ROM_METHOD_NONE);
	assert_true(
	    code_map_any(&made.patch.map, CODE_FIXED, fake_address(fake, AREA_TEXT, SITE), 1));
	end(&made);
}

/* --- refused ---------------------------------------------------------------------------------- */

static void check_refused(uint32_t feature)
{
	struct made made;
	const struct plan_site *site;

	make(start("\x0f\x01\xcb", 3, feature), "greedy-xen", &made);
	site = find_site(&made, AREA_REPLACEMENTS, 0x10);
	assert_false(site->patched);
	assert_int_equal(made.patch.unpatched, 1);
	assert_int_equal(site->feature, feature & ~WITHOUT);
	assert_string_equal(site->reason,
	                    "alternative's replacement, of a feature that the ROM shows");
	end(&made);
}

static void test_shown(void **state)
{
	(void)state;
	check_refused(XMM2);
	check_refused(SMAP | WITHOUT); /* applied where it is hidden */
	check_refused(VMMCALL);
	check_refused(3 * 32 + 21); /* ALWAYS */
}

/* One live entry is enough, whatever others have the same replacement. */
static void test_shared_replacement(void **state)
{
	struct fake_linux *fake = start("\x0f\x01\xcb", 3, SMAP);
	struct made made;

	(void)state;
	put_entry(fake, OTHER, 0x10, XMM2, 3);
	make(fake, "greedy-xen", &made);
	assert_false(find_site(&made, AREA_REPLACEMENTS, 0x10)->patched);
	end(&made);
}

/* --- disarmed --------------------------------------------------------------------------------- */

/* vmcall becomes vmmcall: both are one call of the ROM. */
static void test_disarmed(void **state)
{
	struct fake_linux *fake = start("\x0f\x01\xd9", 3, VMMCALL);
	struct made made;
	const uint8_t *lengths;

	(void)state;
	fake_code(fake, AREA_TEXT, SITE, "\x0f\x01\xc1", 3);
	make(fake, "greedy-xen", &made);
	assert_int_equal(made.patch.unpatched, 0);
	assert_int_equal(made.patch.map.fates[0], ALTERNATIVE_DISARMED);
	assert_int_equal(find_site(&made, AREA_TEXT, SITE)->method, ROM_METHOD_SPRINGBOARD);
	lengths = kernel_bytes_at(&fake->kernel,
	                          made.scan.metadata.alternatives[0].entry_address + 10, 2);
	assert_non_null(lengths);
	lengths = made.patch.image + (lengths - fake->kernel.image);
	assert_int_equal(lengths[0] | lengths[1], 0);
	end(&made);
}

/* Another call, or one with operands, is no reason to leave the old one in its place. */
static void test_not_disarmed(void **state)
{
	struct fake_linux *fake = start("\x0f\x32", 2, VMMCALL); /* rdmsr */
	struct made made;

	(void)state;
	fake_code(fake, AREA_TEXT, SITE, "\x0f\x32", 2);
	make(fake, "greedy-xen", &made);
	assert_int_equal(made.patch.map.fates[0], ALTERNATIVE_LIVE);
	assert_int_equal(made.patch.unpatched, 2); /* the site, which may be written, too */
	end(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hidden),
	    cmocka_unit_test(test_site_of_hidden),
	    cmocka_unit_test(test_unknown_rom),
	    cmocka_unit_test(test_shown),
	    cmocka_unit_test(test_shared_replacement),
	    cmocka_unit_test(test_disarmed),
	    cmocka_unit_test(test_not_disarmed),
	};

	return cmocka_run_group_tests_name("alternatives under a ROM", tests, NULL, NULL);
}
