/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The code that a site became is run on the symbolic processor, from the state in which the
 * original instruction is reached. At the call every place must hold what the form's list says;
 * afterwards all must be as the instruction would have left it, whatever the call may clobber.
 */

#include <string.h>

#include "disasm/effects.h"
#include "patcher/verify/verify_code.h"

#define OPCODE_EXCHANGE 0x87 /* xchg %r32, m32 */
#define OPCODE_STORE    0x89 /* mov %r32, m32 */

#define JUMP 0xe9
#define CALL 0xe8

/* A run of one site's code. */
struct site_run {
	struct verifier *verifier;
	const struct site_effect *effect;
	struct machine_state *start;
	uint32_t live;
	uint32_t needed; /* where the call faults */
	bool jump;       /* the call is a jump, and the slot's return is the guest's own */
	bool flows_on;
};

/* --- at the call ------------------------------------------------------------------------------ */

/* The pseudo-descriptor that the address leads to is the operand's, or a copy of it. */
static bool is_descriptor(struct machine *machine, const struct machine_state *state,
                          const struct site_effect *effect, const struct value *address)
{
	struct value low, high;
	int32_t offset;

	if (!term_is_register_offset(machine->terms, value_term(machine->terms, address),
	                             MACHINE_ESP, &offset))
		return false;
	if (!machine_load(machine, state, effect->descriptor_segment, effect->descriptor_address, 4,
	                  &low) ||
	    !machine_load(machine, state, effect->descriptor_segment,
	                  term_add_constant(machine->terms, effect->descriptor_address, 4), 2,
	                  &high))
		return false;
	if (effect->descriptor_short)
		high.bytes[1] = byte_constant(machine->terms, 0);
	for (int32_t i = 0; i < 6; i++) {
		struct value_byte byte = machine_stack_byte(machine->terms, state, offset + i);

		if (!bytes_equal(byte, i < 4 ? low.bytes[i] : high.bytes[i - 4]))
			return false;
	}
	return true;
}

static bool check_argument(struct machine *machine, const struct machine_state *state,
                           const struct site_effect *effect, int32_t words,
                           const struct effect_argument *argument)
{
	struct value now = state->registers[argument->number];

	if (argument->is_word)
		for (int32_t i = 0; i < 4; i++)
			now.bytes[i] = machine_stack_byte(machine->terms, state,
			                                  words + 4 * argument->number + i);
	if (argument->mask && values_equal(&now, &argument->value, argument->mask))
		return true;
	if (argument->is_descriptor && is_descriptor(machine, state, effect, &now))
		return true;
	return machine_fail(machine, argument->is_word ? "calls with a wrong word on the stack"
	                                               : "calls with a wrong value in a register");
}

/* Nothing that the guest can see has changed before the call. */
static bool check_untouched(struct machine *machine, const struct machine_state *state)
{
	for (unsigned int i = 0; i < state->stack_count; i++) {
		const struct machine_stack_byte *written = &state->stack[i];
		term_number first;

		if (written->offset < 0)
			continue;
		first = term_make(machine->terms, TERM_STACK, (uint32_t)written->offset, 0, 0);
		if (!bytes_equal(written->byte, byte_of_term(first)))
			return machine_fail(machine, "changes the guest's stack before its call");
	}
	return !state->store_count ||
	       machine_fail(machine, "changes the guest's memory before its call");
}

static bool check_arguments(struct machine *machine, const struct machine_state *state,
                            int32_t words)
{
	const struct site_run *run = machine->owner;

	if (state->calls)
		return machine_fail(machine, "calls the ROM twice");
	for (unsigned int i = 0; i < run->effect->argument_count; i++)
		if (!check_argument(machine, state, run->effect, words, &run->effect->arguments[i]))
			return false;
	return check_untouched(machine, state);
}

/* A call that does not return finds registers, flags and stack as the guest had them. */
static bool check_no_return(struct machine *machine, const struct machine_state *state,
                            int32_t words)
{
	const struct site_run *run = machine->owner;

	if (words != -4 * (int32_t)run->effect->words_pushed)
		return machine_fail(machine, "calls with ESP not where the guest had it");
	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++)
		if (i != MACHINE_ESP &&
		    !values_equal(&state->registers[i], &run->start->registers[i], 0xf))
			return machine_fail(machine, "changes a register before a call that does "
			                             "not return");
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
		if (state->flags[i] != run->start->flags[i])
			return machine_fail(machine, "changes flags before a call that does not "
			                             "return");
	return true;
}

/* --- what the call does ----------------------------------------------------------------------- */

static bool is_result(const struct vmi_call_description *call, unsigned int number)
{
	static const uint16_t places[MACHINE_REGISTERS] = {
	    [MACHINE_EAX] = CALL_PLACE_EAX, [MACHINE_ECX] = CALL_PLACE_ECX,
	    [MACHINE_EDX] = CALL_PLACE_EDX, [MACHINE_EBX] = CALL_PLACE_EBX,
	    [MACHINE_ESI] = CALL_PLACE_ESI, [MACHINE_EDI] = CALL_PLACE_EDI};

	return call->outputs & places[number];
}

static void change_flags(struct machine *machine, struct machine_state *state,
                         const struct verify_call *call)
{
	uint8_t number = call->description->number;
	bool all = number == VMI_CALL_POPF || number == VMI_CALL_POPFW;

	for (unsigned int i = 0; i < MACHINE_FLAGS; i++) {
		if (all || (i == MACHINE_ZF && (call->description->outputs & CALL_PLACE_ZF)))
			state->flags[i] = call_result_flag(machine->terms, i);
		else if (call->clobbers & ROM_CLOBBERS_FLAGS)
			state->flags[i] = term_unknown(machine->terms);
	}
}

/* ESP and what the call has left at it. words: offset of word 0 before the call. */
static bool change_stack(struct machine *machine, struct machine_state *state,
                         const struct vmi_call_description *call, int32_t words)
{
	struct value word = call_result_word(machine->terms);

	if (call->number == VMI_CALL_LoadStack) {
		for (int32_t i = 0; i < 4; i++)
			word.bytes[i] = machine_stack_byte(machine->terms, state, words + i);
		state->registers[MACHINE_ESP] = word;
		state->stack_count = 0;
		return true;
	}
	machine_set_stack_offset(machine, state, words + call->esp_change);
	for (int32_t i = 0; i < -call->esp_change; i++)
		if (!machine_store_stack(machine, state, words + call->esp_change + i,
		                         word.bytes[i]))
			return false;
	return true;
}

static bool carry_out(struct machine *machine, struct machine_state *state,
                      const struct verify_call *call, int32_t words)
{
	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++) {
		if (i == MACHINE_ESP)
			continue;
		if (is_result(call->description, i))
			state->registers[i] = call_result(machine->terms, i);
		else if (call->clobbers >> i & 1)
			state->registers[i] =
			    value_of_term(machine->terms, term_unknown(machine->terms));
	}
	change_flags(machine, state, call);
	state->calls++;
	if (call->description->clobbers & CALL_PLACE_MEMORY)
		state->memory_version++;
	return change_stack(machine, state, call->description, words);
}

/* --- each instruction ------------------------------------------------------------------------- */

/* Whether the bytes at the step are the call as its manifest has it. */
static bool is_call(const struct site_run *run, struct machine_step *step)
{
	uint16_t number = run->effect->call->number;
	const struct verify_call *call = &run->verifier->calls[number];
	uint8_t opcode = run->jump || call->action == ROM_ACTION_JUMP ? JUMP : CALL;

	if (call->action == ROM_ACTION_INLINE && !run->jump) {
		step->length = call->inline_size;
		return call->inline_size <= step->size &&
		       !memcmp(step->bytes, call->inline_bytes, call->inline_size);
	}
	return step->bytes[0] == opcode && step->instruction->length == 5 &&
	       (call->action == ROM_ACTION_CALL || call->action == ROM_ACTION_JUMP) &&
	       verify_slot_at(run->verifier,
	                      (uint32_t)instruction_branch_target(step->instruction, step->bytes,
	                                                          step->address)) == number;
}

static bool writes_flags(const struct site_run *run)
{
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++)
		if (run->effect->final.flags[i] != run->start->flags[i])
			return true;
	return false;
}

/* What the call may destroy of what is needed behind it; what the instruction itself writes apart.
 */
static uint32_t lost_in(const struct site_run *run, const struct verify_call *call)
{
	uint8_t number = call->description->number;
	uint32_t lost = call->clobbers & run->live;

	if (number == VMI_CALL_POPF || number == VMI_CALL_POPFW || writes_flags(run))
		lost &= ~(uint32_t)ROM_CLOBBERS_FLAGS;
	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++)
		if (is_result(call->description, i) ||
		    !values_equal(&run->effect->final.registers[i], &run->start->registers[i], 0xf))
			lost &= ~(UINT32_C(1) << i);
	return lost;
}

static enum machine_owner_answer site_step(struct machine *machine, struct machine_state *state,
                                           struct machine_step *step)
{
	struct site_run *run = machine->owner;
	const struct verify_call *call = &run->verifier->calls[run->effect->call->number];
	bool returns = call->description->returns && !run->jump;
	int32_t words;

	if (step->instruction->length == 2 && step->bytes[0] == 0x0f && step->bytes[1] == 0x0b)
		return machine_fail(machine, "reaches ud2") ? OWNER_NO : OWNER_REFUSE;
	if (!is_call(run, step))
		return OWNER_NO;
	if (!machine_stack_offset(machine, state, &words) ||
	    !check_arguments(machine, state, words) ||
	    !verify_origin_keeps(machine, state, step->address,
	                         call->description->faults ? run->needed : 0, lost_in(run, call)))
		return OWNER_REFUSE;
	if (!returns) {
		state->calls++;
		return check_no_return(machine, state, words) ? OWNER_STOP : OWNER_REFUSE;
	}
	return carry_out(machine, state, call, words) ? OWNER_DONE : OWNER_REFUSE;
}

/* --- at the end ------------------------------------------------------------------------------- */

static bool check_registers(struct machine *machine, const struct machine_state *state)
{
	const struct site_run *run = machine->owner;
	const struct site_effect *effect = run->effect;
	term_number zf = call_result_flag(machine->terms, MACHINE_ZF);
	bool otherwise = effect->conditional &&
	                 !(state->has_assumption && state->assumed == zf && state->assumption);

	for (unsigned int i = 0; i < MACHINE_REGISTERS; i++) {
		const struct value *want = &effect->final.registers[i];

		if (otherwise && i == effect->conditional_register)
			want = &effect->otherwise;
		if (!(run->live >> i & 1) && i != MACHINE_ESP)
			continue;
		if (!values_equal(&state->registers[i], want, 0xf))
			return machine_fail(machine, i == MACHINE_ESP
			                                 ? "leaves a wrong ESP"
			                                 : "leaves a wrong value in a register");
	}
	return true;
}

/* A flag that the path was chosen by is known on it. */
static bool check_flags(struct machine *machine, const struct machine_state *state)
{
	const struct site_run *run = machine->owner;
	uint32_t constant;

	if (!(run->live & ROM_CLOBBERS_FLAGS))
		return true;
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++) {
		term_number want = run->effect->final.flags[i];

		if (state->flags[i] == want || (run->effect->free_flags >> i & 1) ||
		    (state->has_assumption && state->assumed == want &&
		     term_is_constant(machine->terms, state->flags[i], &constant) &&
		     constant == state->assumption))
			continue;
		return machine_fail(machine, "leaves wrong flags");
	}
	return true;
}

static bool check_stores(struct machine *machine, const struct machine_state *state)
{
	const struct machine_state *want =
	    &((const struct site_run *)machine->owner)->effect->final;
	bool equal = state->store_count == want->store_count;

	for (unsigned int i = 0; equal && i < want->store_count; i++) {
		const struct machine_store *left = &state->stores[i], *right = &want->stores[i];

		equal = left->segment == right->segment && left->size == right->size &&
		        left->address == right->address &&
		        values_equal(&left->value, &right->value, 0xf);
	}
	return equal || machine_fail(machine, "writes other memory than the instruction");
}

/* The stack from ESP on; what lies below is nobody's. */
static bool check_stack(struct machine *machine, const struct machine_state *state)
{
	const struct machine_state *want =
	    &((const struct site_run *)machine->owner)->effect->final;

	for (unsigned int i = 0; i < state->stack_count; i++) {
		struct value_byte byte =
		    machine_stack_byte(machine->terms, want, state->stack[i].offset);

		if (!bytes_equal(state->stack[i].byte, byte))
			return machine_fail(machine, "leaves a wrong byte on the stack");
	}
	for (unsigned int i = 0; i < want->stack_count; i++) {
		struct value_byte byte =
		    machine_stack_byte(machine->terms, state, want->stack[i].offset);

		if (!bytes_equal(want->stack[i].byte, byte))
			return machine_fail(machine, "leaves a wrong byte on the stack");
	}
	return true;
}

static bool site_finish(struct machine *machine, const struct machine_state *state,
                        enum machine_exit exit, uint32_t target)
{
	struct site_run *run = machine->owner;
	uint8_t action = run->verifier->calls[run->effect->call->number].action;

	(void)target;
	if (exit == MACHINE_STOPPED)
		return true;
	if (exit != MACHINE_END)
		return machine_fail(machine, "goes elsewhere");
	run->flows_on = true;
	if (action != ROM_ACTION_NOP && state->calls != 1)
		return machine_fail(machine, "does not call the ROM");
	if (action == ROM_ACTION_NOP && !run->effect->call->returns)
		return machine_fail(machine, "goes on where the instruction does not");
	return check_registers(machine, state) && check_flags(machine, state) &&
	       check_stores(machine, state) && check_stack(machine, state);
}

/* --- the run ---------------------------------------------------------------------------------- */

#define STARTS_LIMIT 4096 /* bytes of a stretch whose instructions are noted */

/* Origins name instructions; a fault is of the one that is running. */
static void check_origins(struct verifier *verifier, const struct machine *machine)
{
	for (size_t i = verify_first_origin(verifier, machine->start + 1);
	     i < verifier->origin_count && verifier->origins[i].springboard < machine->reached;
	     i++) {
		uint32_t bit = verifier->origins[i].springboard - machine->start;

		if (bit < STARTS_LIMIT && !(machine->starts[bit / 64] >> (bit % 64) & 1))
			verify_find(verifier, VERIFY_ORIGIN, verifier->origins[i].springboard,
			            "the origin is not an instruction's first byte");
	}
}

void verify_run(struct verifier *verifier, struct machine *machine,
                const struct machine_state *state, struct verify_stretch *stretch, const char *what,
                uint32_t address)
{
	struct origin_watch watch = {verifier};
	uint64_t starts[STARTS_LIMIT / 64] = {0};

	machine->observe = verify_origin_observe;
	/* cppcheck-suppress autoVariables ; taken back below */
	machine->watch = &watch;
	machine->code = stretch->bytes;
	machine->start = stretch->begin;
	machine->end = stretch->end;
	machine->starts = stretch->end - stretch->begin <= STARTS_LIMIT ? starts : NULL;
	if (!machine_run(machine, state))
		verify_find(verifier, VERIFY_SPRINGBOARD, machine->reason_address,
		            "the code for %s at 0x%08x %s", what, address, machine->reason);
	else if (machine->starts)
		check_origins(verifier, machine);
	machine->watch = NULL;
	machine->starts = NULL;
	stretch->reached = machine->reached;
}

static void run_site(struct verifier *verifier, uint32_t address, struct site_run *run,
                     struct verify_stretch *stretch)
{
	struct machine machine = {
	    .terms = &verifier->terms,
	    .owner = run,
	    .step = site_step,
	    .finish = site_finish,
	};

	verify_run(verifier, &machine, run->start, stretch, run->effect->call->name, address);
	stretch->flows_on = run->flows_on;
	/* Behind a call that does not return the ROM finds its site; nothing runs there. */
	if (stretch->end - stretch->reached >= 2 &&
	    !memcmp(stretch->bytes + (stretch->reached - stretch->begin), "\x0f\x0b", 2))
		stretch->reached += 2;
}

static void start(struct verifier *verifier, struct machine_state *state)
{
	term_table_clear(&verifier->terms);
	machine_start(&verifier->terms, state);
}

static void cannot_say(struct verifier *verifier, uint32_t address,
                       const struct site_effect *effect)
{
	verify_find(verifier, VERIFY_SPRINGBOARD, address, "what it should do cannot be said: %s",
	            effect->reason);
}

/*
 * What a fault must find: what the code there may read, and what the instruction itself reads, as
 * it may begin again. lss may have loaded its register already.
 */
static uint32_t needed_by_fault(const struct verify_original *site, uint32_t live)
{
	const struct instruction *instruction = &site->instruction;
	uint32_t needed = live;

	if (site->form == FORM_LSS_REGISTER)
		return needed & ~(UINT32_C(1) << (instruction->modrm >> 3 & 7));
	if (machine_has_memory_operand(instruction))
		needed |= instruction_address_registers(instruction);
	else if (instruction->has_modrm)
		needed |= UINT32_C(1) << (instruction->modrm & 7);
	if (instruction->map == OPCODE_MAP_ONE_BYTE &&
	    (instruction->opcode == OPCODE_STORE || instruction->opcode == OPCODE_EXCHANGE))
		needed |= UINT32_C(1) << (instruction->modrm >> 3 & 7);
	return needed;
}

void verify_site_code(struct verifier *verifier, const struct verify_original *site,
                      struct verify_stretch *stretch, uint32_t live)
{
	struct machine_state state;
	struct site_effect effect;
	struct site_run run = {verifier, &effect, &state, live, 0, false, false};

	run.needed = needed_by_fault(site, live);
	start(verifier, &state);
	if (site_effect(&verifier->terms, &state, site->form, &site->instruction, site->bytes,
	                site->address, &effect))
		run_site(verifier, site->address, &run, stretch);
	else
		cannot_say(verifier, site->address, &effect);
}

void verify_plain_call(struct verifier *verifier, uint32_t address, uint16_t call, bool jump,
                       struct verify_stretch *stretch, uint32_t live)
{
	struct machine_state state;
	struct site_effect effect;
	struct site_run run = {verifier, &effect, &state, live, 0, jump, false};

	start(verifier, &state);
	if (!plain_call_effect(&state, call, &effect)) {
		cannot_say(verifier, address, &effect);
		return;
	}
	if (jump && (verifier->calls[call].clobbers & live))
		verify_find(verifier, VERIFY_SPRINGBOARD, stretch->begin,
		            "what the jump to %s clobbers is needed", effect.call->name);
	run_site(verifier, address, &run, stretch);
}

void verify_stack_load(struct verifier *verifier, const struct verify_original *site,
                       const struct verify_original *load, struct verify_stretch *stretch)
{
	struct machine_state state;
	struct site_effect effect;
	struct site_run run = {verifier, &effect, &state, VERIFY_ALL_LIVE, 0, false, false};

	start(verifier, &state);
	if (stack_load_effect(&verifier->terms, &state, site->form, &site->instruction, site->bytes,
	                      &load->instruction, load->bytes, &effect))
		run_site(verifier, site->address, &run, stretch);
	else
		cannot_say(verifier, site->address, &effect);
}

void verify_entry_pair(struct verifier *verifier, const struct verify_original *high,
                       const struct verify_original *low, struct verify_stretch *stretch,
                       uint32_t live)
{
	struct machine_state state;
	struct site_effect effect;
	uint32_t needed = needed_by_fault(high, live) | needed_by_fault(low, live);
	struct site_run run = {verifier, &effect, &state, live, needed, false, false};

	start(verifier, &state);
	if (entry_pair_effect(&verifier->terms, &state, &high->instruction, high->bytes,
	                      &low->instruction, low->bytes, &effect))
		run_site(verifier, high->address, &run, stretch);
	else
		cannot_say(verifier, high->address, &effect);
}
