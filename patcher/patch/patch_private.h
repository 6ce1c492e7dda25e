/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PATCH_PRIVATE_H
#define PATCHER_PATCH_PRIVATE_H

/*
 * What patch.c (the order), patch_layout.c (where everything goes), patch_springboards.c (what
 * windows become) and patch_rom.c (the ROM and its tables) share.
 */

#include "patcher/patch/patch.h"

#define PATCH_PAGE_SIZE 4096
#define PATCH_TRAP      0xcc /* fills what a window leaves: nothing leads there */

static inline uint32_t patch_align(uint32_t value, uint32_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* The bytes of the rewritten image where the kernel sees them at address; NULL if there are none.
 */
uint8_t *patch_image_at(const struct patch *patch, uint64_t address, uint64_t size);

/* --- patch_layout.c --------------------------------------------------------------------------- */

/* Where the added segment goes. false: *problem. */
bool patch_place_segment(struct patch *patch, struct problem *problem);
/* Where Xen's domain builder maps an address of the region, at first. */
uint32_t patch_low_alias(const struct patch *patch, uint32_t address);
/* Where its parts go; springboards are built once for their size. false: *problem (too large). */
bool patch_place_parts(struct patch *patch, struct problem *problem);

/* --- patch_springboards.c --------------------------------------------------------------------- */

/*
 * Sizes and numbers every springboard: layout.springboards_size, origin_count, offsets in the
 * windows' springboard. Those that cannot be built are dropped, with what depends on them.
 */
void patch_size_springboards(struct patch *patch);
/* Builds every springboard in its place and leads its window there. false: *problem. */
bool patch_place_springboards(struct patch *patch, struct problem *problem);
/* Replaces the sites that trap. false: *problem. */
bool patch_place_traps(struct patch *patch, struct problem *problem);
/* Makes alternatives that would put sensitive instructions back into ones of no bytes. false:
 * *problem. */
bool patch_disarm_alternatives(struct patch *patch, struct problem *problem);
/* Leads branches and fixups to what has moved into springboards. */
void patch_follow_branches(struct patch *patch);

/* --- patch_rom.c ------------------------------------------------------------------------------ */

/*
 * Makes Linux keep its fixmap, and with it vmalloc's area, below the region under a ROM for Xen:
 * the variable that says where they end is exported (arch/x86/mm/pgtable_32.c, __FIXADDR_TOP).
 * Sets patch->top_is_free if that could be done.
 */
void patch_free_top(struct patch *patch);
/* Links the ROM in its place and tells it where everything is. false: *problem. */
bool patch_place_rom(struct patch *patch, struct problem *problem);
/* Writes the records of sites, and counts those that are left as they are. */
void patch_list_sites(struct patch *patch);

#endif
