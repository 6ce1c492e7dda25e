/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SPRINGBOARD_H
#define PATCHER_SPRINGBOARD_H

/*
 * Springboards: the generated code that stands for the instructions of one window. Instructions
 * that are no sites are displaced (re-encoded so that they do at the new place what they did at
 * the old one); sites become marshalling and a call of their slot. Layout of one:
 *
 *   displaced instruction | marshalling, call of the slot, results | ...    in the window's order
 *   jmp window end                        unless the last instruction goes elsewhere by itself
 *
 * Between any two instructions of the window all registers, ESP included, are what they were at the
 * original place. Nothing is ever kept below ESP, and a springboard takes at most
 * SPRINGBOARD_MAX_STACK bytes of stack below what the original instruction takes (return addresses
 * of slots included, what the slot takes itself not).
 *
 * An interrupt shadow (SDM vol. 3, section 6.8.3) is kept within a window, as
 * patcher/springboard/shadow.c says; see springboard_joins_next() for what must not be cut.
 */

#include "disasm/classify.h"
#include "disasm/decode.h"
#include "patcher/problem.h"
#include "patcher/rom/rom.h"

#define WINDOW_MAX_INSTRUCTIONS 32
#define SPRINGBOARD_MAX_SIZE    1024
#define SPRINGBOARD_MAX_ORIGINS (6 * WINDOW_MAX_INSTRUCTIONS)
#define SPRINGBOARD_MAX_STACK   32

/* One instruction of a window. */
struct window_instruction {
	uint32_t address; /* guest-virtual, original */
	const uint8_t *bytes;
	struct instruction instruction;
	/* SENSITIVE_FORM_NONE: displaced as it is. So are forms without call, forms whose call the
	 * ROM answers with NONE, and those that need no rewriting if the ROM does not offer their
	 * call. */
	uint16_t form;
	bool keep; /* a site that stays native: displaced as it is */
	/* A store of the high half of a 64-bit page-table entry, whose low half the next
	 * instruction stores: together they become SetPxELong, if they can. */
	bool paired;
	/* Something will be made to jump to springboard.entries[] of this instruction: it may not
	 * become one with the instruction before. */
	bool entered;
	/* What the code behind this instruction may still read: registers by number,
	 * ROM_CLOBBERS_FLAGS (disasm/liveness.h). All ones if not known, and for instructions with
	 * an exception table entry, as the code there may read more. */
	uint32_t live_after;
};

/* Instructions follow each other without gap; the first one is at start. Bytes between the last
 * one and end (padding) belong to the window only if that one does not fall through. */
struct window {
	struct window_instruction instructions[WINDOW_MAX_INSTRUCTIONS];
	unsigned int count;
	uint32_t start, end; /* guest-virtual */
	bool unpaged; /* may run before paging is on: no absolute address of code may be formed */
};

/* What a springboard has saved on the stack at some place, outermost first. The words stand in
 * this order, however the bits are numbered: */
enum {
	SPRINGBOARD_SAVED_RESULT = ROM_SAVED_RESULT, /* a word for a result: not to be restored */
	SPRINGBOARD_SAVED_EAX = 1 << 0,
	SPRINGBOARD_SAVED_FLAGS = ROM_SAVED_FLAGS,
	SPRINGBOARD_SAVED_ECX = 1 << 1, /* then the registers left, ascending numbers */
};

/*
 * From here to the next origin the code stands for the instruction at original. A fault in it, or
 * in the slot called from it, happens for the guest at original, with ESP higher by pushed and the
 * saved registers as they are on the stack; starting again at the first origin of that instruction
 * is then right.
 */
struct springboard_origin {
	uint16_t offset;   /* in the springboard, of an instruction's first byte */
	uint16_t saved;    /* SPRINGBOARD_SAVED_*; registers by number */
	uint32_t original; /* guest-virtual */
	uint8_t pushed;    /* bytes between ESP here (at a call: before it) and the original ESP */
};

#define SPRINGBOARD_NO_ENTRY UINT16_MAX

struct springboard {
	uint8_t bytes[SPRINGBOARD_MAX_SIZE];
	unsigned int size;
	struct springboard_origin origins[SPRINGBOARD_MAX_ORIGINS]; /* ascending offsets */
	unsigned int origin_count;
	/* Where instruction i of the window begins; SPRINGBOARD_NO_ENTRY if it has become one with
	 * the instruction before. */
	uint16_t entries[WINDOW_MAX_INSTRUCTIONS];
};

/*
 * Whether an instruction that is no site, or stays native, can stand elsewhere at all (for the
 * planner). A call can only if it is the last one of its window, as it returns to its original
 * place, or if it calls the instruction behind it to learn its own address.
 */
bool instruction_is_displaceable(const struct instruction *instruction, const uint8_t *bytes,
                                 bool unpaged);

/* Why not, a phrase that continues "it cannot stand elsewhere: "; NULL if it can. */
const char *instruction_displacement_obstacle(const struct instruction *instruction,
                                              const uint8_t *bytes, bool unpaged);

/*
 * Whether a window must not end between a site of a form and the instruction behind it (itself of
 * next_form, or SENSITIVE_FORM_NONE): an interrupt between the two would change what they do, or
 * find no stack. `sti; hlt` is such a pair.
 */
bool springboard_joins_next(uint16_t form, const struct instruction *next, uint16_t next_form);

/*
 * Whether the two store 32 bits each from register or immediate, with the first one's operand four
 * bytes behind that of the second.
 */
bool springboard_is_entry_pair(const struct instruction *high, const uint8_t *high_bytes,
                               const struct instruction *low, const uint8_t *low_bytes);

/*
 * Builds the springboard of window at guest-virtual address for a ROM whose header is at
 * rom_virtual. Its size does not depend on the addresses. false: *problem names the instruction and
 * why it cannot be done.
 */
bool springboard_build(const struct window *window, uint32_t address, const struct rom *rom,
                       uint32_t rom_virtual, struct springboard *springboard,
                       struct problem *problem);

#endif
