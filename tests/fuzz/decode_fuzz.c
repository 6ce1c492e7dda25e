/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The decoder on a buffer of exactly the input's size, so that one byte read too many is seen. The
 * first byte of the input chooses the mode.
 */

#include <string.h>

#include "disasm/classify.h"
#include "tests/fuzz/harness.h"

static enum decode_status decode_exactly(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                         struct instruction *instruction)
{
	uint8_t *copy = malloc(size ? size : 1);
	enum decode_status status = DECODE_TRUNCATED;

	if (copy) {
		/* With no bytes at all the pointer is to the end of a buffer. */
		memcpy(copy, bytes, size);
		status = decode_instruction(size ? copy : copy + 1, size, mode, instruction);
	}
	free(copy);
	return status;
}

static void check_field(unsigned int offset, unsigned int size,
                        const struct instruction *instruction)
{
	CHECK(offset + size <= instruction->length);
	CHECK(size == 0 || offset > instruction->opcode_offset || offset == 0 ||
	      instruction->encoding == ENCODING_3DNOW);
}

static void check_instruction(const struct instruction *instruction, const uint8_t *bytes,
                              size_t size)
{
	CHECK(instruction->length >= 1 && instruction->length <= INSTRUCTION_MAX_LENGTH);
	CHECK(instruction->length <= size);
	CHECK(instruction->opcode_offset < instruction->length);
	CHECK(instruction->opcode == bytes[instruction->opcode_offset]);
	if (instruction->has_modrm) {
		check_field(instruction->modrm_offset, 1, instruction);
		CHECK(instruction->modrm == bytes[instruction->modrm_offset]);
	}
	check_field(instruction->displacement_offset, instruction->displacement_size, instruction);
	check_field(instruction->immediate_offset, instruction->immediate_size, instruction);
	CHECK(instruction->flow <= FLOW_STOP);
	if (instruction_is_direct_branch(instruction))
		instruction_branch_target(instruction, bytes, 0xfffffff0);
}

/* A decoder that needs only the instruction's own bytes gives the same with and without more. */
static void check_prefixes(const struct instruction *instruction, const uint8_t *bytes,
                           enum disasm_mode mode)
{
	struct instruction again;

	for (size_t size = 0; size < instruction->length; size++)
		CHECK(decode_exactly(bytes, size, mode, &again) == DECODE_TRUNCATED);
	CHECK(decode_exactly(bytes, instruction->length, mode, &again) == DECODE_OK);
	CHECK(memcmp(&again, instruction, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct instruction instruction;
	enum disasm_mode mode;
	uint16_t form;

	if (size == 0)
		return 0;
	mode = (enum disasm_mode)(data[0] % 3);
	memset(&instruction, 0, sizeof(instruction));
	if (decode_exactly(data + 1, size - 1, mode, &instruction) != DECODE_OK)
		return 0;
	check_instruction(&instruction, data + 1, size - 1);
	check_prefixes(&instruction, data + 1, mode);
	form = classify_instruction(&instruction, data + 1);
	CHECK(form == SENSITIVE_FORM_NONE || form < sensitive_form_count);
	if (form != SENSITIVE_FORM_NONE) {
		CHECK(
		    opcode_may_be_sensitive((enum opcode_map)instruction.map, instruction.opcode));
		report_finding("form %s", sensitive_forms[form].name);
	}
	return 0;
}
