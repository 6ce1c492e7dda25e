/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_BZIMAGE_BUILDER_H
#define TESTS_UNIT_BZIMAGE_BUILDER_H

/* Wraps a kernel into a Linux boot image, as arch/x86/boot/ does. */

#include "tests/unit/pack.h"

#define BZIMAGE_SETUP_SIZE     ((2 + 1) * 512) /* set-up sectors 2, and the boot sector */
#define BZIMAGE_PAYLOAD_OFFSET 0x40            /* in the protected-mode code */
#define BZIMAGE_PAYLOAD        (BZIMAGE_SETUP_SIZE + BZIMAGE_PAYLOAD_OFFSET)

/* image: to be freed by the caller. tail bytes of other code stand behind the payload. */
static inline void build_bzimage(const struct byte_buffer *kernel, enum compression compression,
                                 uint16_t protocol, size_t tail, struct byte_buffer *image)
{
	size_t length;

	memset(image, 0, sizeof(*image));
	buffer_fill(image, 0, BZIMAGE_SETUP_SIZE);
	buffer_set(image, 0x1f1, 2, 1);
	buffer_set(image, 0x1fe, 0xaa55, 2);
	memcpy(image->data + 0x202, "HdrS", 4);
	buffer_set(image, 0x206, protocol, 2);
	buffer_fill(image, 0x90, BZIMAGE_PAYLOAD_OFFSET);
	pack(compression, kernel, image);
	if (compression != COMPRESSION_GZIP)
		buffer_word(image, kernel->size, 4);
	length = image->size - BZIMAGE_PAYLOAD;
	buffer_fill(image, 0x90, tail);
	if (protocol >= 0x208) {
		buffer_set(image, 0x248, BZIMAGE_PAYLOAD_OFFSET, 4);
		buffer_set(image, 0x24c, length, 4);
	}
}

#endif
