/* SPDX-License-Identifier: MIT */
/* What a point probably costs, and how far that can be trusted: a Gaussian
 * process over the points measured, with a pool of candidates whose predictions
 * are kept up to date. A new observation costs each candidate as many steps as
 * there are observations. */
#ifndef WPK_SEARCH_SURROGATE_H
#define WPK_SEARCH_SURROGATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "search/search.h"

/* What of a value counts: its rank, and how often two divides it, on which
 * alignment and whole warps depend. */
enum { ASPECT_RANK, ASPECT_TWOS, N_ASPECTS };

/* A gene as the surrogate sees it. "place" has each aspect of each of the "n"
 * values, 0 to 1; a "nominal" gene has the first "aspect" alone, and of that
 * only equality counts. "table" is the covariance of values i and j at
 * i * n + j: alone + (1 - alone) * Matern of the scaled distance. "slope" is
 * its derivative by the logarithm of each scale. */
struct surrogate_gene {
	int n, n_aspects;
	bool nominal;
	double *place[N_ASPECTS], scale[N_ASPECTS];
	double *table, *slope[N_ASPECTS];
};

/* "trend", unless it is NULL, is what the values of the last gene, which stands
 * for what is known from elsewhere, should cost: the prior is mean + "follows"
 * times it, and "follows" is found with the mean.
 * "x" holds "n" genomes, indices into the genes' values, "y" what they cost.
 * "alone" is the share of each gene that does not depend on it: the greater it
 * is, the more the genes act by themselves. */
struct surrogate {
	int d, n, cap;
	struct surrogate_gene *genes;
	int *x;
	double *y;
	double alone, noise;
	double prior_mean, variance;
	const double *trend;
	double follows;
	double *factor;		/* lower Cholesky factor, row by row */
	double *solved, *ones;	/* L^-1 (y - mean); L^-1 1 */
	double *work;
	int m, pool_cap;
	bool listing;		/* candidates wait for a refit */
	int *pool;		/* candidates: "m" genomes */
	double *v;		/* L^-1 k(x, pool), see surrogate.c */
	double *explained;	/* sum of squares of the columns of "v" */
	double *kept;		/* "explained" before beliefs */
	double *mean, *sd;	/* what is expected of each candidate */
	int believed;		/* observations that are beliefs, at the end */
};

/* "cap" observations and "pool_cap" candidates at most. */
void surrogate_init(struct surrogate *s, struct arena *a,
	const struct space *space, int cap, int pool_cap);

/* The last gene is a sister's level, which "trend" translates. */
void surrogate_follow(struct surrogate *s, const double *trend);

/* Add an observation; false when full. */
bool surrogate_add(struct surrogate *s, const int *x, double y);
/* Forget all observations and candidates. */
void surrogate_clear(struct surrogate *s);
/* Choose scales and noise anew by likelihood (likelihood.c); then refit. */
void surrogate_tune(struct surrogate *s, int steps);
/* All anew from observations and scales as they are now. */
void surrogate_refit(struct surrogate *s);

/* Add a candidate, false when full; let one leave, the last takes its place.
 * After surrogate_list and until a refit candidates are only listed; later ones
 * have "mean" and "sd" at once, as of the last surrogate_predict. */
void surrogate_list(struct surrogate *s);
bool surrogate_pool(struct surrogate *s, const int *x);
void surrogate_drop(struct surrogate *s, int c);

/* Set "mean" and "sd" of the pool from "y" as it is now. */
void surrogate_predict(struct surrogate *s);
/* The same of one point, as of the last surrogate_predict. */
double surrogate_at(struct surrogate *s, const int *x, double *sd);
/* What is judged in place of a time that is "lag" log seconds over the best:
 * the speed, the best's 1, with a minus as what is to become less. */
double surrogate_worth(double lag);
/* How much lower than "best" a value of this mean and deviation is expected to
 * come out, counting no change for the worse: E[max(best - y, 0)]. */
double surrogate_gain(double best, double mean, double sd);
/* The pool's means of other values of the observations, such as whether they
 * failed, into "out", which has room for pool_cap rounded up to 8. */
void surrogate_project(struct surrogate *s, const double *values, double *out);

/* Believe that "x" costs "y"; forget all beliefs. False when full. */
bool surrogate_believe(struct surrogate *s, const int *x, double y);
void surrogate_doubt(struct surrogate *s);

/* ---- between surrogate.c and likelihood.c ---- */

/* Fill the genes' tables from their scales. */
void surrogate_tables(struct surrogate *s);
/* The trend at "x", or 0. */
double surrogate_trend(const struct surrogate *s, const int *x);

#endif
