/* SPDX-License-Identifier: BSD-2-Clause */

/* The processor below: traps, descriptor tables, CR0.TS, debug registers. */

#include "rom/vcpu/platform.h"
#include "rom/platform/xen/hypercall.h"
#include "rom/platform/xen/memory.h"
#include "rom/platform/xen/panic.h"
#include "rom/platform/xen/processor.h"
#include "rom/vcpu/vcpu.h"

#include <xen/callback.h>

#define TRAP_ENTRY_SIZE  16 /* trap_entry.S */
#define TRAP_MASK_EVENTS 4  /* struct trap_info: flags, bit 2; bits 1-0 are the DPL */

extern const uint8_t trap_entries[], system_call_entry[], event_entry[], failsafe_entry[],
    rom_stack_end[];

/* Pages of descriptors: Xen wants them read-only, and all of a page is the table. */
static uint64_t gdt[PLATFORM_DESCRIPTORS] __attribute__((aligned(PAGE_SIZE)));
static uint64_t ldt[PLATFORM_DESCRIPTORS] __attribute__((aligned(PAGE_SIZE)));

static void check(const char *what, uint32_t argument, int32_t result)
{
	if (result < 0)
		panic_numbers(what, argument, (uint32_t)result);
}

/*
 * All vectors come to the ROM, with events masked. `int n` from rings 2 and 3 is #GP where the DPL
 * here is 0: then it comes with an error code that says so, and real exceptions are told from
 * software's. Only 0x80 is open, for the ROM's calls and the guest's system calls; of 3 and 4 Xen
 * does not look at the DPL.
 */
static void set_traps(void)
{
	static struct trap_info table[257];

	for (uint32_t vector = 0; vector < 256; vector++) {
		table[vector].vector = (uint8_t)vector;
		table[vector].flags = TRAP_MASK_EVENTS | (vector == 0x80 ? 3 : 0);
		table[vector].cs = FLAT_RING1_CS;
		table[vector].address = (uint32_t)trap_entries + vector * TRAP_ENTRY_SIZE;
	}
	table[0x80].address = (uint32_t)system_call_entry;
	check("traps", 0, hypercall_set_trap_table(table));
}

static void set_callback(uint16_t type, const uint8_t *entry)
{
	struct callback_register callback = {
	    .type = type,
	    .flags = CALLBACKF_mask_events,
	    .address = {.cs = FLAT_RING1_CS, .eip = (uint32_t)entry},
	};

	check("callback", type, hypercall_callback_op(CALLBACKOP_register, &callback));
}

static void set_tables(void)
{
	uint32_t frame = memory_frame_of(gdt);
	struct mmuext_op operation = {.cmd = MMUEXT_SET_LDT};

	memory_map((uint32_t)gdt, frame, PAGE_READABLE);
	memory_map((uint32_t)ldt, memory_frame_of(ldt), PAGE_READABLE);
	check("GDT", frame, hypercall_set_gdt(&frame, PLATFORM_DESCRIPTORS));
	operation.arg1.linear_addr = (uint32_t)ldt;
	operation.arg2.nr_ents = PLATFORM_DESCRIPTORS;
	check("LDT", frame, hypercall_mmuext_op(&operation, 1));
}

void processor_initialise(void)
{
	set_traps();
	set_callback(CALLBACKTYPE_event, event_entry);
	set_callback(CALLBACKTYPE_failsafe, failsafe_entry);
	check("stack", 0, hypercall_stack_switch(FLAT_RING1_SS, (uint32_t)rom_stack_end));
	set_tables();
}

void platform_set_descriptor(bool local, uint32_t index, uint64_t descriptor)
{
	const uint64_t *table = local ? ldt : gdt;
	uint64_t address = (uint64_t)memory_frame_of(table) << PAGE_SHIFT;

	check("descriptor", index, hypercall_update_descriptor(address + 8 * index, descriptor));
}

void platform_set_task_switched(bool set)
{
	hypercall_fpu_taskswitch(set);
}

/* Xen emulates mov to and from CR4 in ring 1, and keeps all but some bits. */
void platform_set_time_stamp_disabled(bool set)
{
	uint32_t value;

	__asm__ volatile("movl %%cr4, %0" : "=r"(value));
	value = set ? value | CR4_TSD : value & ~CR4_TSD;
	__asm__ volatile("movl %0, %%cr4" : : "r"(value));
}

void platform_set_debug_register(unsigned int number, uint32_t value)
{
	hypercall_set_debugreg(number, value);
}

uint32_t platform_get_debug_register(unsigned int number)
{
	return hypercall_get_debugreg(number);
}

void platform_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_registers *result)
{
	__asm__ volatile("cpuid"
	                 : "=a"(result->eax), "=b"(result->ebx), "=c"(result->ecx),
	                   "=d"(result->edx)
	                 : "0"(leaf), "2"(subleaf));
}

void platform_panic(const void *frame, const char *why)
{
	panic(frame, why);
}

void platform_triple_fault(const void *frame)
{
	describe(frame, "a triple fault");
	platform_shut_down(SHUTDOWN_REASON_REBOOT);
}
