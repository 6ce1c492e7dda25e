/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The symbolic processor of `postburn verify` against a real one (Unicorn): random code is run on
 * terms, the terms are worked out for random registers, flags and memory, and must be what the real
 * run has in registers, flags and memory. What the processor refuses, or does not know, is no
 * mistake; how often that happens is bounded.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unicorn/unicorn.h>

#include "patcher/verify/verify_machine.h"

#define PROGRAMS     20000
#define INSTRUCTIONS 12
#define CODE         0x100000
#define STACK        0x200000 /* ESP in its middle */
#define DATA         0x300000 /* all other registers point somewhere there */
#define REGION       0x10000
#define KNOWN_FLAGS  0x8d5 /* CF PF AF ZF SF OF */

/* --- a random machine ------------------------------------------------------------------------- */

static uint64_t random_state = 1;

static uint32_t below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % limit;
}

struct concrete {
	uint32_t registers[8], flags;
	uint8_t stack[REGION], data[REGION];
};

static struct concrete initial, final;

static void make_initial(void)
{
	for (unsigned int i = 0; i < 8; i++)
		initial.registers[i] = DATA + 0x4000 + below(0x8000);
	initial.registers[MACHINE_ESP] = STACK + REGION / 2;
	initial.flags = 2 | (below(0x10000) & KNOWN_FLAGS);
	for (unsigned int i = 0; i < REGION; i++) {
		initial.stack[i] = (uint8_t)below(256);
		initial.data[i] = (uint8_t)below(256);
	}
}

/* --- random code ------------------------------------------------------------------------------ */

struct program {
	uint8_t bytes[INSTRUCTIONS * INSTRUCTION_MAX_LENGTH];
	unsigned int size;
};

static void emit(struct program *program, unsigned int count, ...)
{
	va_list bytes;

	va_start(bytes, count);
	for (unsigned int i = 0; i < count; i++)
		program->bytes[program->size++] = (uint8_t)va_arg(bytes, int);
	va_end(bytes);
}

static void emit_word(struct program *program, uint32_t word, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		program->bytes[program->size++] = (uint8_t)(word >> (8 * i));
}

/* ModRM, SIB and displacement of a memory operand; reg is ModRM.reg. */
static void emit_operand(struct program *program, unsigned int reg)
{
	unsigned int base = below(8);

	switch (below(5)) {
	case 0: /* d8(%esp) */
	case 1: emit(program, 3, 0x44 | (int)reg << 3, 0x24, (int)(4 * below(5))); return;
	case 2: /* d8(%reg) */
		if (base == MACHINE_ESP)
			base = MACHINE_EBX;
		emit(program, 2, 0x40 | (int)(reg << 3 | base), (int)below(256));
		return;
	case 3: /* d32(%reg, %reg, scale): out of the regions as a rule, for lea */
		emit(program, 2, 0x84 | (int)reg << 3, (int)below(256));
		emit_word(program, below(100000), 4);
		return;
	default: /* absolute */
		emit(program, 1, 0x05 | (int)reg << 3);
		emit_word(program, DATA + below(REGION - 8), 4);
	}
}

static unsigned int any_register(void)
{
	unsigned int number = below(8);

	return number == MACHINE_ESP && below(4) ? MACHINE_ECX : number;
}

/* test $-1, of a byte, word or doubleword in memory or a register. */
static void emit_test(struct program *program)
{
	unsigned int size = 1U << below(3);

	if (size == 2)
		emit(program, 1, 0x66);
	emit(program, 1, size == 1 ? 0xf6 : 0xf7);
	if (below(2))
		emit_operand(program, 0);
	else
		emit(program, 1, 0xc0 | (int)below(8));
	emit_word(program, UINT32_MAX, size);
}

static void emit_flags_code(struct program *program)
{
	switch (below(7)) {
	case 4: emit(program, 2, 0xf7, 0xd8 | (int)any_register()); break; /* neg */
	case 5: emit_test(program); break;
	case 0: emit(program, 1, 0x9f); break;                             /* lahf */
	case 1: emit(program, 1, 0x9e); break;                             /* sahf */
	case 2: emit(program, 3, 0x0f, 0x90, 0xc0 | (int)below(8)); break; /* seto */
	default: emit(program, 5, 0x0f, 0x90, 0xc0, 0x04, 0x7f); break;    /* seto, add */
	}
}

static void emit_stack_code(struct program *program)
{
	bool half = below(4) == 0;

	switch (below(7)) {
	case 0:
	case 1:
		if (half)
			emit(program, 1, 0x66);
		emit(program, 1, 0x50 | (int)below(8));
		break;
	case 2:
		if (half)
			emit(program, 1, 0x66);
		emit(program, 1, 0x58 | (int)any_register());
		break;
	case 3: emit(program, 2, 0x6a, (int)below(256)); break;
	case 4:
		if (half)
			emit(program, 1, 0x66);
		emit(program, 1, 0x68);
		emit_word(program, below(1U << 31), half ? 2 : 4);
		break;
	case 5:
		if (half)
			emit(program, 1, 0x66);
		emit(program, 1, 0xff);
		emit_operand(program, 6);
		break;
	default:
		if (half)
			emit(program, 1, 0x66);
		emit(program, 1, 0x8f);
		emit_operand(program, 0);
	}
}

static void emit_move_code(struct program *program)
{
	static const uint8_t moves[] = {0x88, 0x89, 0x8a, 0x8b};
	uint8_t opcode = moves[below(sizeof(moves))];

	switch (below(7)) {
	case 0: emit(program, 2, opcode, 0xc0 | (int)(any_register() << 3 | any_register())); break;
	case 1:
	case 2:
		if (below(4) == 0)
			emit(program, 1, 0x66);
		emit(program, 1, opcode);
		emit_operand(program, any_register());
		break;
	case 3:
		emit(program, 1, 0x8d);
		emit_operand(program, any_register());
		break;
	case 4:
		emit(program, 1, 0xb8 | (int)any_register());
		emit_word(program, DATA + below(REGION), 4);
		break;
	case 5:
		emit(program, 3, 0x0f, 0xb6 | (int)below(2),
		     0xc0 | (int)(any_register() << 3 | below(8)));
		break;
	default:
		emit(program, 2, 0x0f, 0xb6 | (int)below(2));
		emit_operand(program, any_register());
	}
}

static void make_program(struct program *program)
{
	unsigned int count = 1 + below(INSTRUCTIONS - 1);

	program->size = 0;
	for (unsigned int i = 0; i < count; i++) {
		switch (below(4)) {
		case 0: emit_flags_code(program); break;
		case 1: emit_stack_code(program); break;
		case 2: emit(program, 4, 0x8d, 0x64, 0x24, (int)(4 * below(4))); break; /* lea */
		default: emit_move_code(program);
		}
	}
}

/* --- the real run ----------------------------------------------------------------------------- */

static const int unicorn_registers[8] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX,
                                         UC_X86_REG_EBX, UC_X86_REG_ESP, UC_X86_REG_EBP,
                                         UC_X86_REG_ESI, UC_X86_REG_EDI};

static uc_engine *unicorn;

static int open_unicorn(void **state)
{
	(void)state;
	return uc_open(UC_ARCH_X86, UC_MODE_32, &unicorn) ||
	       uc_mem_map(unicorn, CODE, 0x1000, UC_PROT_ALL) ||
	       uc_mem_map(unicorn, STACK, REGION, UC_PROT_ALL) ||
	       uc_mem_map(unicorn, DATA, REGION, UC_PROT_ALL);
}

static int close_unicorn(void **state)
{
	(void)state;
	return uc_close(unicorn);
}

/* false if the code faults: it went out of the regions. */
static bool run_for_real(const struct program *program)
{
	assert_int_equal(uc_mem_write(unicorn, CODE, program->bytes, program->size), 0);
	assert_int_equal(uc_ctl_remove_cache(unicorn, CODE, CODE + 0x1000), 0);
	uc_mem_write(unicorn, STACK, initial.stack, REGION);
	uc_mem_write(unicorn, DATA, initial.data, REGION);
	for (unsigned int i = 0; i < 8; i++)
		uc_reg_write(unicorn, unicorn_registers[i], &initial.registers[i]);
	uc_reg_write(unicorn, UC_X86_REG_EFLAGS, &initial.flags);
	if (uc_emu_start(unicorn, CODE, CODE + program->size, 0, 0) != UC_ERR_OK)
		return false;
	for (unsigned int i = 0; i < 8; i++)
		uc_reg_read(unicorn, unicorn_registers[i], &final.registers[i]);
	uc_reg_read(unicorn, UC_X86_REG_EFLAGS, &final.flags);
	uc_mem_read(unicorn, STACK, final.stack, REGION);
	uc_mem_read(unicorn, DATA, final.data, REGION);
	return true;
}

/* --- what terms stand for --------------------------------------------------------------------- */

struct evaluation {
	const struct term_table *terms;
	const struct machine_state *state;
	bool unknown; /* something does not follow from the start */
};

static uint32_t evaluate(struct evaluation *evaluation, term_number number);

static uint8_t evaluate_byte(struct evaluation *evaluation, struct value_byte byte)
{
	return (uint8_t)(evaluate(evaluation, byte.term) >> (8 * byte.index));
}

static uint8_t initial_byte(struct evaluation *evaluation, uint32_t address)
{
	if (address - STACK < REGION)
		return initial.stack[address - STACK];
	if (address - DATA < REGION)
		return initial.data[address - DATA];
	evaluation->unknown = true;
	return 0;
}

/* A byte of memory after the first stores, as many as version says. */
static uint8_t evaluate_memory(struct evaluation *evaluation, uint32_t address, uint32_t version)
{
	for (uint32_t i = version; i-- > 0;) {
		const struct machine_store *store = &evaluation->state->stores[i];
		uint32_t offset = address - evaluate(evaluation, store->address);

		if (offset < store->size)
			return evaluate_byte(evaluation, store->value.bytes[offset]);
	}
	return initial_byte(evaluation, address);
}

static uint32_t evaluate_flag(uint32_t flag)
{
	static const uint32_t masks[MACHINE_FLAGS] = {
	    [MACHINE_SF] = 0x80, [MACHINE_ZF] = 0x40, [MACHINE_AF] = 0x10,
	    [MACHINE_PF] = 0x04, [MACHINE_CF] = 0x01, [MACHINE_OF] = 0x800};

	return (initial.flags & masks[flag]) != 0;
}

/* SF, ZF or PF of a result of size bytes. */
static uint32_t logic_flag(uint32_t flag, uint32_t result, uint32_t size)
{
	switch (flag) {
	case MACHINE_SF: return result >> (8 * size - 1) & 1;
	case MACHINE_ZF: return result == 0;
	default: return !(__builtin_popcount(result & 0xff) & 1);
	}
}

static uint32_t evaluate(struct evaluation *evaluation, term_number number)
{
	static const uint8_t lahf_bits[5] = {0x80, 0x40, 0x10, 0x04, 0x01};
	const struct term *term = &evaluation->terms->terms[number];
	uint32_t result = 0;

	switch ((enum term_kind)term->kind) {
	case TERM_CONSTANT: return term->operands[0];
	case TERM_REGISTER: return initial.registers[term->operands[0]];
	case TERM_FLAG: return evaluate_flag(term->operands[0]);
	case TERM_STACK:
		return initial_byte(evaluation, initial.registers[MACHINE_ESP] + term->operands[0]);
	case TERM_MEMORY:
		return evaluate_memory(evaluation,
		                       evaluate(evaluation, (term_number)term->operands[1]),
		                       term->operands[2]);
	case TERM_SUM:
		result = term->operands[0];
		for (unsigned int i = 0; i < 3; i++)
			if (term->operands[2 + 2 * i])
				result +=
				    term->operands[2 + 2 * i] *
				    evaluate(evaluation, (term_number)term->operands[1 + 2 * i]);
		return result;
	case TERM_BYTES:
		for (unsigned int i = 0; i < 4; i++)
			result |=
			    (uint32_t)evaluate_byte(
				evaluation, (struct value_byte){(term_number)term->operands[2 * i],
			                                        (uint8_t)term->operands[2 * i + 1]})
			    << (8 * i);
		return result;
	case TERM_NONZERO: return evaluate(evaluation, (term_number)term->operands[0]) != 0;
	case TERM_LOGIC:
		return logic_flag(term->operands[0],
		                  evaluate(evaluation, (term_number)term->operands[1]),
		                  term->operands[2]);
	case TERM_LAHF:
		result = 0x02;
		for (unsigned int i = 0; i < 5; i++)
			if (evaluate(evaluation, (term_number)term->operands[i]))
				result |= lahf_bits[i];
		return result;
	case TERM_FLAG_BYTE: return evaluate(evaluation, (term_number)term->operands[0]) != 0;
	default: evaluation->unknown = true; return 0;
	}
}

/* --- the comparison --------------------------------------------------------------------------- */

static bool finished;
static struct machine_state reached;

static enum machine_owner_answer no_step(struct machine *machine, struct machine_state *state,
                                         struct machine_step *step)
{
	(void)machine;
	(void)state;
	(void)step;
	return OWNER_NO;
}

static bool take_end(struct machine *machine, const struct machine_state *state,
                     enum machine_exit exit, uint32_t target)
{
	(void)machine;
	(void)target;
	finished = exit == MACHINE_END;
	reached = *state;
	return true;
}

static struct term_table terms;

static bool run_on_terms(const struct program *program)
{
	struct machine_state start;
	struct machine machine = {.terms = &terms,
	                          .code = program->bytes,
	                          .start = CODE,
	                          .end = CODE + program->size,
	                          .step = no_step,
	                          .finish = take_end};

	term_table_clear(&terms);
	machine_start(&terms, &start);
	finished = false;
	return machine_run(&machine, &start) && finished;
}

static void print_program(const struct program *program)
{
	print_message("# code:");
	for (unsigned int i = 0; i < program->size; i++)
		print_message(" %02x", program->bytes[i]);
	print_message("\n");
}

/* The number of registers, flags and bytes that are known. */
static unsigned int compare(const struct program *program)
{
	static const uint32_t masks[MACHINE_FLAGS] = {0x80, 0x40, 0x10, 0x04, 0x01, 0x800};
	struct evaluation evaluation = {.terms = &terms, .state = &reached};
	unsigned int known = 0;

	for (unsigned int i = 0; i < 8; i++) {
		uint32_t value = evaluate(&evaluation, value_term(&terms, &reached.registers[i]));

		if (!evaluation.unknown && value != final.registers[i])
			print_program(program);
		if (!evaluation.unknown)
			assert_int_equal(value, final.registers[i]);
		known += !evaluation.unknown;
		evaluation.unknown = false;
	}
	for (unsigned int i = 0; i < MACHINE_FLAGS; i++) {
		uint32_t value = evaluate(&evaluation, reached.flags[i]);

		if (!evaluation.unknown && (value != 0) != ((final.flags & masks[i]) != 0))
			print_program(program);
		if (!evaluation.unknown)
			assert_int_equal(value != 0, (final.flags & masks[i]) != 0);
		known += !evaluation.unknown;
		evaluation.unknown = false;
	}
	return known;
}

/* The stack from the last ESP on, as terms have it; all other memory. */
static void compare_memory(const struct program *program)
{
	struct evaluation evaluation = {.terms = &terms, .state = &reached};
	term_number esp = value_term(&terms, &reached.registers[MACHINE_ESP]);
	int32_t first;

	if (!term_is_register_offset(&terms, esp, MACHINE_ESP, &first))
		first = 64; /* then nobody knows what of the stack still counts */
	for (uint32_t at = REGION / 2 + (uint32_t)first; at < REGION / 2 + 64; at++) {
		int32_t offset = (int32_t)(STACK + at - initial.registers[MACHINE_ESP]);
		uint8_t value =
		    evaluate_byte(&evaluation, machine_stack_byte(&terms, &reached, offset));

		if (!evaluation.unknown && value != final.stack[at])
			print_program(program);
		if (!evaluation.unknown)
			assert_int_equal(value, final.stack[at]);
		evaluation.unknown = false;
	}
	for (uint32_t at = 0; at < REGION; at++) {
		uint8_t value = evaluate_memory(&evaluation, DATA + at, reached.store_count);

		if (!evaluation.unknown && value != final.data[at])
			print_program(program);
		if (!evaluation.unknown)
			assert_int_equal(value, final.data[at]);
		evaluation.unknown = false;
	}
}

static void test_random_code(void **state)
{
	unsigned int run = 0, refused = 0;
	unsigned long known = 0;

	(void)state;
	make_initial();
	for (unsigned int i = 0; i < PROGRAMS; i++) {
		struct program program;

		make_program(&program);
		if (!run_on_terms(&program)) {
			refused++;
			continue;
		}
		if (!run_for_real(&program))
			continue;
		/* A store to the stack through a register is not the machine's to see. */
		run++;
		known += compare(&program);
		if (i % 16 == 0)
			compare_memory(&program);
	}
	print_message("# %u programs: %u compared, %u refused; %lu registers and flags known\n",
	              PROGRAMS, run, refused, known);
	assert_true(run > PROGRAMS / 5);
	assert_true(known > (unsigned long)run * 9);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void refuse(const char *hexadecimal, const char *reason)
{
	struct program program = {.size = (unsigned int)strlen(hexadecimal) / 2};
	struct machine_state start;
	struct machine machine = {.terms = &terms,
	                          .code = program.bytes,
	                          .start = CODE,
	                          .step = no_step,
	                          .finish = take_end};

	for (unsigned int i = 0; i < program.size; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hexadecimal + 2 * i, "%2x", &byte), 1);
		program.bytes[i] = (uint8_t)byte;
	}
	machine.end = CODE + program.size;
	term_table_clear(&terms);
	machine_start(&terms, &start);
	if (machine_run(&machine, &start))
		fail_msg("%s is not refused: %s", hexadecimal, reason);
	assert_string_equal(machine.reason, reason);
}

static void test_refusals(void **state)
{
	(void)state;
	refuse("8b4424fc", "reads below ESP");             /* mov -4(%esp), %eax */
	refuse("508b44240059ff7424fc", "reads below ESP"); /* push, mov, pop, push -4(%esp) */
	refuse("894424fc", "writes below ESP");            /* mov %eax, -4(%esp) */
	refuse("ebfe", "does not end");                    /* jmp . */
	refuse("f7d0", "is an instruction that no springboard needs");   /* not %eax */
	refuse("f6d8", "is an instruction that no springboard needs");   /* neg %al */
	refuse("f718", "is an instruction that no springboard needs");   /* neg (%eax) */
	refuse("f600fe", "is an instruction that no springboard needs"); /* testb $-2, (%eax) */
	refuse("f058", "is no instruction");                             /* lock pop */
	refuse("f390", "is an instruction that no springboard needs");   /* pause */
	refuse("e810000000", "calls what is no slot of the ROM");
	refuse("89c450", "uses the stack while ESP is not known"); /* mov %eax, %esp; push */
	refuse("8d4424083e8b00", "reads the stack through another segment than SS");
	refuse("8d4424083e8900", "writes the stack through another segment than SS");
	refuse("750074007600", "is an instruction that no springboard needs"); /* jbe */
	refuse("75007000", "branches more often than is looked at");
	refuse("0f", "is no instruction");
}

/* Both ways of a branch are taken, and the flag is known on each. */
static unsigned int paths;

static bool count_path(struct machine *machine, const struct machine_state *state,
                       enum machine_exit exit, uint32_t target)
{
	(void)machine;
	(void)target;
	assert_true(state->has_assumption);
	assert_int_equal(exit, MACHINE_END);
	paths |= state->assumption ? 1 : 2;
	return true;
}

static void test_branches(void **state)
{
	static const uint8_t code[] = {0x75, 0x01, 0x50, 0x74, 0x01, 0x90};
	struct machine_state start;
	struct machine machine = {.terms = &terms,
	                          .code = code,
	                          .start = CODE,
	                          .end = CODE + sizeof(code),
	                          .step = no_step,
	                          .finish = count_path};

	(void)state;
	term_table_clear(&terms);
	machine_start(&terms, &start);
	assert_true(machine_run(&machine, &start));
	assert_int_equal(paths, 3);
	assert_int_equal(machine.reached, CODE + sizeof(code));
}

/* --- terms ------------------------------------------------------------------------------------ */

static void test_equal_terms(void **state)
{
	term_number eax, ecx, sum;
	struct value value;
	int32_t offset;

	(void)state;
	term_table_clear(&terms);
	eax = term_make(&terms, TERM_REGISTER, MACHINE_EAX, 0, 0);
	ecx = term_make(&terms, TERM_REGISTER, MACHINE_ECX, 0, 0);
	sum = term_add_constant(&terms, term_add(&terms, eax, ecx, 4), 12);
	assert_int_equal(sum, term_add(&terms, term_add_constant(&terms, eax, 12), ecx, 4));
	assert_int_equal(eax,
	                 term_add_constant(&terms, term_add(&terms, sum, ecx, 0u - 4), 0u - 12));
	assert_int_not_equal(term_unknown(&terms), term_unknown(&terms));
	assert_true(term_is_register_offset(&terms, term_add_constant(&terms, eax, 8), MACHINE_EAX,
	                                    &offset));
	assert_int_equal(offset, 8);
	assert_false(term_is_register_offset(&terms, sum, MACHINE_EAX, &offset));
	value = value_of_term(&terms, eax);
	assert_int_equal(value_term(&terms, &value), eax);
	value.bytes[1] = byte_constant(&terms, 7);
	assert_int_not_equal(value_term(&terms, &value), eax);
	value = value_of_constant(&terms, 0x12345678);
	assert_int_equal(value_term(&terms, &value), term_constant(&terms, 0x12345678));
}

static void test_full_table(void **state)
{
	(void)state;
	term_table_clear(&terms);
	for (unsigned int i = 0; i < 2 * TERM_LIMIT; i++)
		term_constant(&terms, i);
	assert_true(terms.full);
	term_table_clear(&terms);
	assert_false(terms.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_code), cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_branches),    cmocka_unit_test(test_equal_terms),
	    cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests_name("verify_machine", tests, open_unicorn, close_unicorn);
}
