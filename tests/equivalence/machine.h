/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EQUIVALENCE_MACHINE_H
#define EQUIVALENCE_MACHINE_H

/*
 * A small PC in Unicorn: 32-bit protected mode, ring 0, flat segments but FS and GS, no paging.
 * Code stands in pages full of int3, which ends a run; all memory that code may write is one block,
 * so that two runs can be compared.
 */

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#include "tests/equivalence/random.h"

/* Addresses in the machine. */
enum {
	LOW_ADDRESS = 0x00000000, /* for 16-bit addressing; with room behind its 64 KiB */
	LOW_SIZE = 0x11000,
	CODE_ADDRESS = 0x00100000,
	CODE_SIZE = 0x1000,
	SPRINGBOARD_ADDRESS = 0x00200000,
	SPRINGBOARD_SIZE = 0x1000,
	ROM_ADDRESS = 0x00300000,
	ROM_SIZE = 0x8000,
	TABLES_ADDRESS = 0x00600000, /* GDT, IDT, LDT, TSS */
	TABLES_SIZE = 0x1000,
	ARENA_ADDRESS = 0x00400000,
	ARENA_SIZE = 0x2000,
	STACK_ADDRESS = 0x004ff000, /* its middle is where SP wraps */
	STACK_SIZE = 0x2000,
	UNMAPPED_ADDRESS = 0x00700000,
	FS_BASE = ARENA_ADDRESS + 0x100,
	GS_BASE = ARENA_ADDRESS + 0x800,
};

/* Selectors of the machine's GDT. */
enum {
	SELECTOR_CODE = 0x08,
	SELECTOR_DATA = 0x10,
	SELECTOR_FS = 0x18,
	SELECTOR_GS = 0x20,
	SELECTOR_DATA_2 = 0x28,
	SELECTOR_LDT = 0x30,
	SELECTOR_TSS = 0x38,
	SELECTOR_USER = 0x43,
};

#define STATUS_FLAGS 0x8d5
#define FLAG_CF      0x001
#define FLAG_PF      0x004
#define FLAG_AF      0x010
#define FLAG_ZF      0x040
#define FLAG_SF      0x080
#define FLAG_IF      0x200
#define FLAG_DF      0x400
#define FLAG_OF      0x800

struct machine_state {
	uint32_t registers[8];
	uint32_t eip, flags;
};

/* What can be written. */
struct machine_memory {
	uint8_t low[LOW_SIZE];
	uint8_t arena[ARENA_SIZE];
	uint8_t stack[STACK_SIZE];
};

enum machine_stop {
	MACHINE_BREAK, /* int3: eip is its address */
	MACHINE_FAULT, /* memory, or another exception: eip is the instruction's address */
	MACHINE_LOST   /* too many instructions */
};

struct machine {
	uc_engine *unicorn;
	struct machine_memory *memory; /* the machine's own */
	struct random scribbles;
	bool scribble;         /* write what is below ESP before every instruction */
	uint32_t lowest_stack; /* the lowest ESP met in code of springboards */
	bool stopped_by_break;
	unsigned int exception; /* number of the exception that ended the run, if one did */
};

void machine_open(struct machine *machine);
void machine_close(struct machine *machine);

/* Writes code, over int3 from there to the page's end. */
void machine_write_code(struct machine *machine, uint32_t address, const uint8_t *bytes,
                        size_t size);
/* Without the int3. */
void machine_patch_code(struct machine *machine, uint32_t address, const uint8_t *bytes,
                        size_t size);

void machine_load(struct machine *machine, const struct machine_state *state);
void machine_store(struct machine *machine, struct machine_state *state);

/* Runs from state.eip on, to an int3 or fault; *state becomes what is then. */
enum machine_stop machine_run(struct machine *machine, struct machine_state *state);

/* The bytes at an address of the block, or NULL. */
uint8_t *memory_at(struct machine_memory *memory, uint32_t address, uint32_t size);
uint32_t memory_read(struct machine_memory *memory, uint32_t address, uint32_t size);
void memory_write(struct machine_memory *memory, uint32_t address, uint32_t size, uint32_t value);

#endif
