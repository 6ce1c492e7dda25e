/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/workers.h"

#include <sys/wait.h>
#include <unistd.h>

static int work_until_done(struct comparison comparison, work_function *work, const void *argument,
                           uint64_t unit_count)
{
	comparison.oracles = oracles_open();
	if (!comparison.oracles)
		return 1;
	for (;;) {
		uint64_t unit = atomic_fetch_add(&comparison.findings->next_unit, 1);

		if (unit >= unit_count)
			break;
		work(&comparison, unit, argument);
	}
	oracles_close(comparison.oracles);
	return 0;
}

bool workers_run(const struct comparison *comparison, work_function *work, const void *argument,
                 uint64_t unit_count)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN), started;
	bool well = true;

	atomic_store(&comparison->findings->next_unit, 0);
	for (started = 0; started < (processors > 0 ? processors : 1); started++) {
		pid_t child = fork();

		if (child < 0) {
			well = false;
			break;
		}
		if (child == 0)
			_exit(work_until_done(*comparison, work, argument, unit_count));
	}
	for (long i = 0; i < started; i++) {
		int status;

		if (wait(&status) < 0 || status != 0)
			well = false;
	}
	return well;
}
