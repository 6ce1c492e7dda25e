/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/memory.h"
#include "rom/platform/xen/hypercall.h"
#include "rom/platform/xen/panic.h"

#define POOL_SHARE 32 /* of the domain's memory, one part is the pool for page tables */

struct memory memory;

void memory_map(uint32_t address, uint32_t frame, uint32_t flags)
{
	int32_t result =
	    hypercall_update_va_mapping(address, page_entry(frame, flags), UVMF_INVLPG);

	if (result < 0)
		panic_numbers("memory: cannot map", address, (uint32_t)result);
}

uint32_t memory_take_frame(void)
{
	return memory.frames[--memory.top];
}

void *memory_take(uint32_t size)
{
	uint32_t at = memory.heap_next;

	size = (size + 7) & ~7u;
	if (size > WINDOW_HEAP_END - at)
		panic_numbers("memory: the heap is full", size, at);
	while (memory.heap_mapped < at + size) {
		memory_map(memory.heap_mapped, memory_take_frame(), PAGE_WRITABLE);
		__builtin_memset((void *)memory.heap_mapped, 0, PAGE_SIZE);
		memory.heap_mapped += PAGE_SIZE;
	}
	memory.heap_next = at + size;
	return (void *)at;
}

uint32_t memory_frame_of(const void *object)
{
	uint32_t offset = (uint32_t)object - rom_parameters.region_virtual;

	return memory.frames[(rom_parameters.region_physical + offset) >> PAGE_SHIFT];
}

/* The list of frames moves into the window. */
static void copy_frames(void)
{
	uint32_t pages = (memory.pages * 4 + PAGE_SIZE - 1) / PAGE_SIZE;

	if (pages > WINDOW_P2M_PAGES)
		panic_numbers("memory: more than the ROM can manage: pages", memory.pages,
		              WINDOW_P2M_PAGES * 1024);
	for (uint32_t i = 0; i < pages; i++) {
		memory_map(WINDOW_P2M + i * PAGE_SIZE, memory_take_frame(), PAGE_WRITABLE);
		__builtin_memcpy((void *)(WINDOW_P2M + i * PAGE_SIZE), memory.frames + i * 1024,
		                 PAGE_SIZE);
	}
	memory.frames = (const uint32_t *)WINDOW_P2M;
}

static void make_pool(void)
{
	uint32_t end = rom_parameters.region_virtual + rom_parameters.region_size;
	uint32_t room;

	memory.pool = (end + PAGE_SIZE - 1) & PAGE_MASK;
	room = (WINDOW_POOL_END - memory.pool) / PAGE_SIZE;
	memory.pool_pages = memory.pages / POOL_SHARE < room ? memory.pages / POOL_SHARE : room;
	memory.pool_frames = memory_take(memory.pool_pages * sizeof(*memory.pool_frames));
	for (uint32_t i = 0; i < memory.pool_pages; i++) {
		memory.pool_frames[i] = memory_take_frame();
		memory_map(memory.pool + i * PAGE_SIZE, memory.pool_frames[i], PAGE_READABLE);
	}
}

static void clear_entry(uint64_t address)
{
	struct xen_mmu_update update = {.ptr = address | MMU_NORMAL_PT_UPDATE, .val = 0};
	int32_t result = hypercall_mmu_update(&update, 1);

	if (result < 0)
		panic_numbers("memory: cannot clear an entry", (uint32_t)address, (uint32_t)result);
}

/* Gives up what Xen has mapped below the window. */
static void drop_first_mapping(void)
{
	for (uint32_t i = 0; i < (ROM_XEN_WINDOW >> 21) % TABLE_ENTRIES; i++)
		if (memory.l2[i] != 0)
			clear_entry(memory.l2_address + 8 * i);
	for (uint32_t i = 0; i < ROM_XEN_WINDOW >> 30; i++)
		clear_entry(memory.l3_address + 8 * i);
}

void memory_initialise(const struct start_info *start_info)
{
	uint32_t tables = (start_info->pt_base - ROM_XEN_VIRT_BASE) >> PAGE_SHIFT;
	const uint64_t *l3 = (const uint64_t *)start_info->pt_base;

	memory.pages = memory.top = start_info->nr_pages;
	memory.own_first = rom_parameters.region_physical >> PAGE_SHIFT;
	memory.own_end = tables + start_info->nr_pt_frames;
	memory.frames = (const uint32_t *)start_info->mfn_list;
	memory.heap_next = memory.heap_mapped = WINDOW_HEAP;
	memory.l3_address = (uint64_t)memory.frames[tables] << PAGE_SHIFT;
	memory.l2_address = l3[ROM_XEN_WINDOW >> 30] & PAGE_ADDRESS;
	memory_map(WINDOW_SHARED_INFO, start_info->shared_info >> PAGE_SHIFT, PAGE_WRITABLE);
	copy_frames();
	make_pool();
	memory.heap_next = (memory.heap_next + PAGE_SIZE - 1) & PAGE_MASK;
	memory.heap_mapped = memory.heap_next + PAGE_SIZE;
	memory_map(memory.heap_next, (uint32_t)(memory.l2_address >> PAGE_SHIFT), PAGE_READABLE);
	memory.l2 = (const uint64_t *)memory.heap_next;
	memory.heap_next += PAGE_SIZE;
	drop_first_mapping();
}
