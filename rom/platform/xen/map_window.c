/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Maps the window. Runs at the low alias, where Xen has loaded the ROM, before the addresses that
 * the ROM is linked at are there: objects are reached through AT_LOW(), and there are no strings
 * and no calls out of this file.
 */

#include "rom/platform/xen/hypercall.h"
#include "rom/platform/xen/start.h"

uint64_t window_tables[WINDOW_TABLES][TABLE_ENTRIES] __attribute__((aligned(4096)));

#define AT_LOW(object) ((__typeof__(&(object)))((char *)&(object) + low))

static void fill_tables(const uint32_t *frames, uint32_t low)
{
	const volatile struct rom_parameters *parameters = AT_LOW(rom_parameters);
	uint64_t *tables = (uint64_t *)AT_LOW(window_tables);
	uint32_t first = parameters->region_physical >> PAGE_SHIFT;
	uint32_t count = (parameters->region_size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	uint32_t own = ((uint32_t)window_tables - ROM_XEN_WINDOW) >> PAGE_SHIFT;

	for (uint32_t i = 0; i < count; i++)
		tables[i] = page_entry(frames[first + i], PAGE_WRITABLE);
	for (uint32_t i = own; i < own + WINDOW_TABLES; i++)
		tables[i] = page_entry(frames[first + i], PAGE_READABLE);
}

/*
 * low: the low alias minus the linked address. Returns 0, or a hypercall's negative errno: then the
 * window is not there.
 */
int32_t map_window(const struct start_info *start_info, uint32_t low)
{
	const uint32_t *frames = (const uint32_t *)start_info->mfn_list;
	const uint64_t *l3 = (const uint64_t *)start_info->pt_base;
	uint64_t l2 = l3[ROM_XEN_WINDOW >> 30] & PAGE_ADDRESS;
	uint32_t first = (uint32_t)AT_LOW(window_tables);
	struct xen_mmu_update updates[WINDOW_TABLES];

	fill_tables(frames, low);
	for (uint32_t i = 0; i < WINDOW_TABLES; i++) {
		uint32_t address = first + i * PAGE_SIZE;
		uint32_t frame = frames[(address - ROM_XEN_VIRT_BASE) >> PAGE_SHIFT];
		int32_t result = hypercall_update_va_mapping(
		    address, page_entry(frame, PAGE_READABLE), UVMF_INVLPG);

		if (result < 0)
			return result;
		updates[i].ptr =
		    (l2 + 8 * ((ROM_XEN_WINDOW >> 21) % TABLE_ENTRIES + i)) | MMU_NORMAL_PT_UPDATE;
		updates[i].val = page_entry(frame, PAGE_TABLE);
	}
	return hypercall_mmu_update(updates, WINDOW_TABLES);
}
