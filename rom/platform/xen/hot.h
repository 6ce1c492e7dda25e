/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_HOT_H
#define ROM_XEN_HOT_H

/* The calls that run beside the guest (hot_calls.S, slots.S), from the ROM's side. */

#include <stdbool.h>

#include "rom/platform/xen/frame.h"

/* Lets them run, or leads their slots into the ROM, as the frame's stack segment asks. */
void hot_calls_allow(struct rom_frame *frame);

/*
 * The frame was interrupted, or has faulted, in the last part of a return to user mode: the return
 * is completed or refused here, and the answer is true.
 */
bool hot_return_complete(struct rom_frame *frame);

/* The number of the call whose cold part an address is in, one behind its int; -1: none. */
int cold_call_number(uint32_t address);

#endif
