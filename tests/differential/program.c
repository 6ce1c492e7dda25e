/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/program.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/differential/report.h"

static uint64_t number_of(const char *text)
{
	char *end;
	unsigned long long number = strtoull(text, &end, 0);

	if (end == text || *end) {
		fprintf(stderr, "not a number: %s\n", text);
		exit(EXIT_FAILURE);
	}
	return number;
}

static unsigned oracle_bit(const char *name)
{
	for (int oracle = 0; oracle < ORACLE_COUNT; oracle++) {
		if (!strcmp(name, oracle_name((enum oracle)oracle)))
			return 1u << oracle;
	}
	fprintf(stderr, "unknown decoder '%s': one of zydis, capstone, objdump\n", name);
	exit(EXIT_FAILURE);
}

void program_read_options(int argument_count, char **arguments, struct program_options *options)
{
	static const struct option known[] = {
	    {"count", required_argument, NULL, 'c'},   {"seed", required_argument, NULL, 's'},
	    {"thorough", no_argument, NULL, 't'},      {"survey", no_argument, NULL, 'v'},
	    {"decoder", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argument_count, arguments, "", known, NULL)) != -1) {
		switch (option) {
		case 'c': options->count = number_of(optarg); break;
		case 's': options->seed = number_of(optarg); break;
		case 't': options->thorough = true; break;
		case 'd': options->oracle_mask |= oracle_bit(optarg); break;
		case 'v': options->survey = true; break;
		default: exit(EXIT_FAILURE);
		}
	}
}

bool program_open(struct program *program)
{
	char error[1024];

	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	if (!difference_table_read(DIFFERENCES_FILE, &program->table, error, sizeof(error))) {
		printf("Bail out! %s\n", error);
		return false;
	}
	program->comparison = (struct comparison){
	    .decode = decode_instruction,
	    .table = &program->table,
	    .findings = findings_create(&program->table),
	    .oracle_mask = ALL_ORACLES,
	};
	if (program->comparison.findings)
		return true;
	printf("Bail out! out of memory\n");
	difference_table_free(&program->table);
	return false;
}

void program_close(struct program *program)
{
	findings_free(program->comparison.findings, &program->table);
	difference_table_free(&program->table);
}

int program_run(const struct program_options *options, work_function *work, const void *argument,
                uint64_t unit_count, bool complete)
{
	struct program program;
	struct report report = {0};
	bool well;
	int status = EXIT_SUCCESS;

	if (!program_open(&program))
		return EXIT_FAILURE;
	if (options->oracle_mask)
		program.comparison.oracle_mask = options->oracle_mask;
	well = workers_run(&program.comparison, work, argument, unit_count);
	if (options->survey) {
		report_survey(program.comparison.findings);
	} else {
		report_point(&report, well, "all processes ended well");
		report_findings(&report, &program.table, program.comparison.findings,
		                complete ? program.comparison.oracle_mask : 0);
		status = report_end(&report);
	}
	program_close(&program);
	return status;
}
