/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_TRACE_H
#define ROM_XEN_TRACE_H

/* The last calls, traps and events, for whoever must find out what happened. */

#include <stdint.h>

#include "rom/platform/xen/frame.h"

/* Notes a frame that has just come in. cr2: for page faults. */
void trace_frame(const struct rom_frame *frame, uint32_t cr2);

/* Prints the last `count` of them, oldest first. */
void trace_print(unsigned int count);

#endif
