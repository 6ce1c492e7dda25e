/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_ELF_FRAME_H
#define TESTS_FUZZ_ELF_FRAME_H

/*
 * A sound, stripped Linux ELF around a piece of read-only data, so that a fuzzer's changes go into
 * that piece and not into headers. .text is at ELF_FRAME_TEXT (32) or ELF_FRAME_TEXT_64 and
 * ELF_FRAME_TEXT_SIZE long; .rodata follows it: the piece, then linux_banner.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_FRAME_TEXT      0xc1000000u
#define ELF_FRAME_TEXT_64   0xffffffff81000000u
#define ELF_FRAME_TEXT_SIZE 0x1000u

/* The ELF, to be given to free(); NULL if memory runs out. version: "6.1.0". */
uint8_t *elf_frame_make(bool is_64bit, const char *version, const uint8_t *piece, size_t piece_size,
                        size_t *size);

#endif
