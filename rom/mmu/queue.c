/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries to be written, gathered for one hypercall. */

#include "rom/mmu/shadow.h"

uint32_t next_bit(const uint32_t *map, uint32_t bit)
{
	while (bit < MMU_ENTRIES) {
		uint32_t word = map[bit / 32] >> bit % 32;
		if (word)
			return bit + (uint32_t)__builtin_ctz(word);
		bit = (bit / 32 + 1) * 32;
	}
	return MMU_ENTRIES;
}

static void write_queue(enum mmu_flush flush)
{
	mmu_counters.entries_written += shadow.queue_length;
	mmu_counters.hypercalls++;
	if (flush == MMU_FLUSH_ALL && shadow.queue_has_tables)
		flush = MMU_FLUSH_ALL_WITH_TABLES;
	backend_update(shadow.queue, shadow.queue_length, flush, shadow.flush_linear);
	shadow.queue_length = 0;
	shadow.queue_has_tables = false;
}

static void queue(uint64_t entry, uint64_t value)
{
	if (shadow.queue_length == QUEUE_SIZE)
		write_queue(MMU_FLUSH_NONE);
	shadow.queue[shadow.queue_length++] = (struct mmu_update){entry, value};
}

void set_entry(struct table *table, uint32_t index, uint64_t value)
{
	queue(table->address + 8ull * index, value);
	shadow.queue_has_tables |= table->pinned == 2;
	bool was = test_bit(table->present, index);
	if (value && !was) {
		set_bit(table->present, index);
		table->present_count++;
	} else if (!value && was) {
		clear_bit(table->present, index);
		table->present_count--;
	}
}

void write_entry(struct table *table, uint32_t index, uint64_t value)
{
	if (shadow.queue_length || shadow.flush != MMU_FLUSH_NONE) {
		set_entry(table, index, value);
		commit();
		return;
	}
	struct mmu_update update = {table->address + 8 * index, value};
	if (!test_bit(table->present, index))
		table->present_count++;
	set_bit(table->present, index);
	mmu_counters.entries_written++;
	mmu_counters.hypercalls++;
	backend_update(&update, 1, MMU_FLUSH_NONE, 0);
}

void set_live_slot(uint32_t slot)
{
	uint32_t number = shadow.slot[slot];
	uint64_t value = number == NO_TABLE ? 0 : table_at(number)->address | SHADOW_L3;
	queue(shadow.platform->l3_address + 8ull * slot, value);
	shadow.queue_has_tables = true;
	shadow.live_slot[slot] = (uint16_t)number;
	flush_all();
}

void flush_page(uint32_t linear)
{
	shadow.flush = shadow.flush == MMU_FLUSH_NONE ? MMU_FLUSH_PAGE : MMU_FLUSH_ALL;
	shadow.flush_linear = linear;
}

void commit(void)
{
	if (shadow.queue_length || shadow.flush != MMU_FLUSH_NONE)
		write_queue(shadow.flush);
	shadow.flush = MMU_FLUSH_NONE;
}
