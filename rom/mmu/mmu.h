/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_MMU_MMU_H
#define ROM_MMU_MMU_H

/*
 * The shadow MMU: what trap code and slots call. docs/mmu.md says how it works.
 *
 * The guest's page tables are its own affair: plain memory, guest-physical addresses, 2-level or
 * PAE or none at all. The processor walks the shadow, which is a translation look-aside buffer in
 * the shape of tables: an entry is there because the guest's tables had it at some moment since the
 * guest last asked to forget it (SDM vol. 3, section 4.10). So a guest that flushes as the SDM asks
 * needs no patch of its page-table writes.
 *
 * All functions run in the ROM (ring 1), on its own stack with flat segments and events masked, and
 * are not re-entered. When one returns all it has done is in effect. None touches the guest by
 * linear addresses, so none faults.
 */

#include "rom/mmu/backend.h"

/* Error code of a page fault (SDM vol. 3, section 4.7). */
#define MMU_PRESENT  0x01u
#define MMU_WRITE    0x02u
#define MMU_USER     0x04u
#define MMU_RESERVED 0x08u
#define MMU_FETCH    0x10u

/* Bytes of struct mmu_platform's `metadata` for a pool of so many pages. */
uint32_t mmu_metadata_size(uint32_t pool_pages);

/*
 * Takes over. The guest begins with paging off, CR0 = PE, CR3 = CR4 = EFER = 0: the shadow is
 * guest-linear = guest-physical, with the alias. False if the platform's numbers contradict what
 * backend.h asks.
 */
bool mmu_init(const struct mmu_platform *platform);

enum mmu_result {
	/* The access is possible now: do it again. */
	MMU_FILLED,
	/* The guest's own fault: deliver #PF with struct mmu_fault's error code and CR2. */
	MMU_GUEST_FAULT,
	/* The guest's tables allow it, but the address is the ROM's or Xen's: the guest cannot run
	   here (Linux: reservetop= is missing). For a diagnosis. */
	MMU_ROM_ADDRESS,
	MMU_HYPERVISOR_ADDRESS,
	/* A write to physical addresses without memory (reads see 0xff): nothing must happen. The
	   caller skips or carries out the instruction without the write. */
	MMU_NOT_RAM,
};

struct mmu_fault {
	uint32_t linear;     /* CR2 */
	uint32_t error_code; /* as the guest shall see it */
	uint64_t physical;   /* guest-physical, for all but MMU_GUEST_FAULT */
};

/*
 * A page fault that the processor reports, or an access that the ROM wants to make for the guest
 * (then `error_code` is MMU_WRITE, MMU_FETCH or 0). Only those two bits of `error_code` count: U is
 * `user`, whether the guest was in its user mode (CS.RPL 3; a guest kernel in ring 2 has U set by
 * the processor), P is found out. Accessed and dirty bits are set in the guest's tables, as the
 * processor would. `fault` is filled in for all results but MMU_FILLED. The hot path.
 */
enum mmu_result mmu_fault(uint32_t linear, uint32_t error_code, bool user, struct mmu_fault *fault);

/*
 * Control registers as the guest writes them; all bits but those of paging are ignored (CR0: PG,
 * WP; CR4: PSE, PAE, PGE; EFER: NXE), what makes no sense without paging too. False: #GP(0), and
 * nothing has changed (page-directory-pointer entries with reserved bits; SDM vol. 3, 4.4.1).
 * After CR0.PG becomes 1 the alias stays until mmu_leave_alias() or mmu_set_cr3().
 */
bool mmu_set_cr0(uint32_t value);
bool mmu_set_cr3(uint32_t value);
bool mmu_set_cr4(uint32_t value);
bool mmu_set_efer(uint32_t value);

/* The guest has left the alias (its far jump after CR0.PG = 1). Nothing with paging off. */
void mmu_leave_alias(void);

/* INVLPG. */
void mmu_invalidate_page(uint32_t linear);

/* FlushTLB: all translations, global ones too if `global`. */
void mmu_flush(bool global);

/*
 * Page-table entries that a slot has written in the guest's stead (SetPxE and its like). The slot
 * makes the write itself, then says so; only writes of entries that are present need it, and not
 * even they: it saves the fault that would fill the shadow. Slots in ring 2 may do it in assembler:
 * if count < MMU_NOTES { linear[count] = address of the entry; count++ } else enter the ROM and
 * call mmu_take_notes(). The ROM calls it before it returns to the guest's user mode if count > 0.
 */
#define MMU_NOTES 32
struct mmu_notes {
	uint32_t count;
	uint32_t linear[MMU_NOTES];
};
extern struct mmu_notes mmu_notes;
void mmu_take_notes(void);

/* The guest-physical address of a linear one as the guest's tables have it now, for a supervisor
   read; nothing is changed, no accessed bit set. False if there is none. */
bool mmu_translate(uint32_t linear, uint64_t *physical);

/* A page of guest memory, for reading and writing, until the next call of a function of this file;
   null where the guest has no memory. */
void *mmu_map_guest(uint32_t pfn);

/* What happened, for `rom=stats`. */
struct mmu_counters {
	uint32_t faults, fills, spurious, guest_faults;
	uint32_t entries_written, hypercalls; /* entries and calls of backend_update() */
	uint32_t bulk_tables;                 /* tables built at once */
	uint32_t table_allocations, tables_retyped, reclaims;
	uint32_t cr3_loads, flushes, invalidated_pages, entries_revalidated, entries_stale;
	uint32_t notes, notes_filled;
	uint32_t window_maps;
};
extern struct mmu_counters mmu_counters;

#endif
