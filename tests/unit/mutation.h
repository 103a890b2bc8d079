/* SPDX-License-Identifier: MIT */
/* One fault, planted at each place of a kernel's text where it can be. */
#ifndef WPK_TESTS_UNIT_MUTATION_H
#define WPK_TESTS_UNIT_MUTATION_H

#include "subject.h"

/* What lines are changed, and how. Where time is short the first is, of all kernels
 * that count together, and some of the others, fewer where "one" is more. */
struct mutation {
	const char *name, *line, *was, *is;
	int one;
};

/* Everything that is looked for; that by watching first, which takes less time
 * to compile and finds most. */
struct check_result mutation_look(struct subject *s);
/* How many places there are; fails with those that were not found. "idle": bits
 * of guards (1: the first) where one more does no harm. "before": how many places
 * there were. */
int mutate_all(struct subject *s, const struct mutation *m, const char *sketch,
	unsigned idle, int before);
/* Adds to "n" how many places each of "some" has in what is right so far, and ends
 * "s". */
void mutate(struct subject s, const struct mutation *some, int count, int *n);
/* Each has a place: "n" is how many. */
void assert_places(const struct mutation *some, int count, const int *n);

#endif
