/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_BZIMAGE_H
#define PATCHER_BZIMAGE_H

/*
 * A Linux/x86 boot image (Documentation/x86/boot.rst in Linux): real-mode set-up code with the
 * "HdrS" header, then the protected-mode code, which carries the packed kernel.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/kernel/decompress.h"
#include "patcher/problem.h"

/* Whether the file has the set-up header of boot protocol 2.00 or later. */
bool bzimage_detect(const uint8_t *file, size_t size);

/*
 * Unpacks the kernel in the boot image.
 * true: *payload (to be given to free()) holds *payload_size bytes, which begin with an ELF header.
 */
bool bzimage_unpack(const uint8_t *file, size_t size, uint8_t **payload, size_t *payload_size,
                    struct problem *problem);

#endif
