/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/statistics.h"
#include "rom/mmu/mmu.h"
#include "rom/platform/xen/console.h"
#include "rom/vcpu/vcpu.h"

struct stats stats;
struct trap_counts trap_counts;

static bool wanted;

void statistics_initialise(const char *command_line)
{
	wanted = stats_option(command_line, "stats");
}

static void put(void *context, const char *text, size_t size)
{
	(void)context;
	console_write((const uint8_t *)text, size);
}

static void write_mmu(struct stats_writer *writer)
{
	const struct mmu_counters *mmu = &mmu_counters;

	stats_write_count(writer, "mmu-faults", mmu->faults);
	stats_write_count(writer, "mmu-fills", mmu->fills);
	stats_write_count(writer, "mmu-guest-faults", mmu->guest_faults);
	stats_write_count(writer, "mmu-entries-written", mmu->entries_written);
	stats_write_count(writer, "mmu-hypercalls", mmu->hypercalls);
	stats_write_count(writer, "mmu-cr3-loads", mmu->cr3_loads);
	stats_write_count(writer, "mmu-flushes", mmu->flushes);
	stats_write_count(writer, "mmu-invalidated-pages", mmu->invalidated_pages);
	stats_write_count(writer, "mmu-notes", mmu->notes);
	stats_write_count(writer, "mmu-reclaims", mmu->reclaims);
	stats_write_count(writer, "mmu-window-maps", mmu->window_maps);
}

/* Vectors have names of their own: trap-0e is a page fault. */
static void write_traps(struct stats_writer *writer)
{
	static const char digits[] = "0123456789abcdef";
	char name[] = "trap-00";

	for (unsigned int i = 0; i < 256; i++) {
		name[5] = digits[i >> 4];
		name[6] = digits[i & 15];
		if (trap_counts.traps[i] > 0)
			stats_write_count(writer, name, trap_counts.traps[i]);
	}
	stats_write_count(writer, "events", trap_counts.traps[FRAME_VECTOR_EVENT]);
	stats_write_count(writer, "rom-faults", trap_counts.rom_faults);
	stats_write_count(writer, "escaped-instructions", vcpu.emulated);
}

void statistics_print(void)
{
	struct stats_writer writer = {.put = put};

	if (!wanted)
		return;
	stats_begin(&writer, "xen");
	stats_write(&writer, &stats);
	write_traps(&writer);
	write_mmu(&writer);
	stats_end(&writer);
}
