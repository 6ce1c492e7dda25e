/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_STRING_H
#define KERNEL_STRING_H

/* Bytes and strings. GCC itself calls the first three. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *first, const void *second, size_t size);

bool string_starts(const char *string, const char *start);

uint32_t string_length(const char *string);

/* Copies at most size - 1 bytes and ends the copy with a NUL. */
void copy_string(char *to, const char *from, uint32_t size);

#endif
