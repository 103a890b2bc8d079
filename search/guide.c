/* SPDX-License-Identifier: MIT */
/* Guidance by a surrogate. Costs of points come in; the next points worth
 * measuring go out. What is judged is not the time itself but the speed
 * (surrogate_worth). Failures count as slow, and their own likelihood, from the
 * same covariances, discounts what is expected of their neighbours.
 *
 * The surrogate takes a surface to be as smooth where it is fast as where it is
 * slow, and is surest where it is fast, for there searches measure. Of points
 * not measured, after 25 to 180 that "ga" chose in each of three recorded
 * spaces, the squares of its errors were 0.8 to 1.0 times what it expected
 * where it expected a quarter to half of the best speed, 1.4 to 2.3 times up to
 * three quarters, and 4 to 6 times beyond. So it looks too often where it knows
 * little and hopes for little, and holds for impossible what lies among fast
 * points and is faster. Every second choice is therefore eager: doubts are in
 * proportion to the speed that is expected. Not each, nor any of the first forty:
 * then searches stay too long where they first found something. And none with a
 * sister, whose levels say where it is fast: nothing was gained by it, whether she
 * was right or not. */
#include "search/guide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum {
	FOUNDERS = 8,		/* before there is anything to learn from */
	SISTERLY = 8,		/* of them where there is a sister */
	OWN = 3,		/* of them one in so many is not hers */
	FOLLOWED = 128,		/* of the sister's points at most */
	DRAWS = 32,		/* of which a founder is the farthest */
	MOST = 448,		/* observations in the surrogate */
	ELITE = 192,		/* of these, kept when there are too many */
	NEWEST = 96,		/* and of these */
	BATCH = 64,		/* beliefs at most */
	POOL = 1024,
	TUNING_STEPS = 10
};

enum { CALM = 40 };		/* points before the first eager choice */

#define EAGERNESS 2		/* doubt at the best's speed */
#define LEAST_SPEED 0.1
#define GROWTH 0.12
#define APART 0.3	/* of the points of a sister that are followed */

/* With a sister, her level is one gene more. */
static void init_surrogate(struct guide *g, const struct space *space)
{
	struct space wider = { .n_genes = g->ps.d + (g->sister != NULL) };
	int *levels = ARENA_ARRAY(g->a, SISTER_LEVELS, int);

	wider.genes = ARENA_ARRAY(g->a, wider.n_genes, struct gene);
	for (int i = 0; i < g->ps.d; i++)
		wider.genes[i] = space->genes[i];
	for (int i = 0; i < SISTER_LEVELS; i++)
		levels[i] = i;
	if (g->sister)
		wider.genes[g->ps.d] = (struct gene){ .name = "sister",
			.values = levels, .n = SISTER_LEVELS };
	surrogate_init(&g->s, g->a, &wider, MOST + BATCH, POOL);
	if (g->sister)
		surrogate_follow(&g->s, g->sister->trend);
}

void guide_init(struct guide *g, struct arena *a, const struct problem *p,
	const struct budget *b)
{
	memset(g, 0, sizeof *g);
	g->a = a;
	points_init(&g->ps, a, p, b->seed);
	g->sister = sister_create(a, &g->ps, p->prior);
	init_surrogate(g, p->space);
	g->rows = ARENA_ARRAY(a, MOST + BATCH, int);
	g->failed = ARENA_ARRAY(a, MOST + BATCH, double);
	g->doubtful = ARENA_ARRAY(a, POOL + 8, double);
	g->sight = ARENA_ARRAY(a, POOL + 8, double);
	g->kept = ARENA_ARRAY(a, POOL, char);
	g->child = ARENA_ARRAY(a, g->ps.d, int);
	g->known = ARENA_ARRAY(a, g->ps.d + 1, int);
}

const int *guide_point(const struct guide *g, int i)
{
	return g->genomes + (size_t)i * (size_t)g->ps.d;
}

const int *guide_known(struct guide *g, const int *genome)
{
	if (!g->sister)
		return genome;
	memcpy(g->known, genome, (size_t)g->ps.d * sizeof *genome);
	g->known[g->ps.d] = sister_level(g->sister, genome);
	return g->known;
}

/* ---- learning ---- */

static void grow(struct guide *g)
{
	size_t d = (size_t)g->ps.d;
	int cap = g->cap;

	g->genomes = vec_grow(g->a, g->genomes, g->n, &cap, d * sizeof(int));
	cap = g->cap;
	g->order = vec_grow(g->a, g->order, g->n, &cap, sizeof *g->order);
	g->costs = vec_grow(g->a, g->costs, g->n, &g->cap, sizeof *g->costs);
}

static void rank(struct guide *g)
{
	int at = g->n;

	for (; at > 0 && g->costs[g->n] < g->costs[g->order[at - 1]]; at--)
		g->order[at] = g->order[at - 1];
	g->order[at] = g->n;
}

void guide_learn(struct guide *g, const int *values,
	const struct cost *costs, int n)
{
	size_t d = (size_t)g->ps.d;

	for (int i = 0; i < n; i++) {
		if (g->n == g->cap)
			grow(g);
		if (!points_locate(&g->ps, values + (size_t)i * d,
		    g->genomes + (size_t)g->n * d))
			continue;
		seen_add(&g->ps.seen, guide_point(g, g->n));
		g->costs[g->n] = log(costs[i].seconds);
		g->n_good += isfinite(g->costs[g->n]);
		rank(g);
		g->n++;
	}
}

/* ---- founders ---- */

bool guide_founding(const struct guide *g)
{
	return g->ps.seen.n < (g->sister ? SISTERLY : FOUNDERS) ||
		g->n_good < 2;
}

/* The sister's leads, then her best; NULL when they are enough. */
static const int *ask_sister(struct guide *g)
{
	const struct sister *s = g->sister;

	if (s && g->led < s->n_leads)
		return sister_ranked(s, s->leads[g->led++]);
	if (s && g->followed < s->n && g->followed < FOLLOWED)
		return sister_ranked(s, g->followed++);
	return NULL;
}

/* Her next that is fresh and not beside one that was taken. */
static bool follow_sister(struct guide *g, int *genome)
{
	const int *x;

	while ((x = ask_sister(g))) {
		if (!points_fresh(&g->ps, x) ||
		    points_nearest(&g->ps, x) < APART)
			continue;
		memcpy(genome, x, (size_t)g->ps.d * sizeof *genome);
		return seen_add(&g->ps.seen, genome);
	}
	return false;
}

/* Is what she finds better no worse here, on the whole? */
static bool sister_agrees(struct guide *g)
{
	double best, mean = 0, sum = 0;

	if (!g->sister || !g->n_good)
		return g->sister;
	best = g->costs[g->order[0]];
	for (int i = 0; i < g->n; i++)
		mean += surrogate_worth(g->costs[i] - best) / g->n;
	for (int i = 0; i < g->n; i++)
		sum += (surrogate_worth(g->costs[i] - best) - mean) *
			sister_level(g->sister, guide_point(g, i));
	return sum >= 0;
}

static bool founder(struct guide *g, int *genome)
{
	if (g->ps.seen.n % OWN < OWN - 1 && sister_agrees(g) &&
	    follow_sister(g, genome))
		return true;
	return points_far(&g->ps, genome, DRAWS) &&
		seen_add(&g->ps.seen, genome);
}

/* ---- the surrogate ---- */

static bool take(struct guide *g, int i)
{
	g->rows[g->s.n] = i;
	return surrogate_add(&g->s, guide_known(g, guide_point(g, i)), 0);
}

/* The best, the newest and an even choice of the rest. */
static void reload(struct guide *g)
{
	int n = g->n, rest = MOST - ELITE - NEWEST - MOST / 8;
	char *in = ARENA_ARRAY(g->a, n, char);

	for (int i = 0; i < ELITE; i++)
		in[g->order[i]] = 1;
	for (int i = n - NEWEST; i < n; i++)
		in[i] = 1;
	for (int i = 0; i < rest; i++)
		in[(int)((double)i * n / rest)] = 1;
	surrogate_clear(&g->s);
	for (int i = 0; i < n; i++)
		if (in[i])
			take(g, i);
	g->taken = n;
}

static void set_values(struct guide *g)
{
	double best = g->costs[g->order[0]];

	for (int i = 0; i < g->s.n; i++) {
		double lag = g->costs[g->rows[i]] - best;

		g->failed[i] = isinf(lag);
		g->s.y[i] = surrogate_worth(lag);
	}
}

/* What is expected to be gained by measuring candidate "c", if it works. */
static double gain(const struct guide *g, int c)
{
	double mean = g->s.mean[c], doubt = g->s.sd[c];

	if (g->eager)
		doubt *= EAGERNESS * fmax(LEAST_SPEED, -mean);
	return surrogate_gain(-1, mean, doubt);
}

static void judge(struct guide *g)
{
	struct surrogate *s = &g->s;

	surrogate_predict(s);
	if (g->n_good < g->n)
		surrogate_project(s, g->failed, g->doubtful);
	for (int c = 0; c < s->m; c++) {
		double works = g->n_good < g->n ? 1 - g->doubtful[c] : 1;

		works = works > 1 ? 1 : works < 0.05 ? 0.05 : works;
		g->sight[c] = works * gain(g, c);
	}
}

static int by_value(const void *x, const void *y)
{
	double p = *(const double *)x, q = *(const double *)y;

	return p < q ? -1 : p > q;
}

static void drop(struct guide *g, int c)
{
	surrogate_drop(&g->s, c);
	g->sight[c] = g->sight[g->s.m];
}

static bool takes_turns(const struct guide *g)
{
	return !g->sister && g->n >= CALM;
}

static void take_turns(struct guide *g)
{
	g->eager = !g->eager && takes_turns(g);
}

/* Keep the "keep" that are most promising as choices are now. */
static void keep_best(struct guide *g, int keep)
{
	int n = g->s.m;
	double limit;

	judge(g);
	memcpy(g->doubtful, g->sight, (size_t)n * sizeof *g->sight);
	qsort(g->doubtful, (size_t)n, sizeof *g->doubtful, by_value);
	limit = keep ? g->doubtful[n - keep] : INFINITY;
	for (int c = 0; c < n; c++)
		g->kept[c] |= g->sight[c] > 0 && g->sight[c] >= limit;
}

void guide_cull(struct guide *g, int keep)
{
	int n = g->s.m, part = takes_turns(g) ? (keep + 1) / 2 : keep;

	if (n <= keep)
		return;
	memset(g->kept, 0, (size_t)n);
	for (int i = 0; i < 2; i++) {
		take_turns(g);
		keep_best(g, part);
	}
	for (int c = n - 1; c >= 0; c--)
		if (!g->kept[c])
			drop(g, c);
}

bool guide_update(struct guide *g, int keep)
{
	bool full = false;

	for (; g->taken < g->n && !full; g->taken++)
		full = g->s.n == MOST || !take(g, g->taken);
	if (full)
		reload(g);
	set_values(g);
	if (!full && g->n < g->tuned + 1 + GROWTH * g->tuned)
		return false;
	guide_cull(g, keep);
	surrogate_list(&g->s);
	surrogate_tune(&g->s, TUNING_STEPS);
	g->tuned = g->n;
	return true;
}

void guide_refit(struct guide *g)
{
	surrogate_refit(&g->s);
}

bool guide_offer(struct guide *g, const int *genome)
{
	return points_fresh(&g->ps, genome) &&
		surrogate_pool(&g->s, guide_known(g, genome));
}

/* ---- choosing ---- */

double guide_sight(struct guide *g)
{
	return gain(g, g->s.m - 1) / sqrt(g->s.variance);
}

static void believe(struct guide *g, const int *x, double y)
{
	int at = g->s.n;

	if (surrogate_believe(&g->s, x, y))
		g->failed[at] = 0;
}

/* What is under way is seen, and believed to come out as expected of what is
 * known. To leave it out without a belief is worse: see the replays of
 * wpkc-search(1), --window. */
static void expect(struct guide *g, const struct pending *p)
{
	struct surrogate *s = &g->s;
	size_t d = (size_t)g->ps.d, wide = (size_t)s->d;
	int x[BATCH * (d + 1)], n = 0;
	double y[BATCH], sd;

	points_learned(&g->ps, p->genes, p->n);
	if (!p->n || !s->n || guide_founding(g))
		return;
	surrogate_predict(s);
	for (int i = 0; i < p->n && n < BATCH; i++) {
		const int *known;

		if (!points_locate(&g->ps, p->genes + (size_t)i * d, g->child))
			continue;
		known = guide_known(g, g->child);
		memcpy(x + (size_t)n * wide, known, wide * sizeof *x);
		y[n++] = surrogate_at(s, known, &sd);
	}
	for (int i = 0; i < n; i++)
		believe(g, x + (size_t)i * wide, y[i]);
}

/* The candidate of most gain leaves the pool, and the next choice is of the
 * other kind; with "more" to come in this batch it is believed to come out as
 * expected. */
static bool pick(struct guide *g, int *genome, bool more)
{
	struct surrogate *s = &g->s;

	judge(g);
	take_turns(g);
	while (s->m) {
		int most = 0;

		for (int c = 1; c < s->m; c++)
			if (g->sight[c] > g->sight[most])
				most = c;
		memcpy(genome, s->pool + (size_t)most * (size_t)s->d,
			(size_t)g->ps.d * sizeof *genome);
		if (more && !seen_has(&g->ps.seen, genome))
			believe(g, s->pool + (size_t)most * (size_t)s->d,
				s->mean[most]);
		drop(g, most);
		if (seen_add(&g->ps.seen, genome))
			return true;
	}
	return false;
}

static bool next(struct guide *g, bool more)
{
	if (guide_founding(g))
		return founder(g, g->child);
	return pick(g, g->child, more) || (points_any(&g->ps, g->child) &&
		seen_add(&g->ps.seen, g->child));
}

int guide_propose(struct guide *g, const struct pending *p, int *genes,
	int want)
{
	int n = 0;

	expect(g, p);
	for (; n < want && next(g, n + 1 < want); n++)
		points_values(&g->ps, g->child, genes + n * g->ps.d);
	surrogate_doubt(&g->s);
	return n;
}
