/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EQUIVALENCE_SITE_H
#define EQUIVALENCE_SITE_H

/* Instructions of a form, with every way to address memory, and a state in which they make sense.
 */

#include "disasm/classify.h"
#include "tests/equivalence/machine.h"

struct site {
	uint8_t bytes[INSTRUCTION_MAX_LENGTH];
	struct instruction instruction;
	uint16_t form;
	struct machine_state state; /* before the instruction; eip is CODE_ADDRESS */
	bool has_memory;
	uint32_t effective_address; /* as the machine's lea has it */
	uint32_t linear_address;
};

/* Which ModRM and SIB a variant has, besides what the encoding fixes. */
struct site_shape {
	bool address16;
	uint8_t modrm, sib;
};

/*
 * Makes a site of form from an encoding (prefixes, opcode, perhaps the rest) and a shape;
 * displacement, immediate and registers are random, its memory is mapped unless unmapped is set.
 * false: no instruction of this form has that shape.
 */
bool site_make(struct machine *machine, struct random *random, uint16_t form,
               const uint8_t *encoding, uint8_t encoding_size, const struct site_shape *shape,
               bool unmapped, struct site *site);

/* Calls visit for every encoding of a form in 32-bit mode and every shape it can have. */
typedef void site_visit(void *context, uint16_t form, const uint8_t *encoding, uint8_t size,
                        const struct site_shape *shape);
void site_each(uint16_t form, site_visit *visit, void *context);

/* For messages. */
void site_print(const struct site *site);

#endif
