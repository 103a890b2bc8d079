/* SPDX-License-Identifier: MIT */
/* Several strategies, each at what it is good for. Every one of them learns
 * all costs, whoever proposed the point, so that one can take over from another
 * at any time. A space no larger than the budget is walked through. */
#include "search/points.h"
#include "search/strategy.h"
#include "knobs.h"

struct strategy_state {
	struct strategy_state *ga, *bo, *all;	/* "all": exhaustive, or NULL */
	int n;				/* points learned */
};

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);

	if (space_size(p->space) <= b->trials)
		s->all = strategy_exhaustive.start(a, p, b);
	else {
		s->ga = strategy_ga.start(a, p, b);
		s->bo = strategy_bo.start(a, p, b);
	}
	return s;
}

static int propose(struct strategy_state *s, int *genes, int want)
{
	int k = KNOB("AUTO", 2), from = KNOB("AUTOFROM", 60);
	if (s->all)
		return strategy_exhaustive.propose(s->all, genes, want);
	if (s->n >= KNOB("AUTOEND", 1e9) || (s->n < from && !(s->n < KNOB("AUTOBO",0)))) return strategy_ga.propose(s->ga, genes, want);
	if (k > 0 && s->n % k == 0) return strategy_ga.propose(s->ga, genes, want);
	return strategy_bo.propose(s->bo, genes, want);
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	s->n += n;
	if (s->all)
		strategy_exhaustive.learn(s->all, genes, costs, n);
	else {
		strategy_ga.learn(s->ga, genes, costs, n);
		strategy_bo.learn(s->bo, genes, costs, n);
	}
}

const struct strategy strategy_auto = {
	"auto", "the strategy that suits budget and space", start, propose, learn
};
