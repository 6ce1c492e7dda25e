/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/equivalence/plain.h"

#include <string.h>

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* What stands behind the opcode. */
enum shape {
	SHAPE_NONE,
	SHAPE_RM,     /* ModRM, any register as reg */
	SHAPE_RM_TO,  /* likewise, reg is a destination */
	SHAPE_TO_RM,  /* likewise, rm is one */
	SHAPE_GROUP,  /* ModRM with a fixed reg; rm is a destination */
	SHAPE_MEMORY, /* ModRM with a memory operand; reg is a destination */
	SHAPE_LOW,    /* a register in the opcode's low bits */
	SHAPE_LOW_TO  /* likewise, as a destination */
};

struct template
{
	const char *opcode; /* as a string; zero bytes do not occur first */
	uint8_t size;
	enum shape shape;
	uint8_t reg;       /* of SHAPE_GROUP */
	uint8_t immediate; /* bytes */
	bool bytes;        /* operands are bytes: EAX to EBX as their lower halves */
};

static const struct template templates[] = {
    {"\x01", 1, SHAPE_TO_RM, 0, 0, false},  /* add */
    {"\x03", 1, SHAPE_RM_TO, 0, 0, false},  /* add */
    {"\x0b", 1, SHAPE_RM_TO, 0, 0, false},  /* or */
    {"\x11", 1, SHAPE_TO_RM, 0, 0, false},  /* adc */
    {"\x1b", 1, SHAPE_RM_TO, 0, 0, false},  /* sbb */
    {"\x21", 1, SHAPE_TO_RM, 0, 0, false},  /* and */
    {"\x29", 1, SHAPE_TO_RM, 0, 0, false},  /* sub */
    {"\x30", 1, SHAPE_TO_RM, 0, 0, true},   /* xor */
    {"\x31", 1, SHAPE_TO_RM, 0, 0, false},  /* xor */
    {"\x33", 1, SHAPE_RM_TO, 0, 0, false},  /* xor */
    {"\x3b", 1, SHAPE_RM, 0, 0, false},     /* cmp */
    {"\x3d", 1, SHAPE_NONE, 0, 4, false},   /* cmp imm, eax */
    {"\x05", 1, SHAPE_NONE, 0, 4, false},   /* add imm, eax */
    {"\x40", 1, SHAPE_LOW_TO, 0, 0, false}, /* inc */
    {"\x48", 1, SHAPE_LOW_TO, 0, 0, false}, /* dec */
    {"\x50", 1, SHAPE_LOW, 0, 0, false},    /* push */
    {"\x58", 1, SHAPE_LOW_TO, 0, 0, false}, /* pop */
    {"\x68", 1, SHAPE_NONE, 0, 4, false},   /* push imm */
    {"\x6a", 1, SHAPE_NONE, 0, 1, false},   /* push imm */
    {"\x69", 1, SHAPE_RM_TO, 0, 4, false},  /* imul */
    {"\x83", 1, SHAPE_GROUP, 0, 1, false},  /* add */
    {"\x83", 1, SHAPE_GROUP, 4, 1, false},  /* and */
    {"\x83", 1, SHAPE_GROUP, 7, 1, false},  /* cmp */
    {"\x81", 1, SHAPE_GROUP, 2, 4, false},  /* adc */
    {"\x84", 1, SHAPE_RM, 0, 0, true},      /* test */
    {"\x85", 1, SHAPE_RM, 0, 0, false},     /* test */
    {"\x88", 1, SHAPE_TO_RM, 0, 0, true},   /* mov */
    {"\x89", 1, SHAPE_TO_RM, 0, 0, false},  /* mov */
    {"\x66\x89", 2, SHAPE_TO_RM, 0, 0, false}, {"\x8a", 1, SHAPE_RM_TO, 0, 0, true},
    {"\x8b", 1, SHAPE_RM_TO, 0, 0, false},     {"\x8d", 1, SHAPE_MEMORY, 0, 0, false}, /* lea */
    {"\x98", 1, SHAPE_NONE, 0, 0, false},                                              /* cwde */
    {"\x99", 1, SHAPE_NONE, 0, 0, false},                                              /* cdq */
    {"\x9e", 1, SHAPE_NONE, 0, 0, false},                                              /* sahf */
    {"\x9f", 1, SHAPE_NONE, 0, 0, false},                                              /* lahf */
    {"\xa8", 1, SHAPE_NONE, 0, 1, false},                                              /* test */
    {"\xb8", 1, SHAPE_LOW_TO, 0, 4, false},                                            /* mov imm */
    {"\xb0", 1, SHAPE_NONE, 0, 1, false},  /* mov imm, al */
    {"\xb6", 1, SHAPE_NONE, 0, 1, false},  /* mov imm, dh */
    {"\xc1", 1, SHAPE_GROUP, 0, 1, false}, /* rol */
    {"\xc1", 1, SHAPE_GROUP, 4, 1, false}, /* shl */
    {"\xc1", 1, SHAPE_GROUP, 7, 1, false}, /* sar */
    {"\xd1", 1, SHAPE_GROUP, 5, 0, false}, /* shr */
    {"\xd3", 1, SHAPE_GROUP, 4, 0, false}, /* shl cl */
    {"\xc7", 1, SHAPE_GROUP, 0, 4, false}, /* mov imm */
    {"\xf5", 1, SHAPE_NONE, 0, 0, false},  /* cmc */
    {"\xf8", 1, SHAPE_NONE, 0, 0, false},  /* clc */
    {"\xf7", 1, SHAPE_GROUP, 0, 4, false}, /* test */
    {"\xf7", 1, SHAPE_GROUP, 2, 0, false}, /* not */
    {"\xf7", 1, SHAPE_GROUP, 3, 0, false}, /* neg */
    {"\xf7", 1, SHAPE_GROUP, 4, 0, false}, /* mul */
    {"\xff", 1, SHAPE_GROUP, 0, 0, false}, /* inc */
    {"\xff", 1, SHAPE_GROUP, 6, 0, false}, /* push */
    {"\x87", 1, SHAPE_TO_RM, 0, 0, false}, /* xchg, reg is one as well */
    {"\x91", 1, SHAPE_NONE, 0, 0, false},  /* xchg eax, ecx */
    {"\x90", 1, SHAPE_NONE, 0, 0, false},      {"\x0f\x1f", 2, SHAPE_GROUP, 0, 0, false}, /* nop */
    {"\x0f\x44", 2, SHAPE_RM_TO, 0, 0, false}, /* cmove */
    {"\x0f\x4f", 2, SHAPE_RM_TO, 0, 0, false}, /* cmovg */
    {"\x0f\x96", 2, SHAPE_TO_RM, 0, 0, true},  /* setbe */
    {"\x0f\x9c", 2, SHAPE_TO_RM, 0, 0, true},  /* setl */
    {"\x0f\xaf", 2, SHAPE_RM_TO, 0, 0, false}, /* imul */
    {"\x0f\xb6", 2, SHAPE_RM_TO, 0, 0, false}, /* movzx */
    {"\x0f\xba", 2, SHAPE_GROUP, 5, 1, false}, /* bts */
    {"\x0f\xbf", 2, SHAPE_RM_TO, 0, 0, false}, /* movsx */
    {"\x0f\xc1", 2, SHAPE_TO_RM, 0, 0, false}, /* xadd */
    {"\x0f\xc8", 2, SHAPE_LOW_TO, 0, 0, false} /* bswap */
};
#define TEMPLATE_COUNT (sizeof(templates) / sizeof(templates[0]))

/* EAX ECX EDX EBP EDI; as a byte, AL to DL, AH to DH. */
static uint8_t destination(struct random *random, bool byte)
{
	static const uint8_t words[] = {EAX, ECX, EDX, EBP, EDI};
	static const uint8_t halves[] = {0, 1, 2, 4, 5, 6};

	return byte ? halves[random_below(random, sizeof(halves))]
	            : words[random_below(random, sizeof(words))];
}

/* disp8(%ebx), disp8(%esi), disp32(%esi), disp8(%esp) */
static unsigned memory_operand(struct random *random, uint8_t reg, uint8_t *bytes)
{
	unsigned size = 0, choice = random_below(random, 4);

	switch (choice) {
	case 0: bytes[size++] = (uint8_t)(0x40 | reg << 3 | EBX); break;
	case 1: bytes[size++] = (uint8_t)(0x40 | reg << 3 | ESI); break;
	case 2: bytes[size++] = (uint8_t)(0x80 | reg << 3 | ESI); break;
	default:
		bytes[size++] = (uint8_t)(0x40 | reg << 3 | ESP);
		bytes[size++] = 0x24;
		break;
	}
	bytes[size++] = (uint8_t)(random_below(random, 30) * 4);
	if (choice == 2) {
		memset(bytes + size, 0, 3);
		size += 3;
	}
	return size;
}

static unsigned operands(struct random *random, const struct template *template, uint8_t *bytes)
{
	bool memory = template->shape == SHAPE_MEMORY || random_below(random, 3) == 0;
	bool reg_is_destination =
	    template->shape == SHAPE_RM_TO || template->shape == SHAPE_MEMORY ||
	    !strcmp(template->opcode, "\x87") || !strcmp(template->opcode, "\x0f\xc1");
	bool rm_is_destination = template->shape == SHAPE_TO_RM || template->shape == SHAPE_GROUP;
	uint8_t reg = template->reg, rm = (uint8_t)random_below(random, 8);

	if (template->shape != SHAPE_GROUP)
		reg = reg_is_destination ? destination(random, template->bytes)
		                         : (uint8_t)random_below(random, 8);
	if (memory)
		return memory_operand(random, reg, bytes);
	if (rm_is_destination)
		rm = destination(random, template->bytes);
	bytes[0] = (uint8_t)(0xc0 | reg << 3 | rm);
	return 1;
}

unsigned int plain_instruction(struct random *random, uint8_t *bytes)
{
	const struct template *template = &templates[random_below(random, TEMPLATE_COUNT)];
	unsigned size = template->size;

	memcpy(bytes, template->opcode, size);
	if (template->shape == SHAPE_LOW)
		bytes[size - 1] |= (uint8_t)random_below(random, 8);
	else if (template->shape == SHAPE_LOW_TO)
		bytes[size - 1] |= destination(random, false);
	else if (template->shape != SHAPE_NONE)
		size += operands(random, template, bytes + size);
	random_fill(random, bytes + size, template->immediate);
	return size + template->immediate;
}

void plain_state(struct random *random, struct machine_state *state)
{
	for (unsigned i = 0; i < 8; i++)
		state->registers[i] = random_word(random);
	state->registers[EBX] = ARENA_ADDRESS + 0x400 + 4 * random_below(random, 256);
	state->registers[ESI] = ARENA_ADDRESS + 0x1000 + 4 * random_below(random, 256);
	state->registers[ESP] = STACK_ADDRESS + STACK_SIZE / 2 + 4 * random_below(random, 128);
	state->flags = 2 | (random_word(random) & STATUS_FLAGS);
	state->eip = CODE_ADDRESS;
}
