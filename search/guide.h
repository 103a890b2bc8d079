/* SPDX-License-Identifier: MIT */
/* What strategies that learn from a surrogate have in common: the points
 * measured, the first ones to measure, and the most promising of a pool of
 * candidates, which each strategy fills in its own way. */
#ifndef WPK_SEARCH_GUIDE_H
#define WPK_SEARCH_GUIDE_H

#include "search/points.h"
#include "search/sister.h"
#include "search/surrogate.h"

/* "genomes" has the "n" points learned, "costs" their log seconds, INFINITY of
 * a failure; "order" ranks them, best first. "sight" is of the pool: what is
 * gained by measuring a candidate, in expectation; every second one is chosen
 * "eager", see guide.c. */
struct guide {
	struct arena *a;
	struct points ps;
	struct sister *sister;		/* or NULL */
	int led, followed;		/* of her leads, and of her best */
	struct surrogate s;		/* with a sister, her level is a gene */
	int *genomes, *order;
	double *costs;
	int n, cap, n_good;		/* n_good: that did not fail */
	int taken, tuned;		/* in the surrogate; when last tuned */
	int *rows;			/* which points the surrogate has */
	double *failed, *doubtful, *sight;
	bool eager;
	char *kept;			/* of the pool, in guide_cull */
	int *child, *known;
};

void guide_init(struct guide *g, struct arena *a, const struct problem *p,
	const struct budget *b);

const int *guide_point(const struct guide *g, int i);

/* Learn what "n" points, as values, have cost. */
void guide_learn(struct guide *g, const int *values,
	const struct cost *costs, int n);

/* Is there too little to learn from yet? Then those to measure are far from all
 * others. */
bool guide_founding(const struct guide *g);

/* Take in what was learned. True when the surrogate was tuned: "keep" of the
 * pool at most are left then, the most promising, and may be added to until
 * guide_refit. */
bool guide_update(struct guide *g, int keep);
void guide_refit(struct guide *g);

/* "genome" as the surrogate has it, until the next call. */
const int *guide_known(struct guide *g, const int *genome);

/* Add a candidate to the pool, unless it was seen or is not legal. */
bool guide_offer(struct guide *g, const int *genome);

/* What is expected to be gained by measuring the candidate that was offered
 * last: 1 is the deviation that is expected before anything is seen. */
double guide_sight(struct guide *g);
/* All but the "keep" most promising leave the pool, half of them so to either
 * kind of choice. */
void guide_cull(struct guide *g, int keep);

/* The points to measure next, as values: founders, or candidates of most gain,
 * which leave the pool, or where that is empty any; "want" of them, or all that
 * are left. Those under way, and within the batch each, are believed to come out
 * as expected. */
int guide_propose(struct guide *g, const struct pending *p, int *genes,
	int want);

#endif
