/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadow tables and what they stand for: making them, comparing them with the guest's, dropping
   them. */

#include "rom/mmu/shadow.h"

/* An L1 with more entries than this is not compared with the guest's page table when CR3 is loaded,
   but taken out of its L2 until the guest comes there: some 15 instructions an entry against a
   fault and two changes of the L2. */
#define SLEEP_ABOVE 96

/* A supervisor's page table with at least so many pages to map is filled at once: 205 instructions
   an entry and 21,000 for the table, against 525 an entry. */
#define BULK_FROM 64

static uint32_t index_of(uint32_t linear)
{
	return linear >> CHUNK_SHIFT & (MMU_ENTRIES - 1);
}

static bool is_kernel(const struct table *l2)
{
	return l2 == table_at(shadow.kernel);
}

struct table *ensure_slot(uint32_t slot)
{
	if (shadow.slot[slot] != NO_TABLE)
		return table_at(shadow.slot[slot]);
	struct table *l2 = allocate_table(2);
	name_table(l2, TABLE_L2, source_of_slot(slot));
	shadow.slot[slot] = l2->number;
	set_live_slot(slot);
	return l2;
}

void drop_child(struct table *l2, uint32_t index)
{
	uint16_t *place = &directory_of(l2)->child[index];
	struct table *child = table_at(*place);
	if (test_bit(l2->present, index)) {
		set_entry(l2, index, 0);
		flush_all();
	}
	*place = NO_TABLE;
	if (is_kernel(l2))
		clear_bit(shadow.kernel_local, index);
	if (child->use == TABLE_PAGES || --child->references == 0)
		release_table(child);
}

void destroy_l2(struct table *l2)
{
	const struct directory *directory = directory_of(l2);
	for (uint32_t i = 0; i < MMU_ENTRIES; i++)
		if (directory->child[i] != NO_TABLE)
			drop_child(l2, i);
	release_table(l2);
}

static void fill_large(uint64_t *entry, const struct source *source)
{
	uint64_t flags = SHADOW_ACCESSED | (source->kind & (ENTRY_WRITE | ENTRY_USER));
	if (source->kind & KIND_NX)
		flags |= ENTRY_NX;
	for (uint32_t i = 0; i < MMU_ENTRIES; i++) {
		uint32_t frame =
		    source->pfn == NO_PFN ? MMU_NO_FRAME : backend_machine_frame(source->pfn + i);
		if (frame != MMU_NO_FRAME)
			entry[i] = (uint64_t)frame << PAGE_SHIFT | flags;
		else
			entry[i] = (uint64_t)shadow.platform->void_frame << PAGE_SHIFT |
			           (flags & ~(uint64_t)ENTRY_WRITE);
	}
}

/* The guest's page table of a source, at the first entry of the half that it is. */
static const uint8_t *page_table(const struct source *source)
{
	const uint8_t *page = window_of(source->pfn);
	return page && source->kind & KIND_PART(1) ? page + 2048 : page;
}

static struct entry pte_at(const uint8_t *page, uint32_t kind, uint32_t index)
{
	if (kind & KIND_PAE)
		return page ? entry_at(page + 8 * index, true) : (struct entry){~0u, ~0u};
	return page ? entry_at(page + 4 * index, false) : (struct entry){~0u, 0};
}

static void fill_pages(uint64_t *entry, const struct source *source)
{
	const uint8_t *page = page_table(source);
	for (uint32_t i = 0; i < MMU_ENTRIES; i++)
		entry[i] = shadow_of_pte(pte_at(page, source->kind, i), source->kind);
}

/* Makes a table at once, all its entries with it. */
static struct table *build_table(enum table_use use, const struct source *source)
{
	struct table *table = allocate_raw();
	uint32_t page = table->number;
	/* Now, as the windows cannot be changed while a table is open. */
	if (use == TABLE_PAGES)
		window_of(source->pfn);
	uint64_t *entry = backend_table_open(page);
	if (use == TABLE_LARGE)
		fill_large(entry, source);
	else
		fill_pages(entry, source);
	table->present_count = 0;
	for (uint32_t i = 0; i < MMU_ENTRIES / 32; i++)
		table->present[i] = 0;
	for (uint32_t i = 0; i < MMU_ENTRIES; i++) {
		if (!entry[i])
			continue;
		set_bit(table->present, i);
		table->present_count++;
	}
	backend_table_close(page);
	backend_table_pin(page, 1);
	table->pinned = 1;
	table->references = 0;
	name_table(table, use, *source);
	mmu_counters.bulk_tables++;
	return table;
}

static bool worth_building(const struct source *source)
{
	if (source->kind & ENTRY_USER)
		return false;
	const uint8_t *page = page_table(source);
	uint32_t count = 0;
	for (uint32_t i = 0; i < MMU_ENTRIES && count < BULK_FROM; i++) {
		struct entry pte = pte_at(page, source->kind, i);
		count += (~pte.low & (ENTRY_PRESENT | ENTRY_ACCESSED)) == 0;
	}
	return count == BULK_FROM;
}

static struct table *make_child(const struct source *source)
{
	if (source->kind & KIND_LARGE) {
		struct table *table = find_table(TABLE_LARGE, source, NO_TABLE);
		return table ? table : build_table(TABLE_LARGE, source);
	}
	if (worth_building(source))
		return build_table(TABLE_PAGES, source);
	struct table *table = allocate_table(1);
	name_table(table, TABLE_PAGES, *source);
	return table;
}

/* Makes one word's worth of entries agree with the guest's; made twice, for wide entries and not.
   SHADOW_GLOBAL is set in the answer if an entry is not global. */
static ALWAYS_INLINE uint32_t revalidate_word(struct table *table, uint32_t word,
                                              const uint8_t *page, bool wide)
{
	const uint64_t *entry = entries_of(table);
	uint32_t kind = table->source.kind, local = 0;
	for (uint32_t bits = table->present[word]; bits; bits &= bits - 1) {
		uint32_t i = word * 32 + (uint32_t)__builtin_ctz(bits);
		uint64_t value = shadow_of(entry_at(page + (wide ? 8 : 4) * i, wide), kind, wide);
		uint32_t low = (uint32_t)value;
		local |= ~low & low << 9; /* present, bit 0, and not SHADOW_GLOBAL */
		if (value == entry[i])
			continue;
		mmu_counters.entries_stale++;
		set_entry(table, i, value);
		flush_all();
	}
	return local;
}

/* For a page table where there is no memory. */
static void forget_entries(struct table *table)
{
	for (uint32_t i = next_bit(table->present, 0); i < MMU_ENTRIES;
	     i = next_bit(table->present, i + 1))
		set_entry(table, i, 0);
	flush_all();
}

/* Compares the entries of an L1 with the guest's, and writes those that differ. True if there are
   some that a load of CR3 drops. */
static bool revalidate_entries(struct table *table)
{
	const uint8_t *page = page_table(&table->source);
	uint32_t local = 0;
	mmu_counters.entries_revalidated += table->present_count;
	if (!page) {
		forget_entries(table);
		return false;
	}
	for (uint32_t word = 0; word < MMU_ENTRIES / 32; word++) {
		if (!table->present[word])
			continue;
		if (table->source.kind & KIND_PAE)
			local |= revalidate_word(table, word, page, true);
		else
			local |= revalidate_word(table, word, page, false);
	}
	return local & SHADOW_GLOBAL;
}

/* Whether a child of slot 3 has entries that are not global. */
static void note_local(uint32_t index, bool local)
{
	if (local)
		set_bit(shadow.kernel_local, index);
	else
		clear_bit(shadow.kernel_local, index);
}

/* Makes a child that is in its place present. */
static void attach(struct table *l2, uint32_t index)
{
	struct table *child = table_at(directory_of(l2)->child[index]);
	bool local = child->use == TABLE_LARGE ? !(child->source.kind & ENTRY_GLOBAL)
	                                       : revalidate_entries(child);
	if (is_kernel(l2))
		note_local(index, local);
	set_entry(l2, index, child->address | SHADOW_TABLE);
}

struct table *ensure_child(uint32_t linear, const struct source *source)
{
	struct table *l2 = ensure_slot(linear >> SLOT_SHIFT);
	uint32_t index = index_of(linear);
	uint16_t *place = &directory_of(l2)->child[index];
	if (*place != NO_TABLE) {
		struct table *child = table_at(*place);
		if (same_source(&child->source, source)) {
			if (!test_bit(l2->present, index))
				attach(l2, index);
			return child;
		}
		drop_child(l2, index);
	}
	struct table *child = make_child(source);
	if (child->use == TABLE_LARGE) {
		child->references++;
	} else {
		child->parent = l2->number;
		child->index = (uint16_t)index;
	}
	*place = child->number;
	attach(l2, index);
	return child;
}

void revalidate_child(struct table *l2, uint32_t index, uint32_t linear)
{
	struct table *child = table_at(directory_of(l2)->child[index]);
	struct source source = source_of_chunk(linear);
	if (!same_source(&source, &child->source)) {
		drop_child(l2, index);
		return;
	}
	if (child->use == TABLE_LARGE || !test_bit(l2->present, index))
		return;
	if (!is_kernel(l2) && child->present_count > SLEEP_ABOVE) {
		set_entry(l2, index, 0);
		flush_all();
		return;
	}
	bool local = revalidate_entries(child);
	if (is_kernel(l2))
		note_local(index, local);
}

void revalidate_slot(uint32_t slot)
{
	struct table *l2 = table_at(shadow.slot[slot]);
	const struct directory *directory = directory_of(l2);
	for (uint32_t i = next_bit(l2->present, 0); i < MMU_ENTRIES;
	     i = next_bit(l2->present, i + 1))
		if (directory->child[i] != NO_TABLE)
			revalidate_child(l2, i, slot << SLOT_SHIFT | i << CHUNK_SHIFT);
}

void revalidate_kernel(bool global)
{
	struct table *l2 = table_at(shadow.kernel);
	const uint32_t *map = global ? l2->present : shadow.kernel_local;
	for (uint32_t i = next_bit(map, 0); i < MMU_ENTRIES; i = next_bit(map, i + 1))
		revalidate_child(l2, i, (uint32_t)KERNEL_SLOT << SLOT_SHIFT | i << CHUNK_SHIFT);
}
