/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Page-table entries that the guest writes by a call. The shadow follows when the guest flushes, as
 * it follows writes that nobody patched; here the MMU is told, which saves a fault.
 */

#include "rom/mmu/mmu.h"
#include "rom/vcpu/calls.h"

#define ENTRY_PRESENT 1

/* hot_calls.S: bits of an address that say there is no entry's beginning. */
uint8_t note_not;

static void note(uint32_t linear, uint32_t value)
{
	if (!(value & ENTRY_PRESENT))
		return;
	if (mmu_notes.count == MMU_NOTES)
		mmu_take_notes();
	/* Halves of 64-bit entries are written too. */
	mmu_notes.linear[mmu_notes.count++] = vcpu.cr4 & CR4_PAE ? linear & ~7u : linear;
}

/* The stores are those of the instructions they stand for: high word first, or all at once. */
static bool write_entry(struct rom_frame *frame, uint32_t linear, uint32_t low,
                        const uint32_t *high)
{
	if ((high && !guest_write(linear + 4, high, 4)) || !guest_write(linear, &low, 4)) {
		call_memory_fault(frame);
		return false;
	}
	note(linear, low);
	return true;
}

static bool read_entry(struct rom_frame *frame, uint32_t linear, void *entry, uint32_t size)
{
	if (guest_read(linear, entry, size))
		return true;
	call_memory_fault(frame);
	return false;
}

void call_SetPxE(struct rom_frame *frame)
{
	write_entry(frame, frame->eax, frame->edx, 0);
}

void call_SetPxELong(struct rom_frame *frame)
{
	write_entry(frame, frame->ecx, frame->eax, &frame->edx);
}

void call_GetPxE(struct rom_frame *frame)
{
	uint32_t entry;

	if (read_entry(frame, frame->eax, &entry, 4))
		frame->eax = entry;
}

void call_GetPxELong(struct rom_frame *frame)
{
	uint32_t entry[2];

	if (read_entry(frame, frame->eax, entry, 8)) {
		frame->eax = entry[0];
		frame->edx = entry[1];
	}
}

/* One processor, events masked: nothing comes between reading and writing. */
void call_SwapPxE(struct rom_frame *frame)
{
	uint32_t old;

	if (read_entry(frame, frame->eax, &old, 4) && write_entry(frame, frame->eax, frame->edx, 0))
		frame->eax = old;
}

static void swap_long(struct rom_frame *frame, uint32_t linear, uint32_t low, uint32_t high)
{
	uint32_t old[2];

	if (read_entry(frame, linear, old, 8) && write_entry(frame, linear, low, &high)) {
		frame->eax = old[0];
		frame->edx = old[1];
	}
}

void call_SwapPxELongAtomic(struct rom_frame *frame)
{
	swap_long(frame, frame->ecx, frame->eax, frame->edx);
}

void call_DeactivatePxELongAtomic(struct rom_frame *frame)
{
	swap_long(frame, frame->eax, 0, 0);
}

void call_CompareSwapPxELong(struct rom_frame *frame)
{
	uint32_t old[2];

	if (!read_entry(frame, frame->esi, old, 8))
		return;
	frame->eflags &= ~EFLAGS_ZF;
	if (old[0] == frame->eax && old[1] == frame->edx) {
		if (!write_entry(frame, frame->esi, frame->ebx, &frame->ecx))
			return;
		frame->eflags |= EFLAGS_ZF;
	}
	frame->eax = old[0];
	frame->edx = old[1];
}

/* Sets or clears a bit of an entry; EAX becomes what it was. */
static void change_bit(struct rom_frame *frame, bool set)
{
	uint32_t at = frame->eax + (frame->edx >> 5 & 1) * 4;
	uint32_t bit = 1u << (frame->edx & 31);
	uint32_t word;

	if (!read_entry(frame, at, &word, 4))
		return;
	frame->eax = word & bit ? 1 : 0;
	word = set ? word | bit : word & ~bit;
	if (!guest_write(at, &word, 4))
		call_memory_fault(frame);
}

void call_TestAndSetPxEBit(struct rom_frame *frame)
{
	change_bit(frame, true);
}

void call_TestAndClearPxEBit(struct rom_frame *frame)
{
	change_bit(frame, false);
}

void call_TestAndSetPxELongBit(struct rom_frame *frame)
{
	change_bit(frame, true);
}

void call_TestAndClearPxELongBit(struct rom_frame *frame)
{
	change_bit(frame, false);
}

/* Shadow page tables need none of these. */
void call_AllocatePage(struct rom_frame *frame)
{
	(void)frame;
}

void call_ReleasePage(struct rom_frame *frame)
{
	(void)frame;
}

void call_SetLinearMapping(struct rom_frame *frame)
{
	(void)frame;
}
