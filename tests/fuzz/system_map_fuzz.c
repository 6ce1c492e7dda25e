/* SPDX-License-Identifier: BSD-2-Clause */

/* A System.map given with --symbols, beside a sound stripped ELF: the input is the System.map. */

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/elf_frame.h"
#include "tests/fuzz/harness.h"

/* A file in memory; path is that of /proc. -1 on failure. */
static int make_file(const char *name, const uint8_t *bytes, size_t size, char path[64])
{
	int descriptor = memfd_create(name, MFD_CLOEXEC);

	if (descriptor < 0)
		return -1;
	if (write(descriptor, bytes, size) != (ssize_t)size) {
		close(descriptor);
		return -1;
	}
	snprintf(path, 64, "/proc/self/fd/%d", descriptor);
	return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char kernel_path[64];
	static int kernel_file = -1;
	char map_path[64];
	int map_file = make_file("System.map", data, size, map_path);
	struct kernel_read_options options = {.system_map = map_path};
	struct kernel kernel;
	struct problem problem;

	if (kernel_file < 0) {
		size_t image_size;
		uint8_t *image = elf_frame_make(false, "6.1.0", NULL, 0, &image_size);

		if (image)
			kernel_file = make_file("vmlinux", image, image_size, kernel_path);
		free(image);
	}
	if (map_file >= 0 && kernel_file >= 0) {
		if (kernel_read(kernel_path, &options, &kernel, &problem)) {
			check_kernel(&kernel);
			kernel_free(&kernel);
		} else {
			check_problem(&problem);
		}
	}
	if (map_file >= 0)
		close(map_file);
	return 0;
}
