/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Interrupt shadows: which calls a rewritten sti and the instruction behind it make, in which
 * order, and that no call which delivers interrupts comes before that instruction has done its
 * work.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/equivalence/plain.h"
#include "tests/equivalence/recording_rom.h"
#include "tests/equivalence/window.h"

#define SEED      UINT64_C(0x736861646f777321)
#define MAX_CALLS 8

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

struct fixture {
	struct machine machine;
	struct random random;
	struct rom rom;
	struct springboard springboard;
	struct machine_memory before, expected;
};

/* A run of a window's springboard. */
struct run {
	struct machine_state state;
	struct rom_record records[MAX_CALLS];
	unsigned int count;
};

/* Runs to the window's end, to a call that does not return, or to elsewhere. */
static void run_window(struct fixture *fixture, const struct machine_state *from, struct run *run)
{
	struct rom_answer answer;

	run->state = *from;
	run->state.eip = SPRINGBOARD_ADDRESS;
	for (run->count = 0; run->count < MAX_CALLS; run->count++) {
		struct rom_record *record = &run->records[run->count];

		assert_int_equal(machine_run(&fixture->machine, &run->state), MACHINE_BREAK);
		if (!recording_rom_entered(&fixture->machine, &run->state, record))
			return;
		if (!describe_call(record->call)->returns) {
			run->count++;
			return;
		}
		rom_answer_make(&fixture->random, &answer);
		recording_rom_answer(&fixture->machine, &fixture->random, &fixture->rom, record,
		                     &answer, &run->state);
	}
}

static void start(struct fixture *fixture, const uint8_t *bytes, unsigned size,
                  struct machine_state *state)
{
	static uint8_t code[64];
	struct window window;

	memcpy(code, bytes, size);
	window_make(code, size, false, &window);
	window_build(&fixture->machine, &window, &fixture->rom, &fixture->springboard);
	plain_state(&fixture->random, state);
}

/* --- which calls ------------------------------------------------------------------------------ */

struct sequence {
	const char *what;
	const char *bytes;
	uint8_t size;
	uint8_t calls[MAX_CALLS]; /* enum vmi_call, ends with 0 */
};

static const struct sequence sequences[] = {
    {"sti; hlt", "\xfb\xf4", 2, {VMI_CALL_Halt}},
    {"nop; sti; hlt; nop", "\x90\xfb\xf4\x90", 4, {VMI_CALL_Halt}},
    {"sti; sti; hlt", "\xfb\xfb\xf4", 3, {VMI_CALL_Halt}},
    {"sti; nop; hlt", "\xfb\x90\xf4", 3, {VMI_CALL_EnableInterrupts, VMI_CALL_HLT}},
    {"hlt", "\xf4\x90", 2, {VMI_CALL_HLT}},
    {"sti; cli", "\xfb\xfa", 2, {VMI_CALL_DisableInterrupts}},
    {"sti; nop; cli", "\xfb\x90\xfa", 3, {VMI_CALL_EnableInterrupts, VMI_CALL_DisableInterrupts}},
    {"sti; popf", "\xfb\x9d", 2, {VMI_CALL_POPF}},
    {"sti; popfw", "\xfb\x66\x9d", 3, {VMI_CALL_POPFW}},
    {"sti; iret", "\xfb\xcf", 2, {VMI_CALL_IRET}},
    {"sti; sysexit", "\xfb\x0f\x35", 3, {VMI_CALL_SYSEXIT}},
    {"sti; pushf", "\xfb\x9c", 2, {VMI_CALL_EnableInterrupts, VMI_CALL_PUSHF}},
    {"sti; mwait", "\xfb\x0f\x01\xc9", 4, {VMI_CALL_EnableInterrupts, VMI_CALL_MWAIT}},
    {"sti; lret", "\xfb\xcb", 2, {VMI_CALL_EnableInterrupts, VMI_CALL_LRET}},
    {"sti; wrmsr", "\xfb\x0f\x30", 3, {VMI_CALL_WRMSR, VMI_CALL_EnableInterrupts}},
    {"sti; in", "\xfb\xec", 2, {VMI_CALL_INB, VMI_CALL_EnableInterrupts}},
    {"sti; sti; nop", "\xfb\xfb\x90", 3, {VMI_CALL_EnableInterrupts}},
    {"sti; clts; sti; hlt",
     "\xfb\x0f\x06\xfb\xf4",
     5,
     {VMI_CALL_CLTS, VMI_CALL_EnableInterrupts, VMI_CALL_Halt}},
    {"sti; mov eax, ss", "\xfb\x8e\xd0", 3, {VMI_CALL_EnableInterrupts, VMI_CALL_PopSS}},
    {"mov eax, ss; mov ebx, esp", "\x8e\xd0\x89\xdc", 4, {VMI_CALL_LoadStack}},
    {"mov eax, ss; mov ebx, esp", "\x8e\xd0\x8b\xe3", 4, {VMI_CALL_LoadStack}},
    {"pop ss; mov ebx, esp", "\x17\x89\xdc", 3, {VMI_CALL_LoadStack}},
    {"mov eax, ss; nop", "\x8e\xd0\x90", 3, {VMI_CALL_PopSS}},
    {"mov eax, ss; mov ebx, ecx", "\x8e\xd0\x89\xd9", 4, {VMI_CALL_PopSS}},
};

static void calls_are_made_in_order(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		const struct sequence *sequence = &sequences[i];
		struct machine_state from;
		unsigned count = 0;
		struct run run;

		start(fixture, (const uint8_t *)sequence->bytes, sequence->size, &from);
		run_window(fixture, &from, &run);
		while (count < MAX_CALLS && sequence->calls[count])
			count++;
		if (run.count != count)
			print_error("%s\n", sequence->what);
		assert_int_equal(run.count, count);
		for (unsigned j = 0; j < count; j++)
			assert_int_equal(run.records[j].call, sequence->calls[j]);
	}
}

/* --- sti and a plain instruction -------------------------------------------------------------- */

/* The state behind the instruction alone. */
static void run_alone(struct fixture *fixture, const uint8_t *bytes, unsigned size,
                      struct machine_state *state)
{
	machine_write_code(&fixture->machine, CODE_ADDRESS, bytes, size);
	assert_int_equal(machine_run(&fixture->machine, state), MACHINE_BREAK);
	machine_write_code(&fixture->machine, CODE_ADDRESS, NULL, 0);
}

static void assert_same(struct fixture *fixture, const struct machine_state *expected,
                        const struct machine_state *actual)
{
	struct machine_memory *memory = fixture->machine.memory;
	uint32_t end = expected->registers[ESP];

	assert_memory_equal(expected->registers, actual->registers, sizeof(actual->registers));
	assert_int_equal(expected->flags, actual->flags);
	memcpy(memory_at(&fixture->expected, end - 256, 256), memory_at(memory, end - 256, 256),
	       256);
	assert_memory_equal(memory, &fixture->expected, sizeof(*memory));
}

/* Interrupts are enabled when the instruction behind sti has run, and its result survives that. */
static void plain_instructions_run_first(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 3000; i++) {
		uint8_t bytes[1 + INSTRUCTION_MAX_LENGTH] = {0xfb};
		unsigned size = plain_instruction(&fixture->random, bytes + 1);
		struct machine_state from, alone;
		struct run run;

		start(fixture, bytes, size + 1, &from);
		fixture->before = *fixture->machine.memory;
		alone = from;
		run_alone(fixture, bytes + 1, size, &alone);
		fixture->expected = *fixture->machine.memory;
		*fixture->machine.memory = fixture->before;
		run_window(fixture, &from, &run);
		assert_int_equal(run.count, 1);
		assert_int_equal(run.records[0].call, VMI_CALL_EnableInterrupts);
		/* EAX may have been needed to save the flags. */
		assert_memory_equal(run.records[0].state.registers + ECX, alone.registers + ECX,
		                    12);
		assert_memory_equal(run.records[0].state.registers + EBP, alone.registers + EBP,
		                    12);
		assert_int_equal(run.state.eip, CODE_ADDRESS + size + 1);
		assert_same(fixture, &alone, &run.state);
	}
}

/* Flags apart, the slot sees what the instruction has done. */
static void registers_are_new_at_the_call(void **state)
{
	static const uint8_t sti_mov[] = {0xfb, 0xb8, 0x78, 0x56, 0x34, 0x12};
	struct fixture *fixture = *state;
	struct machine_state from;
	struct run run;

	fixture->rom.calls[VMI_CALL_EnableInterrupts].clobbers = 0;
	start(fixture, sti_mov, sizeof(sti_mov), &from);
	run_window(fixture, &from, &run);
	assert_int_equal(run.count, 1);
	assert_int_equal(run.records[0].state.registers[EAX], 0x12345678);
}

/* --- sti; ret --------------------------------------------------------------------------------- */

static void enabling_returns_for_the_guest(void **state)
{
	static const uint8_t sti_ret[] = {0xfb, 0xc3};
	struct fixture *fixture = *state;
	struct machine_state from;
	struct run run;

	fixture->rom.calls[VMI_CALL_EnableInterrupts].clobbers = 0;
	start(fixture, sti_ret, sizeof(sti_ret), &from);
	memory_write(fixture->machine.memory, from.registers[ESP], 4, CODE_ADDRESS + 0x300);
	run_window(fixture, &from, &run);
	assert_int_equal(run.count, 1);
	assert_int_equal(run.records[0].return_address, CODE_ADDRESS + 0x300);
	assert_int_equal(run.state.eip, CODE_ADDRESS + 0x300);
	assert_int_equal(run.state.registers[ESP], from.registers[ESP] + 4);
}

/* Where the call clobbers flags that live, it comes first. */
static void flags_survive_before_ret(void **state)
{
	static const uint8_t sti_ret[] = {0xfb, 0xc3};
	struct fixture *fixture = *state;
	struct machine_state from;
	struct run run;

	fixture->rom.calls[VMI_CALL_EnableInterrupts].clobbers = ROM_CLOBBERS_FLAGS;
	for (unsigned i = 0; i < 50; i++) {
		start(fixture, sti_ret, sizeof(sti_ret), &from);
		memory_write(fixture->machine.memory, from.registers[ESP], 4, CODE_ADDRESS + 0x300);
		run_window(fixture, &from, &run);
		assert_int_equal(run.count, 1);
		assert_int_equal(run.state.eip, CODE_ADDRESS + 0x300);
		assert_int_equal(run.state.flags, from.flags);
		assert_memory_equal(run.state.registers, from.registers, 4 * 4);
	}
}

/* --- loads of SS ------------------------------------------------------------------------------ */

/* The bytes pushed at a call, by its origin. */
static unsigned pushed_at(const struct fixture *fixture, const struct rom_record *record)
{
	const struct springboard *springboard = &fixture->springboard;
	unsigned pushed = 0;

	for (unsigned i = 0; i < springboard->origin_count; i++) {
		if (springboard->origins[i].offset < record->return_address - SPRINGBOARD_ADDRESS)
			pushed = springboard->origins[i].pushed;
	}
	return pushed;
}

static void stack_and_its_segment_are_loaded_at_once(void **state)
{
	static const uint8_t mov_mov[] = {0x8e, 0xd0, 0x89, 0xdc}; /* eax to ss, ebx to esp */
	static const uint8_t pop_mov[] = {0x17, 0xbc, 0x00, 0xf2, 0x4f, 0x00}; /* $0x4ff200 */
	struct fixture *fixture = *state;
	struct machine_state from;
	struct run run;

	start(fixture, mov_mov, sizeof(mov_mov), &from);
	run_window(fixture, &from, &run);
	assert_int_equal(run.records[0].words[0], from.registers[EBX]);
	assert_int_equal(run.records[0].words[1] & 0xffff, from.registers[EAX] & 0xffff);
	assert_int_equal(run.state.registers[ESP], from.registers[EBX]);
	assert_int_equal(pushed_at(fixture, &run.records[0]), 8);
	start(fixture, pop_mov, sizeof(pop_mov), &from);
	memory_write(fixture->machine.memory, from.registers[ESP], 4, 0x10);
	run_window(fixture, &from, &run);
	assert_int_equal(run.records[0].words[0], 0x4ff200);
	assert_int_equal(run.records[0].words[1], 0x10);
	assert_int_equal(run.state.registers[ESP], 0x4ff200);
	assert_int_equal(pushed_at(fixture, &run.records[0]), 4);
}

/* --- tests ------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.random = (struct random){SEED};
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

	machine_close(&fixture->machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(calls_are_made_in_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(plain_instructions_run_first, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(registers_are_new_at_the_call, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(enabling_returns_for_the_guest, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(flags_survive_before_ret, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(stack_and_its_segment_are_loaded_at_once, set_up,
	                                    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
