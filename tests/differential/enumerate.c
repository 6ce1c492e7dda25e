/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/enumerate.h"

#include <string.h>

#define MODE_COUNT 3

struct bytes {
	uint8_t size;
	uint8_t bytes[16];
};

/* What all cases of a unit share. */
struct unit {
	struct comparison *comparison;
	enum disasm_mode mode;
	bool thorough;
	uint8_t map;
	uint8_t opcode;
};

/*
 * What stands after the ModRM byte: SIB bytes with and without index and with base 5, which needs a
 * displacement where mod is 0 (SDM vol. 2 table 2-3); the rest is never read as a prefix.
 */
static const uint8_t tails[][CASE_SIZE] = {
    {0x25, 0x11, 0x92, 0x13, 0x94, 0x15, 0x96, 0x17, 0x98, 0x19, 0x9a},
    {0x48, 0xd1, 0x12, 0x53, 0x14, 0x55, 0x16, 0x57, 0x18, 0x59, 0x1a},
};

/* How many ModRM bytes a head is tried with. */
enum modrms {
	MODRMS_ALL,
	MODRMS_CHOSEN, /* each reg with register, memory and SIB */
	MODRMS_FEW     /* some reg with register and SIB, and a RIP-relative one */
};

static bool is_chosen(unsigned modrm, enum modrms amount)
{
	unsigned mod = modrm >> 6, reg = modrm >> 3 & 7, rm = modrm & 7;
	bool has_sib = mod == 0 && rm == 4, is_register = mod == 3 && rm == 2;

	switch (amount) {
	case MODRMS_ALL: return true;
	case MODRMS_CHOSEN: return has_sib || is_register || (mod == 0 && rm == 1);
	default: return ((has_sib || is_register) && (reg % 2 == 0 || reg == 7)) || modrm == 5;
	}
}

/* One case: the bytes, the ModRM byte (or what stands for it) and a tail. */
static void compare_bytes(const struct unit *unit, const struct bytes *head, uint8_t modrm,
                          unsigned tail)
{
	uint8_t bytes[CASE_SIZE];

	memcpy(bytes, head->bytes, head->size);
	bytes[head->size] = modrm;
	memcpy(bytes + head->size + 1, tails[tail], CASE_SIZE - 1u - head->size);
	compare_case(unit->comparison, bytes, unit->mode);
}

static void compare_modrms(const struct unit *unit, const struct bytes *head, enum modrms amount,
                           unsigned tail)
{
	for (unsigned modrm = 0; modrm < 256; modrm++) {
		if (is_chosen(modrm, unit->thorough ? MODRMS_ALL : amount))
			compare_bytes(unit, head, (uint8_t)modrm, tail);
	}
}

static void append(struct bytes *bytes, const void *more, size_t size)
{
	memcpy(bytes->bytes + bytes->size, more, size);
	bytes->size += (uint8_t)size;
}

static void append_byte(struct bytes *bytes, unsigned byte)
{
	bytes->bytes[bytes->size++] = (uint8_t)byte;
}

/* --- legacy encoding -------------------------------------------------------------------------- */

/* Prefixes that change an instruction: with every ModRM byte, with both tails if in the first few.
 */
static const struct bytes main_prefixes[] = {
    {0, {0}},          {1, {0x66}},       {1, {0x67}},       {2, {0x66, 0x67}}, {1, {0xf2}},
    {1, {0xf3}},       {1, {0xf0}},       {2, {0x66, 0xf2}}, {2, {0x66, 0xf3}}, {2, {0xf2, 0xf3}},
    {2, {0xf3, 0xf2}}, {2, {0xf0, 0x66}}, {2, {0xf0, 0xf2}}, {2, {0xf0, 0xf3}},
};
#define BOTH_TAILS 4

static const struct bytes main_rexes[] = {
    {1, {0x48}},       {1, {0x41}},       {1, {0x44}},       {1, {0x4f}},
    {2, {0x66, 0x48}}, {2, {0x66, 0x41}}, {2, {0xf3, 0x48}}, {2, {0xf2, 0x48}},
};

/* Those that hardly do: with a choice of ModRM bytes. */
static const struct bytes more_prefixes[] = {
    {1, {0x26}},
    {1, {0x2e}},
    {1, {0x36}},
    {1, {0x3e}},
    {1, {0x64}},
    {1, {0x65}},
    {2, {0x66, 0x66}},
    {2, {0x2e, 0x3e}},
    {2, {0x3e, 0x2e}},
    {2, {0x65, 0x66}},
    {2, {0x67, 0x64}},
    {2, {0x3e, 0xf2}},
    {2, {0x67, 0xf0}},
    {2, {0xf2, 0x66}},
    {2, {0xf3, 0x66}},
    {2, {0x67, 0xf2}},
    {2, {0x67, 0xf3}},
    {2, {0xf2, 0xf2}},
    {2, {0xf3, 0xf3}},
    {2, {0xf0, 0xf0}},
    {2, {0xf2, 0xf0}},
    {3, {0xf0, 0x9b, 0x65}}, /* fwait, then a prefix */
    {2, {0x67, 0x66}},
    {2, {0x66, 0x3e}},
    {2, {0xf3, 0x64}},
    {2, {0xf2, 0x36}},
    {2, {0xf3, 0x67}},
    {2, {0xf2, 0x67}},
    {2, {0xf3, 0xf0}},
    {3, {0xf0, 0xf2, 0xf3}},
    {3, {0xf0, 0x66, 0xf3}},
    {4, {0x66, 0x67, 0x2e, 0xf3}},
    {6, {0xf3, 0x2e, 0x66, 0x67, 0x66, 0x2e}},
    /* Where the 15 bytes end. */
    {8, {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}},
    {10, {0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e}},
    {11, {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}},
    {11, {0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e}},
    {12, {0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67, 0x67}},
    {13, {0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65, 0x65}},
};

static const struct bytes more_rexes[] = {
    {1, {0x40}},
    {1, {0x42}},
    {1, {0x49}},
    {1, {0x4c}},
    {2, {0x67, 0x48}},
    {2, {0xf0, 0x48}},
    {2, {0x66, 0x4f}},
    {2, {0xf2, 0x44}},
    {2, {0xf3, 0x41}},
    {2, {0x64, 0x41}},
    {3, {0x66, 0xf2, 0x48}},
    {3, {0x66, 0xf3, 0x4c}},
    {3, {0x67, 0x66, 0x48}},
    {3, {0x67, 0x66, 0x41}},
    /* REX bytes that do not count. */
    {2, {0x48, 0x66}},
    {2, {0x41, 0xf3}},
    {2, {0x48, 0x44}},
    {2, {0x4f, 0x26}},
    {3, {0x44, 0x67, 0x48}},
    {3, {0x48, 0xf2, 0x41}},
    {2, {0x4a, 0xf0}},
    {3, {0xf2, 0x40, 0x36}},
    {3, {0xf2, 0x40, 0x40}},
    {3, {0xf2, 0x41, 0x66}},
    {3, {0xf3, 0x40, 0x44}},
    {3, {0x66, 0x48, 0x40}},
    {3, {0xf3, 0x26, 0x48}},
    {3, {0xf2, 0xf0, 0x42}},
    {4, {0xf2, 0xf0, 0x40, 0x41}},
    {3, {0x66, 0x48, 0x3e}},
    {3, {0xf0, 0x41, 0x2e}},
    {3, {0x66, 0x3e, 0x48}},
    {3, {0x66, 0x67, 0x48}},
    {3, {0x67, 0x41, 0x64}},
    {13, {0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48}},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void enumerate_prefixes(const struct unit *unit, const struct bytes *opcode,
                               const struct bytes *prefixes, size_t count, enum modrms amount,
                               size_t both_tails)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes head = prefixes[i];

		if (head.size + opcode->size > sizeof(head.bytes))
			continue;
		append(&head, opcode->bytes, opcode->size);
		compare_modrms(unit, &head, amount, 0);
		if (i < both_tails)
			compare_modrms(unit, &head, amount, 1);
	}
}

static void enumerate_legacy(const struct unit *unit)
{
	static const struct bytes escapes[] = {
	    {0, {0}}, {1, {0x0f}}, {2, {0x0f, 0x38}}, {2, {0x0f, 0x3a}}};
	struct bytes opcode = escapes[unit->map];

	append_byte(&opcode, unit->opcode);
	enumerate_prefixes(unit, &opcode, main_prefixes, COUNT(main_prefixes), MODRMS_ALL,
	                   BOTH_TAILS);
	enumerate_prefixes(unit, &opcode, more_prefixes, COUNT(more_prefixes), MODRMS_CHOSEN, 0);
	if (unit->mode != DISASM_MODE_64)
		return;
	enumerate_prefixes(unit, &opcode, main_rexes, COUNT(main_rexes), MODRMS_ALL, 1);
	enumerate_prefixes(unit, &opcode, more_rexes, COUNT(more_rexes), MODRMS_CHOSEN, 0);
}

/* --- 3DNow! ----------------------------------------------------------------------------------- */

static void enumerate_3dnow_suffix(const struct unit *unit, const struct bytes *prefix)
{
	for (unsigned modrm = 0; modrm < 256; modrm++) {
		uint8_t bytes[CASE_SIZE];
		size_t size = prefix->size;

		if (!unit->thorough && prefix->size && !is_chosen(modrm, MODRMS_CHOSEN))
			continue;
		memcpy(bytes, prefix->bytes, size);
		bytes[size++] = 0x0f;
		bytes[size++] = 0x0f;
		bytes[size++] = (uint8_t)modrm;
		/* The suffix wherever it may come, whatever comes before it. */
		memset(bytes + size, unit->opcode, CASE_SIZE - size);
		compare_case(unit->comparison, bytes, unit->mode);
		bytes[size] = 0x25;
		compare_case(unit->comparison, bytes, unit->mode);
	}
}

static void enumerate_3dnow(const struct unit *unit)
{
	for (size_t i = 0; i < COUNT(main_prefixes); i++)
		enumerate_3dnow_suffix(unit, &main_prefixes[i]);
	for (size_t i = 0; i < COUNT(main_rexes) && unit->mode == DISASM_MODE_64; i++)
		enumerate_3dnow_suffix(unit, &main_rexes[i]);
}

/* --- VEX, XOP, EVEX --------------------------------------------------------------------------- */

struct vector_fields {
	uint8_t first; /* byte 0: c4, 8f, 62 */
	uint8_t rxb;   /* R X B (bits 2 to 0), 1 extends */
	uint8_t low;   /* what stands below RXB: the map, for EVEX with R' as in the byte */
	uint8_t w, l, pp, vvvv; /* vvvv not inverted */
	uint8_t u;              /* EVEX byte 2 bit 2 */
	uint8_t evex;           /* EVEX's last byte: z L'L b V' aaa, as in the byte */
};

static struct bytes vector_head(const struct unit *unit, const struct vector_fields *fields)
{
	bool is_evex = fields->first == 0x62;
	struct bytes head = {0};

	append_byte(&head, fields->first);
	append_byte(&head, (~fields->rxb & 7) << 5 | fields->low);
	append_byte(&head, fields->w << 7 | (~fields->vvvv & 0xf) << 3 |
	                       (is_evex ? fields->u : fields->l) << 2 | fields->pp);
	if (is_evex)
		append_byte(&head, fields->evex);
	append_byte(&head, unit->opcode);
	return head;
}

/* Prefixes before VEX, XOP and EVEX; all but segments and 67 make it undefined (SDM 2.3.2). */
static void enumerate_vector_prefixes(const struct unit *unit, const struct bytes *head)
{
	static const struct bytes prefixes[] = {
	    {1, {0x66}},
	    {1, {0xf2}},
	    {1, {0xf3}},
	    {1, {0xf0}},
	    {1, {0x67}},
	    {1, {0x2e}},
	    {1, {0x64}},
	    {2, {0x65, 0x67}},
	    {1, {0x48}},
	    {2, {0x41, 0x2e}},
	    {2, {0x66, 0x40}},
	    {5, {0x2e, 0x2e, 0x2e, 0x2e, 0x2e}},
	    {7, {0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e}},
	    {9, {0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e}},
	    {2, {0xf0, 0xf2}},
	    {2, {0xf0, 0xf3}},
	};

	for (size_t i = 0; i < COUNT(prefixes); i++) {
		struct bytes prefixed = prefixes[i];

		append(&prefixed, head->bytes, head->size);
		compare_bytes(unit, &prefixed, 0x11, 0);
		compare_bytes(unit, &prefixed, 0x8c, 1); /* reg and index alike */
		compare_bytes(unit, &prefixed, 0x94, 1);
		compare_bytes(unit, &prefixed, 0xd1, 0);
	}
}

static void enumerate_vex3_or_xop(const struct unit *unit, uint8_t first, bool known_map)
{
	static const struct {
		uint8_t vvvv, rxb;
	} variants[] = {{0, 0}, {5, 0}, {0, 7}, {0, 1}, {8, 0}, {15, 0}};
	struct vector_fields fields = {.first = first, .low = unit->map};

	for (unsigned i = 0; i < 16 * (known_map ? COUNT(variants) : 1); i++) {
		bool all = known_map && i < 16 && (first == 0xc4 || i % 4 == 0);
		struct bytes head;

		fields.pp = i % 4;
		fields.l = i / 4 % 2;
		fields.w = i / 8 % 2;
		fields.vvvv = variants[i / 16].vvvv;
		fields.rxb = variants[i / 16].rxb;
		head = vector_head(unit, &fields);
		compare_modrms(unit, &head, all ? MODRMS_ALL : MODRMS_FEW, 0);
		if (!known_map || i >= 16)
			continue;
		enumerate_vector_prefixes(unit, &head);
		compare_modrms(unit, &head, MODRMS_CHOSEN, 1);
	}
}

static void enumerate_vex(const struct unit *unit)
{
	enumerate_vex3_or_xop(unit, 0xc4, unit->map >= 1 && unit->map <= 3);
}

static void enumerate_xop(const struct unit *unit)
{
	enumerate_vex3_or_xop(unit, 0x8f, unit->map >= 8 && unit->map <= 10);
}

static void enumerate_vex2(const struct unit *unit)
{
	for (unsigned i = 0; i < 32; i++) {
		struct bytes head = {2, {0xc5}};
		unsigned vvvv = i < 16 ? 15 : 9, not_r = ~i / 8 % 2, l = i / 4 % 2, pp = i % 4;

		head.bytes[1] = (uint8_t)(not_r << 7 | vvvv << 3 | l << 2 | pp);
		append_byte(&head, unit->opcode);
		compare_modrms(unit, &head, i < 8 ? MODRMS_ALL : MODRMS_FEW, 0);
		if (i < 8)
			enumerate_vector_prefixes(unit, &head);
	}
}

/* With 67 and a displacement only, where X has nothing to extend. */
static void enumerate_eip_relative(const struct unit *unit, const struct bytes *head)
{
	struct bytes prefixed = {1, {0x67}};

	append(&prefixed, head->bytes, head->size);
	compare_bytes(unit, &prefixed, 0x1d, 0);
}

/* Values of what the EVEX prefix adds, a row a variant; V' and R' as in the bytes. */
static const struct {
	uint8_t z, b, not_v2, aaa, vvvv, rxb, not_r2, reserved, u;
} evex_variants[] = {
    {0, 0, 1, 0, 0, 0, 1, 0, 1},  {0, 1, 1, 0, 0, 0, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 0, 1},
    {1, 0, 1, 1, 0, 0, 1, 0, 1},  {1, 0, 1, 0, 0, 0, 1, 0, 1}, {0, 0, 1, 0, 6, 0, 1, 0, 1},
    {0, 1, 1, 2, 6, 0, 1, 0, 1},  {1, 1, 1, 7, 6, 0, 1, 0, 1}, {0, 0, 0, 1, 0, 0, 1, 0, 1},
    {0, 0, 1, 1, 0, 7, 1, 0, 1},  {0, 0, 1, 1, 3, 1, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 0, 0, 1},
    {0, 0, 1, 1, 15, 4, 1, 0, 1}, {0, 0, 1, 0, 0, 0, 1, 1, 1}, {0, 0, 1, 1, 0, 0, 1, 0, 0},
    {0, 0, 1, 0, 0, 6, 1, 0, 1},  {0, 0, 1, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 1, 0, 1},
    {0, 0, 1, 0, 15, 3, 1, 0, 1}, {1, 0, 1, 2, 9, 0, 1, 0, 1},
};

static void enumerate_evex_variant(const struct unit *unit, size_t variant, bool known_map)
{
	struct vector_fields fields = {
	    .first = 0x62,
	    .low = (uint8_t)(unit->map | evex_variants[variant].not_r2 << 4 |
	                     evex_variants[variant].reserved << 3),
	    .rxb = evex_variants[variant].rxb,
	    .vvvv = evex_variants[variant].vvvv,
	    .u = evex_variants[variant].u,
	};

	enum modrms amount = MODRMS_FEW;

	if (known_map && variant == 0)
		amount = unit->mode == DISASM_MODE_64 ? MODRMS_ALL : MODRMS_CHOSEN;
	for (unsigned i = 0; i < 32; i++) {
		struct bytes head;

		fields.pp = i % 4;
		fields.w = i / 4 % 2;
		fields.evex =
		    (uint8_t)(evex_variants[variant].z << 7 | i / 8 << 5 |
		              evex_variants[variant].b << 4 | evex_variants[variant].not_v2 << 3 |
		              evex_variants[variant].aaa);
		head = vector_head(unit, &fields);
		compare_modrms(unit, &head, amount, 0);
		if (known_map && (variant == 2 || variant == 0))
			enumerate_vector_prefixes(unit, &head);
		if (known_map && evex_variants[variant].rxb & 2)
			enumerate_eip_relative(unit, &head);
	}
}

static void enumerate_evex(const struct unit *unit)
{
	bool known_map = unit->map != 0 && unit->map != 4 && unit->map != 7;

	for (size_t variant = 0; variant < (known_map ? COUNT(evex_variants) : 3); variant++)
		enumerate_evex_variant(unit, variant, known_map);
}

/* --- units ------------------------------------------------------------------------------------ */

/* A unit is one opcode of one map in one encoding and mode. */
static const struct {
	void (*enumerate)(const struct unit *unit);
	unsigned first_map, map_count;
} families[] = {
    {enumerate_legacy, 0, 4}, {enumerate_3dnow, 1, 1}, {enumerate_vex, 0, 32},
    {enumerate_vex2, 1, 1},   {enumerate_evex, 0, 8},  {enumerate_xop, 8, 24},
};

#define MAP_COUNT (4 + 1 + 32 + 1 + 8 + 24)

const uint64_t enumeration_unit_count = MODE_COUNT * MAP_COUNT * 256;

void enumerate_unit(struct comparison *comparison, uint64_t unit, const void *argument)
{
	const struct enumeration_options *options = argument;
	unsigned map = unit / 256 % MAP_COUNT;
	size_t family = 0;
	struct unit one = {
	    .comparison = comparison,
	    .mode = (enum disasm_mode)(unit / 256 / MAP_COUNT),
	    .thorough = options->thorough,
	    .opcode = unit % 256,
	};

	while (map >= families[family].map_count)
		map -= families[family++].map_count;
	one.map = (uint8_t)(families[family].first_map + map);
	families[family].enumerate(&one);
}
