/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_PACK_H
#define TESTS_UNIT_PACK_H

/* Packs bytes with each compression that Linux has, by the libraries' own packers. */

#include <bzlib.h>
#include <lz4hc.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include "patcher/kernel/decompress.h"
#include "tests/unit/byte_buffer.h"

static inline void pack_check(bool fine)
{
	if (!fine) {
		fputs("Bail out! a packer failed\n", stdout);
		exit(1);
	}
}

static inline void pack_gzip(const struct byte_buffer *input, struct byte_buffer *output)
{
	z_stream stream = {0};

	pack_check(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
	buffer_reserve(output, deflateBound(&stream, input->size));
	stream.next_in = input->data;
	stream.avail_in = (unsigned int)input->size;
	stream.next_out = output->data + output->size;
	stream.avail_out = (unsigned int)(output->capacity - output->size);
	pack_check(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	output->size += stream.total_out;
	deflateEnd(&stream);
}

static inline void pack_bzip2(const struct byte_buffer *input, struct byte_buffer *output)
{
	unsigned int size = (unsigned int)(input->size + input->size / 64 + 1024);

	buffer_reserve(output, size);
	pack_check(BZ2_bzBuffToBuffCompress((char *)output->data + output->size, &size,
	                                    (char *)input->data, (unsigned int)input->size, 9, 0,
	                                    0) == BZ_OK);
	output->size += size;
}

/* xz as scripts/xz_wrap.sh has it (x86 filter, CRC32), or lzma's old format. */
static inline void pack_lzma(const struct byte_buffer *input, struct byte_buffer *output, bool xz)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_options_lzma options;
	lzma_filter filters[] = {
	    {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};

	lzma_lzma_preset(&options, 6);
	options.dict_size = 1u << 20;
	pack_check((xz ? lzma_stream_encoder(&stream, filters, LZMA_CHECK_CRC32)
	               : lzma_alone_encoder(&stream, &options)) == LZMA_OK);
	buffer_reserve(output, input->size + input->size / 4 + 65536);
	stream.next_in = input->data;
	stream.avail_in = input->size;
	stream.next_out = output->data + output->size;
	stream.avail_out = output->capacity - output->size;
	pack_check(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
	output->size += stream.total_out;
	lzma_end(&stream);
}

/* lzop's container with the flags of `lzop -9`: a checksum of each block's unpacked bytes. */
static inline void pack_lzo(const struct byte_buffer *input, struct byte_buffer *output)
{
	static const uint8_t header[] = {
	    0x89, 'L',  'Z',  'O',  0x00, 0x0d, 0x0a, 0x1a, 0x0a, /* magic */
	    0x10, 0x40, 0x20, 0xa0, 0x09, 0x40,                   /* versions */
	    3,    9,    0,    0,    0,    1,                      /* method, level, flags */
	    0,    0,    0x81, 0xa4, 0,    0,    0,    0,          /* mode, time */
	    0,    0,    0,    0,    0,    0,    0,    0,    0,    /* time, name, checksum */
	};
	static uint8_t work[LZO1X_1_MEM_COMPRESS];
	const size_t block = 256 << 10;

	pack_check(lzo_init() == LZO_E_OK);
	buffer_append(output, header, sizeof(header));
	for (size_t at = 0; at < input->size; at += block) {
		size_t size = input->size - at < block ? input->size - at : block, head;
		lzo_uint packed;

		buffer_big_endian(output, size, 4);
		head = output->size;
		buffer_big_endian(output, 0, 4);
		buffer_big_endian(output, adler32(1, input->data + at, (unsigned int)size), 4);
		buffer_reserve(output, size + size / 16 + 128);
		pack_check(lzo1x_1_compress(input->data + at, size, output->data + output->size,
		                            &packed, work) == LZO_E_OK);
		if (packed >= size) {
			packed = size;
			memcpy(output->data + output->size, input->data + at, size);
		}
		output->size += packed;
		for (int i = 0; i < 4; i++)
			output->data[head + i] = (uint8_t)(packed >> (24 - 8 * i));
	}
	buffer_big_endian(output, 0, 4);
}

static inline void pack_lz4(const struct byte_buffer *input, struct byte_buffer *output)
{
	const size_t block = 8 << 20;

	buffer_word(output, 0x184c2102, 4);
	for (size_t at = 0; at < input->size; at += block) {
		int size = (int)(input->size - at < block ? input->size - at : block), packed;
		int most = LZ4_compressBound(size);

		buffer_reserve(output, (size_t)most + 4);
		packed = LZ4_compress_HC((char *)input->data + at,
		                         (char *)output->data + output->size + 4, size, most, 9);
		pack_check(packed > 0);
		buffer_word(output, (uint64_t)packed, 4);
		output->size += (size_t)packed;
	}
}

static inline void pack_zstd(const struct byte_buffer *input, struct byte_buffer *output)
{
	size_t most = ZSTD_compressBound(input->size), packed;

	buffer_reserve(output, most);
	packed = ZSTD_compress(output->data + output->size, most, input->data, input->size, 19);
	pack_check(!ZSTD_isError(packed));
	output->size += packed;
}

/* Appends what `compression` makes of input to output. */
static inline void pack(enum compression compression, const struct byte_buffer *input,
                        struct byte_buffer *output)
{
	switch (compression) {
	case COMPRESSION_NONE: buffer_append(output, input->data, input->size); break;
	case COMPRESSION_GZIP: pack_gzip(input, output); break;
	case COMPRESSION_BZIP2: pack_bzip2(input, output); break;
	case COMPRESSION_LZMA: pack_lzma(input, output, false); break;
	case COMPRESSION_XZ: pack_lzma(input, output, true); break;
	case COMPRESSION_LZO: pack_lzo(input, output); break;
	case COMPRESSION_LZ4: pack_lz4(input, output); break;
	case COMPRESSION_ZSTD: pack_zstd(input, output); break;
	}
}

#endif
