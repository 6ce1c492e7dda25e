/* SPDX-License-Identifier: BSD-2-Clause */

/* Operands of the instruction to where the call takes its arguments from. */

#include "patcher/bytes.h"
#include "patcher/springboard/marshal.h"

static unsigned int modrm_reg(const struct marshal *marshal)
{
	return marshal->at->instruction.modrm >> 3 & 7;
}

static unsigned int modrm_rm(const struct marshal *marshal)
{
	return marshal->at->instruction.modrm & 7;
}

/* --- constants -------------------------------------------------------------------------------- */

/* The far pointer's selector, behind its offset. */
static uint32_t immediate_selector(const struct marshal *marshal)
{
	const struct instruction *instruction = &marshal->at->instruction;

	return bytes_load16(marshal->at->bytes + instruction->immediate_offset +
	                    instruction->immediate_size - 2);
}

static uint32_t immediate_offset(const struct marshal *marshal)
{
	const uint8_t *bytes = marshal->at->bytes + marshal->at->instruction.immediate_offset;

	return marshal_operand_size(marshal) == 2 ? bytes_load16(bytes) : bytes_load32(bytes);
}

/* The register whose value as a whole is the operand, as far as ModRM.rm does not say; or
 * REGISTER_COUNT. */
static unsigned int operand_register(const struct marshal *marshal, uint8_t operand)
{
	switch ((enum form_operand)operand) {
	case FORM_OPERAND_REG: return modrm_reg(marshal);
	case FORM_OPERAND_HIGH: return marshal->high->instruction.modrm >> 3 & 7;
	case FORM_OPERAND_EAX: return REGISTER_EAX;
	case FORM_OPERAND_ECX: return REGISTER_ECX;
	case FORM_OPERAND_EDX: return REGISTER_EDX;
	case FORM_OPERAND_EBX: return REGISTER_EBX;
	case FORM_OPERAND_ESI: return REGISTER_ESI;
	case FORM_OPERAND_EDI: return REGISTER_EDI;
	default: return REGISTER_COUNT;
	}
}

/* Whether the operand's value is known now; then it is *value. */
static bool operand_is_constant(const struct marshal *marshal, uint8_t operand, uint32_t *value)
{
	const struct instruction *instruction = &marshal->at->instruction;
	const uint8_t *immediate = marshal->at->bytes + instruction->immediate_offset;
	bool far_pointer = !marshal->has_memory && instruction->immediate_size >= 4;

	switch ((enum form_operand)operand) {
	case FORM_OPERAND_0:
	case FORM_OPERAND_1:
	case FORM_OPERAND_2:
	case FORM_OPERAND_3:
	case FORM_OPERAND_4:
	case FORM_OPERAND_5: *value = operand - (uint32_t)FORM_OPERAND_0; return true;
	case FORM_OPERAND_NUMBER: *value = modrm_reg(marshal); return true;
	case FORM_OPERAND_IMM8: *value = *immediate; return true;
	case FORM_OPERAND_IMM16: *value = bytes_load16(immediate); return true;
	case FORM_OPERAND_IMM32: *value = bytes_load32(immediate); return true;
	case FORM_OPERAND_HIGH:
		if (marshal->high->form != FORM_PTE_STORE_IMMEDIATE)
			return false;
		*value = bytes_load32(marshal->high->bytes +
		                      marshal->high->instruction.immediate_offset);
		return true;
	case FORM_OPERAND_MOFFS:
		*value = named_address(instruction, marshal->at->bytes);
		return true;
	case FORM_OPERAND_BIT: *value = named_bit(instruction, marshal->at->bytes); return true;
	case FORM_OPERAND_OFFSET: *value = far_pointer ? immediate_offset(marshal) : 0; break;
	case FORM_OPERAND_SELECTOR: *value = far_pointer ? immediate_selector(marshal) : 0; break;
	case FORM_OPERAND_SELECTOR_16BIT:
		*value = far_pointer ? immediate_selector(marshal) | UINT32_C(1) << 31 : 0;
		break;
	default: return false;
	}
	return far_pointer;
}

/* --- which registers -------------------------------------------------------------------------- */

/* Whether a register that is in its place is to be extended from its lower half. */
static bool is_half(const struct marshal *marshal, const struct form_move *move)
{
	return move->operand == FORM_OPERAND_SAME && marshal_is_half(marshal, move->place);
}

static uint16_t operand_reads(const struct marshal *marshal, const struct form_move *move)
{
	uint32_t value;

	if (operand_is_constant(marshal, move->operand, &value))
		return 0;
	if (operand_register(marshal, move->operand) < REGISTER_COUNT)
		return (uint16_t)(1 << operand_register(marshal, move->operand));
	switch ((enum form_operand)move->operand) {
	case FORM_OPERAND_SAME: return (uint16_t)(1 << marshal_place_register(move->place) & 0xff);
	case FORM_OPERAND_RM:
	case FORM_OPERAND_RM_WORD:
		return marshal_rm_is_register(marshal) ? (uint16_t)(1 << modrm_rm(marshal))
		                                       : marshal->memory.registers;
	case FORM_OPERAND_ADDRESS:
	case FORM_OPERAND_BIT_ADDRESS:
	case FORM_OPERAND_OFFSET:
	case FORM_OPERAND_SELECTOR:
	case FORM_OPERAND_SELECTOR_16BIT: return marshal->memory.registers;
	default: return 0;
	}
}

uint16_t marshal_argument_reads(const struct marshal *marshal)
{
	uint16_t registers = 0;

	for (const struct form_move *move = marshal->form->before; move->place; move++)
		registers |= operand_reads(marshal, move);
	return registers;
}

/* Whether the operand happens to be in its place, as %eax is for mov %eax, %cr3. */
static bool is_in_place(const struct marshal *marshal, const struct form_move *move)
{
	unsigned int number = marshal_place_register(move->place);

	switch ((enum form_operand)move->operand) {
	case FORM_OPERAND_SAME: return !is_half(marshal, move);
	case FORM_OPERAND_RM: return modrm_rm(marshal) == number;
	case FORM_OPERAND_REG:
	case FORM_OPERAND_HIGH: return operand_register(marshal, move->operand) == number;
	default: return false;
	}
}

uint16_t marshal_argument_writes(const struct marshal *marshal)
{
	uint16_t registers = 0;

	for (const struct form_move *move = marshal->form->before; move->place; move++) {
		unsigned int number = marshal_place_register(move->place);

		if (number < REGISTER_COUNT && !is_in_place(marshal, move))
			registers |= (uint16_t)(1 << number);
	}
	return registers;
}

/* --- words on the stack ----------------------------------------------------------------------- */

static void push_word16(struct marshal *marshal, uint32_t value)
{
	emit_byte(marshal->emitter, 0x66);
	if (value == (uint32_t)(int8_t)value) {
		emit_byte(marshal->emitter, 0x6a);
		emit_byte(marshal->emitter, (uint8_t)value);
	} else {
		emit_byte(marshal->emitter, 0x68);
		emit_word16(marshal->emitter, value);
	}
	marshal->pushed += 2;
}

/* Two bytes of memory as a word whose upper half is given: not a byte more may be read. */
static void push_memory16(struct marshal *marshal, uint32_t offset, uint32_t upper)
{
	push_word16(marshal, upper);
	marshal_origin(marshal);
	marshal_memory(marshal, "\x66\xff", 6, offset);
	marshal->pushed += 2;
}

/*
 * lss with 16-bit operand size loads SP only: the word is ESP as it was, with the offset in its
 * lower half.
 */
static void push_stack_offset16(struct marshal *marshal)
{
	static const uint8_t pop_lower_half[] = {0x66, 0x8f, 0x04, 0x24}; /* popw (%esp) */

	emit_push(marshal->emitter, REGISTER_EAX);
	emit_push(marshal->emitter, REGISTER_EAX);
	emit_lea_stack(marshal->emitter, REGISTER_EAX, (int32_t)marshal->pushed + 8);
	emit_store_stack(marshal->emitter, REGISTER_EAX, 4, 4);
	emit_pop(marshal->emitter, REGISTER_EAX);
	marshal->pushed += 4;
	marshal_origin(marshal);
	marshal_memory(marshal, "\x66\xff", 6, 0);
	emit_bytes(marshal->emitter, pop_lower_half, sizeof(pop_lower_half));
}

static void push_offset(struct marshal *marshal)
{
	marshal_origin(marshal);
	if (marshal_operand_size(marshal) == 4) {
		marshal_memory(marshal, "\xff", 6, 0);
		marshal->pushed += 4;
	} else if (marshal->form->call == VMI_CALL_LoadStack) {
		push_stack_offset16(marshal);
	} else {
		push_memory16(marshal, 0, 0);
	}
}

static void push_rm_word(struct marshal *marshal)
{
	if (!marshal_rm_is_register(marshal)) {
		push_memory16(marshal, 0, 0);
		return;
	}
	emit_push(marshal->emitter, modrm_rm(marshal));
	marshal->pushed += 4;
}

/* Two bytes on the guest's stack become a word whose upper half is whatever stood above them. */
static void push_pop_word(struct marshal *marshal)
{
	static const uint8_t push_top[] = {0x66, 0xff, 0x34, 0x24}; /* pushw (%esp) */

	emit_bytes(marshal->emitter, push_top, sizeof(push_top));
	marshal->pushed += 2;
}

static bool push_argument(struct marshal *marshal, uint8_t operand)
{
	unsigned int size = marshal_operand_size(marshal);
	uint32_t value;

	if (operand_is_constant(marshal, operand, &value)) {
		emit_push_immediate(marshal->emitter, value);
		marshal->pushed += 4;
		return true;
	}
	switch ((enum form_operand)operand) {
	case FORM_OPERAND_SELECTOR: push_memory16(marshal, size, 0); return true;
	case FORM_OPERAND_SELECTOR_16BIT: push_memory16(marshal, size, 0x8000); return true;
	case FORM_OPERAND_OFFSET: push_offset(marshal); return true;
	case FORM_OPERAND_RM_WORD: push_rm_word(marshal); return true;
	case FORM_OPERAND_POP_WORD: push_pop_word(marshal); return true;
	case FORM_OPERAND_NEXT:
		builder_push_code_address(marshal->builder,
		                          marshal->at->address + marshal->at->instruction.length);
		marshal->pushed += 4;
		return true;
	default:
		return problem_report(marshal->builder->problem, SPRINGBOARD_OPERAND,
		                      WIDE(marshal->at->address), marshal->form->name);
	}
}

/* --- registers -------------------------------------------------------------------------------- */

/* movzwl from the lower half of a register. */
static void load_half(struct marshal *marshal, unsigned int to, unsigned int from)
{
	static const uint8_t opcode[] = {0x0f, 0xb7};

	emit_bytes(marshal->emitter, opcode, sizeof(opcode));
	emit_byte(marshal->emitter, (uint8_t)(0xc0 | to << 3 | from));
}

static void load_register(struct marshal *marshal, unsigned int to, unsigned int from)
{
	if (from == REGISTER_ESP)
		emit_lea_stack(marshal->emitter, to, (int32_t)marshal->pushed);
	else if (to != from)
		emit_move(marshal->emitter, to, from);
}

static void load_rm_word(struct marshal *marshal, unsigned int to)
{
	unsigned int from = modrm_rm(marshal);

	if (!marshal_rm_is_register(marshal)) {
		marshal_memory(marshal, "\x0f\xb7", to, 0);
	} else if (from == REGISTER_ESP) {
		load_register(marshal, to, from);
		load_half(marshal, to, to);
	} else {
		load_half(marshal, to, from);
	}
}

/*
 * lgdt and lidt with 16-bit operand size take 24 bits of the base (SDM vol. 2, LGDT/LIDT): the call
 * gets a copy, 6 bytes on the stack, whose upper byte of the base is zero. So it does where the
 * operand is in FS or GS, whose bases are not known.
 */
static void copy_pseudo_descriptor(struct marshal *marshal, unsigned int to)
{
	static const uint8_t clear_upper[] = {0xc6, 0x44, 0x24, 0x03, 0x00}; /* movb $0, 3(%esp) */

	marshal_memory(marshal, "\xff", 6, 2);
	marshal->pushed += 4;
	if (marshal_operand_size(marshal) == 2)
		emit_bytes(marshal->emitter, clear_upper, sizeof(clear_upper));
	marshal_origin(marshal);
	marshal_memory(marshal, "\x66\xff", 6, 0);
	marshal->pushed += 2;
	emit_move(marshal->emitter, to, REGISTER_ESP);
}

/* back: bytes before the operand. */
static bool load_address(struct marshal *marshal, unsigned int to, uint32_t back)
{
	uint8_t segment = marshal->memory.segment;
	bool based = segment == SEGMENT_PREFIX_FS || segment == SEGMENT_PREFIX_GS;
	bool pseudo_descriptor =
	    marshal->form->call == VMI_CALL_SetGDT || marshal->form->call == VMI_CALL_SetIDT;

	if (pseudo_descriptor && (based || marshal_operand_size(marshal) == 2)) {
		copy_pseudo_descriptor(marshal, to);
		return true;
	}
	if (based)
		return problem_report(marshal->builder->problem, SPRINGBOARD_ADDRESS,
		                      WIDE(marshal->at->address));
	marshal->memory.segment = 0;
	marshal_memory(marshal, "\x8d", to, 0 - back);
	marshal->memory.segment = segment;
	return true;
}

/* pop to a data segment register: the guest's word stays on its stack until the call has been. */
static void load_popped(struct marshal *marshal, unsigned int to)
{
	static const uint8_t load_half_of_stack[] = {0x0f, 0xb7};

	marshal->release = marshal_operand_size(marshal);
	if (marshal->release == 4) {
		emit_load_stack(marshal->emitter, to, (int32_t)marshal->pushed);
		return;
	}
	emit_bytes(marshal->emitter, load_half_of_stack, sizeof(load_half_of_stack));
	emit_byte(marshal->emitter, (uint8_t)(0x44 | to << 3));
	emit_byte(marshal->emitter, 0x24);
	emit_byte(marshal->emitter, (uint8_t)marshal->pushed);
}

static bool load_argument(struct marshal *marshal, const struct form_move *move)
{
	unsigned int to = marshal_place_register(move->place);
	unsigned int from = operand_register(marshal, move->operand);
	uint32_t value;

	if (operand_is_constant(marshal, move->operand, &value)) {
		emit_move_immediate(marshal->emitter, to, value);
		return true;
	}
	if (from < REGISTER_COUNT) {
		load_register(marshal, to, from);
		return true;
	}
	switch ((enum form_operand)move->operand) {
	case FORM_OPERAND_RM: load_register(marshal, to, modrm_rm(marshal)); return true;
	case FORM_OPERAND_RM_WORD: load_rm_word(marshal, to); return true;
	case FORM_OPERAND_ADDRESS: return load_address(marshal, to, 0);
	case FORM_OPERAND_BIT_ADDRESS:
		return load_address(
		    marshal, to, named_bit_offset(&marshal->at->instruction, marshal->at->bytes));
	case FORM_OPERAND_POP: load_popped(marshal, to); return true;
	case FORM_OPERAND_SELECTOR:
		marshal_memory(marshal, "\x0f\xb7", to, marshal_operand_size(marshal));
		return true;
	case FORM_OPERAND_SAME: load_half(marshal, to, to); return true;
	default:
		return problem_report(marshal->builder->problem, SPRINGBOARD_OPERAND,
		                      WIDE(marshal->at->address), marshal->form->name);
	}
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Whether a register is to be loaded for a move. */
static bool is_pending(const struct marshal *marshal, const struct form_move *move)
{
	return marshal_place_register(move->place) < REGISTER_COUNT && !is_in_place(marshal, move);
}

/* Whether one of the moves left (bits of pending) but `move` reads the register it writes. */
static bool is_blocked(const struct marshal *marshal, unsigned int pending, unsigned int move)
{
	const struct form_move *before = marshal->form->before;
	unsigned int number = marshal_place_register(before[move].place);

	for (unsigned int i = 0; pending >> i; i++) {
		if (i != move && (pending >> i & 1) &&
		    (operand_reads(marshal, &before[i]) >> number & 1))
			return true;
	}
	return false;
}

/* Loads what can be loaded of the moves left, in an order in which none is lost. */
static bool load_pending(struct marshal *marshal, unsigned int *pending)
{
	const struct form_move *before = marshal->form->before;
	bool progress;

	do {
		progress = false;
		for (unsigned int i = 0; *pending >> i; i++) {
			if (!(*pending >> i & 1) || is_blocked(marshal, *pending, i))
				continue;
			marshal_origin(marshal);
			if (!load_argument(marshal, &before[i]))
				return false;
			*pending &= ~(1u << i);
			progress = true;
		}
	} while (progress);
	return true;
}

/*
 * Operands that stand in each other's places: one that is a register goes over the stack.
 * (invpcid %edx, (%eax): EAX takes EDX, EDX the address in EAX.)
 */
static bool load_crossed(struct marshal *marshal, unsigned int pending)
{
	const struct form_move *before = marshal->form->before;
	unsigned int crossed = 0, number = REGISTER_COUNT;

	for (; pending >> crossed; crossed++) {
		number = operand_register(marshal, before[crossed].operand);
		if ((pending >> crossed & 1) && number < REGISTER_ESP)
			break;
	}
	if (pending >> crossed) {
		pending &= ~(1u << crossed);
		emit_push(marshal->emitter, number);
		marshal->pushed += 4;
		if (!load_pending(marshal, &pending))
			return false;
		emit_pop(marshal->emitter, marshal_place_register(before[crossed].place));
		marshal->pushed -= 4;
	}
	return !pending || problem_report(marshal->builder->problem, SPRINGBOARD_OPERAND,
	                                  WIDE(marshal->at->address), marshal->form->name);
}

bool marshal_arguments(struct marshal *marshal)
{
	const struct form_move *before = marshal->form->before;
	unsigned int pending = 0, count = 0;

	for (; before[count].place; count++) {
		marshal_origin(marshal);
		if (before[count].place == FORM_PLACE_PUSH) {
			if (!push_argument(marshal, before[count].operand))
				return false;
		} else if (is_pending(marshal, &before[count])) {
			pending |= 1u << count;
		}
	}
	return load_pending(marshal, &pending) && (!pending || load_crossed(marshal, pending));
}
