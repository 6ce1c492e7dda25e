/* SPDX-License-Identifier: BSD-2-Clause */

#include "patcher/springboard/marshal.h"
#include "patcher/bytes.h"

#include <string.h>

/* Registers a frame may hold, in the order of pushing, but EAX. */
static const uint8_t frame_registers[] = {REGISTER_ECX, REGISTER_EDX, REGISTER_EBX,
                                          REGISTER_EBP, REGISTER_ESI, REGISTER_EDI};
#define FRAME_REGISTERS (sizeof(frame_registers) / sizeof(frame_registers[0]))

unsigned int marshal_place_register(uint8_t place)
{
	switch ((enum form_place)place) {
	case FORM_PLACE_EAX: return REGISTER_EAX;
	case FORM_PLACE_ECX: return REGISTER_ECX;
	case FORM_PLACE_EDX: return REGISTER_EDX;
	case FORM_PLACE_EBX: return REGISTER_EBX;
	case FORM_PLACE_ESI: return REGISTER_ESI;
	case FORM_PLACE_EDI: return REGISTER_EDI;
	default: return REGISTER_COUNT;
	}
}

bool marshal_is_half(const struct marshal *marshal, uint8_t place)
{
	if (marshal->at->instruction.address_size != 16)
		return false;
	switch (marshal->form->call) {
	case VMI_CALL_MONITOR: return place == FORM_PLACE_EAX;
	case VMI_CALL_INSB:
	case VMI_CALL_INSW:
	case VMI_CALL_INSL: return place == FORM_PLACE_EDI || place == FORM_PLACE_ECX;
	case VMI_CALL_OUTSB:
	case VMI_CALL_OUTSW:
	case VMI_CALL_OUTSL: return place == FORM_PLACE_ESI || place == FORM_PLACE_ECX;
	default: return false;
	}
}

bool marshal_rm_is_register(const struct marshal *marshal)
{
	return !marshal->has_memory;
}

void marshal_memory(struct marshal *marshal, const char *opcode, unsigned int reg, uint32_t offset)
{
	bool from_stack = marshal->memory.registers & 1 << REGISTER_ESP;

	emit_memory(marshal->emitter, opcode, reg, &marshal->memory,
	            offset + (from_stack ? marshal->pushed : 0));
}

void marshal_origin(struct marshal *marshal)
{
	/* A fault begins the first of two stores again: nothing has been stored yet. */
	const struct window_instruction *first = marshal->high ? marshal->high : marshal->at;

	builder_origin(marshal->builder, first->address, marshal->pushed, marshal->saved);
}

void marshal_begin(struct marshal *marshal, struct springboard_builder *builder, unsigned int index,
                   const struct sensitive_form *form, uint32_t live)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	const struct instruction *instruction = &at->instruction;
	bool moves_system_register = instruction->map == OPCODE_MAP_0F &&
	                             instruction->opcode >= 0x20 && instruction->opcode <= 0x23;

	*marshal = (struct marshal){.builder = builder,
	                            .emitter = &builder->emitter,
	                            .at = at,
	                            .form = form,
	                            .description = builder_describe((enum vmi_call)form->call),
	                            .call = &builder->rom->calls[form->call],
	                            .live = live};
	marshal->has_memory =
	    !moves_system_register && memory_operand_read(instruction, at->bytes, &marshal->memory);
}

/* --- what must be saved ----------------------------------------------------------------------- */

static uint16_t call_results(const struct vmi_call_description *description)
{
	static const uint8_t registers[] = {REGISTER_EAX, REGISTER_ECX, REGISTER_EDX,
	                                    REGISTER_EBX, REGISTER_ESI, REGISTER_EDI};
	uint16_t results = 0;

	for (unsigned int i = 0; i < sizeof(registers); i++) {
		if (description->outputs >> i & 1) /* CALL_PLACE_EAX to CALL_PLACE_EDI */
			results |= (uint16_t)(1 << registers[i]);
	}
	return results;
}

/* popf and popfw: all flags are what the call makes them; and, or: what is made last. */
static bool flags_are_result(const struct marshal *marshal)
{
	return marshal->form->call == VMI_CALL_POPF || marshal->form->call == VMI_CALL_POPFW ||
	       marshal->late == LATE_FLAGS;
}

/*
 * What must be saved: what is needed afterwards and written without being a result. Where the call
 * may fault, besides, what its arguments overwrite of the instruction's own operands and results:
 * the guest may mend the cause and begin the instruction again.
 */
static uint16_t registers_to_save(const struct marshal *marshal)
{
	uint16_t arguments = marshal_argument_writes(marshal);
	uint16_t written =
	    arguments | call_results(marshal->description) | (marshal->call->clobbers & 0xff);
	uint16_t keep = marshal->live & 0xff, whole = 0;

	if (marshal->late == LATE_MEMORY ||
	    (marshal->late == LATE_FLAGS && (marshal->live & ROM_CLOBBERS_FLAGS)))
		keep |= marshal->memory.registers;
	for (unsigned int i = 0; i < marshal->result_count; i++) {
		const struct marshal_result *result = &marshal->results[i];

		if (result->size < 4 || marshal->conditional)
			keep |= (uint16_t)(1 << result->destination);
		else
			whole |= (uint16_t)(1 << result->destination);
	}
	keep &= ~whole;
	if (marshal->description->faults)
		keep |= arguments & (marshal_argument_reads(marshal) | whole);
	return written & keep & ~(1 << REGISTER_ESP);
}

static void plan_saves(struct marshal *marshal)
{
	uint16_t eax_uses = marshal_argument_reads(marshal) | (marshal->live & 0xff);

	if (!marshal->description->returns)
		return;
	marshal->saved = registers_to_save(marshal);
	for (unsigned int i = 0; i < marshal->result_count; i++)
		eax_uses |= (uint16_t)(1 << marshal->results[i].destination);
	if (((marshal->gives_cf ? ROM_CLOBBERS_FLAGS : marshal->call->clobbers) & marshal->live &
	     ROM_CLOBBERS_FLAGS) &&
	    !flags_are_result(marshal)) {
		marshal->saved |= SPRINGBOARD_SAVED_FLAGS;
		marshal->saved |= eax_uses & SPRINGBOARD_SAVED_EAX;
	}
	if (marshal->late == LATE_REGISTER || marshal->late == LATE_MEMORY)
		marshal->saved |= SPRINGBOARD_SAVED_RESULT;
}

/* A frame would be where the call expects, or takes away, the guest's own stack. */
static bool frame_is_possible(const struct marshal *marshal)
{
	bool stack_is_operand =
	    marshal->description->esp_change != 0 || marshal->form->call == VMI_CALL_LoadStack;

	for (const struct form_move *move = marshal->form->before; move->place; move++)
		stack_is_operand |=
		    move->place >= FORM_PLACE_WORD0 && move->place <= FORM_PLACE_WORD3;
	if (!marshal->saved || !stack_is_operand)
		return true;
	return problem_report(marshal->builder->problem, SPRINGBOARD_CLOBBERS,
	                      WIDE(marshal->at->address), marshal->builder->rom->name,
	                      marshal->description->name);
}

/* --- the frame -------------------------------------------------------------------------------- */

static void push_register(struct marshal *marshal, unsigned int number)
{
	emit_push(marshal->emitter, number);
	marshal->pushed += 4;
	marshal->slots[number] = (uint8_t)marshal->pushed;
}

/* lahf; seto %al; push %eax. Neither pushf, whose IF may be another one when it is taken back, nor
 * popf, which natively would set IF. */
static void push_flags(struct marshal *marshal)
{
	static const uint8_t flags_to_eax[] = {0x9f, 0x0f, 0x90, 0xc0};

	emit_bytes(marshal->emitter, flags_to_eax, sizeof(flags_to_eax));
	emit_push(marshal->emitter, REGISTER_EAX);
	marshal->pushed += 4;
	marshal->flags_slot = (uint8_t)marshal->pushed;
	if (marshal_argument_reads(marshal) & 1 << REGISTER_EAX)
		emit_load_stack(marshal->emitter, REGISTER_EAX,
		                marshal_offset(marshal, marshal->slots[REGISTER_EAX]));
}

/* add $0x7f, %al sets OF if AL is 1 and clears it if it is 0; sahf leaves it. */
static void pop_flags(struct marshal *marshal)
{
	static const uint8_t flags_from_eax[] = {0x04, 0x7f, 0x9e};

	emit_pop(marshal->emitter, REGISTER_EAX);
	emit_bytes(marshal->emitter, flags_from_eax, sizeof(flags_from_eax));
}

static void push_frame(struct marshal *marshal)
{
	if (marshal->saved & SPRINGBOARD_SAVED_RESULT)
		marshal_push_result_word(marshal);
	if (marshal->saved & SPRINGBOARD_SAVED_EAX)
		push_register(marshal, REGISTER_EAX);
	if (marshal->saved & SPRINGBOARD_SAVED_FLAGS)
		push_flags(marshal);
	for (unsigned int i = 0; i < FRAME_REGISTERS; i++) {
		if (marshal->saved >> frame_registers[i] & 1)
			push_register(marshal, frame_registers[i]);
	}
	marshal->frame = marshal->pushed;
}

static void pop_frame(struct marshal *marshal)
{
	for (unsigned int i = FRAME_REGISTERS; i-- > 0;) {
		if (marshal->saved >> frame_registers[i] & 1)
			emit_pop(marshal->emitter, frame_registers[i]);
	}
	if (marshal->saved & SPRINGBOARD_SAVED_FLAGS)
		pop_flags(marshal);
	if (marshal->saved & SPRINGBOARD_SAVED_EAX)
		emit_pop(marshal->emitter, REGISTER_EAX);
}

/* --- the call --------------------------------------------------------------------------------- */

static bool refuse_action(const struct marshal *marshal)
{
	return problem_report(marshal->builder->problem, SPRINGBOARD_ACTION,
	                      WIDE(marshal->at->address), marshal->builder->rom->name,
	                      marshal->description->name, marshal->call->action);
}

/* Whether the site can be deleted, if the ROM says so: it must have no result and no operand. */
static bool may_be_nothing(const struct marshal *marshal)
{
	return marshal->description->returns && marshal->description->esp_change == 0 &&
	       !marshal->form->after->place && marshal->form->call != VMI_CALL_LoadStack;
}

bool marshal_call(struct marshal *marshal)
{
	static const uint8_t never_reached[] = {0x0f, 0x0b}; /* ud2 */
	uint32_t slot =
	    marshal->builder->rom_virtual + ROM_SLOT_SIZE * (uint32_t)marshal->form->call;

	switch (marshal->call->action) {
	case ROM_ACTION_CALL:
		emit_branch(marshal->emitter, 0xe8, slot);
		/* The return address, by which the ROM finds the site, is in its springboard. */
		if (!marshal->description->returns)
			emit_bytes(marshal->emitter, never_reached, sizeof(never_reached));
		return true;
	case ROM_ACTION_JUMP:
		if (marshal->description->returns)
			return refuse_action(marshal);
		emit_branch(marshal->emitter, 0xe9, slot);
		return true;
	case ROM_ACTION_INLINE:
		if (marshal->call->inline_size > sizeof(marshal->call->inline_bytes))
			return refuse_action(marshal);
		emit_bytes(marshal->emitter, marshal->call->inline_bytes,
		           marshal->call->inline_size);
		return true;
	default: return refuse_action(marshal);
	}
}

/* Gives back argument words that the call has not taken. */
static void release_arguments(struct marshal *marshal)
{
	int taken = marshal->description->esp_change > 0 ? marshal->description->esp_change : 0;
	int left = (int)(marshal->pushed - marshal->frame) - taken;

	if (left > 0 && marshal->form->call != VMI_CALL_LoadStack)
		emit_lea_stack(marshal->emitter, REGISTER_ESP, left);
	marshal->pushed = marshal->frame;
}

static bool is_offered(const struct marshal *marshal)
{
	if (marshal->call->action != 0)
		return true;
	return problem_report(marshal->builder->problem, SPRINGBOARD_CALL,
	                      WIDE(marshal->at->address), marshal->builder->rom->name,
	                      marshal->description->name);
}

/*
 * lss to another register than ESP: once SS is loaded nothing can be taken from the old stack, so
 * the register has its value before. A fault of the call finds it so.
 */
static void load_offset_early(struct marshal *marshal)
{
	const char *opcode = marshal->late_size == 2 ? "\x66\x8b" : "\x8b";

	marshal_origin(marshal);
	marshal_memory(marshal, opcode, marshal->late_register, 0);
}

static bool frame_and_call(struct marshal *marshal)
{
	if (!frame_is_possible(marshal))
		return false;
	push_frame(marshal);
	if (!marshal_arguments(marshal))
		return false;
	if (marshal->offset_is_early)
		load_offset_early(marshal);
	marshal_origin(marshal);
	if (!marshal_call(marshal))
		return false;
	if (!marshal->description->returns)
		return true;
	release_arguments(marshal);
	marshal_results(marshal);
	pop_frame(marshal);
	marshal_late_result(marshal);
	if (marshal->release)
		emit_lea_stack(marshal->emitter, REGISTER_ESP, (int32_t)marshal->release);
	return true;
}

/* String output and monitor take DS or the segment of a prefix; bases of FS and GS are not known.
 */
static bool segment_is_flat(const struct marshal *marshal)
{
	uint8_t segment = marshal->at->instruction.segment;

	switch (marshal->form->call) {
	case VMI_CALL_MONITOR:
	case VMI_CALL_OUTSB:
	case VMI_CALL_OUTSW:
	case VMI_CALL_OUTSL:
		if (segment != SEGMENT_PREFIX_FS && segment != SEGMENT_PREFIX_GS)
			return true;
		return problem_report(marshal->builder->problem, SPRINGBOARD_ADDRESS,
		                      WIDE(marshal->at->address));
	default: return true;
	}
}

bool marshal_all(struct marshal *marshal)
{
	if (!is_offered(marshal) || !segment_is_flat(marshal))
		return false;
	marshal_origin(marshal);
	if (marshal->call->action == ROM_ACTION_NOP)
		return may_be_nothing(marshal) || refuse_action(marshal);
	marshal_plan_results(marshal);
	plan_saves(marshal);
	return frame_and_call(marshal);
}

bool builder_marshal(struct springboard_builder *builder, unsigned int index, uint32_t live)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	struct marshal marshal;

	marshal_begin(&marshal, builder, index, &sensitive_forms[at->form], live);
	return marshal_all(&marshal);
}

/* --- calls without operands ------------------------------------------------------------------- */

static const struct form_move no_moves[] = {{FORM_PLACE_NONE, FORM_OPERAND_SAME}};

bool builder_call(struct springboard_builder *builder, unsigned int index, enum vmi_call call,
                  uint32_t live)
{
	const struct sensitive_form form = {.call = call, .before = no_moves, .after = no_moves};
	struct marshal marshal;

	marshal_begin(&marshal, builder, index, &form, live);
	if (!is_offered(&marshal))
		return false;
	if (marshal.call->action == ROM_ACTION_NOP)
		return true;
	plan_saves(&marshal);
	return frame_and_call(&marshal);
}

bool builder_call_saves(struct springboard_builder *builder, enum vmi_call call, uint32_t live)
{
	const struct sensitive_form form = {.call = call, .before = no_moves, .after = no_moves};
	struct marshal marshal;

	marshal_begin(&marshal, builder, 0, &form, live);
	plan_saves(&marshal);
	return marshal.saved != 0;
}
