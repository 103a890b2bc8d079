/* SPDX-License-Identifier: MIT */
/* Regression on what was measured so far: what a point probably costs, and how
 * far that can be trusted. */
#ifndef WPK_SEARCH_GP_H
#define WPK_SEARCH_GP_H

#include <stdbool.h>

#include "base/arena.h"
#include "search/search.h"

/* "x" holds "n" rows of "d" coordinates in 0..1; of a "nominal" coordinate
 * only equality counts. "scale" is one over the length scale of each. */
struct gp {
	int d, n, cap;
	const bool *nominal;
	double *x, *y;
	double *scale, noise;
	double mean, variance;		/* of "y" before seeing any; of the prior */
	double *factor;			/* lower Cholesky factor, row by row */
	double *solved, *weights;	/* L^-1 (y - mean); K^-1 (y - mean) */
	double *row;
};

void gp_init(struct gp *g, struct arena *a, const bool *nominal, int d,
	int cap);
void gp_clear(struct gp *g);

/* Add a row; false when full. Predictions need a gp_fit after it. */
bool gp_add(struct gp *g, const double *x, double y);
/* Choose length scales and noise anew by likelihood; then gp_fit. */
void gp_tune(struct gp *g, struct rng *rng, int steps);
void gp_fit(struct gp *g);

/* Believe that "x" costs what is predicted and fit: the variance around it
 * falls, so that the next of a batch is chosen elsewhere. */
void gp_believe(struct gp *g, const double *x);

/* Expectation and standard deviation at "x". */
double gp_predict(struct gp *g, const double *x, double *sd);

/* How much lower than "best" the value at "x" is expected to come out,
 * counting no change for the worse: E[max(best - y, 0)]. */
double gp_gain(struct gp *g, const double *x, double best);

#endif
