/* SPDX-License-Identifier: MIT */
/* The search loop: a problem, a strategy and a budget come in, the best point
 * and everything measured on the way goes out. Seeds are measured first. No
 * point is measured twice, whatever a strategy proposes, and none that is not
 * legal. The loop looks at the clock and at "*stop" between batches, so an
 * interrupted search still has its best. */
#include "search/search.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "search/points.h"

enum { TMP_LIMIT = 1 << 20 };
#define REPORT_EVERY 0.1	/* seconds */

struct run {
	struct arena *a;	/* of the result */
	struct arena *own;	/* of the strategy: lives as long as the run */
	struct arena *tmp;	/* of one batch, and of sentences */
	const struct problem *p;
	const struct budget *b;
	const volatile int *stop;
	void (*report)(void *ctx, const struct progress *p);
	void *ctx;
	struct seen seen;	/* points measured, as values */
	VEC(double) seconds;	/* of each point in "seen", or INFINITY */
	struct result *res;
	double began, reported;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What a strategy sees as the validity test: the problem's, its sentences
 * forgotten before they fill the memory. */
static const char *quiet_legal(void *ctx, struct arena *a, const int *genes)
{
	struct run *r = ctx;

	(void)a;
	if (arena_bytes(r->tmp) > TMP_LIMIT)
		arena_reset(r->tmp);
	return r->p->legal(r->p->ctx, r->tmp, genes);
}

static void quiet_draw(void *ctx, struct rng *rng, int *genes)
{
	struct run *r = ctx;

	r->p->draw(r->p->ctx, rng, genes);
}

static void count(struct run *r, enum verdict v, const char *message)
{
	r->res->counts[v]++;
	if (message && !r->res->first[v])
		r->res->first[v] = arena_strdup(r->a, message);
}

static void record(struct run *r, const int *point, const struct cost *c)
{
	struct result *res = r->res;

	assert((unsigned)c->verdict < N_VERDICTS && !isnan(c->seconds));
	assert(isfinite(c->seconds) || c->verdict != V_MEASURED);
	vec_push(r->own, &r->seconds, c->seconds);
	if (c->verdict != V_MEASURED)
		return;
	if (res->genes && c->seconds >= res->seconds)
		return;
	if (!res->genes)
		res->genes = ARENA_ARRAY(r->a, r->seen.d, int);
	memcpy(res->genes, point, (size_t)r->seen.d * sizeof *point);
	res->seconds = c->seconds;
}

/* What is known already: as if it had been measured, but that it is no trial. */
static void recall(struct run *r, const struct strategy *s,
	struct strategy_state *state)
{
	for (int i = 0; i < r->p->n_known; i++) {
		const int *point = r->p->known + (size_t)i * (size_t)r->seen.d;

		if (quiet_legal(r, NULL, point) || !seen_add(&r->seen, point))
			continue;
		record(r, point, &r->p->known_costs[i]);
		s->learn(state, point, &r->p->known_costs[i], 1);
	}
	r->res->trials = r->p->counted;
}

static void tell(struct run *r)
{
	double t = now();
	struct progress p = {
		.trials = r->res->trials, .total = r->b->trials,
		.best = r->res->seconds, .elapsed = t - r->began,
		.best_genes = r->res->genes,
	};

	if (!r->report || t - r->reported < REPORT_EVERY)
		return;
	r->reported = t;
	r->report(r->ctx, &p);
}

static bool spent(struct run *r)
{
	if (r->stop && *r->stop) {
		r->res->interrupted = true;
		return true;
	}
	return r->res->trials >= r->b->trials
		|| (r->b->seconds > 0 && now() - r->began >= r->b->seconds);
}

/* Measure "n" points new to "seen" and tell the strategy. */
static void measure(struct run *r, const struct strategy *s,
	struct strategy_state *state, const int *points, int n)
{
	struct cost costs[n];

	memset(costs, 0, sizeof costs);
	r->p->measure(r->p->ctx, r->tmp, points, n, costs);
	for (int i = 0; i < n; i++) {
		record(r, points + i * r->seen.d, &costs[i]);
		count(r, costs[i].verdict, costs[i].message);
	}
	r->res->trials += n;
	s->learn(state, points, costs, n);
	arena_reset(r->tmp);
	tell(r);
}

/* Move the legal points not seen before to the front, adding them to "seen";
 * returns their number. */
static int admit(struct run *r, int *points, int n)
{
	size_t d = (size_t)r->seen.d;
	int kept = 0;

	for (int i = 0; i < n; i++) {
		int *point = points + (size_t)i * d;
		const char *why = quiet_legal(r, NULL, point);

		if (why)
			count(r, V_PRUNED, why);
		else if (seen_add(&r->seen, point))
			memmove(points + d * (size_t)kept++, point,
				d * sizeof *point);
	}
	return kept;
}

static int batch_of(const struct run *r)
{
	int left = r->b->trials - r->res->trials;
	int batch = r->p->batch > 0 ? r->p->batch : 1;

	return batch < left ? batch : left;
}

static void run_seeds(struct run *r, const struct strategy *s,
	struct strategy_state *state, int *points)
{
	size_t d = (size_t)r->seen.d;

	for (int at = 0; at < r->p->n_seeds && !spent(r);) {
		int n = r->p->n_seeds - at, want = batch_of(r);

		n = n < want ? n : want;
		memcpy(points, r->p->seeds + (size_t)at * d,
			(size_t)n * d * sizeof *points);
		at += n;
		n = admit(r, points, n);
		if (n)
			measure(r, s, state, points, n);
	}
}

/* A strategy that keeps proposing points already measured, which none of ours
 * does, ends the run as an exhausted one does. */
static void run_strategy(struct run *r, const struct strategy *s,
	struct strategy_state *state, int *points)
{
	while (!spent(r)) {
		int n = s->propose(state, points, batch_of(r));

		n = admit(r, points, n);
		if (!n)
			break;
		measure(r, s, state, points, n);
	}
}

struct ranked {
	double seconds;
	int at;
};

static int by_seconds(const void *x, const void *y)
{
	const struct ranked *p = x, *q = y;

	if (p->seconds != q->seconds)
		return p->seconds < q->seconds ? -1 : 1;
	return p->at < q->at ? -1 : p->at > q->at;
}

static void write_history(struct run *r)
{
	struct result *res = r->res;
	struct ranked *v = ARENA_ARRAY(r->own, r->seen.n, struct ranked);
	size_t d = (size_t)r->seen.d;
	int n = 0;

	for (int i = 0; i < r->seconds.n; i++)
		if (isfinite(r->seconds.v[i]))
			v[n++] = (struct ranked){r->seconds.v[i], i};
	qsort(v, (size_t)n, sizeof *v, by_seconds);
	res->n_history = n;
	res->history = ARENA_ARRAY(r->a, (size_t)n * d, int);
	res->history_cost = ARENA_ARRAY(r->a, n, double);
	for (int i = 0; i < n; i++) {
		memcpy(res->history + (size_t)i * d,
			r->seen.v + (size_t)v[i].at * d, d * sizeof(int));
		res->history_cost[i] = v[i].seconds;
	}
}

struct result *search_run(struct arena *a, const struct problem *p,
	const struct strategy *s, const struct budget *b,
	const volatile int *stop,
	void (*report)(void *ctx, const struct progress *p), void *ctx)
{
	struct run r = {
		.a = a, .own = arena_create(), .tmp = arena_create(),
		.p = p, .b = b, .stop = stop, .report = report, .ctx = ctx,
		.res = ARENA_NEW(a, struct result), .began = now(),
	};
	struct problem quiet = *p;
	struct strategy_state *state;
	int *points;

	r.res->seconds = INFINITY;
	r.reported = r.began - 2 * REPORT_EVERY;
	quiet.ctx = &r;
	quiet.legal = quiet_legal;
	quiet.draw = p->draw ? quiet_draw : NULL;
	seen_init(&r.seen, r.own, p->space->n_genes);
	points = ARENA_ARRAY(r.own, (size_t)(p->batch > 0 ? p->batch : 1)
		* (size_t)r.seen.d, int);
	state = s->start(r.own, &quiet, b);
	recall(&r, s, state);
	run_seeds(&r, s, state, points);
	run_strategy(&r, s, state, points);
	write_history(&r);
	arena_destroy(r.tmp);
	arena_destroy(r.own);
	return r.res;
}
