/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/shutdown.h"
#include "rom/platform/xen/hypercall.h"

void shut_down(uint32_t reason)
{
	struct sched_shutdown argument = {.reason = reason};

	for (;;)
		hypercall_sched_op(SCHEDOP_shutdown, &argument);
}
