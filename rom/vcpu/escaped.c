/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/vcpu/escaped.h"
#include "rom/platform/xen/console.h"

#define REPORTED 32 /* of them all are counted */

bool emulate_escaped(struct rom_frame *frame)
{
	if (frame_ring(frame) == RING_GUEST && vcpu.emulated++ < REPORTED)
		print("postburn: an instruction that was not rewritten, at %x\n", frame->eip);
	return false;
}

bool emulate_site(struct rom_frame *frame)
{
	(void)frame;
	return false;
}
