/* SPDX-License-Identifier: MIT */
/* Points of a problem as genomes: one index into each gene's values. What
 * every strategy needs of a space: which points are legal, which were seen,
 * and ways to reach a legal one not seen before. */
#ifndef WPK_SEARCH_POINTS_H
#define WPK_SEARCH_POINTS_H

#include "base/seen.h"
#include "search/search.h"

struct points {
	struct arena *a;
	const struct problem *p;
	struct rng rng;
	int d;
	double size;		/* of the whole grid, legal or not */
	struct seen seen;	/* genomes proposed or learned */
	int *values, *spare;
	uint64_t step, offset, swept;	/* of points_sweep */
	long looks;			/* validity tests so far */
};

void points_init(struct points *ps, struct arena *a, const struct problem *p,
	uint64_t seed);
int points_choices(const struct points *ps, int gene);
/* Do the gene's values have an order? Words have none. */
bool points_ordered(const struct points *ps, int gene);

void points_values(const struct points *ps, const int *genome, int *values);
/* False if a value is none of its gene's. */
bool points_locate(const struct points *ps, const int *values, int *genome);

/* Points that were measured, "n" rows of values, are fresh no more. */
void points_learned(struct points *ps, const int *values, int n);

bool points_legal(struct points *ps, const int *genome);
bool points_fresh(struct points *ps, const int *genome);	/* legal, unseen */

/* Each writes a fresh point and returns true, or gives up. Draw: uniform, at
 * most "tries" times. Walk: by random legal changes of one or two genes from
 * "from", which is legal. Sweep: the whole grid in a scrambled order, resumed
 * at each call; once it fails there is none, if the grid is small enough to
 * sweep at all. Any: whichever works. */
bool points_draw(struct points *ps, int *genome, int tries);
bool points_walk(struct points *ps, const int *from, int *genome);
bool points_sweep(struct points *ps, int *genome);
bool points_any(struct points *ps, int *genome);

/* How far "genome" is from the nearest of those seen of late: the sum over the
 * genes of the difference in rank, of a whole range 1; of words 0 or 1. */
double points_nearest(const struct points *ps, const int *genome);
/* Of "draws" draws the one farthest from all seen, or any fresh point. */
bool points_far(struct points *ps, int *genome, int draws);

/* Change gene "g" to another value: mostly a neighbour where they have an
 * order. False if it has no other. */
bool points_nudge(struct points *ps, int *genome, int g);

/* Make "genome" legal by giving it, one after the other in random order, the
 * genes in which it differs from "anchor", which is legal. Few are needed
 * where the space is kind; at worst it becomes the anchor. */
void points_repair(struct points *ps, int *genome, const int *anchor);

#endif
