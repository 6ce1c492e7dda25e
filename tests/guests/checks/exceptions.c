/* SPDX-License-Identifier: BSD-2-Clause */

/* Exceptions of the kernel and of ring 3, their error codes and addresses; the double fault. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define TRY(instruction)                                                                           \
	do {                                                                                       \
		fault_clear();                                                                     \
		asm volatile(MAY_FAULT(instruction) : : : "eax", "ecx", "edx", "memory", "cc");    \
	} while (0)

void kernel_exceptions(void)
{
	static const uint32_t bounds[2] = {10, 20};

	fault_clear();
	asm volatile(
	    "xor %%edx, %%edx\n\tmov $1, %%eax\n\txor %%ecx, %%ecx\n" MAY_FAULT("div %%ecx")
	    :
	    :
	    : "eax", "ecx", "edx", "memory", "cc");
	expect_fault("div by 0", VECTOR_DIVIDE, 0);
	TRY("ud2");
	expect_fault("ud2", VECTOR_INVALID_OPCODE, 0);
	fault_clear();
	asm volatile(MAY_FAULT("bound %0, %1") : : "r"(9), "m"(bounds) : "memory");
	expect_fault("bound outside", VECTOR_BOUND, 0);
	fault_clear();
	asm volatile(MAY_FAULT("bound %0, %1") : : "r"(20), "m"(bounds) : "memory");
	expect_no_fault("bound inside");
}

/* The table that the kernel's own recovery relies on. */
void exception_table_is_sorted(void)
{
	expect_true("ascending", exception_table_sorted());
}

USER_PROGRAM(user_divide, "nop\n\txor %ecx, %ecx\n\tdiv %ecx");
USER_PROGRAM(user_undefined, "nop\n\tud2");
USER_PROGRAM(user_breakpoint, "nop\n\tint3");
USER_PROGRAM(user_overflow, "mov $0x7fffffff, %eax\n\tadd $1, %eax\n\tinto");
USER_PROGRAM(user_bad_selector, "mov $0x10, %eax\n\tmov %eax, %gs");

void user_exceptions(void)
{
	const struct {
		const char *what;
		const uint8_t *start, *end;
		uint32_t vector, error, offset;
	} cases[] = {
	    {"div by 0", user_divide, user_divide_end, VECTOR_DIVIDE, 0, 3},
	    {"ud2", user_undefined, user_undefined_end, VECTOR_INVALID_OPCODE, 0, 1},
	    {"bad selector", user_bad_selector, user_bad_selector_end, VECTOR_PROTECTION, 0x10, 5},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trap_frame frame = user_state();
		user_run_bytes(cases[i].start, cases[i].end, &frame);
		expect_equal(cases[i].what, cases[i].vector, frame.vector);
		expect_equal(cases[i].what, cases[i].error, frame.error);
		expect_equal(cases[i].what, user_text() + cases[i].offset, frame.eip);
	}
}

/* int3 and into go through gates that ring 3 may use; the address is behind the instruction. */
void user_breakpoint_and_overflow(void)
{
	struct trap_frame frame = user_state();

	idt[VECTOR_BREAKPOINT] |= (uint64_t)ACCESS_DPL3 << 40;
	idt[VECTOR_OVERFLOW] |= (uint64_t)ACCESS_DPL3 << 40;
	user_run(user_breakpoint, &frame);
	expect_equal("int3", VECTOR_BREAKPOINT, frame.vector);
	expect_equal("address behind int3", user_text() + 2, frame.eip);
	frame = user_state();
	user_run(user_overflow, &frame);
	expect_equal("into", VECTOR_OVERFLOW, frame.vector);
}

static volatile uint32_t double_faults, double_fault_error;

static bool note_double_fault(struct trap_frame *frame)
{
	if (frame->vector != VECTOR_DOUBLE_FAULT)
		return false;
	double_faults++;
	double_fault_error = frame->error;
	frame->eip = frame->ebx; /* where the check goes on */
	return true;
}

/* #GP whose gate is not present: its delivery faults, which makes a double fault. */
void double_fault_through_interrupt_gate(void)
{
	double_faults = 0;
	double_fault_error = 1;
	trap_hook = note_double_fault;
	idt[VECTOR_PROTECTION] &= ~((uint64_t)ACCESS_PRESENT << 40);
	idt[VECTOR_NOT_PRESENT] &= ~((uint64_t)ACCESS_PRESENT << 40);
	asm volatile("mov $1f, %%ebx\n\tmov %0, %%eax\n\tmov %%eax, %%gs\n1:"
	             :
	             : "i"(SELECTOR_KERNEL_DATA | 3)
	             : "eax", "ebx", "memory");
	expect_equal("double faults", 1, double_faults);
	expect_equal("error code", 0, double_fault_error);
}

/*
 * The task gate's handler: the processor has left the check's registers in the main TSS. It goes
 * back without a task switch: it makes that TSS available again, loads it, and continues where the
 * check said (in its EBX), on the stack from before (in its EBP).
 */
asm("\t.pushsection .text\n"
    "\t.type double_fault_handler, @function\n"
    "double_fault_handler:\n"
    "\tpop %eax\n" /* error code */
    "\tmov %eax, double_fault_error\n"
    "\tincl double_faults\n"
    "\tstr double_fault_selector\n"
    "\tandb $0xfd, gdt + 0x28 + 5\n" /* SELECTOR_TASK: not busy */
    "\tmov $0x28, %eax\n"
    "\tltr %ax\n"
    "\tpush $2\n\tpopf\n" /* NT too was set by the switch */
    "\tmov main_task + 52, %ebx\n"
    "\tmov main_task + 60, %ebp\n"
    "\tmov %ebp, %esp\n"
    "\tjmp *%ebx\n"
    "\t.size double_fault_handler, . - double_fault_handler\n"
    "\t.popsection");
extern void double_fault_handler(void);

_Static_assert(offsetof(struct task_segment, ebx) == 52, "double_fault_handler");
_Static_assert(offsetof(struct task_segment, ebp) == 60, "double_fault_handler");
_Static_assert(SELECTOR_TASK == 0x28, "double_fault_handler");

static volatile uint16_t double_fault_selector;
static uint8_t double_fault_stack[4096] __attribute__((aligned(16)));

static void prepare_task_gate(void)
{
	struct task_segment *task = &double_fault_task;

	memset(task, 0, sizeof(*task));
	task->eip = (uint32_t)(uintptr_t)double_fault_handler;
	task->esp = (uint32_t)(uintptr_t)(double_fault_stack + sizeof(double_fault_stack));
	task->eflags = FLAG_RESERVED;
	task->cr3 = read_cr3();
	task->cs = SELECTOR_KERNEL_CODE;
	task->ss = task->ds = task->es = task->fs = task->gs = SELECTOR_KERNEL_DATA;
	task->io_bitmap_offset = sizeof(*task);
	idt[VECTOR_DOUBLE_FAULT] = gate(SELECTOR_DOUBLE_FAULT, 0, ACCESS_TASK_GATE, 0);
	double_faults = 0;
	double_fault_error = 1;
	double_fault_selector = 0;
}

static void expect_double_fault(void)
{
	uint32_t task;

	asm volatile("str %0" : "=r"(task));
	expect_equal("double faults", 1, double_faults);
	expect_equal("error code", 0, double_fault_error);
	expect_equal("TR in the handler", SELECTOR_DOUBLE_FAULT, double_fault_selector);
	expect_equal("TR afterwards", SELECTOR_TASK, task & 0xffff);
}

/* The same cause, through a task gate. */
void double_fault_through_task_gate(void)
{
	prepare_task_gate();
	idt[VECTOR_PROTECTION] &= ~((uint64_t)ACCESS_PRESENT << 40);
	idt[VECTOR_NOT_PRESENT] &= ~((uint64_t)ACCESS_PRESENT << 40);
	asm volatile("push %%ebp\n\tmov %%esp, %%ebp\n\t"
	             "mov $1f, %%ebx\n\tmov %0, %%eax\n\tmov %%eax, %%gs\n"
	             "1:\tpop %%ebp"
	             :
	             : "i"(SELECTOR_KERNEL_DATA | 3)
	             : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
	expect_double_fault();
}

/* A push to an unmapped stack: #PF cannot be delivered there. The cause Linux has the gate for. */
void double_fault_on_unmapped_stack(void)
{
	static const uint32_t top = CHECK_AREA + PAGE_SIZE;

	prepare_task_gate();
	asm volatile("push %%ebp\n\tmov %%esp, %%ebp\n\t"
	             "mov $1f, %%ebx\n\tmov %0, %%esp\n\tpush %%eax\n"
	             "1:\tpop %%ebp"
	             :
	             : "m"(top)
	             : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
	expect_double_fault();
	expect_equal("ESP then", top, main_task.segment.esp);
	expect_equal("CR2", top - 4, read_cr2());
}

/* The same on a stack that may only be read. */
void double_fault_on_read_only_stack(void)
{
	static const uint32_t top = CHECK_AREA + PAGE_SIZE;

	page_map(CHECK_AREA, page_allocate(), PAGE_PRESENT);
	write_cr0(read_cr0() | CR0_WP);
	prepare_task_gate();
	asm volatile("push %%ebp\n\tmov %%esp, %%ebp\n\t"
	             "mov $1f, %%ebx\n\tmov %0, %%esp\n\tpush %%eax\n"
	             "1:\tpop %%ebp"
	             :
	             : "m"(top)
	             : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
	write_cr0(read_cr0() & ~CR0_WP);
	expect_double_fault();
}
