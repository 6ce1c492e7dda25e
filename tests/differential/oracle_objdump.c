/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GNU objdump: libopcodes, the library that is its disassembler, in this process.
 *
 * It prints prefixes that it makes nothing of as an instruction of their own ("data16 rex.W", then
 * the rest); here they belong to what follows, as to the CPU.
 */
#include "tests/differential/oracle.h"

#define PACKAGE "postburn" /* bfd.h asks for it */
#include <bfd.h>
#include <dis-asm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct objdump_state {
	struct disassemble_info info;
	disassembler_ftype print;
	char text[256];
	size_t text_size;
};

static void append(struct objdump_state *objdump, const char *format, va_list arguments)
{
	size_t room = sizeof(objdump->text) - objdump->text_size;
	int size = vsnprintf(objdump->text + objdump->text_size, room, format, arguments);

	if (size > 0)
		objdump->text_size += (size_t)size < room ? (size_t)size : room - 1;
}

__attribute__((format(printf, 2, 3))) static int print_plain(void *stream, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	append(stream, format, arguments);
	va_end(arguments);
	return 0;
}

__attribute__((format(printf, 3, 4))) static int
print_styled(void *stream, enum disassembler_style style, const char *format, ...)
{
	va_list arguments;

	(void)style;
	va_start(arguments, format);
	append(stream, format, arguments);
	va_end(arguments);
	return 0;
}

static void ignore_memory_error(int status, bfd_vma address, struct disassemble_info *info)
{
	(void)status;
	(void)address;
	(void)info;
}

static void print_address(bfd_vma address, struct disassemble_info *info)
{
	(void)address;
	(void)info;
}

static void *objdump_open(enum disasm_mode mode)
{
	static const unsigned long machines[] = {
	    [DISASM_MODE_16] = bfd_mach_i386_i8086,
	    [DISASM_MODE_32] = bfd_mach_i386_i386,
	    [DISASM_MODE_64] = bfd_mach_x86_64,
	};
	struct objdump_state *objdump = calloc(1, sizeof(*objdump));

	if (!objdump)
		return NULL;
	init_disassemble_info(&objdump->info, objdump, print_plain, print_styled);
	objdump->info.arch = bfd_arch_i386;
	objdump->info.mach = machines[mode];
	objdump->info.memory_error_func = ignore_memory_error;
	objdump->info.print_address_func = print_address;
	disassemble_init_for_target(&objdump->info);
	objdump->print = disassembler(bfd_arch_i386, false, machines[mode], NULL);
	if (!objdump->print) {
		free(objdump);
		return NULL;
	}
	return objdump;
}

bool objdump_prints_prefixes_only(const char *text)
{
	static const char *const names[] = {"cs",     "ss",   "ds",     "es",     "fs",
	                                    "gs",     "lock", "data16", "data32", "addr16",
	                                    "addr32", "repz", "repnz"};

	while (*text) {
		size_t size = strcspn(text, " ");
		bool is_prefix = !strncmp(text, "rex", 3);

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			is_prefix |= size == strlen(names[i]) && !strncmp(text, names[i], size);
		if (!is_prefix)
			return false;
		text += size;
		text += strspn(text, " ");
	}
	return true;
}

static void objdump_ask(void *state, const uint8_t *bytes, size_t size,
                        struct oracle_answer *answer)
{
	struct objdump_state *objdump = state;
	int total = 0, length;

	objdump->info.buffer = (bfd_byte *)bytes;
	objdump->info.buffer_length = size;
	do {
		objdump->text_size = 0;
		objdump->text[0] = '\0';
		length = objdump->print((bfd_vma)total, &objdump->info);
		if (length <= 0)
			return;
		total += length;
	} while (objdump_prints_prefixes_only(objdump->text) && total < INSTRUCTION_MAX_LENGTH);
	if (strstr(objdump->text, "(bad)") || total > INSTRUCTION_MAX_LENGTH)
		return;
	answer->accepted = true;
	answer->length = (uint8_t)total;
}

const struct oracle_functions oracle_objdump = {objdump_open, objdump_ask, free};
