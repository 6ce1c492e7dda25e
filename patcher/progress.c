/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 20

void progress_begin(struct progress *progress, unsigned int steps)
{
	const char *terminal = getenv("TERM");

	*progress = (struct progress){.steps = steps ? steps : 1};
	progress->enabled = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

void progress_step(struct progress *progress, const char *what)
{
	unsigned int filled = progress->done * BAR_WIDTH / progress->steps;

	if (progress->done < progress->steps)
		progress->done++;
	if (!progress->enabled)
		return;
	fputs("\r[", stderr);
	for (unsigned int i = 0; i < BAR_WIDTH; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fprintf(stderr, "] %s\033[K", what);
}

void progress_end(struct progress *progress)
{
	if (progress->enabled)
		fputs("\r\033[K", stderr);
}
