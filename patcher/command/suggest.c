/* SPDX-License-Identifier: BSD-2-Clause */

/* Which word may have been meant. */

#include <string.h>

#include "patcher/command/commands.h"

#define LONGEST_WORD 31

/* The number of single-letter changes from one word to the other, both of at most LONGEST_WORD
 * letters (Levenshtein's distance, a row of its matrix at a time). */
static unsigned int word_distance(const char *from, const char *to)
{
	unsigned int row[LONGEST_WORD + 1];
	size_t width = strlen(to);

	for (size_t i = 0; i <= width; i++)
		row[i] = (unsigned int)i;
	for (; *from; from++) {
		unsigned int diagonal = row[0]++;

		for (size_t i = 1; i <= width; i++) {
			unsigned int best = diagonal + (*from != to[i - 1]);

			diagonal = row[i];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			row[i] = best;
		}
	}
	return row[width];
}

bool command_is_near(const char *word, const char *name)
{
	return strlen(word) <= LONGEST_WORD && strlen(name) <= LONGEST_WORD &&
	       word_distance(word, name) <= 2;
}
