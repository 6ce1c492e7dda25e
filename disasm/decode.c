/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/decode.h"

#include <string.h>

#include "disasm/opcode_form.h"

/*
 * The order is that of the bytes: prefixes, opcode with its escapes (or the whole of VEX, EVEX,
 * XOP), ModRM, SIB, displacement, immediate. Which encodings exist is in the generated tables
 * alone. Section numbers are those of the SDM's volume 2.
 */
struct decoder {
	const uint8_t *bytes;
	size_t limit; /* bytes that may be looked at: the buffer's size, at most 15 */
	enum decode_status past_end; /* what it means to need more than limit */
	size_t position;
	enum opcode_space space;
	uint8_t register_extension; /* REX.R, or its like in VEX, EVEX and XOP, as 0 or 1 */
	uint8_t rm_extension;       /* likewise B */
	uint8_t index_extension;    /* likewise X */
	uint8_t vvvv;               /* the register named, 0 to 31; unused is 0 */
	uint8_t opmask;             /* EVEX.aaa */
	bool zeroing;               /* EVEX.z */
	bool broadcast;             /* EVEX.b */
	struct instruction *instruction;
};

/* Whether count more bytes may be looked at; otherwise the result is past_end. */
static bool have(const struct decoder *decoder, size_t count)
{
	return decoder->limit - decoder->position >= count;
}

static uint16_t prefix_bit(uint8_t byte)
{
	switch (byte) {
	case 0xf0: return PREFIX_LOCK;
	case 0xf2: return PREFIX_REPNE;
	case 0xf3: return PREFIX_REP;
	case 0x66: return PREFIX_OPERAND_SIZE;
	case 0x67: return PREFIX_ADDRESS_SIZE;
	case 0x26: return PREFIX_ES;
	case 0x2e: return PREFIX_CS;
	case 0x36: return PREFIX_SS;
	case 0x3e: return PREFIX_DS;
	case 0x64: return PREFIX_FS;
	case 0x65: return PREFIX_GS;
	default: return 0;
	}
}

#define SEGMENT_PREFIXES      (PREFIX_ES | PREFIX_CS | PREFIX_SS | PREFIX_DS | PREFIX_FS | PREFIX_GS)
#define LONG_SEGMENT_PREFIXES (PREFIX_FS | PREFIX_GS)

/* Prefixes, up to the first byte that is none. A REX not directly before the opcode is ignored
 * (2.2.1). In 64-bit mode the prefixes of es, cs, ss and ds select nothing (vol. 1, 3.3.4). */
static bool decode_prefixes(struct decoder *decoder)
{
	struct instruction *instruction = decoder->instruction;
	bool long_mode = instruction->mode == DISASM_MODE_64;
	uint16_t segments = long_mode ? LONG_SEGMENT_PREFIXES : SEGMENT_PREFIXES;

	for (; decoder->position < decoder->limit; decoder->position++) {
		uint8_t byte = decoder->bytes[decoder->position];
		uint16_t bit = prefix_bit(byte);

		if (bit) {
			instruction->prefixes |= bit;
			instruction->rex = 0;
			if (bit & segments)
				instruction->segment = byte;
			if (bit & (PREFIX_REPNE | PREFIX_REP))
				instruction->mandatory_prefix = bit == PREFIX_REP ? 2 : 3;
		} else if (long_mode && (byte & 0xf0) == 0x40) {
			instruction->rex = byte;
		} else {
			break;
		}
	}
	if ((instruction->prefixes & PREFIX_OPERAND_SIZE) && !instruction->mandatory_prefix)
		instruction->mandatory_prefix = 1;
	if (instruction->rex) {
		instruction->prefixes |= PREFIX_REX;
		instruction->wide = instruction->rex >> 3 & 1;
		decoder->register_extension = instruction->rex >> 2 & 1;
		decoder->index_extension = instruction->rex >> 1 & 1;
		decoder->rm_extension = instruction->rex & 1;
	}
	return have(decoder, 1);
}

/* VEX, EVEX and XOP allow neither LOCK, 66, F2, F3 nor REX before them (2.3.2 to 2.3.4, 2.7.11.2;
 * APM vol. 3, 1.2.6). A REX that other prefixes follow was ignored already. */
static bool vector_prefixes_legal(const struct instruction *instruction)
{
	return !(instruction->prefixes &
	         (PREFIX_LOCK | PREFIX_REPNE | PREFIX_REP | PREFIX_OPERAND_SIZE | PREFIX_REX));
}

/* Fields of VEX, EVEX and XOP that stand at the same bits: R, X, B inverted in the first byte; W,
 * vvvv inverted and pp in the second. Outside 64-bit mode there are eight registers only. */
static void take_vector_fields(struct decoder *decoder, uint8_t first, uint8_t second)
{
	struct instruction *instruction = decoder->instruction;

	if (instruction->mode == DISASM_MODE_64) {
		decoder->register_extension = !(first & 0x80);
		decoder->index_extension = !(first & 0x40);
		decoder->rm_extension = !(first & 0x20);
	}
	instruction->wide = second >> 7;
	decoder->vvvv = ~second >> 3 & 0xf;
	instruction->vector_pp = second & 3;
	instruction->mandatory_prefix = second & 3;
}

/* C5 (2.3.5): one byte of payload, R vvvv L pp. */
static enum decode_status decode_vex2(struct decoder *decoder)
{
	uint8_t byte;

	if (!have(decoder, 2))
		return decoder->past_end;
	byte = decoder->bytes[decoder->position + 1];
	take_vector_fields(decoder, byte | 0x60, byte & 0x7f);
	decoder->instruction->vector_length = byte >> 2 & 1;
	decoder->instruction->encoding = ENCODING_VEX;
	decoder->instruction->map = OPCODE_MAP_0F;
	decoder->space = SPACE_VEX1;
	decoder->position += 2;
	return DECODE_OK;
}

/* C4 (2.3.5) and 8F (APM vol. 3, 1.8): R X B mmmmm, then W vvvv L pp. */
static enum decode_status decode_vex3_or_xop(struct decoder *decoder,
                                             enum instruction_encoding encoding)
{
	uint8_t first_map = encoding == ENCODING_XOP ? OPCODE_MAP_XOP_8 : OPCODE_MAP_0F;
	uint8_t first;
	uint8_t map;

	if (!have(decoder, 2))
		return decoder->past_end;
	first = decoder->bytes[decoder->position + 1];
	map = first & 0x1f;
	if ((map < first_map || map > first_map + 2) && map != OPCODE_MAP_7)
		return DECODE_UNDEFINED;
	if (!have(decoder, 3))
		return decoder->past_end;
	take_vector_fields(decoder, first, decoder->bytes[decoder->position + 2]);
	decoder->instruction->vector_length = decoder->bytes[decoder->position + 2] >> 2 & 1;
	decoder->instruction->encoding = encoding;
	decoder->instruction->map = map;
	if (map == OPCODE_MAP_7)
		decoder->space = SPACE_VEX7;
	else
		decoder->space =
		    (encoding == ENCODING_XOP ? SPACE_XOP8 : SPACE_VEX1) + (map - first_map);
	decoder->position += 3;
	return DECODE_OK;
}

/* 62 (2.7.1): R X B R' 0 mmm, W vvvv 1 pp, z L'L b V' aaa. V' must be 1 outside 64-bit mode,
 * where R' is ignored. Zeroing without an opmask is #UD (2.7.11). */
static enum decode_status decode_evex(struct decoder *decoder)
{
	static const uint8_t spaces[8] = {[OPCODE_MAP_0F] = SPACE_EVEX1,
	                                  [OPCODE_MAP_0F38] = SPACE_EVEX2,
	                                  [OPCODE_MAP_0F3A] = SPACE_EVEX3,
	                                  [OPCODE_MAP_5] = SPACE_EVEX5,
	                                  [OPCODE_MAP_6] = SPACE_EVEX6};
	struct instruction *instruction = decoder->instruction;
	const uint8_t *payload = decoder->bytes + decoder->position + 1;

	if (!have(decoder, 4))
		return decoder->past_end;
	decoder->space = spaces[payload[0] & 7];
	if (!decoder->space || (payload[0] & 0x08) || !(payload[1] & 0x04))
		return DECODE_UNDEFINED;
	if (!(payload[2] & 0x08) && instruction->mode != DISASM_MODE_64)
		return DECODE_UNDEFINED;
	take_vector_fields(decoder, payload[0], payload[1]);
	decoder->vvvv |= payload[2] & 0x08 ? 0 : 0x10;
	decoder->register_extension |=
	    instruction->mode == DISASM_MODE_64 && !(payload[0] & 0x10) ? 2 : 0;
	decoder->zeroing = payload[2] & 0x80;
	decoder->broadcast = payload[2] & 0x10;
	decoder->opmask = payload[2] & 7;
	instruction->vector_length = payload[2] >> 5 & 3;
	instruction->encoding = ENCODING_EVEX;
	instruction->map = payload[0] & 7;
	decoder->position += 4;
	return decoder->zeroing && !decoder->opmask ? DECODE_UNDEFINED : DECODE_OK;
}

/* What the first opcode byte begins. Outside 64-bit mode C4, C5 and 62 are les, lds and bound,
 * unless the next byte would be a ModRM of a register form, which those have not; 8F is pop unless
 * the map field is 8 or more, which pop's ModRM.reg = 0 rules out. */
static enum decode_status instruction_encoding(const struct decoder *decoder,
                                               enum instruction_encoding *encoding)
{
	uint8_t byte = decoder->bytes[decoder->position];
	uint8_t next;

	*encoding = ENCODING_LEGACY;
	if (byte != 0x62 && byte != 0x8f && byte != 0xc4 && byte != 0xc5)
		return DECODE_OK;
	if (!have(decoder, 2))
		return decoder->past_end;
	next = decoder->bytes[decoder->position + 1];
	if (byte == 0x8f)
		*encoding = (next & 0x1f) >= OPCODE_MAP_XOP_8 ? ENCODING_XOP : ENCODING_LEGACY;
	else if (decoder->instruction->mode == DISASM_MODE_64 || next >= 0xc0)
		*encoding = byte == 0x62 ? ENCODING_EVEX : ENCODING_VEX;
	return DECODE_OK;
}

/* 0F, 0F38 and 0F3A; 0F 0F has its opcode at the end and is completed there. */
static enum decode_status decode_escapes(struct decoder *decoder)
{
	struct instruction *instruction = decoder->instruction;
	uint8_t byte;

	if (decoder->bytes[decoder->position] != 0x0f)
		return DECODE_OK;
	decoder->position++;
	if (!have(decoder, 1))
		return decoder->past_end;
	byte = decoder->bytes[decoder->position];
	instruction->map = OPCODE_MAP_0F;
	decoder->space = SPACE_0F;
	if (byte == 0x0f) {
		instruction->encoding = ENCODING_3DNOW;
		decoder->space = SPACE_3DNOW;
	} else if (byte == 0x38 || byte == 0x3a) {
		instruction->map = byte == 0x38 ? OPCODE_MAP_0F38 : OPCODE_MAP_0F3A;
		decoder->space = byte == 0x38 ? SPACE_0F38 : SPACE_0F3A;
		decoder->position++;
	}
	return have(decoder, 1) ? DECODE_OK : decoder->past_end;
}

/* Up to and with the last opcode byte. */
static enum decode_status decode_opcode(struct decoder *decoder)
{
	struct instruction *instruction = decoder->instruction;
	enum instruction_encoding encoding;
	enum decode_status status = instruction_encoding(decoder, &encoding);

	if (status != DECODE_OK)
		return status;
	if (encoding != ENCODING_LEGACY && !vector_prefixes_legal(instruction))
		return DECODE_UNDEFINED;
	switch (encoding) {
	case ENCODING_VEX:
		status = decoder->bytes[decoder->position] == 0xc5
		             ? decode_vex2(decoder)
		             : decode_vex3_or_xop(decoder, ENCODING_VEX);
		break;
	case ENCODING_XOP: status = decode_vex3_or_xop(decoder, ENCODING_XOP); break;
	case ENCODING_EVEX: status = decode_evex(decoder); break;
	default: status = decode_escapes(decoder); break;
	}
	if (status != DECODE_OK)
		return status;
	if (!have(decoder, 1))
		return decoder->past_end;
	instruction->opcode_offset = decoder->position;
	instruction->opcode = decoder->bytes[decoder->position++];
	return DECODE_OK;
}

static void set_address_size(struct instruction *instruction)
{
	static const uint8_t sizes[3][2] = {{16, 32}, {32, 16}, {64, 32}};

	instruction->address_size =
	    sizes[instruction->mode][!!(instruction->prefixes & PREFIX_ADDRESS_SIZE)];
}

/* ModRM and, for a memory operand, SIB and displacement (2.1.5, tables 2-1 and 2-2; 2.2.1.3). */
static enum decode_status decode_modrm(struct decoder *decoder, bool always_register)
{
	struct instruction *instruction = decoder->instruction;
	uint8_t mod = always_register ? 3 : instruction->modrm >> 6;
	uint8_t rm = instruction->modrm & 7;
	uint8_t size = mod == 1 ? 1 : 0;

	decoder->position++;
	if (mod == 3)
		return DECODE_OK;
	if (instruction->address_size == 16) {
		if (mod == 2 || (mod == 0 && rm == 6))
			size = 2;
	} else {
		if (rm == 4) {
			if (!have(decoder, 1))
				return decoder->past_end;
			instruction->has_sib = 1;
			instruction->sib = decoder->bytes[decoder->position++];
			rm = instruction->sib & 7;
		}
		if (mod == 2 || (mod == 0 && rm == 5))
			size = 4;
	}
	if (!have(decoder, size))
		return decoder->past_end;
	if (size) {
		instruction->displacement_offset = decoder->position;
		instruction->displacement_size = size;
		decoder->position += size;
	}
	return DECODE_OK;
}

/* The bits that the instruction presents to opcode_form.accepts. */
static uint32_t presented(const struct decoder *decoder, bool has_modrm)
{
	const struct instruction *instruction = decoder->instruction;
	bool is_register = instruction->modrm >= 0xc0;
	uint32_t bits = ACCEPT_MODE(1u << instruction->mode) |
	                ACCEPT_PREFIX(1u << instruction->mandatory_prefix) |
	                ACCEPT_W(1u << instruction->wide) |
	                ACCEPT_R(1u << !!decoder->register_extension);

	if (has_modrm) {
		bits |= ACCEPT_REG(1u << (instruction->modrm >> 3 & 7));
		bits |= ACCEPT_MOD(is_register ? 2u : 1u);
		if (is_register)
			bits |= ACCEPT_RM(1u << (instruction->modrm & 7));
	}
	/* L'L is the rounding mode when EVEX.b is set in a register form (2.7.8). */
	if (instruction->vector_length < 3 && !(decoder->broadcast && is_register))
		bits |= ACCEPT_LENGTH(1u << instruction->vector_length);
	return bits;
}

static const struct opcode_form *find_form(const struct decoder *decoder,
                                           const struct opcode_entry *entry)
{
	const struct opcode_form *form = &opcode_forms[entry->first];
	uint32_t bits = presented(decoder, entry->has_modrm);

	for (uint8_t i = 0; i < entry->count; i++, form++) {
		uint32_t wanted = bits;

		/* With mod ignored, it is neither a reason to refuse nor to choose. */
		if (form->flags & FORM_MODRM_REGISTER)
			wanted &= ~(ACCEPT_MOD(3u) | ACCEPT_RM(0xffu));
		if ((wanted & form->accepts) == wanted)
			return form;
	}
	return NULL;
}

/* LOCK is #UD but with the instructions that name it on their page, writing to memory. */
static bool lock_is_legal(const struct instruction *instruction, const struct opcode_form *form)
{
	if (!(instruction->prefixes & PREFIX_LOCK))
		return true;
	if (form->flags & FORM_LOCK_REGISTER)
		return true;
	return (form->flags & FORM_LOCK) && instruction->modrm < 0xc0;
}

/* What EVEX.b, z and aaa ask for must be something that the form has (2.7.11). */
static bool evex_is_legal(const struct decoder *decoder, const struct opcode_form *form)
{
	bool is_register = decoder->instruction->modrm >= 0xc0;

	if (decoder->broadcast && !(form->flags & (is_register ? FORM_ER : FORM_BCST)))
		return false;
	if (decoder->instruction->vector_length == 3 && !(decoder->broadcast && is_register))
		return false;
	if (decoder->zeroing && !(form->flags & FORM_Z))
		return false;
	if (form->flags & FORM_KMASK)
		return decoder->opmask != 0;
	return decoder->opmask == 0 || (form->flags & FORM_K);
}

/* Register numbers of the operands in ModRM.reg, in ModRM.rm of a vector register form, in vvvv.
 * EVEX.X is the fifth bit of rm there (2.7.2). */
static uint8_t reg_operand(const struct decoder *decoder)
{
	return (decoder->instruction->modrm >> 3 & 7) | decoder->register_extension << 3;
}

static uint8_t rm_operand(const struct decoder *decoder)
{
	return (decoder->instruction->modrm & 7) | decoder->rm_extension << 3 |
	       decoder->index_extension << 4;
}

/* Outside 64-bit mode the fourth bit of vvvv is ignored (2.3.5.6). */
static uint8_t vvvv_operand(const struct decoder *decoder)
{
	return decoder->instruction->mode == DISASM_MODE_64 ? decoder->vvvv : decoder->vvvv & 7;
}

/* Gathers: the destination, the index and, with VEX, the mask in vvvv differ (the pages of
 * VPGATHERDD and its like). EVEX.V' is the index's fifth bit. */
static bool gather_is_legal(const struct decoder *decoder)
{
	uint8_t index = (decoder->instruction->sib >> 3 & 7) | decoder->index_extension << 3;
	uint8_t mask = vvvv_operand(decoder);

	if (decoder->instruction->encoding == ENCODING_EVEX)
		return reg_operand(decoder) != (index | (decoder->vvvv & 0x10));
	return reg_operand(decoder) != index && reg_operand(decoder) != mask && index != mask;
}

/* AMX has eight tile registers, and the three of a dot product differ (the page of TDPBF16PS). */
static bool tiles_are_legal(const struct decoder *decoder)
{
	uint8_t reg = reg_operand(decoder);
	uint8_t rm = (decoder->instruction->modrm & 7) | decoder->rm_extension << 3;
	uint8_t vvvv = vvvv_operand(decoder);

	return reg < 8 && rm < 8 && vvvv < 8 && reg != rm && reg != vvvv && rm != vvvv;
}

/* VFMULCPH and its like, on their pages. */
static bool sources_are_distinct(const struct decoder *decoder)
{
	uint8_t reg = reg_operand(decoder);

	return reg != vvvv_operand(decoder) &&
	       (decoder->instruction->modrm < 0xc0 || reg != rm_operand(decoder));
}

/* Which registers VEX, EVEX and XOP may name. vvvv must be 1111b where it names none; V' serves
 * the index where there is a vector of them. */
static bool registers_are_legal(const struct decoder *decoder, const struct opcode_form *form)
{
	uint8_t unused = form->flags & FORM_SIB ? decoder->vvvv & 0xf : decoder->vvvv;

	if ((form->flags & FORM_SIB) && !decoder->instruction->has_sib)
		return false;
	if (unused && !(form->flags & (FORM_VVVV | FORM_KVVVV)))
		return false;
	if ((form->flags & FORM_KVVVV) && vvvv_operand(decoder) >= 8)
		return false;
	if ((form->flags & FORM_GPR) && reg_operand(decoder) >= 16)
		return false;
	if ((form->flags & FORM_GATHER) && !gather_is_legal(decoder))
		return false;
	if ((form->flags & FORM_TMM) && !tiles_are_legal(decoder))
		return false;
	return !(form->flags & FORM_DISTINCT) || sources_are_distinct(decoder);
}

/* Conditions beyond those of opcode_form.accepts; SIB is known. */
static bool form_is_legal(const struct decoder *decoder, const struct opcode_form *form)
{
	if ((form->flags & FORM_NO66) && (decoder->instruction->prefixes & PREFIX_OPERAND_SIZE))
		return false;
	switch (decoder->instruction->encoding) {
	case ENCODING_LEGACY:
	case ENCODING_3DNOW: return lock_is_legal(decoder->instruction, form);
	case ENCODING_EVEX:
		return evex_is_legal(decoder, form) && registers_are_legal(decoder, form);
	default: return registers_are_legal(decoder, form);
	}
}

static void set_operand_size(struct instruction *instruction, const struct opcode_form *form)
{
	bool prefix = instruction->prefixes & PREFIX_OPERAND_SIZE;
	uint8_t size = (instruction->mode == DISASM_MODE_16) != prefix ? 16 : 32;

	if (instruction->mode == DISASM_MODE_64) {
		if (instruction->wide || (form->operand_size == OPERAND_SIZE_O64 && !prefix) ||
		    form->operand_size == OPERAND_SIZE_F64 ||
		    form->operand_size == OPERAND_SIZE_O32)
			size = 64;
	} else if (form->operand_size == OPERAND_SIZE_O32) {
		size = 32;
	}
	instruction->operand_size = size;
}

static uint8_t immediate_size(const struct instruction *instruction, const struct opcode_form *form)
{
	switch (form->sized_immediate) {
	case IMMEDIATE_IZ: return form->fixed_immediate + (instruction->operand_size == 16 ? 2 : 4);
	case IMMEDIATE_IV: return form->fixed_immediate + instruction->operand_size / 8;
	default: return form->fixed_immediate;
	}
}

/* The immediates, and the address of moffs, which counts as a displacement. */
static enum decode_status decode_immediate(struct decoder *decoder, const struct opcode_form *form)
{
	struct instruction *instruction = decoder->instruction;
	uint8_t size = immediate_size(instruction, form);

	if (form->sized_immediate == IMMEDIATE_MOFFS) {
		instruction->displacement_offset = decoder->position;
		instruction->displacement_size = instruction->address_size / 8;
		size = instruction->displacement_size;
	} else if (size) {
		instruction->immediate_offset = decoder->position;
		instruction->immediate_size = size;
	}
	if (!have(decoder, size))
		return decoder->past_end;
	decoder->position += size;
	return DECODE_OK;
}

/* 3DNow! (AMD 21928): the opcode is the byte after everything else. */
static enum decode_status decode_3dnow_suffix(struct decoder *decoder)
{
	struct instruction *instruction = decoder->instruction;

	if (!have(decoder, 1))
		return decoder->past_end;
	instruction->opcode_offset = decoder->position;
	instruction->opcode = decoder->bytes[decoder->position++];
	return opcode_entries[SPACE_3DNOW][instruction->opcode].count ? DECODE_OK
	                                                              : DECODE_UNDEFINED;
}

static enum decode_status decode_after_opcode(struct decoder *decoder)
{
	struct instruction *instruction = decoder->instruction;
	const struct opcode_entry *entry = &opcode_entries[decoder->space][instruction->opcode];
	bool is_3dnow = decoder->space == SPACE_3DNOW;
	const struct opcode_form *form;
	enum decode_status status;

	/* The opcode of 3DNow! is not known yet; all have the same shape. */
	if (is_3dnow)
		entry = &opcode_entries[SPACE_3DNOW][0x9e];
	if (!entry->count)
		return DECODE_UNDEFINED;
	if (entry->has_modrm) {
		if (!have(decoder, 1))
			return decoder->past_end;
		instruction->has_modrm = 1;
		instruction->modrm_offset = decoder->position;
		instruction->modrm = decoder->bytes[decoder->position];
	}
	form = find_form(decoder, entry);
	if (!form)
		return DECODE_UNDEFINED;
	instruction->flow = form->flow;
	set_address_size(instruction);
	set_operand_size(instruction, form);
	if (entry->has_modrm) {
		status = decode_modrm(decoder, form->flags & FORM_MODRM_REGISTER);
		if (status != DECODE_OK)
			return status;
	}
	if (!form_is_legal(decoder, form))
		return DECODE_UNDEFINED;
	return is_3dnow ? decode_3dnow_suffix(decoder) : decode_immediate(decoder, form);
}

enum decode_status decode_instruction(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                      struct instruction *instruction)
{
	struct decoder decoder = {.bytes = bytes, .instruction = instruction, .space = SPACE_ONE};
	enum decode_status status;

	decoder.limit = size < INSTRUCTION_MAX_LENGTH ? size : INSTRUCTION_MAX_LENGTH;
	decoder.past_end = size < INSTRUCTION_MAX_LENGTH ? DECODE_TRUNCATED : DECODE_TOO_LONG;
	memset(instruction, 0, sizeof(*instruction));
	instruction->mode = mode;
	if (!decode_prefixes(&decoder))
		return decoder.past_end;
	status = decode_opcode(&decoder);
	if (status != DECODE_OK)
		return status;
	status = decode_after_opcode(&decoder);
	instruction->length = decoder.position;
	return status;
}

/* XBEGIN alone does not truncate to the operand size: its page adds the displacement to EIP or
 * RIP whatever the size of the displacement. */
static uint8_t branch_target_bits(const struct instruction *instruction)
{
	if (instruction->opcode == 0xc7)
		return instruction->mode == DISASM_MODE_64 ? 64 : 32;
	return instruction->operand_size;
}

uint64_t instruction_branch_target(const struct instruction *instruction, const uint8_t *bytes,
                                   uint64_t address)
{
	const uint8_t *immediate = bytes + instruction->immediate_offset;
	uint64_t displacement = 0;
	uint64_t target;

	for (uint8_t i = 0; i < instruction->immediate_size; i++)
		displacement |= (uint64_t)immediate[i] << (8 * i);
	if (immediate[instruction->immediate_size - 1] & 0x80)
		displacement |= ~(uint64_t)0 << (8 * instruction->immediate_size);
	target = address + instruction->length + displacement;
	switch (branch_target_bits(instruction)) {
	case 16: return (uint16_t)target;
	case 32: return (uint32_t)target;
	default: return target;
	}
}
