/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_PROGRAM_H
#define TESTS_DIFFERENTIAL_PROGRAM_H

/*
 * What the differential test programs share: options, the table, the workers.
 *
 *   --count=N       random strings (random tests)
 *   --seed=N        the random strings' seed
 *   --thorough      the enumeration without its choice of ModRM bytes
 *   --decoder=NAME  compare with this one only
 *   --survey        print all unlisted differences, a line a group, and no TAP
 */

#include "tests/differential/workers.h"

struct program_options {
	uint64_t count;
	uint64_t seed;
	bool thorough;
	bool survey;
	unsigned oracle_mask; /* as in struct comparison; 0: all */
};

/* Reads the options into *options, which holds the defaults; ends the program on a wrong one. */
void program_read_options(int argument_count, char **arguments, struct program_options *options);

/* The table, findings and a comparison with decode_instruction(). */
struct program {
	struct difference_table table;
	struct comparison comparison;
};

/* Reads the table from DIFFERENCES_FILE; false after a TAP line that says what is wrong. */
bool program_open(struct program *program);
void program_close(struct program *program);

/*
 * Runs the work with decode_instruction() against all decoders and reports what was found;
 * complete as in report_findings(). Returns the exit status.
 */
int program_run(const struct program_options *options, work_function *work, const void *argument,
                uint64_t unit_count, bool complete);

/* The random test with count strings unless the options say otherwise; complete with options. */
int random_main(int argument_count, char **arguments, uint64_t count);

#endif
