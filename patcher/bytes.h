/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_BYTES_H
#define PATCHER_BYTES_H

/* Little-endian words at any alignment, and ranges that cannot wrap. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_load16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t bytes_load32(const uint8_t *bytes)
{
	return (uint32_t)bytes_load16(bytes) | (uint32_t)bytes_load16(bytes + 2) << 16;
}

static inline uint64_t bytes_load64(const uint8_t *bytes)
{
	return (uint64_t)bytes_load32(bytes) | (uint64_t)bytes_load32(bytes + 4) << 32;
}

/* A 64-bit value for printf's %llu and %llx. */
#define WIDE(value) ((unsigned long long)(value))

/* Whether [offset, offset + size) lies in [0, total). */
static inline bool bytes_in_range(uint64_t offset, uint64_t size, uint64_t total)
{
	return offset <= total && size <= total - offset;
}

/* memcpy() that accepts NULL with size 0. */
static inline void bytes_copy(void *to, const void *from, size_t size)
{
	if (size)
		memcpy(to, from, size);
}

#endif
