/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What maps linear to physical memory: entries changed by plain stores and by atomic instructions,
 * and invlpg, CR3, CR4.PGE, CR0.PG that make the change seen. Source: SDM vol. 3, 4.8 and 4.10.
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define PAGE CHECK_AREA

#define FIRST  0x11111111u
#define SECOND 0x22222222u

/* Two pages of memory with a word each; PAGE maps the first and has been read. */
static uint32_t first, second;

static void map_first(page_entry flags)
{
	first = page_allocate();
	second = page_allocate();
	*word_at(first) = FIRST;
	*word_at(second) = SECOND;
	page_map(PAGE, first, flags);
	flush_translations();
	expect_equal("word before", FIRST, *word_at(PAGE));
}

void invlpg_after_plain_store(void)
{
	map_first(PAGE_KERNEL);
	entry_write(page_entry_address(PAGE), second | PAGE_KERNEL);
	asm volatile("invlpg (%0)" : : "r"(PAGE) : "memory");
	expect_equal("word after", SECOND, *word_at(PAGE));
	*word_at(PAGE) = 7;
	expect_equal("word in memory", 7, *word_at(second));
	expect_equal("word of the first page", FIRST, *word_at(first));
}

/* Any address of the page, by every way of addressing; a segment's base counts. */
void invlpg_addressing(void)
{
	uint32_t entry_address;

	map_first(PAGE_KERNEL);
	entry_address = page_entry_address(PAGE);
	for (uint32_t turn = 0; turn < 5; turn++) {
		uint32_t page = turn % 2 ? first : second;
		entry_write(entry_address, page | PAGE_KERNEL);
		switch (turn) {
		case 0: asm volatile("invlpg 0x80000fff" : : : "memory"); break;
		case 1: asm volatile("invlpg 0x7f(%0)" : : "r"(PAGE) : "memory"); break;
		case 2:
			asm volatile("invlpg -8(%0, %1, 8)" : : "r"(PAGE), "r"(1) : "memory");
			break;
		case 3: asm volatile("invlpg %%es:0x400(%0)" : : "r"(PAGE) : "memory"); break;
		case 4: asm volatile("invlpg 0x80000000(, %0, 4)" : : "r"(25) : "memory"); break;
		}
		expect_equal("word", turn % 2 ? FIRST : SECOND, *word_at(PAGE));
	}
}

/* Without the page's entry present, and again with it. */
void invlpg_after_unmapping(void)
{
	map_first(PAGE_KERNEL);
	uint32_t address = page_entry_address(PAGE);
	entry_write(address, 0);
	invalidate_page(PAGE);
	fault_clear();
	uint32_t value = 0;
	asm volatile(MAY_FAULT("mov (%1), %0") : "+r"(value) : "r"(PAGE) : "memory");
	expect_fault("read", VECTOR_PAGE_FAULT, 0);
	entry_write(address,
	            first | PAGE_KERNEL); /* from absent to present: nothing to invalidate */
	expect_equal("word", FIRST, *word_at(PAGE));
}

void cr3_load_invalidates(void)
{
	map_first(PAGE_KERNEL);
	entry_write(page_entry_address(PAGE), second | PAGE_KERNEL);
	flush_translations();
	expect_equal("word after", SECOND, *word_at(PAGE));
}

/* Global pages may outlive a load of CR3, until invlpg or a change of CR4.PGE. */
void global_pages(void)
{
	uint32_t cr4 = read_cr4();

	write_cr4(cr4 | CR4_PGE);
	map_first(PAGE_KERNEL | PAGE_GLOBAL);
	uint32_t address = page_entry_address(PAGE);
	entry_write(address, second | PAGE_KERNEL | PAGE_GLOBAL);
	flush_translations();
	uint32_t kept = *word_at(PAGE);
	expect_true("old or new after CR3", kept == FIRST || kept == SECOND);
	entry_write(address, first | PAGE_KERNEL | PAGE_GLOBAL);
	invalidate_page(PAGE);
	expect_equal("word after invlpg", FIRST, *word_at(PAGE));
	entry_write(address, second | PAGE_KERNEL | PAGE_GLOBAL);
	write_cr4(read_cr4() & ~CR4_PGE);
	expect_equal("word after CR4.PGE was cleared", SECOND, *word_at(PAGE));
	entry_write(address, first | PAGE_KERNEL | PAGE_GLOBAL);
	write_cr4(read_cr4() | CR4_PGE);
	expect_equal("word after CR4.PGE was set", FIRST, *word_at(PAGE));
	write_cr4(cr4);
}

/* Paging off and on again: linear is physical meanwhile, and nothing old is left. */
void paging_off_and_on(void)
{
	map_first(PAGE_KERNEL);
	entry_write(page_entry_address(PAGE), second | PAGE_KERNEL);
	paging_off();
	uint32_t without = *word_at(first);
	paging_on();
	expect_equal("physical word", FIRST, without);
	expect_equal("word after", SECOND, *word_at(PAGE));
	expect_equal("CR0.PG", CR0_PG, read_cr0() & CR0_PG);
}

/* The entry itself by instructions that read, change and write it. */
void entries_by_atomic_instructions(void)
{
	map_first(PAGE_KERNEL);
	uint32_t address = page_entry_address(PAGE), old = second | PAGE_KERNEL;

	asm volatile("xchg %0, (%1)" : "+r"(old) : "r"(address) : "memory");
	invalidate_page(PAGE);
	expect_equal("old entry", first | PAGE_KERNEL | PAGE_ACCESSED, old);
	expect_equal("word after xchg", SECOND, *word_at(PAGE));

	write_cr0(read_cr0() | CR0_WP);
	*word_at(PAGE) = SECOND;
	asm volatile("lock btrl $1, (%0)" : : "r"(address) : "memory", "cc");
	invalidate_page(PAGE);
	fault_clear();
	asm volatile(MAY_FAULT("movl $1, (%0)") : : "r"(PAGE) : "memory");
	expect_fault("write after btr of R/W", VECTOR_PAGE_FAULT,
	             PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
	asm volatile("lock orl $2, (%0)" : : "r"(address) : "memory", "cc");
	invalidate_page(PAGE);
	fault_clear();
	asm volatile(MAY_FAULT("movl $1, (%0)") : : "r"(PAGE) : "memory");
	expect_no_fault("write after or of R/W");
	asm volatile("andl $~1, (%0)" : : "r"(address) : "memory", "cc");
	invalidate_page(PAGE);
	fault_clear();
	asm volatile(MAY_FAULT("movl $1, (%0)") : : "r"(PAGE) : "memory");
	expect_fault("write after and of P", VECTOR_PAGE_FAULT, PAGE_FAULT_WRITE);
	write_cr0(read_cr0() & ~CR0_WP);
}

/* The 8 bytes of a PAE entry at once. */
void entry_by_cmpxchg8b(void)
{
	map_first(PAGE_KERNEL);
	uint32_t address = page_entry_address(PAGE), low, high;

	page_entry old = entry_read(address);
	low = (uint32_t)old;
	high = (uint32_t)(old >> 32);
	asm volatile("lock cmpxchg8b (%2)"
	             : "+a"(low), "+d"(high)
	             : "r"(address), "b"(second | PAGE_KERNEL), "c"(0)
	             : "memory", "cc");
	invalidate_page(PAGE);
	expect_equal("word after", SECOND, *word_at(PAGE));
}

/* The processor sets the accessed bit on a read, the dirty bit on a write, and never clears them.
 */
void accessed_and_dirty_bits(void)
{
	uint32_t page = page_allocate();

	page_map(PAGE, page, PAGE_KERNEL);
	flush_translations();
	uint32_t entry = page_entry_address(PAGE), directory = directory_entry_address(PAGE);
	expect_equal("untouched", page | PAGE_KERNEL, (uint32_t)entry_read(entry));
	(void)*word_at(PAGE);
	expect_equal("read", page | PAGE_KERNEL | PAGE_ACCESSED, (uint32_t)entry_read(entry));
	expect_equal("directory", PAGE_ACCESSED, (uint32_t)entry_read(directory) & PAGE_ACCESSED);
	*word_at(PAGE) = 1;
	expect_equal("written", page | PAGE_KERNEL | PAGE_ACCESSED | PAGE_DIRTY,
	             (uint32_t)entry_read(entry));
}

/* Bits that the kernel clears come again, once the page is invalidated. */
void accessed_and_dirty_bits_again(void)
{
	uint32_t page = page_allocate();

	page_map(PAGE, page, PAGE_KERNEL);
	flush_translations();
	uint32_t entry = page_entry_address(PAGE);
	*word_at(PAGE) = 1;
	for (uint32_t turn = 0; turn < 3; turn++) {
		entry_write(entry, page | PAGE_KERNEL);
		invalidate_page(PAGE);
		(void)*word_at(PAGE);
		expect_equal("read", page | PAGE_KERNEL | PAGE_ACCESSED,
		             (uint32_t)entry_read(entry));
		*word_at(PAGE) = turn;
		expect_equal("written", page | PAGE_KERNEL | PAGE_ACCESSED | PAGE_DIRTY,
		             (uint32_t)entry_read(entry));
	}
}

USER_PROGRAM(user_touch, "mov (%ebx), %eax\n\tmov %eax, 4096(%ebx)");

void accessed_and_dirty_bits_from_user_mode(void)
{
	struct trap_frame frame = user_state();
	uint32_t read = page_allocate(), written = page_allocate();

	page_map(PAGE, read, PAGE_ANY);
	page_map(PAGE + PAGE_SIZE, written, PAGE_ANY);
	frame.ebx = PAGE;
	user_run(user_touch, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("page read", read | PAGE_ANY | PAGE_ACCESSED,
	             (uint32_t)entry_read(page_entry_address(PAGE)));
	expect_equal("page written", written | PAGE_ANY | PAGE_ACCESSED | PAGE_DIRTY,
	             (uint32_t)entry_read(page_entry_address(PAGE + PAGE_SIZE)));
}

/* Two linear pages of one physical page. */
void aliases_share_memory(void)
{
	uint32_t page = page_allocate();

	page_map(PAGE, page, PAGE_KERNEL);
	page_map(CHECK_AREA_END - PAGE_SIZE, page, PAGE_KERNEL);
	flush_translations();
	*word_at(PAGE + 0x20) = 0x1234;
	expect_equal("through the other", 0x1234, *word_at(CHECK_AREA_END - PAGE_SIZE + 0x20));
	*word_at(CHECK_AREA_END - PAGE_SIZE + 0x20) = 0x5678;
	expect_equal("and back", 0x5678, *word_at(PAGE + 0x20));
	expect_equal("at its own address", 0x5678, *word_at(page + 0x20));
}

/* Page tables mapped elsewhere, and changed there, as kernels do that map them into themselves. */
void tables_changed_through_an_alias(void)
{
	map_first(PAGE_KERNEL);
	uint32_t entry = page_entry_address(PAGE);
	uint32_t window = CHECK_AREA + 0x10000000;

	page_map(window, entry & ~(PAGE_SIZE - 1), PAGE_KERNEL);
	flush_translations();
	expect_equal("word with the alias", FIRST, *word_at(PAGE));
	entry_write(window + entry % PAGE_SIZE, second | PAGE_KERNEL);
	invalidate_page(PAGE);
	expect_equal("word", SECOND, *word_at(PAGE));
	expect_equal("entry", second | PAGE_KERNEL | PAGE_ACCESSED, (uint32_t)entry_read(entry));
}

/* A directory as one of its own tables: entries appear as memory, 4 or 2 MB of them. */
void directory_maps_itself(void)
{
	map_first(PAGE_KERNEL);
	uint32_t window = CHECK_AREA + 0x20000000;
	uint32_t directory = kernel_space.directories[paging == PAGING_PAE ? PAGE >> 30 : 0];
	uint32_t self = directory_entry_address(window);

	entry_write(self, directory | PAGE_KERNEL);
	flush_translations();
	uint32_t index = directory_entry_address(PAGE) % PAGE_SIZE / entry_size();
	uint32_t table = window + index * PAGE_SIZE;
	expect_equal("entry", (uint32_t)entry_read(page_entry_address(PAGE)),
	             (uint32_t)entry_read(table + page_entry_address(PAGE) % PAGE_SIZE));
	expect_equal("word with it", FIRST, *word_at(PAGE));
	entry_write(table + page_entry_address(PAGE) % PAGE_SIZE, second | PAGE_KERNEL);
	invalidate_page(PAGE);
	expect_equal("word", SECOND, *word_at(PAGE));
	entry_write(self, 0);
}

/* One directory entry exchanged: everything below it changes. */
void table_exchanged(void)
{
	uint32_t other = page_allocate();

	map_first(PAGE_KERNEL);
	uint32_t directory = directory_entry_address(PAGE);
	entry_write(other + page_entry_address(PAGE) % PAGE_SIZE, second | PAGE_KERNEL);
	entry_write(directory, other | PAGE_KERNEL);
	flush_translations();
	expect_equal("word", SECOND, *word_at(PAGE));
}

static const uint32_t space_words[2] = {0xaaaa0000, 0xbbbb0000};

/* Two address spaces, the same linear page in both, switched many times. */
void address_spaces(void)
{
	struct address_space spaces[2];

	for (uint32_t i = 0; i < 2; i++) {
		spaces[i] = address_space_make();
		active_space = &spaces[i];
		uint32_t page = page_allocate();
		*word_at(page) = space_words[i];
		page_map(PAGE, page, PAGE_KERNEL);
	}
	for (uint32_t turn = 0; turn < 20; turn++) {
		write_cr3(spaces[turn % 2].root);
		expect_equal("CR3", spaces[turn % 2].root, read_cr3());
		expect_equal("word", space_words[turn % 2] + turn / 2, *word_at(PAGE));
		*word_at(PAGE) += 1;
	}
	write_cr3(kernel_space.root);
	active_space = &kernel_space;
}

/* An entry changed while another address space is current; its own page table is not in use. */
void inactive_address_space_changed(void)
{
	struct address_space spaces[2];

	map_first(PAGE_KERNEL);
	for (uint32_t i = 0; i < 2; i++) {
		spaces[i] = address_space_make();
		active_space = &spaces[i];
		page_map(PAGE, first, PAGE_KERNEL);
		page_map(PAGE + PAGE_SIZE, i ? second : first, PAGE_KERNEL);
	}
	write_cr3(spaces[0].root);
	uint32_t before = *word_at(PAGE);
	write_cr3(spaces[1].root);
	active_space = &spaces[0];
	entry_write(page_entry_address(PAGE), second | PAGE_KERNEL);
	uint32_t other = *word_at(PAGE), other_second = *word_at(PAGE + PAGE_SIZE);
	write_cr3(spaces[0].root);
	uint32_t after = *word_at(PAGE);
	write_cr3(kernel_space.root);
	active_space = &kernel_space;
	expect_equal("before", FIRST, before);
	expect_equal("the other space", FIRST, other);
	expect_equal("its second page", SECOND, other_second);
	expect_equal("after", SECOND, after);
}

/* A table that was freed becomes memory, and memory becomes a table. */
void tables_come_and_go(void)
{
	for (uint32_t turn = 0; turn < 10; turn++) {
		uint32_t linear = PAGE + turn * large_page_size();
		page_map(linear, page_allocate(), PAGE_KERNEL);
		uint32_t table = page_entry_address(linear) & ~(PAGE_SIZE - 1);
		*word_at(linear) = turn;
		entry_write(directory_entry_address(linear), 0);
		invalidate_page(linear);
		for (uint32_t offset = 0; offset < PAGE_SIZE; offset += 4)
			*word_at(table + offset) = 0xffffffff;
		fault_clear();
		asm volatile(MAY_FAULT("mov %0, (%0)") : : "r"(linear) : "memory");
		expect_fault("write without a table", VECTOR_PAGE_FAULT, PAGE_FAULT_WRITE);
		page_map(linear, table, PAGE_KERNEL);
		expect_equal("the table as memory", 0xffffffff, *word_at(linear));
	}
}

/* PAE: the four directory pointers are read when CR3 is loaded. SDM vol. 3, 4.4.1. */
void directory_pointers_are_loaded_with_cr3(void)
{
	struct address_space space = address_space_make();
	uint32_t pointer = space.root + 8 * (PAGE >> 30), directory = page_allocate();

	map_first(PAGE_KERNEL);
	write_cr3(space.root);
	page_entry old = entry_read(pointer);
	active_space = &space;
	space.directories[PAGE >> 30] = directory;
	page_map(PAGE, second, PAGE_KERNEL);
	entry_write(pointer, directory | PAGE_PRESENT);
	write_cr3(space.root);
	uint32_t word = *word_at(PAGE);
	entry_write(pointer, old);
	write_cr3(kernel_space.root);
	active_space = &kernel_space;
	expect_equal("word", SECOND, word);
}

/* Large pages: read, written, invalidated, with their own dirty bit. */
void large_pages(void)
{
	uint32_t cr4 = read_cr4(), linear = PAGE + 0x08000000;
	uint32_t offset = (uint32_t)(uintptr_t)&first;
	uint32_t physical = offset & ~(large_page_size() - 1);

	offset -= physical;
	write_cr4(cr4 | CR4_PSE);
	page_map_large(linear, physical, PAGE_KERNEL);
	flush_translations();
	first = 0x87654321;
	uint32_t entry = directory_entry_address(linear);
	expect_equal("word", 0x87654321, *word_at(linear + offset));
	expect_equal("entry read", physical | PAGE_KERNEL | PAGE_LARGE | PAGE_ACCESSED,
	             (uint32_t)entry_read(entry));
	*word_at(linear + offset) = 0x2468;
	expect_equal("word written", 0x2468, first);
	expect_equal("entry written",
	             physical | PAGE_KERNEL | PAGE_LARGE | PAGE_ACCESSED | PAGE_DIRTY,
	             (uint32_t)entry_read(entry));
	entry_write(entry, 0);
	invalidate_page(linear + offset);
	fault_clear();
	asm volatile(MAY_FAULT("mov %0, (%0)") : : "r"(linear + offset) : "memory");
	expect_fault("write after invlpg", VECTOR_PAGE_FAULT, PAGE_FAULT_WRITE);
	write_cr4(cr4);
}

/* A large page split into a table of small ones, and joined again. */
void large_page_split(void)
{
	uint32_t cr4 = read_cr4(), linear = PAGE + 0x08000000;
	uint32_t physical = (uint32_t)(uintptr_t)&first & ~(large_page_size() - 1);
	uint32_t offset = (uint32_t)(uintptr_t)&first - physical;
	uint32_t entry = directory_entry_address(linear);

	write_cr4(cr4 | CR4_PSE);
	page_map_large(linear, physical, PAGE_KERNEL);
	flush_translations();
	first = 1;
	expect_equal("large", 1, *word_at(linear + offset));
	entry_write(entry, 0);
	for (uint32_t at = 0; at < large_page_size(); at += PAGE_SIZE)
		page_map(linear + at, physical + at, PAGE_KERNEL);
	flush_translations();
	first = 2;
	expect_equal("split", 2, *word_at(linear + offset));
	page_map_large(linear, physical, PAGE_KERNEL);
	flush_translations();
	first = 3;
	expect_equal("joined", 3, *word_at(linear + offset));
	entry_write(entry, 0);
	write_cr4(cr4);
}

/* invpcid of type 2: everything, global pages too. */
void invpcid_invalidates(void)
{
	static const uint32_t operand[4];

	map_first(PAGE_KERNEL);
	entry_write(page_entry_address(PAGE), second | PAGE_KERNEL);
	asm volatile("invpcid %0, %1" : : "m"(operand), "r"(2) : "memory");
	expect_equal("word after", SECOND, *word_at(PAGE));
}
