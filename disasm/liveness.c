/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/liveness.h"

#include "disasm/classify.h"
#include "disasm/effects.h"

#define REGISTER_ESP  4
#define MAX_BRANCHES  4 /* conditional ones on one way */
#define ALL_REGISTERS 0xff
#define OPCODE_LOOPNE 0xe0
#define OPCODE_JCXZ   0xe3

/* What is not decided yet on one way through the code. */
struct way {
	uint32_t address;
	uint8_t registers, flags;
	unsigned branches;
};

struct walk {
	const struct liveness_code *code;
	unsigned instructions; /* that may still be looked at */
	uint8_t live_registers, live_flags;
};

static void follow(struct walk *walk, struct way way);

/* What has not been decided is live. */
static void give_up(struct walk *walk, const struct way *way)
{
	walk->live_registers |= way->registers;
	walk->live_flags |= way->flags;
}

/* Decodes the instruction at address, unless nothing may be concluded from it. */
static bool fetch(struct walk *walk, uint32_t address, struct instruction *instruction,
                  const uint8_t **bytes)
{
	const struct liveness_code *code = walk->code;
	uint32_t offset = address - code->address;

	if (walk->instructions == 0 || offset >= code->size ||
	    (code->stops && code->stops(code->context, address)))
		return false;
	walk->instructions--;
	*bytes = code->bytes + offset;
	return decode_instruction(*bytes, code->size - offset, DISASM_MODE_32, instruction) ==
	           DECODE_OK &&
	       classify_instruction(instruction, *bytes) == SENSITIVE_FORM_NONE;
}

/* jcc, whose two ways are followed; false for other conditional branches. */
static bool follow_condition(struct walk *walk, struct way *way,
                             const struct instruction *instruction, const uint8_t *bytes)
{
	struct way taken;
	uint8_t reads;

	if (instruction->has_modrm || way->branches >= MAX_BRANCHES ||
	    (instruction->map == OPCODE_MAP_ONE_BYTE && instruction->opcode >= OPCODE_LOOPNE &&
	     instruction->opcode <= OPCODE_JCXZ))
		return false;
	reads = condition_flags(instruction->opcode) & way->flags;
	walk->live_flags |= reads;
	way->flags &= (uint8_t)~reads;
	way->branches++;
	taken = *way;
	taken.address = (uint32_t)instruction_branch_target(instruction, bytes, way->address);
	follow(walk, taken);
	return true;
}

/* Goes over one instruction; false where the way ends. */
static bool step(struct walk *walk, struct way *way)
{
	struct instruction instruction;
	struct instruction_effects effects;
	const uint8_t *bytes;

	if (!fetch(walk, way->address, &instruction, &bytes))
		return false;
	if (instruction.flow == FLOW_JUMP && instruction.operand_size == 32) {
		way->address =
		    (uint32_t)instruction_branch_target(&instruction, bytes, way->address);
		return true;
	}
	if (instruction.flow == FLOW_CONDITIONAL && instruction.operand_size == 32) {
		if (!follow_condition(walk, way, &instruction, bytes))
			return false;
	} else if (instruction_effects(&instruction, bytes, &effects)) {
		walk->live_registers |= way->registers & effects.reads;
		walk->live_flags |= way->flags & effects.flags_read;
		way->registers &= (uint8_t) ~(effects.reads | effects.kills);
		way->flags &= (uint8_t) ~(effects.flags_read | effects.flags_killed);
	} else {
		return false;
	}
	way->address += instruction.length;
	return true;
}

static void follow(struct walk *walk, struct way way)
{
	/* What is live on another way needs no decision here. */
	for (;;) {
		way.registers &= (uint8_t)~walk->live_registers;
		way.flags &= (uint8_t)~walk->live_flags;
		/* One live flag makes all of them live. */
		if (walk->live_flags)
			way.flags = 0;
		if (!way.registers && !way.flags)
			return;
		if (!step(walk, &way))
			break;
	}
	give_up(walk, &way);
}

uint32_t liveness_before(const struct liveness_code *code, uint32_t address)
{
	struct walk walk = {.code = code, .instructions = LIVENESS_MAX_INSTRUCTIONS};
	struct way way = {address, (uint8_t)(ALL_REGISTERS & ~(1 << REGISTER_ESP)), EFFECT_FLAGS,
	                  0};

	follow(&walk, way);
	return walk.live_registers | 1 << REGISTER_ESP | (walk.live_flags ? LIVENESS_FLAGS : 0);
}
