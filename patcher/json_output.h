/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_JSON_OUTPUT_H
#define PATCHER_JSON_OUTPUT_H

/*
 * JSON as reports write it, by jansson: keys in the order they are set in, names from a kernel
 * escaped. A large report is written value by value: as one tree it would take gigabytes.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_output {
	FILE *stream;
	bool failed; /* memory ran out; errors of the stream are left to its owner */
	char *buffer;
	size_t used, capacity;
};

/* Begins output to stream. Ended with json_output_end(). */
void json_output_begin(struct json_output *output, FILE *stream);

/* Writes what is left. false: memory ran out somewhere, and the output is not whole. */
bool json_output_end(struct json_output *output);

/* Writes text as it is: braces, names and commas between values. */
void json_write_text(struct json_output *output, const char *text);

/* Writes value on one line, and gives it back. NULL stands for memory that ran out. */
void json_write_value(struct json_output *output, json_t *value);

/* Sets key, or adds to the array; value is taken over. Notes in output if there was no memory. */
void json_put(struct json_output *output, json_t *object, const char *key, json_t *value);
void json_add(struct json_output *output, json_t *array, json_t *value);

/* Values. text may hold any bytes, and be NULL, which gives null. */
json_t *json_printable(const char *text);
json_t *json_hexadecimal(const uint8_t *bytes, size_t size); /* "0f30" */
json_t *json_address(uint64_t address);                      /* "0xc1000000" */
json_t *json_size(uint64_t size);

#endif
