/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/pte/debug_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patcher/pte/dwarf_reader.h"

#define HEX_SIZE (2 * sizeof(((struct kernel *)NULL)->build_id) + 1)

static const char *hex(const uint8_t *bytes, size_t size, char text[HEX_SIZE])
{
	text[0] = '\0';
	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

/* Whether what was found is debug information of this kernel. */
static bool check(const struct kernel *kernel, const struct debug_file *debug,
                  struct problem *problem)
{
	char theirs[HEX_SIZE], ours[HEX_SIZE];
	struct dwarf_identity identity;

	if (!dwarf_identify(debug->bytes, debug->size, &identity) || !identity.is_elf32_i386)
		return problem_report(problem, DEBUG_KIND, debug->path);
	if (!identity.has_dwarf)
		return problem_report(problem, DEBUG_NONE, debug->path);
	if (kernel->build_id_size && identity.build_id_size &&
	    (kernel->build_id_size != identity.build_id_size ||
	     memcmp(kernel->build_id, identity.build_id, kernel->build_id_size) != 0))
		return problem_report(problem, DEBUG_OTHER_KERNEL, debug->path,
		                      hex(identity.build_id, identity.build_id_size, theirs),
		                      hex(kernel->build_id, kernel->build_id_size, ours));
	return true;
}

/* Reads and checks the file at debug->path. */
static bool read_file(const struct kernel *kernel, struct debug_file *debug,
                      struct problem *problem)
{
	struct problem reason;

	if (!input_file_read(debug->path, &debug->file, &reason))
		return problem_report(problem, DEBUG_FILE, debug->path, reason.text);
	debug->bytes = debug->file.bytes;
	debug->size = debug->file.size;
	return check(kernel, debug, problem);
}

static bool has_own(const struct kernel *kernel)
{
	struct dwarf_identity identity;

	return dwarf_identify(kernel->image, kernel->image_size, &identity) && identity.has_dwarf;
}

/* Puts the name of the build-id's file into debug->name; false if there is no such file. */
static bool find_by_build_id(const struct kernel *kernel, const char *folder,
                             struct debug_file *debug)
{
	char id[HEX_SIZE];
	int length;

	if (kernel->build_id_size < 2)
		return false;
	hex(kernel->build_id, kernel->build_id_size, id);
	length = snprintf(debug->name, sizeof(debug->name), "%s/.build-id/%.2s/%s.debug", folder,
	                  id, id + 2);
	return length > 0 && (size_t)length < sizeof(debug->name) && !access(debug->name, F_OK);
}

static bool is_folder(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

bool debug_file_open(const struct kernel *kernel, const char *where, struct debug_file *debug,
                     struct problem *problem)
{
	bool automatic = !strcmp(where, "auto"), folder = !automatic && is_folder(where);

	*debug = (struct debug_file){.path = where};
	if (!strcmp(where, "none"))
		return true;
	if (!automatic && !folder)
		return read_file(kernel, debug, problem);
	if (has_own(kernel)) {
		debug->bytes = kernel->image;
		debug->size = kernel->image_size;
		debug->path = kernel->path;
		return true;
	}
	if (find_by_build_id(kernel, folder ? where : DEBUG_FILE_FOLDER, debug)) {
		debug->path = debug->name;
		return read_file(kernel, debug, problem);
	}
	if (automatic)
		return true;
	return problem_report(problem, DEBUG_NOT_FOUND, where);
}

void debug_file_close(struct debug_file *debug)
{
	input_file_close(&debug->file);
	*debug = (struct debug_file){0};
}
