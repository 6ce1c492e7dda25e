/* SPDX-License-Identifier: BSD-2-Clause */

/* Runs a harness once for each file given: what libFuzzer does for regressions, without it. */

#include <string.h>

#include "tests/fuzz/harness.h"

static bool replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long size = -1;
	bool done = false;

	if (file && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0 && fseek(file, 0, SEEK_SET) == 0) {
		bytes = malloc(size ? (size_t)size : 1); /* exactly as large as the input */
		done = bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size;
	}
	if (done)
		LLVMFuzzerTestOneInput(bytes, (size_t)size);
	else
		perror(path);
	free(bytes);
	if (file)
		fclose(file);
	return done;
}

int main(int count, char **arguments)
{
	bool done = true;

	for (int i = 1; i < count; i++)
		done &= replay(arguments[i]);
	return done ? 0 : 1;
}
