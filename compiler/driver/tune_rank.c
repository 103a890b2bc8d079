/* SPDX-License-Identifier: MIT */
/* Finalists: what the searches of a group found, best first, and the best of them
 * measured against one another. A library's call wins only by the margin that the
 * schedule gives it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/measuring.h"
#include "driver/session.h"
#include "driver/tune.h"

enum { FINALS = 8 };

/* A library's times count as much longer as the margin says. */
static double weighed(const struct finalist *f)
{
	return f->seconds * f->candidate->margin;
}

static int by_seconds(const void *x, const void *y)
{
	double p = weighed(x), q = weighed(y);

	return (p > q) - (p < q);
}

/* Finalists at most: so that the best of wpkc's own are among them, half of them
 * may be a library's. "all" gets those taken, best first; how many. */
static int take_finalists(const struct finalist *v, int n, struct finalist *all)
{
	int taken = 0, calls = 0;

	for (int i = 0; i < n && taken < FINALS; i++) {
		if (v[i].candidate->unpriced && calls == FINALS / 2)
			continue;
		calls += v[i].candidate->unpriced;
		all[taken++] = v[i];
	}
	return taken;
}

/* The winner may be a library's that is not as much faster as it should be. */
static void mind_margin(struct finalist *v, int n)
{
	struct finalist won = v[0];
	int own = 1;

	while (own < n && v[own].candidate->unpriced)
		own++;
	if (!won.candidate->unpriced || own == n ||
	    v[own].seconds > weighed(&won))
		return;
	won = v[own];
	memmove(v + 1, v, sizeof *v * (size_t)own);
	v[0] = won;
}

/* The best of them measured against one another, and against what would be
 * taken without a search. */
void tune_finals(struct session *s, struct job *j, int group,
	struct finalist *v, int n)
{
	struct finalist all[FINALS + 1];
	const struct choice *c = &j->parts[group].choice;

	if (!s->measuring || !n || *s->stop)
		return;
	all[0] = (struct finalist){ c->candidate, c->genes, INFINITY, s->how,
		c->pinned };
	n = take_finalists(v, n, all + 1);
	measuring_finals(s, j, group, all, n + 1);
	mind_margin(all, n + 1);
	for (int i = 0, k = 0; i <= n && k < n; i++)
		if (isfinite(all[i].seconds))
			v[k++] = all[i];
}

/* A group's finalists over all sketches, best first. */
struct finalist *tune_rank(struct session *s, const struct part *p, int *n)
{
	struct finalist *v = ARENA_ARRAY(s->a, (size_t)p->n * TUNE_FINALISTS + 1,
		struct finalist);

	*n = 0;
	for (int i = 0; i < p->n; i++)
		for (int k = 0; p->results[i] && k < TUNE_FINALISTS &&
		     k < p->results[i]->n_history; k++)
			v[(*n)++] = (struct finalist){ &p->candidates[i],
				p->results[i]->history + (ptrdiff_t)k *
				p->candidates[i].space->n_genes,
				p->results[i]->history_cost[k], s->how, NULL };
	qsort(v, (size_t)*n, sizeof *v, by_seconds);
	return v;
}
