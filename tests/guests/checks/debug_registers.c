/* SPDX-License-Identifier: BSD-2-Clause */

/* Debug registers, breakpoints, single steps. Source: SDM vol. 3, 18.2 and 18.3. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define DR6_DEFAULT      0xffff0ff0u
#define DR6_STEP         0x00004000u
#define DR7_DEFAULT      0x00000400u
#define DR7_LOCAL0       0x00000001u
#define DR7_GLOBAL_EXACT 0x00000200u
#define DR7_EXECUTE      0x00000000u /* breakpoint 0 */
#define DR7_WRITE4       0x000d0000u /* breakpoint 0: writes of 4 bytes */

#define WRITE_DEBUG(number, value)                                                                 \
	asm volatile("mov %0, %%dr" #number : : "r"((uint32_t)(value)) : "memory")
#define READ_DEBUG(number)                                                                         \
	({                                                                                         \
		uint32_t value_ = POISON;                                                          \
		asm volatile("mov %%dr" #number ", %0" : "+r"(value_) : : "memory");               \
		value_;                                                                            \
	})

INSTRUCTION(code_mov_dr0_ecx, "mov %dr0, %ecx");
INSTRUCTION(code_mov_dr7_ebp, "mov %dr7, %ebp");
INSTRUCTION(code_mov_eax_dr3, "mov %eax, %dr3");

void debug_addresses_hold_what_is_written(void)
{
	WRITE_DEBUG(7, DR7_DEFAULT);
	WRITE_DEBUG(0, 0x00001111);
	WRITE_DEBUG(1, 0x12345678);
	WRITE_DEBUG(2, 0x00abcdef);
	WRITE_DEBUG(3, 0x7fffffff);
	expect_equal("DR0", 0x00001111, READ_DEBUG(0));
	expect_equal("DR1", 0x12345678, READ_DEBUG(1));
	expect_equal("DR2", 0x00abcdef, READ_DEBUG(2));
	expect_equal("DR3", 0x7fffffff, READ_DEBUG(3));
	WRITE_DEBUG(0, 0);
	WRITE_DEBUG(1, 0);
	WRITE_DEBUG(2, 0);
	WRITE_DEBUG(3, 0);
}

void debug_status_and_control(void)
{
	WRITE_DEBUG(6, DR6_DEFAULT | DR6_STEP);
	expect_equal("DR6 with BS", DR6_DEFAULT | DR6_STEP, READ_DEBUG(6));
	WRITE_DEBUG(6, 0);
	expect_equal("DR6 cleared", DR6_DEFAULT, READ_DEBUG(6));
	WRITE_DEBUG(7, 0x00000700);
	expect_equal("DR7 with LE and GE", 0x00000700, READ_DEBUG(7));
	WRITE_DEBUG(7, 0);
	expect_equal("DR7 cleared", DR7_DEFAULT, READ_DEBUG(7));
}

void debug_registers_only(void)
{
	struct registers given = {.eax = 0x9753};

	WRITE_DEBUG(0, 0x8642);
	expect_register("mov dr0, ecx", code_mov_dr0_ecx, &given, ECX, 0x8642);
	expect_register("mov dr7, ebp", code_mov_dr7_ebp, &given, EBP, DR7_DEFAULT);
	expect_register("mov eax, dr3", code_mov_eax_dr3, &given, EAX, 0x9753);
	expect_equal("DR3", 0x9753, READ_DEBUG(3));
	expect_only_changes("mov dr0, ecx", code_mov_dr0_ecx, CHANGES_ECX, 0);
	expect_only_changes("mov dr7, ebp", code_mov_dr7_ebp, CHANGES_EBP, 0);
	expect_only_changes_with("mov eax, dr3", code_mov_eax_dr3, &given, CHANGES_NONE, 0);
}

/* DR4 and DR5 are DR6 and DR7, unless CR4.DE is set; then they raise #UD. */
void debug_register_aliases(void)
{
	uint32_t dr4, dr5, cr4 = read_cr4();

	asm volatile("mov %%dr4, %0\n\tmov %%dr5, %1" : "=&r"(dr4), "=r"(dr5) : : "memory");
	expect_equal("DR4", READ_DEBUG(6), dr4);
	expect_equal("DR5", READ_DEBUG(7), dr5);
	asm volatile("mov %0, %%dr4\n\tmov %1, %%dr5"
	             :
	             : "r"(DR6_DEFAULT | DR6_STEP), "r"(DR7_DEFAULT | DR7_GLOBAL_EXACT)
	             : "memory");
	expect_equal("DR6 through DR4", DR6_DEFAULT | DR6_STEP, READ_DEBUG(6));
	expect_equal("DR7 through DR5", DR7_DEFAULT | DR7_GLOBAL_EXACT, READ_DEBUG(7));
	WRITE_DEBUG(6, 0);
	WRITE_DEBUG(7, 0);

	write_cr4(cr4 | CR4_DE);
	fault_clear();
	asm volatile(MAY_FAULT("mov %%dr4, %0") : "=r"(dr4) : : "memory");
	write_cr4(cr4);
	expect_fault("mov from DR4 with DE", VECTOR_INVALID_OPCODE, 0);
}

static volatile uint32_t hits, hit_address, hit_status;

static bool note_hit(struct trap_frame *frame)
{
	if (frame->vector != VECTOR_DEBUG)
		return false;
	hits++;
	hit_address = frame->eip;
	hit_status = READ_DEBUG(6);
	WRITE_DEBUG(6, 0);
	frame->eflags |= FLAG_RESUME; /* over an instruction breakpoint */
	return true;
}

static void note_hits(void)
{
	hits = hit_address = hit_status = 0;
	trap_hook = note_hit;
}

/* A fault before the instruction; it runs when the handler returns with RF set. */
void breakpoint_on_instruction(void)
{
	uint32_t count = 0, address;

	note_hits();
	asm volatile("mov $1f, %1\n\t"
	             "mov %1, %%dr0\n\t"
	             "mov %2, %%dr7\n\t"
	             "jmp 2f\n\t"
	             ".skip 16, 0x90\n"
	             "2:\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n"
	             "1:\tincl %0\n\t"
	             "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
	             ".skip 16, 0x90"
	             : "+m"(count), "=&r"(address)
	             : "r"(DR7_DEFAULT | DR7_LOCAL0 | DR7_EXECUTE)
	             : "memory", "cc");
	WRITE_DEBUG(7, DR7_DEFAULT);
	expect_equal("hits", 1, hits);
	expect_equal("address", address, hit_address);
	expect_equal("DR6", DR6_DEFAULT | 1, hit_status);
	expect_equal("executions", 1, count);
}

/* A trap after the write. */
void breakpoint_on_write(void)
{
	static volatile uint32_t watched;

	note_hits();
	WRITE_DEBUG(0, (uintptr_t)&watched);
	WRITE_DEBUG(7, DR7_DEFAULT | DR7_LOCAL0 | DR7_WRITE4);
	uint32_t read = watched;
	uint32_t hits_after_read = hits;
	watched = read + 7;
	uint32_t hits_after_write = hits;
	WRITE_DEBUG(7, DR7_DEFAULT);
	watched = 9;
	expect_equal("hits after a read", 0, hits_after_read);
	expect_equal("hits after a write", 1, hits_after_write);
	expect_equal("hits with DR7 cleared", 1, hits);
	expect_equal("DR6", DR6_DEFAULT | 1, hit_status);
}

#define STEPS 8

static uint32_t step_first, step_count;
static bool steps_in_order;

/* Only steps between the marks count: those of the code around belong to whoever changed it. */
static bool note_step(struct trap_frame *frame)
{
	if (frame->vector != VECTOR_DEBUG)
		return false;
	if (frame->eip > step_first && frame->eip <= step_first + STEPS) {
		step_count++;
		steps_in_order &= frame->eip == step_first + step_count;
		steps_in_order &= (READ_DEBUG(6) & DR6_STEP) != 0;
		WRITE_DEBUG(6, 0);
	}
	return true;
}

/* TF, set by popf: a trap after each instruction. */
void single_step(void)
{
	step_count = 0;
	steps_in_order = true;
	trap_hook = note_step;
	asm volatile("movl $1f, %0\n\t"
	             "pushf\n\torl %1, (%%esp)\n\tpopf\n\t"
	             "jmp 2f\n\t"
	             ".skip 16, 0x90\n"
	             "2:\t.skip 16, 0x90\n"
	             "1:\t.skip 8, 0x90\n\t"
	             ".skip 16, 0x90\n\t"
	             "jmp 3f\n\t"
	             ".skip 16, 0x90\n"
	             "3:\tpushf\n\tandl %2, (%%esp)\n\tpopf"
	             : "=m"(step_first)
	             : "i"(FLAG_TRAP), "i"(~FLAG_TRAP)
	             : "memory", "cc");
	expect_equal("steps over 8 instructions", STEPS, step_count);
	expect_true("in order, with DR6.BS", steps_in_order);
	expect_equal("TF at the end", 0, read_flags() & FLAG_TRAP);
}

USER_PROGRAM(user_two_nops, "nop\n\tnop");

/* TF, set by the iret to ring 3. */
void single_step_in_user_mode(void)
{
	struct trap_frame frame = user_state();

	WRITE_DEBUG(6, 0);
	frame.eflags |= FLAG_TRAP;
	user_run(user_two_nops, &frame);
	expect_equal("vector", VECTOR_DEBUG, frame.vector);
	expect_equal("address", user_text() + 1, frame.eip);
	expect_equal("DR6", DR6_DEFAULT | DR6_STEP, READ_DEBUG(6));
	user_enter(&frame);
	expect_equal("vector of the second", VECTOR_DEBUG, frame.vector);
	expect_equal("address of the second", user_text() + 2, frame.eip);
	WRITE_DEBUG(6, 0);
}
