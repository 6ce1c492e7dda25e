/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_MEMORY_H
#define ROM_XEN_MEMORY_H

/*
 * The domain's memory and the window. "pfn" is a guest-physical page number, "frame" a machine
 * frame number.
 *
 * The ROM owns, and the guest does not see: the pages of the region and of Xen's first tables,
 * which stand behind it, and what it takes from the top of memory at start.
 */

#include "rom/platform/xen/start.h"

struct memory {
	uint32_t pages;     /* of the domain */
	uint32_t own_first; /* pfns [own_first, own_end) are the ROM's */
	uint32_t own_end;
	uint32_t top;           /* pfns from here on are the ROM's */
	const uint32_t *frames; /* of each pfn */
	uint64_t l3_address;    /* machine address of the one L3 */
	uint64_t l2_address;    /* of slot 3's L2 */
	const uint64_t *l2;     /* that, read-only */
	uint32_t *pool_frames;  /* of the pool's pages */
	uint32_t pool;          /* where it is mapped, read-only */
	uint32_t pool_pages;
	uint32_t heap_next, heap_mapped; /* addresses */
};

extern struct memory memory;

/*
 * Brings everything the ROM needs into the window and gives up Xen's first mapping: afterwards
 * start_info is gone, and nothing is mapped below the window.
 */
void memory_initialise(const struct start_info *start_info);

/* Zeroed memory of the ROM's, aligned to 8, for good. Ends the domain if there is none. */
void *memory_take(uint32_t size);

/* Takes a page for good; its frame. */
uint32_t memory_take_frame(void);

/* Maps a frame in the window. flags: PAGE_*. */
void memory_map(uint32_t address, uint32_t frame, uint32_t flags);

/* The frame behind an address of the region. */
uint32_t memory_frame_of(const void *object);

#endif
