/* SPDX-License-Identifier: BSD-2-Clause */

/* What ring 3 may not, and what comes to the kernel from there. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

/* Privileged instructions as bytes; all of them read no memory but at ESI. */
static const struct {
	const char *name;
	uint8_t size, bytes[6];
} privileged[] = {
    {"cli", 1, {0xfa}},
    {"sti", 1, {0xfb}},
    {"hlt", 1, {0xf4}},
    {"clts", 2, {0x0f, 0x06}},
    {"invd", 2, {0x0f, 0x08}},
    {"wbinvd", 2, {0x0f, 0x09}},
    {"mov cr0, eax", 3, {0x0f, 0x20, 0xc0}},
    {"mov eax, cr0", 3, {0x0f, 0x22, 0xc0}},
    {"mov cr2, eax", 3, {0x0f, 0x20, 0xd0}},
    {"mov cr3, eax", 3, {0x0f, 0x20, 0xd8}},
    {"mov eax, cr3", 3, {0x0f, 0x22, 0xd8}},
    {"mov cr4, eax", 3, {0x0f, 0x20, 0xe0}},
    {"mov dr0, eax", 3, {0x0f, 0x21, 0xc0}},
    {"mov eax, dr7", 3, {0x0f, 0x23, 0xf8}},
    {"rdmsr", 2, {0x0f, 0x32}},
    {"wrmsr", 2, {0x0f, 0x30}},
    {"lmsw ax", 3, {0x0f, 0x01, 0xf0}},
    {"invlpg (esi)", 3, {0x0f, 0x01, 0x3e}},
    {"lgdt (esi)", 3, {0x0f, 0x01, 0x16}},
    {"lidt (esi)", 3, {0x0f, 0x01, 0x1e}},
    {"lldt ax", 3, {0x0f, 0x00, 0xd0}},
    {"ltr ax", 3, {0x0f, 0x00, 0xd8}},
    {"sysexit", 2, {0x0f, 0x35}},
    {"in al", 2, {0xe4, 0x21}},
    {"out al", 2, {0xe6, 0x80}},
    {"insb", 1, {0x6c}},
    {"rep outsb", 2, {0xf3, 0x6e}},
};

void user_privileged_instructions_refused(void)
{
	for (uint32_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++) {
		struct trap_frame frame = user_state();
		const uint8_t *bytes = privileged[i].bytes;
		frame.ecx = 1;
		frame.edi = user_data();
		user_run_bytes(bytes, bytes + privileged[i].size, &frame);
		expect_equal(privileged[i].name, VECTOR_PROTECTION, frame.vector);
		expect_equal(privileged[i].name, 0, frame.error);
		expect_equal(privileged[i].name, user_text(), frame.eip);
	}
}

USER_PROGRAM(user_popf, "pushf\n\tpop %eax\n\txor %ebx, %eax\n\tpush %eax\n\tpopf\n\t"
                        "pushf\n\tpop %ecx");

/* popf in ring 3 leaves IF and IOPL as they are, without a word. */
void user_popf_keeps_interrupt_flag(void)
{
	struct trap_frame frame = user_state();

	frame.eflags = FLAG_RESERVED | FLAG_INTERRUPT;
	frame.ebx = FLAG_INTERRUPT | FLAG_IOPL | FLAG_CARRY | FLAG_ID;
	user_run(user_popf, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("flags seen", FLAG_RESERVED | FLAG_INTERRUPT | FLAG_CARRY | FLAG_ID,
	             frame.ecx);
	expect_equal("flags of the trap", FLAG_RESERVED | FLAG_INTERRUPT | FLAG_CARRY | FLAG_ID,
	             frame.eflags & ~FLAG_RESUME);
}

USER_PROGRAM(user_cli_sti, "cli\n\tpushf\n\tpop %eax\n\tsti\n\tpushf\n\tpop %ebx");

/* With IOPL 3 ring 3 may. */
void user_cli_by_privilege_level(void)
{
	struct trap_frame frame = user_state();

	frame.eflags = FLAG_RESERVED | FLAG_INTERRUPT | FLAG_IOPL;
	user_run(user_cli_sti, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("IF after cli", 0, frame.eax & FLAG_INTERRUPT);
	expect_equal("IF after sti", FLAG_INTERRUPT, frame.ebx & FLAG_INTERRUPT);
}

USER_PROGRAM(user_system_call, "1:\tint $0x80\n\tadd $100, %eax\n\tint $0x80\n\tjmp 1b");

/* A program that calls the kernel again and again, with results in registers. */
void system_calls(void)
{
	struct trap_frame frame = user_state();

	frame.eax = 1;
	user_run(user_system_call, &frame);
	for (uint32_t i = 0; i < 10; i++) {
		expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
		frame.eax += 1000;
		user_enter(&frame);
		frame.eax += 10000;
		user_enter(&frame);
	}
	expect_equal("EAX", 1 + 10 * 11100, frame.eax);
	expect_equal("EIP", user_text() + 2, frame.eip);
}

static volatile uint32_t user_interrupts, user_interrupt_stack;

static void stop_user_loop(struct trap_frame *frame)
{
	if (!frame_from_user(frame))
		return;
	user_interrupts++;
	user_interrupt_stack = (uint32_t)(uintptr_t)(frame + 1);
	if (user_interrupts == 5)
		frame->ebx = 1;
}

USER_PROGRAM(user_loop, "1:\tinc %eax\n\ttest %ebx, %ebx\n\tjz 1b");

/* A loop in ring 3 that only the timer's interrupts can end. */
void interrupts_in_user_mode(void)
{
	struct trap_frame frame = user_state();

	user_interrupts = 0;
	interrupt_hook = stop_user_loop;
	interrupt_unmask(INTERRUPT_TIMER);
	timer_periodic(1193);
	frame.eflags |= FLAG_INTERRUPT;
	user_run(user_loop, &frame);
	timer_once(UINT16_MAX);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_true("at least five interrupts", user_interrupts >= 5);
	expect_equal("on the stack of the TSS", trap_stack_top(), user_interrupt_stack);
	expect_true("the loop ran", frame.eax != 0);
}

USER_PROGRAM(user_read, "mov (%ebx), %eax");
USER_PROGRAM(user_write, "mov %eax, (%ebx)");
USER_PROGRAM(user_jump, "jmp *%ebx");

static void expect_user_page_fault(const char *what, const uint8_t *start, const uint8_t *end,
                                   uint32_t address, uint32_t error)
{
	struct trap_frame frame = user_state();

	frame.ebx = address;
	user_run_bytes(start, end, &frame);
	expect_equal(what, VECTOR_PAGE_FAULT, frame.vector);
	expect_equal(what, error, frame.error & ~PAGE_FAULT_INSTRUCTION);
	expect_equal(what, address, user_fault_address);
}

/* Nothing of the kernel can be reached: text, data, stack, tables, and the page tables. */
void user_cannot_reach_kernel(void)
{
	const uint32_t addresses[] = {
	    (uint32_t)(uintptr_t)user_cannot_reach_kernel,
	    (uint32_t)(uintptr_t)&features,
	    (uint32_t)(uintptr_t)gdt,
	    (uint32_t)(uintptr_t)idt,
	    (uint32_t)(uintptr_t)&main_task,
	    kernel_space.root & ~(PAGE_SIZE - 1),
	    identity_end() - 4,
	};

	for (uint32_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		uint32_t error = PAGE_FAULT_USER | PAGE_FAULT_PRESENT;
		expect_user_page_fault("read", user_read, user_read_end, addresses[i], error);
		expect_user_page_fault("write", user_write, user_write_end, addresses[i],
		                       error | PAGE_FAULT_WRITE);
		expect_user_page_fault("jump", user_jump, user_jump_end, addresses[i], error);
	}
}

/* Nothing is reached above the guest's own mappings either, where a host may keep what it needs. */
void user_cannot_reach_the_top(void)
{
	static const uint32_t addresses[] = {0xf5000000, 0xf57ff000, 0xf5800000, 0xfbfff000,
	                                     0xfc000000, 0xffc00000, 0xfffff000};

	for (uint32_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		expect_user_page_fault("read", user_read, user_read_end, addresses[i],
		                       PAGE_FAULT_USER);
		expect_user_page_fault("write", user_write, user_write_end, addresses[i],
		                       PAGE_FAULT_USER | PAGE_FAULT_WRITE);
	}
}

USER_PROGRAM(user_void, "");
USER_PROGRAM(user_segments, "mov %eax, %gs\n\tmov %gs:(%ebx), %ecx\n\tmov %gs, %edx");

/* A thread's own segment, changed by the kernel between two runs. */
void user_thread_segment(void)
{
	uint32_t selector = SELECTOR_SCRATCH + 6 * 8;

	for (uint32_t i = 0; i < 4; i++) {
		struct trap_frame frame = user_state();
		uint32_t base = user_data() + 16 * i;
		user_run(user_void, &frame);
		*(volatile uint32_t *)(uintptr_t)(base + 4) = 0x1000 + i;
		*gdt_entry((uint16_t)selector) =
		    descriptor(base, SEGMENT_LIMIT_MAX, ACCESS_DATA | ACCESS_DPL3, SEGMENT_FLAT);
		frame = user_state();
		frame.eax = selector | 3;
		frame.ebx = 4;
		user_run(user_segments, &frame);
		expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
		expect_equal("word", 0x1000 + i, frame.ecx);
		expect_equal("selector", selector | 3, frame.edx & 0xffff);
	}
}

/* The segment registers of ring 3 survive the kernel. */
void user_segments_survive_traps(void)
{
	struct trap_frame frame = user_state();
	uint32_t selector = gdt_scratch(
	    0, descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_DATA | ACCESS_DPL3, SEGMENT_FLAT));

	frame.gs = (uint16_t)(selector | 3);
	frame.fs = SELECTOR_USER_DATA;
	user_run(user_system_call, &frame);
	expect_equal("GS", selector | 3, frame.gs);
	expect_equal("FS", SELECTOR_USER_DATA, frame.fs);
	expect_equal("ES", SELECTOR_USER_DATA, frame.es);
	user_enter(&frame);
	expect_equal("GS after another call", selector | 3, frame.gs);
	expect_equal("FS after another call", SELECTOR_USER_DATA, frame.fs);
}
