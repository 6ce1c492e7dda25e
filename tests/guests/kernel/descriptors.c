/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/descriptors.h"

#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/string.h"
#include "tests/guests/kernel/traps.h"

#define TRAP_STACK_SIZE 16384

uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(8)));
uint64_t idt[IDT_ENTRIES] __attribute__((aligned(8)));
struct task main_task __attribute__((aligned(4096)));
struct task_segment double_fault_task __attribute__((aligned(128)));
static uint8_t trap_stack[TRAP_STACK_SIZE] __attribute__((aligned(16)));

const struct table_pointer gdt_pointer = {sizeof(gdt) - 1, (uint32_t)(uintptr_t)gdt};
const struct table_pointer idt_pointer = {sizeof(idt) - 1, (uint32_t)(uintptr_t)idt};

uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
	uint32_t low = (limit & 0xffff) | base << 16;
	uint32_t high = (base & 0xff000000) | (uint32_t)flags << 20 | (limit & 0xf0000) |
	                (uint32_t)access << 8 | (base >> 16 & 0xff);

	return (uint64_t)high << 32 | low;
}

uint64_t gate(uint16_t selector, uint32_t offset, uint8_t access, uint8_t parameters)
{
	uint32_t low = (uint32_t)selector << 16 | (offset & 0xffff);
	uint32_t high = (offset & 0xffff0000) | (uint32_t)access << 8 | parameters;

	return (uint64_t)high << 32 | low;
}

uint64_t *gdt_entry(uint16_t selector)
{
	return &gdt[selector >> 3];
}

uint16_t gdt_scratch(uint32_t number, uint64_t value)
{
	uint16_t selector = (uint16_t)(SELECTOR_SCRATCH + 8 * number);

	*gdt_entry(selector) = value;
	return selector;
}

uint32_t trap_stack_top(void)
{
	return (uint32_t)(uintptr_t)(trap_stack + TRAP_STACK_SIZE);
}

void idt_set(uint32_t vector, const uint8_t *stubs)
{
	uint32_t offset = (uint32_t)(uintptr_t)(stubs + TRAP_STUB_SIZE * vector);

	idt[vector] = gate(SELECTOR_KERNEL_CODE, offset, ACCESS_INTERRUPT, 0);
}

static void fill_gdt(void)
{
	const uint32_t limit = SEGMENT_LIMIT_MAX;

	memset(gdt, 0, sizeof(gdt));
	*gdt_entry(SELECTOR_KERNEL_CODE) = descriptor(0, limit, ACCESS_CODE, SEGMENT_FLAT);
	*gdt_entry(SELECTOR_KERNEL_DATA) = descriptor(0, limit, ACCESS_DATA, SEGMENT_FLAT);
	*gdt_entry(SELECTOR_USER_CODE) =
	    descriptor(0, limit, ACCESS_CODE | ACCESS_DPL3, SEGMENT_FLAT);
	*gdt_entry(SELECTOR_USER_DATA) =
	    descriptor(0, limit, ACCESS_DATA | ACCESS_DPL3, SEGMENT_FLAT);
	*gdt_entry(SELECTOR_TASK) =
	    descriptor((uint32_t)(uintptr_t)&main_task, sizeof(main_task) - 1, ACCESS_TASK, 0);
	*gdt_entry(SELECTOR_DOUBLE_FAULT) = descriptor(
	    (uint32_t)(uintptr_t)&double_fault_task, sizeof(double_fault_task) - 1, ACCESS_TASK, 0);
}

static void fill_task(void)
{
	memset(&main_task.segment, 0, sizeof(main_task.segment));
	main_task.segment.esp0 = trap_stack_top();
	main_task.segment.ss0 = SELECTOR_KERNEL_DATA;
	main_task.segment.io_bitmap_offset = sizeof(main_task.segment);
	memset(main_task.io_bitmap, 0xff, sizeof(main_task.io_bitmap));
}

void descriptors_restore(void)
{
	fill_gdt();
	fill_task();
	for (uint32_t vector = 0; vector < IDT_ENTRIES; vector++)
		idt_set(vector, trap_stubs);
	idt[VECTOR_SYSTEM_CALL] |= (uint64_t)ACCESS_DPL3 << 40;
	asm volatile("lgdt %0" : : "m"(gdt_pointer));
	asm volatile("lidt %0" : : "m"(idt_pointer));
	asm volatile("ljmp %0, $1f\n1:" : : "i"(SELECTOR_KERNEL_CODE) : "memory");
	asm volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%fs\n\tmov %0, %%gs\n\tmov %0, %%ss"
	             :
	             : "r"(SELECTOR_KERNEL_DATA)
	             : "memory");
	asm volatile("ltr %w0" : : "r"(SELECTOR_TASK) : "memory");
	asm volatile("lldt %w0" : : "r"(0) : "memory");
}

void descriptors_setup(void)
{
	descriptors_restore();
}
