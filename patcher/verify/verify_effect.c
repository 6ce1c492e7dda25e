/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/verify/verify_effect.h"

#include "patcher/bytes.h"

enum { RESULT_WORD = 8, RESULT_FLAGS = 16 }; /* numbers of TERM_RESULT behind the registers' */
enum { SEGMENT_FS = 0x64, SEGMENT_GS = 0x65 };
enum { WHOLE = 0xf, LOW_HALF = 0x3 };

/* What the effect is made from. */
struct making {
	struct term_table *terms;
	const struct machine_state *start;
	const struct sensitive_form *form;
	const struct instruction *instruction;
	const uint8_t *bytes;
	uint32_t address;
	struct site_effect *effect;
	struct machine machine; /* for loads of operands */
	int32_t esp;            /* final ESP's offset */
};

static bool cannot(struct making *making, const char *reason)
{
	making->effect->reason = reason;
	return false;
}

struct value call_result(struct term_table *terms, unsigned int number)
{
	return value_of_term(terms, term_make(terms, TERM_RESULT, number, 0, 0));
}

struct value call_result_word(struct term_table *terms)
{
	return call_result(terms, RESULT_WORD);
}

term_number call_result_flag(struct term_table *terms, unsigned int flag)
{
	return term_make(terms, TERM_RESULT, RESULT_FLAGS + flag, 0, 0);
}

static const struct vmi_call_description *describe(uint16_t call)
{
	for (size_t i = 0; i < vmi_call_count; i++)
		if (vmi_calls[i].number == call)
			return &vmi_calls[i];
	return NULL;
}

/* --- operands --------------------------------------------------------------------------------- */

static unsigned int operand_size(const struct making *making)
{
	return making->instruction->operand_size / 8u;
}

static unsigned int modrm_reg(const struct making *making)
{
	return making->instruction->modrm >> 3 & 7;
}

/* mov to and from control and debug registers ignores ModRM.mod (SDM vol. 2, MOV). */
static bool rm_is_memory(const struct making *making)
{
	const struct instruction *instruction = making->instruction;

	return machine_has_memory_operand(instruction) &&
	       !(instruction->map == OPCODE_MAP_0F && instruction->opcode >= 0x20 &&
	         instruction->opcode <= 0x23);
}

static bool load_operand(struct making *making, uint32_t offset, unsigned int size,
                         struct value *value)
{
	uint8_t segment;
	term_number address = machine_operand_address(
	    making->terms, making->start, making->instruction, making->bytes, offset, &segment);

	return machine_load(&making->machine, making->start, segment, address, size, value) ||
	       cannot(making, "its operand lies below ESP");
}

static bool rm_value(struct making *making, unsigned int size, struct value *value)
{
	if (rm_is_memory(making))
		return load_operand(making, 0, size, value);
	*value =
	    machine_register(making->terms, making->start, making->instruction->modrm & 7, size);
	return true;
}

static struct value stack_value(const struct making *making, int32_t offset, unsigned int size)
{
	struct value value = value_of_constant(making->terms, 0);

	for (unsigned int i = 0; i < size; i++)
		value.bytes[i] =
		    machine_stack_byte(making->terms, making->start, offset + (int32_t)i);
	return value;
}

/* A far pointer's offset or, behind it, its selector: immediate or in memory. */
static bool far_pointer(struct making *making, bool selector, struct value *value)
{
	const struct instruction *instruction = making->instruction;
	unsigned int size = operand_size(making);
	const uint8_t *immediate = making->bytes + instruction->immediate_offset;

	if (rm_is_memory(making))
		return load_operand(making, selector ? size : 0, selector ? 2 : size, value);
	if (instruction->immediate_size != size + 2)
		return cannot(making, "it has no far pointer");
	*value = value_of_constant(making->terms, selector    ? bytes_load16(immediate + size)
	                                          : size == 2 ? bytes_load16(immediate)
	                                                      : bytes_load32(immediate));
	return true;
}

/* The address of the operand, or of what lies `back` bytes before it. */
static bool address_value(struct making *making, uint32_t back, struct effect_argument *argument)
{
	struct site_effect *effect = making->effect;
	term_number address;
	bool based;

	if (!rm_is_memory(making))
		return cannot(making, "it has no memory operand");
	address = machine_operand_address(making->terms, making->start, making->instruction,
	                                  making->bytes, 0 - back, &effect->descriptor_segment);
	based =
	    effect->descriptor_segment == SEGMENT_FS || effect->descriptor_segment == SEGMENT_GS;
	argument->value = value_of_term(making->terms, address);
	effect->descriptor_address = address;
	argument->is_descriptor =
	    making->form->call == VMI_CALL_SetGDT || making->form->call == VMI_CALL_SetIDT;
	effect->descriptor_short = argument->is_descriptor && operand_size(making) == 2;
	if (based && !argument->is_descriptor)
		return cannot(making, "its operand is in FS or GS, whose bases are not known");
	if (based || effect->descriptor_short)
		argument->mask = 0; /* only a copy will do */
	return true;
}

/* With 16-bit address size half of an index or count register counts (instructions.def, notes). */
static bool is_half(const struct making *making, unsigned int number)
{
	if (making->instruction->address_size != 16)
		return false;
	switch (making->form->call) {
	case VMI_CALL_MONITOR: return number == MACHINE_EAX;
	case VMI_CALL_INSB:
	case VMI_CALL_INSW:
	case VMI_CALL_INSL: return number == MACHINE_EDI || number == MACHINE_ECX;
	case VMI_CALL_OUTSB:
	case VMI_CALL_OUTSW:
	case VMI_CALL_OUTSL: return number == MACHINE_ESI || number == MACHINE_ECX;
	default: return false;
	}
}

/* What is in its place already. */
static bool same_value(struct making *making, struct effect_argument *argument)
{
	int32_t word = (int32_t)argument->number - (int32_t)making->effect->words_pushed;

	if (!argument->is_word)
		argument->value = machine_register(making->terms, making->start, argument->number,
		                                   is_half(making, argument->number) ? 2 : 4);
	else if (word < 0)
		return cannot(making, "its form names a word twice");
	else
		argument->value = stack_value(making, 4 * word, 4);
	if (making->form->call == VMI_CALL_POPFW)
		argument->mask = LOW_HALF; /* the word is two bytes */
	return true;
}

static bool constant_value(struct making *making, uint8_t operand, uint32_t *constant)
{
	const uint8_t *immediate = making->bytes + making->instruction->immediate_offset;

	switch ((enum form_operand)operand) {
	case FORM_OPERAND_0:
	case FORM_OPERAND_1:
	case FORM_OPERAND_2:
	case FORM_OPERAND_3:
	case FORM_OPERAND_4:
	case FORM_OPERAND_5: *constant = operand - (uint32_t)FORM_OPERAND_0; return true;
	case FORM_OPERAND_NUMBER: *constant = modrm_reg(making); return true;
	case FORM_OPERAND_IMM8: *constant = *immediate; return true;
	case FORM_OPERAND_IMM16: *constant = bytes_load16(immediate); return true;
	case FORM_OPERAND_IMM32: *constant = bytes_load32(immediate); return true;
	case FORM_OPERAND_MOFFS:
		*constant = named_address(making->instruction, making->bytes);
		return true;
	case FORM_OPERAND_BIT:
		*constant = named_bit(making->instruction, making->bytes);
		return true;
	default: return false;
	}
}

/* A selector: the upper half is free, but FarCall's tells the operand size. */
static bool selector_value(struct making *making, bool is_16bit, struct effect_argument *argument)
{
	if (!far_pointer(making, true, &argument->value))
		return false;
	argument->mask = LOW_HALF;
	if (making->form->call != VMI_CALL_FarCall)
		return true;
	argument->mask = WHOLE;
	argument->value.bytes[3] = byte_constant(making->terms, is_16bit ? 0x80 : 0);
	return true;
}

static bool register_value(struct making *making, unsigned int number,
                           struct effect_argument *argument)
{
	argument->value = machine_register(making->terms, making->start, number, 4);
	return true;
}

static bool operand_value(struct making *making, uint8_t operand, struct effect_argument *argument)
{
	uint32_t constant;

	if (constant_value(making, operand, &constant)) {
		argument->value = value_of_constant(making->terms, constant);
		return true;
	}
	switch ((enum form_operand)operand) {
	case FORM_OPERAND_SAME: return same_value(making, argument);
	case FORM_OPERAND_RM: return rm_value(making, 4, &argument->value);
	case FORM_OPERAND_RM_WORD:
		if (argument->is_word)
			argument->mask = LOW_HALF;
		return rm_value(making, 2, &argument->value);
	case FORM_OPERAND_REG:
		argument->value =
		    machine_register(making->terms, making->start, modrm_reg(making), 4);
		return true;
	case FORM_OPERAND_ADDRESS: return address_value(making, 0, argument);
	case FORM_OPERAND_BIT_ADDRESS:
		return address_value(making, named_bit_offset(making->instruction, making->bytes),
		                     argument);
	case FORM_OPERAND_EAX: return register_value(making, MACHINE_EAX, argument);
	case FORM_OPERAND_ECX: return register_value(making, MACHINE_ECX, argument);
	case FORM_OPERAND_EDX: return register_value(making, MACHINE_EDX, argument);
	case FORM_OPERAND_EBX: return register_value(making, MACHINE_EBX, argument);
	case FORM_OPERAND_ESI: return register_value(making, MACHINE_ESI, argument);
	case FORM_OPERAND_EDI: return register_value(making, MACHINE_EDI, argument);
	case FORM_OPERAND_OFFSET: return far_pointer(making, false, &argument->value);
	case FORM_OPERAND_SELECTOR: return selector_value(making, false, argument);
	case FORM_OPERAND_SELECTOR_16BIT: return selector_value(making, true, argument);
	case FORM_OPERAND_POP:
		argument->value = stack_value(making, 0, 2);
		argument->mask = LOW_HALF;
		making->esp += (int32_t)operand_size(making);
		return true;
	case FORM_OPERAND_POP_WORD:
		argument->value = stack_value(making, 0, 2);
		argument->mask = LOW_HALF;
		making->esp += 2;
		return true;
	default: return cannot(making, "its form has an operand that verify does not know");
	}
}

/* --- arguments -------------------------------------------------------------------------------- */

/* The general register of a place, or MACHINE_REGISTERS. */
static unsigned int place_register(uint8_t place)
{
	switch ((enum form_place)place) {
	case FORM_PLACE_EAX: return MACHINE_EAX;
	case FORM_PLACE_ECX: return MACHINE_ECX;
	case FORM_PLACE_EDX: return MACHINE_EDX;
	case FORM_PLACE_EBX: return MACHINE_EBX;
	case FORM_PLACE_ESI: return MACHINE_ESI;
	case FORM_PLACE_EDI: return MACHINE_EDI;
	default: return MACHINE_REGISTERS;
	}
}

/* The address behind the instruction, in the alias that runs. */
static bool next_argument(struct making *making, struct effect_argument *argument)
{
	uint32_t next = making->address + making->instruction->length;
	term_number alias = term_make(making->terms, TERM_ALIAS, 0, 0, 0);

	argument->value =
	    value_of_term(making->terms, term_add_constant(making->terms, alias, next));
	return true;
}

static bool add_argument(struct making *making, const struct form_move *move, unsigned int *pushed)
{
	struct site_effect *effect = making->effect;
	struct effect_argument *argument = &effect->arguments[effect->argument_count];

	if (effect->argument_count == EFFECT_ARGUMENTS)
		return cannot(making, "its call takes more arguments than verify knows of");
	*argument = (struct effect_argument){.mask = WHOLE};
	if (move->place == FORM_PLACE_PUSH) {
		argument->is_word = true;
		argument->number = (uint8_t)(effect->words_pushed - ++*pushed);
		making->esp -= 4;
	} else if (move->place >= FORM_PLACE_WORD0 && move->place <= FORM_PLACE_WORD3) {
		argument->is_word = true;
		argument->number = (uint8_t)(move->place - FORM_PLACE_WORD0);
	} else if (place_register(move->place) < MACHINE_REGISTERS) {
		argument->number = (uint8_t)place_register(move->place);
	} else {
		return cannot(making, "its form has an argument that verify does not know");
	}
	effect->argument_count++;
	if (move->operand == FORM_OPERAND_NEXT)
		return next_argument(making, argument);
	return operand_value(making, move->operand, argument);
}

/* lss with 16-bit operand size gives ESP's lower half only. */
static void keep_upper_esp(struct making *making)
{
	struct effect_argument *word = &making->effect->arguments[1];

	word->value.bytes[2] = making->start->registers[MACHINE_ESP].bytes[2];
	word->value.bytes[3] = making->start->registers[MACHINE_ESP].bytes[3];
}

static bool make_arguments(struct making *making)
{
	unsigned int pushed = 0;

	for (const struct form_move *move = making->form->before; move->place; move++)
		making->effect->words_pushed += move->place == FORM_PLACE_PUSH;
	for (const struct form_move *move = making->form->before; move->place; move++)
		if (!add_argument(making, move, &pushed))
			return false;
	if (making->form->call == VMI_CALL_LoadStack && operand_size(making) == 2)
		keep_upper_esp(making);
	return true;
}

/* --- results ---------------------------------------------------------------------------------- */

static void give_register(struct making *making, unsigned int number, unsigned int size,
                          const struct value *value)
{
	for (unsigned int i = 0; i < size; i++)
		making->effect->final.registers[number].bytes[i] = value->bytes[i];
}

/* Two bytes to the memory operand. */
static bool give_memory(struct making *making, const struct value *value)
{
	struct machine_state *final = &making->effect->final;
	uint8_t segment;
	int32_t offset;
	term_number address = machine_operand_address(
	    making->terms, making->start, making->instruction, making->bytes, 0, &segment);

	if (segment == 0x36 &&
	    term_is_register_offset(making->terms, address, MACHINE_ESP, &offset)) {
		for (int32_t i = 0; i < 2; i++)
			if (!machine_store_stack(&making->machine, final, offset + i,
			                         value->bytes[i]))
				return cannot(making, "its result lies below ESP");
		return true;
	}
	final->stores[final->store_count] = (struct machine_store){
	    .segment = segment,
	    .size = 2,
	    .address = address,
	    .value = value_of_constant(making->terms, 0),
	};
	final->stores[final->store_count].value.bytes[0] = value->bytes[0];
	final->stores[final->store_count].value.bytes[1] = value->bytes[1];
	final->store_count++;
	return true;
}

static bool give_rm_word(struct making *making, const struct value *value)
{
	if (rm_is_memory(making))
		return give_memory(making, value);
	give_register(making, making->instruction->modrm & 7, operand_size(making), value);
	return true;
}

/* Whether the call's results count only if it sets ZF: lar, lsl. */
static bool is_conditional(const struct making *making)
{
	return making->effect->call->number == VMI_CALL_CheckSelector;
}

/* ModRM.reg takes a result, which may only count if ZF is set; or, from lss, the pointer's offset.
 */
static bool give_reg(struct making *making, const struct form_move *move, const struct value *value)
{
	struct site_effect *effect = making->effect;
	unsigned int number = modrm_reg(making);

	if (move->place != FORM_PLACE_OFFSET && is_conditional(making)) {
		effect->conditional = true;
		effect->conditional_register = (uint8_t)number;
		effect->otherwise = making->start->registers[number];
	}
	give_register(making, number, operand_size(making), value);
	return true;
}

static bool give_pushed_word(struct making *making, const struct value *value)
{
	making->esp -= 2;
	machine_set_stack_offset(&making->machine, &making->effect->final, making->esp);
	for (int32_t i = 0; i < 2; i++)
		if (!machine_store_stack(&making->machine, &making->effect->final, making->esp + i,
		                         value->bytes[i]))
			return cannot(making, "its result lies below ESP");
	return true;
}

/* CF becomes whether the result is not 0. ZF stays (SDM vol. 2, BTR); the others, which are
 * undefined, are to stay as well. */
static bool give_carry(struct making *making, const struct value *value)
{
	making->effect->final.flags[MACHINE_CF] =
	    term_make(making->terms, TERM_NONZERO, value_term(making->terms, value), 0, 0);
	return true;
}

/* The flags of the memory operand as it is after the call; AF is undefined (SDM vol. 2, AND). */
static bool give_logic_flags(struct making *making)
{
	struct site_effect *effect = making->effect;
	unsigned int size = making->instruction->opcode == 0x80 ? 1 : operand_size(making);
	struct machine_state after = *making->start;
	struct value value;
	uint8_t segment;
	term_number address;

	after.memory_version++;
	address = machine_operand_address(making->terms, &after, making->instruction, making->bytes,
	                                  0, &segment);
	if (!machine_load(&making->machine, &after, segment, address, size, &value))
		return cannot(making, "its operand lies below ESP");
	machine_logic_flags(making->terms, value, size, effect->final.flags);
	effect->free_flags = 1 << MACHINE_AF;
	return true;
}

static bool give(struct making *making, const struct form_move *move, const struct value *value)
{
	unsigned int number = place_register(move->place);

	switch ((enum form_operand)move->operand) {
	case FORM_OPERAND_SAME:
		if (move->place == FORM_PLACE_ZF) {
			making->effect->final.flags[MACHINE_ZF] =
			    call_result_flag(making->terms, MACHINE_ZF);
			return true;
		}
		if (number == MACHINE_REGISTERS)
			break;
		give_register(making, number, is_half(making, number) ? 2 : 4, value);
		return true;
	case FORM_OPERAND_RM:
		give_register(making, making->instruction->modrm & 7, 4, value);
		return true;
	case FORM_OPERAND_RM_WORD: return give_rm_word(making, value);
	case FORM_OPERAND_REG: return give_reg(making, move, value);
	case FORM_OPERAND_AL: give_register(making, MACHINE_EAX, 1, value); return true;
	case FORM_OPERAND_AX: give_register(making, MACHINE_EAX, 2, value); return true;
	case FORM_OPERAND_PUSH_WORD: return give_pushed_word(making, value);
	case FORM_OPERAND_CF: return give_carry(making, value);
	case FORM_OPERAND_FLAGS: return give_logic_flags(making);
	default: break;
	}
	return cannot(making, "its form has a result that verify does not know");
}

static bool make_results(struct making *making)
{
	for (const struct form_move *move = making->form->after; move->place; move++) {
		struct value value;

		if (move->place == FORM_PLACE_POP) {
			making->esp += 4;
			value = call_result_word(making->terms);
		} else if (move->place == FORM_PLACE_OFFSET) {
			if (!far_pointer(making, false, &value))
				return false;
		} else {
			value = call_result(making->terms, place_register(move->place));
		}
		if (!give(making, move, &value))
			return false;
	}
	return true;
}

/* Whether what the call pushes stays on the stack. */
static bool leaves_word(const struct making *making)
{
	for (const struct form_move *move = making->form->after; move->place; move++)
		if (move->place == FORM_PLACE_POP)
			return false;
	return making->effect->call->esp_change < 0;
}

/* The state afterwards: ESP, what the call has left on the stack, flags that it gives. */
static bool make_stack(struct making *making)
{
	struct site_effect *effect = making->effect;
	struct value word = call_result_word(making->terms);

	making->esp += effect->call->esp_change;
	if (effect->call->number == VMI_CALL_LoadStack) {
		effect->final.registers[MACHINE_ESP] = effect->arguments[1].value;
		return true;
	}
	if (leaves_word(making)) {
		machine_set_stack_offset(&making->machine, &effect->final, making->esp);
		for (int32_t i = 0; i < -effect->call->esp_change; i++)
			if (!machine_store_stack(&making->machine, &effect->final, making->esp + i,
			                         word.bytes[i]))
				return cannot(making, "its result lies below ESP");
	}
	if (effect->call->number == VMI_CALL_POPF || effect->call->number == VMI_CALL_POPFW)
		for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
			effect->final.flags[i] = call_result_flag(making->terms, i);
	return true;
}

/* Whether ESP is itself a result, not where the stack has got to. */
static bool gives_stack_pointer(const struct making *making)
{
	struct value esp = making->effect->final.registers[MACHINE_ESP];
	int32_t offset;

	return !term_is_register_offset(making->terms, value_term(making->terms, &esp), MACHINE_ESP,
	                                &offset);
}

/* --- the whole -------------------------------------------------------------------------------- */

bool site_effect(struct term_table *terms, const struct machine_state *start, uint16_t form,
                 const struct instruction *instruction, const uint8_t *bytes, uint32_t address,
                 struct site_effect *effect)
{
	struct making making = {.terms = terms,
	                        .start = start,
	                        .form = &sensitive_forms[form],
	                        .instruction = instruction,
	                        .bytes = bytes,
	                        .address = address,
	                        .effect = effect,
	                        .machine = {.terms = terms}};

	if (!plain_call_effect(start, making.form->call, effect))
		return false;
	if (!make_arguments(&making) || !make_stack(&making) || !make_results(&making))
		return false;
	if (!gives_stack_pointer(&making))
		machine_set_stack_offset(&making.machine, &effect->final, making.esp);
	return true;
}

bool plain_call_effect(const struct machine_state *start, uint16_t call, struct site_effect *effect)
{
	*effect = (struct site_effect){.call = describe(call), .final = *start};
	if (!effect->call)
		effect->reason = "its form becomes no call";
	return effect->call != NULL;
}

bool stack_load_effect(struct term_table *terms, const struct machine_state *start, uint16_t form,
                       const struct instruction *instruction, const uint8_t *bytes,
                       const struct instruction *load, const uint8_t *load_bytes,
                       struct site_effect *effect)
{
	struct making making = {.terms = terms,
	                        .start = start,
	                        .form = &sensitive_forms[form],
	                        .instruction = instruction,
	                        .bytes = bytes,
	                        .effect = effect,
	                        .machine = {.terms = terms}};
	struct effect_argument *selector, *offset;
	unsigned int reg = load->modrm >> 3 & 7, rm = load->modrm & 7;
	bool from_register = load->modrm >> 6 == 3;

	if (!plain_call_effect(start, VMI_CALL_LoadStack, effect))
		return false;
	effect->argument_count = 2;
	effect->words_pushed = 2;
	selector = &effect->arguments[0];
	offset = &effect->arguments[1];
	*selector = (struct effect_argument){.is_word = true, .number = 1, .mask = LOW_HALF};
	*offset = (struct effect_argument){.is_word = true, .number = 0, .mask = WHOLE};
	if (form == FORM_POP_SS)
		selector->value = stack_value(&making, 0, 2);
	else if (!rm_value(&making, 2, &selector->value))
		return false;
	if (load->map != OPCODE_MAP_ONE_BYTE || load->operand_size != 32)
		return cannot(&making, "what follows is no load of ESP");
	if (load->opcode == 0xbc)
		offset->value =
		    value_of_constant(terms, bytes_load32(load_bytes + load->immediate_offset));
	else if (load->opcode == 0x89 && from_register && rm == MACHINE_ESP && reg != rm)
		offset->value = start->registers[reg];
	else if (load->opcode == 0x8b && from_register && reg == MACHINE_ESP && reg != rm)
		offset->value = start->registers[rm];
	else
		return cannot(&making, "what follows is no load of ESP");
	effect->final.registers[MACHINE_ESP] = offset->value;
	return true;
}

/* What a store to memory stores, and where. */
static bool stored(struct term_table *terms, const struct machine_state *start,
                   const struct instruction *instruction, const uint8_t *bytes, struct value *value,
                   term_number *address, uint8_t *segment)
{
	if (instruction->map != OPCODE_MAP_ONE_BYTE || instruction->operand_size != 32 ||
	    !machine_has_memory_operand(instruction))
		return false;
	if (instruction->opcode == 0x89)
		*value = start->registers[instruction->modrm >> 3 & 7];
	else if (instruction->opcode == 0xc7 && (instruction->modrm >> 3 & 7) == 0)
		*value =
		    value_of_constant(terms, bytes_load32(bytes + instruction->immediate_offset));
	else
		return false;
	*address = machine_operand_address(terms, start, instruction, bytes, 0, segment);
	return *segment != SEGMENT_FS && *segment != SEGMENT_GS;
}

bool entry_pair_effect(struct term_table *terms, const struct machine_state *start,
                       const struct instruction *high, const uint8_t *high_bytes,
                       const struct instruction *low, const uint8_t *low_bytes,
                       struct site_effect *effect)
{
	struct making making = {.effect = effect};
	struct effect_argument *arguments = effect->arguments;
	uint8_t high_segment, low_segment;
	term_number high_address, low_address;

	if (!plain_call_effect(start, VMI_CALL_SetPxELong, effect))
		return false;
	effect->argument_count = 3;
	arguments[0] = (struct effect_argument){.number = MACHINE_EAX, .mask = WHOLE};
	arguments[1] = (struct effect_argument){.number = MACHINE_EDX, .mask = WHOLE};
	arguments[2] = (struct effect_argument){.number = MACHINE_ECX, .mask = WHOLE};
	if (!stored(terms, start, high, high_bytes, &arguments[1].value, &high_address,
	            &high_segment) ||
	    !stored(terms, start, low, low_bytes, &arguments[0].value, &low_address, &low_segment))
		return cannot(&making, "it is no pair of stores");
	if (high_segment != low_segment || high_address != term_add_constant(terms, low_address, 4))
		return cannot(&making, "its stores are not the halves of one entry");
	arguments[2].value = value_of_term(terms, low_address);
	return true;
}
