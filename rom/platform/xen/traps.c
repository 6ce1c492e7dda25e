/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/frame.h"
#include "rom/platform/xen/panic.h"

void trap(struct rom_frame *frame);

void trap(struct rom_frame *frame)
{
	panic(frame, "unexpected trap");
}
