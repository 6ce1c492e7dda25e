/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/stats.h"
#include "rom/mmu/mmu.h"
#include "rom/platform/xen/call_site.h"
#include "rom/platform/xen/console.h"
#include "rom/vcpu/vcpu.h"

#define WORD "rom=stats"

struct stats stats;

static int wanted;

void stats_initialise(const char *command_line)
{
	for (const char *at = command_line; *at; at++) {
		unsigned int length = 0;

		if (at != command_line && at[-1] != ' ')
			continue;
		while (length < sizeof(WORD) - 1 && at[length] == WORD[length])
			length++;
		if (length == sizeof(WORD) - 1 && (at[length] == ' ' || at[length] == '\0'))
			wanted = 1;
	}
}

static void print_count(const char *kind, const char *name, uint32_t count)
{
	if (count > 0)
		print("postburn: stats: %s %s %u\n", kind, name, count);
}

static void print_mmu(void)
{
	print_count("mmu", "faults", mmu_counters.faults);
	print_count("mmu", "fills", mmu_counters.fills);
	print_count("mmu", "guest-faults", mmu_counters.guest_faults);
	print_count("mmu", "entries-written", mmu_counters.entries_written);
	print_count("mmu", "updates", mmu_counters.hypercalls);
	print_count("mmu", "cr3-loads", mmu_counters.cr3_loads);
	print_count("mmu", "flushes", mmu_counters.flushes);
	print_count("mmu", "invalidated-pages", mmu_counters.invalidated_pages);
	print_count("mmu", "notes", mmu_counters.notes);
	print_count("mmu", "reclaims", mmu_counters.reclaims);
	print_count("mmu", "window-maps", mmu_counters.window_maps);
}

void stats_print(void)
{
	if (!wanted)
		return;
	for (unsigned int i = 0; i < STATS_CALLS; i++)
		print_count("call", call_name(i), stats.calls[i]);
	for (unsigned int i = 0; i < STATS_TRAPS; i++)
		if (stats.traps[i] > 0)
			print("postburn: stats: trap %u %u\n", i, stats.traps[i]);
	print_count("rom", "faults", stats.rom_faults);
	print_count("rom", "escaped", vcpu.emulated);
	print_mmu();
}
