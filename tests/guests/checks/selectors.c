/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * lar, lsl, verr, verw, arpl: what the processor says of a selector. Their results depend on the
 * descriptor tables and on the ring.
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

INSTRUCTION(code_lar, "lar %ax, %ecx");
INSTRUCTION(code_lsl, "lsl %ax, %ecx");
INSTRUCTION(code_verr, "verr %ax");
INSTRUCTION(code_verw, "verw %ax");

/* A selector and what is to come out: rights of lar, limit of lsl, ZF of each instruction. */
struct selector_case {
	const char *what;
	uint32_t selector;
	uint32_t rights, limit;
	bool lar, lsl, verr, verw;
};

/* What the result's register holds before. */
#define UNTOUCHED 0x5a5a5a5au

#define RIGHTS(access, flags) ((uint32_t)(access) << 8 | (uint32_t)(flags) << 20)

/* ZF is clear before each of them. */

static bool lar(uint32_t selector, uint32_t *result)
{
	bool zero;

	*result = UNTOUCHED;
	asm volatile("test %%esp, %%esp\n\tlar %2, %0\n\tsete %1"
	             : "+r"(*result), "=q"(zero)
	             : "r"(selector)
	             : "cc");
	return zero;
}

static bool lsl(uint32_t selector, uint32_t *result)
{
	bool zero;

	*result = UNTOUCHED;
	asm volatile("test %%esp, %%esp\n\tlsl %2, %0\n\tsete %1"
	             : "+r"(*result), "=q"(zero)
	             : "r"(selector)
	             : "cc");
	return zero;
}

static bool verr(uint32_t selector)
{
	bool zero;

	asm volatile("test %%esp, %%esp\n\tverr %w1\n\tsete %0"
	             : "=q"(zero)
	             : "r"(selector)
	             : "cc");
	return zero;
}

static bool verw(uint32_t selector)
{
	bool zero;

	asm volatile("test %%esp, %%esp\n\tverw %w1\n\tsete %0"
	             : "=q"(zero)
	             : "r"(selector)
	             : "cc");
	return zero;
}

/* Bits 16 to 19 are undefined; the accessed bit is the processor's. SDM vol. 2, LAR. */
#define RIGHTS_DEFINED 0x00f0fe00u

static void try_case(const struct selector_case *one)
{
	uint32_t rights, limit;

	expect_equal(one->what, one->lar, lar(one->selector, &rights));
	if (one->lar)
		expect_equal(one->what, one->rights & RIGHTS_DEFINED, rights & RIGHTS_DEFINED);
	else
		expect_equal(one->what, UNTOUCHED, rights);
	expect_equal(one->what, one->lsl, lsl(one->selector, &limit));
	expect_equal(one->what, one->lsl ? one->limit : UNTOUCHED, limit);
	expect_equal(one->what, one->verr, verr(one->selector));
	expect_equal(one->what, one->verw, verw(one->selector));
}

static void try_cases(const struct selector_case *cases, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		try_case(&cases[i]);
}

void selectors_of_kernel_and_user(void)
{
	const uint32_t code = RIGHTS(ACCESS_CODE, SEGMENT_FLAT);
	const uint32_t data = RIGHTS(ACCESS_DATA, SEGMENT_FLAT);
	const uint32_t user = RIGHTS(ACCESS_DPL3, 0);
	const struct selector_case cases[] = {
	    {"kernel code", SELECTOR_KERNEL_CODE, code, ~0u, true, true, true, false},
	    {"kernel data", SELECTOR_KERNEL_DATA, data, ~0u, true, true, true, true},
	    {"user code", SELECTOR_USER_CODE, code | user, ~0u, true, true, true, false},
	    {"user data", SELECTOR_USER_DATA, data | user, ~0u, true, true, true, true},
	    {"kernel data, RPL 3", SELECTOR_KERNEL_DATA | 3, 0, 0, false, false, false, false},
	    {"null", 0, 0, 0, false, false, false, false},
	    {"null, RPL 3", 3, 0, 0, false, false, false, false},
	    {"beyond the GDT", GDT_ENTRIES * 8, 0, 0, false, false, false, false},
	    {"of no LDT", 8 | SELECTOR_LDT, 0, 0, false, false, false, false},
	};

	try_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

void selectors_of_system_descriptors(void)
{
	const uint32_t task_limit = sizeof(struct task) - 1;
	const struct selector_case cases[] = {
	    {"TSS", SELECTOR_TASK, RIGHTS(ACCESS_TASK | ACCESS_BUSY, 0), task_limit, true, true,
	     false, false},
	    {"call gate", gdt_scratch(0, gate(SELECTOR_KERNEL_CODE, 0, ACCESS_CALL_GATE, 0)),
	     RIGHTS(ACCESS_CALL_GATE, 0), 0, true, false, false, false},
	    {"LDT", gdt_scratch(1, descriptor(0x1000, 0x7f, ACCESS_LDT, 0)), RIGHTS(ACCESS_LDT, 0),
	     0x7f, true, true, false, false},
	    {"interrupt gate", gdt_scratch(2, gate(SELECTOR_KERNEL_CODE, 0, ACCESS_INTERRUPT, 0)),
	     0, 0, false, false, false, false},
	};

	try_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

void selectors_of_odd_segments(void)
{
	const struct selector_case cases[] = {
	    {"execute-only code", gdt_scratch(0, descriptor(0, 0x123, 0x98, SEGMENT_32BIT)),
	     RIGHTS(0x98, SEGMENT_32BIT), 0x123, true, true, false, false},
	    {"read-only data", gdt_scratch(1, descriptor(0, 0xabcde, 0x90, SEGMENT_32BIT)),
	     RIGHTS(0x90, SEGMENT_32BIT), 0xabcde, true, true, true, false},
	    {"limit in pages", gdt_scratch(2, descriptor(0, 0x12, 0x92, SEGMENT_FLAT)),
	     RIGHTS(0x92, SEGMENT_FLAT), 0x12fff, true, true, true, true},
	    {"conforming code, RPL 3", gdt_scratch(3, descriptor(0, 0x12, 0x9e, SEGMENT_FLAT)) | 3u,
	     RIGHTS(0x9e, SEGMENT_FLAT), 0x12fff, true, true, true, false},
	};

	try_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

void selectors_of_the_ldt(void)
{
	static uint64_t ldt[2];
	uint16_t ldt_selector =
	    gdt_scratch(0, descriptor((uint32_t)(uintptr_t)ldt, sizeof(ldt) - 1, ACCESS_LDT, 0));
	const uint32_t user = RIGHTS(ACCESS_DATA | ACCESS_DPL3, SEGMENT_FLAT);
	const struct selector_case cases[] = {
	    {"in it", 8 | SELECTOR_LDT | 3, user, ~0u, true, true, true, true},
	    {"beyond it", 16 | SELECTOR_LDT, 0, 0, false, false, false, false},
	    {"not present", 0 | SELECTOR_LDT, 0, 0, false, false, false, false},
	};

	ldt[1] = descriptor(0, SEGMENT_LIMIT_MAX, ACCESS_DATA | ACCESS_DPL3, SEGMENT_FLAT);
	asm volatile("lldt %w0" : : "r"((uint32_t)ldt_selector) : "memory");
	try_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

/* 16-bit and memory operands. */
void selector_checks_in_16_bits(void)
{
	uint32_t selector = SELECTOR_KERNEL_DATA, rights = UNTOUCHED, limit = UNTOUCHED;
	bool readable, writable;

	asm volatile("lar %w1, %w0" : "+r"(rights) : "r"(selector) : "cc");
	asm volatile("lsl %1, %w0" : "+r"(limit) : "m"(selector) : "cc");
	asm volatile("test %%esp, %%esp\n\tverr %1\n\tsete %0"
	             : "=q"(readable)
	             : "m"(selector)
	             : "cc");
	asm volatile("test %%esp, %%esp\n\tverw %1\n\tsete %0"
	             : "=q"(writable)
	             : "m"(selector)
	             : "cc");
	expect_equal("lar", (UNTOUCHED & 0xffff0000) | ACCESS_DATA << 8, rights & ~0x100u);
	expect_equal("lsl", (UNTOUCHED & 0xffff0000) | 0xffff, limit);
	expect_true("verr", readable);
	expect_true("verw", writable);
}

void selector_checks_change_only_zf(void)
{
	struct registers given = {.eax = SELECTOR_KERNEL_CODE};
	uint32_t rights, limit;

	expect_true("lar", lar(SELECTOR_KERNEL_CODE, &rights));
	expect_true("lsl", lsl(SELECTOR_KERNEL_CODE, &limit));
	expect_register("lar: ECX", code_lar, &given, ECX, rights);
	expect_register("lsl: ECX", code_lsl, &given, ECX, limit);
	expect_only_changes_with("lar", code_lar, &given, CHANGES_ECX, FLAG_ZERO);
	expect_only_changes_with("lsl", code_lsl, &given, CHANGES_ECX, FLAG_ZERO);
	expect_only_changes_with("verr", code_verr, &given, CHANGES_NONE, FLAG_ZERO);
	expect_only_changes_with("verw", code_verw, &given, CHANGES_NONE, FLAG_ZERO);
}

/* arpl raises an RPL to another one's: the same in every ring. */
void arpl_adjusts_rpl(void)
{
	uint32_t selector = 0x10, memory = 0x13;
	bool raised, kept;

	asm volatile("arpl %w2, %w0\n\tsete %1" : "+r"(selector), "=q"(raised) : "r"(3) : "cc");
	asm volatile("arpl %w2, %0\n\tsete %1" : "+m"(memory), "=q"(kept) : "r"(1) : "cc");
	expect_equal("selector raised", 0x13, selector);
	expect_equal("selector kept", 0x13, memory);
	expect_true("ZF set", raised);
	expect_true("ZF cleared", !kept);
}
