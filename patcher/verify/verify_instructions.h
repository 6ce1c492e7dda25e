/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_INSTRUCTIONS_H
#define PATCHER_VERIFY_INSTRUCTIONS_H

/* What single instructions do to the state of the symbolic processor (verify_machine.h). */

#include "patcher/verify/verify_machine.h"

enum effect_kind {
	EFFECT_NEXT,    /* goes on behind the instruction */
	EFFECT_JUMP,    /* goes on at target, an address */
	EFFECT_FORK,    /* at target if condition (a flag's term) is condition_value */
	EFFECT_INDIRECT /* at the address that is the term target */
};

struct instruction_effect {
	enum effect_kind kind;
	uint32_t target;
	term_number condition;
	bool condition_value;
};

/* Executes one instruction; *effect is EFFECT_NEXT before. false: machine->reason. */
bool instruction_execute(struct machine *machine, struct machine_state *state,
                         const struct machine_step *step, struct instruction_effect *effect);

#endif
