/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/report.h"

#include "tests/guests/kernel/console.h"
#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/traps.h"

/* qemu's isa-debug-exit and what is written to it: tools/boot. */
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_PASS 0x10
#define DEBUG_EXIT_FAIL 0x11

static const char *check_name, *check_skipped;
static uint32_t check_number, failures;
static bool check_failed;

/* The line's start is printed by the first thing that went wrong, and only by that. */
static bool first_failure(const char *what)
{
	if (check_failed)
		return false;
	check_failed = true;
	print("not ok %u - %s: %s: ", check_number, check_name, what);
	return true;
}

bool expect_equal(const char *what, uint32_t wanted, uint32_t got)
{
	if (wanted == got)
		return true;
	if (first_failure(what))
		print("expected 0x%x, got 0x%x\n", wanted, got);
	return false;
}

bool expect_true(const char *what, bool so)
{
	if (!so && first_failure(what))
		print("expected, got the contrary\n");
	return so;
}

bool expect_fault(const char *what, uint32_t vector, uint32_t error)
{
	if (fault.taken && fault.vector == vector && fault.error == error)
		return true;
	if (first_failure(what)) {
		print("expected vector %u with error code 0x%x, got ", vector, error);
		if (fault.taken)
			print("vector %u with 0x%x\n", fault.vector, fault.error);
		else
			print("no fault\n");
	}
	return false;
}

bool expect_no_fault(const char *what)
{
	if (!fault.taken)
		return true;
	if (first_failure(what))
		print("expected no fault, got vector %u with error code 0x%x\n", fault.vector,
		      fault.error);
	return false;
}

void skip(const char *reason)
{
	check_skipped = reason;
}

bool failed(void)
{
	return check_failed;
}

void report_begin(const char *name)
{
	check_number++;
	check_name = name;
	check_skipped = NULL;
	check_failed = false;
}

void report_end(void)
{
	if (check_failed) {
		failures++;
		return;
	}
	print("ok %u - %s", check_number, check_name);
	if (check_skipped)
		print(" # SKIP %s", check_skipped);
	print("\n");
}

bool report_verdict(void)
{
	print("1..%u\n", check_number);
	print(failures ? "FAIL\n" : "PASS\n");
	return failures == 0;
}

void end_guest(bool passed)
{
	out_byte(DEBUG_EXIT_PORT, passed ? DEBUG_EXIT_PASS : DEBUG_EXIT_FAIL);
	for (;;)
		asm volatile("cli\n\thlt");
}

static void panic_end(void)
{
	print("  in check %u, %s\n", check_number, check_name ? check_name : "none yet");
	end_guest(false);
}

void panic(const char *reason)
{
	interrupts_off();
	print("PANIC: %s\n", reason);
	panic_end();
	__builtin_unreachable();
}

void panic_trap(const struct trap_frame *frame, uint32_t cr2)
{
	print("PANIC: vector %u error code 0x%x at 0x%x:0x%x\n", frame->vector, frame->error,
	      frame->cs, frame->eip);
	print("  eax 0x%x ecx 0x%x edx 0x%x ebx 0x%x\n", frame->eax, frame->ecx, frame->edx,
	      frame->ebx);
	print("  ebp 0x%x esi 0x%x edi 0x%x frame 0x%x\n", frame->ebp, frame->esi, frame->edi,
	      (uint32_t)(uintptr_t)frame);
	print("  eflags 0x%x cr0 0x%x cr2 0x%x cr3 0x%x cr4 0x%x\n", frame->eflags, read_cr0(), cr2,
	      read_cr3(), read_cr4());
	print("  ds 0x%x es 0x%x fs 0x%x gs 0x%x\n", frame->ds, frame->es, frame->fs, frame->gs);
	if (frame_from_user(frame))
		print("  user ss 0x%x esp 0x%x\n", frame->user_ss, frame->user_esp);
	panic_end();
	__builtin_unreachable();
}
