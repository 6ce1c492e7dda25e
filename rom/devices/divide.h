/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_DIVIDE_H
#define ROM_DEVICES_DIVIDE_H

#include <stdint.h>

/*
 * dividend / divisor; the remainder goes to *remainder. divisor: 1 to 65,536. In steps that a
 * 32-bit processor's own division does: the ROM has no compiler's library to call.
 */
uint64_t divide(uint64_t dividend, uint32_t divisor, uint32_t *remainder);

#endif
