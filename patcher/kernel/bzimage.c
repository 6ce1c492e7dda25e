/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/kernel/bzimage.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"

/* Offsets of the set-up header's fields in the file (Documentation/x86/boot.rst in Linux). */
#define SETUP_SECTORS  0x1f1
#define BOOT_FLAG      0x1fe
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c

#define HEADER_MINIMUM   0x208 /* up to and including VERSION */
#define DEFAULT_SECTORS  4     /* what 0 in SETUP_SECTORS means */
#define SECTOR_SIZE      512
#define PROTOCOL_PAYLOAD 0x0208 /* the first with PAYLOAD_OFFSET and PAYLOAD_LENGTH */

/* Before protocol 2.08 (Linux 2.6.26) gzip was the only compression and kernels were small. */
#define OLD_LARGEST    ((size_t)64 << 20)
#define OLD_CANDIDATES 8 /* places that look like gzip's header and are tried */

bool bzimage_detect(const uint8_t *file, size_t size)
{
	return size >= HEADER_MINIMUM && bytes_load16(file + BOOT_FLAG) == 0xaa55 &&
	       memcmp(file + HEADER_MAGIC, "HdrS", 4) == 0;
}

static size_t setup_size(const uint8_t *file)
{
	size_t sectors = file[SETUP_SECTORS] ? file[SETUP_SECTORS] : DEFAULT_SECTORS;

	return (sectors + 1) * SECTOR_SIZE; /* the boot sector itself is not counted */
}

static bool is_elf(const uint8_t *bytes, size_t size)
{
	return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

/* The payload that the header points to; its last 4 bytes are the unpacked size (gzip ends with it
 * by itself, the others have it appended: scripts/Makefile.lib, size_append). */
static bool unpack_described(const uint8_t *file, size_t size, uint8_t **payload,
                             size_t *payload_size, struct problem *problem)
{
	uint64_t offset, length = bytes_load32(file + PAYLOAD_LENGTH);
	uint32_t declared;
	enum compression compression;
	const uint8_t *packed;

	offset = (uint64_t)setup_size(file) + bytes_load32(file + PAYLOAD_OFFSET);
	if (length < 8 || !bytes_in_range(offset, length, size))
		return problem_report(problem, BZIMAGE_PAYLOAD_RANGE, WIDE(offset), WIDE(length),
		                      size);
	packed = file + offset;
	declared = bytes_load32(packed + length - 4);
	compression = compression_detect(packed, length);
	if (compression == COMPRESSION_NONE)
		return problem_report(problem, COMPRESSION_UNKNOWN, WIDE(offset), packed[0],
		                      packed[1], packed[2], packed[3]);
	if (declared > DECOMPRESS_LARGEST)
		return problem_report(problem, BZIMAGE_CLAIM, declared, DECOMPRESS_LARGEST);
	if (compression != COMPRESSION_GZIP)
		length -= 4;
	if (!decompress(compression, packed, length, declared, payload, payload_size, problem))
		return false;
	if (*payload_size == declared)
		return true;
	free(*payload);
	*payload = NULL;
	return problem_report(problem, BZIMAGE_SIZE_MISMATCH, *payload_size, declared);
}

/* Older images do not say where the payload is: it is the first gzip stream that is whole. */
static bool unpack_searched(const uint8_t *file, size_t size, uint8_t **payload,
                            size_t *payload_size, struct problem *problem)
{
	static const uint8_t magic[] = {0x1f, 0x8b, 0x08};
	size_t offset = setup_size(file);

	for (int candidate = 0; candidate < OLD_CANDIDATES && offset < size; candidate++) {
		const uint8_t *found = memmem(file + offset, size - offset, magic, sizeof(magic));

		if (!found)
			break;
		offset = (size_t)(found - file);
		if (decompress(COMPRESSION_GZIP, found, size - offset, OLD_LARGEST, payload,
		               payload_size, problem))
			return true;
		offset += sizeof(magic);
	}
	return problem_report(problem, BZIMAGE_NO_PAYLOAD, bytes_load16(file + VERSION) >> 8,
	                      bytes_load16(file + VERSION) & 0xff);
}

bool bzimage_unpack(const uint8_t *file, size_t size, uint8_t **payload, size_t *payload_size,
                    struct problem *problem)
{
	bool described = bytes_load16(file + VERSION) >= PROTOCOL_PAYLOAD;

	if (size < setup_size(file) || size < PAYLOAD_LENGTH + 4)
		return problem_report(problem, BZIMAGE_TRUNCATED, size, setup_size(file));
	if (described) {
		if (!unpack_described(file, size, payload, payload_size, problem))
			return false;
	} else if (!unpack_searched(file, size, payload, payload_size, problem)) {
		return false;
	}
	if (is_elf(*payload, *payload_size))
		return true;
	free(*payload);
	*payload = NULL;
	return problem_report(problem, BZIMAGE_NOT_ELF);
}
