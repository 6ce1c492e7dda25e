/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_WINDOW_H
#define ROM_XEN_WINDOW_H

/*
 * What stands where in the window, ROM_XEN_WINDOW to ROM_XEN_HOLE (patchtables/rom_abi.h). For C
 * and assembler. The window is mapped by four L1 tables of its own, in every address space.
 */

#include "patchtables/rom_abi.h"

#define WINDOW_TABLES 4 /* L1 tables, 2 MB each */

/* First the region: springboards, slots, wedge, site table. Behind it, up to WINDOW_POOL_END, pages
   for page tables. */
#define WINDOW_POOL_END    0xf5600000
#define WINDOW_SHARED_INFO 0xf5600000
#define WINDOW_HEAP        0xf5610000 /* memory that the ROM takes at start, for good */
#define WINDOW_HEAP_END    0xf5680000
#define WINDOW_SLOTS       0xf5680000 /* where the MMU looks at guest memory */
#define WINDOW_SLOT_COUNT  128
#define WINDOW_P2M         0xf5700000 /* machine frames of guest-physical pages */
#define WINDOW_P2M_PAGES   256        /* enough for 1 GB */

/* struct vcpu_info of the first virtual CPU is the first thing in shared_info (Xen public/xen.h).
 */
#define VCPU_INFO_PENDING WINDOW_SHARED_INFO
#define VCPU_INFO_MASK    (WINDOW_SHARED_INFO + 1)

#endif
