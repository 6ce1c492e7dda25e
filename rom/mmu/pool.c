/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of table pages. To make a page a table, or a table a plain page, costs Xen 10,000
 * instructions and 165 to 205 more an entry; to clear an entry of a table that stays one, 525. So
 * tables that were let go stay typed, with their old entries in them. An L1 that is wanted again
 * is compared with what it stands for then, as an old one is; one with more entries than
 * RETYPE_ABOVE is made plain first.
 */

#include "rom/mmu/shadow.h"

#define RETYPE_ABOVE 55

static void push(uint32_t list, struct table *table)
{
	table->use = TABLE_FREE;
	table->next = shadow.free_typed[list];
	shadow.free_typed[list] = table->number;
}

static struct table *pop(uint32_t list)
{
	if (shadow.free_typed[list] == NO_TABLE)
		return 0;
	struct table *table = table_at(shadow.free_typed[list]);
	shadow.free_typed[list] = table->next;
	return table;
}

void start_pool(void)
{
	for (uint32_t i = 0; i < 3; i++)
		shadow.free_typed[i] = NO_TABLE;
	for (uint32_t i = 0; i < HASH_SIZE; i++)
		shadow.hash[i] = NO_TABLE;
	for (uint32_t i = shadow.platform->pool_pages; i--;) {
		table_at(i)->number = (uint16_t)i;
		table_at(i)->address = (uint64_t)shadow.platform->pool_frames[i] << PAGE_SHIFT;
		push(0, table_at(i));
	}
	for (uint32_t i = 0; i < shadow.directory_count; i++) {
		shadow.directories[i].table = NO_TABLE;
		for (uint32_t j = 0; j < MMU_ENTRIES; j++)
			shadow.directories[i].child[j] = NO_TABLE;
	}
}

void name_table(struct table *table, enum table_use use, struct source source)
{
	uint16_t *chain = &shadow.hash[hash_of(source.pfn)];
	table->source = source;
	table->use = (uint8_t)use;
	table->next = *chain;
	*chain = table->number;
}

struct table *find_table(enum table_use use, const struct source *source, uint32_t after)
{
	uint32_t number =
	    after == NO_TABLE ? shadow.hash[hash_of(source->pfn)] : table_at(after)->next;
	while (number != NO_TABLE) {
		struct table *table = table_at(number);
		if (table->use == use && same_source(&table->source, source))
			return table;
		number = table->next;
	}
	return 0;
}

void release_table(struct table *table)
{
	uint16_t number = table->number;
	uint16_t *link = &shadow.hash[hash_of(table->source.pfn)];
	while (*link != number)
		link = &table_at(*link)->next;
	*link = table->next;
	if (table->use == TABLE_L2)
		directory_of(table)->table = NO_TABLE;
	push(table->present_count > RETYPE_ABOVE ? 0 : table->pinned, table);
}

/* Lets the least recently used L2 go that the guest does not run in. */
static bool reclaim_directory(void)
{
	struct table *oldest = 0;
	for (uint32_t i = 0; i + 1 < shadow.directory_count; i++) {
		uint32_t number = shadow.directories[i].table;
		bool used = number == NO_TABLE;
		for (uint32_t slot = 0; slot < KERNEL_SLOT; slot++)
			used |= number == shadow.slot[slot];
		if (used)
			continue;
		struct table *l2 = table_at(number);
		if (!oldest || shadow.age - directory_of(l2)->last_used >
		                   shadow.age - directory_of(oldest)->last_used)
			oldest = l2;
	}
	if (!oldest)
		return false;
	destroy_l2(oldest);
	return true;
}

/* Takes an L1 from the L2s in use, each chunk of the address space in its turn. */
static void reclaim_child(void)
{
	for (uint32_t tries = 0; tries < 4 * MMU_ENTRIES; tries++) {
		uint32_t chunk = shadow.victim++ % (4 * MMU_ENTRIES);
		uint32_t number = shadow.slot[chunk / MMU_ENTRIES];
		if (number == NO_TABLE)
			continue;
		struct table *l2 = table_at(number);
		if (directory_of(l2)->child[chunk % MMU_ENTRIES] == NO_TABLE)
			continue;
		drop_child(l2, chunk % MMU_ENTRIES);
		return;
	}
	backend_fatal("no table is left, and none can be taken; the pool has pages",
	              shadow.platform->pool_pages, 0);
}

static void reclaim(void)
{
	mmu_counters.reclaims++;
	if (!reclaim_directory())
		reclaim_child();
}

/* Makes a page plain. Nothing queued may still refer to it. */
static void make_raw(struct table *table)
{
	if (!table->pinned)
		return;
	commit();
	backend_table_unpin(table->number);
	table->pinned = 0;
}

static void retype(struct table *table, uint32_t level)
{
	uint32_t page = table->number;
	make_raw(table);
	uint64_t *entry = backend_table_open(page);
	for (uint32_t i = 0; i < MMU_ENTRIES; i++)
		entry[i] = 0;
	backend_table_close(page);
	backend_table_pin(page, level);
	table->pinned = (uint8_t)level;
	for (uint32_t i = 0; i < MMU_ENTRIES / 32; i++)
		table->present[i] = 0;
	table->present_count = 0;
	mmu_counters.tables_retyped++;
}

static void take_directory(struct table *table)
{
	for (;;) {
		for (uint32_t i = 0; i + 1 < shadow.directory_count; i++) {
			if (shadow.directories[i].table != NO_TABLE)
				continue;
			shadow.directories[i].table = table->number;
			shadow.directories[i].last_used = shadow.age;
			table->references = (uint16_t)i;
			return;
		}
		if (!reclaim_directory())
			backend_fatal("no directory is left of", shadow.directory_count, 0);
	}
}

struct table *allocate_table(uint32_t level)
{
	struct table *table;
	mmu_counters.table_allocations++;
	for (;;) {
		if ((table = pop(level)))
			break;
		if ((table = pop(0)) || (table = pop(3 - level))) {
			retype(table, level);
			break;
		}
		reclaim();
	}
	table->references = 0;
	if (level == 2)
		take_directory(table);
	return table;
}

struct table *allocate_raw(void)
{
	struct table *table;
	mmu_counters.table_allocations++;
	while (!((table = pop(0)) || (table = pop(1)) || (table = pop(2))))
		reclaim();
	make_raw(table);
	return table;
}
