/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/trace.h"
#include "rom/platform/xen/call_site.h"
#include "rom/platform/xen/console.h"

#define TRACE_SIZE 64 /* a power of two */

struct trace_entry {
	uint16_t vector;
	uint16_t cs;
	uint32_t error, eip, eflags, esp;
	uint32_t eax, ecx, edx;
	uint32_t cr2; /* of page faults, else the word above the return address of a call */
};

static struct trace_entry entries[TRACE_SIZE];
static uint32_t next;

void trace_frame(const struct rom_frame *frame, uint32_t cr2)
{
	struct trace_entry *entry = &entries[next++ % TRACE_SIZE];

	entry->vector = (uint16_t)frame->vector;
	entry->cs = (uint16_t)frame->cs;
	entry->error = frame->error;
	entry->eip = frame->eip;
	entry->eflags = frame->eflags;
	entry->esp = frame_ring(frame) == RING_ROM ? (uint32_t)frame : frame->esp;
	entry->eax = frame->eax;
	entry->ecx = frame->ecx;
	entry->edx = frame->edx;
	entry->cr2 = cr2;
}

static void print_entry(const struct trace_entry *entry)
{
	int call = (entry->cs & 3) == RING_GUEST && entry->vector == CALL_VECTOR
	               ? call_number(entry->eip)
	               : -1;

	if (call >= 0)
		print("  call %s", call_name((unsigned int)call));
	else if (entry->vector == FRAME_VECTOR_EVENT)
		print("  event");
	else
		print("  trap %b error %x cr2 %x", entry->vector, entry->error, entry->cr2);
	print(" at %x:%x flags %x esp %x eax %x ecx %x edx %x\n", entry->cs, entry->eip,
	      entry->eflags, entry->esp, entry->eax, entry->ecx, entry->edx);
}

void trace_print(unsigned int count)
{
	if (count > TRACE_SIZE)
		count = TRACE_SIZE;
	if (count > next)
		count = next;
	print("postburn: the last %u calls, traps and events:\n", count);
	for (unsigned int i = count; i > 0; i--)
		print_entry(&entries[(next - i) % TRACE_SIZE]);
}
