/* SPDX-License-Identifier: MIT */
/* A watch on what a strategy asks of a problem: every point measured must be legal
 * and new. */
#ifndef WPK_TESTS_UNIT_SEARCH_PROBLEM_H
#define WPK_TESTS_UNIT_SEARCH_PROBLEM_H

#include "search/points.h"
#include "search/search.h"

struct watched {
	struct space space;
	struct problem problem;
	bool (*allowed)(const int *genes);
	double (*cost)(const int *genes);	/* INFINITY: fails */
	struct seen measured;
	int calls, largest, looks;	/* of measure; batch; of legal */
	int stop_after;			/* sets "stop" then; 0: never */
	volatile int stop;
	const int **under_way;		/* by number, or NULL */
	int n_under_way, least, trials;	/* least: when a cost was waited for */
	struct rng rng;
};

/* "n_genes" genes with values 0 .. n - 1; NULL "allowed" allows all. */
void watched_init(struct watched *w, struct arena *a, int n_genes, int n,
	bool (*allowed)(const int *), double (*cost)(const int *));

/* Costs come one or two at a time, in any order, "window" points being under
 * way. Once "stop" is set none come. */
void watched_window(struct watched *w, struct arena *a, int window);

/* Run; the result is in "a". */
struct result *watched_run(struct watched *w, struct arena *a,
	const char *strategy, int trials, uint64_t seed);

#endif
