/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Stacks: loads of SS with their one-instruction shadow, based segments, and interrupts on all of
 * them. Linux switches to a 16-bit based stack for a moment on the way to ring 3 (espfix).
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

#define STACK_SIZE 8192

static uint8_t other_stack[STACK_SIZE] __attribute__((aligned(16)));

struct far_pointer {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed));

static uint32_t stack_top(void)
{
	return (uint32_t)(uintptr_t)(other_stack + STACK_SIZE);
}

/* A stack segment whose offset 0x8000 is the top of other_stack. */
static struct far_pointer based_stack(uint8_t flags)
{
	uint32_t limit = flags & SEGMENT_32BIT ? SEGMENT_LIMIT_MAX : 0xffff;
	uint32_t base = stack_top() - 0x8000;
	struct far_pointer pointer = {0x8000, 0};

	pointer.selector = gdt_scratch(0, descriptor(base, limit, ACCESS_DATA, flags));
	stack_segment_base = base;
	return pointer;
}

void plain_stack_switch(void)
{
	uint32_t got;

	asm volatile("mov %%esp, %%ebx\n\t"
	             "mov %1, %%esp\n\t"
	             "push $0x1234\n\tpushf\n\tpopf\n\tpop %0\n\t"
	             "mov %%ebx, %%esp"
	             : "=&r"(got)
	             : "r"(stack_top())
	             : "ebx", "memory", "cc");
	expect_equal("word pushed and popped", 0x1234, got);
	expect_equal("word in memory", 0x1234, *(volatile uint32_t *)(stack_top() - 4));
}

/* On the other stack and back, with what was pushed there in memory. */
void lss_switches_stack(void)
{
	struct far_pointer there = {stack_top(), SELECTOR_KERNEL_DATA};
	struct far_pointer based = based_stack(SEGMENT_FLAT);
	static struct far_pointer back;
	uint16_t selector;

	back.selector = SELECTOR_KERNEL_DATA;
	asm volatile("mov %%esp, %0\n\tlss %1, %%esp\n\tpush $0x5678\n\tlss %0, %%esp"
	             : "+m"(back)
	             : "m"(there)
	             : "memory");
	expect_equal("word pushed on it", 0x5678, *(volatile uint32_t *)(stack_top() - 4));
	asm volatile("lss %1, %%esp\n\tpush $0x9abc\n\tmov %%ss, %2\n\tlss %0, %%esp"
	             : "+m"(back), "+m"(based), "=&r"(selector)
	             :
	             : "memory");
	expect_equal("word pushed on the based one", 0x9abc,
	             *(volatile uint32_t *)(stack_top() - 4));
	expect_equal("SS", based.selector, selector);
}

void stack_segment_by_pop_of_16_bits(void)
{
	struct far_pointer based = based_stack(SEGMENT_FLAT);
	uint32_t before, after, selector;

	asm volatile("mov %%esp, %0\n\t"
	             "pushw %w3\n\tpopw %%ss\n\tnop\n\tmov %%ss, %1\n\t"
	             "mov %4, %%ss\n\tmov %%esp, %2"
	             : "=&r"(before), "=&r"(selector), "=&r"(after)
	             : "r"((uint32_t)based.selector), "r"(SELECTOR_KERNEL_DATA)
	             : "memory");
	expect_equal("SS", based.selector, selector);
	expect_equal("ESP", before, after);
}

/* The 16-bit form loads SP only. */
void lss_to_sp(void)
{
	static struct {
		uint16_t offset, selector;
	} pointer;
	uint32_t esp, selector;

	pointer.offset = 0x1234;
	pointer.selector = based_stack(SEGMENT_FLAT).selector;
	asm volatile("mov %%esp, %%ebx\n\t"
	             "lssw %2, %%sp\n\tmov %%esp, %0\n\tmov %%ss, %1\n\t"
	             "mov %3, %%ss\n\tmov %%ebx, %%esp"
	             : "=&r"(esp), "=&r"(selector)
	             : "m"(pointer), "r"(SELECTOR_KERNEL_DATA)
	             : "ebx", "memory");
	expect_equal("low half of ESP", 0x1234, esp & 0xffff);
	expect_equal("SS", pointer.selector, selector);
}

/* SS changes, ESP does not. */
void lss_to_another_register(void)
{
	struct far_pointer pointer = {0x13572468, based_stack(SEGMENT_FLAT).selector};
	uint32_t before, after, offset, selector;

	asm volatile("mov %%esp, %0\n\t"
	             "lss %4, %2\n\tmov %%esp, %1\n\tmov %%ss, %3\n\t"
	             "mov %5, %%ss"
	             : "=&r"(before), "=&r"(after), "=&r"(offset), "=&r"(selector)
	             : "m"(pointer), "r"(SELECTOR_KERNEL_DATA)
	             : "memory");
	expect_equal("offset", pointer.offset, offset);
	expect_equal("SS", pointer.selector, selector);
	expect_equal("ESP", before, after);
}

/* With a 16-bit stack segment, SP is used and the upper half of ESP stays. */
void stack_segment_of_16_bits(void)
{
	struct far_pointer based = based_stack(0);
	uint32_t before, after;

	based.offset = 0xabcd8000;
	asm volatile("mov %%esp, %%ebx\n\t"
	             "lss %2, %%esp\n\t"
	             "mov %%esp, %0\n\tpush $0x1357\n\tmov %%esp, %1\n\t"
	             "mov %3, %%ss\n\tmov %%ebx, %%esp"
	             : "=&r"(before), "=&r"(after)
	             : "m"(based), "r"(SELECTOR_KERNEL_DATA)
	             : "ebx", "memory");
	expect_equal("ESP", 0xabcd8000, before);
	expect_equal("ESP after a push", 0xabcd7ffc, after);
	expect_equal("word", 0x1357, *(volatile uint32_t *)(stack_top() - 4));
}

/* cli, sti, pushf, popf work on SS:ESP, whatever SS is. */
static void flags_on(const struct far_pointer *stack)
{
	uint32_t first, second;
	static volatile uint32_t selector;

	selector = 0;
	asm volatile("mov %%esp, %%ebx\n\t"
	             "lss %2, %%esp\n\tmov %%ss, %4\n\t"
	             "sti\n\tpushf\n\tcli\n\tpop %0\n\t"
	             "push %0\n\tpopf\n\tpushf\n\tpop %1\n\tcli\n\t"
	             "mov %3, %%ss\n\tmov %%ebx, %%esp"
	             : "=&r"(first), "=&r"(second)
	             : "m"(*stack), "r"(SELECTOR_KERNEL_DATA), "m"(selector)
	             : "ebx", "memory", "cc");
	expect_equal("SS", stack->selector, selector);
	expect_equal("IF after sti", FLAG_INTERRUPT, first & FLAG_INTERRUPT);
	expect_equal("IF after popf", FLAG_INTERRUPT, second & FLAG_INTERRUPT);
}

void flags_on_based_stacks(void)
{
	struct far_pointer stack = based_stack(SEGMENT_FLAT);

	flags_on(&stack);
	stack = based_stack(0);
	flags_on(&stack);
}

/* An interrupt whose frame goes to a based stack. */
static void interrupt_on(const char *what, const struct far_pointer *stack)
{
	uint32_t before, after;

	interrupts_restore();
	if (!timer_make_pending())
		return;
	asm volatile("mov %%esp, %%ebx\n\t"
	             "lss %2, %%esp\n\t"
	             "mov %%esp, %0\n\tsti\n\tnop\n\tcli\n\tmov %%esp, %1\n\t"
	             "mov %3, %%ss\n\tmov %%ebx, %%esp"
	             : "=&r"(before), "=&r"(after)
	             : "m"(*stack), "r"(SELECTOR_KERNEL_DATA)
	             : "ebx", "memory", "cc");
	expect_equal(what, 1, timer_count());
	expect_equal("ESP afterwards", before, after);
}

void interrupt_on_based_stacks(void)
{
	struct far_pointer stack = based_stack(SEGMENT_FLAT);

	interrupt_on("interrupts on a 32-bit stack", &stack);
	stack = based_stack(0);
	interrupt_on("interrupts on a 16-bit stack", &stack);
}

/* A base so high that base + ESP passes 4 GB and wraps around. */
void interrupt_on_wrapping_stack(void)
{
	uint32_t base = 0xfff00000;
	struct far_pointer stack = {stack_top() - base, 0};

	stack.selector =
	    gdt_scratch(0, descriptor(base, SEGMENT_LIMIT_MAX, ACCESS_DATA, SEGMENT_FLAT));
	stack_segment_base = base;
	interrupt_on("interrupts", &stack);
}

static volatile uint32_t torn, on_other_stack;

/* The frame must be on the one stack or on the other. */
static void look_for_torn_stack(struct trap_frame *frame)
{
	uint32_t at = (uint32_t)(uintptr_t)frame;
	uint32_t other = (uint32_t)(uintptr_t)other_stack;
	extern uint8_t boot_stack_top[];
	uint32_t boot = (uint32_t)(uintptr_t)boot_stack_top;

	if (at >= other && at < other + STACK_SIZE)
		on_other_stack++;
	else if (at < boot - 16384 || at >= boot)
		torn++;
}

/*
 * No interrupt comes between a load of SS and the load of ESP behind it: with the new SS and the
 * old ESP the frame would be somewhere else (SDM vol. 3, 6.8.3). Tried many times with a fast
 * timer. The nop is there because of several such shadows in a row only the first one counts.
 */
void stack_segment_load_shadow(void)
{
	struct far_pointer based = based_stack(SEGMENT_FLAT);

	torn = on_other_stack = 0;
	interrupt_hook = look_for_torn_stack;
	interrupt_unmask(INTERRUPT_TIMER);
	timer_periodic(120);
	for (uint32_t i = 0; i < 20000 || (on_other_stack < 10 && i < 5000000); i++)
		asm volatile("mov %%esp, %%ebx\n\tsti\n\tnop\n\t"
		             "mov %0, %%ss\n\tmov %1, %%esp\n\t"
		             "push %%eax\n\tpop %%eax\n\t"
		             "mov %2, %%ss\n\tmov %%ebx, %%esp\n\t"
		             "pushl %2\n\tpop %%ss\n\tmov %%ebx, %%esp\n\t"
		             "cli"
		             :
		             : "r"((uint32_t)based.selector), "r"(based.offset),
		               "r"(SELECTOR_KERNEL_DATA)
		             : "ebx", "memory");
	timer_once(UINT16_MAX);
	expect_equal("frames elsewhere", 0, torn);
	expect_true("ten frames on the other stack", on_other_stack >= 10);
}
