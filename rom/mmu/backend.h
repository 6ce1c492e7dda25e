/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_MMU_BACKEND_H
#define ROM_MMU_BACKEND_H

/*
 * What the shadow MMU asks of the platform: the few operations that rom/platform/xen/ makes of
 * hypercalls, and tests/mmu/ of a simulated machine. Nothing else of rom/mmu/ leaves the ROM.
 *
 * "Frame" is a machine frame number, "pfn" a guest-physical page number, "linear" an address that
 * the guest uses. Pool pages are named by their index. No operation fails: one that does is a
 * mistake of the ROM's or a lack of memory in Xen, and the platform ends the domain with what it
 * knows (the operation, its arguments, Xen's answer).
 */

#include <stdbool.h>
#include <stdint.h>

#define MMU_ENTRIES  512         /* of a shadow table of any level */
#define MMU_NO_FRAME 0xffffffffu /* there is no such frame */

#define MMU_POOL_MINIMUM 32
#define MMU_POOL_MAXIMUM 65000

/*
 * What the platform prepares. It stays where it is as long as the ROM runs; the MMU does not copy.
 *
 * The one L3 is live: slot 3 holds the L2 with the window's and Xen's entries, slots 0 to 2 are
 * empty, and so is slot 3's L2 below `window_start`. (Whatever mappings the platform was started
 * with are gone.) The MMU writes L3 slots 0 to 2 and those entries of slot 3's L2, nothing else.
 */
struct mmu_platform {
	/* Linear addresses. [window_start, window_end) is the ROM's, what lies behind is Xen's or
	   nobody's; both are multiples of 2 MB, and window_start is 0xc0200000 or more. */
	uint32_t window_start, window_end;
	/* Where the window shows once more while the guest has paging off, and after that until
	   mmu_leave_alias(): a multiple of 2 MB below 0xc0000000; 0 for nowhere. Of alias_size
	   bytes, rounded up to 2 MB. The entries are copied from slot 3's L2. */
	uint32_t alias_start, alias_size;
	/* The guest's MAXPHYADDR, 32 to 52: which bits of PAE entries are reserved. */
	uint32_t physical_bits;

	uint64_t l3_address;        /* machine address of the L3's entry 0 */
	uint64_t kernel_l2_address; /* machine address of entry 0 of slot 3's L2 */
	const uint64_t *kernel_l2;  /* slot 3's L2, read-only */

	/* Pages for tables. All are mapped read-only, one behind the other, at `pool`; none is
	   typed or pinned yet; what is in them does not matter. */
	const uint64_t *pool;        /* page i: pool[i * MMU_ENTRIES] ... */
	const uint32_t *pool_frames; /* [pool_pages] */
	uint32_t pool_pages;         /* MMU_POOL_MINIMUM to MMU_POOL_MAXIMUM */

	/* Slots through which the MMU sees guest memory: slot i is the page at windows + 4096 i,
	   nothing mapped there yet. */
	uint8_t *windows;
	uint32_t window_count; /* a power of two, 4 to 4096 */

	/* A page of 0xff bytes: what is read where there is no memory. Never mapped writable. */
	uint32_t void_frame;

	void *metadata; /* mmu_metadata_size() zero bytes, aligned to 8 */
};

/* An entry of a table to be written; the layout is Xen's mmu_update_t (public/xen.h), `entry` with
   command 0, MMU_NORMAL_PT_UPDATE. */
struct mmu_update {
	uint64_t entry; /* machine address of the entry */
	uint64_t value;
};
_Static_assert(sizeof(struct mmu_update) == 16, "as mmu_update_t");

enum mmu_flush {
	MMU_FLUSH_NONE,
	MMU_FLUSH_PAGE, /* one linear address */
	MMU_FLUSH_ALL,  /* all of the guest's */
	/* The same, where entries of an L2 or L3 are among those written: what Xen may do by
	   itself. */
	MMU_FLUSH_ALL_WITH_TABLES,
};

/*
 * The frame of a guest-physical page, MMU_NO_FRAME where the guest has no memory: beyond its end,
 * in holes, and pages that belong to the ROM. pfns 0xa0 to 0xff are memory (zero at first). The
 * answer to one pfn is always the same. In the hot path.
 */
uint32_t backend_machine_frame(uint32_t pfn);

/*
 * Writes `count` entries (0 too) in their order, then drops what the processor has cached of the
 * guest's translations, as `flush` says; `linear` only counts for MMU_FLUSH_PAGE, where one entry
 * to be written is the L1 entry that translates `linear` in the live tables. When it returns
 * both are done. In the hot path (count 1, MMU_FLUSH_NONE).
 */
void backend_update(const struct mmu_update *updates, uint32_t count, enum mmu_flush flush,
                    uint32_t linear);

/*
 * Takes the read-only mapping of an unpinned pool page for a writable one, which it returns (the
 * same linear address or another), and back. At most one page is writable at a time, and none while
 * other operations but backend_machine_frame() are asked for.
 */
uint64_t *backend_table_open(uint32_t page);
void backend_table_close(uint32_t page);

/* Makes a closed pool page a table of level 1 or 2 that keeps its type with no reference to it;
   its entries are validated. And the reverse: nothing refers to the page, its entries are let go.
 */
void backend_table_pin(uint32_t page, uint32_t level);
void backend_table_unpin(uint32_t page);

/* Maps a frame of guest memory, readable and writable, at slot `slot` of `windows`, in place of
   what was there; the processor's cached translation of the slot is dropped. */
void backend_window_map(uint32_t slot, uint32_t frame);

/* Ends the domain with a diagnosis: a sentence and two numbers it names. */
_Noreturn void backend_fatal(const char *what, uint32_t first, uint32_t second);

#endif
