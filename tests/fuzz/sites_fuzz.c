/* SPDX-License-Identifier: BSD-2-Clause */

/* A sites file given with --sites, beside a small kernel: the input is the file. */

#include "patcher/sites/sites.h"
#include "tests/fuzz/elf_frame.h"
#include "tests/fuzz/harness.h"

/* The kernel that the sites are for, made once. NULL: no memory. */
static const struct scan *make_scan(void)
{
	/* Ascending addresses, as kernel.h promises. */
	static struct kernel_symbol symbols[] = {
	    {.name = "set_pte", .address = ELF_FRAME_TEXT, .size = 16},
	    {.name = "twin", .address = ELF_FRAME_TEXT + 16},
	    {.name = "set_pmd", .address = ELF_FRAME_TEXT + 32, .size = 16},
	    {.name = "twin", .address = ELF_FRAME_TEXT + 48},
	};
	static struct kernel kernel;
	static struct scan scan;
	struct problem problem;
	size_t size;
	static uint8_t *image;

	if (image)
		return &scan;
	image = elf_frame_make(false, "6.1.0", NULL, 0, &size);
	if (!image || !kernel_read_memory("vmlinux", image, size, &kernel, &problem) ||
	    !scan_kernel(&kernel, &scan, &problem))
		return NULL;
	kernel.symbols = symbols;
	kernel.symbol_count = sizeof(symbols) / sizeof(symbols[0]);
	return &scan;
}

static void check_list(const struct extra_sites *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct extra_site *site = &list->sites[i];

		CHECK(!i || site->address > list->sites[i - 1].address);
		CHECK(extra_sites_find(list, site->address) == site);
		CHECK(site->length >= 1 && site->length <= INSTRUCTION_MAX_LENGTH);
		CHECK(site->bytes >= site->section->bytes &&
		      site->bytes + site->length <= site->section->bytes + site->section->size);
		CHECK(site->line > 0 && site->source == EXTRA_SITE_FILE);
		for (const char *at = site->origin; at && *at; at++)
			CHECK(*at >= ' ' && *at <= '~');
	}
	report_finding("sites %zu", list->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scan *scan = make_scan();
	struct extra_sites list = {0};
	struct problem problem;

	if (!scan)
		return 0;
	if (extra_sites_parse(data, size, scan, &list, &problem)) {
		check_list(&list);
		extra_sites_free(&list);
	} else {
		check_problem(&problem);
		CHECK(!list.sites && !list.count);
	}
	return 0;
}
