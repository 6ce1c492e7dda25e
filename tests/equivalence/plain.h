/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EQUIVALENCE_PLAIN_H
#define EQUIVALENCE_PLAIN_H

/*
 * Random integer instructions of the kinds that stand beside sensitive ones. Memory operands are
 * based on EBX and ESI, which point into the arena, or on ESP; none of the three is a destination
 * but by push and pop, so that any sequence can run.
 */

#include "disasm/decode.h"
#include "tests/equivalence/machine.h"

/* Writes one instruction to bytes (room for INSTRUCTION_MAX_LENGTH). Its length. */
unsigned int plain_instruction(struct random *random, uint8_t *bytes);

/* A state for such instructions; eip is CODE_ADDRESS. */
void plain_state(struct random *random, struct machine_state *state);

#endif
