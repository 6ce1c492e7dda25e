/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_START_H
#define ROM_XEN_START_H

/* Start of day: from Xen's entry to the guest's. */

#include "rom/platform/xen/window.h"
#include "rom/platform/xen/xen.h"

#define PAGE_SHIFT    12
#define PAGE_SIZE     4096
#define PAGE_MASK     0xfffff000
#define TABLE_ENTRIES 512
#define PAGE_ADDRESS  0x000ffffffffff000ull

/* Flags of entries (SDM vol. 3, section 4.4). Accessed and dirty are set, so that nobody has to. */
#define PAGE_WRITABLE 0x63
#define PAGE_READABLE 0x61
#define PAGE_TABLE    0x67

/* The four L1 tables of the window. */
extern uint64_t window_tables[WINDOW_TABLES][TABLE_ENTRIES];

extern volatile const struct rom_parameters rom_parameters;

/* An address in the window's low alias as the window's own; others as they are, but moved. */
uint32_t window_address(uint32_t address);

static inline uint64_t page_entry(uint32_t machine_frame, uint32_t flags)
{
	return ((uint64_t)machine_frame << PAGE_SHIFT) | flags;
}

#endif
