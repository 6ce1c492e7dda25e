/* SPDX-License-Identifier: BSD-2-Clause */
/* A million random strings against the other decoders. */
#include "tests/differential/program.h"

int main(int argument_count, char **arguments)
{
	return random_main(argument_count, arguments, 1000000);
}
