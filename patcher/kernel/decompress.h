/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_DECOMPRESS_H
#define PATCHER_DECOMPRESS_H

/*
 * The compressions that Linux packs kernels and modules with, told apart by their first bytes
 * (Linux lib/decompress.c). What comes out is bounded: memory grows with the bytes that really
 * came out, never with what a header claims.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/problem.h"

/* No x86 kernel is larger: KERNEL_IMAGE_SIZE in Linux' asm/page_{32,64}_types.h is at most 1 GiB,
 * and 512 MiB in 32-bit kernels. */
#define DECOMPRESS_LARGEST ((size_t)1 << 30)

enum compression {
	COMPRESSION_NONE, /* none that is known */
	COMPRESSION_GZIP,
	COMPRESSION_BZIP2,
	COMPRESSION_LZMA,
	COMPRESSION_XZ,
	COMPRESSION_LZO, /* lzop's container */
	COMPRESSION_LZ4, /* the legacy frame */
	COMPRESSION_ZSTD
};

enum compression compression_detect(const uint8_t *bytes, size_t size);

/* "gzip" ...; "none". */
const char *compression_name(enum compression compression);

/*
 * Unpacks the one stream that bytes begin with; what follows the stream is not looked at.
 * limit: the most bytes that may come out, at most DECOMPRESS_LARGEST.
 * true: *output (to be given to free()) holds *output_size bytes.
 * false: damaged, cut short, larger than limit, or without memory: *problem says which.
 */
bool decompress(enum compression compression, const uint8_t *bytes, size_t size, size_t limit,
                uint8_t **output, size_t *output_size, struct problem *problem);

#endif
