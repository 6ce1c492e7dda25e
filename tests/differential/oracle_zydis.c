/* SPDX-License-Identifier: BSD-2-Clause */
/* Zydis, with all its checks of operands (its minimal mode accepts what a CPU refuses). */
#include "tests/differential/oracle.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>

static void *zydis_open(enum disasm_mode mode)
{
	static const struct {
		ZydisMachineMode machine;
		ZydisStackWidth stack;
	} modes[] = {
	    [DISASM_MODE_16] = {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
	    [DISASM_MODE_32] = {ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
	    [DISASM_MODE_64] = {ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64},
	};
	ZydisDecoder *decoder = malloc(sizeof(*decoder));

	if (decoder &&
	    ZYAN_FAILED(ZydisDecoderInit(decoder, modes[mode].machine, modes[mode].stack))) {
		free(decoder);
		return NULL;
	}
	return decoder;
}

static uint8_t opcode_map(ZydisOpcodeMap map)
{
	switch (map) {
	case ZYDIS_OPCODE_MAP_DEFAULT: return OPCODE_MAP_ONE_BYTE;
	case ZYDIS_OPCODE_MAP_0F38: return OPCODE_MAP_0F38;
	case ZYDIS_OPCODE_MAP_0F3A: return OPCODE_MAP_0F3A;
	case ZYDIS_OPCODE_MAP_MAP5: return OPCODE_MAP_5;
	case ZYDIS_OPCODE_MAP_MAP6: return OPCODE_MAP_6;
	case ZYDIS_OPCODE_MAP_XOP8: return OPCODE_MAP_XOP_8;
	case ZYDIS_OPCODE_MAP_XOP9: return OPCODE_MAP_XOP_9;
	case ZYDIS_OPCODE_MAP_XOPA: return OPCODE_MAP_XOP_A;
	default: return OPCODE_MAP_0F;
	}
}

static struct oracle_layout layout_of(const ZydisDecodedInstruction *decoded)
{
	bool has_modrm = decoded->attributes & ZYDIS_ATTRIB_HAS_MODRM;
	bool has_sib = decoded->attributes & ZYDIS_ATTRIB_HAS_SIB;
	struct oracle_layout layout = {
	    .opcode = decoded->opcode,
	    .map = opcode_map(decoded->opcode_map),
	    .has_modrm = has_modrm,
	    .modrm_offset = has_modrm ? decoded->raw.modrm.offset : 0,
	    .has_sib = has_sib,
	    .displacement_offset = decoded->raw.disp.size ? decoded->raw.disp.offset : 0,
	    .displacement_size = decoded->raw.disp.size / 8,
	    .immediate_offset = decoded->raw.imm[0].size ? decoded->raw.imm[0].offset : 0,
	    .immediate_size = (decoded->raw.imm[0].size + decoded->raw.imm[1].size) / 8,
	    .address_size = decoded->address_width,
	};

	return layout;
}

static void zydis_ask(void *state, const uint8_t *bytes, size_t size, struct oracle_answer *answer)
{
	ZydisDecodedInstruction decoded;

	if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(state, NULL, bytes, size, &decoded)))
		return;
	answer->accepted = true;
	answer->length = decoded.length;
	answer->has_layout = true;
	answer->layout = layout_of(&decoded);
}

const struct oracle_functions oracle_zydis = {zydis_open, zydis_ask, free};
