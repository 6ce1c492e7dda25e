/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mmu/reference.h"

#include <string.h>

#define CR0_WP   0x00010000u
#define CR0_PG   0x80000000u
#define CR4_PSE  0x10u
#define CR4_PAE  0x20u
#define CR4_PGE  0x80u
#define EFER_NXE 0x800u

#define P  0x001ull
#define RW 0x002ull
#define US 0x004ull
#define A  0x020ull
#define D  0x040ull
#define PS 0x080ull
#define G  0x100ull
#define XD 0x8000000000000000ull

struct reference reference;

/* --- memory --- */

static uint8_t *model_at(uint64_t address)
{
	if (address >> 12 >= ROM_PAGES_START)
		return NULL;
	return &reference.memory[address >> 12][address & 0xfff];
}

uint64_t memory_read(struct place place)
{
	uint64_t value = ~0ull;
	const uint8_t *bytes = model_at(place.address);
	if (bytes)
		value = 0, memcpy(&value, bytes, place.width);
	return place.width == 8 ? value : value & 0xffffffffu;
}

void memory_write(struct place place, uint64_t value)
{
	uint8_t *bytes = model_at(place.address);
	if (!bytes)
		return;
	uint8_t *real = guest_memory((uint32_t)(place.address >> 12));
	memcpy(bytes, &value, place.width);
	memcpy(real + (place.address & 0xfff), &value, place.width);
}

/* --- walking --- */

static bool pae(void)
{
	return reference.cr4 & CR4_PAE;
}

static uint64_t always_reserved(void)
{
	uint64_t bits = 0x7fffffffffffffffull >> MACHINE_PHYSICAL << MACHINE_PHYSICAL;
	return reference.efer & EFER_NXE ? bits : bits | XD;
}

static struct walked fault(struct walked walked, uint32_t more)
{
	walked.error_code |= more;
	return walked;
}

static void combine(struct walked *walked, uint64_t pde, uint64_t pte)
{
	struct cached *found = &walked->found;
	walked->present = true;
	walked->accessed = pde & pte & A;
	found->write = pde & pte & RW;
	found->user = pde & pte & US;
	found->nx = pae() && reference.efer & EFER_NXE && (pde | pte) & XD;
	found->dirty = pte & D;
	found->global = pte & G && reference.cr4 & CR4_PGE;
}

static bool granted(const struct walked *walked, uint32_t access)
{
	const struct cached *found = &walked->found;
	if (access & MMU_USER)
		return found->user && !(access & MMU_WRITE && !found->write) &&
		       !(access & MMU_FETCH && found->nx);
	if (access & MMU_WRITE && !found->write && reference.cr0 & CR0_WP)
		return false;
	return !(access & MMU_FETCH && found->nx);
}

static struct walked finish(struct walked walked, uint32_t access)
{
	walked.allowed = granted(&walked, access);
	if (!walked.allowed)
		walked.error_code |= MMU_PRESENT;
	return walked;
}

static struct walked walk_unpaged(uint32_t linear)
{
	uint32_t page = linear & ~0xfffu;
	return (struct walked){.present = true,
	                       .allowed = true,
	                       .accessed = true,
	                       .pde = {~0ull, 4},
	                       .pte = {~0ull, 4},
	                       .pdpte = {~0ull, 8},
	                       .found = {page, true, true, false, true, false, page, page | 0xfff}};
}

static struct walked walk_two_level(struct walked walked, uint32_t linear, uint32_t access)
{
	walked.pde = (struct place){(reference.cr3 & ~0xfffu) + (linear >> 22) * 4, 4};
	uint64_t pde = memory_read(walked.pde);
	if (!(pde & P))
		return walked;
	if (pde & PS && reference.cr4 & CR4_PSE) {
		if (pde & 0x003fe000)
			return fault(walked, MMU_PRESENT | MMU_RESERVED);
		walked.large = true;
		walked.found.physical = (pde & 0xffc00000) | (linear & 0x003ff000);
		walked.found.first = linear & 0xffc00000;
		walked.found.last = linear | 0x003fffff;
		combine(&walked, pde, pde);
		return finish(walked, access);
	}
	walked.pte = (struct place){(pde & 0xfffff000) + (linear >> 12 & 0x3ff) * 4, 4};
	uint64_t pte = memory_read(walked.pte);
	if (!(pte & P))
		return walked;
	walked.found.physical = pte & 0xfffff000;
	combine(&walked, pde, pte);
	return finish(walked, access);
}

static struct walked walk_pae(struct walked walked, uint32_t linear, uint32_t access)
{
	uint64_t pdpte = reference.pdpte[linear >> 30], mask = 0x000ffffffffff000ull;
	walked.pdpte = (struct place){(reference.cr3 & ~0x1fu) + (linear >> 30) * 8, 8};
	if (!(pdpte & P))
		return walked;
	walked.pde = (struct place){(pdpte & mask) + (linear >> 21 & 0x1ff) * 8, 8};
	uint64_t pde = memory_read(walked.pde);
	if (!(pde & P))
		return walked;
	if (pde & (always_reserved() | (pde & PS ? 0x001fe000 : 0)))
		return fault(walked, MMU_PRESENT | MMU_RESERVED);
	if (pde & PS) {
		walked.large = true;
		walked.found.physical = (pde & mask & ~0x1fffffull) | (linear & 0x001ff000);
		walked.found.first = linear & 0xffe00000;
		walked.found.last = linear | 0x001fffff;
		combine(&walked, pde, pde);
		return finish(walked, access);
	}
	walked.pte = (struct place){(pde & mask) + (linear >> 12 & 0x1ff) * 8, 8};
	uint64_t pte = memory_read(walked.pte);
	if (!(pte & P))
		return walked;
	if (pte & always_reserved())
		return fault(walked, MMU_PRESENT | MMU_RESERVED);
	walked.found.physical = pte & mask;
	combine(&walked, pde, pte);
	return finish(walked, access);
}

struct walked reference_walk(uint32_t linear, uint32_t access)
{
	if (!(reference.cr0 & CR0_PG))
		return walk_unpaged(linear);
	struct walked walked = {
	    .error_code = access & (MMU_USER | MMU_WRITE),
	    .pdpte = {~0ull, 8},
	    .pde = {~0ull, 4},
	    .pte = {~0ull, 4},
	    .found = {.first = linear & ~0xfffu, .last = linear | 0xfffu},
	};
	if (access & MMU_FETCH && pae() && reference.efer & EFER_NXE)
		walked.error_code |= MMU_FETCH;
	return pae() ? walk_pae(walked, linear, access) : walk_two_level(walked, linear, access);
}

void reference_mark(const struct walked *walked, bool write)
{
	if (!(reference.cr0 & CR0_PG))
		return;
	struct place leaf = walked->large ? walked->pde : walked->pte;
	struct place places[2] = {walked->pde, leaf};
	for (int i = 0; i < 2; i++) {
		uint64_t value = memory_read(places[i]) | A | (i && write ? D : 0);
		uint8_t *bytes = model_at(places[i].address);
		if (bytes)
			memcpy(bytes, &value, places[i].width);
	}
}

/* --- what may be cached --- */

static bool same_translation(const struct cached *a, const struct cached *b)
{
	return a->physical == b->physical && a->write == b->write && a->user == b->user &&
	       a->nx == b->nx && a->dirty == b->dirty && a->global == b->global &&
	       a->first == b->first && a->last == b->last;
}

void reference_refresh(void)
{
	for (uint32_t i = 0; i < reference.universe_size; i++) {
		struct page *page = &reference.universe[i];
		struct walked walked = reference_walk(page->linear, 0);
		bool known = !walked.present || !walked.accessed;
		for (uint32_t j = 0; j < page->count && !known; j++)
			known = same_translation(&page->cached[j], &walked.found);
		if (known)
			continue;
		if (page->count < CACHED_LIMIT)
			page->cached[page->count++] = walked.found;
		reference.full |= page->count >= CACHED_LIMIT - 2;
	}
}

/* Forgets what `linear`, if not null, or else what is not global, or everything. */
static void forget(const uint32_t *linear, bool global)
{
	for (uint32_t i = 0; i < reference.universe_size; i++) {
		struct page *page = &reference.universe[i];
		uint32_t kept = 0;
		for (uint32_t j = 0; j < page->count; j++) {
			const struct cached *cached = &page->cached[j];
			bool keep = linear ? *linear < cached->first || *linear > cached->last
			                   : cached->global && !global;
			if (keep)
				page->cached[kept++] = *cached;
		}
		page->count = kept;
	}
	if (!linear && global)
		reference.full = false;
}

/* Page-directory-pointer entries are registers. */
static bool load_pdptes(uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
	uint64_t pdpte[4];
	if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE))
		return true;
	for (uint32_t i = 0; i < 4; i++) {
		pdpte[i] = memory_read((struct place){(cr3 & ~0x1fu) + i * 8, 8});
		if (pdpte[i] & P && pdpte[i] & (0x1e6 | ~0ull << MACHINE_PHYSICAL))
			return false;
	}
	memcpy(reference.pdpte, pdpte, sizeof(pdpte));
	return true;
}

bool reference_cr0(uint32_t value)
{
	bool paging_changes = (reference.cr0 ^ value) & CR0_PG;
	if (paging_changes && !load_pdptes(value, reference.cr3, reference.cr4))
		return false;
	reference.cr0 = value;
	if (paging_changes) {
		forget(NULL, true);
		reference.alias_lingers = value & CR0_PG;
	}
	return true;
}

bool reference_cr3(uint32_t value)
{
	if (!load_pdptes(reference.cr0, value, reference.cr4))
		return false;
	reference.cr3 = value;
	if (reference.cr0 & CR0_PG) {
		forget(NULL, false);
		reference.alias_lingers = false;
	}
	return true;
}

bool reference_cr4(uint32_t value)
{
	if (reference.cr4 != value && !load_pdptes(reference.cr0, reference.cr3, value))
		return false;
	if (reference.cr4 != value)
		forget(NULL, true);
	reference.cr4 = value;
	return true;
}

void reference_efer(uint32_t value)
{
	if (reference.efer != value)
		forget(NULL, true);
	reference.efer = value;
}

void reference_invlpg(uint32_t linear)
{
	forget(&linear, true);
}

void reference_flush(bool global)
{
	forget(NULL, global);
}

bool reference_alias(uint32_t linear)
{
	uint32_t end = (ALIAS_START + ALIAS_SIZE + 0x1fffff) & ~0x1fffffu;
	bool active = !(reference.cr0 & CR0_PG) || reference.alias_lingers;
	return active && linear >= ALIAS_START && linear < end;
}

/* --- verdicts --- */

bool may_reach(const struct page *page, uint32_t access, uint32_t frame)
{
	bool user = access & MMU_USER, write = access & MMU_WRITE, fetch = access & MMU_FETCH;
	if (reference_alias(page->linear) ||
	    (page->linear >= WINDOW_START && page->linear < WINDOW_END))
		return !user && frame == rom_frame(page->linear);
	for (uint32_t i = 0; i < page->count; i++) {
		const struct cached *cached = &page->cached[i];
		bool writable = cached->write || (!user && !(reference.cr0 & CR0_WP));
		if (expected_frame(cached->physical) == frame && (!user || cached->user) &&
		    (!write || (writable && cached->dirty && frame != void_frame())) &&
		    !(fetch && cached->nx))
			return true;
	}
	return false;
}

bool may_have(const struct page *page, const struct translation *translation)
{
	if (!translation->present)
		return true;
	uint32_t rights[] = {
	    0, MMU_WRITE, MMU_FETCH, MMU_USER, MMU_USER | MMU_WRITE, MMU_USER | MMU_FETCH};
	for (uint32_t i = 0; i < sizeof(rights) / sizeof(*rights); i++) {
		uint32_t right = rights[i];
		if (right & MMU_WRITE && !translation->write)
			continue;
		if (right & MMU_USER && !translation->user)
			continue;
		if (right & MMU_FETCH && translation->nx)
			continue;
		if (!may_reach(page, right, translation->frame))
			return false;
	}
	return true;
}
