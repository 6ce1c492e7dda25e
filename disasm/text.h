/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_TEXT_H
#define DISASM_TEXT_H

/* Text of single instructions, by Capstone: for reports, a few thousand sites. */

#include "disasm/decode.h"

struct disasm_text;

/* A text maker for one mode, or NULL when Capstone cannot be started. Ended with
 * disasm_text_close(). */
struct disasm_text *disasm_text_open(enum disasm_mode mode);
void disasm_text_close(struct disasm_text *text);

/*
 * Writes the AT&T text of the instruction of length bytes at address into buffer
 * (buffer_size is at least 1; the text is cut if need be, and always terminated):
 * as objdump prints it, but always with the suffix of the operand size. Where
 * Capstone knows no text (4.0 does not know tpause or monitorx), "(bad)".
 */
void disasm_text_format(struct disasm_text *text, const uint8_t *bytes, size_t length,
                        uint64_t address, char *buffer, size_t buffer_size);

#endif
