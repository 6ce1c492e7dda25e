/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_STATISTICS_H
#define ROM_XEN_STATISTICS_H

/* What happened how often; told at the end if the command line has the word rom=stats. */

#include "rom/platform/xen/frame.h"
#include "rom/stats/stats.h"

/* Calls that entered the ROM (hot ones mostly do not), and sites that trapped. */
extern struct stats stats;

/* Traps by vector, then events and failsafe callbacks; and the ROM's own, for the guest. */
struct trap_counts {
	uint32_t traps[FRAME_VECTOR_FAILSAFE + 1];
	uint32_t rom_faults;
};
extern struct trap_counts trap_counts;

/* Looks for the word. */
void statistics_initialise(const char *command_line);

/* Tells, if it was there. */
void statistics_print(void);

#endif
