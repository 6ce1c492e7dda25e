/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/equivalence/recording_rom.h"

#include <string.h>

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

const struct vmi_call_description *describe_call(enum vmi_call call)
{
	for (size_t i = 0; i < vmi_call_count; i++) {
		if (vmi_calls[i].number == call)
			return &vmi_calls[i];
	}
	return NULL;
}

/* Registers of CALL_PLACE_ bits, 1 << number. */
static uint32_t registers_of(uint16_t places)
{
	static const uint8_t numbers[] = {EAX, ECX, EDX, EBX, ESI, EDI};
	uint32_t registers = 0;

	for (unsigned i = 0; i < sizeof(numbers); i++) {
		if (places >> i & 1)
			registers |= UINT32_C(1) << numbers[i];
	}
	return registers;
}

void recording_rom_make(struct random *random, struct rom *rom)
{
	*rom = (struct rom){.name = "recording"};
	for (size_t i = 0; i < vmi_call_count; i++) {
		uint32_t allowed = registers_of(vmi_calls[i].clobbers & ~vmi_calls[i].outputs);

		if (vmi_calls[i].clobbers & CALL_PLACE_FLAGS)
			allowed |= ROM_CLOBBERS_FLAGS;
		rom->calls[vmi_calls[i].number] = (struct rom_call){
		    .action = ROM_ACTION_CALL,
		    .clobbers = random_below(random, 4) ? allowed : allowed & random_word(random)};
	}
}

bool recording_rom_entered(struct machine *machine, const struct machine_state *state,
                           struct rom_record *record)
{
	uint32_t offset = state->eip - ROM_ADDRESS;
	uint32_t esp = state->registers[ESP];

	if (offset >= ROM_SLOTS_SIZE || offset % ROM_SLOT_SIZE)
		return false;
	record->call = (enum vmi_call)(offset / ROM_SLOT_SIZE);
	record->state = *state;
	record->state.registers[ESP] = esp + 4;
	record->return_address = memory_read(machine->memory, esp, 4);
	for (unsigned i = 0; i < 4; i++)
		record->words[i] = memory_read(machine->memory, esp + 4 + 4 * i, 4);
	return describe_call(record->call) != NULL;
}

void rom_answer_make(struct random *random, struct rom_answer *answer)
{
	*answer = (struct rom_answer){.eax = random_word(random),
	                              .ecx = random_word(random),
	                              .edx = random_word(random),
	                              .ebx = random_word(random),
	                              .word = random_word(random),
	                              .zf = random_below(random, 2)};
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answer_registers(struct random *random, const struct rom *rom, enum vmi_call call,
                             const struct rom_answer *answer, uint32_t *registers)
{
	const uint32_t answers[8] = {answer->eax, answer->ecx, answer->edx, answer->ebx};
	uint32_t outputs = registers_of(describe_call(call)->outputs);
	uint32_t clobbers = rom->calls[call].clobbers;

	for (unsigned i = 0; i < 8; i++) {
		if (clobbers >> i & 1)
			registers[i] = random_word(random);
		if ((outputs >> i & 1) && i <= EBX)
			registers[i] = answers[i];
	}
}

static uint32_t answer_flags(struct random *random, const struct rom *rom, enum vmi_call call,
                             const struct rom_answer *answer, uint32_t flags)
{
	if (rom->calls[call].clobbers & ROM_CLOBBERS_FLAGS)
		flags ^= random_word(random) & STATUS_FLAGS;
	if (describe_call(call)->outputs & CALL_PLACE_ZF)
		flags = (flags & ~(uint32_t)FLAG_ZF) | (answer->zf ? FLAG_ZF : 0);
	return flags;
}

static uint32_t popped_flags(const struct rom_record *record, uint32_t word)
{
	uint32_t mask = STATUS_FLAGS | FLAG_DF;

	return (record->state.flags & ~mask) | (word & mask);
}

static void string(const struct rom_record *record, unsigned index, unsigned size,
                   uint32_t *registers)
{
	uint32_t distance = registers[ECX] * size;

	registers[index] += record->state.flags & FLAG_DF ? 0 - distance : distance;
	registers[ECX] = 0;
}

/* The page-table calls whose effect on memory springboards look at. */
static void change_bit(struct machine *machine, const struct rom_record *record)
{
	uint32_t address = record->state.registers[EAX];
	uint32_t bit = UINT32_C(1) << (record->state.registers[EDX] & 31);
	uint32_t value = memory_read(machine->memory, address, 4);

	if (record->call == VMI_CALL_TestAndSetPxEBit)
		value |= bit;
	else
		value &= ~bit;
	memory_write(machine->memory, address, 4, value);
}

/* What is special about some calls. ESP is that before the call. */
static void answer_call(struct machine *machine, const struct rom_record *record,
                        const struct rom_answer *answer, struct machine_state *state)
{
	uint32_t *registers = state->registers;
	uint32_t before = record->state.registers[EAX];

	switch (record->call) {
	case VMI_CALL_PUSHF:
	case VMI_CALL_PushCS:
	case VMI_CALL_PushSS:
		memory_write(machine->memory, registers[ESP] - 4, 4, answer->word);
		break;
	case VMI_CALL_PUSHFW:
		memory_write(machine->memory, registers[ESP] - 2, 2, answer->word);
		break;
	case VMI_CALL_POPF:
	case VMI_CALL_POPFW: state->flags = popped_flags(record, record->words[0]); break;
	case VMI_CALL_LoadStack: registers[ESP] = record->words[0]; break;
	case VMI_CALL_GetGDT:
	case VMI_CALL_GetIDT:
		memory_write(machine->memory, before, 2, answer->ecx);
		memory_write(machine->memory, before + 2, 4, answer->edx);
		break;
	case VMI_CALL_TestAndSetPxEBit:
	case VMI_CALL_TestAndClearPxEBit: change_bit(machine, record); break;
	case VMI_CALL_INSB: string(record, EDI, 1, registers); break;
	case VMI_CALL_INSW: string(record, EDI, 2, registers); break;
	case VMI_CALL_INSL: string(record, EDI, 4, registers); break;
	case VMI_CALL_OUTSB: string(record, ESI, 1, registers); break;
	case VMI_CALL_OUTSW: string(record, ESI, 2, registers); break;
	case VMI_CALL_OUTSL: string(record, ESI, 4, registers); break;
	default: break;
	}
}

void recording_rom_answer(struct machine *machine, struct random *random, const struct rom *rom,
                          const struct rom_record *record, const struct rom_answer *answer,
                          struct machine_state *state)
{
	enum vmi_call call = record->call;

	*state = record->state;
	if (describe_call(call)->outputs & (CALL_PLACE_EDI | CALL_PLACE_ESI)) {
		answer_call(machine, record, answer, state);
	} else {
		answer_registers(random, rom, call, answer, state->registers);
		state->flags = answer_flags(random, rom, call, answer, state->flags);
		answer_call(machine, record, answer, state);
	}
	state->registers[ESP] += (uint32_t)describe_call(call)->esp_change;
	state->eip = record->return_address;
}
