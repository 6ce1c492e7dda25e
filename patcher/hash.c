/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/hash.h"

#include <nettle/sha2.h>
#include <stdio.h>

void hash_bytes(const uint8_t *bytes, size_t size, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, size, bytes);
	sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
