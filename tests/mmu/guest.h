/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MMU_GUEST_H
#define TESTS_MMU_GUEST_H

/* A small, orderly guest on the simulated machine: address spaces, pages, accesses. */

#include <stdbool.h>
#include <stdint.h>

#include "tests/mmu/machine.h"

/* Flags of entries. */
#define PRESENT  0x001u
#define WRITABLE 0x002u
#define USER     0x004u
#define ACCESSED 0x020u
#define DIRTY    0x040u
#define LARGE    0x080u
#define GLOBAL   0x100u
#define NX       (1ull << 63)
#define KERNEL   (PRESENT | WRITABLE | ACCESSED | DIRTY)

/* Starts a machine and a guest without address spaces, paging off. PAE or 2-level with PSE. */
void guest_start(uint32_t pool_pages, bool pae);
/* A new address space: what CR3 must be. */
uint32_t guest_space(void);
/* Sets CR3 to a space, then CR4 and CR0.PG and WP, if paging is off. */
void guest_enter(uint32_t space);
/* Writes the entry that maps a linear address; an entry of the page directory if it has LARGE. */
void guest_map(uint32_t space, uint32_t linear, uint64_t entry);
/* Forbids user mode the page table of a linear address. */
void guest_restrict(uint32_t space, uint32_t linear);
/* The entry as it is in the guest's memory. */
uint64_t guest_entry_of(uint32_t space, uint32_t linear);
/* Where the entry is, by guest-physical address. */
uint64_t guest_entry_address(uint32_t space, uint32_t linear);

/* The processor does an access; the MMU takes the faults. MMU_FILLED when it succeeds. */
enum mmu_result guest_access(uint32_t linear, uint32_t access);
/* Where the last access went, and its fault; the number of faults it took. */
extern uint32_t guest_frame;
extern struct mmu_fault guest_fault;
extern uint32_t guest_faults;

#endif
