/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_SHUTDOWN_H
#define ROM_XEN_SHUTDOWN_H

#include <stdint.h>

#include "rom/platform/xen/xen.h" /* first */

#include <xen/sched.h>

/* Ends the domain; reason: SHUTDOWN_* of Xen's public/sched.h. */
_Noreturn void shut_down(uint32_t reason);

#endif
