/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/memory.h"

#include "tests/guests/kernel/boot_information.h"
#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"

/* Entries of tables and directories. Source: SDM vol. 3, 4.3 and 4.4. */
#define ENTRIES_2LEVEL  1024
#define ENTRIES_PAE     512
#define DIRECTORIES_PAE 4

/* Pages for tables of the kernel, made once, and for what checks ask. */
#define POOL_PAGES 256

enum paging paging;
struct address_space kernel_space;
struct address_space *active_space = &kernel_space;

static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static uint32_t pool_used, pool_kernel;
static uint32_t cr0_normal, cr4_normal;

uint32_t page_allocate(void)
{
	if (pool_used == POOL_PAGES)
		panic("out of pages");
	memset(pool[pool_used], 0, PAGE_SIZE);
	return (uint32_t)(uintptr_t)pool[pool_used++];
}

uint32_t entry_size(void)
{
	return paging == PAGING_PAE ? 8 : 4;
}

uint32_t large_page_size(void)
{
	return paging == PAGING_PAE ? 0x200000 : 0x400000;
}

uint32_t identity_end(void)
{
	uint32_t end = boot_information.memory_end;

	return end < IDENTITY_END_MAX ? end & ~(PAGE_SIZE - 1) : IDENTITY_END_MAX;
}

page_entry entry_read(uint32_t address)
{
	const volatile uint32_t *words = word_at(address);

	return paging == PAGING_PAE ? (page_entry)words[1] << 32 | words[0] : words[0];
}

/* A PAE entry is never seen half new, half present: not present first, the present half last. */
void entry_write(uint32_t address, page_entry value)
{
	volatile uint32_t *words = word_at(address);

	if (paging == PAGING_PAE) {
		words[0] = 0;
		asm volatile("" : : : "memory");
		words[1] = (uint32_t)(value >> 32);
		asm volatile("" : : : "memory");
	}
	words[0] = (uint32_t)value;
}

uint32_t directory_entry_address(uint32_t linear)
{
	if (paging == PAGING_PAE)
		return active_space->directories[linear >> 30] + (linear >> 21) % ENTRIES_PAE * 8;
	return active_space->directories[0] + (linear >> 22) * 4;
}

uint32_t page_entry_address(uint32_t linear)
{
	uint32_t table = (uint32_t)entry_read(directory_entry_address(linear)) & ~(PAGE_SIZE - 1);

	if (paging == PAGING_PAE)
		return table + (linear >> 12) % ENTRIES_PAE * 8;
	return table + (linear >> 12) % ENTRIES_2LEVEL * 4;
}

void page_map(uint32_t linear, uint32_t physical, page_entry flags)
{
	uint32_t directory_entry = directory_entry_address(linear);

	if (!(entry_read(directory_entry) & PAGE_PRESENT))
		entry_write(directory_entry, page_allocate() | PAGE_ANY);
	entry_write(page_entry_address(linear), physical | flags);
}

void page_map_large(uint32_t linear, uint32_t physical, page_entry flags)
{
	entry_write(directory_entry_address(linear), physical | flags | PAGE_LARGE);
}

static struct address_space make_empty_space(void)
{
	struct address_space space = {0};

	if (paging == PAGING_2LEVEL) {
		space.directories[0] = space.root = page_allocate();
		return space;
	}
	/* The four pointers' table need not be page-aligned: SDM vol. 3, 4.4.1. */
	space.root = page_allocate() + 0x7e0;
	for (uint32_t i = 0; i < DIRECTORIES_PAE; i++) {
		space.directories[i] = page_allocate();
		entry_write(space.root + i * 8, space.directories[i] | PAGE_PRESENT);
	}
	return space;
}

struct address_space address_space_make(void)
{
	struct address_space space = make_empty_space();
	uint32_t large_pages = (identity_end() + large_page_size() - 1) / large_page_size();

	memcpy((void *)(uintptr_t)space.directories[0],
	       (const void *)(uintptr_t)kernel_space.directories[0], large_pages * entry_size());
	return space;
}

void flush_translations(void)
{
	write_cr3(read_cr3());
}

void paging_off(void)
{
	write_cr0(read_cr0() & ~CR0_PG);
	asm volatile("jmp 1f\n1:");
}

void paging_on(void)
{
	write_cr0(read_cr0() | CR0_PG);
	asm volatile("jmp 1f\n1:");
}

void memory_setup(enum paging mode)
{
	paging = mode;
	cr4_normal = read_cr4();
	if (mode != PAGING_NONE) {
		kernel_space = make_empty_space();
		for (uint32_t address = 0; address < identity_end(); address += PAGE_SIZE)
			page_map(address, address, PAGE_KERNEL);
		if (mode == PAGING_PAE) {
			cr4_normal |= CR4_PAE;
			write_cr4(cr4_normal);
		}
		write_cr3(kernel_space.root);
		paging_on();
	}
	cr0_normal = read_cr0();
	pool_kernel = pool_used;
}

void memory_restore(void)
{
	if (read_cr4() != cr4_normal)
		write_cr4(cr4_normal);
	if (read_cr0() != cr0_normal)
		write_cr0(cr0_normal);
	active_space = &kernel_space;
	pool_used = pool_kernel;
	if (paging == PAGING_NONE)
		return;
	uint32_t linear = IDENTITY_END_MAX;
	do {
		uint32_t address = directory_entry_address(linear);
		if (entry_read(address))
			entry_write(address, 0);
		linear += large_page_size();
	} while (linear);
	write_cr3(kernel_space.root);
}
