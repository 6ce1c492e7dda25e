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

uint16_t classify_instruction(const struct instruction *instruction, const uint8_t *bytes)
{
	const struct sensitive_pattern *pattern;
	unsigned prefix, size, lock;

	if (instruction->encoding != ENCODING_LEGACY ||
	    !opcode_may_be_sensitive((enum opcode_map)instruction->map, instruction->opcode))
		return SENSITIVE_FORM_NONE;
	prefix = selected_prefix(instruction, bytes);
	lock = instruction->prefixes & PREFIX_LOCK ? 2 : 1;
	size = instruction->operand_size == 16 ? 1 : 2;
	pattern = &sensitive_patterns[sensitive_opcodes[instruction->map][instruction->opcode]];
	for (;; pattern++) {
		if ((pattern->modes >> instruction->mode & 1) && (pattern->prefixes & prefix) &&
		    (pattern->sizes & size) && (pattern->locks & lock) &&
		    modrm_matches(pattern, instruction))
			return pattern->form;
		if (pattern->last)
			return SENSITIVE_FORM_NONE;
	}
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
