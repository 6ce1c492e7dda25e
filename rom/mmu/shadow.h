/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_MMU_SHADOW_H
#define ROM_MMU_SHADOW_H

/* What the files of rom/mmu/ share; nobody else includes it. docs/mmu.md draws the structures. */

#include "rom/mmu/mmu.h"

/* Bits of entries, the guest's and the shadow's. */
#define ENTRY_PRESENT  0x001u
#define ENTRY_WRITE    0x002u
#define ENTRY_USER     0x004u
#define ENTRY_ACCESSED 0x020u
#define ENTRY_DIRTY    0x040u
#define ENTRY_LARGE    0x080u
#define ENTRY_GLOBAL   0x100u
#define ENTRY_NX       (1ull << 63)
#define ENTRY_NX_HIGH  (1u << 31)

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Shadow entries never have G: Xen may flush them all. Whether the guest's has it stands in a bit
   that is free for software. */
#define SHADOW_GLOBAL   (ENTRY_GLOBAL << 1)
#define SHADOW_ACCESSED (ENTRY_PRESENT | ENTRY_ACCESSED | ENTRY_DIRTY)
#define SHADOW_TABLE    (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_ACCESSED)
#define SHADOW_L3       ENTRY_PRESENT

#define PAGE_SHIFT  12
#define CHUNK_SHIFT 21 /* a chunk is what one shadow L1 maps: 2 MB */
#define SLOT_SHIFT  30
#define KERNEL_SLOT 3
#define NO_TABLE    0xffffu
#define NO_PFN      0xffffffffu

#define CR0_WP   (1u << 16)
#define CR0_NW   (1u << 29)
#define CR0_CD   (1u << 30)
#define CR0_PG   (1u << 31)
#define CR4_PSE  (1u << 4)
#define CR4_PAE  (1u << 5)
#define CR4_PGE  (1u << 7)
#define EFER_NXE (1u << 11)

/*
 * What a shadow table stands for. `kind` says what is at `pfn` and, for an L1, what the level above
 * allows: ENTRY_WRITE, ENTRY_USER and KIND_NX. Two tables of one source are interchangeable.
 */
struct source {
	uint32_t pfn;
	uint32_t kind;
};
#define KIND_NONE      0u
#define KIND_NX        0x0008u
#define KIND_LARGE     0x1000u /* L1: 2 MB of memory at pfn; ENTRY_GLOBAL counts, too */
#define KIND_TWO_LEVEL 0x2000u /* L1 or L2: of a table with 4-byte entries, part KIND_PART */
#define KIND_PAE       0x4000u /* L1 or L2: of a table with 8-byte entries */
#define KIND_IDENTITY  0x8000u /* L2: paging is off, the linear addresses' GB in KIND_PART */
#define KIND_PART(n)   ((uint32_t)(n) << 16)

enum table_use {
	TABLE_FREE,
	TABLE_PAGES, /* L1 of a guest's page table: one place, one L2, changes */
	TABLE_LARGE, /* L1 of 2 MB in a row: as many places as need it, never changes */
	TABLE_L2,
};

/* One pool page; and, behind the pool's, slot 3's L2. */
struct table {
	uint64_t address; /* machine address */
	struct source source;
	uint32_t present[MMU_ENTRIES / 32]; /* entries that are not zero, queued ones included */
	uint16_t present_count;
	uint16_t next;       /* in its hash chain or list of free tables */
	uint16_t parent;     /* TABLE_PAGES: the L2 */
	uint16_t index;      /* TABLE_PAGES: its place there */
	uint16_t references; /* TABLE_LARGE: places; TABLE_L2: number of its struct directory */
	uint8_t use;         /* enum table_use */
	uint8_t pinned;      /* level the page is typed as, 0 for none */
	uint16_t number;     /* the table's own */
};

/* What an L2 has besides. A child that is not present in the L2 sleeps: its entries have not been
   compared with the guest's since the last flush. */
struct directory {
	uint16_t child[MMU_ENTRIES]; /* tables, NO_TABLE */
	uint32_t last_used;
	uint16_t table; /* whose this is, NO_TABLE for nobody's */
	uint16_t padding;
};

#define HASH_SIZE  256u
#define QUEUE_SIZE 128u

/* An entry of the guest's tables; `high` is 0 where they have 4 bytes. */
struct entry {
	uint32_t low, high;
};

struct shadow {
	const struct mmu_platform *platform;
	struct table *tables;          /* [pool_pages + 1] */
	struct directory *directories; /* [directory_count], the last is slot 3's */
	uint32_t directory_count;
	uint16_t kernel; /* slot 3's L2: pool_pages */

	/* The guest's registers, as far as they count here. */
	uint32_t cr0, cr3, cr4, efer;
	struct entry pdpte[4];
	uint32_t reserved_high; /* bits that PAE entries may not have in their upper half */

	uint16_t slot[4];      /* the L2 of each GB, NO_TABLE */
	uint16_t live_slot[4]; /* as the processor's L3 has it, queued changes included */
	uint32_t kernel_local[MMU_ENTRIES / 32]; /* children of slot 3 with entries not global */

	uint16_t alias_table; /* the L2 that has the alias in it, NO_TABLE */
	bool alias_lingers;   /* paging is on, but the guest still runs in the alias */
	bool override_used;   /* a supervisor may write where only CR0.WP = 0 allows it */

	uint16_t free_typed[3]; /* lists by level; [0]: untyped, or too full to be emptied */
	uint16_t hash[HASH_SIZE];
	uint32_t age, victim;

	uint32_t *window_pfn; /* [window_count] */
	uint8_t *windows;
	uint32_t window_mask;

	struct mmu_update queue[QUEUE_SIZE];
	uint32_t queue_length;
	bool queue_has_tables; /* entries of an L2 or L3 */
	enum mmu_flush flush;  /* due with the queue: never MMU_FLUSH_ALL_WITH_TABLES */
	uint32_t flush_linear;

	uint32_t last_spurious, spurious_in_a_row;
	uint32_t last_invalidated; /* linear page of the last INVLPG */
	bool invalidates_run;      /* this one is for the page behind it */
};
extern struct shadow shadow;

static inline bool paging(void)
{
	return shadow.cr0 & CR0_PG;
}

static inline struct table *table_at(uint32_t number)
{
	return &shadow.tables[number];
}

static inline struct directory *directory_of(const struct table *l2)
{
	return &shadow.directories[l2->references];
}

static inline bool test_bit(const uint32_t *map, uint32_t bit)
{
	return map[bit / 32] >> bit % 32 & 1;
}

static inline void set_bit(uint32_t *map, uint32_t bit)
{
	map[bit / 32] |= 1u << bit % 32;
}

static inline void clear_bit(uint32_t *map, uint32_t bit)
{
	map[bit / 32] &= ~(1u << bit % 32);
}

/* The first bit of a map of MMU_ENTRIES bits that is set, from `bit` on; MMU_ENTRIES if none is. */
uint32_t next_bit(const uint32_t *map, uint32_t bit);

static inline bool same_source(const struct source *a, const struct source *b)
{
	return a->pfn == b->pfn && a->kind == b->kind;
}

/* guest_memory.c: memory by guest-physical address */

/* Maps a page into its window; null where there is no memory. */
uint8_t *open_window(uint32_t pfn);
/* Sets bits of the lowest byte of a guest's entry. */
void mark_guest_entry(uint32_t pfn, uint32_t offset, uint8_t bits);

static inline uint32_t window_slot(uint32_t pfn)
{
	return (pfn ^ pfn >> 7) & shadow.window_mask;
}

/* A guest page in its window, until the next call; null where there is no memory. */
static inline uint8_t *window_of(uint32_t pfn)
{
	uint32_t slot = window_slot(pfn);
	if (shadow.window_pfn[slot] != pfn || pfn == NO_PFN)
		return open_window(pfn);
	return shadow.windows + ((uint64_t)slot << PAGE_SHIFT);
}

static ALWAYS_INLINE struct entry entry_at(const uint8_t *bytes, bool wide)
{
	const uint32_t *words = (const uint32_t *)(const void *)bytes;
	return (struct entry){words[0], wide ? words[1] : 0};
}

/* An entry of a guest table, `offset` in bytes. All ones where there is no memory. */
static ALWAYS_INLINE struct entry read_entry(uint32_t pfn, uint32_t offset, bool wide)
{
	const uint8_t *page = window_of(pfn);
	return page ? entry_at(page + offset, wide) : (struct entry){~0u, wide ? ~0u : 0};
}

static ALWAYS_INLINE uint32_t pfn_of(struct entry entry, bool wide)
{
	uint32_t pfn = entry.low >> PAGE_SHIFT;
	if (!wide)
		return pfn;
	return entry.high & 0xff000 ? NO_PFN : entry.high << 20 | pfn;
}

/* walk.c: the guest's tables */

struct walk {
	struct entry pde, pte;        /* as they are after mark_walk(); not with paging off */
	uint32_t pde_pfn, pde_offset; /* where they stand */
	uint32_t pte_pfn, pte_offset;
	uint32_t error_code; /* of a fault */
	uint32_t rights; /* ENTRY_WRITE and ENTRY_USER: what all levels allow; other bits: any */
	uint32_t pfn;    /* of the page; NO_PFN if it has more than 32 bits */
	bool nx;
	bool large; /* the pde is the pte, too */
};

/* Walks as the processor does for an access (MMU_WRITE, MMU_USER, MMU_FETCH), without touching
   accessed and dirty bits. False: a fault. */
bool walk_guest(uint32_t linear, uint32_t access, struct walk *walk);
/* Sets the accessed bits of a successful walk, and the dirty bit for a write. */
void mark_walk(struct walk *walk, bool write);
/* The guest-physical address that a successful walk led to. */
uint64_t physical_of(uint32_t linear, const struct walk *walk);
/* What an L1 stands for that is for this entry of a page directory: one that is present, accessed
   and without reserved bits. */
struct source source_of_pde(struct entry pde, uint32_t linear);
/* The same, of the entry that the guest's tables have at the moment. KIND_NONE where no translation
   may be kept. */
struct source source_of_chunk(uint32_t linear);
/* The shadow's entry for an entry of a guest's page table below a source; 0 for none. */
uint64_t shadow_of_pte(struct entry pte, uint32_t kind);

static ALWAYS_INLINE uint64_t shadow_of(struct entry pte, uint32_t kind, bool wide)
{
	if (~pte.low & (ENTRY_PRESENT | ENTRY_ACCESSED) ||
	    (wide && pte.high & shadow.reserved_high))
		return 0;
	uint32_t rights = pte.low & kind & (ENTRY_WRITE | ENTRY_USER);
	rights &=
	    pte.low >> 5 | ~ENTRY_WRITE; /* writable only once it is dirty: bit 6 over bit 1 */
	uint32_t pfn = pfn_of(pte, wide);
	uint32_t frame = pfn == NO_PFN ? MMU_NO_FRAME : backend_machine_frame(pfn);
	if (frame == MMU_NO_FRAME) {
		frame = shadow.platform->void_frame;
		rights &= ~ENTRY_WRITE;
	}
	uint32_t low = frame << PAGE_SHIFT | SHADOW_ACCESSED | rights;
	low |= (pte.low & ENTRY_GLOBAL) << 1;
	uint32_t high = frame >> (32 - PAGE_SHIFT);
	if (wide && (pte.high & ENTRY_NX_HIGH || kind & KIND_NX))
		high |= ENTRY_NX_HIGH;
	return (uint64_t)high << 32 | low;
}

/* The source of the L2 for a slot; KIND_NONE if the guest has nothing there. */
struct source source_of_slot(uint32_t slot);
/* Whether page-directory-pointer entries at a CR3 may be loaded; fills in `pdpte`. */
bool read_pdptes(uint32_t cr3, struct entry pdpte[4]);

/* queue.c: entries to be written */

/* Writes an entry with the next commit(). 0 clears it. */
void set_entry(struct table *table, uint32_t index, uint64_t value);
/* The same for a value that is not 0, and commit(), at once. */
void write_entry(struct table *table, uint32_t index, uint64_t value);
/* Sets what L3 has in `slot`: shadow.slot[slot]. */
void set_live_slot(uint32_t slot);
/* The processor must forget a page, or everything, with the next commit(). */
void flush_page(uint32_t linear);
static inline void flush_all(void)
{
	shadow.flush = MMU_FLUSH_ALL;
}
/* Everything queued takes effect. */
void commit(void);

/* An L1's entries as the last commit() left them. */
static inline const uint64_t *entries_of(const struct table *table)
{
	return shadow.platform->pool + (uint32_t)table->number * MMU_ENTRIES;
}

static inline uint64_t entry_of(const struct table *table, uint32_t index)
{
	return entries_of(table)[index];
}

/* pool.c: tables to be had */

/* A pinned table: an L2, empty and with its struct directory, or an L1 with whatever entries it had
   before, for revalidation. Always succeeds: takes one from the guest if need be, never an L2 that
   is in shadow.slot, which must be what the processor has. */
struct table *allocate_table(uint32_t level);
/* A page that is neither pinned nor referred to; for backend_table_open(). */
struct table *allocate_raw(void);
/* Gives a table back. Nothing refers to it. */
void release_table(struct table *table);
/* Gives source and use to a fresh table, so that it can be found. */
void name_table(struct table *table, enum table_use use, struct source source);
/* The first table of a source and use, behind `after` (NO_TABLE: of all); null if none is. */
struct table *find_table(enum table_use use, const struct source *source, uint32_t after);
/* The first table in the chain of all that have this pfn (and others). */
static inline uint32_t hash_of(uint32_t pfn)
{
	return (pfn ^ pfn >> 8 ^ pfn >> 16) % HASH_SIZE;
}
void start_pool(void);

/* tables.c: L1s in L2s */

/* The L2 of a slot of the guest now running; made if there is none. */
struct table *ensure_slot(uint32_t slot);
/* Takes a child out of its L2, and what was only there for it. */
void drop_child(struct table *l2, uint32_t index);
/* Lets an L2 go that is in no slot. */
void destroy_l2(struct table *l2);
/* Makes the L1 for a chunk be there and be up to date. */
struct table *ensure_child(uint32_t linear, const struct source *source);
/* It, if that is so already; else null. */
static ALWAYS_INLINE struct table *present_child(uint32_t linear, const struct source *source)
{
	uint32_t index = linear >> CHUNK_SHIFT & (MMU_ENTRIES - 1);
	uint32_t number = shadow.slot[linear >> SLOT_SHIFT];
	if (number == NO_TABLE || !test_bit(table_at(number)->present, index))
		return 0;
	struct table *child = table_at(directory_of(table_at(number))->child[index]);
	return same_source(&child->source, source) ? child : 0;
}
/* Makes all that is present below a child agree with the guest's tables. */
void revalidate_child(struct table *l2, uint32_t index, uint32_t linear);
/* The same for all children of slots 0 to 2, or of slot 3. */
void revalidate_slot(uint32_t slot);
void revalidate_kernel(bool global);

/* control.c */

/* Puts the alias where it belongs, or takes it away. */
void place_alias(void);
bool in_alias_range(uint32_t linear);
static inline bool in_alias(uint32_t linear)
{
	return shadow.alias_table != NO_TABLE && in_alias_range(linear);
}

#endif
