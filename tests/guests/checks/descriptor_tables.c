/* SPDX-License-Identifier: BSD-2-Clause */

/* lgdt, sgdt, lidt, sidt, lldt, sldt, ltr, str. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define LOW_PAGE 0x7000 /* memory that 16-bit addresses reach */

static uint64_t other_gdt[GDT_ENTRIES] __attribute__((aligned(8)));
static uint64_t other_idt[IDT_ENTRIES] __attribute__((aligned(8)));
static uint64_t ldt[8] __attribute__((aligned(8)));
static struct task_segment other_task __attribute__((aligned(128)));
static const struct table_pointer other_gdt_pointer = {sizeof(other_gdt) - 1,
                                                       (uint32_t)(uintptr_t)other_gdt};

INSTRUCTION(code_lgdt, "lgdt gdt_pointer");
INSTRUCTION(code_lidt, "lidt idt_pointer");
INSTRUCTION(code_lldt, "lldt %ax");
INSTRUCTION(code_sldt_ecx, "sldt %ecx");
INSTRUCTION(code_str_edx, "str %edx");

struct table_pointer check_stored_pointer;
INSTRUCTION(code_sgdt, "sgdt check_stored_pointer");
INSTRUCTION(code_sidt, "sidt check_stored_pointer");

static struct table_pointer stored_gdt(void)
{
	struct table_pointer pointer = {0};

	asm volatile("sgdt %0" : "=m"(pointer));
	return pointer;
}

static struct table_pointer stored_idt(void)
{
	struct table_pointer pointer = {0};

	asm volatile("sidt %0" : "=m"(pointer));
	return pointer;
}

static uint32_t stored_ldt(void)
{
	uint32_t value = POISON;

	asm volatile("sldt %0" : "+r"(value));
	return value;
}

static uint32_t stored_task(void)
{
	uint32_t value = POISON;

	asm volatile("str %0" : "+r"(value));
	return value;
}

void sgdt_and_sidt_show_what_was_loaded(void)
{
	expect_equal("GDT base", gdt_pointer.base, stored_gdt().base);
	expect_equal("GDT limit", gdt_pointer.limit, stored_gdt().limit);
	expect_equal("IDT base", idt_pointer.base, stored_idt().base);
	expect_equal("IDT limit", idt_pointer.limit, stored_idt().limit);
}

/* Six bytes are stored, and no more. */
void sgdt_and_sidt_store_six_bytes(void)
{
	uint8_t bytes[10];

	memset(bytes, 0x5a, sizeof(bytes));
	asm volatile("sgdt 2(%0)" : : "r"(bytes) : "memory");
	expect_equal("sgdt: bytes before", 0x5a5a, bytes[0] | bytes[1] << 8);
	expect_true("sgdt: the six bytes", !memcmp(bytes + 2, &gdt_pointer, 6));
	expect_equal("sgdt: bytes behind", 0x5a5a, bytes[8] | bytes[9] << 8);
	memset(bytes, 0xa5, sizeof(bytes));
	asm volatile("sidt 2(%0)" : : "r"(bytes) : "memory");
	expect_equal("sidt: bytes before", 0xa5a5, bytes[0] | bytes[1] << 8);
	expect_true("sidt: the six bytes", !memcmp(bytes + 2, &idt_pointer, 6));
	expect_equal("sidt: bytes behind", 0xa5a5, bytes[8] | bytes[9] << 8);
}

void descriptor_tables_only(void)
{
	struct registers given = {0};

	check_stored_pointer = (struct table_pointer){0};
	expect_register("sgdt", code_sgdt, &given, EAX, 0);
	expect_true("sgdt's six bytes", !memcmp(&check_stored_pointer, &gdt_pointer, 6));
	expect_register("sidt", code_sidt, &given, EAX, 0);
	expect_true("sidt's six bytes", !memcmp(&check_stored_pointer, &idt_pointer, 6));
	expect_register("str", code_str_edx, &given, EDX, SELECTOR_TASK);
	given.ecx = POISON;
	expect_register("sldt", code_sldt_ecx, &given, ECX, 0);
	expect_only_changes("lgdt", code_lgdt, CHANGES_NONE, 0);
	expect_only_changes("lidt", code_lidt, CHANGES_NONE, 0);
	expect_only_changes("sgdt", code_sgdt, CHANGES_NONE, 0);
	expect_only_changes("sidt", code_sidt, CHANGES_NONE, 0);
	expect_only_changes("sldt", code_sldt_ecx, CHANGES_ECX, 0);
	expect_only_changes("str", code_str_edx, CHANGES_EDX, 0);
	expect_only_changes_with("lldt", code_lldt, &given, CHANGES_NONE, 0);
}

/* The operand in every way of addressing memory. */
void lgdt_addressing(void)
{
	static struct table_pointer pointers[4];
	uint32_t base = (uint32_t)(uintptr_t)pointers;

	for (uint32_t i = 0; i < 4; i++) {
		pointers[i] = gdt_pointer;
		pointers[i].limit = (uint16_t)(sizeof(gdt) - 1 - 8 * (i + 1));
	}
	asm volatile("lgdt (%0)" : : "r"(base) : "memory");
	expect_equal("base register", pointers[0].limit, stored_gdt().limit);
	asm volatile("lgdt 6(%0)" : : "r"(base) : "memory");
	expect_equal("displacement of 8 bits", pointers[1].limit, stored_gdt().limit);
	asm volatile("lgdt -0x12340(%0, %1, 4)" : : "r"(base + 0x12340), "r"(3) : "memory");
	expect_equal("index and displacement", pointers[2].limit, stored_gdt().limit);
	asm volatile("pushl 20(%0)\n\tpushl 16(%0)\n\tlgdt 2(%%esp)\n\tadd $8, %%esp"
	             :
	             : "r"(base)
	             : "memory", "cc");
	expect_equal("stack pointer", pointers[3].limit, stored_gdt().limit);
	*(volatile struct table_pointer *)LOW_PAGE = pointers[2];
	asm volatile(".byte 0x67\n\t.byte 0x0f, 0x01, 0x16\n\t.word 0x7000" : : : "memory");
	expect_equal("16-bit address", pointers[2].limit, stored_gdt().limit);
	asm volatile("lgdt %%es:gdt_pointer" : : : "memory");
	expect_equal("absolute, with a segment prefix", gdt_pointer.limit, stored_gdt().limit);
}

/* With an operand size of 16 bits the base has 24 bits: SDM vol. 2, LGDT/LIDT. */
void lgdt_and_lidt_of_16_bits(void)
{
	struct table_pointer gdt_high = gdt_pointer, idt_high = idt_pointer;

	gdt_high.base |= 0xff000000;
	gdt_high.limit -= 8;
	idt_high.base |= 0xff000000;
	idt_high.limit -= 8;
	asm volatile("data16 lgdt %0" : : "m"(gdt_high) : "memory");
	asm volatile("data16 lidt %0" : : "m"(idt_high) : "memory");
	struct table_pointer got_gdt = stored_gdt(), got_idt = stored_idt();
	asm volatile("lgdt %0\n\tlidt %1" : : "m"(gdt_pointer), "m"(idt_pointer) : "memory");
	expect_equal("GDT base", gdt_pointer.base, got_gdt.base);
	expect_equal("GDT limit", gdt_high.limit, got_gdt.limit);
	expect_equal("IDT base", idt_pointer.base, got_idt.base);
	expect_equal("IDT limit", idt_high.limit, got_idt.limit);
}

/*
 * Between lgdt and the far jump the processor runs on the old descriptors, though the new table
 * has something else at the selectors in use; the jump loads the new ones.
 */
void lgdt_before_far_jump(void)
{
	uint16_t code, data, task = SELECTOR_TASK;

	memset(other_gdt, 0, sizeof(other_gdt));
	other_gdt[20] = gdt[SELECTOR_KERNEL_CODE >> 3];
	other_gdt[21] = gdt[SELECTOR_KERNEL_DATA >> 3];
	other_gdt[SELECTOR_TASK >> 3] = gdt[SELECTOR_TASK >> 3];
	asm volatile("lgdt %2\n\t"
	             "nop\n\tpush %%eax\n\tpop %%eax\n\t"
	             "ljmp $20 * 8, $1f\n"
	             "1:\tmov $21 * 8, %%eax\n\t"
	             "mov %%eax, %%ss\n\tmov %%eax, %%ds\n\tmov %%eax, %%es\n\t"
	             "mov %%cs, %0\n\tmov %%ss, %1"
	             : "=&r"(code), "=&r"(data)
	             : "m"(other_gdt_pointer)
	             : "eax", "memory");
	/* Interrupts and exceptions still find the IDT's selector. */
	other_gdt[SELECTOR_KERNEL_CODE >> 3] = other_gdt[20];
	other_gdt[SELECTOR_KERNEL_DATA >> 3] = other_gdt[21];
	asm volatile("lgdt %0\n\tljmp %1, $1f\n1:"
	             :
	             : "m"(gdt_pointer), "i"(SELECTOR_KERNEL_CODE)
	             : "memory");
	asm volatile("mov %0, %%ss\n\tmov %0, %%ds\n\tmov %0, %%es"
	             :
	             : "r"(SELECTOR_KERNEL_DATA)
	             : "memory");
	expect_equal("CS", 20 * 8, code);
	expect_equal("SS", 21 * 8, data);
	expect_equal("TR", task, stored_task());
}

/* A table that is loaded but whose entry is written only afterwards. */
void gdt_entry_written_after_lgdt(void)
{
	static const uint32_t word = 0x600df00d;
	uint32_t got;

	memcpy(other_gdt, gdt, sizeof(gdt));
	asm volatile("lgdt %0" : : "m"(other_gdt_pointer) : "memory");
	other_gdt[25] =
	    descriptor((uint32_t)(uintptr_t)&word, SEGMENT_LIMIT_MAX, ACCESS_DATA, SEGMENT_FLAT);
	asm volatile("mov %1, %%fs\n\tmov %%fs:0, %0" : "=r"(got) : "r"(25 * 8) : "memory");
	asm volatile("lgdt %0" : : "m"(gdt_pointer) : "memory");
	expect_equal("word at %fs:0", word, got);
}

static volatile uint32_t last_vector;

static bool note_vector(struct trap_frame *frame)
{
	last_vector = frame->vector;
	return true;
}

/* Another table takes effect at once; what is beyond its limit raises #GP. */
void lidt_changes_table(void)
{
	struct table_pointer pointer = {0x31 * 8 - 1, (uint32_t)(uintptr_t)other_idt};

	memcpy(other_idt, idt, sizeof(idt));
	other_idt[0x30] = idt[0x55];
	asm volatile("lidt %0" : : "m"(pointer) : "memory");
	trap_hook = note_vector;
	asm volatile("int $0x30" : : : "memory");
	trap_hook = NULL;
	expect_equal("vector of the new table's gate", 0x55, last_vector);
	fault_clear();
	asm volatile(MAY_FAULT("int $0x31") : : : "memory");
	expect_fault("int beyond the limit", VECTOR_PROTECTION, 0x31 * 8 + 2);
	asm volatile("lidt %0" : : "m"(idt_pointer) : "memory");
}

static uint16_t make_ldt(void)
{
	uint32_t base = (uint32_t)(uintptr_t)ldt;

	memset(ldt, 0, sizeof(ldt));
	return gdt_scratch(0, descriptor(base, sizeof(ldt) - 1, ACCESS_LDT, 0));
}

/* Segments of the LDT, and their change without a reload of LDTR. */
void lldt_and_segments_of_it(void)
{
	static const uint32_t words[2] = {0x11aa22bb, 0x33cc44dd};
	uint16_t selector = make_ldt();
	uint32_t got[2];

	asm volatile("lldt %w0" : : "r"(selector) : "memory");
	for (uint32_t i = 0; i < 2; i++) {
		ldt[3] = descriptor((uint32_t)(uintptr_t)&words[i], SEGMENT_LIMIT_MAX, ACCESS_DATA,
		                    SEGMENT_FLAT);
		asm volatile("mov %1, %%gs\n\tmov %%gs:0, %0"
		             : "=r"(got[i])
		             : "r"(3 * 8 | SELECTOR_LDT)
		             : "memory");
	}
	expect_equal("sldt", selector, stored_ldt());
	expect_equal("word", words[0], got[0]);
	expect_equal("word after a change", words[1], got[1]);
	asm volatile("mov %0, %%gs\n\tlldt %w1" : : "r"(SELECTOR_KERNEL_DATA), "r"(0) : "memory");
	expect_equal("sldt without an LDT", 0, stored_ldt());
}

/* Every form of operand. */
void sldt_and_str_operands(void)
{
	uint16_t selector = make_ldt();
	uint32_t ldt_register = 0xffffffff, task_register = 0xffffffff;
	uint32_t ldt_memory = 0x12345678, task_memory = 0x12345678, from_memory = selector;

	asm volatile("lldt %0" : : "m"(from_memory) : "memory");
	asm volatile("sldt %w0" : "+r"(ldt_register));
	asm volatile("str %w0" : "+r"(task_register));
	asm volatile("sldt %0" : "+m"(ldt_memory));
	asm volatile("str %0" : "+m"(task_memory));
	expect_equal("sldt to 16 bits", 0xffff0000 | selector, ldt_register);
	expect_equal("str to 16 bits", 0xffff0000 | SELECTOR_TASK, task_register);
	expect_equal("sldt to memory", 0x12340000 | selector, ldt_memory);
	expect_equal("str to memory", 0x12340000 | SELECTOR_TASK, task_memory);
	expect_equal("sldt to 32 bits", selector, stored_ldt() & 0xffff);
	expect_equal("str to 32 bits", SELECTOR_TASK, stored_task() & 0xffff);
}

static void try_lldt(uint16_t selector)
{
	fault_clear();
	asm volatile(MAY_FAULT("lldt %w0") : : "r"(selector) : "memory");
}

static void try_ltr(uint16_t selector)
{
	fault_clear();
	asm volatile(MAY_FAULT("ltr %w0") : : "r"(selector) : "memory");
}

void lldt_faults(void)
{
	uint16_t absent = gdt_scratch(1, descriptor(0, 63, ACCESS_LDT & ~ACCESS_PRESENT, 0));

	try_lldt(SELECTOR_KERNEL_DATA);
	expect_fault("a data segment", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	try_lldt(absent);
	expect_fault("not present", VECTOR_NOT_PRESENT, absent);
	try_lldt(GDT_ENTRIES * 8);
	expect_fault("beyond the GDT", VECTOR_PROTECTION, GDT_ENTRIES * 8);
	expect_equal("LDTR", 0, stored_ldt());
}

void ltr_faults(void)
{
	uint8_t access = ACCESS_TASK & ~ACCESS_PRESENT;
	uint16_t absent = gdt_scratch(1, descriptor(0, 103, access, 0));

	try_ltr(SELECTOR_KERNEL_DATA);
	expect_fault("a data segment", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	try_ltr(absent);
	expect_fault("not present", VECTOR_NOT_PRESENT, absent);
	try_ltr(SELECTOR_TASK);
	expect_fault("busy", VECTOR_PROTECTION, SELECTOR_TASK);
	expect_equal("TR", SELECTOR_TASK, stored_task());
}

USER_PROGRAM(user_nothing, "");

/* ltr makes the descriptor busy, and the TSS's stack the one for traps from ring 3. */
void ltr_loads_task(void)
{
	static uint8_t stack[8192] __attribute__((aligned(16)));
	uint32_t base = (uint32_t)(uintptr_t)&other_task;
	uint32_t memory_operand;
	struct trap_frame frame = user_state();

	memset(&other_task, 0, sizeof(other_task));
	other_task.ss0 = SELECTOR_KERNEL_DATA;
	other_task.esp0 = (uint32_t)(uintptr_t)(stack + sizeof(stack));
	other_task.io_bitmap_offset = sizeof(other_task);
	memory_operand = gdt_scratch(0, descriptor(base, sizeof(other_task) - 1, ACCESS_TASK, 0));
	asm volatile("ltr %0" : : "m"(memory_operand) : "memory");
	expect_equal("str", memory_operand, stored_task());
	expect_equal("busy", ACCESS_TASK | ACCESS_BUSY,
	             (uint32_t)(*gdt_entry((uint16_t)memory_operand) >> 40) & 0xff);
	*word_at(other_task.esp0 - 4) = 0;
	user_run(user_nothing, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("top of the stack used", SELECTOR_USER_DATA,
	             *word_at(other_task.esp0 - 4) & 0xffff);
	*gdt_entry(SELECTOR_TASK) &= ~((uint64_t)ACCESS_BUSY << 40);
	asm volatile("ltr %w0" : : "r"(SELECTOR_TASK) : "memory");
}

/* The kernel may change esp0 at any time: it is read at every trap. */
void task_stack_changed_in_memory(void)
{
	static uint8_t stack[8192] __attribute__((aligned(16)));
	uint32_t top = (uint32_t)(uintptr_t)(stack + sizeof(stack));
	struct trap_frame frame = user_state();

	main_task.segment.esp0 = top;
	*word_at(top - 4) = 0;
	user_run(user_nothing, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	main_task.segment.esp0 = trap_stack_top();
	expect_equal("SS pushed on it", SELECTOR_USER_DATA, *word_at(top - 4) & 0xffff);
	expect_equal("EIP pushed on it", user_text() + 2, *word_at(top - 20));
}
