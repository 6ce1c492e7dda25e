/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Page faults: error code and CR2 for every combination of who asks for what of which page, and
 * what the kernel does about them. Source: SDM vol. 3, 4.6 and 4.7.
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define PAGE CHECK_AREA

/* Reads or writes a word of linear memory; `fault` says how that went. */
static uint32_t try_read(uint32_t linear)
{
	uint32_t value = 0;

	fault_clear();
	asm volatile(MAY_FAULT("mov (%1), %0") : "+r"(value) : "r"(linear) : "memory");
	return value;
}

static void try_write(uint32_t linear, uint32_t value)
{
	fault_clear();
	asm volatile(MAY_FAULT("mov %0, (%1)") : : "r"(value), "r"(linear) : "memory");
}

/* Expects no fault, or one with this error code at this address. */
static void expect_access(const char *what, bool allowed, uint32_t error, uint32_t linear)
{
	if (allowed) {
		expect_no_fault(what);
		return;
	}
	if (expect_fault(what, VECTOR_PAGE_FAULT, error))
		expect_equal(what, linear, fault.cr2);
}

/* Ring 0, WP clear: writes pass over R/W; absent pages fault. */
void kernel_access_without_write_protect(void)
{
	write_cr0(read_cr0() | CR0_WP);
	write_cr0(read_cr0() & ~CR0_WP);
	for (uint32_t flags = 0; flags < 8; flags++) {
		page_map(PAGE, page_allocate(), flags);
		invalidate_page(PAGE);
		bool present = flags & PAGE_PRESENT;
		try_read(PAGE + 0x123);
		expect_access("read", present, 0, PAGE + 0x123);
		try_write(PAGE + 0xffc, 1);
		expect_access("write", present, PAGE_FAULT_WRITE, PAGE + 0xffc);
	}
}

/* WP set: R/W holds for ring 0 too. */
void kernel_access_with_write_protect(void)
{
	write_cr0(read_cr0() | CR0_WP);
	for (uint32_t flags = 0; flags < 8; flags++) {
		page_map(PAGE, page_allocate(), flags);
		invalidate_page(PAGE);
		bool present = flags & PAGE_PRESENT, writable = flags & PAGE_WRITABLE;
		uint32_t error = present ? PAGE_FAULT_PRESENT : 0;
		try_read(PAGE);
		expect_access("read", present, error, PAGE);
		try_write(PAGE, 1);
		expect_access("write", present && writable, error | PAGE_FAULT_WRITE, PAGE);
	}
	write_cr0(read_cr0() & ~CR0_WP);
}

/* The directory's flags and the table's both must allow it. */
void directory_and_table_flags_combine(void)
{
	write_cr0(read_cr0() | CR0_WP);
	for (uint32_t flags = 0; flags < 4; flags++) {
		uint32_t directory = flags & 1 ? PAGE_KERNEL : PAGE_PRESENT;
		uint32_t table = flags & 2 ? PAGE_KERNEL : PAGE_PRESENT;
		page_map(PAGE, page_allocate(), table);
		uint32_t address = directory_entry_address(PAGE);
		entry_write(address, (entry_read(address) & ~(page_entry)PAGE_ANY) | directory);
		flush_translations();
		try_write(PAGE, 1);
		expect_access("write", flags == 3, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE, PAGE);
		entry_write(address, 0);
	}
	write_cr0(read_cr0() & ~CR0_WP);
}

USER_PROGRAM(user_read_word, "mov (%ebx), %eax");
USER_PROGRAM(user_write_word, "mov %eax, (%ebx)");

static void user_access(const char *what, const uint8_t *start, const uint8_t *end, bool allowed,
                        uint32_t error)
{
	struct trap_frame frame = user_state();

	frame.ebx = PAGE + 0x10;
	user_run_bytes(start, end, &frame);
	if (allowed) {
		expect_equal(what, VECTOR_SYSTEM_CALL, frame.vector);
		return;
	}
	expect_equal(what, VECTOR_PAGE_FAULT, frame.vector);
	expect_equal(what, error, frame.error);
	expect_equal(what, PAGE + 0x10, user_fault_address);
	expect_equal(what, user_text(), frame.eip);
}

/* Ring 3 with every combination of flags in the table, then in the directory. */
void user_access_by_table_flags(void)
{
	for (uint32_t flags = 0; flags < 8; flags++) {
		page_map(PAGE, page_allocate(), flags);
		flush_translations();
		bool user = (flags & (PAGE_PRESENT | PAGE_USER)) == (PAGE_PRESENT | PAGE_USER);
		uint32_t error = PAGE_FAULT_USER | (flags & PAGE_PRESENT ? PAGE_FAULT_PRESENT : 0);
		user_access("read", user_read_word, user_read_word_end, user, error);
		user_access("write", user_write_word, user_write_word_end,
		            user && flags & PAGE_WRITABLE, error | PAGE_FAULT_WRITE);
	}
}

void user_access_by_directory_flags(void)
{
	page_map(PAGE, page_allocate(), PAGE_ANY);
	uint32_t address = directory_entry_address(PAGE);
	page_entry entry = entry_read(address);

	for (uint32_t flags = 0; flags < 8; flags++) {
		entry_write(address, (entry & ~(page_entry)PAGE_ANY) | flags);
		flush_translations();
		bool user = (flags & (PAGE_PRESENT | PAGE_USER)) == (PAGE_PRESENT | PAGE_USER);
		uint32_t error = PAGE_FAULT_USER | (flags & PAGE_PRESENT ? PAGE_FAULT_PRESENT : 0);
		user_access("read", user_read_word, user_read_word_end, user, error);
		user_access("write", user_write_word, user_write_word_end,
		            user && flags & PAGE_WRITABLE, error | PAGE_FAULT_WRITE);
	}
	entry_write(address, entry);
}

/* An access across two pages faults at the second one, and is done again as a whole. */
void access_across_pages(void)
{
	page_map(PAGE, page_allocate(), PAGE_KERNEL);
	flush_translations();
	try_write(PAGE + PAGE_SIZE - 2, 0x12345678);
	expect_access("write", false, PAGE_FAULT_WRITE, PAGE + PAGE_SIZE);
	page_map(PAGE + PAGE_SIZE, page_allocate(), PAGE_KERNEL);
	try_write(PAGE + PAGE_SIZE - 2, 0x12345678);
	expect_no_fault("write with both pages");
	expect_equal("word", 0x12345678, try_read(PAGE + PAGE_SIZE - 2));
}

static volatile uint32_t pages_mapped, copies_made;

static bool map_on_demand(struct trap_frame *frame)
{
	if (frame->vector != VECTOR_PAGE_FAULT || !frame_from_user(frame))
		return false;
	uint32_t page = read_cr2() & ~(PAGE_SIZE - 1);
	if (page < PAGE || page >= PAGE + 64 * PAGE_SIZE || frame->error & PAGE_FAULT_PRESENT)
		return false;
	page_map(page, page_allocate(), PAGE_ANY);
	pages_mapped++;
	return true;
}

USER_PROGRAM(user_fill, "1:\tadd %ebx, (%ebx)\n\tadd $4096, %ebx\n\tloop 1b");

/* Pages that come when they are touched. Nothing need be invalidated for that. */
void demand_paging(void)
{
	struct trap_frame frame = user_state();

	pages_mapped = 0;
	trap_hook = map_on_demand;
	frame.ebx = PAGE + 8;
	frame.ecx = 64;
	user_run(user_fill, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("pages", 64, pages_mapped);
	expect_equal("a word", PAGE + 8 + 17 * PAGE_SIZE, try_read(PAGE + 8 + 17 * PAGE_SIZE));
}

static bool copy_on_write(struct trap_frame *frame)
{
	const uint32_t error = PAGE_FAULT_USER | PAGE_FAULT_WRITE | PAGE_FAULT_PRESENT;

	if (frame->vector != VECTOR_PAGE_FAULT || frame->error != error)
		return false;
	uint32_t page = read_cr2() & ~(PAGE_SIZE - 1), copy = page_allocate();
	for (uint32_t offset = 0; offset < PAGE_SIZE; offset += 4)
		*word_at(copy + offset) = *word_at(page + offset);
	entry_write(page_entry_address(page), copy | PAGE_ANY);
	invalidate_page(page);
	copies_made++;
	return true;
}

/* Two pages share memory until one of them is written. */
void copy_when_written(void)
{
	uint32_t shared = page_allocate();
	struct trap_frame frame = user_state();

	copies_made = 0;
	*word_at(shared + 0x10) = 0xcafe;
	page_map(PAGE, shared, PAGE_PRESENT | PAGE_USER);
	page_map(PAGE + PAGE_SIZE, shared, PAGE_PRESENT | PAGE_USER);
	flush_translations();
	trap_hook = copy_on_write;
	frame.ebx = PAGE + 0x10;
	frame.eax = 0xbeef;
	user_run(user_write_word, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("copies", 1, copies_made);
	expect_equal("the copy", 0xbeef, try_read(PAGE + 0x10));
	expect_equal("the other page", 0xcafe, try_read(PAGE + PAGE_SIZE + 0x10));
	expect_equal("the shared page itself", 0xcafe, *word_at(shared + 0x10));
}

static volatile uint32_t fetch_error, fetch_address;

/* A call that faulted on its way: the return address is on the stack. */
static bool return_from_fetch(struct trap_frame *frame)
{
	if (frame->vector != VECTOR_PAGE_FAULT || frame->eip != read_cr2())
		return false;
	fetch_error = frame->error;
	fetch_address = frame->eip;
	frame->eip = frame->ebx;
	return true;
}

/* Calls PAGE, where a `ret` stands if it is mapped; returns whether that faulted. */
static bool call_page(void)
{
	uint32_t saved;

	fetch_error = fetch_address = 0;
	trap_hook = return_from_fetch;
	asm volatile("mov %%esp, %0\n\tmov $1f, %%ebx\n\tcall *%1\n1:\tmov %0, %%esp"
	             : "=&r"(saved)
	             : "r"(PAGE)
	             : "ebx", "memory");
	trap_hook = NULL;
	return fetch_address != 0;
}

void fetch_from_absent_page(void)
{
	expect_true("faults", call_page());
	expect_equal("error code", 0, fetch_error & ~PAGE_FAULT_INSTRUCTION);
	expect_equal("address", PAGE, fetch_address);
}

#define MSR_EFER        0xc0000080u
#define EFER_NO_EXECUTE 0x800u

void fetch_from_no_execute_page(void)
{
	uint64_t efer = read_msr(MSR_EFER);
	uint32_t page = page_allocate();

	*(volatile uint8_t *)(uintptr_t)page = 0xc3; /* ret */
	write_msr(MSR_EFER, efer | EFER_NO_EXECUTE);
	page_map(PAGE, page, PAGE_KERNEL | PAGE_NO_EXECUTE);
	flush_translations();
	try_read(PAGE);
	expect_no_fault("read");
	expect_true("fetch faults", call_page());
	expect_equal("error code", PAGE_FAULT_PRESENT | PAGE_FAULT_INSTRUCTION, fetch_error);
	entry_write(page_entry_address(PAGE), page | PAGE_KERNEL);
	invalidate_page(PAGE);
	expect_true("fetch passes", !call_page());
	entry_write(page_entry_address(PAGE), 0);
	write_msr(MSR_EFER, efer);
}

/* Bits 52 to 62 are reserved. The error code's P is set by SDM vol. 3, 4.7; qemu 7.2 clears it. */
void reserved_bits_fault(void)
{
	page_map(PAGE, page_allocate(), PAGE_KERNEL | 1ull << 62);
	flush_translations();
	try_read(PAGE);
	expect_fault("read", VECTOR_PAGE_FAULT,
	             (fault.error & PAGE_FAULT_PRESENT) | PAGE_FAULT_RESERVED);
	try_write(PAGE, 1);
	expect_fault("write", VECTOR_PAGE_FAULT,
	             (fault.error & PAGE_FAULT_PRESENT) | PAGE_FAULT_RESERVED | PAGE_FAULT_WRITE);
	entry_write(page_entry_address(PAGE), 0);
}

/* Supervisor-mode access and execution prevention. */
void access_prevention(void)
{
	uint32_t cr4 = read_cr4();

	page_map(PAGE, page_allocate(), PAGE_ANY);
	flush_translations();
	write_cr4(cr4 | CR4_SMAP);
	try_read(PAGE);
	expect_access("read", false, PAGE_FAULT_PRESENT, PAGE);
	asm volatile("stac" : : : "cc", "memory");
	expect_equal("AC after stac", FLAG_ALIGNMENT, read_flags() & FLAG_ALIGNMENT);
	try_read(PAGE);
	expect_no_fault("read after stac");
	asm volatile("clac" : : : "cc", "memory");
	expect_equal("AC after clac", 0, read_flags() & FLAG_ALIGNMENT);
	try_write(PAGE, 1);
	expect_access("write after clac", false, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE, PAGE);
	write_cr4(cr4);
	try_write(PAGE, 1);
	expect_no_fault("write without SMAP");
}

void execution_prevention(void)
{
	uint32_t cr4 = read_cr4(), page = page_allocate();

	*(volatile uint8_t *)(uintptr_t)page = 0xc3; /* ret */
	page_map(PAGE, page, PAGE_ANY);
	flush_translations();
	write_cr4(cr4 | CR4_SMEP);
	expect_true("fetch faults", call_page());
	expect_equal("error code", PAGE_FAULT_PRESENT | PAGE_FAULT_INSTRUCTION, fetch_error);
	write_cr4(cr4);
	expect_true("fetch passes without SMEP", !call_page());
}
