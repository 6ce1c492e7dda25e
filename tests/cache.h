/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CACHE_H
#define TESTS_CACHE_H

/* Kernels in the cache folder, for tests in C. */

#include <glob.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first file that `pattern` (of glob(3), relative to the cache folder) names, to be freed; NULL
 * if there is none. */
static inline char *cache_find(const char *pattern)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[4096], *file = NULL;
	glob_t found;

	if (cache && *cache)
		snprintf(path, sizeof(path), "%s/postburn/%s", cache, pattern);
	else
		snprintf(path, sizeof(path), "%s/.cache/postburn/%s", home ? home : "", pattern);
	if (glob(path, 0, NULL, &found) == 0) {
		file = strdup(found.gl_pathv[0]);
		globfree(&found);
	}
	return file;
}

/* Whether one of `count` patterns names nothing; then TAP's word for a skipped program has been
 * printed. cmocka's own skip() is a failure to readers of TAP. */
static inline bool cache_lacks(const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *file = cache_find(patterns[i]);

		if (!file) {
			printf("1..0 # SKIP %s is not in the cache\n", patterns[i]);
			return true;
		}
		free(file);
	}
	return false;
}

#endif
