/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_BYTE_BUFFER_H
#define TESTS_UNIT_BYTE_BUFFER_H

/* Bytes that grow, to build inputs with. Memory that is not there ends the test program. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct byte_buffer {
	uint8_t *data;
	size_t size, capacity;
};

static inline void buffer_reserve(struct byte_buffer *buffer, size_t size)
{
	if (buffer->data && buffer->size + size <= buffer->capacity)
		return;
	buffer->capacity = (buffer->size + size) * 2 + 1;
	buffer->data = realloc(buffer->data, buffer->capacity);
	if (!buffer->data) {
		fputs("Bail out! no memory\n", stdout);
		exit(1);
	}
}

static inline void buffer_append(struct byte_buffer *buffer, const void *bytes, size_t size)
{
	buffer_reserve(buffer, size);
	if (size)
		memcpy(buffer->data + buffer->size, bytes, size);
	buffer->size += size;
}

static inline void buffer_fill(struct byte_buffer *buffer, uint8_t byte, size_t size)
{
	buffer_reserve(buffer, size);
	if (size)
		memset(buffer->data + buffer->size, byte, size);
	buffer->size += size;
}

/* A little-endian word of `width` bytes. */
static inline void buffer_word(struct byte_buffer *buffer, uint64_t value, size_t width)
{
	for (; width; width--, value >>= 8)
		buffer_fill(buffer, (uint8_t)value, 1);
}

static inline void buffer_big_endian(struct byte_buffer *buffer, uint64_t value, size_t width)
{
	while (width--)
		buffer_fill(buffer, (uint8_t)(value >> (8 * width)), 1);
}

static inline void buffer_set(struct byte_buffer *buffer, size_t offset, uint64_t value,
                              size_t width)
{
	for (; width; width--, value >>= 8)
		buffer->data[offset++] = (uint8_t)value;
}

static inline void buffer_align(struct byte_buffer *buffer, size_t alignment)
{
	buffer_fill(buffer, 0, -buffer->size & (alignment - 1));
}

static inline void buffer_free(struct byte_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

#endif
