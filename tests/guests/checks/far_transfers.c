/* SPDX-License-Identifier: BSD-2-Clause */

/* Far jumps, far calls and far returns: direct, through memory, through a call gate. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

struct far_pointer {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed));

/* Another flat code segment, in the first of the scratch entries. */
#define OTHER_CODE_SELECTOR SELECTOR_SCRATCH

static void make_other_code(void)
{
	gdt_scratch(0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_CODE, SEGMENT_FLAT));
}

/* There and back, CS read on the way. */
void far_jump_direct(void)
{
	uint32_t there = 0, back = 0;

	make_other_code();
	asm volatile("ljmp %2, $1f\n"
	             "1:\tmov %%cs, %0\n\t"
	             "ljmp %3, $2f\n"
	             "2:\tmov %%cs, %1"
	             : "+&r"(there), "+r"(back)
	             : "i"(OTHER_CODE_SELECTOR), "i"(SELECTOR_KERNEL_CODE)
	             : "memory");
	expect_equal("CS there", OTHER_CODE_SELECTOR, there);
	expect_equal("CS back", SELECTOR_KERNEL_CODE, back);
}

void far_jump_through_memory(void)
{
	struct far_pointer pointer = {0, OTHER_CODE_SELECTOR};
	uint32_t there = 0;

	make_other_code();
	asm volatile("movl $1f, %1\n\t"
	             "ljmp *%1\n"
	             "1:\tmov %%cs, %0\n\t"
	             "ljmp %2, $2f\n2:"
	             : "+&r"(there), "+m"(pointer)
	             : "i"(SELECTOR_KERNEL_CODE)
	             : "memory");
	expect_equal("CS there", OTHER_CODE_SELECTOR, there);
}

/* Through a register with scaled index, and through the stack. */
void far_jump_addressing(void)
{
	static struct far_pointer pointers[4];
	uint32_t first, second;

	make_other_code();
	pointers[3].selector = OTHER_CODE_SELECTOR;
	asm volatile("movl $1f, 18(%2)\n\t"
	             "ljmp *-6(%2, %3, 8)\n"
	             "1:\tmov %%cs, %0\n\t"
	             "push %4\n\tpush $2f\n\tljmp *(%%esp)\n"
	             "2:\tadd $8, %%esp\n\tmov %%cs, %1"
	             : "=&r"(first), "=&r"(second)
	             : "r"(pointers), "r"(3), "i"(SELECTOR_KERNEL_CODE)
	             : "memory", "cc");
	expect_equal("CS by index", OTHER_CODE_SELECTOR, first);
	expect_equal("CS by stack", SELECTOR_KERNEL_CODE, second);
}

static volatile uint32_t code_inside, code_pushed, address_pushed, address_wanted;

/* The call pushes CS and the return address; the return pops both. */
void far_call_and_return(void)
{
	uint32_t before, after;

	make_other_code();
	code_inside = 0;
	asm volatile("mov %%esp, %0\n\t"
	             "lcall %2, $1f\n"
	             "2:\tjmp 3f\n"
	             "1:\tmov %%cs, code_inside\n\t"
	             "popl address_pushed\n\tpopl code_pushed\n\t"
	             "pushl code_pushed\n\tpushl address_pushed\n\tlret\n"
	             "3:\tmovl $2b, address_wanted\n\tmov %%esp, %1"
	             : "=&r"(before), "=&r"(after)
	             : "i"(OTHER_CODE_SELECTOR)
	             : "memory");
	expect_equal("CS inside", OTHER_CODE_SELECTOR, code_inside);
	expect_equal("CS pushed", SELECTOR_KERNEL_CODE, code_pushed & 0xffff);
	expect_equal("return address pushed", address_wanted, address_pushed);
	expect_equal("ESP", before, after);
}

/* Through memory, and back by a return that also drops arguments. */
void far_call_through_memory(void)
{
	struct far_pointer pointer = {0, OTHER_CODE_SELECTOR};
	uint32_t before, after, code;

	make_other_code();
	code_inside = 0;
	asm volatile("mov %%esp, %0\n\t"
	             "movl $1f, %3\n\t"
	             "push $0x1111\n\tpush $0x2222\n\tpush $0x3333\n\t"
	             "lcall *%3\n\t"
	             "jmp 2f\n"
	             "1:\tmov %%cs, code_inside\n\tlret $12\n"
	             "2:\tmov %%cs, %2\n\tmov %%esp, %1"
	             : "=&r"(before), "=&r"(after), "=&r"(code), "+m"(pointer)
	             :
	             : "memory");
	expect_equal("CS inside", OTHER_CODE_SELECTOR, code_inside);
	expect_equal("CS afterwards", SELECTOR_KERNEL_CODE, code);
	expect_equal("ESP", before, after);
}

/* A far return as a jump: to another code segment and back. */
void far_return_as_jump(void)
{
	uint32_t there = 0, back = 0;

	make_other_code();
	asm volatile("push %2\n\tpush $1f\n\tlret\n"
	             "1:\tmov %%cs, %0\n\t"
	             "push %%cs\n\tmovl %3, (%%esp)\n\tpush $2f\n\tlret\n"
	             "2:\tmov %%cs, %1"
	             : "+&r"(there), "+&r"(back)
	             : "i"(OTHER_CODE_SELECTOR), "i"(SELECTOR_KERNEL_CODE)
	             : "memory");
	expect_equal("CS there", OTHER_CODE_SELECTOR, there);
	expect_equal("CS back", SELECTOR_KERNEL_CODE, back);
}

/* Memory below 64 KB where transfers with 16-bit offsets go; the code there jumps to *EAX. */
#define LOW_CODE 0x7000

static void make_low_code(void)
{
	*(volatile uint8_t *)LOW_CODE = 0xff;
	*(volatile uint8_t *)(LOW_CODE + 1) = 0xe0;
}

void far_transfers_of_16_bits(void)
{
	static struct {
		uint16_t offset, selector;
	} pointer = {LOW_CODE, OTHER_CODE_SELECTOR};
	uint32_t direct, indirect, returned;

	make_other_code();
	make_low_code();
	asm volatile("mov $1f, %%eax\n\tljmpw %3, %4\n"
	             "1:\tmov %%cs, %0\n\tljmp %5, $2f\n"
	             "2:\tmov $3f, %%eax\n\tljmpw *%6\n"
	             "3:\tmov %%cs, %1\n\tljmp %5, $4f\n"
	             "4:\tmov $5f, %%eax\n\tpushw %3\n\tpushw %4\n\tlretw\n"
	             "5:\tmov %%cs, %2\n\tljmp %5, $6f\n6:"
	             : "=&r"(direct), "=&r"(indirect), "=&r"(returned)
	             : "i"(OTHER_CODE_SELECTOR), "i"(LOW_CODE), "i"(SELECTOR_KERNEL_CODE),
	               "m"(pointer)
	             : "eax", "memory");
	expect_equal("CS by a direct jump", OTHER_CODE_SELECTOR, direct);
	expect_equal("CS through memory", OTHER_CODE_SELECTOR, indirect);
	expect_equal("CS by a return", OTHER_CODE_SELECTOR, returned);
}

/* A far call of 16 bits pushes two words. */
void far_call_of_16_bits(void)
{
	uint32_t before, after, code;

	make_other_code();
	make_low_code();
	asm volatile("mov $1f, %%eax\n\tmov %%esp, %0\n\t"
	             "lcallw %3, %4\n"
	             "1:\tmov %%esp, %1\n\tmov 2(%%esp), %2\n\tadd $4, %%esp\n\t"
	             "ljmp %5, $2f\n2:"
	             : "=&r"(before), "=&r"(after), "=&r"(code)
	             : "i"(OTHER_CODE_SELECTOR), "i"(LOW_CODE), "i"(SELECTOR_KERNEL_CODE)
	             : "eax", "memory", "cc");
	expect_equal("bytes pushed", 4, before - after);
	expect_equal("CS pushed", SELECTOR_KERNEL_CODE, code & 0xffff);
}

void far_call_through_memory_of_16_bits(void)
{
	static struct {
		uint16_t offset, selector;
	} pointer = {LOW_CODE, OTHER_CODE_SELECTOR};
	uint32_t before, after, there;

	make_other_code();
	make_low_code();
	asm volatile("mov $1f, %%eax\n\tmov %%esp, %0\n\t"
	             "lcallw *%3\n"
	             "1:\tmov %%esp, %1\n\tmov %%cs, %2\n\tadd $4, %%esp\n\t"
	             "ljmp %4, $2f\n2:"
	             : "=&r"(before), "=&r"(after), "=&r"(there)
	             : "m"(pointer), "i"(SELECTOR_KERNEL_CODE)
	             : "eax", "memory", "cc");
	expect_equal("bytes pushed", 4, before - after);
	expect_equal("CS there", OTHER_CODE_SELECTOR, there);
}

void far_return_of_16_bits_with_arguments(void)
{
	uint32_t before, after, there;

	make_other_code();
	make_low_code();
	asm volatile("mov $1f, %%eax\n\tmov %%esp, %0\n\t"
	             "push $0x1111\n\tpush $0x2222\n\tpushw %3\n\tpushw %4\n\tlretw $8\n"
	             "1:\tmov %%esp, %1\n\tmov %%cs, %2\n\tljmp %5, $2f\n2:"
	             : "=&r"(before), "=&r"(after), "=&r"(there)
	             : "i"(OTHER_CODE_SELECTOR), "i"(LOW_CODE), "i"(SELECTOR_KERNEL_CODE)
	             : "eax", "memory", "cc");
	expect_equal("ESP", before, after);
	expect_equal("CS there", OTHER_CODE_SELECTOR, there);
}

#define TRY_JUMP(pointer)                                                                          \
	do {                                                                                       \
		fault_clear();                                                                     \
		asm volatile(MAY_FAULT("ljmp *%0") : : "m"(pointer) : "memory");                   \
	} while (0)

void far_jump_faults(void)
{
	uint8_t access = ACCESS_CODE & ~ACCESS_PRESENT;
	struct far_pointer pointer = {0x12345678, 0};

	TRY_JUMP(pointer);
	expect_fault("null", VECTOR_PROTECTION, 0);
	pointer.selector = SELECTOR_KERNEL_DATA;
	TRY_JUMP(pointer);
	expect_fault("data", VECTOR_PROTECTION, SELECTOR_KERNEL_DATA);
	pointer.selector = gdt_scratch(1, descriptor(0, SEGMENT_LIMIT_MAX, access, SEGMENT_FLAT));
	TRY_JUMP(pointer);
	expect_fault("not present", VECTOR_NOT_PRESENT, pointer.selector);
	pointer.selector = SELECTOR_USER_CODE;
	TRY_JUMP(pointer);
	expect_fault("user code", VECTOR_PROTECTION, SELECTOR_USER_CODE & ~3);
	pointer.selector = GDT_ENTRIES * 8;
	TRY_JUMP(pointer);
	expect_fault("beyond the GDT", VECTOR_PROTECTION, GDT_ENTRIES * 8);
}

void far_return_faults(void)
{
	uint8_t access = ACCESS_CODE & ~ACCESS_PRESENT;
	uint32_t absent = gdt_scratch(1, descriptor(0, SEGMENT_LIMIT_MAX, access, SEGMENT_FLAT));
	uint32_t before, after;

	fault_clear();
	asm volatile("push %2\n\tpush $0x1234\n\tmov %%esp, %0\n" MAY_FAULT(
			 "lret") "\tmov %%esp, %1\n\tadd $8, %%esp"
	             : "=&r"(before), "=&r"(after)
	             : "r"(absent)
	             : "memory", "cc");
	expect_fault("not present", VECTOR_NOT_PRESENT, absent);
	expect_equal("ESP", before, after);
	fault_clear();
	asm volatile("push $0\n\tpush $0x1234\n" MAY_FAULT("lret") "\tadd $8, %%esp"
	             :
	             :
	             : "memory", "cc");
	expect_fault("null", VECTOR_PROTECTION, 0);
}

INSTRUCTION(code_far_call, "lcall $0x08, $1f\n\tret\n1:\tlret");
INSTRUCTION(code_far_jump, "ljmp $0x08, $1f\n1:");

void far_transfers_change_nothing_else(void)
{
	_Static_assert(SELECTOR_KERNEL_CODE == 0x08, "written out above");
	expect_only_changes("lcall, lret", code_far_call, CHANGES_NONE, 0);
	expect_only_changes("ljmp", code_far_jump, CHANGES_NONE, 0);
}

/* Leaves the selectors and flags of the frame, then returns far with EIP, CS, ESP and SS. */
asm("\t.pushsection .text\n"
    "\t.type leave_by_far_return, @function\n"
    "leave_by_far_return:\n"
    "\tpopa\n"
    "\tpop %gs\n\tpop %fs\n\tpop %es\n\tpop %ds\n"
    "\tlea 8(%esp), %esp\n"
    "\tpushl 4(%esp)\n\tpopl 8(%esp)\n" /* CS over EFLAGS */
    "\tpushl (%esp)\n\tpopl 4(%esp)\n"  /* EIP over CS */
    "\tlea 4(%esp), %esp\n"
    "\tlret\n\tud2\n"
    "\t.size leave_by_far_return, . - leave_by_far_return\n"
    "\t.popsection");
extern void leave_by_far_return(void);

USER_PROGRAM(user_nop, "nop");

/* The way to ring 3 without an iret; ESP comes off the stack too. */
void far_return_to_user_mode(void)
{
	struct trap_frame frame = user_state();

	user_way = leave_by_far_return;
	user_run(user_nop, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("CS", SELECTOR_USER_CODE, frame.cs);
	expect_equal("SS", SELECTOR_USER_DATA, frame.user_ss);
	expect_equal("ESP", user_stack_top(), frame.user_esp);
	expect_equal("EIP", user_text() + 3, frame.eip);
}

static volatile uint32_t gate_arguments[2];

asm("\t.pushsection .text\n"
    "\t.type call_gate_target, @function\n"
    "call_gate_target:\n"
    "\tmov %cs, code_inside\n"
    "\tlret\n\tud2\n"
    "\t.size call_gate_target, . - call_gate_target\n"
    "\t.popsection");
extern void call_gate_target(void);

/* A call gate to the same ring. */
void call_gate_same_ring(void)
{
	uint32_t target = (uint32_t)(uintptr_t)call_gate_target;
	uint32_t before, after;

	code_inside = 0;
	gdt_scratch(1, gate(SELECTOR_KERNEL_CODE, target, ACCESS_CALL_GATE, 0));
	asm volatile("mov %%esp, %0\n\tlcall %2, $0\n\tmov %%esp, %1"
	             : "=&r"(before), "=&r"(after)
	             : "i"(SELECTOR_SCRATCH + 8)
	             : "memory");
	expect_equal("CS inside", SELECTOR_KERNEL_CODE, code_inside);
	expect_equal("ESP", before, after);
}

asm("\t.pushsection .text\n"
    "\t.type call_gate_from_user, @function\n"
    "call_gate_from_user:\n"
    "\tpush %ds\n\tpush %eax\n"
    "\tmov $0x10, %eax\n\tmov %eax, %ds\n"
    "\tmov 16(%esp), %eax\n\tmov %eax, gate_arguments\n"
    "\tmov 20(%esp), %eax\n\tmov %eax, gate_arguments + 4\n"
    "\tmov %cs, code_inside\n"
    "\tpop %eax\n\tpop %ds\n"
    "\tlret $8\n\tud2\n"
    "\t.size call_gate_from_user, . - call_gate_from_user\n"
    "\t.popsection");
extern void call_gate_from_user(void);

USER_PROGRAM(user_call_gate, "push $0x1111\n\tpush $0x2222\n\tlcall $0x4b, $0");

/* A call gate from ring 3 copies arguments to the TSS's stack; the return drops them on both. */
void call_gate_from_user_mode(void)
{
	uint32_t target = (uint32_t)(uintptr_t)call_gate_from_user;
	struct trap_frame frame = user_state();

	_Static_assert(((SELECTOR_SCRATCH + 8) | 3) == 0x4b, "written out above");
	code_inside = 0;
	gdt_scratch(1, gate(SELECTOR_KERNEL_CODE, target, ACCESS_CALL_GATE | ACCESS_DPL3, 2));
	user_run(user_call_gate, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("CS inside", SELECTOR_KERNEL_CODE, code_inside);
	expect_equal("last argument", 0x2222, gate_arguments[0]);
	expect_equal("first argument", 0x1111, gate_arguments[1]);
	expect_equal("ESP", user_stack_top(), frame.user_esp);
}
