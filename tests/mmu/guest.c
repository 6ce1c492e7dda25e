/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mmu/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_TABLE 0x400u /* pfn: tables grow from here */

uint32_t guest_frame, guest_faults;
struct mmu_fault guest_fault;

static bool wide;
static uint32_t next_table;

void guest_start(uint32_t pool_pages, bool pae)
{
	machine_start(pool_pages, 64, 7);
	wide = pae;
	next_table = FIRST_TABLE;
}

static uint32_t new_table(void)
{
	uint8_t *table = guest_memory(next_table);
	if (!table)
		fail_msg("the guest has no memory for tables");
	memset(table, 0, 4096);
	return next_table++ << 12;
}

static uint64_t read_entry(uint64_t address)
{
	const uint8_t *page = guest_memory((uint32_t)(address >> 12));
	uint64_t value = 0;
	memcpy(&value, page + (address & 0xfff), wide ? 8 : 4);
	return value;
}

static void write_entry(uint64_t address, uint64_t value)
{
	uint8_t *page = guest_memory((uint32_t)(address >> 12));
	memcpy(page + (address & 0xfff), &value, wide ? 8 : 4);
}

uint32_t guest_space(void)
{
	uint32_t space = new_table();
	for (uint32_t i = 0; wide && i < 4; i++)
		write_entry(space + 8 * i, new_table() | PRESENT);
	return space;
}

static uint64_t directory_entry(uint32_t space, uint32_t linear)
{
	if (!wide)
		return space + (linear >> 22) * 4;
	return (read_entry(space + (linear >> 30) * 8) & 0xfffff000) + (linear >> 21 & 511) * 8;
}

uint64_t guest_entry_address(uint32_t space, uint32_t linear)
{
	uint64_t directory = directory_entry(space, linear);
	uint64_t entry = read_entry(directory);
	if (entry & LARGE || !(entry & PRESENT))
		return directory;
	return (entry & 0xfffff000) + (wide ? (linear >> 12 & 511) * 8 : (linear >> 12 & 1023) * 4);
}

uint64_t guest_entry_of(uint32_t space, uint32_t linear)
{
	return read_entry(guest_entry_address(space, linear));
}

void guest_map(uint32_t space, uint32_t linear, uint64_t entry)
{
	uint64_t directory = directory_entry(space, linear);
	if (!(entry & LARGE) && !(read_entry(directory) & PRESENT))
		write_entry(directory, new_table() | PRESENT | WRITABLE | USER | ACCESSED);
	write_entry(entry & LARGE ? directory : guest_entry_address(space, linear), entry);
}

void guest_restrict(uint32_t space, uint32_t linear)
{
	uint64_t directory = directory_entry(space, linear);
	write_entry(directory, read_entry(directory) & ~(uint64_t)USER);
}

void guest_enter(uint32_t space)
{
	assert_true(mmu_set_cr3(space));
	assert_true(mmu_set_cr4(wide ? 0xb0 : 0x90));
	assert_true(mmu_set_efer(wide ? 0x800 : 0));
	assert_true(mmu_set_cr0(0x80010001));
}

enum mmu_result guest_access(uint32_t linear, uint32_t access)
{
	uint32_t error_code;
	for (guest_faults = 0; guest_faults < 3; guest_faults++) {
		if (processor_access(linear, access, &guest_frame, &error_code))
			return MMU_FILLED;
		enum mmu_result result =
		    mmu_fault(linear, error_code, access & MMU_USER, &guest_fault);
		if (result != MMU_FILLED)
			return result;
	}
	fail_msg("access %#x to %#x faults again and again", access, linear);
	return MMU_GUEST_FAULT;
}
