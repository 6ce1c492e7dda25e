/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SPRINGBOARD_BUILDER_H
#define PATCHER_SPRINGBOARD_BUILDER_H

/* What the makers of springboards share: springboard.c, shadow.c, pair.c, displace.c,
 * marshal.c. */

#include "patcher/springboard/emit.h"
#include "patcher/springboard/springboard.h"
#include "patchtables/vmi_calls.h"

/* A rel32 to an instruction of the same window. */
struct window_branch {
	uint16_t offset;  /* of the rel32 in the springboard */
	uint8_t from, to; /* indices of instructions */
};

struct springboard_builder {
	const struct window *window;
	const struct rom *rom;
	uint32_t rom_virtual;
	struct springboard *springboard;
	struct problem *problem;
	struct emitter emitter;
	struct window_branch branches[WINDOW_MAX_INSTRUCTIONS];
	unsigned int branch_count;
	bool entered[WINDOW_MAX_INSTRUCTIONS]; /* by a branch of this window, or from outside */
};

/* The index of the window's instruction at address, window.count if address is outside of the
 * window, -1 if it is inside but no instruction begins there. */
int window_find(const struct window *window, uint32_t address);

/* From here on the code stands for the instruction at original. */
void builder_origin(struct springboard_builder *builder, uint32_t original, unsigned int pushed,
                    unsigned int saved);

/* Emits the rel32 of a branch of instruction index, whose opcode was emitted. */
void builder_rel32(struct springboard_builder *builder, unsigned int index, uint32_t target);

/*
 * Pushes a guest-virtual address of code. In an unpaged window it is formed from EIP, so that it
 * is that of the alias which runs. No register and no flag changes.
 */
void builder_push_code_address(struct springboard_builder *builder, uint32_t address);

/* Whether the window's instruction index is displaced as it is, see struct window_instruction. */
bool builder_stays_native(const struct springboard_builder *builder, unsigned int index);

/* The description of a call, and whether what is behind a site of it is reached from it. */
const struct vmi_call_description *builder_describe(enum vmi_call call);

/* The instruction as it was, at its new place. false: *problem. */
bool builder_displace(struct springboard_builder *builder, unsigned int index);

/* The call that the instruction becomes. live: what is needed afterwards. false: *problem. */
bool builder_marshal(struct springboard_builder *builder, unsigned int index, uint32_t live);

/* A call of the ROM, on behalf of instruction index, that takes and gives nothing. false: *problem.
 */
bool builder_call(struct springboard_builder *builder, unsigned int index, enum vmi_call call,
                  uint32_t live);

/* Whether such a call would have to save something that is live. */
bool builder_call_saves(struct springboard_builder *builder, enum vmi_call call, uint32_t live);

/*
 * Handles instruction index and the next one if they are the halves of a page-table entry that
 * become one call: *consumed is 2 then, else 0. false: *problem.
 */
bool builder_entry_pair(struct springboard_builder *builder, unsigned int index,
                        unsigned int *consumed);

/*
 * Handles instruction index if it holds interrupts back for the next one and the two must be
 * looked at together: *consumed is how many were handled, 0 if none. false: *problem.
 */
bool builder_shadow(struct springboard_builder *builder, unsigned int index,
                    unsigned int *consumed);

#endif
