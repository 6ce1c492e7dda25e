/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/text.h"

#include <capstone/capstone.h>
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

void disasm_text_format(struct disasm_text *text, const uint8_t *bytes, size_t length,
                        uint64_t address, char *buffer, size_t buffer_size)
{
	cs_insn *instruction = text->instruction;
	size_t left = length;

	if (!cs_disasm_iter(text->capstone, &bytes, &left, &address, instruction) || left)
		snprintf(buffer, buffer_size, "(bad)");
	else
		snprintf(buffer, buffer_size, "%s%s%s", instruction->mnemonic,
		         instruction->op_str[0] ? " " : "", instruction->op_str);
}
