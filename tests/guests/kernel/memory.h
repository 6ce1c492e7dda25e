/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

/*
 * Memory: page tables of both formats, with memory mapped at its own address so that code runs
 * with paging on or off. Checks map what they like from CHECK_AREA on.
 */

#include <stdbool.h>
#include <stdint.h>

enum paging { PAGING_NONE, PAGING_2LEVEL, PAGING_PAE };

extern enum paging paging;

#define PAGE_SIZE 4096u

#define PAGE_PRESENT    0x001u
#define PAGE_WRITABLE   0x002u
#define PAGE_USER       0x004u
#define PAGE_ACCESSED   0x020u
#define PAGE_DIRTY      0x040u
#define PAGE_LARGE      0x080u /* in directories */
#define PAGE_GLOBAL     0x100u
#define PAGE_NO_EXECUTE (1ull << 63) /* PAE only */
#define PAGE_KERNEL     (PAGE_PRESENT | PAGE_WRITABLE)
#define PAGE_ANY        (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER)
#define PAGE_FLAGS      0x8000000000000fffull

/* Linear addresses: memory itself, programs of ring 3, and what checks map. */
#define IDENTITY_END_MAX 0x04000000u
#define USER_AREA        0x40000000u
#define CHECK_AREA       0x80000000u
#define CHECK_AREA_END   0xe0000000u

/* An entry of either format; the upper half is 0 in the 2-level one. */
typedef uint64_t page_entry;

struct address_space {
	uint32_t root;           /* for CR3 */
	uint32_t directories[4]; /* addresses; only the first one in the 2-level format */
};

extern struct address_space kernel_space;  /* the one that is current in checks */
extern struct address_space *active_space; /* the one that the functions below change */

/* Makes the tables for the mode and turns paging on. */
void memory_setup(enum paging mode);

/* Unmaps what a check has mapped, takes its pages back, sets CR0, CR3 and CR4 as they were. */
void memory_restore(void);

/*
 * A zeroed page, at its physical address, which is also its linear one; the check's until its
 * end.
 */
uint32_t page_allocate(void);

/* A new address space with the kernel's own mappings, likewise the check's. */
struct address_space address_space_make(void);

/* Size of a large page: 4 MB, or 2 MB with PAE. */
uint32_t large_page_size(void);

/*
 * Maps one page, or one large page, with `flags` and PAGE_PRESENT as given; the directory's entry
 * of a small page allows everything. Plain stores; nothing is invalidated.
 */
void page_map(uint32_t linear, uint32_t physical, page_entry flags);
void page_map_large(uint32_t linear, uint32_t physical, page_entry flags);

/* The entry's address, in its table or directory. The table must be there. */
uint32_t page_entry_address(uint32_t linear);
uint32_t directory_entry_address(uint32_t linear);

/* One entry, read and written by plain loads and stores. */
page_entry entry_read(uint32_t address);
void entry_write(uint32_t address, page_entry value);

/* Loads CR3 with itself. */
void flush_translations(void);

/* Size of an entry: 4 or 8 bytes. */
uint32_t entry_size(void);

/* Turns paging off, and on again; the code runs on since memory is mapped at its own address. */
void paging_off(void);
void paging_on(void);

/* Whether linear memory is mapped at its own address up to here. */
uint32_t identity_end(void);

static inline volatile uint32_t *word_at(uint32_t linear)
{
	return (volatile uint32_t *)(uintptr_t)linear;
}

#endif
