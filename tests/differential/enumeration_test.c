/* SPDX-License-Identifier: BSD-2-Clause */
/* Every opcode, ModRM byte and prefix combination, in all modes, against the other decoders. */
#include "tests/differential/enumerate.h"
#include "tests/differential/program.h"

int main(int argument_count, char **arguments)
{
	struct program_options options = {0};
	struct enumeration_options enumeration;

	program_read_options(argument_count, arguments, &options);
	enumeration.thorough = options.thorough;
	return program_run(&options, enumerate_unit, &enumeration, enumeration_unit_count, true);
}
