/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two containers of separately packed blocks: lzop's (lib/decompress_unlzo.c in Linux reads the
 * same) and the legacy frame of lz4 (lib/decompress_unlz4.c).
 */
#include <lz4.h>
#include <lzo/lzo1x.h>

#include "patcher/bytes.h"
#include "patcher/kernel/decompress_output.h"

/* The largest blocks that Linux' own unpackers accept. */
#define LZO_LARGEST_BLOCK ((size_t)256 << 10)
#define LZ4_LARGEST_BLOCK ((size_t)8 << 20)

#define LZ4_LEGACY_MAGIC 0x184c2102u

/* Flags of lzop's header: which checksums stand in front of each block, and what the header has. */
#define LZOP_ADLER32_UNPACKED 0x0001u
#define LZOP_ADLER32_PACKED   0x0002u
#define LZOP_EXTRA_FIELD      0x0040u
#define LZOP_CRC32_UNPACKED   0x0100u
#define LZOP_CRC32_PACKED     0x0200u
#define LZOP_FILTER           0x0800u

/* From this version on the header has a version needed, a level and the upper half of the time. */
#define LZOP_VERSION_LEVEL 0x0940u

/* A place in the input that never passes its end. */
struct reader {
	const uint8_t *bytes;
	size_t size, offset;
	bool past_end; /* more was asked for than there is */
};

static const uint8_t *take(struct reader *reader, size_t size)
{
	const uint8_t *bytes = reader->bytes + reader->offset;

	if (reader->past_end || size > reader->size - reader->offset) {
		reader->past_end = true;
		return NULL;
	}
	reader->offset += size;
	return bytes;
}

static uint32_t take_big_endian(struct reader *reader, size_t size)
{
	const uint8_t *bytes = take(reader, size);
	uint32_t value = 0;

	for (size_t i = 0; bytes && i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Passes lzop's header. Returns its flags; reader->past_end tells whether it was all there. */
static uint32_t take_lzop_header(struct reader *reader)
{
	uint32_t version, flags;

	take(reader, 9); /* the magic, seen already */
	version = take_big_endian(reader, 2);
	take(reader, 2); /* the library's version */
	if (version >= LZOP_VERSION_LEVEL)
		take(reader, 2); /* the version needed */
	take(reader, 1);         /* the method: all are unpacked alike */
	if (version >= LZOP_VERSION_LEVEL)
		take(reader, 1); /* the level */
	flags = take_big_endian(reader, 4);
	if (flags & LZOP_FILTER)
		take(reader, 4);
	take(reader, 8); /* file mode, time */
	if (version >= LZOP_VERSION_LEVEL)
		take(reader, 4);
	take(reader, take_big_endian(reader, 1)); /* the file's name */
	take(reader, 4);                          /* the header's checksum */
	if (flags & LZOP_EXTRA_FIELD) {
		take(reader, take_big_endian(reader, 4));
		take(reader, 4);
	}
	return flags;
}

/* A block of lzop's container: its head as read. */
struct lzop_block {
	size_t size, packed_size;
	bool has_adler32, has_crc32; /* of the unpacked bytes */
	uint32_t adler32, crc32;
	const uint8_t *packed;
};

/* Takes a block, all but the end mark. Checksums of the packed bytes are passed over: those of the
 * unpacked bytes say more. */
static bool take_lzop_block(struct unpacking *unpacking, struct reader *reader, uint32_t flags,
                            size_t size, struct lzop_block *block)
{
	*block = (struct lzop_block){
	    .size = size,
	    .packed_size = take_big_endian(reader, 4),
	    .has_adler32 = flags & LZOP_ADLER32_UNPACKED,
	    .has_crc32 = flags & LZOP_CRC32_UNPACKED,
	};
	if (block->has_adler32)
		block->adler32 = take_big_endian(reader, 4);
	if (block->has_crc32)
		block->crc32 = take_big_endian(reader, 4);
	if (block->packed_size < size) /* a stored block has none */
		take(reader,
		     (flags & LZOP_ADLER32_PACKED ? 4 : 0) + (flags & LZOP_CRC32_PACKED ? 4 : 0));
	if (reader->past_end)
		return unpacking_truncated(unpacking);
	if (size > LZO_LARGEST_BLOCK || block->packed_size > size || block->packed_size == 0)
		return unpacking_damaged(unpacking, reader->offset);
	block->packed = take(reader, block->packed_size);
	return block->packed || unpacking_truncated(unpacking);
}

static bool unpack_lzop_block(struct unpacking *unpacking, const struct lzop_block *block,
                              size_t consumed)
{
	lzo_uint written = block->size;
	uint8_t *output;

	if (!unpacking_reserve(unpacking, block->size))
		return false;
	output = unpacking->output + unpacking->output_size;
	if (block->packed_size == block->size) /* a block that did not shrink is stored as it is */
		bytes_copy(output, block->packed, block->size);
	else if (lzo1x_decompress_safe(block->packed, block->packed_size, output, &written, NULL) !=
	             LZO_E_OK ||
	         written != block->size)
		return unpacking_damaged(unpacking, consumed);
	if ((block->has_adler32 && lzo_adler32(1, output, block->size) != block->adler32) ||
	    (block->has_crc32 && lzo_crc32(0, output, block->size) != block->crc32))
		return unpacking_damaged(unpacking, consumed);
	unpacking->output_size += block->size;
	return true;
}

bool unpack_lzop(struct unpacking *unpacking)
{
	struct reader reader = {unpacking->input, unpacking->input_size, 0, false};
	uint32_t flags = take_lzop_header(&reader);

	for (;;) {
		size_t size = take_big_endian(&reader, 4);
		struct lzop_block block;

		if (reader.past_end)
			return unpacking_truncated(unpacking);
		if (size == 0)
			return true;
		if (!take_lzop_block(unpacking, &reader, flags, size, &block) ||
		    !unpack_lzop_block(unpacking, &block, reader.offset))
			return false;
	}
}

bool unpack_lz4(struct unpacking *unpacking)
{
	struct reader reader = {unpacking->input, unpacking->input_size, 4, false};

	/* The frame has no end mark: it ends with the input. */
	while (reader.offset < reader.size) {
		const uint8_t *head = take(&reader, 4), *packed;
		uint32_t packed_size;
		size_t most;
		int written;

		if (!head)
			return unpacking_truncated(unpacking);
		packed_size = bytes_load32(head);
		if (packed_size == LZ4_LEGACY_MAGIC) /* another frame follows */
			continue;
		if (packed_size == 0 ||
		    packed_size > (uint32_t)LZ4_compressBound((int)LZ4_LARGEST_BLOCK))
			return unpacking_damaged(unpacking, reader.offset);
		packed = take(&reader, packed_size);
		if (!packed)
			return unpacking_truncated(unpacking);
		/* A byte of the packed block makes at most 255 of the unpacked one. */
		most = (size_t)packed_size * 255;
		if (most > LZ4_LARGEST_BLOCK)
			most = LZ4_LARGEST_BLOCK;
		if (!unpacking_reserve(unpacking, most))
			return false;
		written = LZ4_decompress_safe((const char *)packed,
		                              (char *)unpacking->output + unpacking->output_size,
		                              (int)packed_size, (int)most);
		if (written < 0)
			return unpacking_damaged(unpacking, reader.offset);
		unpacking->output_size += (size_t)written;
	}
	return true;
}
