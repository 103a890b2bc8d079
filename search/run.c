/* SPDX-License-Identifier: MIT */
/* The search loop: a problem, a strategy and a budget come in, the best point
 * and everything measured on the way goes out. Seeds are measured first. No
 * point is measured twice, whatever a strategy proposes, and none that is not
 * legal. Where costs take their time, points are proposed whenever some have
 * come, so that as many as there is room for are always under way. The loop
 * looks at the clock and at "*stop" before it begins any, so an interrupted
 * search still has its best. */
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

struct searching {
	struct arena *a;	/* of the result */
	struct arena *own;	/* of the strategy: lives as long as the run */
	struct arena *tmp;	/* until costs come, and of sentences */
	const struct problem *p;
	struct problem problem, quiet;	/* as it is; as strategies see it */
	const struct strategy *s;
	struct strategy_state *state;
	struct budget budget;
	const struct budget *b;
	const volatile int *stop;
	void (*report)(void *ctx, const struct progress *p);
	void *ctx;
	struct seen seen;	/* points begun, as values */
	VEC(double) seconds;	/* of each point in "seen", or INFINITY */
	int room, *points;	/* under way at most, by number */
	int *numbers, n_pending;	/* taken, oldest first; then the free */
	int *under_way, *rows;	/* "room" points for who wants them in a row */
	int seeded;		/* seeds taken */
	bool exhausted;
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
	struct searching *r = ctx;

	(void)a;
	if (arena_bytes(r->tmp) > TMP_LIMIT)
		arena_reset(r->tmp);
	return r->p->legal(r->p->ctx, r->tmp, genes);
}

static void quiet_draw(void *ctx, struct rng *rng, int *genes)
{
	struct searching *r = ctx;

	r->p->draw(r->p->ctx, rng, genes);
}

static void note_first(struct searching *r, enum verdict v,
	const char *message)
{
	if (message && !r->res->first[v])
		r->res->first[v] = arena_strdup(r->a, message);
}

static void count(struct searching *r, enum verdict v, const char *message)
{
	r->res->counts[v]++;
	note_first(r, v, message);
}

/* False if it was there already. */
static bool add(struct searching *r, const int *point)
{
	if (!seen_add(&r->seen, point))
		return false;
	vec_push(r->own, &r->seconds, INFINITY);
	return true;
}

static void record(struct searching *r, const int *point, const struct cost *c)
{
	struct result *res = r->res;

	assert((unsigned)c->verdict < N_VERDICTS && !isnan(c->seconds));
	assert(isfinite(c->seconds) || c->verdict != V_MEASURED);
	r->seconds.v[seen_find(&r->seen, point)] = c->seconds;
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
static void recall(struct searching *r)
{
	for (int i = 0; i < r->p->n_known; i++) {
		const int *point = r->p->known + (size_t)i * (size_t)r->seen.d;

		if (quiet_legal(r, NULL, point) || !add(r, point))
			continue;
		record(r, point, &r->p->known_costs[i]);
		note_first(r, r->p->known_costs[i].verdict,
			r->p->known_costs[i].message);
		r->s->learn(r->state, point, &r->p->known_costs[i], 1);
	}
	r->res->trials = r->p->counted;
}

static void tell(struct searching *r)
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

static bool spent(struct searching *r)
{
	if (r->stop && *r->stop) {
		r->res->interrupted = true;
		return true;
	}
	return r->res->trials >= r->b->trials
		|| (r->b->seconds > 0 && now() - r->began >= r->b->seconds);
}

/* ---- points under way ---- */

static int *point(const struct searching *r, int number)
{
	return r->points + (ptrdiff_t)number * r->seen.d;
}

/* Copies of "n" points, by number, in a row. */
static void gather(const struct searching *r, const int *numbers, int n, int *out)
{
	size_t d = (size_t)r->seen.d;

	for (int i = 0; i < n; i++)
		memcpy(out + (size_t)i * d, point(r, numbers[i]),
			d * sizeof *out);
}

static void begin(struct searching *r, const int *genes)
{
	int number = r->numbers[r->n_pending++];

	memcpy(point(r, number), genes, (size_t)r->seen.d * sizeof *genes);
	if (r->p->begin)
		r->p->begin(r->p->ctx, number, point(r, number));
}

static void finish(struct searching *r, int number)
{
	int i = 0;

	while (r->numbers[i] != number)
		i++;
	assert(i < r->n_pending);
	r->n_pending--;
	memmove(r->numbers + i, r->numbers + i + 1,
		(size_t)(r->n_pending - i) * sizeof *r->numbers);
	r->numbers[r->n_pending] = number;
}

/* Of some that are under way: all, where costs come at once. */
static int wait(struct searching *r, int *numbers, struct cost *costs)
{
	int n = r->n_pending;

	if (r->p->begin)
		return r->p->wait(r->p->ctx, numbers, costs);
	memcpy(numbers, r->numbers, (size_t)n * sizeof *numbers);
	gather(r, numbers, n, r->rows);
	r->p->measure(r->p->ctx, r->tmp, r->rows, n, costs);
	return n;
}

/* False if no more costs will come. */
static bool settle(struct searching *r)
{
	struct cost costs[r->room];
	int numbers[r->room], n;

	memset(costs, 0, sizeof costs);
	n = wait(r, numbers, costs);
	if (!n)
		return false;
	gather(r, numbers, n, r->rows);
	for (int i = 0; i < n; i++) {
		record(r, point(r, numbers[i]), &costs[i]);
		count(r, costs[i].verdict, costs[i].message);
		finish(r, numbers[i]);
	}
	r->res->trials += n;
	r->s->learn(r->state, r->rows, costs, n);
	arena_reset(r->tmp);
	tell(r);
	return true;
}

/* ---- points to come ---- */

/* Begin the legal points not seen before; returns their number. */
static int admit(struct searching *r, const int *rows, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++) {
		const int *genes = rows + (ptrdiff_t)i * r->seen.d;
		const char *why = quiet_legal(r, NULL, genes);

		if (why)
			count(r, V_PRUNED, why);
		else if (add(r, genes)) {
			begin(r, genes);
			kept++;
		}
	}
	return kept;
}

static int room(const struct searching *r)
{
	int left = r->b->trials - r->res->trials;

	return (r->room < left ? r->room : left) - r->n_pending;
}

static int next_seeds(struct searching *r, int want)
{
	const int *seeds = r->p->seeds + (ptrdiff_t)r->seeded * r->seen.d;
	int n = r->p->n_seeds - r->seeded;

	n = n < want ? n : want;
	r->seeded += n;
	return admit(r, seeds, n);
}

/* A strategy that keeps proposing points already measured, which none of ours
 * does, ends the run as an exhausted one does; what is under way may be what it
 * proposes again, until it is told. */
static int next_proposals(struct searching *r, int want)
{
	struct pending p = { r->under_way, r->n_pending };
	int n, kept;

	gather(r, r->numbers, r->n_pending, r->under_way);
	n = r->s->propose(r->state, &p, r->rows, want);
	kept = admit(r, r->rows, n);
	r->exhausted = !n || (!kept && !r->n_pending);
	return kept;
}

/* Strategies think of all that is under way, so a few are asked for at once. */
static bool has_room(const struct searching *r)
{
	enum { PARTS = 8 };
	int few = (r->room + PARTS - 1) / PARTS;

	return r->room - r->n_pending >= few && room(r) > 0;
}

/* Until there is no room. Where costs come all at once there is nothing to keep
 * busy: seeds are then told before a strategy is asked. */
static void fill(struct searching *r)
{
	while (has_room(r) && !r->exhausted && !spent(r)) {
		bool seeds = r->seeded < r->p->n_seeds;
		int kept = seeds ? next_seeds(r, room(r)) :
			next_proposals(r, room(r));

		if (kept ? !r->p->begin : !seeds)
			break;
	}
}

static bool begins_more(struct searching *r)
{
	return !r->exhausted && r->b->trials - r->res->trials > r->n_pending &&
		!spent(r);
}

/* Where costs take their time the last of them are told by "search_finish". An
 * interrupted run leaves what is under way. */
static void run(struct searching *r, bool to_the_end)
{
	do
		fill(r);
	while (r->n_pending && (to_the_end || begins_more(r)) && settle(r));
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

static void write_history(struct searching *r)
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

static void init_room(struct searching *r, int room)
{
	size_t d = (size_t)r->seen.d;

	r->room = room > 0 ? room : 1;
	r->points = ARENA_ARRAY(r->own, (size_t)r->room * d, int);
	r->under_way = ARENA_ARRAY(r->own, (size_t)r->room * d, int);
	r->rows = ARENA_ARRAY(r->own, (size_t)r->room * d, int);
	r->numbers = ARENA_ARRAY(r->own, r->room, int);
	for (int i = 0; i < r->room; i++)
		r->numbers[i] = i;
}

struct searching *search_start(struct arena *a, const struct problem *p,
	const struct strategy *s, const struct budget *b,
	const volatile int *stop,
	void (*report)(void *ctx, const struct progress *p), void *ctx)
{
	struct arena *own = arena_create();
	struct searching *r = ARENA_NEW(own, struct searching);

	*r = (struct searching){ .a = a, .own = own, .tmp = arena_create(),
		.problem = *p, .quiet = *p, .s = s, .budget = *b, .stop = stop,
		.report = report, .ctx = ctx, .began = now(),
		.res = ARENA_NEW(a, struct result) };
	r->p = &r->problem;
	r->b = &r->budget;
	r->res->seconds = INFINITY;
	r->reported = r->began - 2 * REPORT_EVERY;
	r->quiet.ctx = r;
	r->quiet.legal = quiet_legal;
	r->quiet.draw = p->draw ? quiet_draw : NULL;
	seen_init(&r->seen, own, p->space->n_genes);
	init_room(r, p->begin ? p->window : p->batch);
	r->state = s->start(own, &r->quiet, r->b);
	recall(r);
	run(r, !p->begin);
	return r;
}

struct result *search_finish(struct searching *r)
{
	struct result *res = r->res;

	run(r, true);
	spent(r);
	write_history(r);
	arena_destroy(r->tmp);
	arena_destroy(r->own);
	return res;
}

struct result *search_run(struct arena *a, const struct problem *p,
	const struct strategy *s, const struct budget *b,
	const volatile int *stop,
	void (*report)(void *ctx, const struct progress *p), void *ctx)
{
	return search_finish(search_start(a, p, s, b, stop, report, ctx));
}
