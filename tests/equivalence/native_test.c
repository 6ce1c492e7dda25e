/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The native ROM: privileged instructions where they stood, and their springboards with the ROM's
 * own slots, on the same machine: registers, memory, control registers, descriptor tables and ports
 * end alike. Unicorn (QEMU's CPU) executes these instructions in ring 0 as a CPU would. Not here,
 * as it does not: hlt (ends the run), invpcid and wbnoinvd (no such CPU model), stac and clac
 * (likewise); and instructions the ROM leaves native, which are displaced_test's.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/effects.h"
#include "tests/equivalence/site.h"
#include "tests/equivalence/window.h"

#define SEED      UINT64_C(0x6e61746976652121)
#define MAX_PORTS 64

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* Where far transfers of the cases go. */
#define TARGET (CODE_ADDRESS + 0x300)

static const int system_registers[] = {
    UC_X86_REG_CR0, UC_X86_REG_CR2, UC_X86_REG_CR3, UC_X86_REG_CR4, UC_X86_REG_DR0,
    UC_X86_REG_DR1, UC_X86_REG_DR2, UC_X86_REG_DR3, UC_X86_REG_DR6, UC_X86_REG_DR7};
static const int table_registers[] = {UC_X86_REG_GDTR, UC_X86_REG_IDTR, UC_X86_REG_LDTR,
                                      UC_X86_REG_TR};
static const uint32_t msrs[] = {0x174, 0x175, 0x176, 0x277};
#define SYSTEM_REGISTERS (sizeof(system_registers) / sizeof(system_registers[0]))
#define TABLE_REGISTERS  (sizeof(table_registers) / sizeof(table_registers[0]))
#define MSRS             (sizeof(msrs) / sizeof(msrs[0]))

struct table_register {
	uint64_t base;
	uint32_t selector, limit;
};

struct system_state {
	uint32_t registers[SYSTEM_REGISTERS];
	struct table_register tables[TABLE_REGISTERS];
	uint64_t msrs[MSRS];
};

struct port_access {
	uint32_t port, size, value;
};

struct port_log {
	struct port_access accesses[MAX_PORTS];
	unsigned int count;
};

struct fixture {
	struct machine machine;
	struct random random;
	struct rom rom;
	struct linked_rom linked;
	struct system_state system; /* at the beginning of every run */
	struct machine_memory before, original;
	struct port_log ports;
	unsigned long executed[FORM_COUNT], refused;
};

/* --- ports ------------------------------------------------------------------------------------ */

static void log_port(struct port_log *log, uint32_t port, int size, uint32_t value)
{
	if (log->count < MAX_PORTS)
		log->accesses[log->count++] = (struct port_access){port, (uint32_t)size, value};
}

/* What a port gives depends on the port and how often any was read. */
static uint32_t on_in(uc_engine *unicorn, uint32_t port, int size, void *context)
{
	struct fixture *fixture = context;
	uint32_t value = (port + 1) * 2654435761u + fixture->ports.count;

	(void)unicorn;
	value &= size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
	log_port(&fixture->ports, port, size, value);
	return value;
}

static void on_out(uc_engine *unicorn, uint32_t port, int size, uint32_t value, void *context)
{
	struct fixture *fixture = context;

	(void)unicorn;
	log_port(&fixture->ports, port, size, value);
}

/* --- the system's state ----------------------------------------------------------------------- */

static void read_system(uc_engine *unicorn, struct system_state *system)
{
	memset(system, 0, sizeof(*system));
	for (unsigned i = 0; i < SYSTEM_REGISTERS; i++)
		uc_reg_read(unicorn, system_registers[i], &system->registers[i]);
	for (unsigned i = 0; i < TABLE_REGISTERS; i++) {
		uc_x86_mmr table = {0};

		uc_reg_read(unicorn, table_registers[i], &table);
		system->tables[i] =
		    (struct table_register){table.base, table.selector, table.limit};
	}
	for (unsigned i = 0; i < MSRS; i++) {
		uc_x86_msr msr = {.rid = msrs[i]};

		uc_reg_read(unicorn, UC_X86_REG_MSR, &msr);
		system->msrs[i] = msr.value;
	}
}

static void write_system(uc_engine *unicorn, const struct system_state *system)
{
	for (unsigned i = 0; i < SYSTEM_REGISTERS; i++)
		uc_reg_write(unicorn, system_registers[i], &system->registers[i]);
	for (unsigned i = 0; i < TABLE_REGISTERS; i++) {
		uc_x86_mmr table = {.selector = (uint16_t)system->tables[i].selector,
		                    .base = system->tables[i].base,
		                    .limit = system->tables[i].limit};

		uc_reg_write(unicorn, table_registers[i], &table);
	}
	for (unsigned i = 0; i < MSRS; i++) {
		uc_x86_msr msr = {.rid = msrs[i], .value = system->msrs[i]};

		uc_reg_write(unicorn, UC_X86_REG_MSR, &msr);
	}
}

/* ltr marks the TSS busy. */
static void free_task(struct machine *machine)
{
	static const uint8_t available = 0x89;

	uc_mem_write(machine->unicorn, TABLES_ADDRESS + SELECTOR_TSS + 5, &available, 1);
}

/* --- operands that make sense ----------------------------------------------------------------- */

static uint32_t operand_value(struct fixture *fixture, uint16_t form)
{
	uint32_t value = random_word(&fixture->random);

	switch (form) {
	case FORM_MOV_CR0_WRITE: return 0x11 | (value & 0x1002e); /* not PG */
	case FORM_MOV_CR3_WRITE: return value & ~UINT32_C(0xfff);
	case FORM_MOV_CR4_WRITE: return value & 0x29c;
	case FORM_LMSW: return value | 1;
	case FORM_LLDT: return value & 1 ? SELECTOR_LDT : 0;
	case FORM_LTR: return SELECTOR_TSS;
	default: return value;
	}
}

/* ModRM.rm, or ESP where it must remain what it is. */
static void set_operand(struct fixture *fixture, struct site *site, uint32_t value)
{
	unsigned rm = site->instruction.modrm & 7;

	if (site->has_memory)
		memory_write(fixture->machine.memory, site->linear_address, 2, value);
	else if (rm != ESP)
		site->state.registers[rm] = value;
}

static void set_frame(struct fixture *fixture, const struct site *site)
{
	struct machine_memory *memory = fixture->machine.memory;
	uint32_t esp = site->state.registers[ESP];
	uint32_t flags = random_word(&fixture->random) & (STATUS_FLAGS | FLAG_DF | FLAG_IF);

	memory_write(memory, esp, 4, TARGET);
	memory_write(memory, esp + 4, 4, SELECTOR_CODE);
	memory_write(memory, esp + 8, 4, flags | 2);
}

static void set_far_pointer(struct fixture *fixture, struct site *site)
{
	uint8_t *immediate = site->bytes + site->instruction.immediate_offset;

	if (site->has_memory) {
		memory_write(fixture->machine.memory, site->linear_address, 4, TARGET);
		memory_write(fixture->machine.memory, site->linear_address + 4, 2, SELECTOR_CODE);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		immediate[i] = (uint8_t)(TARGET >> 8 * i);
	immediate[4] = SELECTOR_CODE;
	immediate[5] = 0;
}

static void set_string(struct fixture *fixture, struct site *site)
{
	bool half = site->instruction.address_size == 16;
	uint32_t at = (half ? 0 : ARENA_ADDRESS) + 0x800 + random_below(&fixture->random, 0x400);

	if (!half) {
		site->state.registers[ECX] = random_below(&fixture->random, 20);
		site->state.registers[ESI] = site->state.registers[EDI] = at;
		return;
	}
	/* The upper halves are anything, and stay. */
	site->state.registers[ECX] =
	    (site->state.registers[ECX] & 0xffff0000) | random_below(&fixture->random, 20);
	site->state.registers[ESI] = (site->state.registers[ESI] & 0xffff0000) | at;
	site->state.registers[EDI] = (site->state.registers[EDI] & 0xffff0000) | at;
}

static void choose_numbered(struct fixture *fixture, struct site *site)
{
	uint32_t *registers = site->state.registers;

	registers[ECX] = msrs[random_below(&fixture->random, MSRS)];
	if (registers[ECX] == 0x277) /* page attributes: bytes of known types */
		registers[EAX] = registers[EDX] = 0x06040100;
	else
		registers[EDX] = 0;
}

/* As often as not EDX:EAX is what stands there, if they are not the address themselves. */
static void choose_entry(struct fixture *fixture, struct site *site)
{
	struct machine_memory *memory = fixture->machine.memory;
	uint8_t address = instruction_address_registers(&site->instruction);

	if (random_below(&fixture->random, 2) || (address & (1 << EAX | 1 << EDX)))
		return;
	site->state.registers[EAX] = memory_read(memory, site->linear_address, 4);
	site->state.registers[EDX] = memory_read(memory, site->linear_address + 4, 4);
}

static void choose_operands(struct fixture *fixture, struct site *site)
{
	switch (site->form) {
	case FORM_MOV_CR0_WRITE:
	case FORM_MOV_CR3_WRITE:
	case FORM_MOV_CR4_WRITE:
	case FORM_LMSW:
	case FORM_LLDT:
	case FORM_LTR: set_operand(fixture, site, operand_value(fixture, site->form)); break;
	case FORM_MOV_DR_WRITE:
		/* DR5 is DR7 (SDM vol. 3, section 17.2.2): no breakpoint is enabled. */
		if ((site->instruction.modrm >> 3 & 5) == 5)
			set_operand(fixture, site, 0x400);
		break;
	case FORM_POPF:
		memory_write(fixture->machine.memory, site->state.registers[ESP], 4,
		             random_word(&fixture->random) & 0x240ed7);
		break;
	case FORM_IRET: set_frame(fixture, site); break;
	case FORM_LJMP:
	case FORM_LJMP_MEMORY: set_far_pointer(fixture, site); break;
	case FORM_WRMSR:
	case FORM_RDMSR: choose_numbered(fixture, site); break;
	case FORM_PTE_CMPXCHG8B: choose_entry(fixture, site); break;
	case FORM_CPUID: site->state.registers[EAX] = random_below(&fixture->random, 5); break;
	default:
		if (site->instruction.map == OPCODE_MAP_ONE_BYTE &&
		    (site->instruction.opcode & 0xfc) == 0x6c)
			set_string(fixture, site);
		break;
	}
}

/* Cases that would end the run, or mean nothing. */
static bool is_unfit(const struct site *site)
{
	bool takes_esp = !site->has_memory && (site->instruction.modrm & 7) == ESP;

	switch (site->form) {
	case FORM_MOV_CR0_WRITE:
	case FORM_MOV_CR4_WRITE:
	case FORM_LMSW:
	case FORM_LLDT:
	case FORM_LTR:
	case FORM_MOV_DR_WRITE: return takes_esp;
	case FORM_LJMP:
	case FORM_LJMP_MEMORY: return site->instruction.operand_size == 16;
	default: return false;
	}
}

/* --- both runs -------------------------------------------------------------------------------- */

struct outcome {
	enum machine_stop stop;
	unsigned int exception;
	struct machine_state state;
	struct system_state system;
	struct port_log ports;
};

static void run(struct fixture *fixture, const struct site *site, uint32_t from,
                struct outcome *outcome)
{
	struct machine *machine = &fixture->machine;

	memset(outcome, 0, sizeof(*outcome));
	memset(&fixture->ports, 0, sizeof(fixture->ports));
	free_task(machine);
	outcome->state = site->state;
	outcome->state.eip = from;
	outcome->stop = machine_run(machine, &outcome->state);
	outcome->exception = machine->exception;
	read_system(machine->unicorn, &outcome->system);
	outcome->ports = fixture->ports;
	write_system(machine->unicorn, &fixture->system);
}

/* What is below ESP, before and after, is nobody's. */
static bool same_memory(struct fixture *fixture, const uint32_t *stacks, unsigned count)
{
	struct machine_memory *memory = fixture->machine.memory;

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *free = memory_at(memory, stacks[i] - 256, 256);

		if (free && stacks[i] - STACK_ADDRESS < STACK_SIZE)
			memcpy(memory_at(&fixture->original, stacks[i] - 256, 256), free, 256);
	}
	return !memcmp(memory, &fixture->original, sizeof(*memory));
}

static bool same_ports(const struct port_log *first, const struct port_log *second)
{
	return first->count == second->count && !memcmp(first->accesses, second->accesses,
	                                                sizeof(first->accesses[0]) * first->count);
}

static void compare(struct fixture *fixture, const struct site *site, const struct outcome *first,
                    const struct outcome *second, const struct springboard *springboard)
{
	const uint32_t stacks[] = {site->state.registers[ESP], first->state.registers[ESP]};
	bool same = first->stop == second->stop && first->exception == second->exception;

	/* Where both fault the springboard's EIP and ESP are its own; see forms_test. */
	if (first->stop == MACHINE_BREAK)
		same = same && !memcmp(&first->state, &second->state, sizeof(first->state)) &&
		       !memcmp(&first->system, &second->system, sizeof(first->system)) &&
		       same_ports(&first->ports, &second->ports) && same_memory(fixture, stacks, 2);
	if (same)
		return;
	site_print(site);
	print_bytes("springboard", springboard->bytes, springboard->size);
	print_error("  stop %d %d, exception %u %u, eip %x %x, esp %x %x, flags %x %x\n",
	            first->stop, second->stop, first->exception, second->exception,
	            first->state.eip, second->state.eip, first->state.registers[ESP],
	            second->state.registers[ESP], first->state.flags, second->state.flags);
	fail();
}

/* smsw r32 leaves bits 31-16 undefined (SDM vol. 2, SMSW): CPUs give those of CR0, Unicorn none. */
static void forgive_upper_half(const struct site *site, struct machine_state *first,
                               const struct machine_state *second)
{
	unsigned rm = site->instruction.modrm & 7;

	first->registers[rm] =
	    (first->registers[rm] & 0xffff) | (second->registers[rm] & 0xffff0000);
}

/* btr and bts leave four flags undefined (SDM vol. 2, BTR). */
static void forgive_flags(struct machine_state *first, const struct machine_state *second)
{
	uint32_t undefined = FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF;

	first->flags = (first->flags & ~undefined) | (second->flags & undefined);
}

static void run_both(struct fixture *fixture, const struct site *site,
                     const struct springboard *springboard)
{
	struct machine *machine = &fixture->machine;
	struct outcome first, second;

	machine_patch_code(machine, SPRINGBOARD_ADDRESS, springboard->bytes, springboard->size);
	machine_write_code(machine, CODE_ADDRESS, site->bytes, site->instruction.length);
	fixture->before = *machine->memory;
	run(fixture, site, CODE_ADDRESS, &first);
	fixture->original = *machine->memory;
	*machine->memory = fixture->before;
	run(fixture, site, SPRINGBOARD_ADDRESS, &second);
	if (site->form == FORM_SMSW && !site->has_memory && site->instruction.operand_size == 32)
		forgive_upper_half(site, &first.state, &second.state);
	if (site->form == FORM_PTE_BTR || site->form == FORM_PTE_BTS)
		forgive_flags(&first.state, &second.state);
	compare(fixture, site, &first, &second, springboard);
	fixture->executed[site->form] += first.stop == MACHINE_BREAK;
}

static void try_site(void *context, uint16_t form, const uint8_t *encoding, uint8_t size,
                     const struct site_shape *shape)
{
	struct fixture *fixture = context;
	struct springboard springboard;
	struct problem problem;
	struct window window;
	struct site site;

	if (!site_make(&fixture->machine, &fixture->random, form, encoding, size, shape, false,
	               &site) ||
	    is_unfit(&site))
		return;
	choose_operands(fixture, &site);
	window_make(site.bytes, site.instruction.length, false, &window);
	window.instructions[0].form = form;
	if (springboard_build(&window, SPRINGBOARD_ADDRESS, &fixture->rom, ROM_ADDRESS,
	                      &springboard, &problem)) {
		run_both(fixture, &site, &springboard);
		return;
	}
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_SPRINGBOARD_ADDRESS);
	fixture->refused++;
}

/* --- tests ------------------------------------------------------------------------------------ */

static const uint16_t forms[] = {
    FORM_CLI,           FORM_STI,           FORM_PUSHF,         FORM_POPF,
    FORM_IRET,          FORM_LJMP,          FORM_LJMP_MEMORY,   FORM_SGDT,
    FORM_SIDT,          FORM_LGDT,          FORM_LIDT,          FORM_SLDT,
    FORM_STR,           FORM_LLDT,          FORM_LTR,           FORM_MOV_CR0_READ,
    FORM_MOV_CR2_READ,  FORM_MOV_CR3_READ,  FORM_MOV_CR4_READ,  FORM_MOV_CR0_WRITE,
    FORM_MOV_CR2_WRITE, FORM_MOV_CR3_WRITE, FORM_MOV_CR4_WRITE, FORM_CLTS,
    FORM_SMSW,          FORM_LMSW,          FORM_MOV_DR_READ,   FORM_MOV_DR_WRITE,
    FORM_WRMSR,         FORM_RDMSR,         FORM_CPUID,         FORM_INVD,
    FORM_WBINVD,        FORM_INVLPG,        FORM_IN_AL_IMM8,    FORM_IN_AX_IMM8,
    FORM_IN_EAX_IMM8,   FORM_IN_AL_DX,      FORM_IN_AX_DX,      FORM_IN_EAX_DX,
    FORM_OUT_IMM8_AL,   FORM_OUT_IMM8_AX,   FORM_OUT_IMM8_EAX,  FORM_OUT_DX_AL,
    FORM_OUT_DX_AX,     FORM_OUT_DX_EAX,    FORM_INSB,          FORM_REP_INSB,
    FORM_INSW,          FORM_REP_INSW,      FORM_INSL,          FORM_REP_INSL,
    FORM_OUTSB,         FORM_REP_OUTSB,     FORM_OUTSW,         FORM_REP_OUTSW,
    FORM_OUTSL,         FORM_REP_OUTSL,     FORM_PUSH_CS,       FORM_PUSHW_CS,
    FORM_PUSH_SS,       FORM_PUSHW_SS,      FORM_MOV_FROM_CS,   FORM_MOV_FROM_SS,
    FORM_PTE_STORE,     FORM_PTE_XCHG,      FORM_PTE_BTR,       FORM_PTE_BTS,
    FORM_PTE_AND,       FORM_PTE_OR,        FORM_PTE_CMPXCHG8B, FORM_PTE_STORE_IMMEDIATE,
};

static void slots_do_what_instructions_do(void **state)
{
	struct fixture *fixture = *state;
	unsigned long count = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		site_each(forms[i], try_site, fixture);
		if (!fixture->executed[forms[i]])
			print_error("%s is not executed\n", sensitive_forms[forms[i]].name);
		assert_true(fixture->executed[forms[i]] > 0);
		count += fixture->executed[forms[i]];
	}
	print_message("%lu cases, %lu in FS or GS are refused\n", count, fixture->refused);
}

static void add_port_hook(struct fixture *fixture, void *function, int instruction)
{
	uc_hook hook;

	assert_int_equal(uc_hook_add(fixture->machine.unicorn, &hook, UC_HOOK_INSN, function,
	                             fixture, 1, 0, instruction),
	                 UC_ERR_OK);
}

static int set_up(void **state)
{
	static struct fixture fixture;
	const struct rom_placement placement = {.image_virtual = ROM_ADDRESS,
	                                        .wedge_virtual = ROM_ADDRESS + 0x10000,
	                                        .guest_entry = CODE_ADDRESS};
	struct problem problem;

	fixture.random = (struct random){SEED};
	if (!rom_read("native", &fixture.rom, &problem) ||
	    !rom_link(&fixture.rom, &placement, &fixture.linked, &problem)) {
		print_error("%s\n", problem.text);
		return -1;
	}
	assert_true(fixture.rom.image_size <= ROM_SIZE);
	machine_open(&fixture.machine);
	fixture.machine.scribble = true;
	machine_patch_code(&fixture.machine, ROM_ADDRESS, fixture.linked.image,
	                   fixture.rom.image_size);
	add_port_hook(&fixture, (void *)on_in, UC_X86_INS_IN);
	add_port_hook(&fixture, (void *)on_out, UC_X86_INS_OUT);
	read_system(fixture.machine.unicorn, &fixture.system);
	random_fill(&fixture.random, (uint8_t *)fixture.machine.memory,
	            sizeof(*fixture.machine.memory));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	linked_rom_free(&fixture->linked);
	rom_free(&fixture->rom);
	machine_close(&fixture->machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(slots_do_what_instructions_do, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
