/* SPDX-License-Identifier: MIT */
/* std.pairs as formulas: each point of one cloud with each of another. */
#include <math.h>

#include "stdlib_cases.h"

#define POINTS "N = 7, M = 12, D = 3"

/* Squared distance of point i of x to point j of y, of clouds number b, -1: there
 * is one. */
static double squared(const struct trial *t, int64_t b, int64_t i, int64_t j)
{
	double s = 0;

	FOR(k, SIZE("D")) {
		double d = b < 0 ? IN(0, i, k) - IN(1, j, k) :
			IN(0, b, i, k) - IN(1, b, j, k);

		s += d * d;
	}
	return s;
}

static int64_t nearest_of(const struct trial *t)
{
	int64_t best = 0;

	FOR(j, SIZE("M"))
		if (squared(t, -1, t->at[0], j) <
		    squared(t, -1, t->at[0], best))
			best = j;
	return best;
}

static double nearest_at(const struct trial *t) { return (double)nearest_of(t); }

static double nearest_distance(const struct trial *t)
{
	return squared(t, -1, t->at[0], nearest_of(t));
}

static double most_alike(const struct trial *t)
{
	int64_t best = 0;
	double least = INFINITY;

	FOR(j, SIZE("M")) {
		double s = IN(2, j);

		FOR(k, SIZE("D"))
			s -= 2 * IN(0, t->at[0], k) * IN(1, j, k);
		if (s < least) {
			least = s;
			best = j;
		}
	}
	return (double)best;
}

static double chamfer(const struct trial *t)
{
	double sum = 0;

	FOR(i, SIZE("N")) {
		double least = INFINITY;

		FOR(j, SIZE("M"))
			least = fmin(least, squared(t, t->at[0], i, j));
		sum += least / (double)SIZE("N");
	}
	FOR(j, SIZE("M")) {
		double least = INFINITY;

		FOR(i, SIZE("N"))
			least = fmin(least, squared(t, t->at[0], i, j));
		sum += least / (double)SIZE("M");
	}
	return sum;
}

static double gaussian(const struct trial *t)
{
	double h = trial_read(t, 3, NULL, NAN), sum = 0;

	FOR(j, SIZE("M"))
		sum += exp(-squared(t, -1, t->at[0], j) / (2 * h * h)) *
			IN(2, j, t->at[1]);
	return sum;
}

const struct stdlib_case stdlib_pairs[] = {
	CASE("pairs.nearest_distance[" POINTS "]", nearest_distance),
	CASE("pairs.nearest[" POINTS "]", nearest_distance, nearest_at),
	CASE("pairs.most_alike[" POINTS "]", most_alike),
	CASE("pairs.chamfer[B = 2, " POINTS "]", chamfer),
	POSITIVE("pairs.gaussian[" POINTS ", E = 2]", gaussian),
	{0}
};
