/* SPDX-License-Identifier: BSD-2-Clause */

/* CR0 and CR4, smsw, lmsw, clts, and the coprocessor-not-available exception. */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

INSTRUCTION(code_clts, "clts");
INSTRUCTION(code_mov_cr0_ebx, "mov %cr0, %ebx");
INSTRUCTION(code_mov_cr2_edi, "mov %cr2, %edi");
INSTRUCTION(code_mov_cr3_ebp, "mov %cr3, %ebp");
INSTRUCTION(code_mov_cr4_esi, "mov %cr4, %esi");
INSTRUCTION(code_mov_ecx_cr2, "mov %ecx, %cr2");
INSTRUCTION(code_smsw_eax, "smsw %eax");
INSTRUCTION(code_smsw_ax, "smsw %ax");
INSTRUCTION(code_lmsw_ax, "lmsw %ax");

#define MACHINE_STATUS (CR0_PE | CR0_MP | CR0_EM | CR0_TS) /* what lmsw loads */

/* There and back through one register; in between it holds something else. */
#define THROUGH_CR2(register) "mov %" register ", %cr2\n\tnot %" register "\n\tmov %cr2, %" register

INSTRUCTION(code_eax_cr2, THROUGH_CR2("eax"));
INSTRUCTION(code_ecx_cr2, THROUGH_CR2("ecx"));
INSTRUCTION(code_edx_cr2, THROUGH_CR2("edx"));
INSTRUCTION(code_ebx_cr2, THROUGH_CR2("ebx"));
INSTRUCTION(code_ebp_cr2, THROUGH_CR2("ebp"));
INSTRUCTION(code_esi_cr2, THROUGH_CR2("esi"));
INSTRUCTION(code_edi_cr2, THROUGH_CR2("edi"));

void cr2_through_every_register(void)
{
	static const struct {
		const char *name;
		void (*code)(void);
	} cases[] = {{"eax", code_eax_cr2}, {"ecx", code_ecx_cr2}, {"edx", code_edx_cr2},
	             {"ebx", code_ebx_cr2}, {"ebp", code_ebp_cr2}, {"esi", code_esi_cr2},
	             {"edi", code_edi_cr2}};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registers registers = {1, 2, 3, 4, 5, 6, 7, FLAG_RESERVED};
		run_with_registers(&registers, cases[i].code);
		expect_equal(cases[i].name, i + 1, read_cr2());
		expect_only_changes(cases[i].name, cases[i].code, CHANGES_NONE, 0);
	}
}

/* ESP is the code's own: it is kept in another register meanwhile. */
void cr2_through_stack_pointer(void)
{
	uint32_t before, written, read;

	asm volatile("mov %%esp, %1\n\t"
	             "mov %%esp, %%cr2\n\t"
	             "sub $64, %%esp\n\t"
	             "mov %%cr2, %%esp\n\t"
	             "mov %%esp, %2\n\t"
	             "mov %1, %%esp\n\t"
	             "mov %%cr2, %0"
	             : "=&r"(written), "=&r"(before), "=&r"(read)
	             :
	             : "memory", "cc");
	expect_equal("ESP into CR2", before, written);
	expect_equal("ESP from CR2", before, read);
}

/* The mod field of ModRM is ignored: SDM vol. 2, "MOV - Move to/from Control Registers". */
void control_register_mod_ignored(void)
{
	uint32_t got;

	asm volatile("mov $0x1234, %%ecx\n\t"
	             ".byte 0x0f, 0x22, 0x11\n\t" /* mov %ecx, %cr2, with mod 0 */
	             ".byte 0x0f, 0x20, 0x10"     /* mov %cr2, %eax, with mod 0 */
	             : "=a"(got)
	             :
	             : "ecx", "memory");
	expect_equal("CR2", 0x1234, got);
}

void control_registers_by_register(void)
{
	const struct registers given = {.eax = POISON, .ecx = 0x13571357};
	const struct registers status = {.eax = CR0_PE | CR0_TS | CR0_MP};
	uint32_t normal = read_cr0();

	asm volatile("mov %0, %%cr2" : : "r"(0x24682468) : "memory");
	expect_register("mov cr0, ebx", code_mov_cr0_ebx, &given, EBX, normal);
	expect_register("mov cr2, edi", code_mov_cr2_edi, &given, EDI, 0x24682468);
	expect_register("mov cr3, ebp", code_mov_cr3_ebp, &given, EBP, read_cr3());
	expect_register("mov cr4, esi", code_mov_cr4_esi, &given, ESI, read_cr4());
	expect_register("mov ecx, cr2", code_mov_ecx_cr2, &given, ECX, given.ecx);
	expect_equal("CR2", given.ecx, read_cr2());
	expect_register("lmsw ax", code_lmsw_ax, &status, EAX, status.eax);
	expect_equal("CR0 after lmsw", normal | CR0_TS | CR0_MP, read_cr0());
	expect_register("smsw ax", code_smsw_ax, &given, EAX,
	                (POISON & 0xffff0000) | ((normal | CR0_TS | CR0_MP) & 0xffff));
	expect_register("clts", code_clts, &given, EAX, POISON);
	expect_equal("CR0 after clts", normal | CR0_MP, read_cr0());
	write_cr0(normal);
}

void control_registers_only(void)
{
	struct registers given = {.eax = CR0_PE, .ecx = 0x5555aaaa, .edx = 0};

	expect_only_changes("clts", code_clts, CHANGES_NONE, 0);
	expect_only_changes("mov cr0, ebx", code_mov_cr0_ebx, CHANGES_EBX, 0);
	expect_only_changes("mov cr2, edi", code_mov_cr2_edi, CHANGES_EDI, 0);
	expect_only_changes("mov cr3, ebp", code_mov_cr3_ebp, CHANGES_EBP, 0);
	expect_only_changes("mov cr4, esi", code_mov_cr4_esi, CHANGES_ESI, 0);
	expect_only_changes_with("mov ecx, cr2", code_mov_ecx_cr2, &given, CHANGES_NONE, 0);
	expect_only_changes("smsw eax", code_smsw_eax, CHANGES_EAX, 0);
	expect_only_changes("smsw ax", code_smsw_ax, CHANGES_EAX, 0);
	expect_only_changes_with("lmsw ax", code_lmsw_ax, &given, CHANGES_NONE, 0);
}

void cr0_holds_what_is_written(void)
{
	static const uint32_t bits[] = {CR0_MP, CR0_EM, CR0_TS, CR0_NE, CR0_WP, CR0_AM};
	uint32_t normal = read_cr0();

	expect_equal("PE", CR0_PE, normal & CR0_PE);
	expect_equal("PG", paging == PAGING_NONE ? 0 : CR0_PG, normal & CR0_PG);
	for (uint32_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		uint32_t wanted = normal ^ bits[i];
		write_cr0(wanted);
		uint32_t got = read_cr0();
		write_cr0(normal);
		expect_equal("CR0", wanted, got);
	}
	expect_equal("CR0 at the end", normal, read_cr0());
}

void smsw_shows_cr0(void)
{
	uint32_t whole, memory = 0xabcd1234;
	uint32_t word = 0xffff0000;

	write_cr0(read_cr0() | CR0_TS | CR0_MP);
	asm volatile("smsw %0" : "=r"(whole));
	asm volatile("smsw %w0" : "+r"(word));
	asm volatile("smsw %0" : "+m"(memory));
	uint32_t cr0 = read_cr0();
	write_cr0(cr0 & ~(CR0_TS | CR0_MP));
	expect_equal("TS", CR0_TS, cr0 & CR0_TS);
	expect_equal("low half of a register", cr0 & 0xffff, whole & 0xffff);
	expect_equal("16-bit register", 0xffff0000 | (cr0 & 0xffff), word);
	expect_equal("memory", 0xabcd0000 | (cr0 & 0xffff), memory);
}

void lmsw_loads_status_word(void)
{
	uint32_t normal = read_cr0();
	uint16_t word = CR0_PE | CR0_TS;

	asm volatile("lmsw %w0" : : "r"(CR0_PE | CR0_MP | CR0_EM | CR0_TS) : "memory");
	expect_equal("all set", normal | MACHINE_STATUS, read_cr0());
	asm volatile("lmsw %0" : : "m"(word) : "memory");
	expect_equal("from memory", (normal & ~MACHINE_STATUS) | CR0_PE | CR0_TS, read_cr0());
	asm volatile("lmsw %w0" : : "r"(0) : "memory");
	expect_equal("all cleared but PE", (normal & ~MACHINE_STATUS) | CR0_PE, read_cr0());
	write_cr0(normal);
}

void clts_clears_only_ts(void)
{
	uint32_t normal = read_cr0();

	write_cr0(normal | CR0_TS);
	uint32_t set = read_cr0();
	asm volatile("clts" : : : "memory");
	expect_equal("CR0 before", normal | CR0_TS, set);
	expect_equal("CR0 after", normal & ~CR0_TS, read_cr0());
	asm volatile("clts" : : : "memory");
	expect_equal("CR0 after another", normal & ~CR0_TS, read_cr0());
}

static void use_fpu(void)
{
	fault_clear();
	asm volatile(MAY_FAULT("fninit") : : : "memory");
}

static void wait_for_fpu(void)
{
	fault_clear();
	asm volatile(MAY_FAULT("fwait") : : : "memory");
}

/* SDM vol. 3, table 2-2: what EM, MP and TS do to x87 instructions and to WAIT. */
void coprocessor_not_available(void)
{
	static const struct {
		uint32_t cr0;
		bool fpu_faults, wait_faults;
	} cases[] = {
	    {0, false, false},
	    {CR0_TS, true, false},
	    {CR0_MP, false, false},
	    {CR0_MP | CR0_TS, true, true},
	    {CR0_EM, true, false},
	    {CR0_EM | CR0_TS, true, false},
	    {CR0_EM | CR0_MP | CR0_TS, true, true},
	};
	uint32_t normal = read_cr0() & ~(CR0_EM | CR0_MP | CR0_TS);

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_cr0(normal | cases[i].cr0);
		use_fpu();
		if (cases[i].fpu_faults)
			expect_fault("fninit", VECTOR_NO_COPROCESSOR, 0);
		else
			expect_no_fault("fninit");
		wait_for_fpu();
		if (cases[i].wait_faults)
			expect_fault("fwait", VECTOR_NO_COPROCESSOR, 0);
		else
			expect_no_fault("fwait");
	}
	write_cr0(normal);
}

static bool clear_task_switched(struct trap_frame *frame)
{
	if (frame->vector != VECTOR_NO_COPROCESSOR)
		return false;
	asm volatile("clts" : : : "memory");
	return true;
}

/* The lazy switch of the coprocessor: #NM, clts, and the instruction runs on return. */
void coprocessor_lazy_switch(void)
{
	uint16_t control = 0;
	uint32_t normal = read_cr0() & ~(CR0_EM | CR0_TS);

	write_cr0(normal | CR0_TS | CR0_MP);
	trap_hook = clear_task_switched;
	asm volatile("fninit\n\tfnstcw %0" : "=m"(control) : : "memory");
	expect_equal("control word", 0x37f, control);
	expect_equal("CR0", normal | CR0_MP, read_cr0());
	write_cr0(normal);
}

void cr4_holds_what_is_written(void)
{
	uint32_t normal = read_cr4(), bits = 0;

	if (features.leaf1.edx & 1u << 2)
		bits |= CR4_DE;
	if (features.leaf1.edx & 1u << 4)
		bits |= CR4_TSD;
	if (features.leaf1.edx & 1u << 13)
		bits |= CR4_PGE;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		if (!(bits & bit))
			continue;
		write_cr4(normal ^ bit);
		uint32_t got = read_cr4();
		write_cr4(normal);
		expect_equal("CR4", normal ^ bit, got);
	}
	expect_equal("CR4 at the end", normal, read_cr4());
}

/* With paging on, the bits that say how the directory is cached (PWT, PCD) can be changed freely.
 */
void cr3_holds_what_is_written(void)
{
	uint32_t normal = read_cr3(), other = paging == PAGING_NONE ? 0x00654000 : normal ^ 0x18;

	write_cr3(other);
	expect_equal("CR3", other, read_cr3());
	write_cr3(normal);
	expect_equal("CR3 at the end", normal, read_cr3());
}
