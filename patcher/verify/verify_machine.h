/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_MACHINE_H
#define PATCHER_VERIFY_MACHINE_H

/*
 * The symbolic processor: runs the few instructions that springboards are made of, 32-bit code, on
 * terms (verify_values.h). What it does not know it does not guess: the run ends with a reason, and
 * the springboard counts as wrong.
 *
 * The stack is memory at the first ESP plus an offset, reached through SS. All other memory is one
 * thing: each write to it, and each call that may write, makes a new version of it. What stands
 * below ESP is lost at once, as an interrupt may come at any time.
 */

#include "disasm/decode.h"
#include "patcher/verify/verify_values.h"

enum machine_register {
	MACHINE_EAX,
	MACHINE_ECX,
	MACHINE_EDX,
	MACHINE_EBX,
	MACHINE_ESP,
	MACHINE_EBP,
	MACHINE_ESI,
	MACHINE_EDI,
	MACHINE_REGISTERS
};

/* The status flags. */
enum machine_flag {
	MACHINE_SF,
	MACHINE_ZF,
	MACHINE_AF,
	MACHINE_PF,
	MACHINE_CF, /* so far in the order of term_lahf() */
	MACHINE_OF,
	MACHINE_FLAGS
};

#define MACHINE_STACK_LIMIT 128 /* bytes of the stack written */
#define MACHINE_STORE_LIMIT 4   /* writes to other memory */

struct machine_stack_byte {
	int32_t offset; /* from the first ESP */
	struct value_byte byte;
};

struct machine_store {
	uint8_t segment; /* prefix byte of the segment used: 3e, 36, ... */
	uint8_t size;
	term_number address;
	struct value value;
};

struct machine_state {
	struct value registers[MACHINE_REGISTERS];
	term_number flags[MACHINE_FLAGS];
	struct machine_stack_byte stack[MACHINE_STACK_LIMIT];
	unsigned int stack_count;
	struct machine_store stores[MACHINE_STORE_LIMIT];
	unsigned int store_count;
	uint32_t memory_version;
	int32_t highest; /* offset of the highest ESP so far: what is below it is lost */
	/* A branch was taken because this flag (term) has this value. */
	term_number assumed;
	bool assumption;
	bool has_assumption;
	unsigned int calls; /* of the ROM */
};

/* How a run ends. */
enum machine_exit {
	MACHINE_END,      /* control reached the end of the code given */
	MACHINE_JUMP,     /* went to target, outside of it */
	MACHINE_INDIRECT, /* went to the address that is the term target */
	MACHINE_STOPPED,  /* a call does not return, or the site is done with */
	MACHINE_FAILED    /* not understood, or refused by the owner: reason */
};

struct machine;

/*
 * Asked at each instruction whether the machine's owner knows what it does: a call of the ROM.
 * OWNER_NO leaves it to the machine; OWNER_DONE: the state has been changed, length bytes are done;
 * OWNER_STOP ends the path; OWNER_REFUSE: machine->reason says why.
 */
enum machine_owner_answer { OWNER_NO, OWNER_DONE, OWNER_STOP, OWNER_REFUSE };

struct machine_step {
	uint32_t address;
	const uint8_t *bytes; /* as many as the code given still has */
	uint32_t size;
	const struct instruction *instruction;
	uint32_t length; /* set with OWNER_DONE: bytes to go on behind */
};

struct machine {
	struct term_table *terms;
	const uint8_t *code; /* [start, end) */
	uint32_t start, end;
	void *owner;
	enum machine_owner_answer (*step)(struct machine *machine, struct machine_state *state,
	                                  struct machine_step *step);
	/* Called for each path's end; false ends the run. */
	bool (*finish)(struct machine *machine, const struct machine_state *state,
	               enum machine_exit exit, uint32_t target);
	/* Called before each instruction, with what it finds; false, with the reason, ends the run.
	 * NULL: nobody looks. */
	bool (*observe)(struct machine *machine, const struct machine_state *state,
	                const struct machine_step *step);
	void *watch; /* the observer's */
	const char *reason;
	uint32_t reason_address;
	unsigned int steps;
	uint64_t *starts; /* bitmap of end - start bits: instructions run, or NULL */
	uint32_t reached; /* behind the last byte run */
};

/* The state in which an original instruction is reached. */
void machine_start(struct term_table *terms, struct machine_state *state);

/* Runs from machine->start in that state, along all paths. false: machine->reason. */
bool machine_run(struct machine *machine, const struct machine_state *state);

/* false, with the reason. */
bool machine_fail(struct machine *machine, const char *reason);

/* --- for owners: what instructions' operands are in a state ----------------------------------- */

/* Whether ModRM names memory. */
bool machine_has_memory_operand(const struct instruction *instruction);

/* The address of the memory operand, plus extra; *segment the prefix byte of its segment. */
term_number machine_operand_address(struct term_table *terms, const struct machine_state *state,
                                    const struct instruction *instruction, const uint8_t *bytes,
                                    uint32_t extra, uint8_t *segment);

/* A register of 1, 2 or 4 bytes as a value, its missing bytes zero. */
struct value machine_register(struct term_table *terms, const struct machine_state *state,
                              unsigned int number, unsigned int size);

/* The flags that and, or and test leave for a result of which size bytes count (SDM vol. 2, TEST):
 * AF is not known. */
void machine_logic_flags(struct term_table *terms, struct value result, unsigned int size,
                         term_number flags[MACHINE_FLAGS]);

/* size bytes of memory at an address, missing ones zero. false: below ESP, machine->reason. */
bool machine_load(struct machine *machine, const struct machine_state *state, uint8_t segment,
                  term_number address, unsigned int size, struct value *value);

/* ESP's offset from the first one; false, with the reason, if it is not known. */
bool machine_stack_offset(struct machine *machine, const struct machine_state *state,
                          int32_t *offset);

/* The byte of the stack at an offset; what was never written is what stood there at first. */
struct value_byte machine_stack_byte(struct term_table *terms, const struct machine_state *state,
                                     int32_t offset);

bool machine_store_stack(struct machine *machine, struct machine_state *state, int32_t offset,
                         struct value_byte byte);

/* Makes ESP the first one plus offset. */
bool machine_set_stack_offset(struct machine *machine, struct machine_state *state, int32_t offset);

#endif
