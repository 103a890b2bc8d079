/* SPDX-License-Identifier: MIT */
/* A genetic algorithm on genomes of value indices. Costs come in through
 * learn; legal points never proposed before go out. Parents are chosen by
 * rank, children by uniform crossover and mutation to neighbouring values, and
 * repaired towards a parent, which is legal, until they are legal too. The
 * population is the best of what was measured since the last restart, so the
 * elite survives by itself; when it has been stale for long, all but two give
 * way to immigrants.
 *
 * Measuring is dear and breeding is not: of each litter of children only the
 * one that promises most is proposed, judged by a surrogate on what
 * was measured. The litter shrinks as the budget grows, so that a search of
 * thousands of cheap points is not spent on judging. */
#include <math.h>
#include <string.h>

#include "base/vec.h"
#include "search/points.h"
#include "search/strategy.h"
#include "search/surrogate.h"

enum {
	FOUNDERS = 8,		/* before there is anything to breed from */
	ELITE = 2,		/* kept at a restart */
	STALE = 100,		/* points without a gain before one */
	MUTATION = 5,		/* one gene in so many changes */
	LOOKS = 8,		/* validity tests for each child, about */
	DRAWS = 32,		/* of which a founder is the farthest */
	IMMIGRANTS = 4,		/* one of so many in a litter is no child */
	USUAL_EFFORT = 5,
	LITTER = 32,		/* at most, for each step of effort */
	JUDGEMENTS = 12800,	/* in a whole search, for each, about */
	MODEL_POINTS = 48,	/* the newest, that the judge sees */
	BELIEFS = 64,		/* within one batch, and of those under way */
	TUNINGS = 12,		/* 1/12 more points: new length scales */
	TUNING_STEPS = 8
};

struct member {
	int *genome;
	double cost;		/* log seconds, INFINITY of a failure */
};

struct strategy_state {
	struct arena *a;
	struct points ps;
	VEC(struct member) all;		/* everything learned, in order */
	struct member *people;		/* the population, best first */
	int n_people, population;
	int settled;			/* points seen when founders are all */
	int since;			/* points learned since the last gain */
	int litter, tuned;		/* size; points when last tuned */
	int *child, *best_child;
	struct surrogate judge;
	bool ready;			/* has the judge seen everything? */
	struct rng *rng;
};

static int at_most(int x, int limit)
{
	return x < limit ? x : limit;
}

/* Population, litter and the size of the regression follow from the effort:
 * at 5 they are 15, up to 160 and 48 + 15 points. */
static void set_sizes(struct strategy_state *s, const struct budget *b)
{
	int effort = b->effort > 0 ? at_most(b->effort, 10) : USUAL_EFFORT;
	int trials = b->trials > 0 ? b->trials : 1;
	int judgements = JUDGEMENTS * effort / trials;

	s->population = 10 + effort;
	s->litter = at_most(judgements, LITTER * effort);
	if (s->litter < 4)
		s->litter = 4;
}

static struct strategy_state *start(struct arena *a, const struct problem *p,
	const struct budget *b)
{
	struct strategy_state *s = ARENA_NEW(a, struct strategy_state);

	s->a = a;
	points_init(&s->ps, a, p, b->seed);
	s->rng = &s->ps.rng;
	set_sizes(s, b);
	s->people = ARENA_ARRAY(a, s->population + 1, struct member);
	s->settled = FOUNDERS;
	s->child = ARENA_ARRAY(a, s->ps.d, int);
	s->best_child = ARENA_ARRAY(a, s->ps.d, int);
	surrogate_init(&s->judge, a, p->space,
		MODEL_POINTS + s->population + 2 * BELIEFS, 0);
	return s;
}

/* ---- the judge ---- */

/* The root of the speed, the best's being 1: how slow the slow ones are says
 * little. A failure is as slow as can be. */
static double value_of(const struct strategy_state *s, double cost)
{
	return -exp((s->people[0].cost - cost) / 2);
}

/* The newest points and the population, which holds the best. */
static void fill_judge(struct strategy_state *s)
{
	int from = s->all.n - MODEL_POINTS;

	surrogate_clear(&s->judge);
	if (from < 0)
		from = 0;
	for (int i = from; i < s->all.n; i++)
		surrogate_add(&s->judge, s->all.v[i].genome,
			value_of(s, s->all.v[i].cost));
	for (int i = 0; from && i < s->n_people; i++)
		surrogate_add(&s->judge, s->people[i].genome,
			value_of(s, s->people[i].cost));
}

static void judge_anew(struct strategy_state *s)
{
	if (s->ready || !s->n_people)
		return;
	fill_judge(s);
	if (s->all.n >= s->tuned + 1 + s->tuned / TUNINGS) {
		surrogate_tune(&s->judge, TUNING_STEPS);
		s->tuned = s->all.n;
		surrogate_refit(&s->judge);
	}
	surrogate_predict(&s->judge);
	s->ready = true;
}

static double promise(struct strategy_state *s, const int *genome)
{
	double sd, mean = surrogate_at(&s->judge, genome, &sd);

	return surrogate_gain(-1, mean, sd);
}

/* Believe that the child turns out as expected, so that the next of its batch
 * is chosen elsewhere. */
static void believe(struct strategy_state *s)
{
	double sd, mean = surrogate_at(&s->judge, s->best_child, &sd);

	if (surrogate_add(&s->judge, s->best_child, mean))
		surrogate_predict(&s->judge);
}

/* ---- breeding ---- */

/* Linear ranking: the best is n times as likely as the last. */
static const int *parent(struct strategy_state *s)
{
	int n = s->n_people, ticket = rng_below(s->rng, n * (n + 1) / 2);
	int i = 0;

	for (; ticket >= n - i; i++)
		ticket -= n - i;
	return s->people[i].genome;
}

static void cross(struct strategy_state *s, const int *x, const int *y)
{
	for (int i = 0; i < s->ps.d; i++)
		s->child[i] = rng_below(s->rng, 2) ? x[i] : y[i];
}

static void mutate(struct strategy_state *s)
{
	bool changed = false;

	for (int i = 0; i < s->ps.d; i++)
		if (rng_below(s->rng, MUTATION) == 0)
			changed |= points_nudge(&s->ps, s->child, i);
	if (!changed)
		points_nudge(&s->ps, s->child, rng_below(s->rng, s->ps.d));
}

/* A fresh child in "child", or an immigrant, or nothing. */
static bool breed(struct strategy_state *s)
{
	const int *x = parent(s), *y = parent(s);

	if (rng_below(s->rng, IMMIGRANTS) == 0)
		return points_draw(&s->ps, s->child, 8)
			|| points_walk(&s->ps, x, s->child);
	cross(s, x, y);
	if (x == y || rng_below(s->rng, 2))
		mutate(s);
	points_repair(&s->ps, s->child, x);
	if (!seen_has(&s->ps.seen, s->child))
		return true;
	return points_walk(&s->ps, s->child, s->child);
}

static bool select_child(struct strategy_state *s)
{
	long enough = s->ps.looks + LOOKS * s->litter;
	double most = -1;

	judge_anew(s);
	for (int i = 0; i < s->litter && s->ps.looks < enough; i++) {
		double gain;

		if (!breed(s))
			continue;
		gain = s->ready ? promise(s, s->child) : 0;
		if (!(gain > most))
			continue;
		most = gain;
		memcpy(s->best_child, s->child,
			(size_t)s->ps.d * sizeof *s->child);
		if (!s->ready)
			break;
	}
	return most >= 0 || points_any(&s->ps, s->best_child);
}

static bool next(struct strategy_state *s)
{
	if (s->ps.seen.n < s->settled || !s->n_people)
		return points_far(&s->ps, s->best_child, DRAWS);
	return select_child(s);
}

/* What is under way, too, is believed to turn out as expected: of what is known,
 * all at once. */
static void expect(struct strategy_state *s, const struct pending *p)
{
	double mean[BELIEFS], sd;
	int genome[BELIEFS][s->ps.d + 1], n = 0;

	if (!p->n)
		return;
	points_learned(&s->ps, p->genes, p->n);
	s->ready = false;
	judge_anew(s);
	for (int i = 0; s->ready && i < p->n && n < BELIEFS; i++)
		if (points_locate(&s->ps, p->genes + i * s->ps.d, genome[n])) {
			mean[n] = surrogate_at(&s->judge, genome[n], &sd);
			n++;
		}
	for (int i = 0; i < n; i++)
		surrogate_add(&s->judge, genome[i], mean[i]);
	if (n)
		surrogate_predict(&s->judge);
}

static int propose(struct strategy_state *s, const struct pending *p,
	int *genes, int want)
{
	int n = 0;

	expect(s, p);
	for (; n < want && next(s); n++) {
		seen_add(&s->ps.seen, s->best_child);
		points_values(&s->ps, s->best_child, genes + n * s->ps.d);
		if (s->ready && n + 1 < want)
			believe(s);
	}
	return n;
}

/* ---- learning ---- */

static void join(struct strategy_state *s, struct member m)
{
	int at = s->n_people;

	if (isinf(m.cost))
		return;
	for (; at > 0 && m.cost < s->people[at - 1].cost; at--)
		s->people[at] = s->people[at - 1];
	s->people[at] = m;
	if (s->n_people < s->population)
		s->n_people++;
	s->since = at ? s->since : 0;
}

static void restart(struct strategy_state *s)
{
	s->n_people = s->n_people < ELITE ? s->n_people : ELITE;
	s->settled = s->ps.seen.n + FOUNDERS;
	s->since = 0;
}

static void learn(struct strategy_state *s, const int *genes,
	const struct cost *costs, int n)
{
	for (int i = 0; i < n; i++) {
		struct member m = {
			ARENA_ARRAY(s->a, s->ps.d, int), log(costs[i].seconds)
		};

		if (!points_locate(&s->ps, genes + i * s->ps.d, m.genome))
			continue;
		seen_add(&s->ps.seen, m.genome);
		vec_push(s->a, &s->all, m);
		s->since++;
		join(s, m);
	}
	s->ready = false;
	if (s->since >= STALE)
		restart(s);
}

const struct strategy strategy_ga = {
	"ga", "genetic algorithm, children judged before they are measured",
	start, propose, learn, false
};
