/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PROGRESS_H
#define PATCHER_PROGRESS_H

/* One line of progress on standard error, only where that is a terminal; never in logs. */

struct progress {
	unsigned int steps; /* in all */
	unsigned int done;
	int enabled;
};

void progress_begin(struct progress *progress, unsigned int steps);

/* Shows the bar with what is being done now, and counts it as a step. */
void progress_step(struct progress *progress, const char *what);

/* Removes the line. */
void progress_end(struct progress *progress);

#endif
