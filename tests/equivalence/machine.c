/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/equivalence/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INT3          0xcc
#define SCRIBBLE_SIZE 64
#define MAX_STEPS     2000

static const int register_numbers[8] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX,
                                        UC_X86_REG_EBX, UC_X86_REG_ESP, UC_X86_REG_EBP,
                                        UC_X86_REG_ESI, UC_X86_REG_EDI};

static void must(uc_err error, const char *what)
{
	if (error == UC_ERR_OK)
		return;
	fprintf(stderr, "Unicorn: %s: %s\n", what, uc_strerror(error));
	exit(1);
}

/* --- memory ----------------------------------------------------------------------------------- */

uint8_t *memory_at(struct machine_memory *memory, uint32_t address, uint32_t size)
{
	if (address < LOW_SIZE && size <= LOW_SIZE - address)
		return memory->low + address;
	if (address - ARENA_ADDRESS < ARENA_SIZE && size <= ARENA_SIZE - (address - ARENA_ADDRESS))
		return memory->arena + (address - ARENA_ADDRESS);
	if (address - STACK_ADDRESS < STACK_SIZE && size <= STACK_SIZE - (address - STACK_ADDRESS))
		return memory->stack + (address - STACK_ADDRESS);
	return NULL;
}

uint32_t memory_read(struct machine_memory *memory, uint32_t address, uint32_t size)
{
	const uint8_t *bytes = memory_at(memory, address, size);
	uint32_t value = 0;

	for (uint32_t i = 0; bytes && i < size; i++)
		value |= (uint32_t)bytes[i] << 8 * i;
	return value;
}

void memory_write(struct machine_memory *memory, uint32_t address, uint32_t size, uint32_t value)
{
	uint8_t *bytes = memory_at(memory, address, size);

	for (uint32_t i = 0; bytes && i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void on_exception(uc_engine *unicorn, uint32_t number, void *context)
{
	struct machine *machine = context;

	machine->exception = number;
	machine->stopped_by_break = number == 3;
	uc_emu_stop(unicorn);
}

/* An interrupt may come before any instruction, and its frame is written below ESP. */
static void on_instruction(uc_engine *unicorn, uint64_t address, uint32_t size, void *context)
{
	struct machine *machine = context;
	uint8_t *bytes;
	uint32_t esp;

	(void)size;
	uc_reg_read(unicorn, UC_X86_REG_ESP, &esp);
	if (address - SPRINGBOARD_ADDRESS < SPRINGBOARD_SIZE && esp < machine->lowest_stack)
		machine->lowest_stack = esp;
	bytes = memory_at(machine->memory, esp - SCRIBBLE_SIZE, SCRIBBLE_SIZE);
	if (machine->scribble && bytes && esp - STACK_ADDRESS < STACK_SIZE)
		random_fill(&machine->scribbles, bytes, SCRIBBLE_SIZE);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
	       (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56;
}

static void load_segments(struct machine *machine)
{
	/* mov to ds, es, ss from eax; to fs from ecx; to gs from edx; ljmp to the code segment */
	static const uint8_t code[] = {0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0x8e, 0xe1, 0x8e,
	                               0xea, 0xea, 0x11, 0x00, 0x10, 0x00, 0x08, 0x00, INT3};
	struct machine_state state = {.registers = {SELECTOR_DATA, SELECTOR_FS, SELECTOR_GS},
	                              .eip = CODE_ADDRESS,
	                              .flags = 2};

	machine_write_code(machine, CODE_ADDRESS, code, sizeof(code));
	if (machine_run(machine, &state) != MACHINE_BREAK) {
		fprintf(stderr, "Unicorn: segments are not loaded\n");
		exit(1);
	}
	machine_write_code(machine, CODE_ADDRESS, NULL, 0);
}

static void make_tables(struct machine *machine)
{
	const uint64_t gdt[] = {0,
	                        descriptor(0, 0xfffff, 0xc09b),
	                        descriptor(0, 0xfffff, 0xc093),
	                        descriptor(FS_BASE, 0xfffff, 0xc093),
	                        descriptor(GS_BASE, 0xfffff, 0xc093),
	                        descriptor(0, 0xfffff, 0xc093),
	                        descriptor(TABLES_ADDRESS + 0x400, 0xff, 0x82),
	                        descriptor(TABLES_ADDRESS + 0x500, 0x67, 0x89),
	                        descriptor(0, 0xfffff, 0xc0f3)};
	uc_x86_mmr gdtr = {.base = TABLES_ADDRESS, .limit = sizeof(gdt) - 1};

	must(uc_mem_write(machine->unicorn, TABLES_ADDRESS, gdt, sizeof(gdt)), "tables");
	must(uc_reg_write(machine->unicorn, UC_X86_REG_GDTR, &gdtr), "GDTR");
}

static void map_memory(struct machine *machine)
{
	static const struct {
		uint32_t address, size;
	} code[] = {{CODE_ADDRESS, CODE_SIZE},
	            {SPRINGBOARD_ADDRESS, SPRINGBOARD_SIZE},
	            {ROM_ADDRESS, ROM_SIZE},
	            {TABLES_ADDRESS, TABLES_SIZE}};
	struct machine_memory *memory = machine->memory;

	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
		must(uc_mem_map(machine->unicorn, code[i].address, code[i].size, UC_PROT_ALL),
		     "code");
		machine_write_code(machine, code[i].address, NULL, 0);
	}
	must(uc_mem_map_ptr(machine->unicorn, LOW_ADDRESS, LOW_SIZE, UC_PROT_ALL, memory->low),
	     "low memory");
	must(
	    uc_mem_map_ptr(machine->unicorn, ARENA_ADDRESS, ARENA_SIZE, UC_PROT_ALL, memory->arena),
	    "arena");
	must(
	    uc_mem_map_ptr(machine->unicorn, STACK_ADDRESS, STACK_SIZE, UC_PROT_ALL, memory->stack),
	    "stack");
}

void machine_open(struct machine *machine)
{
	uc_hook hook;

	memset(machine, 0, sizeof(*machine));
	machine->memory = aligned_alloc(4096, sizeof(*machine->memory));
	if (!machine->memory)
		must(UC_ERR_NOMEM, "memory");
	must(uc_open(UC_ARCH_X86, UC_MODE_32, &machine->unicorn), "open");
	map_memory(machine);
	must(
	    uc_hook_add(machine->unicorn, &hook, UC_HOOK_INTR, (void *)on_exception, machine, 1, 0),
	    "hook");
	must(uc_hook_add(machine->unicorn, &hook, UC_HOOK_CODE, (void *)on_instruction, machine,
	                 SPRINGBOARD_ADDRESS, ROM_ADDRESS + ROM_SIZE - 1),
	     "hook");
	make_tables(machine);
	load_segments(machine);
}

void machine_close(struct machine *machine)
{
	uc_close(machine->unicorn);
	free(machine->memory);
}

/* --- running ---------------------------------------------------------------------------------- */

void machine_patch_code(struct machine *machine, uint32_t address, const uint8_t *bytes,
                        size_t size)
{
	must(uc_mem_write(machine->unicorn, address, bytes, size), "code");
	uc_ctl_remove_cache(machine->unicorn, address, address + size);
}

void machine_write_code(struct machine *machine, uint32_t address, const uint8_t *bytes,
                        size_t size)
{
	uint8_t page[4096];
	size_t left = sizeof(page) - address % sizeof(page);

	memset(page, INT3, sizeof(page));
	if (size)
		memcpy(page, bytes, size);
	machine_patch_code(machine, address, page, left);
}

void machine_load(struct machine *machine, const struct machine_state *state)
{
	for (int i = 0; i < 8; i++)
		uc_reg_write(machine->unicorn, register_numbers[i], &state->registers[i]);
	uc_reg_write(machine->unicorn, UC_X86_REG_EFLAGS, &state->flags);
}

void machine_store(struct machine *machine, struct machine_state *state)
{
	for (int i = 0; i < 8; i++)
		uc_reg_read(machine->unicorn, register_numbers[i], &state->registers[i]);
	uc_reg_read(machine->unicorn, UC_X86_REG_EFLAGS, &state->flags);
	uc_reg_read(machine->unicorn, UC_X86_REG_EIP, &state->eip);
}

enum machine_stop machine_run(struct machine *machine, struct machine_state *state)
{
	uc_err error;

	machine->stopped_by_break = false;
	machine->exception = 0;
	machine->lowest_stack = state->registers[4];
	machine_load(machine, state);
	error = uc_emu_start(machine->unicorn, state->eip, 0, 0, MAX_STEPS);
	machine_store(machine, state);
	if (machine->stopped_by_break) {
		state->eip--;
		return MACHINE_BREAK;
	}
	return error || machine->exception ? MACHINE_FAULT : MACHINE_LOST;
}
