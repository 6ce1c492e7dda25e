/* SPDX-License-Identifier: BSD-2-Clause */

/* The emitter: its memory operands are read again by the decoder, and it does not overrun. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "patcher/springboard/emit.h"

static struct emitter emitter_on(uint8_t *bytes, unsigned capacity)
{
	return (struct emitter){.bytes = bytes, .capacity = capacity, .address = 0xc0100000};
}

static void decode_again(const struct emitter *emitter, struct memory_operand *operand)
{
	struct instruction instruction;

	assert_false(emitter->overflow);
	assert_int_equal(
	    decode_instruction(emitter->bytes, emitter->size, DISASM_MODE_32, &instruction),
	    DECODE_OK);
	assert_int_equal(instruction.length, emitter->size);
	assert_int_equal(instruction.modrm >> 3 & 7, REGISTER_EDX);
	assert_true(memory_operand_read(&instruction, emitter->bytes, operand));
}

/* mov of an operand to EDX, moved by offset: all but the displacement stays. Its size. */
static unsigned check_moved(const struct memory_operand *operand, uint32_t offset)
{
	uint32_t mask = operand->address16 ? 0xffff : UINT32_MAX;
	uint8_t bytes[INSTRUCTION_MAX_LENGTH];
	struct emitter emitter = emitter_on(bytes, sizeof(bytes));
	struct memory_operand moved;

	emit_memory(&emitter, "\x8b", REGISTER_EDX, operand, offset);
	decode_again(&emitter, &moved);
	assert_int_equal((moved.displacement ^ (operand->displacement + offset)) & mask, 0);
	assert_int_equal(moved.rm, operand->rm);
	assert_int_equal(moved.segment, operand->segment);
	assert_int_equal(moved.registers, operand->registers);
	assert_int_equal(moved.bare, operand->bare);
	assert_int_equal(moved.address16, operand->address16);
	if (!operand->address16 && operand->rm == 4)
		assert_int_equal(moved.sib, operand->sib);
	return emitter.size;
}

static void memory_operands_survive(void **state)
{
	static const uint32_t offsets[] = {4, 124, 128, UINT32_C(0) - 4, 0x12345678};
	static const uint8_t displacements[] = {0x00, 0x01, 0x7f, 0x80, 0xfc};

	(void)state;
	for (unsigned i = 0; i < 3u * 64 * 256 * 2; i++) {
		uint8_t bytes[INSTRUCTION_MAX_LENGTH], *at = bytes;
		struct instruction instruction;
		struct memory_operand operand;

		memset(bytes, displacements[i % sizeof(displacements)], sizeof(bytes));
		if (i / (3 * 64 * 256))
			*at++ = 0x67;
		*at++ = 0x64;
		*at++ = 0x8b;
		*at++ = (uint8_t)(i / 256 % 192);
		*at++ = (uint8_t)i;
		assert_int_equal(
		    decode_instruction(bytes, sizeof(bytes), DISASM_MODE_32, &instruction),
		    DECODE_OK);
		assert_true(memory_operand_read(&instruction, bytes, &operand));
		assert_int_equal(operand.segment, SEGMENT_PREFIX_FS);
		assert_true(check_moved(&operand, 0) <= instruction.length);
		for (unsigned j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++)
			check_moved(&operand, offsets[j]);
	}
}

static void registers_are_no_memory(void **state)
{
	static const uint8_t mov[] = {0x8b, 0xc1}, nop[] = {0x90};
	struct instruction instruction;
	struct memory_operand operand;

	(void)state;
	decode_instruction(mov, sizeof(mov), DISASM_MODE_32, &instruction);
	assert_false(memory_operand_read(&instruction, mov, &operand));
	decode_instruction(nop, sizeof(nop), DISASM_MODE_32, &instruction);
	assert_false(memory_operand_read(&instruction, nop, &operand));
}

static void branches_reach_their_target(void **state)
{
	uint8_t bytes[16];
	struct emitter emitter = emitter_on(bytes, sizeof(bytes));
	struct instruction instruction;

	(void)state;
	emit_branch(&emitter, 0xe9, 0x00000010);
	emit_branch_0f(&emitter, 0x84, 0xffffffff);
	decode_instruction(bytes, 5, DISASM_MODE_32, &instruction);
	assert_int_equal(instruction_branch_target(&instruction, bytes, 0xc0100000), 0x10);
	decode_instruction(bytes + 5, 6, DISASM_MODE_32, &instruction);
	assert_int_equal(instruction_branch_target(&instruction, bytes + 5, 0xc0100005),
	                 0xffffffff);
}

static void constants_take_the_bytes_they_need(void **state)
{
	uint8_t bytes[32];
	struct emitter emitter = emitter_on(bytes, sizeof(bytes));

	(void)state;
	emit_push_immediate(&emitter, 0x7f);
	assert_int_equal(emitter.size, 2);
	emit_push_immediate(&emitter, 0xffffff80);
	assert_int_equal(emitter.size, 4);
	emit_push_immediate(&emitter, 0x80);
	assert_int_equal(emitter.size, 9);
	emit_push_address(&emitter, 0);
	assert_int_equal(emitter.size, 14);
}

static void nothing_is_written_behind_the_end(void **state)
{
	uint8_t bytes[8];
	struct emitter emitter = emitter_on(bytes, 6);

	(void)state;
	memset(bytes, 0xaa, sizeof(bytes));
	emit_branch(&emitter, 0xe9, 0);
	assert_false(emitter.overflow);
	emit_word32(&emitter, 0);
	assert_true(emitter.overflow);
	assert_int_equal(emitter.size, 6);
	assert_int_equal(bytes[6], 0xaa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memory_operands_survive),
	    cmocka_unit_test(registers_are_no_memory),
	    cmocka_unit_test(branches_reach_their_target),
	    cmocka_unit_test(constants_take_the_bytes_they_need),
	    cmocka_unit_test(nothing_is_written_behind_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
