/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/command/patch_outputs.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/output_file.h"

/* --- where to ----------------------------------------------------------------------- */

/* The path of output number index, or NULL if it is not wanted: the kernel, the ROM, reports. */
static const char *path_of(const struct patch_outputs *outputs, size_t index)
{
	if (index == 0)
		return outputs->kernel;
	return index == 1 ? outputs->rom : outputs->reports[index - 2];
}

const char *patch_outputs_clash(const struct patch_outputs *outputs)
{
	for (size_t i = 0; i < outputs->report_count + 2; i++)
		for (size_t j = 0; path_of(outputs, i) && j < i; j++)
			if (path_of(outputs, j) &&
			    !strcmp(path_of(outputs, i), path_of(outputs, j)))
				return path_of(outputs, i);
	return NULL;
}

bool patch_outputs_to_standard(const struct patch_outputs *outputs)
{
	for (size_t i = 0; i < outputs->report_count + 2; i++)
		if (path_of(outputs, i) && output_is_standard(path_of(outputs, i)))
			return true;
	return false;
}

/* --- writing ------------------------------------------------------------------------ */

/* The kernel, to stream or (NULL) to nowhere; the report learns its hash and size. */
static bool write_kernel(FILE *stream, struct patch_report *report, struct problem *problem)
{
	struct hash_stream hash;
	bool done;

	if (!hash_stream_begin(&hash, stream))
		return problem_report(problem, OUT_OF_MEMORY);
	done = patch_write(hash.stream, report->patch, report->input_sha256, problem);
	hash_stream_end(&hash, report->output_sha256);
	report->output_size = hash.size;
	return done;
}

/* Writes output number index to stream. */
static bool write_one(size_t index, FILE *stream, struct patch_report *report,
                      const struct patch_outputs *outputs, struct problem *problem)
{
	const struct patch *patch = report->patch;

	if (index >= 2)
		return patch_report_write(stream, report, problem);
	if (index == 1) {
		fwrite(patch->linked.image, 1, patch->rom->image_size, stream);
		return true;
	}
	if (outputs->report_count)
		return write_kernel(stream, report, problem);
	return patch_write(stream, patch, report->input_sha256, problem);
}

bool patch_outputs_write(const struct patch_outputs *outputs, struct patch_report *report,
                         struct problem *problem)
{
	size_t count = 0, most = outputs->report_count + 2;
	struct output_file *files = calloc(most, sizeof(*files));
	const struct kernel *kernel = report->patch->kernel;
	bool done = true;

	if (!files)
		return problem_report(problem, OUT_OF_MEMORY);
	hash_bytes(kernel->file, kernel->file_size, report->input_sha256);
	if (!outputs->kernel && outputs->report_count)
		done = write_kernel(NULL, report, problem);
	for (size_t i = 0; i < most && done; i++) {
		if (!path_of(outputs, i))
			continue;
		done = output_open(&files[count], path_of(outputs, i), problem);
		if (done)
			done = write_one(i, files[count++].stream, report, outputs, problem);
	}
	if (done)
		done = output_commit_all(files, count, problem);
	else
		output_abandon_all(files, count);
	free(files);
	return done;
}
