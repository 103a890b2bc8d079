/* SPDX-License-Identifier: MIT */
/* Several strategies, each at what replays showed it to be good for. A space no
 * larger than the budget is walked through. Otherwise the policy begins, which
 * came to 95 % of the optimum as soon as "bo" did, and on convolutions before
 * "ga", and then takes turns with the genetic algorithm, which judges by fewer
 * points and so errs in other ways; what is beyond the reach of the one, a
 * budget of many thousands, is left to the other. All of them learn all costs,
 * whoever proposed the point, so each can take over at any time. */
#include "search/points.h"
#include "search/strategy.h"

enum {
	OPENING = 60,		/* evaluations before they take turns */
	DEAR = 600		/* after which judging by all points is */
};

struct strategy_state {
	struct strategy_state *all, *ga, *rl;	/* "all": or the others */
	int n;					/* evaluations so far */
	bool turn;
};

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);

	if (space_size(p->space) <= b->trials) {
		s->all = strategy_exhaustive.start(a, p, b);
	} else {
		s->ga = strategy_ga.start(a, p, b);
		s->rl = strategy_rl.start(a, p, b);
	}
	return s;
}

static int propose(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	if (s->all)
		return strategy_exhaustive.propose(s->all, p, genes, want);
	s->turn = s->n >= OPENING && !s->turn;
	if (s->turn || s->n >= DEAR)
		return strategy_ga.propose(s->ga, p, genes, want);
	return strategy_rl.propose(s->rl, p, genes, want);
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	s->n += n;
	if (s->all) {
		strategy_exhaustive.learn(s->all, genes, costs, n);
		return;
	}
	strategy_ga.learn(s->ga, genes, costs, n);
	strategy_rl.learn(s->rl, genes, costs, n);
}

const struct strategy strategy_auto = {
	"auto", "what suits budget and space: exhaustive, or rl and ga in turns",
	start, propose, learn, true
};
