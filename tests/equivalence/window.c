/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/equivalence/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void print_bytes(const char *title, const uint8_t *bytes, unsigned int size)
{
	print_error("  %s:", title);
	for (unsigned i = 0; i < size; i++)
		print_error(" %02x", bytes[i]);
	print_error("\n");
}

void window_make(const uint8_t *bytes, unsigned int size, bool unpaged, struct window *window)
{
	uint32_t address = CODE_ADDRESS + (unpaged ? ALIAS_OFFSET : 0);
	unsigned at = 0;

	*window = (struct window){.start = address, .end = address + size, .unpaged = unpaged};
	while (at < size) {
		struct window_instruction *next = &window->instructions[window->count++];

		*next = (struct window_instruction){
		    .address = address + at, .bytes = bytes + at, .live_after = UINT32_MAX};
		assert_int_equal(
		    decode_instruction(next->bytes, size - at, DISASM_MODE_32, &next->instruction),
		    DECODE_OK);
		next->form = classify_instruction(&next->instruction, next->bytes);
		at += next->instruction.length;
	}
}

void window_build(struct machine *machine, const struct window *window, const struct rom *rom,
                  struct springboard *springboard)
{
	uint32_t offset = window->unpaged ? ALIAS_OFFSET : 0;
	static const uint8_t stop[] = {0xcc};
	struct problem problem;

	if (!springboard_build(window, SPRINGBOARD_ADDRESS + offset, rom, ROM_ADDRESS + offset,
	                       springboard, &problem)) {
		print_bytes("window", window->instructions[0].bytes, window->end - window->start);
		print_error("%s\n", problem.text);
		fail();
	}
	machine_patch_code(machine, SPRINGBOARD_ADDRESS, springboard->bytes, springboard->size);
	machine_patch_code(machine, SPRINGBOARD_ADDRESS + springboard->size, stop, sizeof(stop));
}
