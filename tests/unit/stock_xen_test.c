/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Debian's kernels for the xen ROM: every site that must be rewritten is, at most three by trap,
 * none of those one that runs all the time; and no sensitive instruction comes back when the kernel
 * applies its alternatives at boot, whatever features it sees. And what springboards need not save.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm/classify.h"
#include "disasm/sweep.h"
#include "patcher/bytes.h"
#include "patcher/patch/patch.h"
#include "tests/cache.h"

#define MOST_TRAPS 3

static const char *const needed[] = {"debian/686-pae/boot/vmlinuz-*", "debian/686/boot/vmlinuz-*"};

struct stock {
	struct kernel kernel;
	struct scan scan;
	struct rom rom;
	struct patch patch;
};

static void make_stock(const char *pattern, const char *rom, struct stock *stock)
{
	const struct kernel_read_options options = {NULL};
	struct problem problem = {0};
	char *path = cache_find(pattern);

	assert_non_null(path);
	if (!kernel_read(path, &options, &stock->kernel, &problem) ||
	    !scan_kernel(&stock->kernel, &stock->scan, &problem) ||
	    !rom_read(rom, &stock->rom, &problem) ||
	    !patch_kernel(&stock->kernel, &stock->scan, &stock->rom, &stock->patch, &problem))
		fail_msg("%s: %s", path, problem.text);
	free(path);
}

static void free_stock(struct stock *stock)
{
	patch_free(&stock->patch);
	rom_free(&stock->rom);
	scan_free(&stock->scan);
	kernel_free(&stock->kernel);
}

/* The rewritten image at a guest-virtual address. */
static uint8_t *at(const struct stock *stock, uint32_t address, uint32_t size)
{
	const uint8_t *bytes = kernel_bytes_at(&stock->kernel, address, size);

	return bytes ? stock->patch.image + (bytes - stock->kernel.image) : NULL;
}

/* --- where it goes ---------------------------------------------------------------------------- */

/* The window is Xen's, the guest's fixmap ends below it, and Xen loads both one behind the other.
 */
static void test_layout(void **state)
{
	const struct patch_layout *layout;
	struct stock stock;
	uint64_t top;

	(void)state;
	make_stock(needed[0], "xen", &stock);
	layout = &stock.patch.layout;
	assert_int_equal(layout->virtual, ROM_XEN_WINDOW);
	assert_int_equal(layout->physical % 0x200000, 0);
	assert_true(layout->physical >= layout->guest_end);
	assert_true(layout->physical - layout->guest_end < 0x200000);
	assert_true(stock.patch.top_is_free);
	assert_true(linux_exported_symbol(&stock.kernel, "__FIXADDR_TOP", &top));
	assert_int_equal(bytes_load32(at(&stock, (uint32_t)top, 4)), ROM_XEN_WINDOW - 4096);
	free_stock(&stock);
}

/* --- every site ------------------------------------------------------------------------------- */

/* What need not be rewritten: the ROM wants the instruction itself, as it faults by itself. */
static bool is_native(const struct stock *stock, const struct sensitive_form *form)
{
	return stock->rom.calls[form->call].action == ROM_ACTION_NONE;
}

/* What would cost most: calls that a running kernel makes all the time. */
static bool is_frequent(uint16_t call)
{
	switch (call) {
	case VMI_CALL_DisableInterrupts:
	case VMI_CALL_EnableInterrupts:
	case VMI_CALL_PUSHF:
	case VMI_CALL_POPF:
	case VMI_CALL_IRET: return true;
	default: return false;
	}
}

static void check_sites(const char *pattern)
{
	size_t counts[ROM_METHOD_ALTERNATIVE + 1] = {0};
	struct stock stock;

	make_stock(pattern, "xen", &stock);
	for (size_t i = 0; i < stock.patch.plan.site_count; i++) {
		const struct plan_site *site = &stock.patch.plan.sites[i];
		const struct sensitive_form *form = &sensitive_forms[site->site->form];

		if (!site->patched)
			fail_msg("0x%llx: %s stays: %s", (unsigned long long)site->site->address,
			         form->mnemonic, site->reason);
		counts[site->method]++;
		if (site->method == ROM_METHOD_NONE && !is_native(&stock, form))
			fail_msg("0x%llx: %s is native against the ROM's will",
			         (unsigned long long)site->site->address, form->mnemonic);
		if (site->method != ROM_METHOD_TRAP)
			continue;
		print_message("# 0x%llx: %s traps: %s\n", (unsigned long long)site->site->address,
		              form->mnemonic, site->reason);
		assert_false(is_frequent(form->call));
	}
	print_message("# %s: %zu sites", pattern, stock.patch.plan.site_count);
	for (uint8_t i = 0; i <= ROM_METHOD_ALTERNATIVE; i++)
		if (counts[i])
			print_message(", %zu %s", counts[i], plan_method_name(i));
	print_message("\n");
	assert_int_equal(stock.patch.unpatched, 0);
	assert_true(counts[ROM_METHOD_TRAP] <= MOST_TRAPS);
	free_stock(&stock);
}

static void test_sites(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		check_sites(needed[i]);
}

/* --- the kernel patches itself ---------------------------------------------------------------- */

#define ENTRY_SIZE 12 /* relative-12 */
#define FLAG_NOT   0x8000

/* Linux 6.1, apply_alternatives(): the replacement is copied, a jump or call of five bytes led to
 * where it led, the rest filled with nops. (What runs of nops become makes no difference here.) */
static void apply(const struct stock *stock, uint32_t entry)
{
	const uint8_t *fields = at(stock, entry, ENTRY_SIZE);
	uint32_t site = entry + bytes_load32(fields), from = entry + 4 + bytes_load32(fields + 4);
	uint8_t length = fields[10], replacement_length = fields[11], buffer[256];
	const uint8_t *replacement = at(stock, from, replacement_length);
	uint8_t *to = at(stock, site, length);
	uint32_t word;

	if (!length)
		return;
	assert_non_null(to);
	assert_true(replacement_length <= length);
	memset(buffer, 0x90, sizeof(buffer));
	if (replacement_length)
		memcpy(buffer, replacement, replacement_length);
	if (replacement_length == 5 && (buffer[0] == 0xe8 || buffer[0] == 0xe9)) {
		word = bytes_load32(buffer + 1) + from - site;
		memcpy(buffer + 1, &word, sizeof(word));
	}
	memcpy(to, buffer, length);
}

/* Every entry that applies if all features are there that the ROM does not hide, or if none is. */
static size_t apply_all(const struct stock *stock, bool on)
{
	const struct linux_metadata *metadata = &stock->scan.metadata;
	size_t applied = 0;

	assert_string_equal(metadata->alternative_table.layout, "relative-12");
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		uint32_t entry = (uint32_t)metadata->alternatives[i].entry_address;
		bool without = bytes_load16(at(stock, entry, ENTRY_SIZE) + 8) & FLAG_NOT;
		bool has = on && stock->patch.map.fates[i] != ALTERNATIVE_HIDDEN;

		if (has == without)
			continue;
		apply(stock, entry);
		applied++;
	}
	return applied;
}

/* Sites of one section as it is now; those of replacements are bytes that only their copies run. */
static size_t count_sites(const struct stock *stock, const struct scan_section *swept)
{
	const struct kernel_section *section = swept->section;
	struct sweep_input input = {
	    .bytes = at(stock, (uint32_t)section->address, (uint32_t)section->size),
	    .size = section->size,
	    .address = section->address,
	    .mode = DISASM_MODE_32,
	};
	struct sweep_result result;
	uint32_t feature;
	size_t count = 0;

	assert_true(sweep(&input, &result));
	for (size_t i = 0; i < result.site_count; i++) {
		uint64_t address = section->address + result.sites[i].offset;

		/* An instruction that the sweep of the input saw, or one that was put there. */
		if (!sensitive_forms[result.sites[i].form].rewrite ||
		    is_native(stock, &sensitive_forms[result.sites[i].form]) ||
		    bitmap_test(swept->marks[MARK_REPLACEMENT], result.sites[i].offset))
			continue;
		if (code_map_is_inert(&stock->patch.map, address, &feature) && feature)
			continue;
		print_message("# 0x%llx: %s\n", (unsigned long long)address,
		              sensitive_forms[result.sites[i].form].mnemonic);
		count++;
	}
	sweep_result_free(&result);
	return count;
}

/* A window's bytes are a jump and traps, whatever has been applied. */
static void check_windows(const struct stock *stock, const uint8_t *before)
{
	for (size_t i = 0; i < stock->patch.plan.window_count; i++) {
		const struct plan_window *window = &stock->patch.plan.windows[i];
		uint32_t size = (uint32_t)(window->end - window->start);
		const uint8_t *now = at(stock, (uint32_t)window->start, size);

		if (memcmp(now, before + (now - stock->patch.image), size) != 0)
			fail_msg("the window at 0x%llx was overwritten",
			         (unsigned long long)window->start);
	}
}

static void check_applied(const char *pattern, bool on)
{
	struct stock stock;
	size_t applied, left = 0;
	uint8_t *before;

	make_stock(pattern, "xen", &stock);
	before = malloc(stock.kernel.image_size);
	assert_non_null(before);
	memcpy(before, stock.patch.image, stock.kernel.image_size);
	applied = apply_all(&stock, on);
	for (size_t i = 0; i < stock.scan.section_count; i++)
		left += count_sites(&stock, &stock.scan.sections[i]);
	check_windows(&stock, before);
	print_message("# %s, features %s: %zu of %zu alternatives applied, %zu sites\n", pattern,
	              on ? "on" : "off", applied, stock.scan.metadata.alternative_count, left);
	assert_true(applied > 0);
	assert_int_equal(left, 0);
	free(before);
	free_stock(&stock);
}

static void test_applied(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		check_applied(needed[i], true);
		check_applied(needed[i], false);
	}
}

/* --- what need not be saved ------------------------------------------------------------------- */

/* Bytes of all springboards, with everything live or with what is. */
static size_t springboard_bytes(const struct stock *stock, bool everything)
{
	static struct springboard springboard;
	struct problem problem;
	struct window window;
	size_t size = 0;

	for (size_t i = 0; i < stock->patch.plan.window_count; i++) {
		plan_window_instructions(&stock->patch.plan, &stock->patch.plan.windows[i],
		                         &window);
		for (unsigned int j = 0; everything && j < window.count; j++)
			window.instructions[j].live_after = UINT32_MAX;
		assert_true(springboard_build(&window, 0xf5000000, &stock->rom, 0xf5000000,
		                              &springboard, &problem));
		size += springboard.size;
	}
	return size;
}

static void check_liveness(const char *rom)
{
	struct stock stock;
	size_t all, now;

	make_stock(needed[0], rom, &stock);
	all = springboard_bytes(&stock, true);
	now = springboard_bytes(&stock, false);
	print_message("# %s: springboards of %zu bytes, %zu fewer than with everything saved\n",
	              stock.rom.name, now, all - now);
	assert_true(now < all);
	free_stock(&stock);
}

static void test_liveness(void **state)
{
	char greedy[4096];

	(void)state;
	snprintf(greedy, sizeof(greedy), "%s/tests/mutation/greedy-xen.rom",
	         getenv("POSTBURN_BUILD"));
	check_liveness("native");
	check_liveness("xen");
	check_liveness(greedy); /* clobbers all it may */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_sites),
	    cmocka_unit_test(test_liveness),
	    cmocka_unit_test(test_applied),
	};

	if (cache_lacks(needed, sizeof(needed) / sizeof(needed[0])))
		return 0;
	return cmocka_run_group_tests_name("stock kernels for Xen", tests, NULL, NULL);
}
