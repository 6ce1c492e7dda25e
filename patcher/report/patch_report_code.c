/* SPDX-License-Identifier: BSD-2-Clause */

/* Disassembly in the report: a line an instruction, as objdump has it. */

#include <inttypes.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/report/patch_report_private.h"

#define NAME_SIZE 520 /* of a symbol, escaped, with its NUL; longer ones are cut */

/* The ROM's symbol that covers address, or NULL. */
static const struct rom_symbol *rom_symbol_at(const struct patch *patch, uint64_t address)
{
	size_t low = 0, high = patch->linked.symbol_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (patch->linked.symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || (address != patch->linked.symbols[low - 1].address &&
	             address - patch->linked.symbols[low - 1].address >=
	                 patch->linked.symbols[low - 1].size))
		return NULL;
	return &patch->linked.symbols[low - 1];
}

/* " <native_set_pte+0x5>" behind what leads to address, or "". */
static void name_target(const struct patch *patch, uint64_t address, char *text, size_t size)
{
	const struct kernel_symbol *symbol = NULL;
	const struct rom_symbol *rom_symbol = rom_symbol_at(patch, address);
	const char *name = NULL;
	char printable[NAME_SIZE];
	uint64_t start = 0;

	if (rom_symbol) {
		name = rom_symbol->name;
		start = rom_symbol->address;
	} else if (kernel_section_at(patch->kernel, address)) {
		symbol = kernel_symbol_at(patch->kernel, UINT32_MAX, address);
	}
	if (symbol) {
		name = symbol->name;
		start = symbol->address;
	}
	text[0] = '\0';
	if (!name)
		return;
	escape_text(name, printable, sizeof(printable));
	if (address == start)
		snprintf(text, size, " <%s>", printable);
	else
		snprintf(text, size, " <%s+0x%" PRIx64 ">", printable, address - start);
}

static char *put_hexadecimal(char *at, const uint8_t *bytes, unsigned int count)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < count; i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	return at;
}

unsigned int report_code_line(const struct report_writer *writer, const uint8_t *bytes, size_t size,
                              uint64_t address, char line[REPORT_LINE_SIZE])
{
	struct instruction instruction;
	bool good = decode_instruction(bytes, size, DISASM_MODE_32, &instruction) == DECODE_OK;
	unsigned int length = good ? instruction.length : 1;
	char text[160] = "(bad)", target[NAME_SIZE + 32] = "", hex[2 * INSTRUCTION_MAX_LENGTH + 1];

	*put_hexadecimal(hex, bytes, length) = '\0';
	if (good)
		disasm_text_format(writer->disassembler, bytes, length, address, text,
		                   sizeof(text));
	if (good && instruction_is_direct_branch(&instruction))
		name_target(writer->patch, instruction_branch_target(&instruction, bytes, address),
		            target, sizeof(target));
	snprintf(line, REPORT_LINE_SIZE, "%08" PRIx64 " %s %s%s", address, hex, text, target);
	return length;
}

json_t *report_code(struct report_writer *writer, const uint8_t *bytes, size_t size,
                    uint64_t address)
{
	json_t *array = json_array();
	char line[REPORT_LINE_SIZE];

	for (size_t at = 0; at < size;) {
		at += report_code_line(writer, bytes + at, size - at, address + at, line);
		json_add(&writer->output, array, json_string_nocheck(line));
	}
	return array;
}
