/* SPDX-License-Identifier: BSD-2-Clause */

/* What rom/mmu/backend.h asks for, by hypercalls. */

#include "rom/platform/xen/mmu_backend.h"
#include "rom/mmu/backend.h"
#include "rom/mmu/mmu.h"
#include "rom/platform/xen/hypercall.h"
#include "rom/platform/xen/memory.h"
#include "rom/platform/xen/panic.h"

#include <xen/version.h>

static uint8_t void_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static struct mmu_platform platform;

/*
 * Whether do_mmu_update() flushes when it has changed an L2 or L3. It does since XSA-286
 * (Xen 4.14), for the sake of its own linear mapping of page tables, not as a promise: newer ones
 * are not relied on before they have been read (arch/x86/mm.c, flush_linear_pt).
 */
static bool xen_flushes;

static bool xen_is_known_to_flush(void)
{
	int32_t version = hypercall2(__HYPERVISOR_xen_version, XENVER_version, 0);

	return version >= (4 << 16 | 14) && version <= (4 << 16 | 17);
}

static void check(const char *what, uint32_t argument, int32_t result)
{
	if (result < 0)
		backend_fatal(what, argument, (uint32_t)result);
}

uint32_t backend_machine_frame(uint32_t pfn)
{
	if (pfn >= memory.top || (pfn >= memory.own_first && pfn < memory.own_end))
		return MMU_NO_FRAME;
	return memory.frames[pfn];
}

static void flush_processor(enum mmu_flush flush, uint32_t linear)
{
	struct mmuext_op operation = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

	if (flush == MMU_FLUSH_NONE || (flush == MMU_FLUSH_ALL_WITH_TABLES && xen_flushes))
		return;
	if (flush == MMU_FLUSH_PAGE) {
		operation.cmd = MMUEXT_INVLPG_LOCAL;
		operation.arg1.linear_addr = linear;
	}
	check("mmu: flush", linear, hypercall_mmuext_op(&operation, 1));
}

void backend_update(const struct mmu_update *updates, uint32_t count, enum mmu_flush flush,
                    uint32_t linear)
{
	if (count == 1 && flush == MMU_FLUSH_PAGE) { /* the entry of that page */
		check("mmu: update", linear,
		      hypercall_update_va_mapping(linear, updates[0].value, UVMF_INVLPG));
		return;
	}
	if (count > 0)
		check("mmu: update", (uint32_t)updates[0].entry,
		      hypercall_mmu_update((const struct xen_mmu_update *)updates, count));
	flush_processor(flush, linear);
}

static uint32_t pool_address(uint32_t page)
{
	return memory.pool + page * PAGE_SIZE;
}

uint64_t *backend_table_open(uint32_t page)
{
	memory_map(pool_address(page), memory.pool_frames[page], PAGE_WRITABLE);
	return (uint64_t *)pool_address(page);
}

void backend_table_close(uint32_t page)
{
	memory_map(pool_address(page), memory.pool_frames[page], PAGE_READABLE);
}

static void pin(uint32_t command, uint32_t page)
{
	struct mmuext_op operation = {.cmd = command, .arg1.mfn = memory.pool_frames[page]};

	check(command == MMUEXT_UNPIN_TABLE ? "mmu: unpin" : "mmu: pin", page,
	      hypercall_mmuext_op(&operation, 1));
}

void backend_table_pin(uint32_t page, uint32_t level)
{
	pin(level == 1 ? MMUEXT_PIN_L1_TABLE : MMUEXT_PIN_L2_TABLE, page);
}

void backend_table_unpin(uint32_t page)
{
	pin(MMUEXT_UNPIN_TABLE, page);
}

void backend_window_map(uint32_t slot, uint32_t frame)
{
	memory_map(WINDOW_SLOTS + slot * PAGE_SIZE, frame, PAGE_WRITABLE);
}

void backend_fatal(const char *what, uint32_t first, uint32_t second)
{
	panic_numbers(what, first, second);
}

/* Where the window shows again while the guest has paging off; 0: at its own place. */
static uint32_t alias_start(void)
{
	return rom_parameters.guest_offset ? ROM_XEN_WINDOW - rom_parameters.guest_offset : 0;
}

void mmu_backend_initialise(void)
{
	__builtin_memset(void_page, 0xff, sizeof(void_page));
	xen_flushes = xen_is_known_to_flush();
	platform = (struct mmu_platform){
	    .window_start = ROM_XEN_WINDOW,
	    .window_end = ROM_XEN_HOLE,
	    .alias_start = alias_start(),
	    .alias_size = rom_parameters.region_size,
	    .physical_bits = 36,
	    .l3_address = memory.l3_address,
	    .kernel_l2_address = memory.l2_address,
	    .kernel_l2 = memory.l2,
	    .pool = (const uint64_t *)memory.pool,
	    .pool_frames = memory.pool_frames,
	    .pool_pages = memory.pool_pages,
	    .windows = (uint8_t *)WINDOW_SLOTS,
	    .window_count = WINDOW_SLOT_COUNT,
	    .void_frame = memory_frame_of(void_page),
	    .metadata = memory_take(mmu_metadata_size(memory.pool_pages)),
	};
	if (!mmu_init(&platform))
		panic_numbers("mmu: the platform is not as it should be", platform.alias_start,
		              platform.pool_pages);
}
