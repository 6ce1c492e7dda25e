/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/panic.h"
#include "rom/platform/xen/console.h"
#include "rom/platform/xen/shutdown.h"
#include "rom/platform/xen/trace.h"

#define TRACE_SHOWN 16

static void print_frame(const struct rom_frame *frame)
{
	static const char *const whose[] = {"Xen's", "the ROM's", "the guest's", "the user's"};

	print("postburn: %s registers: trap %x error %x\n", whose[frame_ring(frame)], frame->vector,
	      frame->error);
	print("  eax %x ebx %x ecx %x edx %x\n", frame->eax, frame->ebx, frame->ecx, frame->edx);
	print("  esi %x edi %x ebp %x ds %x es %x\n", frame->esi, frame->edi, frame->ebp, frame->ds,
	      frame->es);
	print("  cs:eip %x:%x flags %x", frame->cs, frame->eip, frame->eflags);
	if (frame_ring(frame) == RING_ROM)
		print(" esp %x\n", (uint32_t)&frame->esp);
	else
		print(" ss:esp %x:%x\n", frame->ss, frame->esp);
}

/* What is above the frame on the ROM's stack: return addresses, and the guest's frame at its end.
 */
static void print_stack(const struct rom_frame *frame)
{
	extern const uint32_t rom_stack_end[];
	const uint32_t *word = &frame->esp;

	print("postburn: the ROM's stack from %x:", (uint32_t)word);
	for (int i = 0; i < 48 && word < rom_stack_end; i++)
		print("%s%x", i % 8 == 0 ? "\n  " : " ", *word++);
	print("\n");
}

void panic(const struct rom_frame *frame, const char *why)
{
	static int entered;

	if (entered++ == 0) {
		print("\npostburn: panic: %s\n", why);
		if (frame) {
			print_frame(frame);
			if (frame_ring(frame) == RING_ROM)
				print_stack(frame);
		}
		trace_print(TRACE_SHOWN);
	}
	shut_down(SHUTDOWN_crash);
}

void describe(const struct rom_frame *frame, const char *what)
{
	print("\npostburn: %s\n", what);
	print_frame(frame);
	trace_print(TRACE_SHOWN);
}

void panic_numbers(const char *why, uint32_t first, uint32_t second)
{
	print("\npostburn: %s: %x %x\n", why, first, second);
	panic(NULL, why);
}
