/* SPDX-License-Identifier: MIT */
/* Every legal point in order, the last gene fastest, until the grid ends or
 * LOOKS points of it were looked at: past that a grid is too large to be
 * walked through and another strategy should be asked. */
#include "search/points.h"
#include "search/strategy.h"

enum { LOOKS = 1 << 24 };

struct strategy_state {
	struct points ps;
	int *at;
	int looks;
	bool done;
};

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);

	points_init(&s->ps, a, p, b->seed);
	s->at = ARENA_ARRAY(a, s->ps.d, int);
	s->done = s->ps.size < 1;
	return s;
}

/* The next point of the grid; after the last one "done". */
static void advance(struct strategy_state *s)
{
	int i = s->ps.d - 1;

	for (; i >= 0; i--) {
		if (++s->at[i] < points_choices(&s->ps, i))
			break;
		s->at[i] = 0;
	}
	s->done = i < 0 || ++s->looks == LOOKS;
}

static int propose(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	int n = 0;

	(void)p;
	for (; n < want && !s->done; advance(s)) {
		if (!points_fresh(&s->ps, s->at))
			continue;
		seen_add(&s->ps.seen, s->at);
		points_values(&s->ps, s->at, genes + n++ * s->ps.d);
	}
	return n;
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	(void)costs;
	points_learned(&s->ps, genes, n);
}

const struct strategy strategy_exhaustive = {
	"exhaustive", "every legal point, in order", start, propose, learn, false
};
