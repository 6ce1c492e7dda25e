/* SPDX-License-Identifier: BSD-2-Clause */

/* Task switches by far jump, far call and iret, and virtual-8086 mode. SDM vol. 3, 7.3 and 20. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define OTHER_TASK_SELECTOR (SELECTOR_SCRATCH + 2 * 8)

static struct task_segment other_task __attribute__((aligned(128)));
static uint8_t other_stack[4096] __attribute__((aligned(16)));
static volatile uint32_t other_runs, other_flags, other_selector;

/* The other task: notes what it sees, then goes back by the way that it was entered. */
asm("\t.pushsection .text\n"
    "\t.type task_jumped_to, @function\n"
    "task_jumped_to:\n"
    "\tincl other_runs\n"
    "\tpushf\n\tpopl other_flags\n"
    "\tstr %eax\n\tmov %eax, other_selector\n"
    "\tljmp $0x28, $0\n"
    "\tjmp task_jumped_to\n"
    "\t.size task_jumped_to, . - task_jumped_to\n"
    "\t.type task_called, @function\n"
    "task_called:\n"
    "\tincl other_runs\n"
    "\tpushf\n\tpopl other_flags\n"
    "\tstr %eax\n\tmov %eax, other_selector\n"
    "\tiret\n"
    "\tjmp task_called\n"
    "\t.size task_called, . - task_called\n"
    "\t.popsection");
extern void task_jumped_to(void);
extern void task_called(void);

static void make_other_task(void (*code)(void))
{
	uint32_t base = (uint32_t)(uintptr_t)&other_task;

	memset(&other_task, 0, sizeof(other_task));
	other_task.eip = (uint32_t)(uintptr_t)code;
	other_task.esp = (uint32_t)(uintptr_t)(other_stack + sizeof(other_stack));
	other_task.eflags = FLAG_RESERVED;
	other_task.cr3 = read_cr3();
	other_task.cs = SELECTOR_KERNEL_CODE;
	other_task.ss = other_task.ds = other_task.es = SELECTOR_KERNEL_DATA;
	other_task.fs = other_task.gs = SELECTOR_KERNEL_DATA;
	other_task.io_bitmap_offset = sizeof(other_task);
	main_task.segment.cr3 = read_cr3();
	gdt_scratch(2, descriptor(base, sizeof(other_task) - 1, ACCESS_TASK, 0));
	other_runs = 0;
	other_flags = other_selector = POISON;
}

static uint32_t task_register(void)
{
	uint32_t value;

	asm volatile("str %0" : "=r"(value));
	return value & 0xffff;
}

void task_switch_by_jump(void)
{
	make_other_task(task_jumped_to);
	for (uint32_t i = 1; i <= 3; i++) {
		asm volatile("ljmp %0, $0" : : "i"(OTHER_TASK_SELECTOR) : "memory", "cc");
		expect_equal("runs", i, other_runs);
		expect_equal("TR there", OTHER_TASK_SELECTOR, other_selector);
		expect_equal("NT there", 0, other_flags & FLAG_NESTED);
		expect_equal("TR back", SELECTOR_TASK, task_register());
	}
}

/* A call nests the task: NT is set there, and its iret returns. */
void task_switch_by_call(void)
{
	make_other_task(task_called);
	for (uint32_t i = 1; i <= 3; i++) {
		asm volatile("lcall %0, $0" : : "i"(OTHER_TASK_SELECTOR) : "memory", "cc");
		expect_equal("runs", i, other_runs);
		expect_equal("TR there", OTHER_TASK_SELECTOR, other_selector);
		expect_equal("NT there", FLAG_NESTED, other_flags & FLAG_NESTED);
		expect_equal("back link", SELECTOR_TASK, other_task.previous_task);
		expect_equal("TR back", SELECTOR_TASK, task_register());
	}
}

/* An interrupt through a task gate, too. */
void task_switch_by_interrupt(void)
{
	make_other_task(task_called);
	idt[0x90] = gate(OTHER_TASK_SELECTOR, 0, ACCESS_TASK_GATE, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		asm volatile("int $0x90" : : : "memory", "cc");
		expect_equal("runs", i, other_runs);
		expect_equal("TR back", SELECTOR_TASK, task_register());
	}
}

/* The task switch sets CR0.TS. */
void task_switch_sets_ts(void)
{
	make_other_task(task_called);
	asm volatile("clts" : : : "memory");
	asm volatile("lcall %0, $0" : : "i"(OTHER_TASK_SELECTOR) : "memory", "cc");
	expect_equal("TS", CR0_TS, read_cr0() & CR0_TS);
	asm volatile("clts" : : : "memory");
}

/* iret with NT set but no task to return to. */
void iret_to_no_task_faults(void)
{
	main_task.segment.previous_task = 0;
	fault_clear();
	asm volatile("push %0\n\tpopf\n" MAY_FAULT("iret") "\tpush %1\n\tpopf"
	             :
	             : "r"(FLAG_RESERVED | FLAG_NESTED), "r"(FLAG_RESERVED)
	             : "memory", "cc");
	expect_fault("iret", VECTOR_INVALID_TSS, 0);
}

#define VM86_CODE 0x7000u

static volatile uint32_t vm86_code, vm86_ip, vm86_flags, vm86_ax;

static bool leave_vm86(struct trap_frame *frame)
{
	if (!(frame->eflags & FLAG_VM86))
		return false;
	vm86_code = frame->cs;
	vm86_ip = frame->eip;
	vm86_flags = frame->eflags;
	vm86_ax = frame->eax;
	frame->cs = SELECTOR_USER_CODE; /* so that it ends as ring 3 does */
	user_leave(frame);
}

/* iret to it takes four more words, which user_enter() leaves 0. 16-bit code at VM86_CODE: mov
 * $0x1234, %ax; add $1, %ax; int $0x80. Needs IOPL 3 for int. */
void virtual_8086_mode(void)
{
	static const uint8_t code[] = {0xb8, 0x34, 0x12, 0x83, 0xc0, 0x01, 0xcd, 0x80};
	struct trap_frame frame = user_state();

	memcpy((void *)(uintptr_t)VM86_CODE, code, sizeof(code));
	if (paging != PAGING_NONE) {
		entry_write(page_entry_address(VM86_CODE), VM86_CODE | PAGE_ANY);
		uint32_t directory = directory_entry_address(VM86_CODE);
		entry_write(directory, entry_read(directory) | PAGE_ANY);
		flush_translations();
	}
	trap_hook = leave_vm86;
	frame.cs = VM86_CODE >> 4;
	frame.eip = 0;
	frame.user_ss = VM86_CODE >> 4;
	frame.user_esp = 0xf00;
	frame.eflags = FLAG_RESERVED | FLAG_VM86 | FLAG_IOPL;
	user_enter(&frame);
	expect_equal("CS", VM86_CODE >> 4, vm86_code);
	expect_equal("IP", sizeof(code), vm86_ip);
	expect_equal("VM", FLAG_VM86, vm86_flags & FLAG_VM86);
	expect_equal("AX", 0x1235, vm86_ax & 0xffff);
	if (paging != PAGING_NONE)
		entry_write(page_entry_address(VM86_CODE), VM86_CODE | PAGE_KERNEL);
}
