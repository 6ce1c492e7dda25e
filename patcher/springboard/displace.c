/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Instructions that do at another place what they did at theirs. Most are position-independent and
 * copied. Direct branches have their target, always by rel32; loop and jecxz, which have only short
 * forms, hop:
 *
 *       loop 1f
 *       jmp 2f
 *   1:  jmp target
 *   2:
 *
 * Calls push the address behind the original instruction and jump.
 */

#include <string.h>

#include "patcher/bytes.h"
#include "patcher/springboard/springboard_builder.h"

enum {
	OPCODE_JCC_SHORT = 0x70,
	OPCODE_CALL_FAR = 0x9a,
	OPCODE_LOOPNE = 0xe0,
	OPCODE_JCXZ = 0xe3,
	OPCODE_CALL = 0xe8,
	OPCODE_JMP = 0xe9,
	OPCODE_JMP_SHORT = 0xeb,
	OPCODE_GROUP5 = 0xff
};

enum { GROUP5_CALL = 2, GROUP5_CALL_FAR = 3, GROUP5_JMP = 4 };

static uint8_t modrm_reg(const struct instruction *instruction)
{
	return instruction->modrm >> 3 & 7;
}

static bool is_one_byte(const struct instruction *instruction, uint8_t opcode)
{
	return instruction->encoding == ENCODING_LEGACY &&
	       instruction->map == OPCODE_MAP_ONE_BYTE && instruction->opcode == opcode;
}

/* --- what cannot stand elsewhere -------------------------------------------------------------- */

static const char *indirect_call_obstacle(const struct instruction *instruction)
{
	if (is_one_byte(instruction, OPCODE_CALL_FAR) || modrm_reg(instruction) == GROUP5_CALL_FAR)
		return "a far call pushes the address that it has";
	if (instruction->operand_size == 16)
		return "it pushes two bytes of the address that it has";
	if (instruction->modrm == (0xc0 | GROUP5_CALL << 3 | REGISTER_ESP))
		return "it calls the address in ESP";
	return NULL;
}

/* Only vmcall and its like push nothing. */
static const char *interrupt_obstacle(const struct instruction *instruction)
{
	return instruction->map == OPCODE_MAP_0F && instruction->opcode == 0x01
	           ? NULL
	           : "an interrupt's handler sees the address that it has";
}

const char *instruction_displacement_obstacle(const struct instruction *instruction,
                                              const uint8_t *bytes, bool unpaged)
{
	(void)bytes;
	(void)unpaged;
	if (instruction->mode != DISASM_MODE_32)
		return "it is not 32-bit code";
	switch ((enum instruction_flow)instruction->flow) {
	case FLOW_NEXT:
	case FLOW_INDIRECT_JUMP:
	case FLOW_RETURN: return NULL;
	case FLOW_JUMP:
	case FLOW_CONDITIONAL:
	case FLOW_CALL:
		return instruction->operand_size == 16 ? "its target is cut to 16 bits" : NULL;
	case FLOW_INDIRECT_CALL: return indirect_call_obstacle(instruction);
	case FLOW_INTERRUPT: return interrupt_obstacle(instruction);
	case FLOW_STOP: return "its address tells the kernel where it failed";
	}
	return "its kind is unknown";
}

bool instruction_is_displaceable(const struct instruction *instruction, const uint8_t *bytes,
                                 bool unpaged)
{
	return !instruction_displacement_obstacle(instruction, bytes, unpaged);
}

/* --- direct branches -------------------------------------------------------------------------- */

/* loop, loope, loopne, jecxz: the original's prefixes, as the address size selects CX or ECX. */
static void displace_short_branch(struct springboard_builder *builder, unsigned int index,
                                  uint32_t target)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	struct emitter *emitter = &builder->emitter;
	static const uint8_t over_hop[] = {0x02, OPCODE_JMP_SHORT, 0x05, OPCODE_JMP};

	emit_bytes(emitter, at->bytes, at->instruction.immediate_offset);
	emit_bytes(emitter, over_hop, sizeof(over_hop));
	builder_rel32(builder, index, target);
}

static void displace_jump(struct springboard_builder *builder, unsigned int index, uint32_t target)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	const struct instruction *instruction = &at->instruction;
	struct emitter *emitter = &builder->emitter;
	uint8_t opcode = instruction->opcode;

	if (is_one_byte(instruction, opcode) && opcode >= OPCODE_LOOPNE && opcode <= OPCODE_JCXZ) {
		displace_short_branch(builder, index, target);
		return;
	}
	if (instruction->prefixes & PREFIX_REPNE) /* bnd */
		emit_byte(emitter, 0xf2);
	if (is_one_byte(instruction, OPCODE_JMP) || is_one_byte(instruction, OPCODE_JMP_SHORT)) {
		emit_byte(emitter, OPCODE_JMP);
	} else if (instruction->has_modrm) { /* xbegin */
		emit_byte(emitter, opcode);
		emit_byte(emitter, instruction->modrm);
	} else { /* jcc, whose condition is in the low bits of both its opcodes */
		emit_byte(emitter, 0x0f);
		emit_byte(emitter, (uint8_t)(0x80 | (opcode & 0x0f)));
	}
	builder_rel32(builder, index, target);
}

/* --- calls ------------------------------------------------------------------------------------ */

/*
 * The callee returns to the original place, so nothing of the window may stand there. A call of the
 * instruction behind it returns nowhere: it is how position-independent code learns its address.
 */
static bool displace_call(struct springboard_builder *builder, unsigned int index, uint32_t target)
{
	const struct window *window = builder->window;
	const struct window_instruction *at = &window->instructions[index];
	uint32_t next = at->address + at->instruction.length;

	if (target != next && next - window->start < window->end - window->start)
		return problem_report(builder->problem, SPRINGBOARD_DISPLACE, WIDE(at->address),
		                      "it would return into the window");
	builder_push_code_address(builder, next);
	if (target == next)
		return true;
	/* The stack has grown; a fault of the jump, in the callee's name, finds it so. */
	emit_byte(&builder->emitter, OPCODE_JMP);
	builder_rel32(builder, index, target);
	return true;
}

static bool displace_indirect_call(struct springboard_builder *builder, unsigned int index)
{
	const struct window *window = builder->window;
	const struct window_instruction *at = &window->instructions[index];
	struct emitter *emitter = &builder->emitter;
	uint32_t next = at->address + at->instruction.length;
	struct memory_operand operand;
	bool from_stack;

	if (next - window->start < window->end - window->start)
		return problem_report(builder->problem, SPRINGBOARD_DISPLACE, WIDE(at->address),
		                      "it would return into the window");
	builder_push_code_address(builder, next);
	builder_origin(builder, at->address, 4, 0);
	if (!memory_operand_read(&at->instruction, at->bytes, &operand)) {
		emit_byte(emitter, OPCODE_GROUP5);
		emit_byte(emitter, (uint8_t)(0xc0 | GROUP5_JMP << 3 | (at->instruction.modrm & 7)));
		return true;
	}
	from_stack = operand.registers & 1 << REGISTER_ESP;
	emit_memory(emitter, "\xff", GROUP5_JMP, &operand, from_stack ? 4 : 0);
	return true;
}

bool builder_displace(struct springboard_builder *builder, unsigned int index)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	const struct instruction *instruction = &at->instruction;
	const char *obstacle =
	    instruction_displacement_obstacle(instruction, at->bytes, builder->window->unpaged);
	uint32_t target;

	if (obstacle)
		return problem_report(builder->problem, SPRINGBOARD_DISPLACE, WIDE(at->address),
		                      obstacle);
	builder_origin(builder, at->address, 0, 0);
	if (instruction->flow == FLOW_INDIRECT_CALL)
		return displace_indirect_call(builder, index);
	if (!instruction_is_direct_branch(instruction)) {
		emit_bytes(&builder->emitter, at->bytes, instruction->length);
		return true;
	}
	target = (uint32_t)instruction_branch_target(instruction, at->bytes, at->address);
	if (instruction->flow == FLOW_CALL)
		return displace_call(builder, index, target);
	displace_jump(builder, index, target);
	return true;
}
