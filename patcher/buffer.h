/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_BUFFER_H
#define PATCHER_BUFFER_H

/*
 * Bytes that grow. A buffer begins as all zeros. Once memory has run out every further append is
 * refused and failed says so, so that callers look once, at the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	uint8_t *bytes;
	size_t size, capacity;
	bool failed;
};

void buffer_append(struct buffer *buffer, const void *bytes, size_t size);

/* Appends zeros up to a multiple of alignment, which is not 0. */
void buffer_align(struct buffer *buffer, size_t alignment);

/* Appends text and its NUL; the offset where it begins. */
uint32_t buffer_append_string(struct buffer *buffer, const char *text);

void buffer_free(struct buffer *buffer);

#endif
