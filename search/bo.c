/* SPDX-License-Identifier: MIT */
/* A Gaussian process and what it expects to gain, by itself. The pool is the
 * neighbourhood of the best points and a sample of the whole space. */
#include <string.h>

#include "search/guide.h"
#include "search/strategy.h"

enum {
	PARENTS = 12,		/* whose neighbours are candidates */
	LEAPS = 48,		/* of two or three genes at once, for each */
	SISTERS = 128,		/* of hers are candidates */
	TRIES = 30		/* for each draw */
};

struct strategy_state {
	struct guide g;
	int *child;
	int best;		/* whose neighbours were offered last */
};

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);

	guide_init(&s->g, a, p, b);
	s->child = ARENA_ARRAY(a, s->g.ps.d, int);
	return s;
}

/* Every change of one gene, and some of two or three. */
static void offer_near(struct strategy_state *s, const int *x, int leaps)
{
	struct points *ps = &s->g.ps;
	size_t bytes = (size_t)ps->d * sizeof *x;

	memcpy(s->child, x, bytes);
	for (int i = 0; i < ps->d; i++) {
		for (int v = 0; v < points_choices(ps, i); v++) {
			s->child[i] = v;
			guide_offer(&s->g, s->child);
		}
		s->child[i] = x[i];
	}
	for (int k = 0; k < leaps && ps->d; k++) {
		memcpy(s->child, x, bytes);
		for (int n = 2 + rng_below(&ps->rng, 2); n > 0; n--)
			points_nudge(ps, s->child, rng_below(&ps->rng, ps->d));
		guide_offer(&s->g, s->child);
	}
}

/* The best that the sister knows. */
static void offer_sister(struct strategy_state *s)
{
	const struct sister *sister = s->g.sister;

	for (int i = 0; i < sister->n && i < SISTERS; i++)
		guide_offer(&s->g, sister_ranked(sister, i));
}

static void fill_pool(struct strategy_state *s)
{
	struct guide *g = &s->g;
	int tries;

	for (int i = 0; i < PARENTS && i < g->n_good; i++)
		offer_near(s, guide_point(g, g->order[i]), LEAPS);
	if (g->sister)
		offer_sister(s);
	for (tries = g->s.pool_cap; tries > 0; tries--)
		if (points_draw(&g->ps, s->child, TRIES) &&
		    g->s.m < g->s.pool_cap * 7 / 8)
			surrogate_pool(&g->s, guide_known(g, s->child));
	guide_refit(g);
	s->best = g->order[0];
}

static int propose(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	struct guide *g = &s->g;

	if (!guide_founding(g) && g->n) {
		if (guide_update(g, 0))
			fill_pool(s);
		else if (s->best != g->order[0])
			offer_near(s, guide_point(g, s->best = g->order[0]),
				LEAPS / 2);
	}
	return guide_propose(g, p, genes, want);
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	guide_learn(&s->g, genes, costs, n);
}

const struct strategy strategy_bo = {
	"bo", "Gaussian process, most expected gain", start, propose, learn, true
};
