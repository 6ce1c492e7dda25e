/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/registers.h"

#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"

#define STATES 4

/* Values that differ from each other and between states; each state has other flags. */
static struct registers pattern(uint32_t state)
{
	static const uint32_t flags[STATES] = {0, FLAGS_STATUS | FLAG_DIRECTION,
	                                       FLAG_CARRY | FLAG_SIGN | FLAG_ADJUST,
	                                       FLAG_ZERO | FLAG_PARITY | FLAG_OVERFLOW | FLAG_ID};
	uint32_t turn = state * 0x11111111;
	struct registers registers = {
	    .eax = 0xa1b2c3d4 ^ turn,
	    .ecx = 0x5c6d7e8f ^ turn,
	    .edx = 0x13579bdf ^ turn,
	    .ebx = 0x2468ace0 ^ turn,
	    .ebp = 0x89abcdef ^ turn,
	    .esi = 0x76543210 ^ turn,
	    .edi = 0xfedcba98 ^ turn,
	    .eflags = FLAG_RESERVED | flags[state],
	};

	return registers;
}

static void compare(const char *name, const struct registers *before, const struct registers *after,
                    uint32_t registers_changed, uint32_t flags_changed)
{
	const uint32_t *wanted = &before->eax, *got = &after->eax;

	for (uint32_t i = 0; i < 7; i++)
		if (!(registers_changed & 1u << i))
			expect_equal(name, wanted[i], got[i]);
	expect_equal(name, before->eflags & ~flags_changed, after->eflags & ~flags_changed);
}

void expect_only_changes(const char *name, void (*code)(void), uint32_t registers_changed,
                         uint32_t flags_changed)
{
	for (uint32_t state = 0; state < STATES; state++) {
		struct registers before = pattern(state), after = before;
		run_with_registers(&after, code);
		compare(name, &before, &after, registers_changed, flags_changed);
	}
}

void expect_only_changes_with(const char *name, void (*code)(void), const struct registers *given,
                              uint32_t registers_changed, uint32_t flags_changed)
{
	for (uint32_t state = 0; state < STATES; state++) {
		struct registers before = pattern(state);
		before.eax = given->eax;
		before.ecx = given->ecx;
		before.edx = given->edx;
		struct registers after = before;
		run_with_registers(&after, code);
		compare(name, &before, &after, registers_changed, flags_changed);
	}
}

void expect_register(const char *name, void (*code)(void), const struct registers *given,
                     enum register_number number, uint32_t wanted)
{
	struct registers registers = *given;
	uint32_t values[sizeof(registers) / sizeof(uint32_t)];

	registers.eflags |= FLAG_RESERVED;
	run_with_registers(&registers, code);
	memcpy(values, &registers, sizeof(values));
	expect_equal(name, wanted, values[number]);
}
