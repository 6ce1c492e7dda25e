/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_PANIC_H
#define ROM_XEN_PANIC_H

#include "rom/platform/xen/frame.h"

/* Ends the domain as crashed, after all that may help. frame: what was interrupted, or null. */
_Noreturn void panic(const struct rom_frame *frame, const char *why);

/* Prints the same, and goes on. */
void describe(const struct rom_frame *frame, const char *what);

/* The same, with two numbers. */
_Noreturn void panic_numbers(const char *why, uint32_t first, uint32_t second);

#endif
