/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/json_output.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/escape.h"

#define BUFFER_SIZE ((size_t)64 << 10) /* jansson gives text in pieces of a few bytes */

void json_output_begin(struct json_output *output, FILE *stream)
{
	*output = (struct json_output){.stream = stream, .buffer = malloc(BUFFER_SIZE)};
	output->capacity = output->buffer ? BUFFER_SIZE : 0;
	output->failed = !output->buffer;
}

static void flush(struct json_output *output)
{
	fwrite(output->buffer, 1, output->used, output->stream);
	output->used = 0;
}

bool json_output_end(struct json_output *output)
{
	if (output->buffer)
		flush(output);
	free(output->buffer);
	output->buffer = NULL;
	return !output->failed;
}

static int write_piece(const char *text, size_t size, void *context)
{
	struct json_output *output = context;

	if (size > output->capacity - output->used) {
		flush(output);
		if (size > output->capacity) {
			fwrite(text, 1, size, output->stream);
			return 0;
		}
	}
	memcpy(output->buffer + output->used, text, size);
	output->used += size;
	return 0;
}

void json_write_text(struct json_output *output, const char *text)
{
	if (output->buffer)
		write_piece(text, strlen(text), output);
}

void json_write_value(struct json_output *output, json_t *value)
{
	output->failed |= !value || !output->buffer ||
	                  json_dump_callback(value, write_piece, output, JSON_ENCODE_ANY) != 0;
	json_decref(value);
}

void json_put(struct json_output *output, json_t *object, const char *key, json_t *value)
{
	output->failed |= json_object_set_new_nocheck(object, key, value) != 0;
}

void json_add(struct json_output *output, json_t *array, json_t *value)
{
	output->failed |= json_array_append_new(array, value) != 0;
}

/* Long enough for the longest kernel symbol (KSYM_NAME_LEN, 512) with every byte escaped. */
json_t *json_printable(const char *text)
{
	char printable[4 * 512 + 1];

	if (!text)
		return json_null();
	return json_string_nocheck(escape_text(text, printable, sizeof(printable)));
}

static const char digits[] = "0123456789abcdef";

json_t *json_hexadecimal(const uint8_t *bytes, size_t size)
{
	char *text = calloc(size + 1, 2);
	json_t *value;

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	value = json_stringn_nocheck(text, 2 * size);
	free(text);
	return value;
}

json_t *json_address(uint64_t address)
{
	char text[2 + 16], *at = text + sizeof(text);

	do {
		*--at = digits[address & 15];
		address >>= 4;
	} while (address);
	*--at = 'x';
	*--at = '0';
	return json_stringn_nocheck(at, (size_t)(text + sizeof(text) - at));
}

json_t *json_size(uint64_t size)
{
	return json_integer((json_int_t)size);
}
