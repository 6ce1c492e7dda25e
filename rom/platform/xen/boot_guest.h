/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_BOOT_GUEST_H
#define ROM_XEN_BOOT_GUEST_H

#include "rom/platform/xen/frame.h"
#include "rom/platform/xen/xen.h"

/* Writes what the guest's boot protocol asks for into its memory, and the frame it begins with. */
void prepare_guest(const struct start_info *start_info, struct rom_frame *frame);

#endif
