/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the differential tests must notice: decoders that are wrong on purpose, and tables that are.
 */
#include "tests/differential/enumerate.h"
#include "tests/differential/program.h"
#include "tests/differential/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- decoders that are wrong ------------------------------------------------------------------ */

static enum decode_status longer_nop(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                     struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_OK && instruction->map == 0 && instruction->opcode == 0x90)
		instruction->length++;
	return status;
}

static enum decode_status no_cpuid(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                   struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_OK && instruction->map == 1 && instruction->opcode == 0xa2)
		return DECODE_UNDEFINED;
	return status;
}

static enum decode_status mov_to_cs(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                    struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (bytes[0] == 0x8e && size > 1 && bytes[1] == 0xc8) {
		instruction->length = 2;
		return DECODE_OK;
	}
	return status;
}

static enum decode_status lock_anywhere(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                        struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_UNDEFINED && bytes[0] == 0xf0) {
		status = decode_instruction(bytes + 1, size - 1, mode, instruction);
		instruction->length++;
	}
	return status;
}

static enum decode_status forgets_66(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                     struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_OK && instruction->immediate_size == 2 &&
	    (instruction->prefixes & PREFIX_OPERAND_SIZE))
		instruction->length += 2;
	return status;
}

static enum decode_status wrong_place(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                      struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_OK && instruction->displacement_size == 4)
		instruction->displacement_offset++;
	return status;
}

static enum decode_status accepts_cut(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                      struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	return status == DECODE_TRUNCATED ? DECODE_OK : status;
}

static enum decode_status wants_more(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                     struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_OK && size == instruction->length)
		return DECODE_TRUNCATED;
	return status;
}

static enum decode_status sixteen_bytes(const uint8_t *bytes, size_t size, enum disasm_mode mode,
                                        struct instruction *instruction)
{
	enum decode_status status = decode_instruction(bytes, size, mode, instruction);

	if (status == DECODE_TOO_LONG) {
		instruction->length = 16;
		return DECODE_OK;
	}
	return status;
}

/* Each with a unit of the enumeration where it is wrong. */
static const struct {
	const char *name;
	decode_function *decode;
	enum disasm_mode mode;
	unsigned map; /* legacy */
	unsigned opcode;
} mutants[] = {
    {"a byte too long", longer_nop, DISASM_MODE_32, 0, 0x90},
    {"an instruction missing", no_cpuid, DISASM_MODE_64, 1, 0xa2},
    {"an instruction too many", mov_to_cs, DISASM_MODE_16, 0, 0x8e},
    {"LOCK before anything", lock_anywhere, DISASM_MODE_32, 1, 0xaf},
    {"66 without effect", forgets_66, DISASM_MODE_32, 0, 0x05},
    {"a displacement elsewhere", wrong_place, DISASM_MODE_64, 0, 0x8b},
    {"accepts what is cut off", accepts_cut, DISASM_MODE_32, 0, 0x81},
    {"reads past the end", wants_more, DISASM_MODE_32, 0, 0x90},
    {"more than 15 bytes", sixteen_bytes, DISASM_MODE_64, 0, 0x81},
};

/* --- running them ----------------------------------------------------------------------------- */

/* How many of report_findings()'s points fail, its output thrown away. */
static unsigned failures(const struct difference_table *table, const struct findings *findings,
                         unsigned complete)
{
	struct report quiet = {0};
	int output, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(stdout);
	output = dup(STDOUT_FILENO);
	dup2(nowhere, STDOUT_FILENO);
	report_findings(&quiet, table, findings, complete);
	fflush(stdout);
	dup2(output, STDOUT_FILENO);
	close(output);
	close(nowhere);
	return quiet.failed;
}

/* One unit of the enumeration, compared with the table; how many points fail. */
static unsigned run(struct comparison *comparison, decode_function *decode, enum disasm_mode mode,
                    unsigned map, unsigned opcode, unsigned complete)
{
	struct enumeration_options options = {0};
	unsigned failed;

	comparison->decode = decode;
	comparison->findings = findings_create(comparison->table);
	if (!comparison->findings)
		return 0;
	enumerate_unit(comparison, mode * (enumeration_unit_count / 3) + map * 256 + opcode,
	               &options);
	failed = failures(comparison->table, comparison->findings, complete);
	findings_free(comparison->findings, comparison->table);
	return failed;
}

static void test_mutants(struct report *report, struct comparison *comparison)
{
	for (size_t i = 0; i < sizeof(mutants) / sizeof(*mutants); i++) {
		report_point(report,
		             run(comparison, decode_instruction, mutants[i].mode, mutants[i].map,
		                 mutants[i].opcode, 0) == 0,
		             "the decoder itself passes where '%s' is tried", mutants[i].name);
		report_point(report,
		             run(comparison, mutants[i].decode, mutants[i].mode, mutants[i].map,
		                 mutants[i].opcode, 0) > 0,
		             "noticed: %s", mutants[i].name);
	}
}

/* Each single decoder must see a wrong length: none is deaf. */
static void test_each_oracle(struct report *report, struct comparison *comparison)
{
	for (int oracle = 0; oracle < ORACLE_COUNT; oracle++) {
		comparison->oracle_mask = 1u << oracle;
		report_point(report, run(comparison, longer_nop, DISASM_MODE_32, 0, 0x90, 0) > 0,
		             "noticed by %s alone", oracle_name((enum oracle)oracle));
	}
	comparison->oracle_mask = ALL_ORACLES;
}

/* Lines about opcode d6 in 32-bit mode, which objdump rejects. */
static void test_tables(struct report *report, struct comparison *comparison)
{
	static const struct {
		const char *name, *text;
		unsigned failed;
	} tables[] = {
	    {"a true line", "objdump rejects opcode=d6 map=0 ; ours ; SDM a ; b\n", 0},
	    {"no line", "", 1},
	    {"a line too broad", "objdump rejects mode=32,64 ; ours ; SDM a ; b\n", 0},
	    {"a line that is contradicted",
	     "objdump rejects opcode=d6 map=0 ; ours ; SDM a ; b\n"
	     "objdump longer opcode=d6 map=0 lock=0 ; ours ; SDM a ; b\n"
	     "zydis rejects opcode=d6 map=0 ; ours ; SDM a ; b\n",
	     2},
	    {"a line that covers nothing",
	     "objdump rejects opcode=d6 map=0 ; ours ; SDM a ; b\n"
	     "objdump rejects opcode=d7 map=0 ; ours ; SDM a ; b\n",
	     1},
	    {"a line that hedges without need",
	     "objdump sometimes rejects opcode=d6 map=0 ; ours ; SDM a ; b\n", 1},
	};
	const struct difference_table *all = comparison->table;

	comparison->oracle_mask = 1u << ORACLE_OBJDUMP | 1u << ORACLE_ZYDIS;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		char error[1024], text[1024];
		struct difference_table table;
		unsigned failed;

		snprintf(text, sizeof(text), "%s%s", tables[i].text,
		         "objdump accepts lock=1 without=lock ; ours ; SDM a ; b\n");
		if (!difference_table_parse("T", text, &table, error, sizeof(error))) {
			report_point(report, false, "%s", error);
			continue;
		}
		comparison->table = &table;
		failed = run(comparison, decode_instruction, DISASM_MODE_32, 0, 0xd6,
		             comparison->oracle_mask);
		/* The line on LOCK covers nothing here, which is a failure more. */
		report_point(report, failed >= tables[i].failed, "%s: %u points fail",
		             tables[i].name, failed);
		difference_table_free(&table);
	}
	comparison->table = all;
	comparison->oracle_mask = ALL_ORACLES;
}

int main(void)
{
	struct report report = {0};
	struct program program;

	if (!program_open(&program))
		return EXIT_FAILURE;
	findings_free(program.comparison.findings, &program.table);
	program.comparison.oracles = oracles_open();
	if (report_point(&report, program.comparison.oracles != NULL, "the decoders open")) {
		test_mutants(&report, &program.comparison);
		test_each_oracle(&report, &program.comparison);
		test_tables(&report, &program.comparison);
	}
	oracles_close(program.comparison.oracles);
	difference_table_free(&program.table);
	return report_end(&report);
}
