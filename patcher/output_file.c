/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/output_file.h"

#include <errno.h>
#include <fcntl.h>
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

/* mkstemp() makes files of mode 0600; an output is as open as any new file. */
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

bool output_is_standard(const char *path)
{
	return !path || !strcmp(path, "-");
}

/* --- opening ------------------------------------------------------------------------ */

/* Standard output and devices. True: the output is open, or *failed. */
static bool open_directly(struct output_file *output, const char *path, bool *failed)
{
	*failed = false;
	*output = (struct output_file){.stream = stdout};
	if (output_is_standard(path))
		return true;
	output->path = path;
	if (!is_special(path))
		return false;
	output->stream = fopen(path, "w");
	*failed = !output->stream;
	return true;
}

/* The path by which linkat() finds an open file that has no name: open(2), O_TMPFILE. */
static void descriptor_path(int descriptor, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", descriptor);
}

/* A new file without a name in the folder of path; -1: there can be none. */
static int create_unnamed(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int descriptor = folder ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;
	char name[32];

	free(folder);
	descriptor_path(descriptor, name);
	if (descriptor >= 0 && access(name, F_OK)) {
		close(descriptor);
		descriptor = -1;
	}
	return descriptor;
}

static bool open_temporary(struct output_file *output, bool unnamed, struct problem *problem)
{
	int descriptor = -1;

	if (asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
		output->temporary = NULL;
		return report_output(problem, output->path, ENOMEM);
	}
	if (unnamed)
		descriptor = create_unnamed(output->path);
	output->unnamed = descriptor >= 0;
	if (descriptor < 0) {
		descriptor = mkstemp(output->temporary);
		if (descriptor >= 0)
			widen_mode(descriptor);
	}
	output->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
	if (output->stream)
		return true;
	report_output(problem, output->path, errno);
	if (descriptor < 0)
		output->unnamed = true; /* there is no file to remove */
	else
		close(descriptor);
	output_abandon(output);
	return false;
}

bool output_open(struct output_file *output, const char *path, struct problem *problem)
{
	bool failed;

	if (open_directly(output, path, &failed))
		return !failed || report_output(problem, path, errno);
	return open_temporary(output, true, problem);
}

bool output_open_named(struct output_file *output, const char *path, struct problem *problem)
{
	bool failed;

	if (open_directly(output, path, &failed))
		return !failed || report_output(problem, path, errno);
	return open_temporary(output, false, problem);
}

/* --- the end ------------------------------------------------------------------------ */

bool output_finish(struct output_file *output, struct problem *problem)
{
	if (!fflush(output->stream) && !ferror(output->stream) &&
	    (!output->temporary || !fsync(fileno(output->stream))))
		return true;
	report_output(problem, output->path, errno);
	output_abandon(output);
	return false;
}

/*
 * Gives the file a name for the first time: its destination, or, where something has that name
 * already, one beside it. linkat() replaces nothing.
 */
static bool name_file(struct output_file *output)
{
	size_t suffix = strlen(output->temporary) - 6;
	char from[32];

	descriptor_path(fileno(output->stream), from);
	if (!linkat(AT_FDCWD, from, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW)) {
		free(output->temporary);
		output->temporary = NULL;
		return true;
	}
	for (unsigned int try = 0; errno == EEXIST && try < 100; try++) {
		snprintf(output->temporary + suffix, 7, "%06x",
		         ((unsigned int)getpid() * 100 + try) & 0xffffff);
		if (!linkat(AT_FDCWD, from, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW)) {
			output->unnamed = false;
			return true;
		}
	}
	return false;
}

bool output_publish(struct output_file *output, struct problem *problem)
{
	bool replaces = output->temporary != NULL;

	if ((output->temporary && output->unnamed && !name_file(output)) ||
	    (output->temporary && rename(output->temporary, output->path))) {
		report_output(problem, output->path, errno);
		output_abandon(output);
		return false;
	}
	free(output->temporary);
	output->temporary = NULL;
	output_abandon(output); /* only closes it */
	output->published = replaces;
	return true;
}

bool output_commit(struct output_file *output, struct problem *problem)
{
	return output_finish(output, problem) && output_publish(output, problem);
}

void output_abandon(struct output_file *output)
{
	if (output->path && output->stream)
		fclose(output->stream);
	output->stream = NULL;
	if (output->temporary && !output->unnamed)
		unlink(output->temporary);
	free(output->temporary);
	output->temporary = NULL;
}

/* --- outputs that belong together --------------------------------------------------- */

/* Finishes those with a temporary file, or the others: what is written to them stays written. */
static bool finish_some(struct output_file *outputs, size_t count, bool temporary,
                        struct problem *problem)
{
	for (size_t i = 0; i < count; i++)
		if ((outputs[i].temporary != NULL) == temporary &&
		    !output_finish(&outputs[i], problem))
			return false;
	return true;
}

/* The one reason for a name to be refused once the file could be made in its folder. */
static bool check_folders(const struct output_file *outputs, size_t count, struct problem *problem)
{
	struct stat status;

	for (size_t i = 0; i < count; i++)
		if (outputs[i].temporary && !stat(outputs[i].path, &status) &&
		    S_ISDIR(status.st_mode))
			return report_output(problem, outputs[i].path, EISDIR);
	return true;
}

bool output_commit_all(struct output_file *outputs, size_t count, struct problem *problem)
{
	size_t published = 0;
	bool done = check_folders(outputs, count, problem) &&
	            finish_some(outputs, count, true, problem) &&
	            finish_some(outputs, count, false, problem);

	while (done && published < count)
		done = output_publish(&outputs[published++], problem);
	if (done)
		return true;
	output_abandon_all(outputs, count);
	for (size_t i = 0; i < published; i++)
		if (outputs[i].published)
			unlink(outputs[i].path);
	return false;
}

void output_abandon_all(struct output_file *outputs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		output_abandon(&outputs[i]);
}
