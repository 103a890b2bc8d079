/* SPDX-License-Identifier: MIT */
/* Curves of searches. A recorded space and a strategy come in; the search runs
 * once for each seed with a problem that notes the best time so far at every
 * mark, and what the seeds had is averaged. */
#include "search/curve.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { FIRST_MARK = 25 };

/* One search: the table's problem, watched. "queue" has the numbers and the
 * points of those under way. */
struct watch {
	const struct replay *r;
	const struct curve *c;
	double best, at_mark[CURVE_MARKS];
	int trials, passed;		/* marks so far */
	int reached;			/* 95 % after so many; 0: not yet */
	struct queued {
		int number;
		const int *genes;
	} *queue;
	int n_queue;
};

void curve_init(struct curve *c, int budget)
{
	memset(c, 0, sizeof *c);
	c->batch = 1;
	for (int m = FIRST_MARK; m < budget && c->n < CURVE_MARKS - 1; m *= 2)
		c->marks[c->n++] = m;
	c->marks[c->n++] = budget;
}

static double worth(const struct watch *w)
{
	return isfinite(w->best) ? w->r->optimum / w->best : 0;
}

static const char *legal(void *ctx, struct arena *a, const int *genes)
{
	const struct watch *w = ctx;

	return w->r->problem.legal(w->r->problem.ctx, a, genes);
}

static void draw(void *ctx, struct rng *rng, int *genes)
{
	const struct watch *w = ctx;

	w->r->problem.draw(w->r->problem.ctx, rng, genes);
}

static void note(struct watch *w, double seconds)
{
	w->trials++;
	if (seconds < w->best)
		w->best = seconds;
	if (!w->reached && worth(w) >= 0.95)
		w->reached = w->trials;
	if (w->passed < w->c->n && w->trials == w->c->marks[w->passed])
		w->at_mark[w->passed++] = worth(w);
}

static void measure(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct watch *w = ctx;

	w->r->problem.measure(w->r->problem.ctx, a, genes, n, out);
	for (int i = 0; i < n; i++)
		note(w, out[i].seconds);
}

static void begin(void *ctx, int number, const int *genes)
{
	struct watch *w = ctx;

	w->queue[w->n_queue++] = (struct queued){ number, genes };
}

static int wait_for_oldest(void *ctx, int *numbers, struct cost *out)
{
	struct watch *w = ctx;
	struct queued oldest = w->queue[0];

	memmove(w->queue, w->queue + 1, (size_t)--w->n_queue *
		sizeof *w->queue);
	numbers[0] = oldest.number;
	measure(w, NULL, oldest.genes, 1, out);
	return 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a sister's points ---- */

/* The gene of "from" named as gene "g" of "r", or -1. */
static int same_gene(const struct replay *r, const struct replay *from, int g)
{
	for (int i = 0; i < from->space.n_genes; i++)
		if (!strcmp(from->space.genes[i].name, r->space.genes[g].name))
			return i;
	return -1;
}

/* Value "v" of gene "x" as a value of gene "y", which words share by their
 * text; false if "y" has none like it. */
static bool translate(const struct gene *x, int v, const struct gene *y,
	int *out)
{
	for (int i = 0; i < y->n; i++) {
		bool same = x->words && y->words ?
			!strcmp(x->words[v], y->words[y->values[i]]) :
			!x->words && !y->words && v == y->values[i];

		if (same) {
			*out = y->values[i];
			return true;
		}
	}
	return false;
}

static bool translate_point(const struct replay *r, const struct replay *from,
	const int *genes, int *out)
{
	for (int g = 0; g < r->space.n_genes; g++) {
		int k = same_gene(r, from, g);

		if (!translate(&from->space.genes[k], genes[k],
		    &r->space.genes[g], &out[g]))
			return false;
	}
	return true;
}

const struct prior *curve_prior(struct arena *a, const struct replay *r,
	const struct replay *from, const char **why)
{
	struct prior *p = ARENA_NEW(a, struct prior);
	size_t d = (size_t)r->space.n_genes;
	int *genes = ARENA_ARRAY(a, (size_t)from->n * d, int);
	double *seconds = ARENA_ARRAY(a, from->n, double);

	*why = NULL;
	for (int g = 0; g < r->space.n_genes; g++)
		if (same_gene(r, from, g) < 0) {
			*why = arena_printf(a, "%s has no tunable '%s'",
				from->path, r->space.genes[g].name);
			return NULL;
		}
	for (int i = 0; i < from->n; i++) {
		const int *x = from->index.v + i * from->space.n_genes;

		if (!translate_point(r, from, x, genes + (size_t)p->n * d))
			continue;
		seconds[p->n++] = from->seconds[i];
	}
	if (!p->n)
		*why = arena_printf(a, "%s has no point of the values of %s",
			from->path, r->path);
	p->genes = genes;
	p->seconds = seconds;
	return p->n ? p : NULL;
}

/* ---- seeds ---- */

static void run_seed(struct curve *c, struct watch *w,
	const struct problem *p, const struct strategy *s, int seed,
	const volatile int *stop)
{
	struct budget b = { .trials = c->marks[c->n - 1],
		.seed = (uint64_t)seed };
	struct arena *a = arena_create();
	double began = now();

	w->best = INFINITY;
	w->trials = w->passed = w->reached = w->n_queue = 0;
	search_run(a, p, s, &b, stop, NULL, NULL);
	if (w->trials)
		c->own_ms += 1e3 * (now() - began) / w->trials;
	while (w->passed < c->n)
		w->at_mark[w->passed++] = worth(w);
	arena_destroy(a);
}

static void add_seed(struct curve *c, const struct watch *w)
{
	for (int m = 0; m < c->n; m++) {
		c->mean[m] += w->at_mark[m];
		c->spread[m] += w->at_mark[m] * w->at_mark[m];
	}
	c->to_95 += w->reached ? w->reached : c->marks[c->n - 1];
	c->reached_95 += w->reached > 0;
	c->seeds++;
}

static void average(struct curve *c)
{
	double n = c->seeds;

	for (int m = 0; m < c->n; m++) {
		double sum = c->mean[m], squares = c->spread[m];

		c->mean[m] = sum / n;
		c->spread[m] = n > 1 ? sqrt(fmax(0, (squares - sum * sum / n)
			/ (n - 1))) : 0;
	}
	c->to_95 /= n;
	c->reached_95 /= n;
	c->own_ms /= n;
}

void curve_run(struct curve *c, const struct replay *r,
	const struct replay *from, const struct strategy *s, int seeds,
	const volatile int *stop)
{
	struct watch w = { .r = r, .c = c };
	struct problem p = r->problem;
	struct arena *a = arena_create();
	const char *why;

	p.ctx = &w;
	p.legal = legal;
	p.draw = draw;
	p.measure = measure;
	p.batch = c->batch;
	if (c->window) {
		w.queue = ARENA_ARRAY(a, c->window, struct queued);
		p.begin = begin;
		p.wait = wait_for_oldest;
		p.window = c->window;
	}
	p.prior = from ? curve_prior(a, r, from, &why) : NULL;
	for (int seed = 1; seed <= seeds && !(stop && *stop); seed++) {
		run_seed(c, &w, &p, s, seed, stop);
		if (!(stop && *stop))
			add_seed(c, &w);
	}
	if (c->seeds)
		average(c);
	arena_destroy(a);
}
