/* SPDX-License-Identifier: BSD-2-Clause */

/* int n for every vector, int3, into, int1, and the gates they go through. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

/* 256 functions of 4 bytes: int $n; ret; nop. */
asm("\t.pushsection .text\n"
    "\t.balign 16\n"
    "\t.type software_interrupts, @function\n"
    "software_interrupts:\n"
    "\t.set number, 0\n"
    "\t.rept 256\n"
    "\t.byte 0xcd, number\n\tret\n\tnop\n"
    "\t.set number, number + 1\n"
    "\t.endr\n"
    "\t.size software_interrupts, . - software_interrupts\n"
    "\t.popsection");
extern const uint8_t software_interrupts[];

static volatile uint32_t seen_vector, seen_address, seen_code, seen_flags, seen_count;

static bool note(struct trap_frame *frame)
{
	seen_vector = frame->vector;
	seen_address = frame->eip;
	seen_code = frame->cs;
	seen_flags = frame->eflags;
	seen_count++;
	return true;
}

static void catch_software_interrupts(void)
{
	for (uint32_t vector = 0; vector < IDT_ENTRIES; vector++)
		idt_set(vector, software_trap_stubs);
	trap_hook = note;
	seen_count = 0;
}

void int_n_of_every_vector(void)
{
	catch_software_interrupts();
	for (uint32_t vector = 0; vector < IDT_ENTRIES; vector++) {
		const uint8_t *code = software_interrupts + 4 * vector;
		((void (*)(void))(uintptr_t)code)();
		if (!expect_equal("vector", vector, seen_vector))
			break;
		expect_equal("address behind it", (uint32_t)(uintptr_t)(code + 2), seen_address);
		expect_equal("CS", SELECTOR_KERNEL_CODE, seen_code);
	}
	expect_equal("interrupts", IDT_ENTRIES, seen_count);
}

INSTRUCTION(code_int, "int $0x91");

void int_n_changes_nothing(void)
{
	catch_software_interrupts();
	expect_only_changes("int", code_int, CHANGES_NONE, 0);
}

/* The forms of one byte. */
void int3_and_into(void)
{
	catch_software_interrupts();
	asm volatile("int3" : : : "memory");
	expect_equal("int3", VECTOR_BREAKPOINT, seen_vector);
	asm volatile("mov $0x7fffffff, %%eax\n\tadd $1, %%eax\n\tinto" : : : "eax", "memory", "cc");
	expect_equal("into with OF", VECTOR_OVERFLOW, seen_vector);
	uint32_t count = seen_count;
	asm volatile("xor %%eax, %%eax\n\tinto" : : : "eax", "memory", "cc");
	expect_equal("into without OF", count, seen_count);
}

static bool note_and_pass(struct trap_frame *frame)
{
	seen_vector = frame->vector;
	if (frame->vector == VECTOR_INVALID_OPCODE)
		frame->eip++;
	return true;
}

/* int1 raises #DB whatever the gate's DPL; emulators that do not know it raise #UD. */
void int1_raises_debug_exception(void)
{
	trap_hook = note_and_pass;
	asm volatile(".byte 0xf1" : : : "memory");
	expect_true("#DB or #UD",
	            seen_vector == VECTOR_DEBUG || seen_vector == VECTOR_INVALID_OPCODE);
}

/* An interrupt gate clears IF, a trap gate leaves it. */
void gates_and_interrupt_flag(void)
{
	uint32_t offset = (uint32_t)(uintptr_t)(trap_stubs + TRAP_STUB_SIZE * 0x90);
	uint32_t after;

	trap_hook = note;
	asm volatile("sti\n\tint $0x90\n\tpushf\n\tcli\n\tpop %0" : "=r"(after) : : "memory");
	expect_equal("interrupt gate: IF in the frame", FLAG_INTERRUPT,
	             seen_flags & FLAG_INTERRUPT);
	expect_equal("interrupt gate: IF afterwards", FLAG_INTERRUPT, after & FLAG_INTERRUPT);
	idt[0x90] = gate(SELECTOR_KERNEL_CODE, offset, ACCESS_TRAP, 0);
	asm volatile("sti\n\tint $0x90\n\tpushf\n\tcli\n\tpop %0" : "=r"(after) : : "memory");
	expect_equal("trap gate: IF in the frame", FLAG_INTERRUPT, seen_flags & FLAG_INTERRUPT);
	expect_equal("trap gate: IF afterwards", FLAG_INTERRUPT, after & FLAG_INTERRUPT);
}

asm("\t.pushsection .text\n"
    "\t.type gate_handler, @function\n"
    "gate_handler:\n"
    "\tpushf\n\tpopl flags_in_handler\n\tiret\n\tud2\n"
    "\t.size gate_handler, . - gate_handler\n"
    "\t.popsection");
extern void gate_handler(void);
static volatile uint32_t flags_in_handler;

void gates_and_flags_inside(void)
{
	uint32_t offset = (uint32_t)(uintptr_t)gate_handler;

	idt[0x90] = gate(SELECTOR_KERNEL_CODE, offset, ACCESS_INTERRUPT, 0);
	asm volatile("sti\n\tint $0x90\n\tcli" : : : "memory");
	expect_equal("IF behind an interrupt gate", 0, flags_in_handler & FLAG_INTERRUPT);
	idt[0x90] = gate(SELECTOR_KERNEL_CODE, offset, ACCESS_TRAP, 0);
	asm volatile("sti\n\tint $0x90\n\tcli" : : : "memory");
	expect_equal("IF behind a trap gate", FLAG_INTERRUPT, flags_in_handler & FLAG_INTERRUPT);
	asm volatile("push %0\n\tpopf\n\tint $0x90\n\tpush %1\n\tpopf"
	             :
	             : "r"(FLAG_RESERVED | FLAG_NESTED), "r"(FLAG_RESERVED)
	             : "memory", "cc");
	expect_equal("NT behind a gate", 0, flags_in_handler & FLAG_NESTED);
}

void gate_not_present_faults(void)
{
	idt[0x90] &= ~((uint64_t)ACCESS_PRESENT << 40);
	fault_clear();
	asm volatile(MAY_FAULT("int $0x90") : : : "memory");
	expect_fault("int", VECTOR_NOT_PRESENT, 0x90 * 8 + 2);
}

static const uint8_t int_program[] = {0xcd, 0x00};

/* The vectors of the interrupt controllers, too, end the run here. */
static bool leave_user_mode(struct trap_frame *frame)
{
	if (frame_from_user(frame))
		user_leave(frame);
	return false;
}

/* From ring 3: gates of DPL 3 work for every vector, gates of DPL 0 raise #GP. */
void int_n_from_user_mode(void)
{
	trap_hook = leave_user_mode;
	for (uint32_t vector = 0; vector < IDT_ENTRIES; vector++) {
		uint8_t program[2] = {int_program[0], (uint8_t)vector};
		struct trap_frame frame = user_state();
		idt_set(vector, software_trap_stubs);
		idt[vector] |= (uint64_t)ACCESS_DPL3 << 40;
		user_run_bytes(program, program + 2, &frame);
		idt_set(vector, trap_stubs);
		if (!expect_equal("vector", vector, frame.vector))
			return;
		expect_equal("address behind it", user_text() + 2, frame.eip);
		expect_equal("CS", SELECTOR_USER_CODE, frame.cs);
	}
}

void int_n_from_user_mode_refused(void)
{
	for (uint32_t vector = 0; vector < IDT_ENTRIES; vector++) {
		uint8_t program[2] = {int_program[0], (uint8_t)vector};
		struct trap_frame frame = user_state();
		if (vector == VECTOR_SYSTEM_CALL)
			continue;
		user_run_bytes(program, program + 2, &frame);
		if (!expect_equal("vector", VECTOR_PROTECTION, frame.vector))
			return;
		expect_equal("error code", vector * 8 + 2, frame.error);
		expect_equal("address", user_text(), frame.eip);
	}
}
