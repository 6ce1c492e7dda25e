/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_HASH_H
#define PATCHER_HASH_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SHA256_HEX_SIZE 65

/* The SHA-256 of size bytes, in lower-case hexadecimal with a NUL, into hex. */
void hash_bytes(const uint8_t *bytes, size_t size, char hex[SHA256_HEX_SIZE]);

/* What is written to .stream goes on to another stream, and is hashed on its way. */
struct hash_stream {
	FILE *stream;
	FILE *onward; /* borrowed; NULL: nowhere */
	struct sha256_ctx context;
	uint64_t size; /* bytes written so far */
};

/* false: memory ran out. Ended with hash_stream_end(). */
bool hash_stream_begin(struct hash_stream *hash, FILE *onward);

/* Closes .stream; errors are onward's. The SHA-256 of all that was written into hex. */
void hash_stream_end(struct hash_stream *hash, char hex[SHA256_HEX_SIZE]);

#endif
