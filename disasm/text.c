/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/text.h"

#include <capstone/capstone.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct disasm_text {
	csh capstone;
	cs_insn *instruction; /* room for one, reused */
};

struct disasm_text *disasm_text_open(enum disasm_mode mode)
{
	static const cs_mode modes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
	struct disasm_text *text = calloc(1, sizeof(*text));

	if (!text)
		return NULL;
	if (cs_open(CS_ARCH_X86, modes[mode], &text->capstone) != CS_ERR_OK) {
		free(text);
		return NULL;
	}
	text->instruction = cs_malloc(text->capstone);
	if (!text->instruction ||
	    cs_option(text->capstone, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT) != CS_ERR_OK) {
		disasm_text_close(text);
		return NULL;
	}
	return text;
}

void disasm_text_close(struct disasm_text *text)
{
	if (!text)
		return;
	if (text->instruction)
		cs_free(text->instruction, 1);
	cs_close(&text->capstone);
	free(text);
}

/*
 * Copies Capstone's operands as objdump writes them: nothing after commas, all numbers hexadecimal.
 * Capstone writes those below ten without 0x; but what stands in parentheses (a scale, the number
 * of an x87 register) or in a name is no such number.
 */
static void copy_operands(const char *operands, char *buffer, size_t size)
{
	size_t used = 0;
	bool in_parentheses = false;
	char before = ',';

	for (; *operands; before = *operands++) {
		bool is_number = isdigit((unsigned char)*operands) && !in_parentheses &&
		                 !isalnum((unsigned char)before);

		if (*operands == '(' || *operands == ')')
			in_parentheses = *operands == '(';
		if (*operands == ' ' && before == ',')
			continue;
		if (is_number && operands[1] != 'x' && used + 2 < size) {
			buffer[used++] = '0';
			buffer[used++] = 'x';
		}
		if (used + 1 < size)
			buffer[used++] = *operands;
	}
	buffer[used] = 0;
}

void disasm_text_format(struct disasm_text *text, const uint8_t *bytes, size_t length,
                        uint64_t address, char *buffer, size_t buffer_size)
{
	cs_insn *instruction = text->instruction;
	char operands[sizeof(instruction->op_str) + 32];
	size_t left = length;

	if (!cs_disasm_iter(text->capstone, &bytes, &left, &address, instruction) || left) {
		snprintf(buffer, buffer_size, "(bad)");
		return;
	}
	copy_operands(instruction->op_str, operands, sizeof(operands));
	snprintf(buffer, buffer_size, "%s%s%s", instruction->mnemonic, operands[0] ? " " : "",
	         operands);
}
