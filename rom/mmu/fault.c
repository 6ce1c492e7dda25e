/* SPDX-License-Identifier: BSD-2-Clause */
/* Page faults: the guest's own, or a shadow entry to be made. */

#include "rom/mmu/shadow.h"

/* So many times in a row the processor may fault where the shadow has all it needs. */
#define SPURIOUS_LIMIT 1000

/* The shadow had it already: what the processor had cached was older, and the fault drops that. */
static void count_spurious(uint32_t linear)
{
	mmu_counters.spurious++;
	shadow.spurious_in_a_row =
	    linear == shadow.last_spurious ? shadow.spurious_in_a_row + 1 : 0;
	shadow.last_spurious = linear;
	if (shadow.spurious_in_a_row > SPURIOUS_LIMIT)
		backend_fatal("the processor faults again and again although the shadow allows it; "
		              "linear address, CR0",
		              linear, shadow.cr0);
}

/* A supervisor writes to a page that is read-only: possible with CR0.WP = 0 only. The page is the
   supervisor's alone until somebody faults for something else. */
static uint64_t override(uint64_t value)
{
	shadow.override_used = true;
	return (value & ~(uint64_t)ENTRY_USER) | ENTRY_WRITE;
}

/* The entry is there already, for something less. */
static void change_page(struct table *l1, uint32_t linear, uint64_t value, bool overrides)
{
	uint32_t index = linear >> PAGE_SHIFT & (MMU_ENTRIES - 1);
	uint64_t old = entry_of(l1, index);
	/* A table that just woke up may have another value queued for an override's page. */
	if (old == value && !(overrides && shadow.queue_length)) {
		count_spurious(linear);
		commit();
		return;
	}
	/* The processor may have cached the old one, if this is no fault of its own. More rights
	   for the same frame need no flush. */
	uint64_t rights = ENTRY_WRITE | ENTRY_USER;
	if ((old ^ value) & ~rights || old & ~value)
		flush_page(linear);
	write_entry(l1, index, value);
	mmu_counters.fills++;
}

static void fill_page(uint32_t linear, const struct walk *walk, bool overrides)
{
	struct source source = source_of_pde(walk->pde, linear);
	uint64_t value = shadow_of_pte(walk->pte, source.kind);
	struct table *l1 = present_child(linear, &source);
	if (!l1)
		l1 = ensure_child(linear, &source);
	if (overrides)
		value = override(value);
	uint32_t index = linear >> PAGE_SHIFT & (MMU_ENTRIES - 1);
	if (l1->parent == shadow.kernel && !(value & SHADOW_GLOBAL))
		set_bit(shadow.kernel_local, l1->index);
	if (test_bit(l1->present, index)) {
		change_page(l1, linear, value, overrides);
		return;
	}
	write_entry(l1, index, value);
	mmu_counters.fills++;
}

static void fill_large(uint32_t linear, const struct walk *walk, bool overrides)
{
	struct source source =
	    paging() ? source_of_pde(walk->pde, linear) : source_of_chunk(linear);
	if (overrides)
		source.kind = (uint32_t) override(source.kind);
	if (present_child(linear, &source)) {
		count_spurious(linear);
		return;
	}
	ensure_child(linear, &source);
	commit();
	mmu_counters.fills++;
}

/* Whether the accessed bits are set, and the dirty bit for a write. */
static bool is_marked(const struct walk *walk, bool write)
{
	uint32_t marks = write ? ENTRY_ACCESSED | ENTRY_DIRTY : ENTRY_ACCESSED;
	return !(~walk->pde.low & ENTRY_ACCESSED) && !(~walk->pte.low & marks);
}

enum mmu_result mmu_fault(uint32_t linear, uint32_t error_code, bool user, struct mmu_fault *fault)
{
	uint32_t access = (error_code & (MMU_WRITE | MMU_FETCH)) | (user ? MMU_USER : 0);
	bool write = access & MMU_WRITE;
	struct walk walk;
	mmu_counters.faults++;
	fault->linear = linear;
	if (!walk_guest(linear, access, &walk)) {
		mmu_counters.guest_faults++;
		fault->error_code = walk.error_code;
		return MMU_GUEST_FAULT;
	}
	fault->error_code = error_code;
	if (linear >= shadow.platform->window_start || in_alias(linear)) {
		fault->physical = physical_of(linear, &walk);
		return linear >= shadow.platform->window_end ? MMU_HYPERVISOR_ADDRESS
		                                             : MMU_ROM_ADDRESS;
	}
	if (!is_marked(&walk, write))
		mark_walk(&walk, write);
	if (write && (walk.pfn == NO_PFN || backend_machine_frame(walk.pfn) == MMU_NO_FRAME)) {
		fault->physical = physical_of(linear, &walk);
		return MMU_NOT_RAM;
	}
	bool overrides = write && !(walk.rights & ENTRY_WRITE);
	if (walk.large)
		fill_large(linear, &walk, overrides);
	else
		fill_page(linear, &walk, overrides);
	return MMU_FILLED;
}
