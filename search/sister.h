/* SPDX-License-Identifier: MIT */
/* What a sister problem says: points measured on another GPU or at another
 * shape. */
#ifndef WPK_SEARCH_SISTER_H
#define WPK_SEARCH_SISTER_H

#include "search/points.h"
#include "search/surrogate.h"

enum { SISTER_LEVELS = 64 };

/* "index" holds the genomes that both know, "lags" their log seconds over the
 * sister's best, INFINITY of failures; "order" ranks them, best first. "leads"
 * are ranks: 0, and for each gene that of the best with a value far from her
 * best's, or 0, the worst of them first. Elsewhere "guess" says what the sister
 * would have had. "trend" is what a level should be worth here, see guide.c. */
struct sister {
	struct points *ps;
	struct seen index;
	double *lags;
	int *order, n;
	int *leads, n_leads;
	struct surrogate guess;
	double trend[SISTER_LEVELS];
};

/* NULL if nothing of "prior", which may be NULL, is of use. */
struct sister *sister_create(struct arena *a, struct points *ps,
	const struct prior *prior);

/* The point that she ranks so: 0 is her best. */
const int *sister_ranked(const struct sister *s, int rank);

/* How good the sister found "genome", or would have: 0 best. */
int sister_level(struct sister *s, const int *genome);

#endif
