/* SPDX-License-Identifier: BSD-2-Clause */
/* A module's tables once its sections have addresses. */

#include "patcher/linux/linux_metadata.h"

struct placement {
	const struct kernel *module, *placed;
	const uint32_t *addresses;
};

static uint32_t section_address(const struct placement *placement, uint32_t section)
{
	return placement->addresses[placement->module->sections[section].index];
}

static void move_place(const struct placement *placement, struct code_place *place)
{
	const struct kernel_section *section;

	if (place->section == UINT32_MAX) { /* in another module */
		place->address = 0;
		return;
	}
	place->address += section_address(placement, place->section);
	section = kernel_section_at(placement->placed, place->address);
	place->section = section ? (uint32_t)(section - placement->placed->sections) : UINT32_MAX;
}

/* An entry's own address, in its table's section. */
static void move_entry(const struct placement *placement, const struct linux_table *table,
                       uint64_t *address)
{
	if (table->section != UINT32_MAX)
		*address += section_address(placement, table->section);
}

static void move_list(const struct placement *placement, struct place_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		move_place(placement, &list->places[i]);
}

static void move_exceptions(const struct placement *placement, struct linux_metadata *metadata)
{
	for (size_t i = 0; i < metadata->exception_count; i++) {
		struct exception_entry *entry = &metadata->exceptions[i];

		move_place(placement, &entry->instruction);
		move_place(placement, &entry->fixup);
		move_entry(placement, &metadata->exception_table, &entry->entry_address);
	}
}

static void move_alternatives(const struct placement *placement, struct linux_metadata *metadata)
{
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		struct alternative_entry *entry = &metadata->alternatives[i];

		move_place(placement, &entry->site);
		move_place(placement, &entry->replacement);
		move_entry(placement, &metadata->alternative_table, &entry->entry_address);
	}
	for (size_t i = 0; i < metadata->paravirt_count; i++) {
		struct paravirt_entry *entry = &metadata->paravirt[i];

		move_place(placement, &entry->site);
		move_entry(placement, &metadata->paravirt_table, &entry->entry_address);
	}
}

static void move_labels(const struct placement *placement, struct linux_metadata *metadata)
{
	for (size_t i = 0; i < metadata->jump_label_count; i++) {
		struct jump_label_entry *entry = &metadata->jump_labels[i];

		move_place(placement, &entry->code);
		move_place(placement, &entry->target);
		move_entry(placement, &metadata->jump_table, &entry->entry_address);
	}
	for (size_t i = 0; i < metadata->bug_count; i++) {
		struct bug_entry *entry = &metadata->bugs[i];

		move_place(placement, &entry->instruction);
		move_entry(placement, &metadata->bug_table, &entry->entry_address);
	}
}

void linux_metadata_place(struct linux_metadata *metadata, const struct kernel *module,
                          const uint32_t *addresses, const struct kernel *placed)
{
	const struct placement placement = {module, placed, addresses};

	move_exceptions(&placement, metadata);
	move_alternatives(&placement, metadata);
	move_labels(&placement, metadata);
	move_list(&placement, &metadata->smp_locks);
	move_list(&placement, &metadata->mcount);
	move_list(&placement, &metadata->static_call_trampolines);
	move_list(&placement, &metadata->kprobe_blacklist);
	move_list(&placement, &metadata->pci_fixups);
	move_list(&placement, &metadata->static_calls);
}
