/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MMU_MACHINE_H
#define TESTS_MMU_MACHINE_H

/*
 * A machine with a hypervisor in it: rom/mmu/backend.h, for tests. Memory, Xen's rules about what a
 * page may be used as (a table is never mapped writable; which bits a table's entries may have),
 * and a processor that walks the shadow tables and remembers what it found. A breach of a rule is
 * a failure of the test; so is a call in which the contract of backend.h is not kept.
 */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "rom/mmu/mmu.h"

/* Guest-physical pages: memory but for the ROM's. */
#define GUEST_PAGES      2048
#define ROM_PAGES_START  1984 /* the ROM's share of them: not the guest's */
#define WINDOW_START     0xf5000000u
#define WINDOW_END       0xf5400000u
#define ALIAS_START      0x35000000u
#define ALIAS_SIZE       0x00280000u
#define MACHINE_PHYSICAL 40

struct machine_counters {
	uint64_t hypercalls; /* calls that would be hypercalls */
	uint64_t entries;    /* written by them */
	uint64_t flushes, page_flushes, pins, unpins, windows;
	uint64_t instructions; /* what they would cost in Xen, by xen-facts' measurements */
};
extern struct machine_counters machine_counters;

/* A new machine whose MMU has a pool of so many pages and so many windows; mmu_init() was called.
   The seed says which frame is where. */
void machine_start(uint32_t pool_pages, uint32_t window_count, uint64_t seed);
void machine_stop(void);
/* Whether the next machine has an alias; true after each machine_stop(). */
extern bool machine_has_alias;
/* Where backend_fatal() goes instead of failing the test; null after each machine_stop(). */
extern jmp_buf *machine_fatal;
/* What the MMU was given. */
const struct mmu_platform *machine_platform(void);

/* Guest memory, as a device would see it; null where the guest has none. */
void *guest_memory(uint32_t pfn);
/* What the guest must see at a guest-physical page: its frame, or the page of ones. */
uint32_t expected_frame(uint64_t physical);
uint32_t void_frame(void);
/* The frame of the ROM at a linear address of the window. */
uint32_t rom_frame(uint32_t linear);

/* What the processor has for a linear address. */
struct translation {
	bool present;
	uint32_t frame;
	bool write, user, nx;
};
struct translation shadow_walk(uint32_t linear);
struct translation cached_translation(uint32_t linear);

/* The processor tries an access (MMU_WRITE, MMU_FETCH, MMU_USER): by what it has cached, else by
   walking. False: a page fault, with its error code. It has forgotten the page then. */
bool processor_access(uint32_t linear, uint32_t access, uint32_t *frame, uint32_t *error_code);
/* It caches a translation that it may cache. */
void processor_speculate(uint32_t linear);

/* Everything the tables have in them, by Xen's rules and by what the guest may reach. */
void machine_check(void);

#endif
