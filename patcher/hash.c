/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/hash.h"

static void show_digest(struct sha256_ctx *context, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void hash_bytes(const uint8_t *bytes, size_t size, char hex[SHA256_HEX_SIZE])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, size, bytes);
	show_digest(&context, hex);
}

static ssize_t write_through(void *cookie, const char *bytes, size_t size)
{
	struct hash_stream *hash = cookie;

	sha256_update(&hash->context, size, (const uint8_t *)bytes);
	hash->size += size;
	return hash->onward ? (ssize_t)fwrite(bytes, 1, size, hash->onward) : (ssize_t)size;
}

bool hash_stream_begin(struct hash_stream *hash, FILE *onward)
{
	*hash = (struct hash_stream){.onward = onward};
	sha256_init(&hash->context);
	hash->stream = fopencookie(hash, "w", (cookie_io_functions_t){.write = write_through});
	return hash->stream != NULL;
}

void hash_stream_end(struct hash_stream *hash, char hex[SHA256_HEX_SIZE])
{
	fclose(hash->stream);
	hash->stream = NULL;
	show_digest(&hash->context, hex);
}
