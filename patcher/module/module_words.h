/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MODULE_WORDS_H
#define PATCHER_MODULE_WORDS_H

/*
 * Which words of a springboard depend on addresses, and how. The bytes of a springboard are a
 * linear function of a few inputs: its own address, the ROM's, the window's, and each word of the
 * window that has a relocation. So the springboard is built again with one input moved at a time,
 * and the words that follow are those that need a relocation. Nothing has to be known of how
 * springboards are made; and what is not linear is seen and refused.
 */

#include "patcher/springboard/springboard.h"

#define MODULE_MOST_WORDS     (SPRINGBOARD_MAX_SIZE / 4)
#define MODULE_MOST_RELOCATED (2 * WINDOW_MAX_INSTRUCTIONS)

enum module_word_kind {
	MODULE_WORD_SLOT,    /* relative, to a slot of the ROM */
	MODULE_WORD_BRANCH,  /* relative, to a place in the window's section */
	MODULE_WORD_ADDRESS, /* a place in the window's section */
	MODULE_WORD_COPY,    /* what a relocated word of the window holds, perhaps plus something */
	MODULE_WORD_FOLLOW   /* relative, to where a relocated branch of the window leads */
};

struct module_word {
	uint16_t offset; /* in the springboard, of four bytes */
	uint8_t kind;
	uint8_t relocated; /* COPY, FOLLOW: which of the window's relocated words */
};

/* A word of the window that a relocation changes. */
struct module_relocated {
	uint8_t instruction; /* index in the window */
	uint8_t offset;      /* in that instruction */
};

struct module_window {
	struct window window;
	struct module_relocated relocated[MODULE_MOST_RELOCATED];
	unsigned int relocated_count;
};

/*
 * Whether four bytes at offset of an instruction are one operand of it: a displacement or an
 * immediate. A relocation of other bytes cannot move with the instruction.
 */
bool module_operand_at(const struct instruction *instruction, uint32_t offset);

struct module_springboard {
	struct springboard code;                     /* for the addresses given */
	struct module_word words[MODULE_MOST_WORDS]; /* ascending offsets */
	unsigned int word_count;
};

/*
 * Builds the springboard of window at address for a ROM at rom_virtual, as springboard_build()
 * does, and finds its words. false: *problem.
 */
bool module_springboard_build(const struct module_window *window, uint32_t address,
                              const struct rom *rom, uint32_t rom_virtual,
                              struct module_springboard *springboard, struct problem *problem);

#endif
