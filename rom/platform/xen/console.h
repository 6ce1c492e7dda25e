/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_CONSOLE_H
#define ROM_XEN_CONSOLE_H

/* What the ROM has to say, on the domain's console. */

#include <stddef.h>
#include <stdint.h>

/* Bytes as they are. */
void console_write(const uint8_t *bytes, size_t size);

/*
 * The conversions of printf that the ROM needs: %s (string), %x (uint32_t, 8 digits), %b (uint32_t,
 * 2 digits), %u (uint32_t), %%. Lines end with \n; the console gets \r before it.
 */
void print(const char *format, ...);

#endif
