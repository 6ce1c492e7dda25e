/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool report_output(struct problem *problem, const char *path, int error)
{
	problem_report(problem, OUTPUT_FAILED, strerror(error));
	problem->file = path ? path : "standard output";
	return false;
}

/* mkstemp() makes files of mode 0600; a report is as open as any new file. */
static void widen_mode(int descriptor)
{
	mode_t mask = umask(0);

	umask(mask);
	(void)!fchmod(descriptor, 0666 & ~mask);
}

/* Devices and pipes are written to directly: there is nothing to rename over. */
static bool is_special(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

bool output_open(struct output_file *output, const char *path, struct problem *problem)
{
	int descriptor;

	*output = (struct output_file){.stream = stdout};
	if (!path || !strcmp(path, "-"))
		return true;
	output->path = path;
	if (is_special(path)) {
		output->stream = fopen(path, "w");
		return output->stream || report_output(problem, path, errno);
	}
	if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
		output->temporary = NULL;
		return report_output(problem, path, ENOMEM);
	}
	descriptor = mkstemp(output->temporary);
	output->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
	if (output->stream) {
		widen_mode(descriptor);
		return true;
	}
	report_output(problem, path, errno);
	if (descriptor >= 0) {
		close(descriptor);
		unlink(output->temporary);
	}
	free(output->temporary);
	return false;
}

bool output_commit(struct output_file *output, struct problem *problem)
{
	bool written = !fflush(output->stream) && !ferror(output->stream);
	int error = errno;

	if (!output->path)
		return written || report_output(problem, NULL, error);
	if (written && output->temporary && fsync(fileno(output->stream))) {
		written = false;
		error = errno;
	}
	if (fclose(output->stream) && written) {
		written = false;
		error = errno;
	}
	if (written && output->temporary && rename(output->temporary, output->path)) {
		written = false;
		error = errno;
	}
	if (!written && output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	return written || report_output(problem, output->path, error);
}

void output_abandon(struct output_file *output)
{
	if (!output->path)
		return;
	fclose(output->stream);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
}
