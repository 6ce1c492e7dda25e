/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/classify.h"

/* The bits of struct sensitive_pattern's prefixes. */
enum { SELECTED_NONE = 1 << 0, SELECTED_66 = 1 << 1, SELECTED_F3 = 1 << 2, SELECTED_F2 = 1 << 3 };

/*
 * What the prefixes select where they are part of the opcode. Of f3 and f2 the
 * last one counts, and 66 only without both: what CPUs do, beyond SDM vol. 2
 * section 2.1.2, which leaves several prefixes of a group undefined.
 */
static unsigned selected_prefix(const struct instruction *instruction, const uint8_t *bytes)
{
	if ((instruction->prefixes & (PREFIX_REP | PREFIX_REPNE)) == 0)
		return instruction->prefixes & PREFIX_OPERAND_SIZE ? SELECTED_66 : SELECTED_NONE;
	for (unsigned i = instruction->opcode_offset; i-- > 0;) {
		if (bytes[i] == 0xf3)
			return SELECTED_F3;
		if (bytes[i] == 0xf2)
			return SELECTED_F2;
	}
	return SELECTED_NONE;
}

static bool modrm_matches(const struct sensitive_pattern *pattern,
                          const struct instruction *instruction)
{
	unsigned mod, reg, rm;

	if (!instruction->has_modrm)
		return true;
	mod = instruction->modrm >> 6 == 3 ? 2 : 1;
	reg = (instruction->modrm >> 3 & 7) + (instruction->rex & 4 ? 8 : 0);
	rm = instruction->modrm & 7;
	return (pattern->mods & mod) && (pattern->regs >> reg & 1) && (pattern->rms >> rm & 1);
}

/* The form of the first pattern from *pattern on that matches. */
static uint16_t match(const struct sensitive_pattern *pattern,
                      const struct instruction *instruction, const uint8_t *bytes)
{
	unsigned prefix = selected_prefix(instruction, bytes);
	unsigned lock = instruction->prefixes & PREFIX_LOCK ? 2 : 1;
	unsigned size = instruction->operand_size == 16 ? 1 : 2;

	for (;; pattern++) {
		if ((pattern->modes >> instruction->mode & 1) && (pattern->prefixes & prefix) &&
		    (pattern->sizes & size) && (pattern->locks & lock) &&
		    modrm_matches(pattern, instruction))
			return pattern->form;
		if (pattern->last)
			return SENSITIVE_FORM_NONE;
	}
}

uint16_t classify_instruction(const struct instruction *instruction, const uint8_t *bytes)
{
	if (instruction->encoding != ENCODING_LEGACY ||
	    !opcode_may_be_sensitive((enum opcode_map)instruction->map, instruction->opcode))
		return SENSITIVE_FORM_NONE;
	return match(&sensitive_patterns[sensitive_opcodes[instruction->map][instruction->opcode]],
	             instruction, bytes);
}

/* --- writes to page tables ---------------------------------------------------------- */

enum { GROUP1_FIRST = 0x80, GROUP1_LAST = 0x83, GROUP1_AND = 4, GROUP8 = 0xba };

static bool is_group1(const struct instruction *instruction)
{
	return instruction->map == OPCODE_MAP_ONE_BYTE && instruction->opcode >= GROUP1_FIRST &&
	       instruction->opcode <= GROUP1_LAST;
}

uint8_t named_bit_offset(const struct instruction *instruction, const uint8_t *bytes)
{
	if (!is_group1(instruction) || instruction->opcode != GROUP1_FIRST ||
	    !instruction->displacement_size)
		return 0;
	return bytes[instruction->displacement_offset] & 3;
}

/* The bits that `and` clears or `or` sets. */
static uint32_t changed_bits(const struct instruction *instruction, const uint8_t *bytes)
{
	const uint8_t *from = bytes + instruction->immediate_offset;
	uint32_t mask = 0;

	for (unsigned i = 0; i < instruction->immediate_size; i++)
		mask |= (uint32_t)from[i] << 8 * i;
	if (instruction->immediate_size == 1 && instruction->opcode != GROUP1_FIRST)
		mask = (uint32_t)(int32_t)(int8_t)*from;
	if ((instruction->modrm >> 3 & 7) == GROUP1_AND)
		mask = ~mask;
	return instruction->opcode == GROUP1_FIRST ? mask & 0xff : mask;
}

uint8_t named_bit(const struct instruction *instruction, const uint8_t *bytes)
{
	uint32_t mask;
	uint8_t bit = 0;

	if (instruction->map == OPCODE_MAP_0F && instruction->opcode == GROUP8)
		return bytes[instruction->immediate_offset] & 31;
	if (!is_group1(instruction))
		return UINT8_MAX;
	mask = changed_bits(instruction, bytes);
	if (mask == 0 || (mask & (mask - 1)))
		return UINT8_MAX;
	while (!(mask >> bit & 1))
		bit++;
	return (uint8_t)(bit + 8 * named_bit_offset(instruction, bytes));
}

uint32_t named_address(const struct instruction *instruction, const uint8_t *bytes)
{
	uint32_t address = 0;

	for (unsigned i = 0; i < instruction->displacement_size && i < 4; i++)
		address |= (uint32_t)bytes[instruction->displacement_offset + i] << 8 * i;
	return address;
}

uint16_t classify_named(const struct instruction *instruction, const uint8_t *bytes)
{
	uint16_t form;

	if (instruction->encoding != ENCODING_LEGACY || instruction->map >= 4 ||
	    !named_opcodes[instruction->map][instruction->opcode])
		return SENSITIVE_FORM_NONE;
	form = match(&named_patterns[named_opcodes[instruction->map][instruction->opcode]],
	             instruction, bytes);
	if (form == FORM_PTE_STORE_MOFFS &&
	    (instruction->segment == 0x64 || instruction->segment == 0x65))
		return SENSITIVE_FORM_NONE; /* an address of FS or GS, whose bases are not known */
	if ((form == FORM_PTE_AND || form == FORM_PTE_OR) &&
	    named_bit(instruction, bytes) == UINT8_MAX)
		return SENSITIVE_FORM_NONE;
	return form;
}

const char *deprivileged_behaviour_name(enum deprivileged_behaviour behaviour)
{
	switch (behaviour) {
	case DEPRIVILEGED_FAULTS: return "faults";
	case DEPRIVILEGED_SILENT: return "silent";
	case DEPRIVILEGED_HARMLESS: return "harmless";
	}
	return "";
}
