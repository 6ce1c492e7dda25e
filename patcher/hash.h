/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_HASH_H
#define PATCHER_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_SIZE 65

/* The SHA-256 of size bytes, in lower-case hexadecimal with a NUL, into hex. */
void hash_bytes(const uint8_t *bytes, size_t size, char hex[SHA256_HEX_SIZE]);

#endif
