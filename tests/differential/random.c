/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeded random strings, each read in all three modes. String i depends on the
 * seed and i alone. Every second one is uniform; the others begin, with even
 * chances at each byte, with prefixes and escapes, which uniform bytes rarely
 * bring together, and half of the VEX, XOP and EVEX prefixes among these have
 * fields that instructions have.
 */
#include "tests/differential/program.h"
#include "tests/differential/report.h"

#include <string.h>

#define STRINGS_A_UNIT 1000

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(uint64_t *state)
{
	uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

/* Makes fields of the VEX, XOP or EVEX prefix at bytes likely ones: no register in vvvv; EVEX's
 * fixed bits; no opmask, broadcast or rounding. */
static void tame_vector_prefix(uint8_t *bytes, uint64_t choice)
{
	bool is_evex = bytes[0] == 0x62;

	if (choice & 1)
		bytes[bytes[0] == 0xc5 ? 1 : 2] |= 0x78;
	if (!is_evex)
		return;
	bytes[2] |= 0x04;
	if (choice & 2)
		bytes[3] |= 0x08;
	if (choice & 4)
		bytes[3] &= 0x68;
}

static void make_string(uint64_t seed, uint64_t number, uint8_t *bytes)
{
	static const uint8_t leading[64][2] = {
	    {0x66},       {0x67},       {0xf2},       {0xf3},       {0xf0},       {0x2e},
	    {0x36},       {0x3e},       {0x26},       {0x64},       {0x65},       {0x40},
	    {0x48},       {0x41},       {0x4c},       {0x66},       {0xf2},       {0xf3},
	    {0x0f},       {0x0f},       {0x0f},       {0x0f},       {0x0f},       {0x0f},
	    {0x0f, 0x38}, {0x0f, 0x38}, {0x0f, 0x3a}, {0x0f, 0x3a}, {0x0f, 0x0f}, {0x0f, 0x01},
	    {0xc4, 0xe1}, {0xc4, 0xe1}, {0xc4, 0xe2}, {0xc4, 0xe2}, {0xc4, 0xe3}, {0xc4, 0xe3},
	    {0xc4, 0x41}, {0xc4, 0x42}, {0xc4, 0x43}, {0xc4, 0xe7}, {0xc5},       {0xc5, 0xf8},
	    {0xc5, 0xf9}, {0xc5, 0xfd}, {0x62, 0xf1}, {0x62, 0xf1}, {0x62, 0xf1}, {0x62, 0xf2},
	    {0x62, 0xf2}, {0x62, 0xf2}, {0x62, 0xf3}, {0x62, 0xf3}, {0x62, 0xf3}, {0x62, 0xf5},
	    {0x62, 0xf5}, {0x62, 0xf6}, {0x62, 0xf6}, {0x62, 0x71}, {0x62, 0xb2}, {0x62, 0x63},
	    {0x8f, 0xe8}, {0x8f, 0xe9}, {0x8f, 0xea}, {0x8f, 0x69},
	};
	uint64_t state = seed;
	size_t at = 0;

	state = random_next(&state) ^ number;
	for (size_t i = 0; i < CASE_SIZE; i += sizeof(uint64_t)) {
		uint64_t word = random_next(&state);

		memcpy(bytes + i, &word, sizeof(word));
	}
	if (number % 2 == 0)
		return;
	for (uint64_t choice = random_next(&state); choice & 1 && at < 16; choice >>= 7) {
		const uint8_t *lead = leading[choice >> 1 & 63];

		bytes[at] = lead[0];
		if (lead[1])
			bytes[at + 1] = lead[1];
		if ((lead[0] & 0xfe) == 0xc4 || lead[0] == 0x62 || lead[0] == 0x8f) {
			tame_vector_prefix(bytes + at, random_next(&state));
			return;
		}
		at += lead[1] ? 2 : 1;
	}
}

static void random_unit(struct comparison *comparison, uint64_t unit, const void *argument)
{
	const struct program_options *options = argument;

	for (uint64_t i = 0; i < STRINGS_A_UNIT; i++) {
		uint64_t number = unit * STRINGS_A_UNIT + i;
		uint8_t bytes[CASE_SIZE];

		if (number >= options->count)
			return;
		make_string(options->seed, number, bytes);
		compare_case(comparison, bytes, DISASM_MODE_16);
		compare_case(comparison, bytes, DISASM_MODE_32);
		compare_case(comparison, bytes, DISASM_MODE_64);
	}
}

int random_main(int argument_count, char **arguments, uint64_t count)
{
	struct program_options options = {.count = count, .seed = 20060201};

	program_read_options(argument_count, arguments, &options);
	if (!options.survey)
		report_note("%ju strings of seed %ju, each in three modes",
		            (uintmax_t)options.count, (uintmax_t)options.seed);
	return program_run(&options, random_unit, &options,
	                   (options.count + STRINGS_A_UNIT - 1) / STRINGS_A_UNIT, false);
}
