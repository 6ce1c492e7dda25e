/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Every form of patchtables/instructions.def that becomes a call, with every way to address its
 * operand: what its springboard asks of the ROM, and the state behind it, are what the model says;
 * an interrupt before any instruction does no harm; and the origins tell, wherever it may fault,
 * the state that the original instruction would fault with.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/effects.h"
#include "tests/equivalence/recording_rom.h"

#define SEED UINT64_C(0x706f737462757226)

/* Unpaged code runs at an alias, this much below its addresses. */
#define ALIAS_OFFSET UINT32_C(0xc0000000)

enum { EAX, ESP = 4 };

struct fixture {
	struct machine machine;
	struct random random;
	struct machine_memory *expected; /* memory */
	struct rom rom;
	unsigned long count, failures;
	bool unmapped;
};

/* One site, its springboard and what is expected of it. */
struct trial {
	struct fixture *fixture;
	struct site site;
	struct window window;
	struct springboard springboard;
	struct rom_answer answer;
	struct expectation expectation;
	struct machine_state state;
	uint32_t stack; /* ESP before */
};

static bool refute(struct trial *trial, const char *what)
{
	if (trial->fixture->failures++ < 20) {
		print_error("%s\n", what);
		site_print(&trial->site);
		print_error("  springboard:");
		for (unsigned i = 0; i < trial->springboard.size; i++)
			print_error(" %02x", trial->springboard.bytes[i]);
		print_error("\n  live %x clobbers %x\n", trial->window.instructions[0].live_after,
		            trial->fixture->rom.calls[trial->expectation.call].clobbers);
	}
	return false;
}

/* --- making ----------------------------------------------------------------------------------- */

static void make_window(struct trial *trial)
{
	struct random *random = &trial->fixture->random;
	struct window *window = &trial->window;
	uint32_t all = 0x1ff;

	window->unpaged = random_below(random, 3) == 0;
	window->start = CODE_ADDRESS + (window->unpaged ? ALIAS_OFFSET : 0);
	window->end = window->start + trial->site.instruction.length;
	window->count = 1;
	window->instructions[0] = (struct window_instruction){
	    .address = window->start,
	    .bytes = trial->site.bytes,
	    .instruction = trial->site.instruction,
	    .form = trial->site.form,
	    .live_after = random_below(random, 2) ? all : random_word(random) & all};
}

static bool make_springboard(struct trial *trial)
{
	uint32_t offset = trial->window.unpaged ? ALIAS_OFFSET : 0;
	struct problem problem;
	bool built =
	    springboard_build(&trial->window, SPRINGBOARD_ADDRESS + offset, &trial->fixture->rom,
	                      ROM_ADDRESS + offset, &trial->springboard, &problem);

	if (built && trial->expectation.refused)
		return refute(trial, "is built, but cannot be");
	if (!built && !trial->expectation.refused)
		return refute(trial, problem.text);
	if (!built && problem.diagnostic != DIAGNOSTIC_SPRINGBOARD_ADDRESS)
		return refute(trial, problem.text);
	return built;
}

static void write_springboard(struct trial *trial)
{
	struct machine *machine = &trial->fixture->machine;
	static const uint8_t stop[] = {0xcc};

	machine_patch_code(machine, SPRINGBOARD_ADDRESS, trial->springboard.bytes,
	                   trial->springboard.size);
	machine_patch_code(machine, SPRINGBOARD_ADDRESS + trial->springboard.size, stop,
	                   sizeof(stop));
}

/* --- faults ----------------------------------------------------------------------------------- */

/* The last origin at or before offset. */
static const struct springboard_origin *find_origin(const struct springboard *springboard,
                                                    uint32_t offset)
{
	const struct springboard_origin *found = NULL;

	for (unsigned i = 0; i < springboard->origin_count; i++) {
		if (springboard->origins[i].offset <= offset)
			found = &springboard->origins[i];
	}
	return found;
}

/* The state before the instruction, by the origin of the code at address, which sees *state. */
static bool unwind(struct trial *trial, uint32_t address, struct machine_state *state)
{
	static const uint8_t order[] = {1, 2, 3, 5, 6, 7};
	const struct springboard_origin *origin =
	    find_origin(&trial->springboard, address - SPRINGBOARD_ADDRESS);
	struct machine_memory *memory = trial->fixture->machine.memory;
	uint32_t at;

	if (!origin || origin->original != trial->window.start)
		return false;
	at = state->registers[ESP] += origin->pushed;
	at -= origin->saved & SPRINGBOARD_SAVED_RESULT ? 4 : 0;
	if (origin->saved & SPRINGBOARD_SAVED_EAX)
		state->registers[EAX] = memory_read(memory, at -= 4, 4);
	if (origin->saved & SPRINGBOARD_SAVED_FLAGS) {
		uint32_t word = memory_read(memory, at -= 4, 4);

		state->flags = (state->flags & ~(uint32_t)STATUS_FLAGS) | (word >> 8 & 0xd5) |
		               (word & 1) << 11;
	}
	for (unsigned i = 0; i < sizeof(order); i++) {
		if (origin->saved >> order[i] & 1)
			state->registers[order[i]] = memory_read(memory, at -= 4, 4);
	}
	return true;
}

/* What the instruction needs to begin again, if its call may fault. */
static uint32_t operand_registers(const struct trial *trial)
{
	const struct instruction *instruction = &trial->site.instruction;
	uint32_t registers = 0;

	if (!describe_call(trial->expectation.call)->faults || !instruction->has_modrm)
		return 0;
	if (trial->site.form == FORM_INVPCID)
		registers |= 1 << (instruction->modrm >> 3 & 7);
	if (trial->site.has_memory)
		registers |= instruction_address_registers(instruction);
	else
		registers |= 1 << (instruction->modrm & 7);
	return registers;
}

/* Whether a fault at address would find all that lives of the state before the instruction. */
static bool unwinds(struct trial *trial, uint32_t address, const struct machine_state *now)
{
	uint32_t live =
	    trial->window.instructions[0].live_after | operand_registers(trial) | 1 << ESP;
	const struct machine_state *before = &trial->site.state;
	struct machine_state state = *now;

	if (!unwind(trial, address, &state))
		return refute(trial, "no origin, or a wrong one");
	for (unsigned i = 0; i < 8; i++) {
		/* lss loads its register before SS */
		if (trial->site.form == FORM_LSS_REGISTER &&
		    i == (trial->site.instruction.modrm >> 3 & 7))
			continue;
		if ((live >> i & 1) && state.registers[i] != before->registers[i])
			return refute(trial, "a fault would find another register");
	}
	if ((live & ROM_CLOBBERS_FLAGS) && (state.flags ^ before->flags) & STATUS_FLAGS)
		return refute(trial, "a fault would find other flags");
	return true;
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool compare_call(struct trial *trial, const struct rom_record *record)
{
	const struct expectation *expectation = &trial->expectation;
	struct machine_memory *memory = trial->fixture->machine.memory;
	const uint8_t *copy;

	if (record->call != expectation->call)
		return refute(trial, "another call");
	for (unsigned i = 0; i < 8; i++) {
		if ((expectation->arguments >> i & 1) &&
		    (record->state.registers[i] ^ expectation->registers[i]) &
		        expectation->argument_masks[i])
			return refute(trial, "another argument");
	}
	for (unsigned i = 0; i < expectation->word_count; i++) {
		if ((record->words[i] ^ expectation->words[i]) & expectation->word_masks[i])
			return refute(trial, "another argument on the stack");
	}
	if (expectation->stack_is_exact && record->state.registers[ESP] != expectation->stack)
		return refute(trial, "another ESP at the call");
	copy = memory_at(memory, record->state.registers[EAX], expectation->copy_size);
	if (expectation->copy_size &&
	    (!copy || memcmp(copy, expectation->copy, expectation->copy_size)))
		return refute(trial, "another copy of an operand");
	return unwinds(trial, record->return_address - 1, &record->state);
}

static bool compare_state(struct trial *trial)
{
	const struct machine_state *after = &trial->expectation.after;
	uint32_t live =
	    trial->window.instructions[0].live_after | trial->expectation.results | 1 << ESP;
	uint32_t flags = FLAG_DF | FLAG_IF | trial->expectation.flag_results;

	if (trial->state.eip - CODE_ADDRESS != trial->site.instruction.length)
		return refute(trial, "goes on elsewhere");
	for (unsigned i = 0; i < 8; i++) {
		if ((live >> i & 1) && trial->state.registers[i] != after->registers[i])
			return refute(trial, "another register");
	}
	if (live & ROM_CLOBBERS_FLAGS)
		flags |= STATUS_FLAGS;
	if ((trial->state.flags ^ after->flags) & flags)
		return refute(trial, "other flags");
	return true;
}

/* Takes a range of memory as it is, if it is in the stack. */
static void forgive(struct trial *trial, uint32_t start, uint32_t end)
{
	const uint8_t *bytes = memory_at(trial->fixture->machine.memory, start, end - start);

	if (bytes)
		memcpy(memory_at(trial->fixture->expected, start, end - start), bytes, end - start);
}

/* Memory, without what is below ESP: 64 bytes of scribbles below all that the call takes. */
static bool compare_memory(struct trial *trial)
{
	struct machine_memory *memory = trial->fixture->machine.memory;
	uint32_t end = trial->expectation.after.registers[ESP];
	bool pushes = end == trial->stack - 2 || end == trial->stack - 4;

	forgive(trial, trial->stack - 160, pushes ? end : trial->stack);
	forgive(trial, end - 64, end);
	if (memcmp(memory, trial->fixture->expected, sizeof(*memory)))
		return refute(trial, "other memory");
	return true;
}

/* --- one trial -------------------------------------------------------------------------------- */

static bool stack_is_spared(struct trial *trial)
{
	uint32_t lowest = trial->fixture->machine.lowest_stack;
	uint32_t end = trial->expectation.after.registers[ESP];
	uint32_t taken = trial->stack - end < 16 ? trial->stack - end : 0;

	/* Where ESP itself is the result it is anything. */
	if (end - (trial->stack - 16) > 32)
		return true;
	if (lowest < trial->stack - taken - SPRINGBOARD_MAX_STACK)
		return refute(trial, "takes too much stack");
	return true;
}

static bool run_to_call(struct trial *trial, struct rom_record *record)
{
	struct machine *machine = &trial->fixture->machine;

	trial->state = trial->site.state;
	trial->state.eip = SPRINGBOARD_ADDRESS;
	if (machine_run(machine, &trial->state) != MACHINE_BREAK ||
	    !recording_rom_entered(machine, &trial->state, record))
		return refute(trial, "does not call the ROM");
	if (trial->state.registers[ESP] < machine->lowest_stack)
		machine->lowest_stack = trial->state.registers[ESP];
	return stack_is_spared(trial) && compare_call(trial, record);
}

static bool run_mapped(struct trial *trial)
{
	struct fixture *fixture = trial->fixture;
	struct rom_record record;

	if (!run_to_call(trial, &record))
		return false;
	if (!describe_call(record.call)->returns)
		return true;
	recording_rom_answer(&fixture->machine, &fixture->random, &fixture->rom, &record,
	                     &trial->answer, &trial->state);
	if (machine_run(&fixture->machine, &trial->state) != MACHINE_BREAK)
		return refute(trial, "does not come back");
	return stack_is_spared(trial) && compare_state(trial) && compare_memory(trial);
}

/* Operands that nothing is mapped at: the springboard faults before the call or behind it, or only
 * passes the address on. */
static bool run_unmapped(struct trial *trial)
{
	struct fixture *fixture = trial->fixture;
	struct rom_record record;

	trial->state = trial->site.state;
	trial->state.eip = SPRINGBOARD_ADDRESS;
	if (machine_run(&fixture->machine, &trial->state) == MACHINE_FAULT)
		return unwinds(trial, trial->state.eip, &trial->state);
	if (!recording_rom_entered(&fixture->machine, &trial->state, &record))
		return refute(trial, "neither faults nor calls the ROM");
	if (trial->expectation.arguments || !describe_call(record.call)->returns)
		return true;
	recording_rom_answer(&fixture->machine, &fixture->random, &fixture->rom, &record,
	                     &trial->answer, &trial->state);
	if (machine_run(&fixture->machine, &trial->state) != MACHINE_FAULT)
		return refute(trial, "does not fault");
	return unwinds(trial, trial->state.eip, &trial->state);
}

static void try_site(void *context, uint16_t form, const uint8_t *encoding, uint8_t size,
                     const struct site_shape *shape)
{
	struct fixture *fixture = context;
	struct trial trial = {.fixture = fixture};

	if (!site_make(&fixture->machine, &fixture->random, form, encoding, size, shape,
	               fixture->unmapped, &trial.site))
		return;
	fixture->count++;
	recording_rom_make(&fixture->random, &fixture->rom);
	rom_answer_make(&fixture->random, &trial.answer);
	memcpy(fixture->expected, fixture->machine.memory, sizeof(*fixture->expected));
	trial.stack = trial.site.state.registers[ESP];
	model_site(&trial.site, CODE_ADDRESS, &trial.answer, fixture->expected, &trial.expectation);
	make_window(&trial);
	if (!make_springboard(&trial))
		return;
	write_springboard(&trial);
	if (fixture->unmapped)
		run_unmapped(&trial);
	else
		run_mapped(&trial);
}

/* --- tests ------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.random = {SEED}};
	machine_open(&fixture.machine);
	fixture.machine.scribble = true;
	fixture.expected = test_malloc(sizeof(*fixture.expected));
	random_fill(&fixture.random, (uint8_t *)fixture.machine.memory,
	            sizeof(*fixture.machine.memory));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	test_free(fixture->expected);
	machine_close(&fixture->machine);
	return 0;
}

/* Every form that becomes a call, in 32-bit mode. */
static void each_form(struct fixture *fixture)
{
	for (uint16_t form = 0; form < sensitive_form_count; form++) {
		unsigned long before = fixture->count;
		bool only_64_bit = form == FORM_LKGS || form == FORM_RDMSRLIST ||
		                   form == FORM_WRMSRLIST || form == FORM_SWAPGS ||
		                   form == FORM_ERETS_ERETU;

		if (!sensitive_forms[form].call || only_64_bit)
			continue;
		site_each(form, try_site, fixture);
		if (fixture->count == before && !fixture->unmapped) {
			print_error("no case of %s\n", sensitive_forms[form].name);
			fixture->failures++;
		}
	}
	print_message("%lu cases\n", fixture->count);
	assert_int_equal(fixture->failures, 0);
}

static void calls_and_states_are_as_modelled(void **state)
{
	each_form(*state);
}

static void faults_find_the_state_before(void **state)
{
	struct fixture *fixture = *state;

	fixture->unmapped = true;
	each_form(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(calls_and_states_are_as_modelled, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(faults_find_the_state_before, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
