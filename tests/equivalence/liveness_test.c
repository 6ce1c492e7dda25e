/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Liveness by experiment: code that runs twice, with other values in the registers and flags that
 * are said to be dead, ends in the same state.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/liveness.h"
#include "tests/equivalence/plain.h"

#define SEED       UINT64_C(0x6c6976656e657373)
#define RUNS       6000
#define MAX_LENGTH 12 /* instructions */

struct code {
	uint8_t bytes[MAX_LENGTH * INSTRUCTION_MAX_LENGTH];
	unsigned int size;
};

/* Plain instructions, and jumps forward to the beginning of one of them or to the end. */
static void make_code(struct random *random, struct code *code)
{
	unsigned count = 1 + random_below(random, MAX_LENGTH);
	unsigned starts[MAX_LENGTH + 1], jumps[MAX_LENGTH], targets[MAX_LENGTH], jump_count = 0;

	code->size = 0;
	for (unsigned i = 0; i < count; i++) {
		starts[i] = code->size;
		if (random_below(random, 6)) {
			code->size += plain_instruction(random, code->bytes + code->size);
			continue;
		}
		jumps[jump_count] = code->size;
		targets[jump_count++] = i + 1 + random_below(random, count - i);
		code->bytes[code->size] =
		    random_below(random, 4) ? (uint8_t)(0x70 | random_below(random, 16)) : 0xeb;
		code->size += 2;
	}
	starts[count] = code->size;
	for (unsigned i = 0; i < jump_count; i++)
		code->bytes[jumps[i] + 1] = (uint8_t)(starts[targets[i]] - (jumps[i] + 2));
	code->bytes[code->size] = 0xcc;
}

static void run(struct machine *machine, const struct machine_memory *memory,
                struct machine_state *state)
{
	*machine->memory = *memory;
	assert_int_equal(machine_run(machine, state), MACHINE_BREAK);
}

/* Other values in all that is dead. */
static void change_dead(struct random *random, uint32_t live, struct machine_state *state)
{
	for (unsigned i = 0; i < 8; i++) {
		if (!(live >> i & 1))
			state->registers[i] = random_word(random);
	}
	if (!(live & LIVENESS_FLAGS))
		state->flags ^= random_word(random) & STATUS_FLAGS;
}

static void what_is_dead_does_not_matter(void **unused)
{
	static struct machine_memory memory, first_memory;
	struct random random = {SEED};
	struct machine machine;
	unsigned dead_registers = 0, dead_flags = 0;

	(void)unused;
	machine_open(&machine);
	random_fill(&random, (uint8_t *)&memory, sizeof(memory));
	for (unsigned i = 0; i < RUNS; i++) {
		struct machine_state first, second;
		struct code code;
		struct liveness_code subject = {.bytes = code.bytes, .address = CODE_ADDRESS};
		uint32_t live;

		make_code(&random, &code);
		subject.size = code.size + 1;
		live = liveness_before(&subject, CODE_ADDRESS);
		plain_state(&random, &first);
		second = first;
		change_dead(&random, live, &second);
		machine_patch_code(&machine, CODE_ADDRESS, code.bytes, code.size + 1);
		run(&machine, &memory, &first);
		first_memory = *machine.memory;
		run(&machine, &memory, &second);
		assert_memory_equal(&first, &second, sizeof(first));
		assert_memory_equal(&first_memory, machine.memory, sizeof(first_memory));
		dead_registers += (unsigned)__builtin_popcount(~live & 0xff);
		dead_flags += !(live & LIVENESS_FLAGS);
	}
	print_message("%u registers and %u times the flags were dead\n", dead_registers,
	              dead_flags);
	assert_true(dead_registers > RUNS / 4);
	assert_true(dead_flags > RUNS / 4);
	machine_close(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_dead_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
