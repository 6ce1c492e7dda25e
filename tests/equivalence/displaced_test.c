/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Displaced instructions: run where they stood, and from a springboard, they end in the same state,
 * return addresses on the stack included; also in code that runs at an alias of its addresses.
 */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "patcher/bytes.h"
#include "tests/equivalence/plain.h"
#include "tests/equivalence/recording_rom.h"
#include "tests/equivalence/window.h"

#define SEED UINT64_C(0x646973706c616365)

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

struct fixture {
	struct machine machine;
	struct random random;
	struct machine_memory before, original;
	struct rom rom;
	unsigned long count;
};

/* Code at CODE_ADDRESS, all of it one window. */
struct piece {
	uint8_t bytes[WINDOW_MAX_INSTRUCTIONS * INSTRUCTION_MAX_LENGTH];
	unsigned int size;
	struct machine_state state; /* before */
};

static void add(struct piece *piece, const void *bytes, unsigned size)
{
	memcpy(piece->bytes + piece->size, bytes, size);
	piece->size += size;
}

static void add_word(struct piece *piece, uint32_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		piece->bytes[piece->size++] = (uint8_t)(value >> 8 * i);
}

/* --- one piece -------------------------------------------------------------------------------- */

/* What the patcher writes in the window's place: a jump, and nothing else to run. */
static void write_jump(struct machine *machine, const struct piece *piece)
{
	uint32_t distance = SPRINGBOARD_ADDRESS - (CODE_ADDRESS + 5);
	uint8_t jump[5] = {0xe9};

	memcpy(jump + 1, &distance, 4);
	machine_write_code(machine, CODE_ADDRESS, jump, piece->size >= 5 ? 5 : 0);
}

static void compare(struct fixture *fixture, const struct piece *piece,
                    const struct springboard *springboard, const struct machine_state *original,
                    const struct machine_state *displaced)
{
	struct machine_memory *memory = fixture->machine.memory;
	uint32_t free_end = original->registers[ESP];
	uint8_t *free = memory_at(memory, free_end - 256, 256);

	if (free && free_end - STACK_ADDRESS < STACK_SIZE)
		memcpy(memory_at(&fixture->original, free_end - 256, 256), free, 256);
	if (!memcmp(original, displaced, sizeof(*original)) &&
	    !memcmp(memory, &fixture->original, sizeof(*memory)))
		return;
	print_bytes("original", piece->bytes, piece->size);
	print_bytes("springboard", springboard->bytes, springboard->size);
	print_error("  eip %x, displaced %x; esp %x, displaced %x; flags %x, displaced %x\n",
	            original->eip, displaced->eip, original->registers[ESP],
	            displaced->registers[ESP], original->flags, displaced->flags);
	fail();
}

static void try_piece(struct fixture *fixture, const struct piece *piece)
{
	bool unpaged = random_below(&fixture->random, 3) == 0;
	struct machine *machine = &fixture->machine;
	struct machine_state original = piece->state, displaced = piece->state;
	struct springboard springboard;
	struct window window;

	window_make(piece->bytes, piece->size, unpaged, &window);
	window_build(machine, &window, &fixture->rom, &springboard);
	fixture->before = *machine->memory;
	machine_write_code(machine, CODE_ADDRESS, piece->bytes, piece->size);
	assert_int_equal(machine_run(machine, &original), MACHINE_BREAK);
	fixture->original = *machine->memory;
	*machine->memory = fixture->before;
	write_jump(machine, piece);
	displaced.eip = piece->size >= 5 ? CODE_ADDRESS : SPRINGBOARD_ADDRESS;
	assert_int_equal(machine_run(machine, &displaced), MACHINE_BREAK);
	compare(fixture, piece, &springboard, &original, &displaced);
	fixture->count++;
}

/* --- kinds ------------------------------------------------------------------------------------ */

/* An address in the code's page, behind the piece. */
static uint32_t choose_target(struct fixture *fixture)
{
	return CODE_ADDRESS + 0x200 + random_below(&fixture->random, 0x400);
}

static void begin(struct fixture *fixture, struct piece *piece)
{
	piece->size = 0;
	plain_state(&fixture->random, &piece->state);
	/* Half of the pieces have an instruction before. */
	if (random_below(&fixture->random, 2))
		piece->size = plain_instruction(&fixture->random, piece->bytes);
}

/* opcode and a rel8 or rel32. */
static void add_branch(struct fixture *fixture, struct piece *piece, const char *opcode,
                       unsigned size, unsigned relative)
{
	uint32_t from;

	add(piece, opcode, size);
	from = CODE_ADDRESS + piece->size + relative;
	if (relative == 1)
		add_word(piece, 8 + random_below(&fixture->random, 100), 1);
	else
		add_word(piece, choose_target(fixture) - from, 4);
}

static void conditional_branches(void **state)
{
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 2000; i++) {
		char condition = (char)random_below(&fixture->random, 16);
		const char near[] = {0x0f, (char)(0x80 | condition)};
		const char shortly[] = {(char)(0x70 | condition)};

		begin(fixture, &piece);
		if (random_below(&fixture->random, 8) == 0)
			add(&piece, "\x3e", 1);
		if (i % 2)
			add_branch(fixture, &piece, near, 2, 4);
		else
			add_branch(fixture, &piece, shortly, 1, 1);
		try_piece(fixture, &piece);
	}
}

static void counted_branches(void **state)
{
	static const char *const opcodes[] = {"\xe0", "\xe1", "\xe2", "\xe3"};
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 800; i++) {
		begin(fixture, &piece);
		if (piece.size == 0 && random_below(&fixture->random, 2))
			piece.state.registers[ECX] = random_below(&fixture->random, 3);
		else if (piece.size == 0 && random_below(&fixture->random, 2))
			piece.state.registers[ECX] &= 0xffff0001;
		if (random_below(&fixture->random, 2))
			add(&piece, "\x67", 1);
		add_branch(fixture, &piece, opcodes[i % 4], 1, 1);
		try_piece(fixture, &piece);
	}
}

static void jumps_and_calls(void **state)
{
	static const struct {
		const char *opcode;
		unsigned size, relative;
	} kinds[] = {
	    {"\xeb", 1, 1}, {"\xe9", 1, 4}, {"\xf2\xe9", 2, 4}, {"\xe8", 1, 4}, {"\x2e\xe8", 2, 4}};
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 1000; i++) {
		begin(fixture, &piece);
		add_branch(fixture, &piece, kinds[i % 5].opcode, kinds[i % 5].size,
		           kinds[i % 5].relative);
		try_piece(fixture, &piece);
	}
}

/* call .+5, with and without the pop in the window. */
static void calls_of_the_next_instruction(void **state)
{
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 300; i++) {
		begin(fixture, &piece);
		add(&piece, "\xe8\0\0\0\0", 5);
		if (i % 3)
			add(&piece, "\x5d", 1);
		for (unsigned left = random_below(&fixture->random, 3); left; left--)
			piece.size += plain_instruction(&fixture->random, piece.bytes + piece.size);
		try_piece(fixture, &piece);
	}
}

/* call and jmp through a register or memory operand. */
static void try_indirect(struct fixture *fixture, uint8_t reg, const struct site_shape *shape)
{
	const uint8_t encoding[8] = {0xff, (uint8_t)((shape->modrm & 0xc7) | reg << 3)};
	struct site_shape with_reg = *shape;
	uint32_t target = choose_target(fixture);
	struct piece piece = {0};
	struct site site;

	with_reg.modrm = encoding[1];
	if (!site_make(&fixture->machine, &fixture->random, SENSITIVE_FORM_NONE, encoding,
	               sizeof(encoding), &with_reg, false, &site))
		return;
	piece.state = site.state;
	add(&piece, site.bytes, site.instruction.length);
	if (site.has_memory)
		memory_write(fixture->machine.memory, site.linear_address, 4, target);
	else if ((shape->modrm & 7) == ESP)
		return; /* code on the stack */
	else
		piece.state.registers[shape->modrm & 7] = target;
	try_piece(fixture, &piece);
}

static void indirect_calls_and_jumps(void **state)
{
	static const uint8_t regs[] = {2, 4};
	struct fixture *fixture = *state;

	for (unsigned mod_rm = 0; mod_rm < 32; mod_rm++) {
		bool has_sib = mod_rm >> 3 != 3 && (mod_rm & 7) == 4;

		for (unsigned sib = 0; sib < (has_sib ? 256 : 4); sib++) {
			struct site_shape shape = {
			    .modrm = (uint8_t)(mod_rm >> 3 << 6 | (mod_rm & 7)),
			    .sib = (uint8_t)sib,
			    .address16 = !has_sib && mod_rm >> 3 != 3 && sib % 2};

			try_indirect(fixture, regs[0], &shape);
			try_indirect(fixture, regs[1], &shape);
		}
	}
}

/* The operand of an indirect call is read when its return address is on the stack already. */
static void faults_of_calls_find_the_stack_before(void **state)
{
	static const uint8_t call[] = {0xff, 0x10}; /* call *(%eax) */
	struct fixture *fixture = *state;
	struct springboard springboard;
	struct machine_state from, now;
	struct window window;

	for (unsigned unpaged = 0; unpaged < 2; unpaged++) {
		unsigned pushed = UINT_MAX;

		window_make(call, sizeof(call), unpaged, &window);
		window_build(&fixture->machine, &window, &fixture->rom, &springboard);
		plain_state(&fixture->random, &from);
		from.registers[EAX] = UNMAPPED_ADDRESS;
		from.eip = SPRINGBOARD_ADDRESS;
		now = from;
		assert_int_equal(machine_run(&fixture->machine, &now), MACHINE_FAULT);
		for (unsigned i = 0; i < springboard.origin_count; i++) {
			if (springboard.origins[i].offset <= now.eip - SPRINGBOARD_ADDRESS)
				pushed = springboard.origins[i].pushed;
		}
		assert_int_equal(now.registers[ESP] + pushed, from.registers[ESP]);
		now.registers[ESP] = from.registers[ESP];
		assert_memory_equal(now.registers, from.registers, sizeof(now.registers));
	}
}

static void returns(void **state)
{
	static const char *const opcodes[] = {"\xc3", "\xf3\xc3", "\xc2"};
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 300; i++) {
		begin(fixture, &piece);
		/* Any word near the top of the stack may be what is popped. */
		for (uint32_t offset = 0; offset < 16; offset += 4)
			memory_write(fixture->machine.memory,
			             piece.state.registers[ESP] + offset - 8, 4,
			             choose_target(fixture));
		if (piece.size) /* which could write there */
			piece.size = 0;
		add(&piece, opcodes[i % 3], (unsigned)strlen(opcodes[i % 3]));
		if (i % 3 == 2)
			add_word(&piece, random_below(&fixture->random, 64), 2);
		try_piece(fixture, &piece);
	}
}

/* Strings, stack frames, flags and the like, in sequences. */
static void other_instructions(void **state)
{
	static const struct {
		const char *bytes;
		unsigned size;
	} kinds[] = {{"\xa4", 1}, {"\xf3\xa5", 2}, {"\xaa", 1},     {"\xf3\xab", 2},    {"\xac", 1},
	             {"\xa6", 1}, {"\x60", 1},     {"\x61", 1},     {"\xc8\0\0\0", 4},  {"\xfc", 1},
	             {"\xd7", 1}, {"\x27", 1},     {"\xdb\xe3", 2}, {"\x0f\xc7\x0b", 3}};
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 1500; i++) {
		unsigned kind = i % (sizeof(kinds) / sizeof(kinds[0]));

		piece.size = 0;
		plain_state(&fixture->random, &piece.state);
		piece.state.registers[EDI] = piece.state.registers[EBX] + 64;
		piece.state.registers[ECX] = random_below(&fixture->random, 32);
		add(&piece, kinds[kind].bytes, kinds[kind].size);
		for (unsigned left = random_below(&fixture->random, 3); left; left--)
			piece.size += plain_instruction(&fixture->random, piece.bytes + piece.size);
		if (kinds[kind].bytes[0] == 0x61) /* whatever the registers are then */
			piece.size = 1;
		try_piece(fixture, &piece);
	}
}

/*
 * jcc over some instructions of the window, then `loop` back to one of them, twice: branches that
 * stay in the window, forward and backward.
 */
static void branches_within(void **state)
{
	struct fixture *fixture = *state;
	struct piece piece;

	for (unsigned i = 0; i < 1500; i++) {
		unsigned skip, start;

		piece.size = 0;
		plain_state(&fixture->random, &piece.state);
		add(&piece, "\xb9\x02\0\0\0", 5); /* mov $2, %ecx */
		start = piece.size;
		add_word(&piece, 0x70 | random_below(&fixture->random, 16), 1);
		skip = piece.size++;
		add(&piece, "\x83\xc0\x11", 3); /* add $17, %eax */
		add(&piece, "\x8d\x50\x05", 3); /* lea 5(%eax), %edx */
		if (random_below(&fixture->random, 2))
			add(&piece, "\x31\x13", 2); /* xor %edx, (%ebx) */
		piece.bytes[skip] = (uint8_t)(piece.size - (skip + 1));
		add(&piece, "\xf5\x40", 2); /* cmc; inc %eax */
		add(&piece, "\xe2", 1);
		add_word(&piece, start - (piece.size + 1), 1);
		if (random_below(&fixture->random, 2))
			piece.size += plain_instruction(&fixture->random, piece.bytes + piece.size);
		try_piece(fixture, &piece);
	}
}

/* --- tests ------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.random = (struct random){SEED};
	fixture.count = 0;
	machine_open(&fixture.machine);
	fixture.machine.scribble = true;
	recording_rom_make(&fixture.random, &fixture.rom);
	random_fill(&fixture.random, (uint8_t *)fixture.machine.memory,
	            sizeof(*fixture.machine.memory));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	print_message("%lu pieces\n", fixture->count);
	machine_close(&fixture->machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(conditional_branches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(counted_branches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(jumps_and_calls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(calls_of_the_next_instruction, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(indirect_calls_and_jumps, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(faults_of_calls_find_the_stack_before, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(returns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_instructions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(branches_within, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
