/* SPDX-License-Identifier: BSD-2-Clause */

/* iret in its forms: to the same ring, to ring 3, with 16 bits, to another task, and refused. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

INSTRUCTION(code_iret, "pushf\n\tpush %cs\n\tpush $1f\n\tiret\n1:");

void iret_changes_nothing_else(void)
{
	expect_only_changes("pushf; push cs; push; iret", code_iret, CHANGES_NONE, 0);
}

/* iret within the ring: three words, no stack switch. */
static uint32_t iret_with_flags(uint32_t flags)
{
	uint32_t got, before, after;

	asm volatile("mov %%esp, %1\n\t"
	             "push %3\n\tpush %%cs\n\tpush $1f\n\tiret\n"
	             "1:\tpushf\n\tcli\n\tcld\n\tpop %0\n\tmov %%esp, %2"
	             : "=&r"(got), "=&r"(before), "=&r"(after)
	             : "r"(flags)
	             : "memory", "cc");
	write_flags(FLAG_RESERVED);
	expect_equal("ESP", before, after);
	return got;
}

void iret_loads_flags(void)
{
	static const uint32_t flags[] = {0,
	                                 FLAG_INTERRUPT,
	                                 FLAGS_STATUS,
	                                 FLAG_DIRECTION,
	                                 FLAG_IOPL,
	                                 FLAG_NESTED,
	                                 FLAG_ALIGNMENT | FLAG_ID,
	                                 FLAG_INTERRUPT | FLAG_CARRY | FLAG_OVERFLOW};

	for (uint32_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		expect_equal("flags", FLAG_RESERVED | flags[i],
		             iret_with_flags(FLAG_RESERVED | flags[i]));
}

void iret_delivers_at_once(void)
{
	if (!timer_make_pending())
		return;
	asm volatile("push %0\n\tpush %%cs\n\tpush $1f\n\tiret\n1:\tcli"
	             :
	             : "r"(FLAG_RESERVED | FLAG_INTERRUPT)
	             : "memory", "cc");
	expect_equal("interrupts after iret; cli", 1, timer_count());
}

void iret_switches_interrupts_off(void)
{
	uint32_t before, after;

	asm volatile("sti\n\tpushf\n\tpop %0\n\t"
	             "push %2\n\tpush %%cs\n\tpush $1f\n\tiret\n1:\tpushf\n\tpop %1\n\tcli"
	             : "=&r"(before), "=&r"(after)
	             : "r"(FLAG_RESERVED)
	             : "memory", "cc");
	expect_equal("IF before", FLAG_INTERRUPT, before & FLAG_INTERRUPT);
	expect_equal("IF after", 0, after & FLAG_INTERRUPT);
}

/* In the shadow of sti, iret clears IF before any interrupt can come. */
void iret_in_the_shadow_of_sti(void)
{
	if (!timer_make_pending())
		return;
	asm volatile("push %0\n\tpush %%cs\n\tpush $1f\n\tsti\n\tiret\n1:\tnop\n\tnop"
	             :
	             : "r"(FLAG_RESERVED)
	             : "memory", "cc");
	expect_equal("interrupts", 0, timer_count());
}

/* The 16-bit form takes three words of 16 bits; EFLAGS' upper half stays. */
void iret_of_16_bits(void)
{
	const uint16_t low_code = 0x7000;
	uint32_t flags, before, after;

	*(volatile uint8_t *)(uintptr_t)low_code = 0xff; /* jmp *%eax */
	*(volatile uint8_t *)(uintptr_t)(low_code + 1) = 0xe0;
	write_flags(FLAG_RESERVED | FLAG_ID);
	asm volatile("mov $1f, %%eax\n\tmov %%esp, %1\n\t"
	             "pushw %w3\n\tpushw %%cs\n\tpushw %w4\n\tiretw\n"
	             "1:\tmov %%esp, %2\n\tpushf\n\tcli\n\tpop %0"
	             : "=&r"(flags), "=&r"(before), "=&r"(after)
	             : "r"(FLAG_RESERVED | FLAG_INTERRUPT | FLAG_CARRY), "r"((uint32_t)low_code)
	             : "eax", "memory", "cc");
	write_flags(FLAG_RESERVED);
	expect_equal("ESP", before, after);
	expect_equal("flags", FLAG_RESERVED | FLAG_ID | FLAG_INTERRUPT | FLAG_CARRY, flags);
}

void iret_to_other_code_segment(void)
{
	uint32_t selector =
	    gdt_scratch(0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_CODE, SEGMENT_FLAT));
	uint32_t code;

	asm volatile("pushf\n\tpush %1\n\tpush $1f\n\tiret\n"
	             "1:\tmov %%cs, %0\n\tljmp %2, $2f\n2:"
	             : "=&r"(code)
	             : "r"(selector), "i"(SELECTOR_KERNEL_CODE)
	             : "memory");
	expect_equal("CS", selector, code);
}

/* What an iret that faults leaves: its three words on the stack, for the fixup to drop. */
static void try_iret(uint32_t code, uint32_t flags)
{
	uint32_t before, after;

	fault_clear();
	asm volatile("push %2\n\tpush %3\n\tpush $1f\n\tmov %%esp, %0\n" MAY_FAULT(
			 "iret") "1:\tmov %%esp, %1\n\tadd $12, %%esp"
	             : "=&r"(before), "=&r"(after)
	             : "r"(flags), "r"(code)
	             : "memory", "cc");
	expect_equal("ESP", before, after);
}

void iret_faults(void)
{
	uint8_t access = ACCESS_CODE & ~ACCESS_PRESENT;
	uint32_t absent = gdt_scratch(0, descriptor(0, SEGMENT_LIMIT_MAX, access, SEGMENT_FLAT));

	try_iret(0, FLAG_RESERVED);
	expect_fault("null CS", VECTOR_PROTECTION, 0);
	try_iret(SELECTOR_KERNEL_DATA, FLAG_RESERVED);
	expect_fault("CS a data segment", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	try_iret(absent, FLAG_RESERVED);
	expect_fault("CS not present", VECTOR_NOT_PRESENT, absent);
	try_iret(GDT_ENTRIES * 8, FLAG_RESERVED);
	expect_fault("CS beyond the GDT", VECTOR_PROTECTION, GDT_ENTRIES * 8);
}

/* An iret to ring 3 that is refused, as Linux' own return to user mode may be. */
static void try_user_iret(uint32_t code, uint32_t stack)
{
	fault_clear();
	asm volatile("push %0\n\tpush $0\n\tpush $2\n\tpush %1\n\tpush $0\n" MAY_FAULT(
			 "iret") "\tadd $20, %%esp"
	             :
	             : "r"(stack), "r"(code)
	             : "memory", "cc");
}

void iret_to_user_mode_faults(void)
{
	uint8_t access = ACCESS_CODE & ~ACCESS_PRESENT;
	uint8_t data_access = (ACCESS_DATA | ACCESS_DPL3) & ~ACCESS_PRESENT;
	uint32_t absent_code =
	    gdt_scratch(0, descriptor(0, SEGMENT_LIMIT_MAX, access | ACCESS_DPL3, SEGMENT_FLAT));
	uint32_t absent_data =
	    gdt_scratch(1, descriptor(0, SEGMENT_LIMIT_MAX, data_access, SEGMENT_FLAT));

	try_user_iret(absent_code | 3, SELECTOR_USER_DATA);
	expect_fault("CS not present", VECTOR_NOT_PRESENT, absent_code);
	try_user_iret(SELECTOR_KERNEL_CODE | 3, SELECTOR_USER_DATA);
	expect_fault("CS of the kernel with RPL 3", VECTOR_PROTECTION, SELECTOR_KERNEL_CODE);
	try_user_iret(SELECTOR_USER_CODE, 3);
	expect_fault("SS null", VECTOR_PROTECTION, 0);
	try_user_iret(SELECTOR_USER_CODE, SELECTOR_KERNEL_DATA);
	expect_fault("SS of the kernel", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	try_user_iret(SELECTOR_USER_CODE, absent_data | 3);
	/* #SS by SDM vol. 2, IRET; #NP by other processors, and by qemu. */
	expect_true("SS not present: #SS or #NP",
	            fault.vector == VECTOR_STACK || fault.vector == VECTOR_NOT_PRESENT);
	expect_fault("SS not present", fault.vector, absent_data);
}

USER_PROGRAM(user_read_state, "mov %cs, %eax\n\tmov %ss, %ebx\n\tmov %ds, %ecx\n\tmov %fs, %edx\n\t"
                              "pushf\n\tpop %edi");

/* Segment registers that ring 3 may not have become null on the way there: SDM vol. 2, IRET. */
void iret_to_user_mode(void)
{
	struct trap_frame frame = user_state();

	frame.eflags = FLAG_RESERVED | FLAG_INTERRUPT | FLAG_CARRY | FLAG_SIGN | FLAG_ID;
	frame.fs = SELECTOR_KERNEL_DATA;
	user_run(user_read_state, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("CS", SELECTOR_USER_CODE, frame.eax & 0xffff);
	expect_equal("SS", SELECTOR_USER_DATA, frame.ebx & 0xffff);
	expect_equal("DS", SELECTOR_USER_DATA, frame.ecx & 0xffff);
	expect_equal("FS, of the kernel before", 0, frame.edx & 0xffff);
	expect_equal("flags", FLAG_RESERVED | FLAG_INTERRUPT | FLAG_CARRY | FLAG_SIGN | FLAG_ID,
	             frame.edi);
	expect_equal("ESP", user_stack_top(), frame.user_esp);
}

USER_PROGRAM(user_add_all, "add %ebx, %eax\n\tadd %ecx, %eax\n\tadd %edx, %eax\n\t"
                           "add %esi, %eax\n\tadd %edi, %eax\n\tadd %ebp, %eax");

void registers_to_and_from_user_mode(void)
{
	struct trap_frame frame = user_state();

	frame.eax = 1;
	frame.ebx = 20;
	frame.ecx = 300;
	frame.edx = 4000;
	frame.esi = 50000;
	frame.edi = 600000;
	frame.ebp = 7000000;
	user_run(user_add_all, &frame);
	expect_equal("sum", 7654321, frame.eax);
	expect_equal("ebx", 20, frame.ebx);
	expect_equal("ecx", 300, frame.ecx);
	expect_equal("edx", 4000, frame.edx);
	expect_equal("esi", 50000, frame.esi);
	expect_equal("edi", 600000, frame.edi);
	expect_equal("ebp", 7000000, frame.ebp);
}

/* To a segment of the LDT in ring 3. */
void iret_to_ldt_segments(void)
{
	static uint64_t ldt[3];
	struct trap_frame frame = user_state();
	uint32_t base = (uint32_t)(uintptr_t)ldt;
	uint16_t selector = gdt_scratch(0, descriptor(base, sizeof(ldt) - 1, ACCESS_LDT, 0));

	ldt[1] = descriptor(user_text(), 0xfffff, ACCESS_CODE | ACCESS_DPL3, SEGMENT_FLAT);
	ldt[2] = *gdt_entry(SELECTOR_USER_DATA);
	asm volatile("lldt %w0" : : "r"((uint32_t)selector) : "memory");
	frame.cs = 8 | SELECTOR_LDT | 3;
	frame.user_ss = 16 | SELECTOR_LDT | 3;
	frame.eip = 0;
	user_run(user_read_state, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("CS", 8 | SELECTOR_LDT | 3, frame.eax & 0xffff);
	expect_equal("SS", 16 | SELECTOR_LDT | 3, frame.ebx & 0xffff);
	expect_true("EIP is relative to the base", frame.eip < 64);
}
