/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest asks of its paging: control registers and flushes (SDM vol. 3, section 4.10.4). */

#include "rom/mmu/shadow.h"

struct shadow shadow;
struct mmu_counters mmu_counters;

/* --- the alias --- */

static bool alias_wanted(void)
{
	return shadow.platform->alias_start && (!paging() || shadow.alias_lingers);
}

static uint32_t alias_chunks(void)
{
	return (shadow.platform->alias_size + (1u << CHUNK_SHIFT) - 1) >> CHUNK_SHIFT;
}

bool in_alias_range(uint32_t linear)
{
	return alias_wanted() &&
	       (linear - shadow.platform->alias_start) >> CHUNK_SHIFT < alias_chunks();
}

static void remove_alias(void)
{
	uint32_t first = shadow.platform->alias_start >> CHUNK_SHIFT & (MMU_ENTRIES - 1);
	for (uint32_t i = 0; i < alias_chunks(); i++)
		set_entry(table_at(shadow.alias_table), first + i, 0);
	shadow.alias_table = NO_TABLE;
	flush_all();
}

static void install_alias(struct table *l2)
{
	const struct mmu_platform *platform = shadow.platform;
	uint32_t first = platform->alias_start >> CHUNK_SHIFT & (MMU_ENTRIES - 1);
	uint32_t window = platform->window_start >> CHUNK_SHIFT & (MMU_ENTRIES - 1);
	for (uint32_t i = 0; i < alias_chunks(); i++) {
		if (directory_of(l2)->child[first + i] != NO_TABLE)
			drop_child(l2, first + i);
		set_entry(l2, first + i, platform->kernel_l2[window + i] & ~(uint64_t)ENTRY_USER);
	}
	shadow.alias_table = l2->number;
}

void place_alias(void)
{
	uint32_t slot = shadow.platform->alias_start >> SLOT_SHIFT;
	uint32_t number = alias_wanted() ? shadow.slot[slot] : NO_TABLE;
	if (shadow.alias_table != NO_TABLE && shadow.alias_table != number)
		remove_alias();
	if (alias_wanted() && shadow.alias_table == NO_TABLE)
		install_alias(ensure_slot(slot));
}

void mmu_leave_alias(void)
{
	shadow.alias_lingers = false;
	place_alias();
	commit();
}

/* --- address spaces --- */

/* The L2 for a slot, if there is one that no slot before it has. */
static uint16_t find_slot(uint32_t slot)
{
	struct source source = source_of_slot(slot);
	if (source.kind == KIND_NONE)
		return NO_TABLE;
	uint32_t number = NO_TABLE;
	bool taken = true;
	while (taken) {
		const struct table *l2 = find_table(TABLE_L2, &source, number);
		if (!l2)
			return NO_TABLE;
		number = l2->number;
		taken = false;
		for (uint32_t i = 0; i < slot; i++)
			taken |= shadow.slot[i] == number;
	}
	directory_of(table_at(number))->last_used = shadow.age;
	return (uint16_t)number;
}

/*
 * The guest runs with the registers it has now, and what was translated before is forgotten; but
 * for global entries, unless `global` drops them too. Nothing need be thrown away: what agrees with
 * the guest's tables at this moment may stay.
 */
static void enter(bool global)
{
	shadow.age++;
	for (uint32_t slot = 0; slot < KERNEL_SLOT; slot++)
		if (shadow.slot[slot] != NO_TABLE)
			directory_of(table_at(shadow.slot[slot]))->last_used = shadow.age;
	for (uint32_t slot = 0; slot < KERNEL_SLOT; slot++)
		shadow.slot[slot] = find_slot(slot);
	for (uint32_t slot = 0; slot < KERNEL_SLOT; slot++)
		if (shadow.slot[slot] != NO_TABLE)
			revalidate_slot(slot);
	revalidate_kernel(global || !(shadow.cr4 & CR4_PGE));
	for (uint32_t slot = 0; slot < KERNEL_SLOT; slot++)
		if (shadow.slot[slot] != shadow.live_slot[slot])
			set_live_slot(slot);
	place_alias();
	if (global)
		shadow.override_used = false;
	commit();
}

/* Takes new values of the registers, with the page-directory-pointer entries if `load`. */
static bool take(uint32_t cr0, uint32_t cr3, uint32_t cr4, bool load)
{
	struct entry pdpte[4];
	if (load && cr0 & CR0_PG && cr4 & CR4_PAE) {
		if (!read_pdptes(cr3, pdpte))
			return false;
		for (uint32_t i = 0; i < 4; i++)
			shadow.pdpte[i] = pdpte[i];
	}
	shadow.cr0 = cr0;
	shadow.cr3 = cr3;
	shadow.cr4 = cr4;
	return true;
}

bool mmu_set_cr0(uint32_t value)
{
	uint32_t next = value & (CR0_PG | CR0_WP | CR0_CD | CR0_NW);
	uint32_t changed = shadow.cr0 ^ next;
	bool load = changed & (CR0_PG | CR0_CD | CR0_NW);
	if (!take(next, shadow.cr3, shadow.cr4, load))
		return false;
	if (changed & CR0_PG)
		shadow.alias_lingers = paging();
	bool protects = changed & next & CR0_WP;
	if (changed & CR0_PG || (protects && shadow.override_used))
		enter(true);
	else if (load && paging() && shadow.cr4 & CR4_PAE)
		enter(false);
	return true;
}

bool mmu_set_cr3(uint32_t value)
{
	mmu_counters.cr3_loads++;
	if (!take(shadow.cr0, value, shadow.cr4, true))
		return false;
	if (!paging())
		return true;
	shadow.alias_lingers = false;
	enter(false);
	return true;
}

bool mmu_set_cr4(uint32_t value)
{
	uint32_t next = value & (CR4_PSE | CR4_PAE | CR4_PGE);
	if (next == shadow.cr4)
		return true;
	if (!take(shadow.cr0, shadow.cr3, next, true))
		return false;
	if (paging())
		enter(true);
	return true;
}

static void set_reserved(void)
{
	shadow.reserved_high = (~0u << (shadow.platform->physical_bits - 32)) & ~ENTRY_NX_HIGH;
	if (!(shadow.efer & EFER_NXE))
		shadow.reserved_high |= ENTRY_NX_HIGH;
}

bool mmu_set_efer(uint32_t value)
{
	if (shadow.efer == (value & EFER_NXE))
		return true;
	shadow.efer = value & EFER_NXE;
	set_reserved();
	if (paging())
		enter(true);
	return true;
}

/* --- flushes --- */

void mmu_flush(bool global)
{
	mmu_counters.flushes++;
	if (paging())
		enter(global);
}

/* One page of an L1 that stands for a page table. */
static void invalidate_entry(struct table *l1, uint32_t linear)
{
	uint32_t index = linear >> PAGE_SHIFT & (MMU_ENTRIES - 1);
	uint32_t kind = l1->source.kind;
	bool wide = kind & KIND_PAE;
	uint32_t offset = (linear >> PAGE_SHIFT) * (wide ? 8 : 4) & 0xfff;
	uint64_t value = shadow_of_pte(read_entry(l1->source.pfn, offset, wide), kind);
	uint64_t old = test_bit(l1->present, index) ? entry_of(l1, index) : 0;
	/* Who maps one page is about to use it; of a run of pages perhaps only the first. */
	if (value == old || (!old && shadow.invalidates_run))
		return;
	if (old)
		flush_page(linear);
	set_entry(l1, index, value);
	if (l1->parent == shadow.kernel && value && !(value & SHADOW_GLOBAL))
		set_bit(shadow.kernel_local, l1->index);
}

/* What INVLPG does to one chunk; `all` where the address itself is in it, else only as far as the
   chunk is part of the same large page. */
static void invalidate_chunk(uint32_t linear, bool all)
{
	uint32_t number = shadow.slot[linear >> SLOT_SHIFT];
	uint32_t index = linear >> CHUNK_SHIFT & (MMU_ENTRIES - 1);
	struct table *l2 = table_at(number);
	if (number == NO_TABLE || directory_of(l2)->child[index] == NO_TABLE ||
	    !test_bit(l2->present, index))
		return;
	struct table *child = table_at(directory_of(l2)->child[index]);
	if (child->use != TABLE_LARGE && !all)
		return;
	struct source source = source_of_chunk(linear);
	if (!same_source(&source, &child->source))
		drop_child(l2, index);
	else if (child->use == TABLE_PAGES)
		invalidate_entry(child, linear);
}

void mmu_invalidate_page(uint32_t linear)
{
	uint32_t page = linear >> PAGE_SHIFT;
	shadow.invalidates_run = page == shadow.last_invalidated + 1;
	shadow.last_invalidated = page;
	mmu_counters.invalidated_pages++;
	if (!paging())
		return;
	if (linear < shadow.platform->window_start)
		invalidate_chunk(linear, true);
	uint32_t other_half = linear ^ 1u << CHUNK_SHIFT;
	if (!(shadow.cr4 & CR4_PAE) && other_half < shadow.platform->window_start)
		invalidate_chunk(other_half, false);
	commit();
}

/* --- the beginning --- */

#define WINDOWS_LIMIT 4096u

static uint32_t directory_count(uint32_t pool_pages)
{
	return pool_pages / 8 + 8 + 1;
}

uint32_t mmu_metadata_size(uint32_t pool_pages)
{
	return (pool_pages + 1) * (uint32_t)sizeof(struct table) +
	       directory_count(pool_pages) * (uint32_t)sizeof(struct directory) +
	       WINDOWS_LIMIT * (uint32_t)sizeof(uint32_t);
}

static bool sensible(const struct mmu_platform *platform)
{
	uint32_t chunk_mask = (1u << CHUNK_SHIFT) - 1;
	uint32_t windows = platform->window_count;
	uint32_t alias = platform->alias_start;
	uint32_t alias_end = alias + platform->alias_size - 1;
	if ((platform->window_start | platform->window_end | alias) & chunk_mask)
		return false;
	if (platform->window_start < 0xc0200000u || platform->window_end <= platform->window_start)
		return false;
	if (platform->pool_pages < MMU_POOL_MINIMUM || platform->pool_pages > MMU_POOL_MAXIMUM)
		return false;
	if (windows < 4 || windows > WINDOWS_LIMIT || windows & (windows - 1))
		return false;
	if (platform->physical_bits < 32 || platform->physical_bits > 52)
		return false;
	if (!alias)
		return true;
	return platform->alias_size &&
	       platform->alias_size <= platform->window_end - platform->window_start &&
	       alias < 0xc0000000u && alias_end >= alias &&
	       alias >> SLOT_SHIFT == alias_end >> SLOT_SHIFT;
}

static void start_registers(void)
{
	shadow.cr0 = shadow.cr3 = shadow.cr4 = shadow.efer = 0;
	for (uint32_t i = 0; i < 4; i++)
		shadow.pdpte[i] = (struct entry){0, 0};
	shadow.alias_lingers = shadow.override_used = false;
	set_reserved();
}

static void start_slots(void)
{
	struct table *kernel = table_at(shadow.kernel);
	kernel->number = shadow.kernel;
	kernel->address = shadow.platform->kernel_l2_address;
	kernel->use = TABLE_L2;
	kernel->pinned = 2;
	kernel->references = (uint16_t)(shadow.directory_count - 1);
	for (uint32_t i = 0; i < MMU_ENTRIES / 32; i++)
		shadow.kernel_local[i] = 0;
	for (uint32_t slot = 0; slot < KERNEL_SLOT; slot++)
		shadow.slot[slot] = shadow.live_slot[slot] = NO_TABLE;
	shadow.slot[KERNEL_SLOT] = shadow.live_slot[KERNEL_SLOT] = shadow.kernel;
	shadow.alias_table = NO_TABLE;
	shadow.age = shadow.victim = 0;
}

bool mmu_init(const struct mmu_platform *platform)
{
	if (!sensible(platform))
		return false;
	shadow.platform = platform;
	shadow.window_pfn = platform->metadata;
	shadow.windows = platform->windows;
	shadow.window_mask = platform->window_count - 1;
	for (uint32_t i = 0; i < platform->window_count; i++)
		shadow.window_pfn[i] = NO_PFN;
	shadow.tables = (struct table *)(shadow.window_pfn + WINDOWS_LIMIT);
	shadow.kernel = (uint16_t)platform->pool_pages;
	shadow.directories = (struct directory *)(shadow.tables + platform->pool_pages + 1);
	shadow.directory_count = directory_count(platform->pool_pages);
	shadow.queue_length = 0;
	shadow.queue_has_tables = false;
	shadow.flush = MMU_FLUSH_NONE;
	shadow.spurious_in_a_row = 0;
	shadow.last_invalidated = 0;
	start_registers();
	start_pool();
	start_slots();
	place_alias();
	commit();
	return true;
}
