/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/shape.h"

#include <string.h>

/* A prefix byte's feature; FEATURE_COUNT for any other byte. */
static enum feature prefix_feature(uint8_t byte)
{
	switch (byte) {
	case 0xf0: return FEATURE_LOCK;
	case 0xf2: return FEATURE_REPNE;
	case 0xf3: return FEATURE_REP;
	case 0x66: return FEATURE_OPERAND_SIZE;
	case 0x67: return FEATURE_ADDRESS_SIZE;
	case 0x26: return FEATURE_ES;
	case 0x2e: return FEATURE_CS;
	case 0x36: return FEATURE_SS;
	case 0x3e: return FEATURE_DS;
	case 0x64: return FEATURE_FS;
	case 0x65: return FEATURE_GS;
	default: return FEATURE_COUNT;
	}
}

static bool same_group(enum feature one, enum feature other)
{
	bool segments = one >= FEATURE_ES && other >= FEATURE_ES;
	bool repeats = (one == FEATURE_REP || one == FEATURE_REPNE) &&
	               (other == FEATURE_REP || other == FEATURE_REPNE);

	return one == other || segments || repeats;
}

/* What FEATURE_LAST_PREFIX says of each. */
static const uint8_t last_prefixes[FEATURE_COUNT] = {
    [FEATURE_LOCK] = 1,         [FEATURE_REP] = 2, [FEATURE_REPNE] = 3, [FEATURE_OPERAND_SIZE] = 4,
    [FEATURE_ADDRESS_SIZE] = 5, [FEATURE_ES] = 6,  [FEATURE_CS] = 6,    [FEATURE_SS] = 6,
    [FEATURE_DS] = 6,           [FEATURE_FS] = 6,  [FEATURE_GS] = 6,
};

/* Which of f2, f3 and 66 counts, and which comes last. */
static void add_mandatory_prefix(struct shape *shape, enum feature feature)
{
	bool is_repeat = feature == FEATURE_REP || feature == FEATURE_REPNE;

	if (is_repeat || feature == FEATURE_LOCK)
		shape->values[FEATURE_LAST_REPEAT] = last_prefixes[feature];
	if (is_repeat)
		shape->values[FEATURE_PP] = last_prefixes[feature];
	if (is_repeat || feature == FEATURE_OPERAND_SIZE)
		shape->values[FEATURE_OPERAND_SIZE_LAST] = !is_repeat;
	if (feature == FEATURE_OPERAND_SIZE && !shape->values[FEATURE_PP])
		shape->values[FEATURE_PP] = 1;
}

static void add_prefix(struct shape *shape, enum feature feature)
{
	for (int other = FEATURE_LOCK; other <= FEATURE_GS; other++) {
		if (shape->values[other] && same_group(feature, (enum feature)other))
			shape->values[FEATURE_REPEATED] = 1;
	}
	shape->values[feature] = 1;
	shape->values[FEATURE_LAST_PREFIX] = last_prefixes[feature];
	add_mandatory_prefix(shape, feature);
}

/* Reads the prefixes; the offset of the first byte that is none. */
static size_t read_prefixes(const uint8_t *bytes, struct shape *shape)
{
	bool is_64bit = shape->values[FEATURE_MODE] == DISASM_MODE_64;
	uint8_t rex = 0;
	size_t at;

	/* Past 14 prefixes nothing can be an instruction any more. */
	for (at = 0; at < INSTRUCTION_MAX_LENGTH; at++) {
		enum feature feature = prefix_feature(bytes[at]);
		bool is_rex = is_64bit && bytes[at] >> 4 == 4;

		if (feature == FEATURE_COUNT && !is_rex)
			break;
		if (rex) {
			shape->values[FEATURE_STRAY_REX] = 1;
			shape->values[FEATURE_LAST_PREFIX] = 7;
		}
		rex = is_rex ? bytes[at] : 0;
		if (!is_rex)
			add_prefix(shape, feature);
	}
	shape->values[FEATURE_PREFIXES] = (uint8_t)at;
	if (rex) {
		shape->values[FEATURE_REX] = 1;
		shape->values[FEATURE_W] = rex >> 3 & 1;
		shape->values[FEATURE_R] = rex >> 2 & 1;
		shape->values[FEATURE_X] = rex >> 1 & 1;
		shape->values[FEATURE_B] = rex & 1;
	}
	return at;
}

/* The fields of VEX's and XOP's three-byte form, and of EVEX's first two bytes, that are alike. */
static void read_vector_fields(uint8_t first, uint8_t second, struct shape *shape)
{
	shape->values[FEATURE_R] = !(first & 0x80);
	shape->values[FEATURE_X] = !(first & 0x40);
	shape->values[FEATURE_B] = !(first & 0x20);
	shape->values[FEATURE_W] = second >> 7;
	shape->values[FEATURE_VVVV] = ~second >> 3 & 0xf;
	shape->values[FEATURE_L] = second >> 2 & 1;
	shape->values[FEATURE_PP] = second & 3;
}

static size_t read_vex2(const uint8_t *bytes, struct shape *shape)
{
	read_vector_fields((bytes[1] & 0x80) | 0x60, bytes[1] & 0x7f, shape);
	shape->values[FEATURE_ENCODING] = ENCODING_VEX;
	shape->values[FEATURE_MAP] = OPCODE_MAP_0F;
	return 2;
}

static size_t read_vex3_or_xop(const uint8_t *bytes, struct shape *shape)
{
	read_vector_fields(bytes[1], bytes[2], shape);
	shape->values[FEATURE_ENCODING] = bytes[0] == 0xc4 ? ENCODING_VEX : ENCODING_XOP;
	shape->values[FEATURE_MAP] = bytes[1] & 0x1f;
	return 3;
}

static size_t read_evex(const uint8_t *bytes, struct shape *shape)
{
	read_vector_fields(bytes[1], bytes[2], shape);
	shape->values[FEATURE_ENCODING] = ENCODING_EVEX;
	shape->values[FEATURE_MAP] = bytes[1] & 7;
	shape->values[FEATURE_R2] = !(bytes[1] & 0x10);
	shape->values[FEATURE_RESERVED] = (bytes[1] & 8) || !(bytes[2] & 4);
	shape->values[FEATURE_Z] = bytes[3] >> 7;
	shape->values[FEATURE_L] = bytes[3] >> 5 & 3;
	shape->values[FEATURE_EVEX_B] = bytes[3] >> 4 & 1;
	shape->values[FEATURE_V2] = !(bytes[3] & 8);
	shape->values[FEATURE_AAA] = bytes[3] & 7;
	return 4;
}

/* Bytes of the ModRM byte at modrm, SIB byte and displacement: where 3DNow!'s suffix stands. */
static size_t modrm_size(const uint8_t *modrm, bool address_16bit)
{
	uint8_t mod = modrm[0] >> 6, rm = modrm[0] & 7;
	bool has_sib;

	if (mod == 3)
		return 1;
	if (address_16bit)
		return mod == 1 ? 2 : mod == 2 || rm == 6 ? 3 : 1;
	has_sib = rm == 4;
	if (mod == 1)
		return has_sib ? 3 : 2;
	if (mod == 2)
		return has_sib ? 6 : 5;
	if (has_sib)
		return (modrm[1] & 7) == 5 ? 6 : 2;
	return rm == 5 ? 5 : 1;
}

/* Reads the escape bytes; how many there are before the opcode. */
static size_t read_escapes(const uint8_t *bytes, struct shape *shape)
{
	bool is_64bit = shape->values[FEATURE_MODE] == DISASM_MODE_64;

	/* Outside 64-bit mode c4, c5 and 62 with a memory ModRM byte are LES, LDS and BOUND. */
	if ((bytes[0] == 0xc5 || bytes[0] == 0xc4) && (is_64bit || bytes[1] >= 0xc0))
		return bytes[0] == 0xc5 ? read_vex2(bytes, shape) : read_vex3_or_xop(bytes, shape);
	if (bytes[0] == 0x62 && (is_64bit || bytes[1] >= 0xc0))
		return read_evex(bytes, shape);
	/* 8f is POP below map 8 (APM vol. 3 section 1.9). */
	if (bytes[0] == 0x8f && (bytes[1] & 0x1f) >= 8)
		return read_vex3_or_xop(bytes, shape);
	if (bytes[0] != 0x0f)
		return 0;
	shape->values[FEATURE_MAP] = bytes[1] == 0x38   ? OPCODE_MAP_0F38
	                             : bytes[1] == 0x3a ? OPCODE_MAP_0F3A
	                                                : OPCODE_MAP_0F;
	return shape->values[FEATURE_MAP] == OPCODE_MAP_0F ? 1 : 2;
}

void shape_of(const uint8_t *bytes, enum disasm_mode mode, struct shape *shape)
{
	/* 15 prefixes, 4 escape bytes and all that modrm_size() adds fit in it. */
	uint8_t padded[CASE_SIZE + 16] = {0};
	const uint8_t *opcode = padded;
	bool address_16bit;

	memset(shape, 0, sizeof(*shape));
	memcpy(padded, bytes, CASE_SIZE);
	shape->values[FEATURE_MODE] = (uint8_t)mode;
	opcode += read_prefixes(opcode, shape);
	opcode += read_escapes(opcode, shape);
	shape->values[FEATURE_OPCODE] = opcode[0];
	shape->values[FEATURE_MODRM] = opcode[1];
	shape->values[FEATURE_MOD] = opcode[1] >> 6;
	shape->values[FEATURE_REG] = opcode[1] >> 3 & 7;
	shape->values[FEATURE_RM] = opcode[1] & 7;
	shape->values[FEATURE_BASE] = opcode[2] & 7;
	shape->values[FEATURE_INDEX] = opcode[2] >> 3 & 7;
	shape->extended = shape->values[FEATURE_ENCODING] != ENCODING_LEGACY;
	if (shape->extended || shape->values[FEATURE_MAP] != OPCODE_MAP_0F || opcode[0] != 0x0f)
		return;
	address_16bit = mode != DISASM_MODE_64 &&
	                (mode == DISASM_MODE_16) != shape->values[FEATURE_ADDRESS_SIZE];
	shape->values[FEATURE_ENCODING] = ENCODING_3DNOW;
	shape->values[FEATURE_OPCODE] = opcode[1 + modrm_size(opcode + 1, address_16bit)];
}

static unsigned prefix_change(enum feature prefix)
{
	switch (prefix) {
	case FEATURE_LOCK: return CHANGE_LOCK;
	case FEATURE_REPNE:
	case FEATURE_REP: return CHANGE_REPEAT;
	case FEATURE_OPERAND_SIZE: return CHANGE_OPERAND_SIZE;
	default: return 0;
	}
}

/* Copies bytes without the prefixes that the changes leave out. How many those were; *prefixes,
 * how many prefix bytes there are, becomes what it is in the copy. */
static int leave_out(const uint8_t *bytes, unsigned changes, uint8_t *changed, size_t *prefixes)
{
	size_t count = *prefixes, size = 0;

	for (size_t at = 0; at < CASE_SIZE; at++) {
		enum feature feature = at < count ? prefix_feature(bytes[at]) : FEATURE_COUNT;
		bool is_last = at + 1 == count;
		bool is_rex = at < count && feature == FEATURE_COUNT;

		if (changes & prefix_change(feature))
			continue;
		if (is_rex && (!is_last || (changes & CHANGE_REX)))
			continue;
		changed[size++] = bytes[at];
	}
	memset(changed + size, 0, CASE_SIZE - size);
	*prefixes -= CASE_SIZE - size;
	return (int)(CASE_SIZE - size);
}

/* Sets bits in a byte, or clears them. Whether that changed any. */
static bool set_bits(uint8_t *byte, uint8_t bits, bool set)
{
	uint8_t before = *byte;

	*byte = set ? before | bits : before & (uint8_t)~bits;
	return *byte != before;
}

static bool change_evex_last(uint8_t *byte, unsigned changes)
{
	bool different = false;

	if (changes & CHANGE_VVVV)
		different |= set_bits(byte, 0x08, true);
	if (changes & (CHANGE_L0 | CHANGE_L1))
		different |= set_bits(byte, 0x40, false);
	if (changes & (CHANGE_L0 | CHANGE_L2))
		different |= set_bits(byte, 0x20, false);
	if (changes & CHANGE_L1)
		different |= set_bits(byte, 0x20, true);
	if (changes & CHANGE_L2)
		different |= set_bits(byte, 0x40, true);
	if (changes & CHANGE_BROADCAST)
		different |= set_bits(byte, 0x10, false);
	if (changes & (CHANGE_ZEROING | CHANGE_OPMASK))
		different |= set_bits(byte, 0x80, false);
	if (changes & (CHANGE_OPMASK | CHANGE_K1))
		different |= set_bits(byte, 0x07, false);
	if (changes & CHANGE_K1)
		different |= set_bits(byte, 0x01, true);
	return different;
}

/* Changes fields of VEX, EVEX or XOP, which begins at vector. Whether that changed any bit. */
static bool change_fields(enum instruction_encoding encoding, uint8_t *vector, unsigned changes)
{
	bool is_vex2 = vector[0] == 0xc5;
	uint8_t *second = vector + (is_vex2 ? 1 : 2);
	bool different = false;

	if (encoding == ENCODING_EVEX)
		different = change_evex_last(vector + 3, changes);
	else if (changes & (CHANGE_L0 | CHANGE_L1))
		different = set_bits(second, 0x04, changes & CHANGE_L1);
	if (changes & CHANGE_VVVV)
		different |= set_bits(second, 0x78, true);
	if (!is_vex2 && (changes & (CHANGE_W0 | CHANGE_W1)))
		different |= set_bits(second, 0x80, changes & CHANGE_W1);
	if (changes & CHANGE_R)
		different |= set_bits(vector + 1, encoding == ENCODING_EVEX ? 0x90 : 0x80, true);
	return different;
}

int shape_change(const uint8_t *bytes, const struct shape *shape, unsigned changes,
                 uint8_t changed[CASE_SIZE])
{
	size_t prefixes = shape->values[FEATURE_PREFIXES];
	int left_out = leave_out(bytes, changes, changed, &prefixes);
	bool different = left_out > 0;

	if (shape->extended)
		different |=
		    change_fields((enum instruction_encoding)shape->values[FEATURE_ENCODING],
		                  changed + prefixes, changes);
	if (changes & CHANGE_PLUS_66) {
		memmove(changed + 1, changed, CASE_SIZE - 1);
		changed[0] = 0x66;
		return left_out - 1;
	}
	return different ? left_out : -1;
}
