/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mmu/consistency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rom/mmu/shadow.h"

/* Whether the table is in the chain in which it is looked for. */
static bool is_found(uint32_t number)
{
	uint32_t i = shadow.hash[hash_of(table_at(number)->source.pfn)];
	while (i != NO_TABLE && i != number)
		i = table_at(i)->next;
	return i == number;
}

static void check_entries(uint32_t number, const uint64_t *entry)
{
	const struct table *table = table_at(number);
	uint32_t count = 0;
	for (uint32_t i = 0; i < MMU_ENTRIES; i++) {
		count += entry[i] != 0;
		if (test_bit(table->present, i) != (entry[i] != 0))
			fail_msg("table %u, entry %u is %#llx", number, i,
			         (unsigned long long)entry[i]);
	}
	if (count != table->present_count)
		fail_msg("table %u has %u entries, not %u", number, count, table->present_count);
}

/* The children of an L2; counts the references to each table. */
static void check_children(uint32_t number, uint32_t *references)
{
	const struct table *l2 = table_at(number);
	const struct directory *directory = directory_of(l2);
	for (uint32_t i = 0; i < MMU_ENTRIES; i++) {
		uint32_t child = directory->child[i];
		if (child == NO_TABLE)
			continue;
		const struct table *table = table_at(child);
		references[child]++;
		if (table->use == TABLE_PAGES && (table->parent != number || table->index != i))
			fail_msg("table %u is child %u of %u, and says another", child, i, number);
		if (table->use != TABLE_PAGES && table->use != TABLE_LARGE)
			fail_msg("table %u is child %u of %u, and no L1", child, i, number);
	}
}

static uint32_t check_free(void)
{
	uint32_t count = 0;
	for (uint32_t level = 0; level < 3; level++)
		for (uint32_t i = shadow.free_typed[level]; i != NO_TABLE;
		     i = table_at(i)->next, count++)
			if (table_at(i)->use != TABLE_FREE ||
			    (level && table_at(i)->pinned != level))
				fail_msg("table %u is in list %u", i, level);
	return count;
}

static void check_table(uint32_t number, uint32_t places)
{
	const struct table *table = table_at(number);
	uint32_t expected = table->use == TABLE_PAGES ? 1 : table->references;
	if (table->pinned)
		check_entries(number, &shadow.platform->pool[(size_t)number * MMU_ENTRIES]);
	if (table->use != TABLE_FREE && (!table->pinned || !is_found(number)))
		fail_msg("table %u is in use, and not pinned or not found", number);
	if ((table->use == TABLE_PAGES || table->use == TABLE_LARGE) && places != expected)
		fail_msg("table %u has %u places, not %u", number, places, expected);
}

void consistency_check(void)
{
	static uint32_t references[MMU_POOL_MAXIMUM + 1];
	uint32_t pages = shadow.platform->pool_pages, count = check_free();
	for (uint32_t i = 0; i <= pages; i++)
		references[i] = 0;
	for (uint32_t i = 0; i <= pages; i++)
		if (table_at(i)->use == TABLE_L2)
			check_children(i, references);
	for (uint32_t i = 0; i < pages; i++) {
		count += table_at(i)->use != TABLE_FREE;
		check_table(i, references[i]);
	}
	if (count != pages)
		fail_msg("%u tables are in use or free, of %u", count, pages);
}
