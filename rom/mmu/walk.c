/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's page tables, read as the processor reads them (SDM vol. 3, sections 4.3 to 4.8). */

#include "rom/mmu/shadow.h"

#define TWO_LEVEL_RESERVED_LARGE 0x003fe000u /* bits 21-13: there is no PSE-36 */
#define PAE_RESERVED_LARGE       0x001fe000u /* bits 20-13 */
#define PDPTE_RESERVED           0x000001e6u

/* Functions with the argument `wide` are made twice, for entries of 8 and of 4 bytes. */

/* Whether an entry of a page directory maps a page itself. */
static ALWAYS_INLINE bool is_large(struct entry pde, bool wide)
{
	return pde.low & ENTRY_LARGE && (wide || shadow.cr4 & CR4_PSE);
}

static ALWAYS_INLINE bool pde_reserved(struct entry pde, bool wide)
{
	if (!wide)
		return pde.low & TWO_LEVEL_RESERVED_LARGE && is_large(pde, wide);
	return pde.high & shadow.reserved_high ||
	       (pde.low & PAE_RESERVED_LARGE && is_large(pde, wide));
}

/* Where the entry of the page directory for a linear address is; false if there is none. */
static ALWAYS_INLINE bool locate_pde(uint32_t linear, uint32_t *pfn, uint32_t *offset, bool wide)
{
	if (!wide) {
		*pfn = shadow.cr3 >> PAGE_SHIFT;
		*offset = linear >> 20 & 0xffc;
		return true;
	}
	struct entry pdpte = shadow.pdpte[linear >> SLOT_SHIFT];
	*pfn = pfn_of(pdpte, wide);
	*offset = linear >> 18 & 0xff8;
	return pdpte.low & ENTRY_PRESENT;
}

static bool walk_unpaged(uint32_t linear, struct walk *walk)
{
	walk->large = true;
	walk->pde.low = walk->pte.low = ENTRY_ACCESSED | ENTRY_DIRTY; /* no marks are missing */
	walk->rights = ENTRY_WRITE | ENTRY_USER;
	walk->nx = false;
	walk->pfn = linear >> PAGE_SHIFT;
	return true;
}

static ALWAYS_INLINE bool walk_pte(uint32_t linear, struct walk *walk, bool wide)
{
	walk->large = false;
	walk->pte_pfn = pfn_of(walk->pde, wide);
	walk->pte_offset = wide ? linear >> 9 & 0xff8 : linear >> 10 & 0xffc;
	walk->pte = read_entry(walk->pte_pfn, walk->pte_offset, wide);
	walk->rights = walk->pde.low & walk->pte.low;
	if (!(walk->pte.low & ENTRY_PRESENT))
		return false;
	if (wide && walk->pte.high & shadow.reserved_high) {
		walk->error_code |= MMU_PRESENT | MMU_RESERVED;
		return false;
	}
	walk->nx = wide && (walk->pde.high | walk->pte.high) & ENTRY_NX_HIGH;
	walk->pfn = pfn_of(walk->pte, wide);
	return true;
}

static ALWAYS_INLINE void walk_large(uint32_t linear, struct walk *walk, bool wide)
{
	uint32_t pages = wide ? (1u << 9) - 1 : (1u << 10) - 1;
	uint32_t pfn = pfn_of(walk->pde, wide);
	walk->large = true;
	walk->pte = walk->pde;
	walk->pte_pfn = walk->pde_pfn;
	walk->pte_offset = walk->pde_offset;
	walk->rights = walk->pde.low;
	walk->nx = wide && walk->pde.high & ENTRY_NX_HIGH;
	walk->pfn = pfn == NO_PFN ? NO_PFN : (pfn & ~pages) | (linear >> PAGE_SHIFT & pages);
}

static ALWAYS_INLINE bool walk_tables(uint32_t linear, struct walk *walk, bool wide)
{
	if (!locate_pde(linear, &walk->pde_pfn, &walk->pde_offset, wide))
		return false;
	walk->pde = read_entry(walk->pde_pfn, walk->pde_offset, wide);
	if (!(walk->pde.low & ENTRY_PRESENT))
		return false;
	if (pde_reserved(walk->pde, wide)) {
		walk->error_code |= MMU_PRESENT | MMU_RESERVED;
		return false;
	}
	if (!is_large(walk->pde, wide))
		return walk_pte(linear, walk, wide);
	walk_large(linear, walk, wide);
	return true;
}

static bool allowed(uint32_t access, const struct walk *walk)
{
	if (access & MMU_USER && !(walk->rights & ENTRY_USER))
		return false;
	if (access & MMU_FETCH && walk->nx)
		return false;
	return !(access & MMU_WRITE) || walk->rights & ENTRY_WRITE ||
	       (!(access & MMU_USER) && !(shadow.cr0 & CR0_WP));
}

bool walk_guest(uint32_t linear, uint32_t access, struct walk *walk)
{
	bool wide = shadow.cr4 & CR4_PAE;
	if (!paging())
		return walk_unpaged(linear, walk);
	walk->error_code = access & (MMU_WRITE | MMU_USER);
	if (access & MMU_FETCH && wide && shadow.efer & EFER_NXE)
		walk->error_code |= MMU_FETCH;
	if (!(wide ? walk_tables(linear, walk, true) : walk_tables(linear, walk, false)))
		return false;
	if (allowed(access, walk))
		return true;
	walk->error_code |= MMU_PRESENT;
	return false;
}

void mark_walk(struct walk *walk, bool write)
{
	uint32_t marks = write ? ENTRY_ACCESSED | ENTRY_DIRTY : ENTRY_ACCESSED;
	if (~walk->pde.low & ENTRY_ACCESSED)
		mark_guest_entry(walk->pde_pfn, walk->pde_offset, ENTRY_ACCESSED);
	if (~walk->pte.low & marks)
		mark_guest_entry(walk->pte_pfn, walk->pte_offset, (uint8_t)marks);
	walk->pte.low |= marks;
	walk->pde.low |= walk->large ? marks : ENTRY_ACCESSED;
}

uint64_t physical_of(uint32_t linear, const struct walk *walk)
{
	bool wide = shadow.cr4 & CR4_PAE;
	if (!paging())
		return linear;
	uint32_t offset = !walk->large ? 0xfff : wide ? (1u << 21) - 1 : (1u << 22) - 1;
	uint64_t entry = (uint64_t)(walk->pte.high & 0xfffff) << 32 | walk->pte.low;
	return (entry & ~(uint64_t)(offset | 0xfff)) | (linear & offset);
}

/* --- what shadow tables stand for --- */

static struct source source_of_large(struct entry pde, uint32_t linear, bool wide)
{
	struct source source = {0, KIND_LARGE | (pde.low & (ENTRY_USER | ENTRY_GLOBAL))};
	/* Writable only once it is dirty: bit 6 over bit 1. */
	source.kind |= pde.low & pde.low >> 5 & ENTRY_WRITE;
	if (!wide) {
		source.pfn = pde.low >> 22 << 10 | (linear >> CHUNK_SHIFT & 1) << 9;
		return source;
	}
	if (pde.high & ENTRY_NX_HIGH)
		source.kind |= KIND_NX;
	source.pfn = pfn_of(pde, true);
	if (source.pfn != NO_PFN)
		source.pfn &= ~0x1ffu;
	return source;
}

struct source source_of_pde(struct entry pde, uint32_t linear)
{
	bool wide = shadow.cr4 & CR4_PAE;
	if (is_large(pde, wide))
		return source_of_large(pde, linear, wide);
	struct source source = {pfn_of(pde, wide), pde.low & (ENTRY_WRITE | ENTRY_USER)};
	if (!wide)
		source.kind |= KIND_TWO_LEVEL | KIND_PART(linear >> CHUNK_SHIFT & 1);
	else
		source.kind |= pde.high & ENTRY_NX_HIGH ? KIND_PAE | KIND_NX : KIND_PAE;
	return source;
}

struct source source_of_chunk(uint32_t linear)
{
	bool wide = shadow.cr4 & CR4_PAE;
	struct source none = {NO_PFN, KIND_NONE};
	uint32_t pfn, offset;
	if (!paging())
		return (struct source){linear >> CHUNK_SHIFT << 9,
		                       KIND_LARGE | ENTRY_WRITE | ENTRY_USER};
	if (!locate_pde(linear, &pfn, &offset, wide))
		return none;
	struct entry pde = read_entry(pfn, offset, wide);
	if (~pde.low & (ENTRY_PRESENT | ENTRY_ACCESSED) || pde_reserved(pde, wide))
		return none;
	return source_of_pde(pde, linear);
}

uint64_t shadow_of_pte(struct entry pte, uint32_t kind)
{
	return kind & KIND_PAE ? shadow_of(pte, kind, true) : shadow_of(pte, kind, false);
}

struct source source_of_slot(uint32_t slot)
{
	if (!paging())
		return (struct source){slot, KIND_IDENTITY | KIND_PART(slot)};
	if (!(shadow.cr4 & CR4_PAE))
		return (struct source){shadow.cr3 >> PAGE_SHIFT, KIND_TWO_LEVEL | KIND_PART(slot)};
	if (!(shadow.pdpte[slot].low & ENTRY_PRESENT))
		return (struct source){NO_PFN, KIND_NONE};
	return (struct source){pfn_of(shadow.pdpte[slot], true), KIND_PAE};
}

bool read_pdptes(uint32_t cr3, struct entry pdpte[4])
{
	uint32_t high = shadow.reserved_high | ENTRY_NX_HIGH;
	for (uint32_t i = 0; i < 4; i++) {
		pdpte[i] = read_entry(cr3 >> PAGE_SHIFT, (cr3 & 0xfe0) + 8 * i, true);
		if (pdpte[i].low & ENTRY_PRESENT &&
		    (pdpte[i].low & PDPTE_RESERVED || pdpte[i].high & high))
			return false;
	}
	return true;
}

bool mmu_translate(uint32_t linear, uint64_t *physical)
{
	struct walk walk;
	if (!walk_guest(linear, 0, &walk))
		return false;
	*physical = physical_of(linear, &walk);
	return true;
}
