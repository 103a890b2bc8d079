/* SPDX-License-Identifier: MIT */
/* Knowledge from a sister problem. Points with their times there come in; out
 * goes a level for every point, which a surrogate takes as one more gene: what
 * the level says about the time here is found out, not believed. Points that
 * the sister did not measure are judged by a surrogate of its own. */
#include "search/sister.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { MOST = 256 };	/* observations that a guess goes by */

struct ranked {
	double lag;
	int at;
};

static int by_lag(const void *x, const void *y)
{
	const struct ranked *p = x, *q = y;

	if (p->lag != q->lag)
		return p->lag < q->lag ? -1 : 1;
	return p->at < q->at ? -1 : p->at > q->at;
}

static void set_order(struct sister *s, struct arena *a)
{
	struct ranked *v = ARENA_ARRAY(a, s->n, struct ranked);

	s->order = ARENA_ARRAY(a, s->n, int);
	for (int i = 0; i < s->n; i++)
		v[i] = (struct ranked){ s->lags[i], i };
	qsort(v, (size_t)s->n, sizeof *v, by_lag);
	for (int i = 0; i < s->n; i++)
		s->order[i] = v[i].at;
}

static int worst_first(const void *x, const void *y)
{
	return *(const int *)y - *(const int *)x;
}

const int *sister_ranked(const struct sister *s, int rank)
{
	return s->index.v + (size_t)s->order[rank] * (size_t)s->ps->d;
}

/* Half the range of gene "g" apart, or different words. */
static bool is_far(const struct points *ps, int g, int v, int w)
{
	if (v == w)
		return false;
	return !points_ordered(ps, g) ||
		2 * abs(v - w) >= points_choices(ps, g) - 1;
}

/* The best rank that is far from the best in gene "g" and works; or 0. */
static int lead_of(const struct sister *s, int g)
{
	int best = sister_ranked(s, 0)[g];

	for (int i = 1; i < s->n && isfinite(s->lags[s->order[i]]); i++)
		if (is_far(s->ps, g, sister_ranked(s, i)[g], best))
			return i;
	return 0;
}

/* Where a change costs her most she can mislead most: that is asked first. */
static void set_leads(struct sister *s, struct arena *a)
{
	int d = s->ps->d;

	s->n_leads = d + 1;
	s->leads = ARENA_ARRAY(a, s->n_leads, int);
	for (int g = 0; g < d; g++)
		s->leads[g + 1] = lead_of(s, g);
	qsort(s->leads + 1, (size_t)d, sizeof *s->leads, worst_first);
}

/* Of a point told twice the last counts. */
static void read_points(struct sister *s, struct arena *a,
	const struct prior *prior)
{
	int genome[s->ps->d + 1];

	seen_init(&s->index, a, s->ps->d);
	s->lags = ARENA_ARRAY(a, prior->n, double);
	for (int i = 0; i < prior->n; i++) {
		if (!points_locate(s->ps, prior->genes + (size_t)i *
		    (size_t)s->ps->d, genome))
			continue;
		seen_add(&s->index, genome);
		s->lags[seen_find(&s->index, genome)] = log(prior->seconds[i]);
	}
	s->n = s->index.n;
}

/* The best half of MOST and an even choice of the others. */
static void learn_guess(struct sister *s, struct arena *a)
{
	int n = s->n < MOST ? s->n : MOST, best = MOST / 2;

	surrogate_init(&s->guess, a, s->ps->p->space, n, 0);
	for (int i = 0; i < n; i++) {
		int at = s->order[s->n <= MOST || i < best ? i : best + (int)(
			(long)(i - best) * (s->n - best) / (n - best))];

		surrogate_add(&s->guess, s->index.v + (size_t)at *
			(size_t)s->ps->d, surrogate_worth(s->lags[at]));
	}
	surrogate_tune(&s->guess, 12);
	surrogate_refit(&s->guess);
	surrogate_predict(&s->guess);
}

struct sister *sister_create(struct arena *a, struct points *ps,
	const struct prior *prior)
{
	struct sister *s = ARENA_NEW(a, struct sister);
	double least;

	if (!prior)
		return NULL;
	s->ps = ps;
	read_points(s, a, prior);
	if (!s->n)
		return NULL;
	set_order(s, a);
	set_leads(s, a);
	least = s->lags[s->order[0]];
	if (isinf(least))
		return NULL;
	for (int i = 0; i < s->n; i++)
		s->lags[i] -= least;
	learn_guess(s, a);
	for (int i = 0; i < SISTER_LEVELS; i++)
		s->trend[i] = (double)i / (SISTER_LEVELS - 1) - 1;
	return s;
}

int sister_level(struct sister *s, const int *genome)
{
	int at = seen_find(&s->index, genome);
	double sd, v = at >= 0 ? surrogate_worth(s->lags[at]) :
		surrogate_at(&s->guess, genome, &sd);
	int level = (int)lround((1 + v) * (SISTER_LEVELS - 1));

	return level < 0 ? 0 : level >= SISTER_LEVELS ? SISTER_LEVELS - 1 :
		level;
}
