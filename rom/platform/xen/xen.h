/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_XEN_H
#define ROM_XEN_XEN_H

/* Xen's public headers as a 32-bit PV guest reads them. */

#include <stdint.h> /* first: they take its types for granted */

#define __XEN_INTERFACE_VERSION__ 0x00040d00     /* or they describe the first versions */
#define mmu_update                xen_mmu_update /* rom/mmu/backend.h has a structure of that name */
#include <xen/xen.h>
#undef mmu_update

#endif
