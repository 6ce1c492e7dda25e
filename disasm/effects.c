/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/effects.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* What a row says of an instruction's operands. */
enum {
	RM_READ = 1 << 0,
	RM_WRITE = 1 << 1,
	REG_READ = 1 << 2, /* ModRM.reg */
	REG_WRITE = 1 << 3,
	LOW_READ = 1 << 4, /* the register in the opcode's low three bits */
	LOW_WRITE = 1 << 5,
	EAX_READ = 1 << 6,
	EAX_WRITE = 1 << 7,
	EDX_WRITE = 1 << 8,
	ECX_READ = 1 << 9,
	EBP_READ = 1 << 10,
	BYTES = 1 << 11,       /* all operands are bytes */
	MAYBE_BYTES = 1 << 12, /* they are if the opcode is even */
	BYTE_SOURCE = 1 << 13, /* ModRM.rm is a byte if the opcode is even, ModRM.reg is none */
	CONDITION = 1 << 14,   /* reads the flags of the condition in the opcode */
	COUNTED = 1 << 15      /* flags change only if the immediate, a count, is not 0 */
};

struct effect_row {
	uint8_t map, first, last; /* opcodes */
	uint8_t regs;             /* ModRM.reg: a bit for each; 0: any, or no ModRM */
	uint16_t operands;
	uint8_t flags_read, flags_killed;
};

#define ONE       OPCODE_MAP_ONE_BYTE
#define TWO       OPCODE_MAP_0F
#define ALL       EFFECT_FLAGS
#define NOT_CARRY (EFFECT_FLAGS & ~EFFECT_CF)
#define CARRY     EFFECT_CF
#define PRODUCT   (EFFECT_CF | EFFECT_OF)
#define LAHF      (EFFECT_FLAGS & ~EFFECT_OF)

/* By map and first opcode; 00 to 3f of the first map, all alike, are in arithmetic_row(). */
static const struct effect_row rows[] = {
    {ONE, 0x40, 0x4f, 0, LOW_READ | LOW_WRITE, 0, NOT_CARRY},              /* inc, dec */
    {ONE, 0x50, 0x57, 0, LOW_READ, 0, 0},                                  /* push */
    {ONE, 0x58, 0x5f, 0, LOW_WRITE, 0, 0},                                 /* pop */
    {ONE, 0x68, 0x68, 0, 0, 0, 0},                                         /* push imm */
    {ONE, 0x69, 0x69, 0, RM_READ | REG_WRITE, 0, PRODUCT},                 /* imul */
    {ONE, 0x6a, 0x6a, 0, 0, 0, 0},                                         /* push imm */
    {ONE, 0x6b, 0x6b, 0, RM_READ | REG_WRITE, 0, PRODUCT},                 /* imul */
    {ONE, 0x80, 0x81, 0x73, RM_READ | RM_WRITE | MAYBE_BYTES, 0, ALL},     /* add or and sub xor */
    {ONE, 0x80, 0x81, 0x0c, RM_READ | RM_WRITE | MAYBE_BYTES, CARRY, ALL}, /* adc, sbb */
    {ONE, 0x80, 0x81, 0x80, RM_READ | MAYBE_BYTES, 0, ALL},                /* cmp */
    {ONE, 0x83, 0x83, 0x73, RM_READ | RM_WRITE, 0, ALL},
    {ONE, 0x83, 0x83, 0x0c, RM_READ | RM_WRITE, CARRY, ALL},
    {ONE, 0x83, 0x83, 0x80, RM_READ, 0, ALL},
    {ONE, 0x84, 0x85, 0, RM_READ | REG_READ | MAYBE_BYTES, 0, ALL},              /* test */
    {ONE, 0x86, 0x87, 0, RM_READ | REG_READ | MAYBE_BYTES, 0, 0},                /* xchg */
    {ONE, 0x88, 0x89, 0, REG_READ | RM_WRITE | MAYBE_BYTES, 0, 0},               /* mov */
    {ONE, 0x8a, 0x8b, 0, RM_READ | REG_WRITE | MAYBE_BYTES, 0, 0},               /* mov */
    {ONE, 0x8d, 0x8d, 0, REG_WRITE, 0, 0},                                       /* lea */
    {ONE, 0x8f, 0x8f, 0x01, RM_WRITE, 0, 0},                                     /* pop */
    {ONE, 0x90, 0x90, 0, 0, 0, 0},                                               /* nop */
    {ONE, 0x91, 0x97, 0, LOW_READ | EAX_READ, 0, 0},                             /* xchg */
    {ONE, 0x98, 0x98, 0, EAX_READ, 0, 0},                                        /* cwde */
    {ONE, 0x99, 0x99, 0, EAX_READ | EDX_WRITE, 0, 0},                            /* cdq */
    {ONE, 0x9e, 0x9e, 0, EAX_READ, 0, LAHF},                                     /* sahf */
    {ONE, 0x9f, 0x9f, 0, EAX_READ, LAHF, 0},                                     /* lahf */
    {ONE, 0xa0, 0xa1, 0, EAX_WRITE | MAYBE_BYTES, 0, 0},                         /* mov moffs */
    {ONE, 0xa2, 0xa3, 0, EAX_READ | MAYBE_BYTES, 0, 0},                          /* mov moffs */
    {ONE, 0xa8, 0xa9, 0, EAX_READ | MAYBE_BYTES, 0, ALL},                        /* test */
    {ONE, 0xb0, 0xb7, 0, LOW_WRITE | BYTES, 0, 0},                               /* mov imm */
    {ONE, 0xb8, 0xbf, 0, LOW_WRITE, 0, 0},                                       /* mov imm */
    {ONE, 0xc0, 0xc1, 0xf0, RM_READ | RM_WRITE | MAYBE_BYTES | COUNTED, 0, ALL}, /* shl ... */
    {ONE, 0xc0, 0xc1, 0x0f, RM_READ | RM_WRITE | MAYBE_BYTES, CARRY, 0},         /* rol ... */
    {ONE, 0xc6, 0xc7, 0x01, RM_WRITE | MAYBE_BYTES, 0, 0},                       /* mov imm */
    {ONE, 0xc9, 0xc9, 0, EBP_READ, 0, 0},                                        /* leave */
    {ONE, 0xd0, 0xd1, 0xf0, RM_READ | RM_WRITE | MAYBE_BYTES, 0, ALL},
    {ONE, 0xd0, 0xd1, 0x0f, RM_READ | RM_WRITE | MAYBE_BYTES, CARRY, 0},
    {ONE, 0xd2, 0xd3, 0, RM_READ | RM_WRITE | ECX_READ | MAYBE_BYTES, CARRY, 0}, /* by cl */
    {ONE, 0xf5, 0xf5, 0, 0, CARRY, CARRY},                                       /* cmc */
    {ONE, 0xf6, 0xf7, 0x03, RM_READ | MAYBE_BYTES, 0, ALL},                      /* test */
    {ONE, 0xf6, 0xf7, 0x04, RM_READ | RM_WRITE | MAYBE_BYTES, 0, 0},             /* not */
    {ONE, 0xf6, 0xf7, 0x08, RM_READ | RM_WRITE | MAYBE_BYTES, 0, ALL},           /* neg */
    {ONE, 0xf6, 0xf6, 0x30, RM_READ | EAX_READ | BYTES, 0, PRODUCT},             /* mul, imul */
    {ONE, 0xf7, 0xf7, 0x30, RM_READ | EAX_READ | EDX_WRITE, 0, PRODUCT},         /* mul, imul */
    {ONE, 0xf8, 0xf9, 0, 0, 0, CARRY},                                           /* clc, stc */
    {ONE, 0xfc, 0xfd, 0, 0, 0, 0},                                               /* cld, std */
    {ONE, 0xfe, 0xff, 0x03, RM_READ | RM_WRITE | MAYBE_BYTES, 0, NOT_CARRY},     /* inc, dec */
    {ONE, 0xff, 0xff, 0x40, RM_READ, 0, 0},                                      /* push */
    {TWO, 0x1f, 0x1f, 0, 0, 0, 0},                                               /* nop */
    {TWO, 0x40, 0x4f, 0, RM_READ | REG_READ | CONDITION, 0, 0},                  /* cmovcc */
    {TWO, 0x90, 0x9f, 0, RM_WRITE | BYTES | CONDITION, 0, 0},                    /* setcc */
    {TWO, 0xa3, 0xa3, 0, RM_READ | REG_READ, 0, CARRY},                          /* bt */
    {TWO, 0xa4, 0xa4, 0, RM_READ | REG_READ, CARRY, 0},                          /* shld */
    {TWO, 0xa5, 0xa5, 0, RM_READ | REG_READ | ECX_READ, CARRY, 0},               /* shld */
    {TWO, 0xab, 0xab, 0, RM_READ | REG_READ, 0, CARRY},                          /* bts */
    {TWO, 0xac, 0xac, 0, RM_READ | REG_READ, CARRY, 0},                          /* shrd */
    {TWO, 0xad, 0xad, 0, RM_READ | REG_READ | ECX_READ, CARRY, 0},               /* shrd */
    {TWO, 0xaf, 0xaf, 0, RM_READ | REG_READ, 0, PRODUCT},                        /* imul */
    {TWO, 0xb0, 0xb1, 0, RM_READ | REG_READ | EAX_READ | MAYBE_BYTES, 0, ALL},   /* cmpxchg */
    {TWO, 0xb3, 0xb3, 0, RM_READ | REG_READ, 0, CARRY},                          /* btr */
    {TWO, 0xb6, 0xb7, 0, RM_READ | REG_WRITE | BYTE_SOURCE, 0, 0},               /* movzx */
    {TWO, 0xba, 0xba, 0xf0, RM_READ, 0, CARRY},                                  /* bt ... imm */
    {TWO, 0xbb, 0xbb, 0, RM_READ | REG_READ, 0, CARRY},                          /* btc */
    {TWO, 0xbe, 0xbf, 0, RM_READ | REG_WRITE | BYTE_SOURCE, 0, 0},               /* movsx */
    {TWO, 0xc0, 0xc1, 0, RM_READ | REG_READ | MAYBE_BYTES, 0, ALL},              /* xadd */
    {TWO, 0xc8, 0xcf, 0, LOW_READ, 0, 0},                                        /* bswap */
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* add or adc sbb and sub xor cmp, in the opcode's bits 5-3; operands in bits 2-0. */
static struct effect_row arithmetic_row(uint8_t opcode)
{
	enum { ADC = 2, SBB = 3, CMP = 7 };
	static const uint16_t read[] = {RM_READ | REG_READ, RM_READ | REG_READ, RM_READ | REG_READ,
	                                RM_READ | REG_READ, EAX_READ,           EAX_READ};
	static const uint16_t write[] = {RM_WRITE,  RM_WRITE,  REG_WRITE,
	                                 REG_WRITE, EAX_WRITE, EAX_WRITE};
	unsigned operation = opcode >> 3, form = opcode & 7;
	struct effect_row row = {
	    .map = ONE, .operands = read[form] | MAYBE_BYTES, .flags_killed = ALL};

	if (operation != CMP)
		row.operands |= write[form];
	if (operation == ADC || operation == SBB)
		row.flags_read = CARRY;
	return row;
}

static bool find_row(const struct instruction *instruction, struct effect_row *row)
{
	uint8_t opcode = instruction->opcode, reg = instruction->modrm >> 3 & 7;

	if (instruction->encoding != ENCODING_LEGACY)
		return false;
	if (instruction->map == ONE && opcode < 0x40) {
		if ((opcode & 7) >= 6) /* segment registers, prefixes, decimal arithmetic */
			return false;
		*row = arithmetic_row(opcode);
		return true;
	}
	for (unsigned i = 0; i < ROW_COUNT; i++) {
		*row = rows[i];
		if (row->map == instruction->map && opcode >= row->first && opcode <= row->last &&
		    (!row->regs || row->regs >> reg & 1))
			return true;
	}
	return false;
}

uint8_t condition_flags(uint8_t condition)
{
	static const uint8_t flags[] = {
	    EFFECT_OF,
	    EFFECT_CF,
	    EFFECT_ZF,
	    EFFECT_CF | EFFECT_ZF, /* be */
	    EFFECT_SF,
	    EFFECT_PF,
	    EFFECT_SF | EFFECT_OF,             /* l */
	    EFFECT_ZF | EFFECT_SF | EFFECT_OF, /* le */
	};

	return flags[condition >> 1 & 7];
}

uint8_t instruction_address_registers(const struct instruction *instruction)
{
	/* SDM vol. 2, table 2-1 */
	static const uint8_t pairs[8] = {1 << EBX | 1 << ESI,
	                                 1 << EBX | 1 << EDI,
	                                 1 << EBP | 1 << ESI,
	                                 1 << EBP | 1 << EDI,
	                                 1 << ESI,
	                                 1 << EDI,
	                                 1 << EBP,
	                                 1 << EBX};
	uint8_t mod = instruction->modrm >> 6, rm = instruction->modrm & 7;
	uint8_t base = instruction->has_sib ? instruction->sib & 7 : rm;
	uint8_t index = instruction->sib >> 3 & 7;
	uint8_t registers = 0;

	if (!instruction->has_modrm || mod == 3)
		return 0;
	if (instruction->address_size == 16)
		return mod == 0 && rm == 6 ? 0 : pairs[rm];
	if (mod != 0 || base != EBP) /* tables 2-2 and 2-3: a displacement alone */
		registers |= (uint8_t)(1 << base);
	if (instruction->has_sib && index != ESP)
		registers |= (uint8_t)(1 << index);
	return registers;
}

/* --- registers -------------------------------------------------------------------------------- */

struct operand_widths {
	bool bytes;       /* of what is written */
	bool source_byte; /* of ModRM.rm */
};

/* Bytes 4 to 7 are AH to BH. */
static uint8_t register_bit(uint8_t number, bool byte)
{
	return (uint8_t)(1 << (byte ? number & 3 : number));
}

static struct operand_widths find_widths(const struct effect_row *row,
                                         const struct instruction *instruction)
{
	bool even = !(instruction->opcode & 1);
	struct operand_widths widths;

	widths.bytes = (row->operands & BYTES) || ((row->operands & MAYBE_BYTES) && even);
	widths.source_byte = widths.bytes || ((row->operands & BYTE_SOURCE) && even);
	return widths;
}

static uint8_t registers_read(const struct effect_row *row, const struct instruction *instruction)
{
	struct operand_widths widths = find_widths(row, instruction);
	uint8_t rm = instruction->modrm & 7, reg = instruction->modrm >> 3 & 7;
	bool in_register = instruction->has_modrm && instruction->modrm >> 6 == 3;
	uint8_t registers = instruction_address_registers(instruction);

	if ((row->operands & RM_READ) && in_register)
		registers |= register_bit(rm, widths.source_byte);
	if (row->operands & REG_READ)
		registers |= register_bit(reg, widths.bytes);
	if (row->operands & LOW_READ)
		registers |= register_bit(instruction->opcode & 7, widths.bytes);
	registers |= row->operands & EAX_READ ? 1 << EAX : 0;
	registers |= row->operands & ECX_READ ? 1 << ECX : 0;
	registers |= row->operands & EBP_READ ? 1 << EBP : 0;
	return registers;
}

/* Only writes of 32 bits leave nothing of a register. */
static uint8_t registers_killed(const struct effect_row *row, const struct instruction *instruction)
{
	uint8_t rm = instruction->modrm & 7, reg = instruction->modrm >> 3 & 7;
	uint8_t registers = 0;

	if (find_widths(row, instruction).bytes || instruction->operand_size != 32)
		return 0;
	if ((row->operands & RM_WRITE) && instruction->has_modrm && instruction->modrm >> 6 == 3)
		registers |= (uint8_t)(1 << rm);
	if (row->operands & REG_WRITE)
		registers |= (uint8_t)(1 << reg);
	if (row->operands & LOW_WRITE)
		registers |= (uint8_t)(1 << (instruction->opcode & 7));
	registers |= row->operands & EAX_WRITE ? 1 << EAX : 0;
	registers |= row->operands & EDX_WRITE ? 1 << EDX : 0;
	return registers;
}

/* xor and sub of a register and itself: what it was does not matter. */
static bool makes_zero(const struct instruction *instruction)
{
	uint8_t rm = instruction->modrm & 7, reg = instruction->modrm >> 3 & 7;

	switch (instruction->opcode) {
	case 0x29:
	case 0x2b:
	case 0x31:
	case 0x33:
		return instruction->map == ONE && instruction->modrm >> 6 == 3 && reg == rm &&
		       instruction->operand_size == 32;
	default: return false;
	}
}

bool instruction_effects(const struct instruction *instruction, const uint8_t *bytes,
                         struct instruction_effects *effects)
{
	struct effect_row row;

	*effects = (struct instruction_effects){.reads = 0xff, .flags_read = EFFECT_FLAGS};
	if (instruction->mode != DISASM_MODE_32 || instruction->flow != FLOW_NEXT ||
	    !find_row(instruction, &row))
		return false;
	effects->reads = registers_read(&row, instruction);
	effects->kills = registers_killed(&row, instruction);
	effects->flags_read = row.flags_read;
	effects->flags_killed = row.flags_killed;
	if (row.operands & CONDITION)
		effects->flags_read |= condition_flags(instruction->opcode);
	if ((row.operands & COUNTED) && !(bytes[instruction->immediate_offset] & 0x1f))
		effects->flags_killed = 0;
	if (makes_zero(instruction))
		effects->reads = 0;
	return true;
}
