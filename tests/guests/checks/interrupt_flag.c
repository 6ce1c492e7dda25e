/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The interrupt flag: cli, sti, pushf, popf, and what they do to an interrupt that is pending.
 * Outside ring 0 these instructions fault (cli, sti with IOPL 0) or do something else without a
 * word (pushf shows IF set, popf does not change it).
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

INSTRUCTION(code_cli, "cli");
INSTRUCTION(code_sti, "sti");
INSTRUCTION(code_sti_twice, "sti\n\tsti");
INSTRUCTION(code_pushf_popf, "pushf\n\tpopf");
INSTRUCTION(code_pushfw_popfw, "pushfw\n\tpopfw");
INSTRUCTION(code_irq_save_restore, "pushf\n\tcli\n\tpopf");

void pushf_shows_interrupt_flag(void)
{
	uint32_t off, on;

	asm volatile("cli\n\tpushf\n\tpop %0" : "=r"(off) : : "memory", "cc");
	asm volatile("sti\n\tpushf\n\tpop %0\n\tcli" : "=r"(on) : : "memory", "cc");
	expect_equal("IF after cli", 0, off & FLAG_INTERRUPT);
	expect_equal("IF after sti", FLAG_INTERRUPT, on & FLAG_INTERRUPT);
	expect_equal("flags but IF", off | FLAG_INTERRUPT, on);
}

void pushfw_shows_interrupt_flag(void)
{
	uint16_t off, on;
	uint32_t before, after;

	asm volatile("mov %%esp, %1\n\tcli\n\tpushfw\n\tpopw %0\n\tmov %%esp, %2"
	             : "=r"(off), "=&r"(before), "=&r"(after)
	             :
	             : "memory", "cc");
	asm volatile("sti\n\tpushfw\n\tpopw %0\n\tcli" : "=r"(on) : : "memory", "cc");
	expect_equal("IF after cli", 0, off & FLAG_INTERRUPT);
	expect_equal("IF after sti", FLAG_INTERRUPT, on & FLAG_INTERRUPT);
	expect_equal("ESP", before, after);
}

void popf_changes_interrupt_flag(void)
{
	write_flags(FLAG_RESERVED | FLAG_INTERRUPT);
	uint32_t on = read_flags();
	write_flags(FLAG_RESERVED);
	uint32_t off = read_flags();

	expect_equal("flags after popf with IF", FLAG_RESERVED | FLAG_INTERRUPT, on);
	expect_equal("flags after popf without IF", FLAG_RESERVED, off);
}

void popfw_changes_interrupt_flag(void)
{
	uint32_t on, off, before;

	asm volatile("pushw %w1\n\tpopfw\n\tpushf\n\tpop %0\n\tcli"
	             : "=r"(on)
	             : "r"(FLAG_RESERVED | FLAG_INTERRUPT)
	             : "memory", "cc");
	asm volatile("sti\n\tpushf\n\tpop %0\n\t"
	             "pushw %w2\n\tpopfw\n\tpushf\n\tpop %1\n\tcli"
	             : "=&r"(before), "=r"(off)
	             : "r"(FLAG_RESERVED)
	             : "memory", "cc");
	expect_equal("IF after sti", FLAG_INTERRUPT, before & FLAG_INTERRUPT);
	expect_equal("flags after popfw with IF", FLAG_RESERVED | FLAG_INTERRUPT, on);
	expect_equal("flags after popfw without IF", FLAG_RESERVED, off);
}

/* popf loads every flag that ring 0 may load: SDM vol. 2, POPF, table 4-16. */
void popf_loads_all_flags(void)
{
	static const uint32_t flags[] = {FLAG_CARRY,     FLAG_PARITY,   FLAG_ADJUST,   FLAG_ZERO,
	                                 FLAG_SIGN,      FLAG_OVERFLOW, FLAG_IOPL,     FLAG_NESTED,
	                                 FLAG_ALIGNMENT, FLAG_ID,       FLAG_DIRECTION};

	for (uint32_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		uint32_t got;
		asm volatile("push %1\n\tpopf\n\tpushf\n\tcld\n\tpop %0"
		             : "=r"(got)
		             : "r"(FLAG_RESERVED | flags[i])
		             : "memory", "cc");
		expect_equal("flags", FLAG_RESERVED | flags[i], got);
	}
	write_flags(FLAG_RESERVED);
}

/* RF and VM are not loaded by popf, and shown as 0 by pushf. */
void popf_ignores_resume_and_vm86(void)
{
	write_flags(FLAG_RESERVED | FLAG_RESUME | FLAG_VM86);
	expect_equal("flags", FLAG_RESERVED, read_flags());
}

static void expect_interrupt_flag(const char *name, void (*code)(void), bool before, bool after)
{
	struct registers registers = {.eflags = FLAG_RESERVED | (before ? FLAG_INTERRUPT : 0)};

	run_with_registers(&registers, code);
	expect_equal(name, FLAG_RESERVED | (after ? FLAG_INTERRUPT : 0), registers.eflags);
}

void interrupt_flag_only(void)
{
	expect_interrupt_flag("IF after cli", code_cli, true, false);
	expect_interrupt_flag("IF after sti", code_sti, false, true);
	expect_interrupt_flag("IF after pushf; cli; popf", code_irq_save_restore, true, true);
	expect_only_changes("cli", code_cli, CHANGES_NONE, FLAG_INTERRUPT);
	expect_only_changes("sti", code_sti, CHANGES_NONE, FLAG_INTERRUPT);
	expect_only_changes("sti; sti", code_sti_twice, CHANGES_NONE, FLAG_INTERRUPT);
	expect_only_changes("pushf; popf", code_pushf_popf, CHANGES_NONE, 0);
	expect_only_changes("pushfw; popfw", code_pushfw_popfw, CHANGES_NONE, 0);
	expect_only_changes("pushf; cli; popf", code_irq_save_restore, CHANGES_NONE, 0);
}

void cli_holds_interrupts_back(void)
{
	if (!timer_make_pending())
		return;
	for (volatile uint32_t i = 0; i < 1000; i++)
		;
	expect_equal("interrupts with IF 0", 0, timer_count());
	asm volatile("sti\n\tnop\n\tcli" : : : "memory");
	expect_equal("interrupts after sti; nop", 1, timer_count());
}

/* After sti, one more instruction runs before an interrupt: SDM vol. 2, STI. */
void sti_shadow(void)
{
	if (!timer_make_pending())
		return;
	asm volatile("sti\n\tcli" : : : "memory");
	expect_equal("interrupts after sti; cli", 0, timer_count());
	asm volatile("sti\n\tnop\n\tcli" : : : "memory");
	expect_equal("interrupts after sti; nop; cli", 1, timer_count());
}

/* A second sti casts no shadow of its own. */
void sti_shadow_once(void)
{
	if (!timer_make_pending())
		return;
	asm volatile("sti\n\tsti\n\tcli" : : : "memory");
	expect_equal("interrupts after sti; sti; cli", 1, timer_count());
}

static volatile uint32_t shadow_stack_kept;

static void note_return_address(struct trap_frame *frame)
{
	shadow_stack_kept = frame->eip;
}

/* `sti; ret` returns before the interrupt comes, so that callers unwind one by one. */
void sti_ret_shadow(void)
{
	uint32_t after;

	if (!timer_make_pending())
		return;
	interrupt_hook = note_return_address;
	asm volatile("call 1f\n"
	             "2:\tnop\n\tnop\n\tnop\n\tnop\n\tcli\n\t"
	             "jmp 3f\n"
	             "1:\tsti\n\tret\n"
	             "3:\tmov $2b, %0"
	             : "=r"(after)
	             :
	             : "memory");
	expect_equal("interrupts", 1, timer_count());
	expect_equal("address interrupted", after, shadow_stack_kept);
}

void popf_delivers_at_once(void)
{
	if (!timer_make_pending())
		return;
	asm volatile("push %0\n\tpopf\n\tcli"
	             :
	             : "r"(FLAG_RESERVED | FLAG_INTERRUPT)
	             : "memory", "cc");
	expect_equal("interrupts after popf; cli", 1, timer_count());
}

/* The usual critical section, with an interrupt that comes inside it. */
void popf_ends_critical_section(void)
{
	uint32_t flags, inside;

	asm volatile("sti\n\tnop\n\tpushf\n\tpop %0\n\tcli" : "=r"(flags) : : "memory");
	bool pending = timer_make_pending();
	inside = timer_count();
	write_flags(flags);
	asm volatile("nop\n\tcli" : : : "memory");
	expect_true("pending", pending);
	expect_equal("interrupts inside", 0, inside);
	expect_equal("interrupts after", 1, timer_count());
}

static volatile uint32_t flags_inside, flags_pushed;

static void note_flags(struct trap_frame *frame)
{
	flags_inside = read_flags();
	flags_pushed = frame->eflags;
}

/* In the handler IF is 0, in the frame it is 1, afterwards 1 again. */
void interrupt_frame_shows_flag(void)
{
	uint32_t after;

	if (!timer_make_pending())
		return;
	interrupt_hook = note_flags;
	asm volatile("sti\n\tnop\n\tpushf\n\tpop %0\n\tcli" : "=r"(after) : : "memory");
	expect_equal("interrupts", 1, timer_count());
	expect_equal("IF in the handler", 0, flags_inside & FLAG_INTERRUPT);
	expect_equal("IF in its frame", FLAG_INTERRUPT, flags_pushed & FLAG_INTERRUPT);
	expect_equal("IF afterwards", FLAG_INTERRUPT, after & FLAG_INTERRUPT);
}

static void leave_interrupts_off(struct trap_frame *frame)
{
	frame->eflags &= ~FLAG_INTERRUPT;
}

/* A handler may return with IF cleared in the frame. */
void handler_clears_interrupt_flag(void)
{
	uint32_t after;

	if (!timer_make_pending())
		return;
	interrupt_hook = leave_interrupts_off;
	asm volatile("sti\n\tnop\n\tpushf\n\tpop %0\n\tcli" : "=r"(after) : : "memory");
	expect_equal("interrupts", 1, timer_count());
	expect_equal("IF afterwards", 0, after & FLAG_INTERRUPT);
}

/* A flood of interrupts at every possible instruction of a loop that switches them on and off. */
void interrupts_in_a_loop(void)
{
	uint32_t sum = 0;

	interrupt_unmask(INTERRUPT_TIMER);
	timer_periodic(120);
	for (uint32_t i = 0; i < 20000 || timer_count() < 20; i++)
		asm volatile("pushf\n\tcli\n\tadd $1, %0\n\tpopf\n\tsti\n\tnop\n\tcli"
		             : "+r"(sum)
		             :
		             : "memory", "cc");
	timer_once(UINT16_MAX);
	expect_true("the loop ran", sum >= 20000);
}
