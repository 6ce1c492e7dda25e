/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/traps.h"

#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/user.h"

struct exception_entry {
	int32_t instruction, fixup; /* each relative to itself */
	uint32_t type;
};

extern const struct exception_entry exception_table_start[], exception_table_end[];

volatile struct fault fault;
bool (*trap_hook)(struct trap_frame *frame);
void (*interrupt_hook)(struct trap_frame *frame);
uint32_t stack_segment_base;

void trap(struct trap_frame *frame);

static uint32_t exception_count(void)
{
	uintptr_t size = (uintptr_t)exception_table_end - (uintptr_t)exception_table_start;

	return size / sizeof(struct exception_entry);
}

static uint32_t relative(const int32_t *word)
{
	return (uint32_t)(uintptr_t)word + (uint32_t)*word;
}

bool exception_table_sorted(void)
{
	const struct exception_entry *table = exception_table_start;

	for (uint32_t i = 1; i < exception_count(); i++)
		if (relative(&table[i - 1].instruction) >= relative(&table[i].instruction))
			return false;
	return true;
}

/* Goes on at the fixup of the instruction that faulted, if it has one. */
static bool recover(struct trap_frame *frame, uint32_t cr2)
{
	const struct exception_entry *entry = exception_table_start;

	for (uint32_t count = exception_count(); count; count--, entry++) {
		if (relative(&entry->instruction) != frame->eip)
			continue;
		fault.taken = true;
		fault.vector = frame->vector;
		fault.error = frame->error;
		fault.eip = frame->eip;
		fault.cr2 = cr2;
		frame->eip = relative(&entry->fixup);
		return true;
	}
	return false;
}

/* Called by trap_entry.S for every trap, interrupts off. */
void trap(struct trap_frame *frame)
{
	uint32_t vector = frame->vector;
	uint32_t cr2 = vector == VECTOR_PAGE_FAULT ? read_cr2() : 0;

	if (trap_hook && trap_hook(frame))
		return;
	if (vector >= VECTOR_INTERRUPTS && vector < VECTOR_INTERRUPTS + INTERRUPT_LINES) {
		interrupt_handle(vector - VECTOR_INTERRUPTS);
		if (interrupt_hook)
			interrupt_hook(frame);
		return;
	}
	if (frame_from_user(frame) && user_frame) {
		user_fault_address = cr2;
		user_leave(frame);
	}
	if (!frame_from_user(frame) && recover(frame, cr2))
		return;
	panic_trap(frame, cr2);
}
