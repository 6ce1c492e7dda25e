/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What disasm/effects.c claims, against Zydis: every opcode of its two maps, with every ModRM byte
 * and some prefixes. It may claim less than there is: more reads, fewer kills; never the other way
 * round.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <Zydis/Zydis.h>

#include "disasm/effects.h"

enum { ESP = 4 };

/* What is known of few instructions is of no use: as many as there were when this was written. */
#define LEAST_CLAIMS 273263
#define LEAST_EXACT  180800

/* What Zydis says. */
struct second_opinion {
	uint8_t reads, writes; /* writes: of all 32 bits, always */
	uint8_t flags_tested, flags_changed;
};

static uint8_t general_register(ZydisRegister value)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LEGACY_32, value);

	if (whole < ZYDIS_REGISTER_EAX || whole > ZYDIS_REGISTER_EDI)
		return 0;
	return (uint8_t)(1 << (whole - ZYDIS_REGISTER_EAX));
}

static uint8_t flags_of(ZydisAccessedFlagsMask mask)
{
	uint8_t flags = 0;

	flags |= mask & ZYDIS_CPUFLAG_CF ? EFFECT_CF : 0;
	flags |= mask & ZYDIS_CPUFLAG_PF ? EFFECT_PF : 0;
	flags |= mask & ZYDIS_CPUFLAG_AF ? EFFECT_AF : 0;
	flags |= mask & ZYDIS_CPUFLAG_ZF ? EFFECT_ZF : 0;
	flags |= mask & ZYDIS_CPUFLAG_SF ? EFFECT_SF : 0;
	flags |= mask & ZYDIS_CPUFLAG_OF ? EFFECT_OF : 0;
	return flags;
}

static void add_operand(struct second_opinion *opinion, const ZydisDecodedOperand *operand)
{
	if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		opinion->reads |= general_register(operand->mem.base);
		opinion->reads |= general_register(operand->mem.index);
	}
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	if (operand->actions & (ZYDIS_OPERAND_ACTION_READ | ZYDIS_OPERAND_ACTION_CONDREAD))
		opinion->reads |= general_register(operand->reg.value);
	if ((operand->actions & ZYDIS_OPERAND_ACTION_WRITE) && operand->size == 32)
		opinion->writes |= general_register(operand->reg.value);
}

static bool ask_zydis(const ZydisDecoder *decoder, const uint8_t *bytes,
                      struct second_opinion *opinion)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction instruction;

	*opinion = (struct second_opinion){0};
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, INSTRUCTION_MAX_LENGTH,
	                                         &instruction, operands)))
		return false;
	for (ZyanU8 i = 0; i < instruction.operand_count; i++)
		add_operand(opinion, &operands[i]);
	if (instruction.cpu_flags) {
		const ZydisAccessedFlags *flags = instruction.cpu_flags;

		opinion->flags_tested = flags_of(flags->tested);
		opinion->flags_changed =
		    flags_of(flags->modified | flags->set_0 | flags->set_1 | flags->undefined);
	}
	return true;
}

/* What is read, but does not matter: nop's operands; xor and sub of a register with itself. */
static bool reads_do_not_matter(const struct instruction *instruction)
{
	uint8_t opcode = instruction->opcode;

	if (instruction->map == OPCODE_MAP_0F)
		return opcode == 0x1f;
	return (opcode == 0x29 || opcode == 0x2b || opcode == 0x31 || opcode == 0x33) &&
	       instruction->modrm >> 6 == 3 &&
	       (instruction->modrm >> 3 & 7) == (instruction->modrm & 7);
}

struct count {
	unsigned long claims, exact, failures;
};

static void check(const ZydisDecoder *decoder, const uint8_t *bytes, struct count *count)
{
	struct instruction instruction;
	struct instruction_effects effects;
	struct second_opinion opinion;
	bool sound;

	if (decode_instruction(bytes, INSTRUCTION_MAX_LENGTH, DISASM_MODE_32, &instruction) !=
	        DECODE_OK ||
	    !instruction_effects(&instruction, bytes, &effects))
		return;
	count->claims++;
	sound = ask_zydis(decoder, bytes, &opinion);
	if (sound && reads_do_not_matter(&instruction))
		opinion.reads = 0;
	opinion.reads &= (uint8_t) ~(1 << ESP);
	sound = sound && !(opinion.reads & ~effects.reads) && !(effects.kills & ~opinion.writes) &&
	        !(opinion.flags_tested & ~effects.flags_read) &&
	        !(effects.flags_killed & ~opinion.flags_changed);
	count->exact += effects.reads == opinion.reads && effects.kills == opinion.writes &&
	                effects.flags_read == opinion.flags_tested &&
	                effects.flags_killed == opinion.flags_changed;
	if (sound || count->failures++ > 20)
		return;
	for (unsigned i = 0; i < instruction.length; i++)
		print_error(" %02x", bytes[i]);
	print_error(": reads %02x (Zydis %02x), kills %02x (%02x), flags read %02x (%02x), "
	            "killed %02x (%02x)\n",
	            effects.reads, opinion.reads, effects.kills, opinion.writes, effects.flags_read,
	            opinion.flags_tested, effects.flags_killed, opinion.flags_changed);
}

static void claims_are_true(void **state)
{
	static const uint8_t prefixes[] = {0, 0x66, 0x67, 0xf2, 0xf3, 0xf0};
	struct count count = {0};
	ZydisDecoder decoder;

	(void)state;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	for (unsigned i = 0; i < sizeof(prefixes) * 2 * 256 * 256; i++) {
		/* What is behind ModRM: a SIB of two registers, a displacement, a count. */
		uint8_t bytes[INSTRUCTION_MAX_LENGTH] = {0}, *at = bytes;

		memset(bytes, 0x11, sizeof(bytes));
		if (prefixes[i >> 17])
			*at++ = prefixes[i >> 17];
		if (i >> 16 & 1)
			*at++ = 0x0f;
		*at++ = (uint8_t)(i >> 8);
		*at++ = (uint8_t)i;
		check(&decoder, bytes, &count);
	}
	print_message("%lu instructions, of %lu all is told\n", count.claims, count.exact);
	assert_true(count.claims >= LEAST_CLAIMS);
	assert_true(count.exact >= LEAST_EXACT);
	assert_int_equal(count.failures, 0);
}

static void counts_of_zero_leave_flags(void **state)
{
	static const uint8_t by_zero[] = {0xc1, 0xe0, 0x20}, by_one[] = {0xc1, 0xe0, 0x21};
	struct instruction_effects effects;
	struct instruction instruction;

	(void)state;
	assert_int_equal(decode_instruction(by_zero, 3, DISASM_MODE_32, &instruction), DECODE_OK);
	assert_true(instruction_effects(&instruction, by_zero, &effects));
	assert_int_equal(effects.flags_killed, 0);
	assert_int_equal(decode_instruction(by_one, 3, DISASM_MODE_32, &instruction), DECODE_OK);
	assert_true(instruction_effects(&instruction, by_one, &effects));
	assert_int_equal(effects.flags_killed, EFFECT_FLAGS);
}

static void unknown_instructions_read_all(void **state)
{
	static const uint8_t cpuid[] = {0x0f, 0xa2};
	struct instruction_effects effects;
	struct instruction instruction;

	(void)state;
	assert_int_equal(decode_instruction(cpuid, 2, DISASM_MODE_32, &instruction), DECODE_OK);
	assert_false(instruction_effects(&instruction, cpuid, &effects));
	assert_int_equal(effects.reads, 0xff);
	assert_int_equal(effects.kills, 0);
	assert_int_equal(effects.flags_read, EFFECT_FLAGS);
	assert_int_equal(effects.flags_killed, 0);
}

static void conditions_read_their_flags(void **state)
{
	(void)state;
	assert_int_equal(condition_flags(0x0), EFFECT_OF);
	assert_int_equal(condition_flags(0x3), EFFECT_CF);
	assert_int_equal(condition_flags(0x6), EFFECT_CF | EFFECT_ZF);
	assert_int_equal(condition_flags(0xf), EFFECT_ZF | EFFECT_SF | EFFECT_OF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(claims_are_true),
	    cmocka_unit_test(counts_of_zero_leave_flags),
	    cmocka_unit_test(unknown_instructions_read_all),
	    cmocka_unit_test(conditions_read_their_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
