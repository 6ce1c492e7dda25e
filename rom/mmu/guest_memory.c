/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory by physical address. The ROM cannot map all of it: a small number of slots, windows,
 * each show one page. A page has one slot it can be in, so looking is a comparison.
 */

#include "rom/mmu/shadow.h"

uint8_t *window_of(uint32_t pfn)
{
	const struct mmu_platform *platform = shadow.platform;
	uint32_t slot = (pfn ^ pfn >> 7) & (platform->window_count - 1);
	if (shadow.window_pfn[slot] != pfn || pfn == NO_PFN) {
		uint32_t frame = pfn == NO_PFN ? MMU_NO_FRAME : backend_machine_frame(pfn);
		if (frame == MMU_NO_FRAME)
			return 0;
		backend_window_map(slot, frame);
		shadow.window_pfn[slot] = pfn;
		mmu_counters.window_maps++;
	}
	return platform->windows + ((uint64_t)slot << PAGE_SHIFT);
}

uint64_t guest_entry(uint32_t pfn, uint32_t offset, bool wide)
{
	const uint8_t *page = window_of(pfn);
	if (!page)
		return wide ? ~0ull : 0xffffffffu;
	if (wide)
		return *(const uint64_t *)(page + offset);
	return *(const uint32_t *)(page + offset);
}

void mark_guest_entry(uint32_t pfn, uint32_t offset, uint8_t bits)
{
	uint8_t *page = window_of(pfn);
	if (page)
		page[offset] |= bits;
}

void *mmu_map_guest(uint32_t pfn)
{
	return window_of(pfn);
}
