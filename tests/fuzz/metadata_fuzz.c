/* SPDX-License-Identifier: BSD-2-Clause */

/* Reading a kernel and Linux's tables in it: the input is the file. */

#include "patcher/linux/linux_metadata.h"
#include "tests/fuzz/harness.h"

static void check_place(const struct kernel *kernel, const struct code_place *place)
{
	CHECK(place->section == UINT32_MAX || place->section < kernel->section_count);
}

static void check_places(const struct kernel *kernel, const struct place_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		check_place(kernel, &list->places[i]);
}

static void check_table(const char *name, const struct linux_table *table, size_t count)
{
	if (!table->found) {
		CHECK(count == 0);
		return;
	}
	CHECK(table->layout);
	report_finding("table %s %s%s", name, table->layout,
	               table->by_structure ? " by structure" : "");
}

static void check_entries(const struct kernel *kernel, const struct linux_metadata *metadata)
{
	for (size_t i = 0; i < metadata->exception_count; i++) {
		check_place(kernel, &metadata->exceptions[i].instruction);
		check_place(kernel, &metadata->exceptions[i].fixup);
	}
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		check_place(kernel, &metadata->alternatives[i].site);
		check_place(kernel, &metadata->alternatives[i].replacement);
	}
	for (size_t i = 0; i < metadata->paravirt_count; i++)
		check_place(kernel, &metadata->paravirt[i].site);
	for (size_t i = 0; i < metadata->jump_label_count; i++) {
		check_place(kernel, &metadata->jump_labels[i].code);
		check_place(kernel, &metadata->jump_labels[i].target);
		CHECK(metadata->jump_labels[i].length == 2 || metadata->jump_labels[i].length == 5);
	}
	for (size_t i = 0; i < metadata->bug_count; i++)
		check_place(kernel, &metadata->bugs[i].instruction);
}

static void check_metadata(const struct kernel *kernel, const struct linux_metadata *metadata)
{
	check_entries(kernel, metadata);
	check_places(kernel, &metadata->smp_locks);
	check_places(kernel, &metadata->mcount);
	check_places(kernel, &metadata->static_call_trampolines);
	check_places(kernel, &metadata->kprobe_blacklist);
	check_places(kernel, &metadata->static_calls);
	check_places(kernel, &metadata->pci_fixups);
	check_table("exceptions", &metadata->exception_table, metadata->exception_count);
	check_table("alternatives", &metadata->alternative_table, metadata->alternative_count);
	check_table("paravirt", &metadata->paravirt_table, metadata->paravirt_count);
	check_table("smp_locks", &metadata->smp_lock_table, metadata->smp_locks.count);
	check_table("jump_labels", &metadata->jump_table, metadata->jump_label_count);
	check_table("bugs", &metadata->bug_table, metadata->bug_count);
	check_table("mcount", &metadata->mcount_table, metadata->mcount.count);
	check_table("kprobe_blacklist", &metadata->kprobe_blacklist_table,
	            metadata->kprobe_blacklist.count);
	check_table("static_call_sites", &metadata->static_call_table,
	            metadata->static_calls.count);
	check_table("pci_fixups", &metadata->pci_fixup_table, metadata->pci_fixups.count);
	if (metadata->static_call_trampolines.count)
		report_finding("table static_calls");
}

static void check_exports(const struct kernel *kernel)
{
	static const char *const names[] = {"__FIXADDR_TOP", "pv_ops", "no_such_export", ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t address;

		if (linux_exported_symbol(kernel, names[i], &address))
			report_finding("exported %s", names[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel kernel;
	struct linux_metadata metadata;
	struct problem problem;

	if (!kernel_read_memory("input", data, size, &kernel, &problem)) {
		check_problem(&problem);
		return 0;
	}
	check_exports(&kernel);
	if (linux_metadata_read(&kernel, &metadata, &problem)) {
		check_metadata(&kernel, &metadata);
		linux_metadata_free(&metadata);
	} else {
		check_problem(&problem);
	}
	kernel_free(&kernel);
	return 0;
}
