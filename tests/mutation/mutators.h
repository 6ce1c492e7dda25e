/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MUTATION_MUTATORS_H
#define TESTS_MUTATION_MUTATORS_H

/* Ways to damage an output. */

#include "tests/mutation/output.h"

#define MUTATION_TOUCHED 8

struct mutation {
	struct output *output;
	uint64_t random; /* state */
	struct part touched[MUTATION_TOUCHED];
	unsigned int touched_count;
	char what[200]; /* what was done, for reports */
};

struct mutator {
	const char *name;
	/* Damages the output somewhere; false if it found nothing to damage this time. */
	bool (*apply)(struct mutation *mutation);
};

extern const struct mutator mutators[];
extern const size_t mutator_count;

/* Puts back what was changed. */
void mutation_undo(struct mutation *mutation);

/* Whether any byte differs from what was written. */
bool mutation_changed(const struct mutation *mutation);

#endif
