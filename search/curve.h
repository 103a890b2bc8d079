/* SPDX-License-Identifier: MIT */
/* How good a strategy is on a recorded space: what it has found after so many
 * evaluations, over many seeds. */
#ifndef WPK_SEARCH_CURVE_H
#define WPK_SEARCH_CURVE_H

#include "search/replay.h"

enum { CURVE_MARKS = 24 };

/* "batch" points are proposed and told at once; or "window", unless it is 0, are
 * under way at once, of which the oldest is told first.
 * At each of the "n" marks, a number of distinct evaluations: the optimum's
 * time over the best time found until then, its mean over the seeds and its
 * standard deviation. A seed that has found nothing yet counts as 0; one that
 * had exhausted the space keeps what it found. "to_95" is the mean number of
 * evaluations to the first value of at least 0.95, "reached_95" the share of
 * seeds that came there; the others count with the whole budget. "own_ms" is
 * what the search itself took for each candidate. */
struct curve {
	int batch, window;
	int marks[CURVE_MARKS], n;
	double mean[CURVE_MARKS], spread[CURVE_MARKS];
	int seeds;
	double to_95, reached_95, own_ms;
};

/* 25, 50, 100, .. up to "budget", which is the last; points one by one. */
void curve_init(struct curve *c, int budget);

/* Search "r" with seeds 1 .. "seeds". "from" is a sister's table, or NULL: its
 * points are known beforehand where its tunables are the same by name and
 * value. Ends early, with the seeds that were done, once "*stop" is true. */
void curve_run(struct curve *c, const struct replay *r,
	const struct replay *from, const struct strategy *s, int seeds,
	const volatile int *stop);

/* Points of "from" as a prior for searches of "r"; NULL, with "*why", when
 * they have no tunable in common or none of the values. */
const struct prior *curve_prior(struct arena *a, const struct replay *r,
	const struct replay *from, const char **why);

#endif
