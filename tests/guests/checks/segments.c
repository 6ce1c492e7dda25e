/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Segment registers: loads and stores in every form, what they refuse, and descriptors that change
 * in memory. Outside ring 0 the selectors that are stored show it.
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

#define NULL_SELECTOR 0

struct far_pointer {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed));

INSTRUCTION(code_mov_ss, "mov %ss, %eax\n\tmov %eax, %ss");
INSTRUCTION(code_push_pop, "push %cs\n\tpop %eax\n\tpush %ss\n\tpop %ss\n\tpush %ds\n\tpop %ds\n\t"
                           "push %es\n\tpop %es\n\tpush %fs\n\tpop %fs\n\tpush %gs\n\tpop %gs");
INSTRUCTION(code_mov_ds, "mov %ds, %ecx\n\tmov %ecx, %ds");

void selectors_show_ring_0(void)
{
	uint32_t code, stack;
	uint32_t memory_code = 0x55555555, memory_stack = 0x66666666;

	asm volatile("mov %%cs, %0" : "=r"(code));
	asm volatile("mov %%ss, %0" : "=r"(stack));
	asm volatile("movw %%cs, %0" : "+m"(memory_code));
	asm volatile("movw %%ss, %0" : "+m"(memory_stack));
	expect_equal("mov cs", SELECTOR_KERNEL_CODE, code);
	expect_equal("mov ss", SELECTOR_KERNEL_DATA, stack);
	expect_equal("mov cs to memory", 0x55550000 | SELECTOR_KERNEL_CODE, memory_code);
	expect_equal("mov ss to memory", 0x66660000 | SELECTOR_KERNEL_DATA, memory_stack);
	asm volatile("push %%cs\n\tpop %0" : "=r"(code));
	asm volatile("push %%ss\n\tpop %0" : "=r"(stack));
	expect_equal("push cs", SELECTOR_KERNEL_CODE, code & 0xffff);
	expect_equal("push ss", SELECTOR_KERNEL_DATA, stack & 0xffff);
}

/* mov to a 16-bit register leaves the upper half alone. */
void selectors_in_16_bits(void)
{
	uint32_t code = 0x12345678, stack = 0x87654321;
	uint16_t pushed_code, pushed_stack;

	asm volatile("movw %%cs, %w0" : "+r"(code));
	asm volatile("movw %%ss, %w0" : "+r"(stack));
	asm volatile("pushw %%cs\n\tpopw %0" : "=r"(pushed_code));
	asm volatile("pushw %%ss\n\tpopw %0" : "=r"(pushed_stack));
	expect_equal("mov cs", 0x12340000 | SELECTOR_KERNEL_CODE, code);
	expect_equal("mov ss", 0x87650000 | SELECTOR_KERNEL_DATA, stack);
	expect_equal("pushw cs", SELECTOR_KERNEL_CODE, pushed_code);
	expect_equal("pushw ss", SELECTOR_KERNEL_DATA, pushed_stack);
}

void segment_moves_only(void)
{
	expect_only_changes("mov ss", code_mov_ss, CHANGES_EAX, 0);
	expect_only_changes("push, pop", code_push_pop, CHANGES_EAX, 0);
	expect_only_changes("mov ds", code_mov_ds, CHANGES_ECX, 0);
}

/* Each data segment register by mov, by push and pop, and by a far load, with its base in use. */
#define DATA_SEGMENT(name, far_load)                                                               \
	do {                                                                                       \
		uint16_t moved, popped, loaded;                                                    \
		uint32_t word_moved, word_popped, word_loaded, offset;                             \
		asm volatile("mov %2, %%" name "\n\tmov %%" name ", %0\n\tmov %%" name             \
		             ":4, %1\n\t"                                                          \
		             "mov %3, %%" name                                                     \
		             : "=&r"(moved), "=&r"(word_moved)                                     \
		             : "r"((uint32_t)selector), "r"(SELECTOR_KERNEL_DATA)                  \
		             : "memory");                                                          \
		asm volatile("push %2\n\tpop %%" name "\n\tmov %%" name ":4, %1\n\t"               \
		             "push %%" name "\n\tpop %k0\n\tmov %3, %%" name                       \
		             : "=&r"(popped), "=&r"(word_popped)                                   \
		             : "r"((uint32_t)selector), "r"(SELECTOR_KERNEL_DATA)                  \
		             : "memory");                                                          \
		asm volatile(far_load " %3, %2\n\tmov %%" name ", %0\n\tmov %%" name ":4, %1\n\t"  \
		                      "mov %4, %%" name                                            \
		             : "=&r"(loaded), "=&r"(word_loaded), "=&r"(offset)                    \
		             : "m"(pointer), "r"(SELECTOR_KERNEL_DATA)                             \
		             : "memory");                                                          \
		expect_equal("mov: " name, selector, moved);                                       \
		expect_equal("mov: word at " name ":4", words[1], word_moved);                     \
		expect_equal("pop: " name, selector, popped);                                      \
		expect_equal("pop: word at " name ":4", words[1], word_popped);                    \
		expect_equal(far_load ": selector", selector, loaded);                             \
		expect_equal(far_load ": offset", pointer.offset, offset);                         \
		expect_equal(far_load ": word at " name ":4", words[1], word_loaded);              \
	} while (0)

void data_segments_in_every_form(void)
{
	static const uint32_t words[2] = {0x0badcafe, 0x00c0ffee};
	uint32_t base = (uint32_t)(uintptr_t)words;
	uint16_t selector =
	    gdt_scratch(0, descriptor(base, SEGMENT_LIMIT_MAX, ACCESS_DATA, SEGMENT_FLAT));
	struct far_pointer pointer = {0x13571357, selector};

	DATA_SEGMENT("es", "les");
	DATA_SEGMENT("fs", "lfs");
	DATA_SEGMENT("gs", "lgs");
}

/* DS by pop and lds: the code around needs it flat, so it is read through and set back at once. */
void ds_in_every_form(void)
{
	static const uint32_t word = 0xd5d5d5d5;
	uint16_t selector = gdt_scratch(0, descriptor((uint32_t)(uintptr_t)&word, SEGMENT_LIMIT_MAX,
	                                              ACCESS_DATA, SEGMENT_FLAT));
	struct far_pointer pointer = {0x00002468, selector};
	uint32_t moved, popped, loaded, offset;

	asm volatile("mov %1, %%ds\n\tmov 0, %0\n\tmov %2, %%ds"
	             : "=&r"(moved)
	             : "r"((uint32_t)selector), "r"(SELECTOR_KERNEL_DATA)
	             : "memory");
	asm volatile("push %%ds\n\tpush %1\n\tpop %%ds\n\tmov 0, %0\n\tpop %%ds"
	             : "=&r"(popped)
	             : "r"((uint32_t)selector)
	             : "memory");
	asm volatile("lds %2, %1\n\tmov 0, %0\n\tmov %3, %%ds"
	             : "=&r"(loaded), "=&r"(offset)
	             : "m"(pointer), "r"(SELECTOR_KERNEL_DATA)
	             : "memory");
	expect_equal("mov: word", word, moved);
	expect_equal("pop: word", word, popped);
	expect_equal("lds: word", word, loaded);
	expect_equal("lds: offset", pointer.offset, offset);
}

void null_selectors_load(void)
{
	uint16_t got;

	asm volatile("mov %1, %%fs\n\tmov %%fs, %0" : "=r"(got) : "r"(NULL_SELECTOR));
	expect_equal("fs", 0, got);
	asm volatile("mov %1, %%gs\n\tmov %%gs, %0" : "=r"(got) : "r"(3));
	expect_equal("gs with RPL 3", 3, got);
	asm volatile("mov %0, %%fs\n\tmov %0, %%gs" : : "r"(SELECTOR_KERNEL_DATA));
}

#define TRY_LOAD(segment, selector)                                                                \
	do {                                                                                       \
		fault_clear();                                                                     \
		asm volatile(MAY_FAULT("mov %0, %%" segment)                                       \
		             :                                                                     \
		             : "r"((uint32_t)(selector))                                           \
		             : "memory");                                                          \
	} while (0)

/* SDM vol. 2, MOV, "Protected Mode Exceptions". */
void data_segment_faults(void)
{
	uint16_t absent = gdt_scratch(
	    0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_DATA & ~ACCESS_PRESENT, SEGMENT_FLAT));
	uint16_t execute_only =
	    gdt_scratch(1, descriptor(0, SEGMENT_LIMIT_MAX, 0x98, SEGMENT_FLAT));

	TRY_LOAD("gs", absent);
	expect_fault("not present", VECTOR_NOT_PRESENT, absent);
	TRY_LOAD("fs", execute_only);
	expect_fault("execute-only code", VECTOR_PROTECTION, execute_only);
	TRY_LOAD("es", SELECTOR_TASK);
	expect_fault("a TSS", VECTOR_PROTECTION, SELECTOR_TASK);
	TRY_LOAD("es", GDT_ENTRIES * 8);
	expect_fault("beyond the GDT", VECTOR_PROTECTION, GDT_ENTRIES * 8);
	TRY_LOAD("fs", SELECTOR_KERNEL_DATA | 3);
	expect_fault("RPL above DPL", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	TRY_LOAD("fs", 8 | SELECTOR_LDT);
	expect_fault("of the LDT that is not there", VECTOR_PROTECTION, 8 | SELECTOR_LDT);
	TRY_LOAD("fs", SELECTOR_USER_DATA);
	expect_no_fault("user data in ring 0");
	asm volatile("mov %0, %%fs" : : "r"(SELECTOR_KERNEL_DATA));
}

void stack_segment_faults(void)
{
	uint16_t absent = gdt_scratch(
	    0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_DATA & ~ACCESS_PRESENT, SEGMENT_FLAT));
	uint16_t read_only = gdt_scratch(1, descriptor(0, SEGMENT_LIMIT_MAX, 0x90, SEGMENT_FLAT));
	uint16_t got;

	TRY_LOAD("ss", NULL_SELECTOR);
	expect_fault("null", VECTOR_PROTECTION, 0);
	TRY_LOAD("ss", absent);
	expect_fault("not present", VECTOR_STACK, absent);
	TRY_LOAD("ss", read_only);
	expect_fault("not writable", VECTOR_PROTECTION, read_only);
	TRY_LOAD("ss", SELECTOR_USER_DATA);
	expect_fault("of ring 3", VECTOR_PROTECTION, SELECTOR_USER_DATA & ~3);
	TRY_LOAD("ss", SELECTOR_KERNEL_DATA | 1);
	expect_fault("RPL 1", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	asm volatile("mov %%ss, %0" : "=r"(got));
	expect_equal("SS afterwards", SELECTOR_KERNEL_DATA, got);
}

/* pop and far loads fault likewise; a pop that faults leaves ESP alone. */
void pop_and_far_load_faults(void)
{
	uint16_t absent = gdt_scratch(
	    0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_DATA & ~ACCESS_PRESENT, SEGMENT_FLAT));
	struct far_pointer pointer = {0x5555, absent};
	uint32_t before, after, offset = 0x7777;

	fault_clear();
	asm volatile(
	    "push %2\n\tmov %%esp, %0\n" MAY_FAULT("pop %%gs") "\tmov %%esp, %1\n\tadd $4, %%esp"
	    : "=&r"(before), "=&r"(after)
	    : "r"((uint32_t)absent)
	    : "memory", "cc");
	expect_fault("pop gs", VECTOR_NOT_PRESENT, absent);
	expect_equal("ESP after pop gs", before, after);
	fault_clear();
	asm volatile(MAY_FAULT("lfs %1, %0") : "+r"(offset) : "m"(pointer) : "memory");
	expect_fault("lfs", VECTOR_NOT_PRESENT, absent);
	expect_equal("register after lfs", 0x7777, offset);
	fault_clear();
	asm volatile(
	    "push %2\n\tmov %%esp, %0\n" MAY_FAULT("pop %%ss") "\tmov %%esp, %1\n\tadd $4, %%esp"
	    : "=&r"(before), "=&r"(after)
	    : "r"((uint32_t)absent)
	    : "memory", "cc");
	expect_fault("pop ss", VECTOR_STACK, absent);
	expect_equal("ESP after pop ss", before, after);
}

/*
 * Thread-local storage as Linux switches it: the descriptor is written by plain stores, then the
 * selector loaded again.
 */
void descriptor_changed_before_load(void)
{
	static const uint32_t words[4] = {1, 20, 300, 4000};
	uint32_t sum = 0;

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t word;
		uint16_t selector =
		    gdt_scratch(5, descriptor((uint32_t)(uintptr_t)&words[i], 1,
		                              ACCESS_DATA | ACCESS_DPL3, SEGMENT_FLAT));
		asm volatile("mov %1, %%gs\n\tmov %%gs:0, %0"
		             : "=r"(word)
		             : "r"((uint32_t)selector | 3)
		             : "memory");
		sum += word;
	}
	expect_equal("sum of the words", 4321, sum);
	asm volatile("mov %0, %%gs" : : "r"(SELECTOR_KERNEL_DATA));
	*gdt_entry(SELECTOR_SCRATCH + 5 * 8) = 0;
	TRY_LOAD("gs", SELECTOR_SCRATCH + 5 * 8);
	expect_fault("a cleared descriptor", VECTOR_PROTECTION, SELECTOR_SCRATCH + 5 * 8);
}

/* The processor sets a descriptor's accessed bit when it loads it. */
void descriptor_accessed_bit(void)
{
	uint16_t selector =
	    gdt_scratch(0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_DATA, SEGMENT_FLAT));

	asm volatile("mov %0, %%fs" : : "r"((uint32_t)selector) : "memory");
	expect_equal("access byte", ACCESS_DATA | 1, (uint32_t)(*gdt_entry(selector) >> 40) & 0xff);
	asm volatile("mov %0, %%fs" : : "r"(SELECTOR_KERNEL_DATA) : "memory");
}
