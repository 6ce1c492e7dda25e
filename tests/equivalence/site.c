/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/equivalence/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/effects.h"
#include "patcher/bytes.h"

struct form_case {
	uint8_t mode; /* enum disasm_mode */
	uint8_t size;
	uint16_t form; /* or SENSITIVE_FORM_NONE */
	uint8_t bytes[INSTRUCTION_MAX_LENGTH];
	const char *origin; /* what it was made from */
};

#include "sensitive_form_cases.h" /* generated */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ESP = 4 };

/* What is below ESP is nobody's: no operand is there. */
#define FREE_STACK 256

void site_print(const struct site *site)
{
	print_error("  %s:", sensitive_forms[site->form].name);
	for (unsigned i = 0; i < site->instruction.length; i++)
		print_error(" %02x", site->bytes[i]);
	print_error("  eax %08x ecx %08x edx %08x ebx %08x esp %08x ebp %08x esi %08x edi %08x\n",
	            site->state.registers[0], site->state.registers[1], site->state.registers[2],
	            site->state.registers[3], site->state.registers[4], site->state.registers[5],
	            site->state.registers[6], site->state.registers[7]);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* `and` and `or` of one bit, as they are sites. */
static void choose_bit(struct random *random, struct site *site)
{
	const struct instruction *instruction = &site->instruction;
	uint8_t *immediate = site->bytes + instruction->immediate_offset;
	bool clears = site->form == FORM_PTE_AND;
	uint32_t bits = instruction->immediate_size == 4 ? 32 : instruction->opcode == 0x83 ? 7 : 8;
	uint32_t mask = UINT32_C(1) << random_below(random, bits);

	if (clears)
		mask = ~mask;
	for (unsigned i = 0; i < instruction->immediate_size; i++)
		immediate[i] = (uint8_t)(mask >> 8 * i);
}

static uint16_t classify(const struct site *site)
{
	return site->form < sensitive_form_count && sensitive_forms[site->form].named
	           ? classify_named(&site->instruction, site->bytes)
	           : classify_instruction(&site->instruction, site->bytes);
}

/* The encoding up to its opcode, ModRM and SIB of the shape, and random bytes for the rest. */
static bool assemble(struct random *random, const uint8_t *encoding, uint8_t encoding_size,
                     const struct site_shape *shape, struct site *site)
{
	static const uint8_t segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	struct instruction model;
	unsigned at = 0, head;

	if (decode_instruction(encoding, encoding_size, DISASM_MODE_32, &model) != DECODE_OK)
		return false;
	head = model.has_modrm ? model.modrm_offset : model.opcode_offset + 1u;
	random_fill(random, site->bytes, sizeof(site->bytes));
	if (random_below(random, 3) == 0)
		site->bytes[at++] = segments[random_below(random, sizeof(segments))];
	if (shape->address16)
		site->bytes[at++] = 0x67;
	memcpy(site->bytes + at, encoding, head);
	at += head;
	if (model.has_modrm) {
		site->bytes[at++] = shape->modrm;
		if (!shape->address16 && shape->modrm >> 6 != 3 && (shape->modrm & 7) == 4)
			site->bytes[at++] = shape->sib;
	}
	if (decode_instruction(site->bytes, sizeof(site->bytes), DISASM_MODE_32,
	                       &site->instruction) != DECODE_OK)
		return false;
	if (site->form == FORM_PTE_AND || site->form == FORM_PTE_OR)
		choose_bit(random, site);
	return classify(site) == site->form;
}

static bool operand_is_memory(const struct site *site)
{
	const struct instruction *instruction = &site->instruction;
	bool moves_system_register = instruction->map == OPCODE_MAP_0F &&
	                             instruction->opcode >= 0x20 && instruction->opcode <= 0x23;

	return instruction->has_modrm && instruction->modrm >> 6 != 3 && !moves_system_register;
}

/* --- addresses -------------------------------------------------------------------------------- */

static void write_displacement(struct site *site, uint32_t value)
{
	for (unsigned i = 0; i < site->instruction.displacement_size; i++)
		site->bytes[site->instruction.displacement_offset + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t read_displacement(const struct site *site)
{
	const uint8_t *bytes = site->bytes + site->instruction.displacement_offset;

	switch (site->instruction.displacement_size) {
	case 1: return (uint32_t)(int8_t)*bytes;
	case 2: return bytes_load16(bytes);
	case 4: return bytes_load32(bytes);
	default: return 0;
	}
}

/* Gives registers or the displacement values so that the address is near target. */
static void aim(struct random *random, struct site *site, uint32_t target)
{
	const struct instruction *instruction = &site->instruction;
	uint32_t *registers = site->state.registers;
	uint8_t base = instruction->has_sib ? instruction->sib & 7 : instruction->modrm & 7;
	bool bare = instruction->modrm >> 6 == 0 && base == 5;
	uint8_t index = instruction->has_sib ? instruction->sib >> 3 & 7 : 4;
	uint32_t scale = instruction->has_sib ? 1u << (instruction->sib >> 6) : 0;

	if (instruction->displacement_size == 4)
		write_displacement(site,
		                   bare && index == 4 ? target : random_below(random, 4096) - 2048);
	target -= read_displacement(site);
	if (bare && index != 4) {
		registers[index] = target / scale;
	} else if (bare) {
		return;
	} else if (base == ESP) { /* which is what it is: the stack's middle */
		if (index != 4)
			registers[index] = random_below(random, 256);
	} else if (base == index) {
		registers[base] = target / (1 + scale);
	} else {
		if (index != 4)
			registers[index] = random_below(random, 64);
		registers[base] = target - (index != 4 ? registers[index] * scale : 0);
	}
}

/* What the machine itself takes for the operand's address: lea with the same ModRM, to EAX. */
static uint32_t ask_address(struct machine *machine, const struct site *site)
{
	struct machine_state state = site->state;
	uint8_t code[INSTRUCTION_MAX_LENGTH + 1];
	const struct instruction *instruction = &site->instruction;
	unsigned size = 0, tail = instruction->modrm_offset + 1u;
	unsigned end = tail + instruction->has_sib + instruction->displacement_size;

	if (instruction->address_size == 16)
		code[size++] = 0x67;
	code[size++] = 0x8d;
	code[size++] = instruction->modrm & 0xc7;
	memcpy(code + size, site->bytes + tail, end - tail);
	size += end - tail;
	code[size++] = 0xcc;
	state.eip = CODE_ADDRESS + CODE_SIZE / 2;
	machine_patch_code(machine, state.eip, code, size);
	machine_run(machine, &state);
	return state.registers[0];
}

static uint32_t segment_base(const struct site *site)
{
	return site->instruction.segment == 0x64   ? FS_BASE
	       : site->instruction.segment == 0x65 ? GS_BASE
	                                           : 0;
}

/* A random address, with room around it, that the operand's segment and size can reach. */
static uint32_t choose_target(struct random *random, const struct site *site, bool unmapped)
{
	uint32_t room = random_below(random, ARENA_SIZE - 0x400) + 0x200;

	if (site->instruction.address_size == 16)
		return random_below(random, 0x1000);
	return (unmapped ? UNMAPPED_ADDRESS : ARENA_ADDRESS) + room - segment_base(site);
}

static bool is_reachable(struct machine *machine, const struct site *site, bool unmapped)
{
	uint32_t below_stack = site->state.registers[ESP] - site->linear_address;

	if (site->instruction.address_size == 16 && site->effective_address > 0xffe0)
		return false;
	if (below_stack - 1 < FREE_STACK)
		return false;
	return unmapped ? site->linear_address - UNMAPPED_ADDRESS < 0x10000
	                : memory_at(machine->memory, site->linear_address, 64) != NULL;
}

/* --- sites ------------------------------------------------------------------------------------ */

static void choose_state(struct random *random, struct site *site)
{
	for (unsigned i = 0; i < 8; i++)
		site->state.registers[i] = random_word(random);
	site->state.registers[ESP] =
	    STACK_ADDRESS + STACK_SIZE / 2 + 2 * random_below(random, 256) - 256;
	site->state.flags = 2 | (random_word(random) & (STATUS_FLAGS | FLAG_DF));
	site->state.eip = CODE_ADDRESS;
}

bool site_make(struct machine *machine, struct random *random, uint16_t form,
               const uint8_t *encoding, uint8_t encoding_size, const struct site_shape *shape,
               bool unmapped, struct site *site)
{
	memset(site, 0, sizeof(*site));
	site->form = form;
	if (!assemble(random, encoding, encoding_size, shape, site))
		return false;
	site->has_memory = operand_is_memory(site);
	for (unsigned attempt = 0; attempt < 50; attempt++) {
		choose_state(random, site);
		if (!site->has_memory)
			return !unmapped;
		if (site->instruction.address_size == 32)
			aim(random, site, choose_target(random, site, unmapped));
		site->effective_address = ask_address(machine, site);
		site->linear_address = site->effective_address + segment_base(site);
		if (is_reachable(machine, site, unmapped))
			return true;
	}
	return false;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* sibs: how many of the 256 SIB bytes, in a scattered order. */
static void each_modrm(const struct form_case *from, uint8_t reg, unsigned sibs, site_visit *visit,
                       void *context)
{
	struct site_shape shape = {0};

	for (unsigned mod_rm = 0; mod_rm < 32; mod_rm++) {
		bool is_register = mod_rm >> 3 == 3, has_sib = !is_register && (mod_rm & 7) == 4;

		shape.modrm = (uint8_t)(mod_rm >> 3 << 6 | reg << 3 | (mod_rm & 7));
		shape.address16 = false;
		for (unsigned sib = 0; sib < (has_sib ? sibs : 1); sib++) {
			shape.sib = (uint8_t)(sib * 37 + reg * 11);
			visit(context, from->form, from->bytes, from->size, &shape);
		}
		shape.address16 = true;
		if (!is_register)
			visit(context, from->form, from->bytes, from->size, &shape);
	}
}

/* What has been tried of a form. */
struct coverage {
	bool any;
	bool shapes[2][8]; /* by operand size and ModRM.reg */
};

/*
 * An encoding as it is, with 16-bit addressing, too; and the first one of each operand size and
 * ModRM.reg with all memory operands and registers. Others differ by prefixes only.
 */
static void each_shape(const struct form_case *from, struct coverage *coverage, site_visit *visit,
                       void *context)
{
	struct instruction instruction;
	struct site_shape shape = {0};
	bool *done;
	uint8_t reg;

	if (decode_instruction(from->bytes, from->size, DISASM_MODE_32, &instruction) != DECODE_OK)
		return;
	shape.modrm = instruction.modrm;
	shape.sib = 0x24;
	visit(context, from->form, from->bytes, from->size, &shape);
	if (!instruction.has_modrm) {
		shape.address16 = true;
		visit(context, from->form, from->bytes, from->size, &shape);
		return;
	}
	reg = instruction.modrm >> 3 & 7;
	done = &coverage->shapes[instruction.operand_size == 16][reg];
	if (!*done)
		each_modrm(from, reg, coverage->any ? 12 : 256, visit, context);
	*done = coverage->any = true;
}

void site_each(uint16_t form, site_visit *visit, void *context)
{
	struct coverage coverage = {0};

	for (size_t i = 0; i < COUNT(form_cases); i++) {
		if (form_cases[i].form == form && form_cases[i].mode == DISASM_MODE_32)
			each_shape(&form_cases[i], &coverage, visit, context);
	}
	for (size_t i = 0; i < COUNT(form_examples); i++) {
		if (form_examples[i].form == form && form_examples[i].mode == DISASM_MODE_32)
			each_shape(&form_examples[i], &coverage, visit, context);
	}
}
