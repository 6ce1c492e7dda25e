/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SPRINGBOARD_H
#define PATCHER_SPRINGBOARD_H

/*
 * Springboards: the generated code that stands for the instructions of one window. Instructions
 * that are no sites are displaced (re-encoded so that they do at the new place what they did at
 * the old one); sites become marshalling and a call of their slot. Layout of one:
 *
 *   displaced instruction | marshalling, call slot, unmarshalling | ...      in the window's order
 *   jmp window end                                                unless the window's end is not
 * reached
 */

#include "disasm/classify.h"
#include "disasm/decode.h"
#include "patcher/problem.h"
#include "patcher/rom.h"

#define WINDOW_MAX_INSTRUCTIONS 32
#define SPRINGBOARD_MAX_SIZE    1024

/* One instruction of a window. */
struct window_instruction {
	uint32_t address; /* guest-virtual, original */
	const uint8_t *bytes;
	struct instruction instruction;
	uint16_t form; /* SENSITIVE_FORM_NONE: displaced as it is */
	bool keep;     /* a site that stays native (ROM_ACTION_NONE): displaced as it is */
	/* What the code behind this instruction may still read: registers by number,
	 * ROM_CLOBBERS_FLAGS (disasm/liveness.h). All ones if not known. */
	uint32_t live_after;
};

struct window {
	struct window_instruction instructions[WINDOW_MAX_INSTRUCTIONS];
	unsigned int count;
	uint32_t start, end; /* guest-virtual */
	bool unpaged; /* may run before paging is on: no absolute address of code may be formed */
};

struct springboard_origin {
	uint16_t offset;   /* in the springboard, first byte of what stands for an instruction */
	uint32_t original; /* guest-virtual */
};

struct springboard {
	uint8_t bytes[SPRINGBOARD_MAX_SIZE];
	unsigned int size;
	struct springboard_origin origins[WINDOW_MAX_INSTRUCTIONS + 1];
	unsigned int origin_count;
};

/* Whether an instruction that is no site can stand elsewhere at all (for the planner). */
bool instruction_is_displaceable(const struct instruction *instruction, const uint8_t *bytes,
                                 bool unpaged);

/*
 * Builds the springboard of window at guest-virtual address for a ROM whose header is at
 * rom_virtual. Its size does not depend on the addresses. false: *problem names the instruction and
 * why it cannot be done.
 */
bool springboard_build(const struct window *window, uint32_t address, const struct rom *rom,
                       uint32_t rom_virtual, struct springboard *springboard,
                       struct problem *problem);

#endif
