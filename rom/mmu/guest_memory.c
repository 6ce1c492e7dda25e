/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory by physical address. The ROM cannot map all of it: a small number of slots, windows,
 * each show one page. A page has one slot it can be in, so looking is a comparison.
 */

#include "rom/mmu/shadow.h"

uint8_t *open_window(uint32_t pfn)
{
	uint32_t slot = window_slot(pfn);
	uint32_t frame = pfn == NO_PFN ? MMU_NO_FRAME : backend_machine_frame(pfn);
	if (frame == MMU_NO_FRAME)
		return 0;
	backend_window_map(slot, frame);
	shadow.window_pfn[slot] = pfn;
	mmu_counters.window_maps++;
	return shadow.platform->windows + ((uint64_t)slot << PAGE_SHIFT);
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
