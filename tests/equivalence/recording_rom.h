/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EQUIVALENCE_RECORDING_ROM_H
#define EQUIVALENCE_RECORDING_ROM_H

/*
 * A ROM whose slots are int3: a run ends there, and the test answers in the slot's place. It
 * clobbers what it may.
 */

#include "patcher/springboard/springboard.h"
#include "tests/equivalence/model.h"

/* What a slot finds. */
struct rom_record {
	enum vmi_call call;
	struct machine_state state; /* ESP is that before the call */
	uint32_t return_address;
	uint32_t words[4];
};

/* A ROM that offers all calls, and clobbers any of the registers and flags that they may. */
void recording_rom_make(struct random *random, struct rom *rom);

/* Whether a run has ended in a slot, which is then told in *record. */
bool recording_rom_entered(struct machine *machine, const struct machine_state *state,
                           struct rom_record *record);

void rom_answer_make(struct random *random, struct rom_answer *answer);

/* Does what the call does to registers, flags, stack and memory, and returns from it. */
void recording_rom_answer(struct machine *machine, struct random *random, const struct rom *rom,
                          const struct rom_record *record, const struct rom_answer *answer,
                          struct machine_state *state);

const struct vmi_call_description *describe_call(enum vmi_call call);

#endif
