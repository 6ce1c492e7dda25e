/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EQUIVALENCE_WINDOW_H
#define EQUIVALENCE_WINDOW_H

#include "patcher/springboard/springboard.h"
#include "tests/equivalence/machine.h"

/* Unpaged code runs at an alias, this much below its addresses. */
#define ALIAS_OFFSET UINT32_C(0xc0000000)

/*
 * The window of all instructions of bytes (borrowed), which run at CODE_ADDRESS; sites have their
 * forms, everything lives. Addresses are higher by ALIAS_OFFSET if it is unpaged.
 */
void window_make(const uint8_t *bytes, unsigned int size, bool unpaged, struct window *window);

/* Its springboard for a ROM at ROM_ADDRESS, likewise, and writes it to SPRINGBOARD_ADDRESS. The
 * test fails if it cannot be built. */
void window_build(struct machine *machine, const struct window *window, const struct rom *rom,
                  struct springboard *springboard);

void print_bytes(const char *title, const uint8_t *bytes, unsigned int size);

#endif
