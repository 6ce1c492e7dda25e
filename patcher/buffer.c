/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/buffer.h"

#include <stdlib.h>
#include <string.h>

void buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	if (buffer->failed || !size)
		return;
	if (size > buffer->capacity - buffer->size) {
		size_t capacity = 2 * buffer->capacity + size;
		uint8_t *grown = realloc(buffer->bytes, capacity);

		if (!grown) {
			buffer->failed = true;
			return;
		}
		buffer->bytes = grown;
		buffer->capacity = capacity;
	}
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

void buffer_align(struct buffer *buffer, size_t alignment)
{
	static const uint8_t zeros[64];

	while (buffer->size % alignment && !buffer->failed) {
		size_t missing = alignment - buffer->size % alignment;

		buffer_append(buffer, zeros, missing < sizeof(zeros) ? missing : sizeof(zeros));
	}
}

uint32_t buffer_append_string(struct buffer *buffer, const char *text)
{
	uint32_t offset = (uint32_t)buffer->size;

	buffer_append(buffer, text, strlen(text) + 1);
	return offset;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}
