/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/kernel/decompress.h"

#include <bzlib.h>
#include <limits.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "patcher/kernel/decompress_output.h"

/* Linux packs with dictionaries up to 128 MiB (scripts/xz_wrap.sh, zstd -22); the libraries need
 * little more. */
#define LARGEST_DICTIONARY ((size_t)128 << 20)
#define LZMA_MEMORY        (LARGEST_DICTIONARY + ((size_t)1 << 20))
#define FIRST_STEP         ((size_t)64 << 10)

static const struct {
	const char *name;
	size_t magic_size;
	uint8_t magic[9];
} compressions[] = {
    [COMPRESSION_NONE] = {"none", 0, {0}},
    [COMPRESSION_GZIP] = {"gzip", 3, {0x1f, 0x8b, 0x08}},
    [COMPRESSION_BZIP2] = {"bzip2", 3, {'B', 'Z', 'h'}},
    [COMPRESSION_LZMA] = {"lzma", 3, {0x5d, 0x00, 0x00}},
    [COMPRESSION_XZ] = {"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0x00}},
    [COMPRESSION_LZO] = {"lzo", 9, {0x89, 'L', 'Z', 'O', 0x00, 0x0d, 0x0a, 0x1a, 0x0a}},
    [COMPRESSION_LZ4] = {"lz4", 4, {0x02, 0x21, 0x4c, 0x18}},
    [COMPRESSION_ZSTD] = {"zstd", 4, {0x28, 0xb5, 0x2f, 0xfd}},
};
#define COMPRESSION_COUNT (sizeof(compressions) / sizeof(compressions[0]))

enum compression compression_detect(const uint8_t *bytes, size_t size)
{
	for (size_t i = COMPRESSION_NONE + 1; i < COMPRESSION_COUNT; i++) {
		if (size >= compressions[i].magic_size &&
		    memcmp(bytes, compressions[i].magic, compressions[i].magic_size) == 0)
			return (enum compression)i;
	}
	return COMPRESSION_NONE;
}

const char *compression_name(enum compression compression)
{
	return compressions[compression].name;
}

bool unpacking_reserve(struct unpacking *unpacking, size_t least)
{
	size_t wanted = unpacking->capacity ? unpacking->capacity * 2 : FIRST_STEP;
	size_t most = unpacking->limit + least; /* both far below SIZE_MAX / 2 */
	uint8_t *grown;

	if (unpacking->output_size > unpacking->limit)
		return problem_report(unpacking->problem, COMPRESSION_LIMIT,
		                      compression_name(unpacking->compression), unpacking->limit);
	if (unpacking->capacity - unpacking->output_size >= least)
		return true;
	if (wanted < unpacking->output_size + least)
		wanted = unpacking->output_size + least;
	if (wanted > most)
		wanted = most;
	grown = realloc(unpacking->output, wanted);
	if (!grown)
		return problem_report(unpacking->problem, OUT_OF_MEMORY);
	unpacking->output = grown;
	unpacking->capacity = wanted;
	return true;
}

void unpacking_report_damage(struct unpacking *unpacking, size_t consumed)
{
	problem_report(unpacking->problem, COMPRESSION_DAMAGED,
	               compression_name(unpacking->compression), consumed, unpacking->input_size);
}

void unpacking_report_truncation(struct unpacking *unpacking)
{
	problem_report(unpacking->problem, COMPRESSION_TRUNCATED,
	               compression_name(unpacking->compression), unpacking->input_size);
}

static unsigned int at_most_uint(size_t size)
{
	return size > UINT_MAX ? UINT_MAX : (unsigned int)size;
}

static bool run_gzip(struct unpacking *unpacking, z_stream *stream)
{
	size_t fed = 0;

	for (;;) {
		unsigned int room, given;
		int result;

		if (!unpacking_reserve(unpacking, 1))
			return false;
		room = at_most_uint(unpacking->capacity - unpacking->output_size);
		given = at_most_uint(unpacking->input_size - fed);
		stream->next_in = (Bytef *)unpacking->input + fed;
		stream->avail_in = given;
		stream->next_out = unpacking->output + unpacking->output_size;
		stream->avail_out = room;
		result = inflate(stream, Z_NO_FLUSH);
		fed += given - stream->avail_in;
		unpacking->output_size += room - stream->avail_out;
		if (result == Z_STREAM_END)
			return true;
		if (result == Z_MEM_ERROR)
			return problem_report(unpacking->problem, OUT_OF_MEMORY);
		if (result != Z_OK && result != Z_BUF_ERROR)
			return unpacking_damaged(unpacking, fed);
		if (fed == unpacking->input_size && stream->avail_out > 0)
			return unpacking_truncated(unpacking);
	}
}

static bool unpack_gzip(struct unpacking *unpacking)
{
	z_stream stream = {0};
	bool done;

	if (inflateInit2(&stream, 15 + 16) != Z_OK) /* largest window, gzip's header and checksum */
		return problem_report(unpacking->problem, OUT_OF_MEMORY);
	done = run_gzip(unpacking, &stream);
	inflateEnd(&stream);
	return done;
}

static bool run_bzip2(struct unpacking *unpacking, bz_stream *stream)
{
	size_t fed = 0;

	for (;;) {
		unsigned int room, given;
		int result;

		if (!unpacking_reserve(unpacking, 1))
			return false;
		room = at_most_uint(unpacking->capacity - unpacking->output_size);
		given = at_most_uint(unpacking->input_size - fed);
		stream->next_in = (char *)unpacking->input + fed;
		stream->avail_in = given;
		stream->next_out = (char *)unpacking->output + unpacking->output_size;
		stream->avail_out = room;
		result = BZ2_bzDecompress(stream);
		fed += given - stream->avail_in;
		unpacking->output_size += room - stream->avail_out;
		if (result == BZ_STREAM_END)
			return true;
		if (result == BZ_MEM_ERROR)
			return problem_report(unpacking->problem, OUT_OF_MEMORY);
		if (result != BZ_OK)
			return unpacking_damaged(unpacking, fed);
		if (fed == unpacking->input_size && stream->avail_out > 0)
			return unpacking_truncated(unpacking);
	}
}

static bool unpack_bzip2(struct unpacking *unpacking)
{
	bz_stream stream = {0};
	bool done;

	if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK)
		return problem_report(unpacking->problem, OUT_OF_MEMORY);
	done = run_bzip2(unpacking, &stream);
	BZ2_bzDecompressEnd(&stream);
	return done;
}

static bool run_lzma(struct unpacking *unpacking, lzma_stream *stream)
{
	stream->next_in = unpacking->input;
	stream->avail_in = unpacking->input_size;
	for (;;) {
		lzma_ret result;
		size_t room;

		if (!unpacking_reserve(unpacking, 1))
			return false;
		room = unpacking->capacity - unpacking->output_size;
		stream->next_out = unpacking->output + unpacking->output_size;
		stream->avail_out = room;
		result = lzma_code(stream, LZMA_FINISH);
		unpacking->output_size += room - stream->avail_out;
		switch (result) {
		case LZMA_OK: break;
		case LZMA_STREAM_END: return true;
		case LZMA_BUF_ERROR: return unpacking_truncated(unpacking);
		case LZMA_MEM_ERROR: return problem_report(unpacking->problem, OUT_OF_MEMORY);
		case LZMA_MEMLIMIT_ERROR:
			return problem_report(unpacking->problem, COMPRESSION_DICTIONARY,
			                      compression_name(unpacking->compression),
			                      LARGEST_DICTIONARY);
		default:
			return unpacking_damaged(unpacking,
			                         unpacking->input_size - stream->avail_in);
		}
	}
}

static bool unpack_lzma(struct unpacking *unpacking)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret result = unpacking->compression == COMPRESSION_XZ
	                      ? lzma_stream_decoder(&stream, LZMA_MEMORY, 0)
	                      : lzma_alone_decoder(&stream, LZMA_MEMORY);
	bool done;

	if (result != LZMA_OK)
		return problem_report(unpacking->problem, OUT_OF_MEMORY);
	done = run_lzma(unpacking, &stream);
	lzma_end(&stream);
	return done;
}

static bool zstd_problem(struct unpacking *unpacking, size_t result, size_t consumed)
{
	switch (ZSTD_getErrorCode(result)) {
	case ZSTD_error_memory_allocation: return problem_report(unpacking->problem, OUT_OF_MEMORY);
	case ZSTD_error_frameParameter_windowTooLarge:
		return problem_report(unpacking->problem, COMPRESSION_DICTIONARY,
		                      compression_name(unpacking->compression), LARGEST_DICTIONARY);
	default: return unpacking_damaged(unpacking, consumed);
	}
}

static bool unpack_zstd(struct unpacking *unpacking)
{
	ZSTD_DStream *stream = ZSTD_createDStream(); /* refuses windows above 128 MiB */
	ZSTD_inBuffer input = {unpacking->input, unpacking->input_size, 0};
	bool done = false;

	if (!stream)
		return problem_report(unpacking->problem, OUT_OF_MEMORY);
	while (unpacking_reserve(unpacking, 1)) {
		ZSTD_outBuffer output = {unpacking->output, unpacking->capacity,
		                         unpacking->output_size};
		size_t result = ZSTD_decompressStream(stream, &output, &input);

		unpacking->output_size = output.pos;
		if (ZSTD_isError(result)) {
			zstd_problem(unpacking, result, input.pos);
			break;
		}
		if (result == 0) {
			done = true;
			break;
		}
		if (input.pos == input.size && output.pos < output.size) {
			unpacking_truncated(unpacking);
			break;
		}
	}
	ZSTD_freeDStream(stream);
	return done;
}

static bool unpack(struct unpacking *unpacking)
{
	switch (unpacking->compression) {
	case COMPRESSION_GZIP: return unpack_gzip(unpacking);
	case COMPRESSION_BZIP2: return unpack_bzip2(unpacking);
	case COMPRESSION_LZMA:
	case COMPRESSION_XZ: return unpack_lzma(unpacking);
	case COMPRESSION_LZO: return unpack_lzop(unpacking);
	case COMPRESSION_LZ4: return unpack_lz4(unpacking);
	case COMPRESSION_ZSTD: return unpack_zstd(unpacking);
	case COMPRESSION_NONE: break;
	}
	return unpacking_damaged(unpacking, 0);
}

bool decompress(enum compression compression, const uint8_t *bytes, size_t size, size_t limit,
                uint8_t **output, size_t *output_size, struct problem *problem)
{
	struct unpacking unpacking = {
	    .compression = compression,
	    .input = bytes,
	    .input_size = size,
	    .limit = limit > DECOMPRESS_LARGEST ? DECOMPRESS_LARGEST : limit,
	    .problem = problem,
	};

	if (!unpack(&unpacking)) {
		free(unpacking.output);
		return false;
	}
	if (unpacking.output_size > unpacking.limit) {
		free(unpacking.output);
		return problem_report(problem, COMPRESSION_LIMIT, compression_name(compression),
		                      unpacking.limit);
	}
	*output = unpacking.output;
	*output_size = unpacking.output_size;
	return true;
}
