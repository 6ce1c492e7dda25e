/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MMU_REFERENCE_H
#define TESTS_MMU_REFERENCE_H

/*
 * The guest's processor as the SDM (vol. 3, chapter 4) has it, written without looking at rom/mmu/:
 * a walk of the guest's tables, and a look-aside buffer that is every one a processor may have. It
 * holds, for the pages of the universe, each translation that the tables had at some time since
 * the guest last asked to forget it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tests/mmu/machine.h"

#define UNIVERSE_LIMIT 256
#define CACHED_LIMIT   64

struct cached {
	uint64_t physical; /* of the page */
	bool write, user, nx, dirty, global;
	uint32_t first, last; /* the linear addresses of the guest's page, a large one perhaps */
};

struct page {
	uint32_t linear;
	uint32_t count;
	struct cached cached[CACHED_LIMIT];
};

struct reference {
	uint32_t cr0, cr3, cr4, efer;
	uint64_t pdpte[4];
	bool alias_lingers;
	bool full; /* a page has CACHED_LIMIT translations: flush soon */
	uint32_t universe_size;
	struct page universe[UNIVERSE_LIMIT];
	uint8_t memory[GUEST_PAGES][4096]; /* what must be in the guest's memory */
};
extern struct reference reference;

/* An entry of the guest's tables. */
struct place {
	uint64_t address; /* guest-physical; all ones for none */
	uint32_t width;
};

struct walked {
	bool present;        /* there is a page */
	uint32_t error_code; /* if the access faults */
	bool allowed;
	bool accessed; /* in all entries */
	bool large;
	struct cached found;
	struct place pdpte, pde, pte; /* as far as the walk came; PDPTEs are not looked at */
};

struct walked reference_walk(uint32_t linear, uint32_t access);
/* Sets accessed and dirty bits of a walk. */
void reference_mark(const struct walked *walked, bool write);

/* Guest memory, and what must be in it. All ones where there is none; writes are lost there. */
uint64_t memory_read(struct place place);
void memory_write(struct place place, uint64_t value);

/* The guest's tables may have changed: what they have now may be cached. */
void reference_refresh(void);

/* The guest's instructions. False: #GP. */
bool reference_cr0(uint32_t value);
bool reference_cr3(uint32_t value);
bool reference_cr4(uint32_t value);
void reference_efer(uint32_t value);
void reference_invlpg(uint32_t linear);
void reference_flush(bool global);

bool reference_alias(uint32_t linear);
/* Whether a processor may do an access by something it has cached, and reach this frame. */
bool may_reach(const struct page *page, uint32_t access, uint32_t frame);
/* Whether the shadow may have this for a page. */
bool may_have(const struct page *page, const struct translation *translation);

#endif
