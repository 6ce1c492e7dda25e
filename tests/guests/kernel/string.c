/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/string.h"

void *memcpy(void *to, const void *from, size_t size)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	while (size--)
		*target++ = *source++;
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	uint8_t *target = to;

	while (size--)
		*target++ = (uint8_t)byte;
	return to;
}

int memcmp(const void *first, const void *second, size_t size)
{
	const uint8_t *a = first, *b = second;

	for (; size; a++, b++, size--)
		if (*a != *b)
			return *a - *b;
	return 0;
}

bool string_starts(const char *string, const char *start)
{
	while (*start)
		if (*string++ != *start++)
			return false;
	return true;
}

uint32_t string_length(const char *string)
{
	uint32_t length = 0;

	while (string[length])
		length++;
	return length;
}

void copy_string(char *to, const char *from, uint32_t size)
{
	while (*from && size > 1) {
		*to++ = *from++;
		size--;
	}
	*to = '\0';
}
