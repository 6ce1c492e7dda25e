/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VCPU_ESCAPED_H
#define ROM_VCPU_ESCAPED_H

/* Instructions that trap because they are not calls: the patcher's traps, and what escaped it. */

#include "rom/vcpu/vcpu.h"

/* A #GP(0) at the frame's instruction: true if it was one that is emulated. Counted and reported.
 */
bool emulate_escaped(struct rom_frame *frame);

/* A breakpoint, EIP behind it: true if it is a site that the patcher made a trap. */
bool emulate_site(struct rom_frame *frame);

/* While an instruction is emulated: the frame becomes that before it, for a fault. False: none is.
 */
bool emulation_to_site(struct rom_frame *frame);

#endif
