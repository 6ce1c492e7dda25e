/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

/* The console: the first serial port, a 16550 at 0x3f8, written by polling. */

void console_setup(void);

/* Prints format; it knows %s, %c, %u (decimal) and %x (hexadecimal), all of 32 bits. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

#endif
