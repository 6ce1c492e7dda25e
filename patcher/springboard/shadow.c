/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Interrupt shadows. After sti (if IF was clear), mov ss and pop ss no interrupt is delivered
 * before the next instruction, X, has run (SDM vol. 2, STI; vol. 3, section 6.8.3). A call that
 * enables interrupts delivers them before it returns, so behind a rewritten sti
 *
 *     hlt                      the two become one call of Halt: no wake-up is lost
 *     cli, popf, iret,         sti is dropped: X decides on IF itself, and no interrupt could come
 *     sti, sysexit, sysret       before it. Sysexit and sysret only as calls, which enable
 *     ret                      jmp slot: the slot's own ret is X. Only if nothing is to be saved
 *     other jumps and calls    enabled before X: to be interrupted at it or behind it is the same
 *     pushf, mwait, far        enabled before X, which must see IF set; likewise whatever sees or
 *       transfers                sets IF and stays native
 *     anything else            X first, then the call that enables
 *
 * Where the ROM gives the bytes of sti itself (ROM_ACTION_INLINE) they stand before X, and the CPU
 * keeps the shadow; only where X becomes several instructions it comes first, too.
 *
 * Behind mov ss or pop ss, a load of ESP from a register or constant becomes part of one call,
 * LoadStack. Any other X follows the call, and holding interrupts back is the ROM's part.
 */

#include "patcher/bytes.h"
#include "patcher/springboard/marshal.h"

enum pair {
	PAIR_NONE,     /* each for itself, in order */
	PAIR_HALT,     /* one Halt */
	PAIR_DROP,     /* the second alone */
	PAIR_RETURN,   /* jmp to the slot that enables */
	PAIR_REVERSED, /* the second first */
	PAIR_STACK,    /* one LoadStack */
	PAIR_REFUSED
};

static const struct rom_call *pair_call(const struct springboard_builder *builder,
                                        enum vmi_call call)
{
	return &builder->rom->calls[call];
}

static bool is_offered(const struct springboard_builder *builder, enum vmi_call call)
{
	uint8_t action = pair_call(builder, call)->action;

	return action == ROM_ACTION_CALL || action == ROM_ACTION_INLINE;
}

/* --- sti -------------------------------------------------------------------------------------- */

/* The calls enable interrupts themselves; bytes of the ROM's do not, and need those of sti before.
 */
static enum pair pair_with_exit(const struct springboard_builder *builder, enum vmi_call call)
{
	if (pair_call(builder, call)->action != ROM_ACTION_INLINE)
		return PAIR_DROP;
	return pair_call(builder, VMI_CALL_EnableInterrupts)->action == ROM_ACTION_INLINE
	           ? PAIR_NONE
	           : PAIR_REFUSED;
}

/* X is a site that becomes a call. */
static enum pair pair_with_site(const struct springboard_builder *builder, uint16_t call)
{
	switch (call) {
	case VMI_CALL_HLT: return PAIR_HALT;
	case VMI_CALL_DisableInterrupts:
	case VMI_CALL_EnableInterrupts:
	case VMI_CALL_POPF:
	case VMI_CALL_POPFW:
	case VMI_CALL_IRET:
	case VMI_CALL_IRETW: return PAIR_DROP;
	case VMI_CALL_SYSEXIT:
	case VMI_CALL_SYSRET: return pair_with_exit(builder, (enum vmi_call)call);
	case VMI_CALL_PUSHF:
	case VMI_CALL_PUSHFW:
	case VMI_CALL_MWAIT:
	case VMI_CALL_PopSS: /* which has a shadow of its own */
	case VMI_CALL_LoadStack: return PAIR_NONE;
	default: return builder_describe(call)->returns ? PAIR_REVERSED : PAIR_NONE;
	}
}

/* X stays what it is. */
static enum pair pair_with_native(struct springboard_builder *builder,
                                  const struct window_instruction *next)
{
	bool by_call = pair_call(builder, VMI_CALL_EnableInterrupts)->action == ROM_ACTION_CALL;
	bool is_ret = next->instruction.map == OPCODE_MAP_ONE_BYTE &&
	              next->instruction.opcode == 0xc3 && next->instruction.operand_size == 32;

	if (!by_call)
		return PAIR_NONE;
	switch (next->form) {
	case FORM_HLT:
	case FORM_SYSEXIT:
	case FORM_SYSRET: return PAIR_REFUSED;
	case FORM_CLI:
	case FORM_STI:
	case FORM_PUSHF:
	case FORM_PUSHFW:
	case FORM_POPF:
	case FORM_POPFW:
	case FORM_MWAIT: return PAIR_NONE; /* they see IF, or set it */
	default: break;
	}
	if (is_ret && !builder_call_saves(builder, VMI_CALL_EnableInterrupts, next->live_after))
		return PAIR_RETURN;
	return next->instruction.flow == FLOW_NEXT ? PAIR_REVERSED : PAIR_NONE;
}

static enum pair pair_behind_sti(struct springboard_builder *builder, unsigned int next)
{
	const struct window_instruction *at = &builder->window->instructions[next];
	enum pair pair;

	if (!is_offered(builder, VMI_CALL_EnableInterrupts))
		return PAIR_NONE;
	/* Behind another sti there is no shadow: IF was set already. */
	if (next > 1 && at[-2].form == FORM_STI && at->form != FORM_HLT)
		return PAIR_NONE;
	pair = builder_stays_native(builder, next)
	           ? pair_with_native(builder, at)
	           : pair_with_site(builder, sensitive_forms[at->form].call);
	if (!builder->entered[next] || pair == PAIR_DROP)
		return pair;
	return pair == PAIR_HALT ? PAIR_REFUSED : PAIR_NONE;
}

/* --- loads of SS ------------------------------------------------------------------------------ */

/* mov r32, esp or mov imm32, esp: what is pushed for LoadStack. */
static bool is_stack_load(const struct window_instruction *at)
{
	const struct instruction *instruction = &at->instruction;
	uint8_t reg = instruction->modrm >> 3 & 7, rm = instruction->modrm & 7;

	if (instruction->encoding != ENCODING_LEGACY || instruction->map != OPCODE_MAP_ONE_BYTE ||
	    instruction->operand_size != 32)
		return false;
	switch (instruction->opcode) {
	case 0x89: return instruction->modrm >> 6 == 3 && rm == REGISTER_ESP && reg != rm;
	case 0x8b: return instruction->modrm >> 6 == 3 && reg == REGISTER_ESP && reg != rm;
	case 0xbc: return true;
	default: return false;
	}
}

static enum pair pair_behind_ss(const struct springboard_builder *builder, unsigned int next)
{
	const struct window_instruction *at = &builder->window->instructions[next];

	if (pair_call(builder, VMI_CALL_PopSS)->action != ROM_ACTION_CALL ||
	    !is_offered(builder, VMI_CALL_LoadStack) || builder->entered[next] ||
	    !builder_stays_native(builder, next) || !is_stack_load(at))
		return PAIR_NONE;
	return PAIR_STACK;
}

/* The selector is on the stack already (pop ss), or is pushed; ESP's value is pushed below it. */
static bool load_stack(struct springboard_builder *builder, unsigned int index)
{
	static const struct form_move none[] = {{FORM_PLACE_NONE, FORM_OPERAND_SAME}};
	static const struct form_move selector[] = {{FORM_PLACE_PUSH, FORM_OPERAND_RM_WORD},
	                                            {FORM_PLACE_NONE, FORM_OPERAND_SAME}};
	const struct window_instruction *first = &builder->window->instructions[index];
	const struct window_instruction *next = first + 1;
	const struct instruction *load = &next->instruction;
	const struct sensitive_form form = {.name = "mov to SS and ESP",
	                                    .call = VMI_CALL_LoadStack,
	                                    .before =
	                                        first->form == FORM_MOV_TO_SS ? selector : none,
	                                    .after = none};
	struct marshal marshal;

	builder_origin(builder, first->address, 0, 0);
	marshal_begin(&marshal, builder, index, &form, next->live_after);
	if (!marshal_arguments(&marshal))
		return false;
	if (load->opcode == 0xbc)
		emit_push_immediate(&builder->emitter,
		                    bytes_load32(next->bytes + load->immediate_offset));
	else
		emit_push(&builder->emitter,
		          (load->opcode == 0x89 ? load->modrm >> 3 : load->modrm) & 7u);
	marshal.pushed += 4;
	marshal_origin(&marshal);
	return marshal_call(&marshal);
}

/* --- both ------------------------------------------------------------------------------------- */

/* X, then the call; its origin is sti, whose part it is. */
static bool reversed(struct springboard_builder *builder, unsigned int index)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	bool is_inline = pair_call(builder, VMI_CALL_EnableInterrupts)->action == ROM_ACTION_INLINE;
	bool built = builder_stays_native(builder, index + 1)
	                 ? builder_displace(builder, index + 1)
	                 : builder_marshal(builder, index + 1, at[1].live_after);

	if (!built)
		return false;
	builder_origin(builder, at->address, 0, 0);
	if (!builder_call(builder, index, VMI_CALL_EnableInterrupts, at[1].live_after))
		return false;
	if (is_inline) /* interrupts are held back for one instruction, which X was */
		emit_byte(&builder->emitter, 0x90);
	return true;
}

static bool build_pair(struct springboard_builder *builder, unsigned int index, enum pair pair)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	uint32_t slot = builder->rom_virtual + ROM_SLOT_SIZE * VMI_CALL_EnableInterrupts;

	switch (pair) {
	case PAIR_HALT:
		builder_origin(builder, at->address, 0, 0);
		return builder_call(builder, index, VMI_CALL_Halt, at[1].live_after);
	case PAIR_RETURN:
		builder_origin(builder, at->address, 0, 0);
		emit_branch(&builder->emitter, 0xe9, slot);
		return true;
	case PAIR_REVERSED: return reversed(builder, index);
	case PAIR_STACK: return load_stack(builder, index);
	case PAIR_NONE:
	case PAIR_DROP: return true;
	case PAIR_REFUSED: break;
	}
	return problem_report(builder->problem, SPRINGBOARD_SHADOW, WIDE(at->address));
}

bool builder_shadow(struct springboard_builder *builder, unsigned int index, unsigned int *consumed)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	enum pair pair = PAIR_NONE;

	*consumed = 0;
	if (index + 1 >= builder->window->count || builder_stays_native(builder, index))
		return true;
	if (at->form == FORM_STI)
		pair = pair_behind_sti(builder, index + 1);
	else if (at->form == FORM_MOV_TO_SS || at->form == FORM_POP_SS)
		pair = pair_behind_ss(builder, index + 1);
	if (pair == PAIR_NONE)
		return true;
	*consumed = pair == PAIR_DROP ? 1 : 2;
	return build_pair(builder, index, pair);
}

/* --- for the planner -------------------------------------------------------------------------- */

/* mov, lea, pop and lss to ESP. */
static bool writes_stack_pointer(const struct instruction *instruction)
{
	uint8_t reg = instruction->modrm >> 3 & 7, rm = instruction->modrm & 7;

	if (instruction->encoding != ENCODING_LEGACY)
		return false;
	if (instruction->map == OPCODE_MAP_0F)
		return instruction->opcode == 0xb2 && reg == REGISTER_ESP;
	if (instruction->map != OPCODE_MAP_ONE_BYTE)
		return false;
	switch (instruction->opcode) {
	case 0x89: return instruction->modrm >> 6 == 3 && rm == REGISTER_ESP;
	case 0x8b:
	case 0x8d: return reg == REGISTER_ESP;
	case 0x5c:
	case 0xbc: return true;
	default: return false;
	}
}

bool springboard_joins_next(uint16_t form, const struct instruction *next, uint16_t next_form)
{
	switch (form) {
	case FORM_STI:
		return next_form == FORM_HLT || next_form == FORM_MWAIT || next_form == FORM_CLI ||
		       next_form == FORM_SYSEXIT || next_form == FORM_SYSRET ||
		       next_form == FORM_IRET || next_form == FORM_IRETW;
	case FORM_MOV_TO_SS:
	case FORM_POP_SS:
	case FORM_POPW_SS:
	case FORM_LSS_REGISTER: return writes_stack_pointer(next);
	default: return false;
	}
}
