/* SPDX-License-Identifier: MIT */
/* Reinforcement learning: a policy walks through the space, a step or a leap
 * down or up or none in each gene at once, and learns by PPO from what a
 * surrogate thinks of where it comes. Walks start at the best points measured
 * and at random ones. Whatever legal point a walk visits is a candidate;
 * measured are those that promise most, and within a batch no two that teach
 * the same. */
#include <math.h>
#include <string.h>

#include "search/guide.h"
#include "search/ppo.h"
#include "search/strategy.h"

enum {
	WALKS = 12,		/* in a round, before each batch */
	STEPS = 8,		/* of a walk */
	STRAY = 6,		/* one of so many starts anywhere */
	WARM_ROUNDS = 8,	/* when the surrogate was tuned */
	KEPT = 384,		/* candidates that outlive a tuning */
	ELITE = 12		/* best points, where walks start */
};

#define MENDED -0.05		/* reward of a step that was not legal as it was */
#define AGAIN -0.05		/* of coming where one was before */

struct strategy_state {
	struct guide g;
	struct ppo *ppo;
	struct seen visited;		/* since the surrogate was tuned */
	double *state;
	int *at, *next, *moves;
};

static int n_inputs(const struct points *ps)
{
	return 2 * ps->d;
}

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);
	int d;

	guide_init(&s->g, a, p, b);
	d = s->g.ps.d;
	s->ppo = ppo_create(a, n_inputs(&s->g.ps), d, WALKS * STEPS,
		&s->g.ps.rng);
	seen_init(&s->visited, a, d);
	s->state = ARENA_ARRAY(a, n_inputs(&s->g.ps), double);
	s->at = ARENA_ARRAY(a, d, int);
	s->next = ARENA_ARRAY(a, d, int);
	s->moves = ARENA_ARRAY(a, d, int);
	return s;
}

/* Where one is: each gene's place, and how far that is from the best point. */
static const double *state_at(struct strategy_state *s, const int *x)
{
	const int *best = guide_point(&s->g, s->g.order[0]);
	int d = s->g.ps.d;

	for (int i = 0; i < d; i++) {
		const double *place = s->g.s.genes[i].place[ASPECT_RANK];

		s->state[i] = 2 * place[x[i]] - 1;
		s->state[d + i] = place[x[i]] - place[best[i]];
	}
	return s->state;
}

/* What coming to "x" is worth: what is expected to be gained there, to the
 * root as gains are of all sizes; nothing where one was before. */
static double reward(struct strategy_state *s, const int *x)
{
	struct guide *g = &s->g;

	if (seen_has(&g->ps.seen, x) || !seen_add(&s->visited, x))
		return AGAIN;
	if (g->s.m == g->s.pool_cap)
		guide_cull(g, g->s.pool_cap / 2);
	return guide_offer(g, x) ? sqrt(guide_sight(g)) : AGAIN;
}

/* Where a move leads from value "at". Numbers stop at their ends, and leap to
 * what is at least twice, or at most half, as tunables are alike on the scale
 * of their logarithms; words go round. */
static int moved(const struct gene *g, int at, enum ppo_move move)
{
	int to = at + (move > PPO_STAY) - (move < PPO_STAY);

	if (g->words)
		return (at + (int)move - PPO_STAY + 2 * g->n) % g->n;
	if (move == PPO_FAR_UP)
		while (to < g->n - 1 && g->values[to] < 2L * g->values[at])
			to++;
	if (move == PPO_FAR_DOWN)
		while (to > 0 && 2L * g->values[to] > g->values[at])
			to--;
	return to < 0 ? 0 : to >= g->n ? g->n - 1 : to;
}

/* "next" from "at" by "moves": false if it had to be mended. */
static bool move(struct strategy_state *s)
{
	struct points *ps = &s->g.ps;
	bool legal;

	for (int i = 0; i < ps->d; i++)
		s->next[i] = moved(&ps->p->space->genes[i], s->at[i],
			(enum ppo_move)s->moves[i]);
	legal = points_legal(ps, s->next);
	if (!legal)
		points_repair(ps, s->next, s->at);
	return legal;
}

static bool set_out(struct strategy_state *s, int walk)
{
	struct guide *g = &s->g;
	int elite = g->n_good < ELITE ? g->n_good : ELITE;

	if (walk % STRAY == STRAY - 1 && points_draw(&g->ps, s->at, 100))
		return true;
	memcpy(s->at, guide_point(g, g->order[rng_below(&g->ps.rng, elite)]),
		(size_t)g->ps.d * sizeof *s->at);
	return points_legal(&g->ps, s->at);
}

static void walk(struct strategy_state *s, int number)
{
	if (!set_out(s, number))
		return;
	for (int i = 0; i < STEPS; i++) {
		double mended;

		if (!ppo_act(s->ppo, state_at(s, s->at), s->moves))
			return;
		mended = move(s) ? 0 : MENDED;
		ppo_reward(s->ppo, mended + reward(s, s->next),
			i + 1 == STEPS);
		memcpy(s->at, s->next, (size_t)s->g.ps.d * sizeof *s->at);
	}
}

static void round_of_walks(struct strategy_state *s)
{
	for (int i = 0; i < WALKS; i++)
		walk(s, i);
	ppo_learn(s->ppo);
}

/* All but those that are candidates still. */
static void forget_visits(struct strategy_state *s)
{
	const struct surrogate *pool = &s->g.s;

	seen_clear(&s->visited);
	for (int c = 0; c < pool->m; c++)
		seen_add(&s->visited, pool->pool + (size_t)c * (size_t)pool->d);
}

/* The surrogate has changed: walk more. */
static void take_bearings(struct strategy_state *s, int want)
{
	struct guide *g = &s->g;
	int rounds = 1 + want / 4;

	if (guide_update(g, KEPT)) {
		guide_refit(g);
		forget_visits(s);
		rounds += WARM_ROUNDS;
	}
	surrogate_predict(&g->s);
	for (int i = 0; i < rounds; i++)
		round_of_walks(s);
}

static int propose(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	struct guide *g = &s->g;

	if (!guide_founding(g) && g->n && g->ps.d)
		take_bearings(s, want);
	return guide_propose(g, p, genes, want);
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	guide_learn(&s->g, genes, costs, n);
}

const struct strategy strategy_rl = {
	"rl", "a policy trained by PPO on a surrogate walks to the candidates",
	start, propose, learn, true
};
