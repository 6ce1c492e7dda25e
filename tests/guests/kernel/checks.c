/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/checks.h"

#include "tests/guests/kernel/boot_information.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

struct check {
	void (*run)(void);
	const char *name;
	uint32_t needs; /* a bit a need */
};

#define N(need) (1u << NEED_##need)
#define NOTHING 0u

static const struct check checks[] = {
#define CHECK(function, name, needs) {function, name, needs},
#include "tests/guests/checks.def"
#undef CHECK
};

static const char *const need_words[] = {
#define NEED(name, word, there) word,
#include "tests/guests/kernel/needs.def"
#undef NEED
};

struct features features;
static uint32_t needs_there;

static void read_features(void)
{
	uint32_t last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;

	features.leaf1 = cpuid(1, 0);
	if (last >= 7)
		features.leaf7 = cpuid(7, 0);
	if (last_extended >= 0x80000001 && last_extended < 0x80010000)
		features.extended1 = cpuid(0x80000001, 0);
	if (last_extended >= 0x80000008 && last_extended < 0x80010000)
		features.extended8 = cpuid(0x80000008, 0);
}

/* Whether `word` is among the words of `list`, which has commas between them. */
static bool listed(const char *list, const char *word)
{
	while (*list) {
		char after = string_starts(list, word) ? list[string_length(word)] : 'x';
		if (after == ',' || after == '\0')
			return true;
		while (*list && *list++ != ',')
			;
	}
	return false;
}

static void find_needs(void)
{
	char without[256] = "";

	boot_option("without", without, sizeof(without));
#define NEED(name, word, there)                                                                    \
	if ((there) && !listed(without, word))                                                     \
		needs_there |= N(name);
#include "tests/guests/kernel/needs.def"
#undef NEED
}

/* Whatever a check left behind, the next one begins with the same machine. */
static void restore(void)
{
	interrupts_off();
	write_flags(FLAG_RESERVED);
	trap_hook = NULL;
	interrupt_hook = NULL;
	user_way = trap_return;
	fault_clear();
	descriptors_restore();
	interrupts_restore();
	memory_restore();
}

/* What a check must leave as it found it, with the exception of what restore() clears. */
struct machine_state {
	uint32_t cr0, cr3, cr4, flags;
	struct table_pointer gdt, idt;
	uint32_t code, stack, data, extra, ldt, task;
};

static struct machine_state machine_state(void)
{
	struct machine_state state = {
	    .cr0 = read_cr0(), .cr3 = read_cr3(), .cr4 = read_cr4(), .flags = read_flags()};

	asm volatile("sgdt %0\n\tsidt %1" : "=m"(state.gdt), "=m"(state.idt));
	asm volatile("mov %%cs, %0\n\tmov %%ss, %1\n\tmov %%ds, %2\n\tmov %%es, %3"
	             : "=r"(state.code), "=r"(state.stack), "=r"(state.data), "=r"(state.extra));
	asm volatile("sldt %0\n\tstr %1" : "=r"(state.ldt), "=r"(state.task));
	state.flags &= ~FLAGS_STATUS;
	return state;
}

static void compare(const struct machine_state *before, const struct machine_state *after)
{
	expect_equal("CR0 at the end", before->cr0 & ~CR0_TS, after->cr0 & ~CR0_TS);
	expect_equal("CR3 at the end", before->cr3, after->cr3);
	expect_equal("CR4 at the end", before->cr4, after->cr4);
	expect_equal("flags at the end", before->flags, after->flags);
	expect_equal("GDT base at the end", before->gdt.base, after->gdt.base);
	expect_equal("GDT limit at the end", before->gdt.limit, after->gdt.limit);
	expect_equal("IDT base at the end", before->idt.base, after->idt.base);
	expect_equal("IDT limit at the end", before->idt.limit, after->idt.limit);
	expect_equal("CS at the end", before->code, after->code);
	expect_equal("SS at the end", before->stack, after->stack);
	expect_equal("DS at the end", before->data, after->data);
	expect_equal("ES at the end", before->extra, after->extra);
	expect_equal("TR at the end", before->task & 0xffff, after->task & 0xffff);
}

static void run(const struct check *check)
{
	uint32_t missing = check->needs & ~needs_there;

	report_begin(check->name);
	if (missing) {
		skip(need_words[__builtin_ctz(missing)]);
	} else {
		struct machine_state before = machine_state();
		check->run();
		struct machine_state after = machine_state();
		compare(&before, &after);
		restore();
	}
	report_end();
}

void checks_run(void)
{
	read_features();
	find_needs();
	restore();
	for (uint32_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		run(&checks[i]);
}
