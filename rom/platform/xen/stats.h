/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_STATS_H
#define ROM_XEN_STATS_H

/* What happened how often; printed at the end if the command line has the word rom=stats. */

#include <stdint.h>

#include "rom/platform/xen/frame.h"

#define STATS_CALLS 128
#define STATS_TRAPS 258 /* vectors, event, failsafe */

struct stats {
	uint32_t calls[STATS_CALLS]; /* that entered the ROM: hot ones mostly do not */
	uint32_t traps[STATS_TRAPS];
	uint32_t rom_faults; /* traps of the ROM's own, on the guest's behalf */
};
extern struct stats stats;

/* Looks for the word. */
void stats_initialise(const char *command_line);

/* Prints, if it was there: a line `postburn: stats: KIND NAME COUNT` for each count but 0. */
void stats_print(void);

#endif
