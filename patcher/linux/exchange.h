/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_EXCHANGE_H
#define PATCHER_EXCHANGE_H

/* A function of Linux that is known by its code. */

#include "patcher/kernel/kernel.h"

/*
 * Whether the function at guest-virtual address is what atomic64_xchg_cx8() is on i386
 * (arch/x86/lib/atomic64_cx8_32.S): it exchanges ECX:EBX with the 64 bits at ESI, gives the old
 * ones in EDX:EAX, and does nothing else.
 */
bool linux_exchanges_64_bits(const struct kernel *kernel, uint32_t address);

#endif
