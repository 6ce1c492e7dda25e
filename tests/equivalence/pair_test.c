/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Two stores of the halves of a page-table entry: where they stood, and as the one call of
 * SetPxELong that a ROM gets for them. The ROM's slot is int3: the test answers by storing both
 * halves. Registers, flags and memory end alike, and what is no pair becomes no such call.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/effects.h"
#include "tests/equivalence/recording_rom.h"
#include "tests/equivalence/window.h"

#define SEED  UINT64_C(0x7061697273746f72)
#define CASES 6000

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

struct fixture {
	struct machine machine;
	struct random random;
	struct rom rom;
	struct machine_memory before, original;
	unsigned int joined;
};

/* The stores, and the state before them. */
struct stores {
	uint8_t bytes[2 * INSTRUCTION_MAX_LENGTH];
	unsigned int size;
	struct machine_state state;
};

/* --- making ----------------------------------------------------------------------------------- */

/* One store to displacement behind a base, perhaps with an index. */
static void emit_store(struct stores *stores, uint8_t base, uint8_t sib, uint32_t displacement,
                       int source, uint32_t immediate)
{
	uint8_t *at = stores->bytes + stores->size;
	bool has_sib = base == ESP;

	*at++ = source < 0 ? 0xc7 : 0x89;
	*at++ = (uint8_t)(0x80 | (source < 0 ? 0 : source) << 3 | base);
	if (has_sib)
		*at++ = sib;
	memcpy(at, &displacement, 4);
	at += 4;
	if (source < 0) {
		memcpy(at, &immediate, 4);
		at += 4;
	}
	stores->size = (unsigned int)(at - stores->bytes);
}

/* A register, or -1 for an immediate. */
static int any_source(struct random *random)
{
	return (int)random_below(random, 9) - 1;
}

/* Gives the registers of the operand values that lead to the arena. */
static void aim(struct random *random, struct stores *stores, uint8_t base, uint8_t sib)
{
	uint32_t *registers = stores->state.registers;
	uint32_t target = ARENA_ADDRESS + 0x400 + 8 * random_below(random, 64);
	uint8_t index = sib >> 3 & 7, sib_base = sib & 7;

	if (base != ESP) {
		registers[base] = target;
		return;
	}
	if (sib_base != ESP)
		registers[sib_base] = target;
	if (index != ESP && index != sib_base)
		registers[index] = 4 * random_below(random, 8);
	else if (index != ESP)
		registers[index] = target / (1 + (1u << (sib >> 6)));
}

/* distance: of the first operand from the second one; 4 for a pair. */
static void make_stores(struct random *random, uint32_t distance, struct stores *stores)
{
	uint8_t base = (uint8_t)random_below(random, 8);
	uint8_t sib = (uint8_t)random_word(random);
	uint32_t displacement = 4 * random_below(random, 32);

	memset(stores, 0, sizeof(*stores));
	for (unsigned int i = 0; i < 8; i++)
		stores->state.registers[i] = random_word(random);
	stores->state.registers[ESP] = STACK_ADDRESS + STACK_SIZE / 2;
	stores->state.flags = 2 | (random_word(random) & (STATUS_FLAGS | FLAG_DF));
	aim(random, stores, base, sib);
	emit_store(stores, base, sib, displacement + distance, any_source(random),
	           random_word(random));
	emit_store(stores, base, sib, displacement, any_source(random), random_word(random));
}

/* The window of both, as sites; the first one is said to be a high half. */
static void make_window(struct random *random, const struct stores *stores, struct window *window)
{
	uint32_t live = random_below(random, 2) ? UINT32_MAX : random_word(random) & 0x1ff;

	window_make(stores->bytes, stores->size, random_below(random, 3) == 0, window);
	assert_int_equal(window->count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		struct window_instruction *at = &window->instructions[i];

		at->form = classify_named(&at->instruction, at->bytes);
		assert_true(at->form == FORM_PTE_STORE || at->form == FORM_PTE_STORE_IMMEDIATE);
	}
	window->instructions[0].paired = true;
	window->instructions[1].live_after = live;
}

/* --- running ---------------------------------------------------------------------------------- */

/* What SetPxE and SetPxELong do. */
static void store_entry(struct machine *machine, const struct rom_record *record)
{
	const uint32_t *registers = record->state.registers;

	if (record->call == VMI_CALL_SetPxE) {
		memory_write(machine->memory, registers[EAX], 4, registers[EDX]);
		return;
	}
	memory_write(machine->memory, registers[ECX] + 4, 4, registers[EDX]);
	memory_write(machine->memory, registers[ECX], 4, registers[EAX]);
}

/* Runs the springboard; the number of calls made, or 0 if it goes wrong. */
static unsigned int run_springboard(struct fixture *fixture, enum vmi_call call,
                                    struct machine_state *state)
{
	struct rom_answer answer;
	struct rom_record record;
	unsigned int calls = 0;

	rom_answer_make(&fixture->random, &answer);
	while (machine_run(&fixture->machine, state) == MACHINE_BREAK) {
		if (!recording_rom_entered(&fixture->machine, state, &record))
			return calls;
		assert_int_equal(record.call, call);
		store_entry(&fixture->machine, &record);
		recording_rom_answer(&fixture->machine, &fixture->random, &fixture->rom, &record,
		                     &answer, state);
		calls++;
	}
	return 0;
}

/* What is below ESP is nobody's. */
static bool same_memory(struct fixture *fixture)
{
	uint32_t stack = STACK_ADDRESS + STACK_SIZE / 2;

	memcpy(memory_at(&fixture->original, stack - 256, 256),
	       memory_at(fixture->machine.memory, stack - 256, 256), 256);
	return !memcmp(fixture->machine.memory, &fixture->original, sizeof(fixture->original));
}

static bool same_state(const struct window *window, const struct machine_state *first,
                       const struct machine_state *second)
{
	uint32_t live = window->instructions[1].live_after | 1 << ESP;

	for (unsigned int i = 0; i < 8; i++)
		if ((live >> i & 1) && first->registers[i] != second->registers[i])
			return false;
	return !((first->flags ^ second->flags) &
	         (FLAG_DF | (live & ROM_CLOBBERS_FLAGS ? STATUS_FLAGS : 0)));
}

static void compare(struct fixture *fixture, const struct stores *stores,
                    const struct window *window, enum vmi_call call, unsigned int calls)
{
	struct machine *machine = &fixture->machine;
	struct machine_state first = stores->state, second = stores->state;
	struct springboard springboard;
	unsigned int made;

	recording_rom_make(&fixture->random, &fixture->rom);
	machine_write_code(machine, CODE_ADDRESS, stores->bytes, stores->size);
	fixture->before = *machine->memory;
	first.eip = CODE_ADDRESS;
	assert_int_equal(machine_run(machine, &first), MACHINE_BREAK);
	fixture->original = *machine->memory;
	*machine->memory = fixture->before;
	window_build(machine, window, &fixture->rom, &springboard);
	second.eip = SPRINGBOARD_ADDRESS;
	made = run_springboard(fixture, call, &second);
	if (made == calls && same_state(window, &first, &second) && same_memory(fixture))
		return;
	print_bytes("stores", stores->bytes, stores->size);
	print_bytes("springboard", springboard.bytes, springboard.size);
	fail_msg("%u calls, eip %x", made, second.eip);
}

/* --- tests ------------------------------------------------------------------------------------ */

/* An operand that only ESP is in would be the stack's, whose words below are nobody's. */
static bool is_in_arena(const struct stores *stores)
{
	struct instruction instruction;

	return decode_instruction(stores->bytes, stores->size, DISASM_MODE_32, &instruction) ==
	           DECODE_OK &&
	       (instruction_address_registers(&instruction) & ~(1 << ESP));
}

static void halves_become_one_call(void **state)
{
	struct fixture *fixture = *state;
	struct stores stores;
	struct window window;

	for (unsigned int i = 0; i < CASES; i++) {
		make_stores(&fixture->random, 4, &stores);
		if (!is_in_arena(&stores))
			continue;
		make_window(&fixture->random, &stores, &window);
		compare(fixture, &stores, &window, VMI_CALL_SetPxELong, 1);
		fixture->joined++;
	}
	print_message("%u pairs\n", fixture->joined);
	assert_true(fixture->joined > CASES / 2);
}

static void other_distances_become_two_calls(void **state)
{
	static const uint32_t distances[] = {0, 8, UINT32_MAX - 3};
	struct fixture *fixture = *state;
	struct stores stores;
	struct window window;

	for (unsigned int i = 0; i < CASES / 10; i++) {
		make_stores(&fixture->random, distances[i % 3], &stores);
		if (!is_in_arena(&stores))
			continue;
		make_window(&fixture->random, &stores, &window);
		compare(fixture, &stores, &window, VMI_CALL_SetPxE, 2);
	}
}

/* What is not said to be a pair, or has something that jumps between the two. */
static void only_pairs_that_are_named_are_joined(void **state)
{
	struct fixture *fixture = *state;
	struct stores stores;
	struct window window;

	do
		make_stores(&fixture->random, 4, &stores);
	while (!is_in_arena(&stores));
	make_window(&fixture->random, &stores, &window);
	window.instructions[0].paired = false;
	compare(fixture, &stores, &window, VMI_CALL_SetPxE, 2);
	window.instructions[0].paired = true;
	window.instructions[1].entered = true;
	compare(fixture, &stores, &window, VMI_CALL_SetPxE, 2);
	window.instructions[1].entered = false;
	window.instructions[1].keep = true;
	compare(fixture, &stores, &window, VMI_CALL_SetPxE, 1);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.random = {SEED}};
	machine_open(&fixture.machine);
	fixture.machine.scribble = true;
	random_fill(&fixture.random, (uint8_t *)fixture.machine.memory,
	            sizeof(*fixture.machine.memory));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	machine_close(&((struct fixture *)*state)->machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(halves_become_one_call, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_distances_become_two_calls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(only_pairs_that_are_named_are_joined, set_up,
	                                    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
