/* SPDX-License-Identifier: MIT */
/* Random search without repeats: the yardstick for every other strategy.
 * Uniform over the legal points wherever drawing or sweeping finds them. */
#include "search/points.h"
#include "search/strategy.h"

enum { TRIES = 100000 };

struct strategy_state {
	struct points ps;
	int *genome;
};

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);

	points_init(&s->ps, a, p, b->seed);
	s->genome = ARENA_ARRAY(a, s->ps.d, int);
	return s;
}

static bool next(struct strategy_state *s)
{
	return points_draw(&s->ps, s->genome, TRIES)
		|| points_sweep(&s->ps, s->genome)
		|| points_any(&s->ps, s->genome);
}

static int propose(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	int n = 0;

	(void)p;
	for (; n < want && next(s); n++) {
		seen_add(&s->ps.seen, s->genome);
		points_values(&s->ps, s->genome, genes + n * s->ps.d);
	}
	return n;
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	(void)costs;
	points_learned(&s->ps, genes, n);
}

const struct strategy strategy_random = {
	"random", "distinct legal points, uniformly", start, propose, learn, false
};
