/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's page tables, read as the processor reads them (SDM vol. 3, sections 4.3 to 4.8). */

#include "rom/mmu/shadow.h"

#define TWO_LEVEL_RESERVED_LARGE 0x003fe000u /* bits 21-13: there is no PSE-36 */
#define PAE_RESERVED_LARGE       0x001fe000u /* bits 20-13 */
#define PDPTE_RESERVED           0x000001e6u
#define ADDRESS_BITS             0x000ffffffffff000ull

static bool wide(void)
{
	return shadow.cr4 & CR4_PAE;
}

static uint32_t pfn_of(uint64_t entry)
{
	uint64_t pfn = (entry & ADDRESS_BITS) >> PAGE_SHIFT;
	return pfn < NO_PFN ? (uint32_t)pfn : NO_PFN;
}

/* Whether an entry of a page directory maps a page itself. */
static bool is_large(uint64_t pde)
{
	return pde & ENTRY_LARGE && shadow.cr4 & (CR4_PAE | CR4_PSE);
}

static bool pde_reserved(uint64_t pde)
{
	if (wide())
		return pde & (shadow.reserved | (is_large(pde) ? PAE_RESERVED_LARGE : 0));
	return is_large(pde) && pde & TWO_LEVEL_RESERVED_LARGE;
}

/* Where the entry of the page directory for a linear address is; false if there is none. */
static bool locate_pde(uint32_t linear, struct walk *walk)
{
	if (!wide()) {
		walk->pde_pfn = shadow.cr3 >> PAGE_SHIFT;
		walk->pde_offset = linear >> 22 << 2;
		return true;
	}
	uint64_t pdpte = shadow.pdpte[linear >> SLOT_SHIFT];
	walk->pde_pfn = pfn_of(pdpte);
	walk->pde_offset = linear >> CHUNK_SHIFT << 3 & 0xff8;
	return pdpte & ENTRY_PRESENT;
}

static bool walk_unpaged(uint32_t linear, struct walk *walk)
{
	walk->pde = walk->pte = 0;
	walk->large = true;
	walk->write = walk->user = true;
	walk->nx = false;
	walk->pfn = linear >> PAGE_SHIFT;
	walk->physical = linear;
	return true;
}

static bool walk_pte(uint32_t linear, struct walk *walk)
{
	walk->large = false;
	walk->pte_pfn = pfn_of(walk->pde);
	walk->pte_offset =
	    wide() ? linear >> PAGE_SHIFT << 3 & 0xff8 : linear >> PAGE_SHIFT << 2 & 0xffc;
	walk->pte = guest_entry(walk->pte_pfn, walk->pte_offset, wide());
	if (!(walk->pte & ENTRY_PRESENT))
		return false;
	if (wide() && walk->pte & shadow.reserved) {
		walk->error_code |= MMU_PRESENT | MMU_RESERVED;
		return false;
	}
	walk->physical = (walk->pte & ADDRESS_BITS) | (linear & 0xfff);
	return true;
}

static void walk_large(uint32_t linear, struct walk *walk)
{
	uint32_t offset = wide() ? (1u << 21) - 1 : (1u << 22) - 1;
	walk->large = true;
	walk->pte = walk->pde;
	walk->physical = (walk->pde & ADDRESS_BITS & ~(uint64_t)offset) | (linear & offset);
}

static bool allowed(uint32_t access, const struct walk *walk)
{
	if (access & MMU_USER && !walk->user)
		return false;
	if (access & MMU_FETCH && walk->nx)
		return false;
	return !(access & MMU_WRITE) || walk->write ||
	       (!(access & MMU_USER) && !(shadow.cr0 & CR0_WP));
}

bool walk_guest(uint32_t linear, uint32_t access, struct walk *walk)
{
	if (!paging())
		return walk_unpaged(linear, walk);
	walk->error_code = access & (MMU_WRITE | MMU_USER);
	if (access & MMU_FETCH && wide() && shadow.efer & EFER_NXE)
		walk->error_code |= MMU_FETCH;
	if (!locate_pde(linear, walk))
		return false;
	walk->pde = guest_entry(walk->pde_pfn, walk->pde_offset, wide());
	if (!(walk->pde & ENTRY_PRESENT))
		return false;
	if (pde_reserved(walk->pde)) {
		walk->error_code |= MMU_PRESENT | MMU_RESERVED;
		return false;
	}
	if (is_large(walk->pde))
		walk_large(linear, walk);
	else if (!walk_pte(linear, walk))
		return false;
	uint64_t both = walk->pde & walk->pte;
	walk->write = both & ENTRY_WRITE;
	walk->user = both & ENTRY_USER;
	walk->nx = wide() && (walk->pde | walk->pte) & ENTRY_NX;
	walk->pfn = pfn_of(walk->physical);
	if (allowed(access, walk))
		return true;
	walk->error_code |= MMU_PRESENT;
	return false;
}

void mark_walk(struct walk *walk, bool write)
{
	uint8_t marks = write ? ENTRY_ACCESSED | ENTRY_DIRTY : ENTRY_ACCESSED;
	if (!paging())
		return;
	uint8_t pde_marks = walk->large ? marks : ENTRY_ACCESSED;
	if (~walk->pde & pde_marks) {
		walk->pde |= pde_marks;
		mark_guest_entry(walk->pde_pfn, walk->pde_offset, pde_marks);
	}
	if (!walk->large && ~walk->pte & marks) {
		walk->pte |= marks;
		mark_guest_entry(walk->pte_pfn, walk->pte_offset, marks);
	}
}

static struct source source_of_large(uint64_t pde, uint32_t linear)
{
	struct source source = {NO_PFN, KIND_LARGE | (pde & (ENTRY_USER | ENTRY_GLOBAL))};
	if (pde & ENTRY_WRITE && pde & ENTRY_DIRTY)
		source.kind |= ENTRY_WRITE;
	if (!wide()) {
		source.pfn = (uint32_t)pde >> 22 << 10 | (linear >> CHUNK_SHIFT & 1) << 9;
		return source;
	}
	if (pde & ENTRY_NX)
		source.kind |= KIND_NX;
	source.pfn = pfn_of(pde & ~0x1fffffull);
	return source;
}

struct source source_of_pde(uint64_t pde, uint32_t linear)
{
	if ((pde & (ENTRY_PRESENT | ENTRY_ACCESSED)) != (ENTRY_PRESENT | ENTRY_ACCESSED) ||
	    pde_reserved(pde))
		return (struct source){NO_PFN, KIND_NONE};
	if (is_large(pde))
		return source_of_large(pde, linear);
	struct source source = {pfn_of(pde), pde & (ENTRY_WRITE | ENTRY_USER)};
	if (!wide()) {
		source.kind |= KIND_TWO_LEVEL | KIND_PART(linear >> CHUNK_SHIFT & 1);
		return source;
	}
	source.kind |= pde & ENTRY_NX ? KIND_PAE | KIND_NX : KIND_PAE;
	return source;
}

struct source source_of_chunk(uint32_t linear)
{
	if (!paging())
		return (struct source){linear >> CHUNK_SHIFT << 9,
		                       KIND_LARGE | ENTRY_WRITE | ENTRY_USER};
	struct walk walk;
	if (!locate_pde(linear, &walk))
		return (struct source){NO_PFN, KIND_NONE};
	return source_of_pde(guest_entry(walk.pde_pfn, walk.pde_offset, wide()), linear);
}

uint64_t shadow_of_pte(uint64_t pte, uint32_t kind)
{
	if ((pte & (ENTRY_PRESENT | ENTRY_ACCESSED)) != (ENTRY_PRESENT | ENTRY_ACCESSED))
		return 0;
	if (kind & KIND_PAE && pte & shadow.reserved)
		return 0;
	uint32_t flags = SHADOW_ACCESSED | (pte & kind & (ENTRY_WRITE | ENTRY_USER));
	if (!(pte & ENTRY_DIRTY))
		flags &= ~ENTRY_WRITE;
	if (pte & ENTRY_GLOBAL)
		flags |= SHADOW_GLOBAL;
	uint32_t pfn = pfn_of(pte);
	uint32_t frame = pfn == NO_PFN ? MMU_NO_FRAME : backend_machine_frame(pfn);
	if (frame == MMU_NO_FRAME) {
		frame = shadow.platform->void_frame;
		flags &= ~ENTRY_WRITE;
	}
	uint64_t value = (uint64_t)frame << PAGE_SHIFT | flags;
	return pte & ENTRY_NX || kind & KIND_NX ? value | ENTRY_NX : value;
}

struct source source_of_slot(uint32_t slot)
{
	if (!paging())
		return (struct source){slot, KIND_IDENTITY | KIND_PART(slot)};
	if (!wide())
		return (struct source){shadow.cr3 >> PAGE_SHIFT, KIND_TWO_LEVEL | KIND_PART(slot)};
	if (!(shadow.pdpte[slot] & ENTRY_PRESENT))
		return (struct source){NO_PFN, KIND_NONE};
	return (struct source){pfn_of(shadow.pdpte[slot]), KIND_PAE};
}

bool read_pdptes(uint32_t cr3, uint64_t pdpte[4])
{
	uint64_t high = ~0ull << shadow.platform->physical_bits;
	for (uint32_t i = 0; i < 4; i++) {
		pdpte[i] = guest_entry(cr3 >> PAGE_SHIFT, (cr3 & 0xfe0) + 8 * i, true);
		if (pdpte[i] & ENTRY_PRESENT && pdpte[i] & (PDPTE_RESERVED | high))
			return false;
	}
	return true;
}

bool mmu_translate(uint32_t linear, uint64_t *physical)
{
	struct walk walk;
	if (!walk_guest(linear, 0, &walk))
		return false;
	*physical = walk.physical;
	return true;
}
