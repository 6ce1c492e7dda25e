/* SPDX-License-Identifier: BSD-2-Clause */
/* Page-table entries that the guest was seen to write: the shadow gets them before they are used,
   many with one hypercall. */

#include "rom/mmu/shadow.h"

struct mmu_notes mmu_notes;

/* The linear address that an entry of a page table translates, if the guest can reach it by the
   tables it has now. */
static bool place_of(const struct table *l1, uint32_t index, uint32_t *linear)
{
	const struct table *l2 = table_at(l1->parent);
	if (!test_bit(l2->present, l1->index))
		return false;
	for (uint32_t slot = 0; slot < 4; slot++) {
		if (shadow.slot[slot] != l1->parent)
			continue;
		*linear =
		    slot << SLOT_SHIFT | (uint32_t)l1->index << CHUNK_SHIFT | index << PAGE_SHIFT;
		struct source source = source_of_chunk(*linear);
		return same_source(&source, &l1->source);
	}
	return false;
}

/* An entry at a guest-physical address was written, and `l1` stands for the table it may be in. */
static void take_entry(struct table *l1, uint32_t offset)
{
	uint32_t kind = l1->source.kind;
	uint32_t index = offset / (kind & KIND_PAE ? 8 : 4);
	uint32_t linear;
	if (index / MMU_ENTRIES != (kind & KIND_PART(1) ? 1 : 0))
		return;
	index %= MMU_ENTRIES;
	if (test_bit(l1->present, index) || !place_of(l1, index, &linear))
		return;
	bool wide = kind & KIND_PAE;
	struct entry pte = read_entry(l1->source.pfn, wide ? offset & ~7u : offset & ~3u, wide);
	uint64_t value = shadow_of_pte(pte, kind);
	if (!value)
		return;
	set_entry(l1, index, value);
	if (l1->parent == shadow.kernel && !(value & SHADOW_GLOBAL))
		set_bit(shadow.kernel_local, l1->index);
	mmu_counters.notes_filled++;
}

static void take_note(uint64_t physical)
{
	uint32_t pfn = (uint32_t)(physical >> PAGE_SHIFT);
	if (physical >> PAGE_SHIFT >= NO_PFN)
		return;
	for (uint32_t i = shadow.hash[hash_of(pfn)]; i != NO_TABLE; i = table_at(i)->next) {
		struct table *table = table_at(i);
		if (table->use == TABLE_PAGES && table->source.pfn == pfn)
			take_entry(table, physical & 0xfff);
	}
}

void mmu_take_notes(void)
{
	uint32_t page = 1; /* of the note before: none */
	uint64_t base = 0;
	for (uint32_t i = 0; i < mmu_notes.count && i < MMU_NOTES && paging(); i++) {
		uint32_t linear = mmu_notes.linear[i];
		mmu_counters.notes++;
		if ((linear & ~0xfffu) != page) {
			if (!mmu_translate(linear & ~0xfffu, &base))
				continue;
			page = linear & ~0xfffu;
		}
		take_note(base | (linear & 0xfff));
	}
	mmu_notes.count = 0;
	commit();
}
