/* SPDX-License-Identifier: BSD-2-Clause */

/* cpuid, MSRs, the time stamp counter, caches, and instructions that only some processors have. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define MSR_APIC_BASE    0x1b
#define MSR_SYSENTER_CS  0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_PROTECTION   0x6e1 /* IA32_PKRS: of processors in 64-bit mode only */
#define MSR_EFER         0xc0000080u
#define EFER_NO_EXECUTE  0x800u

INSTRUCTION(code_cpuid, "cpuid");
INSTRUCTION(code_rdtsc, "rdtsc");
INSTRUCTION(code_rdmsr, "rdmsr");
INSTRUCTION(code_wrmsr, "wrmsr");
INSTRUCTION(code_wbinvd, "wbinvd");
INSTRUCTION(code_invd, "invd");

void cpuid_is_the_same_every_time(void)
{
	struct cpuid_result first = cpuid(1, 0), second = cpuid(1, 0), vendor = cpuid(0, 0);

	expect_true("leaf 1 exists", vendor.eax >= 1);
	expect_true("vendor is text", (vendor.ebx & 0x80808080) == 0 && vendor.ebx != 0);
	expect_equal("EAX", first.eax, second.eax);
	expect_equal("ECX", first.ecx & ~(1u << 27), second.ecx & ~(1u << 27)); /* OSXSAVE */
	expect_equal("EDX", first.edx, second.edx);
}

void cpuid_changes_its_results_only(void)
{
	struct registers given = {0};

	expect_register("EBX of leaf 0", code_cpuid, &given, EBX, cpuid(0, 0).ebx);
	expect_only_changes_with("cpuid", code_cpuid, &given,
	                         CHANGES_EAX | CHANGES_EBX | CHANGES_ECX | CHANGES_EDX, 0);
}

void msr_holds_what_is_written(void)
{
	uint64_t normal = read_msr(MSR_SYSENTER_ESP);

	write_msr(MSR_SYSENTER_ESP, 0x12345678);
	expect_equal("low half", 0x12345678, (uint32_t)read_msr(MSR_SYSENTER_ESP));
	expect_equal("high half", 0, (uint32_t)(read_msr(MSR_SYSENTER_ESP) >> 32));
	write_msr(MSR_SYSENTER_ESP, normal);
	expect_equal("at the end", (uint32_t)normal, (uint32_t)read_msr(MSR_SYSENTER_ESP));
}

void msr_instructions_only(void)
{
	struct registers given = {.ecx = MSR_SYSENTER_ESP, .eax = 0x98765432};

	expect_register("wrmsr", code_wrmsr, &given, EAX, given.eax);
	given.eax = 0;
	expect_register("rdmsr", code_rdmsr, &given, EAX, 0x98765432);
	expect_only_changes_with("rdmsr", code_rdmsr, &given, CHANGES_EAX | CHANGES_EDX, 0);
	expect_only_changes_with("wrmsr", code_wrmsr, &given, CHANGES_NONE, 0);
}

/*
 * Where there is no such MSR: #GP, recovered, with the operands as they were. qemu's emulator
 * raises none for any MSR.
 */
void msr_that_is_absent_faults(void)
{
	uint32_t low = 0x1111, high = 0x2222;

	fault_clear();
	asm volatile(MAY_FAULT("rdmsr") : "+a"(low), "+d"(high) : "c"(MSR_PROTECTION) : "memory");
	if (fault.taken) {
		expect_fault("rdmsr", VECTOR_PROTECTION, 0);
		expect_equal("EAX", 0x1111, low);
		expect_equal("EDX", 0x2222, high);
	}
	fault_clear();
	asm volatile(MAY_FAULT("wrmsr") : : "a"(0), "d"(0), "c"(MSR_PROTECTION) : "memory");
	if (fault.taken)
		expect_fault("wrmsr", VECTOR_PROTECTION, 0);
}

void time_stamp_counter_ascends(void)
{
	uint32_t low1, high1, low2, high2;

	asm volatile("rdtsc" : "=a"(low1), "=d"(high1));
	asm volatile("rdtsc" : "=a"(low2), "=d"(high2));
	expect_true("later is more", high2 > high1 || (high2 == high1 && low2 > low1));
	expect_only_changes("rdtsc", code_rdtsc, CHANGES_EAX | CHANGES_EDX, 0);
}

USER_PROGRAM(user_rdtsc, "rdtsc");

/* CR4.TSD keeps ring 3 from the counter, not ring 0. */
void time_stamp_disable(void)
{
	struct trap_frame frame = user_state();
	uint32_t cr4 = read_cr4(), low, high;

	user_run(user_rdtsc, &frame);
	expect_equal("without TSD", VECTOR_SYSTEM_CALL, frame.vector);
	write_cr4(cr4 | CR4_TSD);
	frame = user_state();
	user_run(user_rdtsc, &frame);
	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	write_cr4(cr4);
	expect_equal("with TSD", VECTOR_PROTECTION, frame.vector);
}

void rdtscp_gives_auxiliary_value(void)
{
	const uint32_t auxiliary = 0xc0000103u;
	uint32_t low, high, value;

	write_msr(auxiliary, 0x1234);
	asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(value));
	write_msr(auxiliary, 0);
	expect_equal("ECX", 0x1234, value);
}

void rdpid_gives_auxiliary_value(void)
{
	const uint32_t auxiliary = 0xc0000103u;
	uint32_t value;

	write_msr(auxiliary, 0x4321);
	asm volatile(".byte 0xf3, 0x0f, 0xc7, 0xf8" : "=a"(value)); /* rdpid %eax */
	write_msr(auxiliary, 0);
	expect_equal("EAX", 0x4321, value);
}

USER_PROGRAM(user_rdpmc, "xor %ecx, %ecx\n\trdpmc");

/* Performance counters differ; that ring 3 needs CR4.PCE for them does not. */
void rdpmc_in_both_rings(void)
{
	struct trap_frame frame = user_state();
	uint32_t low, high;

	fault_clear();
	asm volatile(MAY_FAULT("rdpmc") : "=a"(low), "=d"(high) : "c"(0) : "memory");
	expect_true("ring 0: a value, #GP or #UD", !fault.taken ||
	                                               fault.vector == VECTOR_PROTECTION ||
	                                               fault.vector == VECTOR_INVALID_OPCODE);
	user_run(user_rdpmc, &frame);
	expect_equal("ring 3", VECTOR_PROTECTION, frame.vector);
}

void cache_instructions(void)
{
	static volatile uint32_t word;

	word = 0x1357;
	expect_only_changes("wbinvd", code_wbinvd, CHANGES_NONE, 0);
	expect_equal("word after wbinvd", 0x1357, word);
	expect_only_changes("invd", code_invd, CHANGES_NONE, 0);
}

void cache_write_back(void)
{
	fault_clear();
	asm volatile(MAY_FAULT(".byte 0xf3, 0x0f, 0x09") : : : "memory"); /* wbnoinvd */
	expect_no_fault("wbnoinvd");
}

/* The instructions of virtual machine monitors and of system management raise #UD here. */
#define EXPECT_UNDEFINED(name, instruction)                                                        \
	do {                                                                                       \
		fault_clear();                                                                     \
		asm volatile(MAY_FAULT(instruction) : : "a"(0) : "memory", "cc");                  \
		expect_fault(name, VECTOR_INVALID_OPCODE, 0);                                      \
	} while (0)

void monitor_calls_are_undefined(void)
{
	EXPECT_UNDEFINED("vmcall", "vmcall");
	EXPECT_UNDEFINED("vmmcall", "vmmcall");
	EXPECT_UNDEFINED("vmlaunch", "vmlaunch");
	EXPECT_UNDEFINED("vmresume", "vmresume");
	EXPECT_UNDEFINED("rsm", "rsm");
}

/* mwait may return at once; here an interrupt is pending, so that it cannot wait for ever. */
void monitor_and_mwait(void)
{
	static volatile uint32_t line[16] __attribute__((aligned(64)));

	interrupt_unmask(INTERRUPT_TIMER);
	timer_once(2000);
	fault_clear();
	asm volatile(MAY_FAULT("monitor") : : "a"(line), "c"(0), "d"(0) : "memory");
	expect_no_fault("monitor");
	asm volatile("sti\n" MAY_FAULT("mwait") : : "a"(0), "c"(0) : "memory");
	while (!timer_count())
		;
	interrupts_off();
	expect_no_fault("mwait");
	fault_clear();
	asm volatile(MAY_FAULT("monitor") : : "a"(line), "c"(1), "d"(0) : "memory");
	expect_fault("monitor with an unknown extension", VECTOR_PROTECTION, 0);
}

void extended_control_register(void)
{
	uint32_t cr4 = read_cr4(), low, high, got_low, got_high;

	write_cr4(cr4 | CR4_OSXSAVE);
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	asm volatile("xsetbv" : : "a"(3), "d"(0), "c"(0) : "memory");
	asm volatile("xgetbv" : "=a"(got_low), "=d"(got_high) : "c"(0));
	expect_equal("XCR0", 3, got_low);
	expect_equal("XCR0, high", 0, got_high);
	fault_clear();
	asm volatile(MAY_FAULT("xsetbv") : : "a"(0), "d"(0), "c"(0) : "memory");
	expect_fault("XCR0 without x87", VECTOR_PROTECTION, 0);
	asm volatile("xsetbv" : : "a"(low), "d"(high), "c"(0) : "memory");
	expect_equal("OSXSAVE in cpuid", 1u << 27, cpuid(1, 0).ecx & 1u << 27);
	write_cr4(cr4);
	fault_clear();
	asm volatile(MAY_FAULT("xsetbv") : : "a"(low), "d"(high), "c"(0) : "memory");
	expect_fault("xsetbv without OSXSAVE", VECTOR_INVALID_OPCODE, 0);
}

asm("\t.pushsection .text\n"
    "\t.type sysenter_target, @function\n"
    "sysenter_target:\n"
    "\tmov %cs, sysenter_code\n"
    "\tmov %ss, sysenter_stack\n"
    "\tmov %esp, sysenter_esp\n"
    "\tpushf\n\tpopl sysenter_flags\n"
    "\tsti\n\tsysexit\n"
    "\t.size sysenter_target, . - sysenter_target\n"
    "\t.popsection");
extern void sysenter_target(void);

static volatile uint32_t sysenter_code, sysenter_stack, sysenter_esp, sysenter_flags;

/* ECX and EDX are ESP and EIP of the return. The first call finds its own address. */
USER_PROGRAM(user_sysenter, "mov %esp, %ecx\n\tcall 1f\n1:\tpop %edx\n\tadd $2f - 1b, %edx\n\t"
                            "sysenter\n\tud2\n2:\tmov %cs, %eax\n\tmov %ss, %ebx\n\t"
                            "pushf\n\tpop %edi");

void sysenter_and_sysexit(void)
{
	static uint8_t stack[1024] __attribute__((aligned(16)));
	uint32_t top = (uint32_t)(uintptr_t)(stack + sizeof(stack));
	struct trap_frame frame = user_state();

	/* User code and data must follow the kernel's: SDM vol. 2, SYSEXIT. They do. */
	write_msr(MSR_SYSENTER_CS, 0x08);
	write_msr(MSR_SYSENTER_ESP, top);
	write_msr(MSR_SYSENTER_EIP, (uintptr_t)sysenter_target);
	frame.eflags |= FLAG_INTERRUPT;
	user_run(user_sysenter, &frame);
	write_msr(MSR_SYSENTER_CS, 0);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("CS inside", 0x08, sysenter_code & 0xffff);
	expect_equal("SS inside", 0x10, sysenter_stack & 0xffff);
	expect_equal("ESP inside", top, sysenter_esp);
	expect_equal("IF inside", 0, sysenter_flags & FLAG_INTERRUPT);
	expect_equal("CS back", 0x1b, frame.eax & 0xffff);
	expect_equal("SS back", 0x23, frame.ebx & 0xffff);
	expect_equal("IF back", FLAG_INTERRUPT, frame.edi & FLAG_INTERRUPT);
	expect_equal("ESP back", user_stack_top(), frame.user_esp);
}

void sysenter_without_code_segment_faults(void)
{
	struct trap_frame frame = user_state();

	write_msr(MSR_SYSENTER_CS, 0x08);
	write_msr(MSR_SYSENTER_CS, 0);
	user_run(user_sysenter, &frame);
	expect_equal("vector", VECTOR_PROTECTION, frame.vector);
	expect_equal("error code", 0, frame.error);
}

void efer_no_execute_bit(void)
{
	uint64_t normal = read_msr(MSR_EFER);

	write_msr(MSR_EFER, normal | EFER_NO_EXECUTE);
	expect_equal("set", EFER_NO_EXECUTE, (uint32_t)read_msr(MSR_EFER) & EFER_NO_EXECUTE);
	write_msr(MSR_EFER, normal);
	expect_equal("EFER", (uint32_t)normal, (uint32_t)read_msr(MSR_EFER));
}
