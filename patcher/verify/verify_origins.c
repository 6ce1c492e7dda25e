/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What an origin says of a fault in its code: how far ESP is below the guest's, and which words
 * there are the guest's registers. Each origin must be right where it begins, and wherever its code
 * reaches the guest's memory or calls the ROM: there a fault may happen in the guest's name.
 */

#include "patcher/verify/verify_code.h"

#define OPCODE_LEA 0x8d

/* In the order of the words on the stack, from the guest's ESP downwards; EAX and the flags stand
 * before them. */
static const uint8_t frame_order[] = {MACHINE_ECX, MACHINE_EDX, MACHINE_EBX,
                                      MACHINE_EBP, MACHINE_ESI, MACHINE_EDI};

/* The last origin at or below address, or NULL. */
static const struct rom_origin *origin_at(const struct verifier *verifier, uint32_t address)
{
	size_t next = verify_first_origin(verifier, address + 1);

	return next ? &verifier->origins[next - 1] : NULL;
}

/* The word at an offset from the guest's ESP. */
static struct value stack_word(struct machine *machine, const struct machine_state *state,
                               int32_t offset)
{
	struct value word;

	for (int32_t i = 0; i < 4; i++)
		word.bytes[i] = machine_stack_byte(machine->terms, state, offset + i);
	return word;
}

static bool is_saved_register(struct machine *machine, const struct machine_state *state,
                              unsigned int number, int32_t offset)
{
	struct value word = stack_word(machine, state, offset);
	struct value wanted =
	    value_of_term(machine->terms, term_make(machine->terms, TERM_REGISTER, number, 0, 0));

	return values_equal(&word, &wanted, 0xf);
}

/* OF in the lowest byte, what lahf has in the next. */
static bool are_saved_flags(struct machine *machine, const struct machine_state *state,
                            int32_t offset)
{
	struct value word = stack_word(machine, state, offset);
	term_number flags[MACHINE_FLAGS];

	for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
		flags[i] = term_make(machine->terms, TERM_FLAG, i, 0, 0);
	return bytes_equal(word.bytes[1], byte_of_term(term_lahf(machine->terms, flags))) &&
	       bytes_equal(word.bytes[0], byte_of_term(term_make(machine->terms, TERM_FLAG_BYTE,
	                                                         flags[MACHINE_OF], 0, 0)));
}

/* The words that the origin says are there are. */
static bool check_saved(struct machine *machine, const struct machine_state *state,
                        const struct rom_origin *origin)
{
	int32_t at = origin->saved & ROM_SAVED_RESULT ? -4 : 0;

	if (origin->saved & ~(ROM_SAVED_RESULT | ROM_SAVED_FLAGS | 0xff) ||
	    (origin->saved >> MACHINE_ESP & 1))
		return false;
	if ((origin->saved & 1) && !is_saved_register(machine, state, MACHINE_EAX, at -= 4))
		return false;
	if ((origin->saved & ROM_SAVED_FLAGS) && !are_saved_flags(machine, state, at -= 4))
		return false;
	for (unsigned int i = 0; i < sizeof(frame_order); i++)
		if ((origin->saved >> frame_order[i] & 1) &&
		    !is_saved_register(machine, state, frame_order[i], at -= 4))
			return false;
	return at >= -(int32_t)origin->pushed;
}

bool verify_origin_describes(struct machine *machine, const struct machine_state *state,
                             uint32_t address)
{
	const struct origin_watch *watch = machine->watch;
	const struct rom_origin *origin = origin_at(watch->verifier, address);
	int32_t esp;

	if (!origin)
		return machine_fail(machine, "has no origin");
	if (!machine_stack_offset(machine, state, &esp))
		return false;
	if (esp != -(int32_t)origin->pushed)
		return machine_fail(machine, "has an origin with a wrong distance of ESP");
	return check_saved(machine, state, origin) ||
	       machine_fail(machine, "has an origin that names what is not on the stack");
}

bool verify_origin_keeps(struct machine *machine, const struct machine_state *state,
                         uint32_t address, uint32_t needed, uint32_t lost)
{
	const struct origin_watch *watch = machine->watch;
	const struct rom_origin *origin = origin_at(watch->verifier, address);

	if (!verify_origin_describes(machine, state, address) || !origin)
		return false;
	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++) {
		struct value before = value_of_term(
		    machine->terms, term_make(machine->terms, TERM_REGISTER, i, 0, 0));

		if (i == MACHINE_ESP || (origin->saved >> i & 1) || !(needed >> i & 1))
			continue;
		if (lost >> i & 1)
			return machine_fail(machine,
			                    "has not saved a register that the call may lose");
		if (!values_equal(&state->registers[i], &before, 0xf))
			return machine_fail(machine, "has changed a register that a fault needs");
	}
	for (unsigned int i = 0; i < MACHINE_FLAGS && (needed & ROM_CLOBBERS_FLAGS) &&
	                         !(origin->saved & ROM_SAVED_FLAGS);
	     i++)
		if ((lost & ROM_CLOBBERS_FLAGS) ||
		    state->flags[i] != term_make(machine->terms, TERM_FLAG, i, 0, 0))
			return machine_fail(machine, "has changed flags that a fault needs");
	return true;
}

/* Whether the instruction reaches memory that is not the springboard's own part of the stack. */
static bool reaches_guest(struct machine *machine, const struct machine_state *state,
                          const struct machine_step *step)
{
	term_number address;
	uint8_t segment;
	int32_t offset;

	if (!machine_has_memory_operand(step->instruction) ||
	    (step->instruction->map == OPCODE_MAP_ONE_BYTE &&
	     step->instruction->opcode == OPCODE_LEA))
		return false;
	address = machine_operand_address(machine->terms, state, step->instruction, step->bytes, 0,
	                                  &segment);
	return !term_is_register_offset(machine->terms, address, MACHINE_ESP, &offset) ||
	       offset >= 0;
}

bool verify_origin_observe(struct machine *machine, const struct machine_state *state,
                           const struct machine_step *step)
{
	const struct origin_watch *watch = machine->watch;
	const struct rom_origin *origin = origin_at(watch->verifier, step->address);
	bool begins = origin && origin->springboard == step->address;

	if (!begins && !reaches_guest(machine, state, step))
		return true;
	return verify_origin_describes(machine, state, step->address);
}

void verify_plain_origins(struct verifier *verifier, const struct verify_stretch *stretch)
{
	for (size_t i = verify_first_origin(verifier, stretch->begin);
	     i < verifier->origin_count && verifier->origins[i].springboard < stretch->end; i++)
		if (verifier->origins[i].pushed || verifier->origins[i].saved)
			verify_find(verifier, VERIFY_ORIGIN, verifier->origins[i].springboard,
			            "the origin is of code that has pushed nothing");
}
