/* SPDX-License-Identifier: MIT */
/* A search whose costs are measured. In: a candidate of a group with its space.
 * Out: a problem whose costs come from workers; finalists, of a group or of the
 * whole operator, in the order of their finals. */
#include "driver/measuring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/measuring_folder.h"

enum { BLOCKS = 9 };

/* ---- a problem ---- */

/* One search: points of "c" for the job's group. "genes" of those under way, by
 * number. What is told is kept until it waits for it. */
struct search {
	struct measuring *g;
	struct job *job;
	int group;
	struct candidate *c;
	struct problem model;		/* what it was by the model */
	struct measure_client client;
	const int **genes;
	int *numbers, n_told;
	struct cost *costs;
	bool waits;
};

static const char *is_legal(void *ctx, struct arena *a, const int *genes)
{
	struct search *x = ctx;

	return x->model.legal(x->model.ctx, a, genes);
}

/* The job with another point for one of its groups. */
static struct job with_choice(struct arena *a, const struct job *j, int group,
	const struct candidate *c, const int *genes)
{
	size_t n = (size_t)j->partition->n_groups;
	struct job with = *j;

	with.parts = memcpy(ARENA_ARRAY(a, n, struct part), j->parts,
		n * sizeof *j->parts);
	with.parts[group].choice = (struct choice){ c, (int *)genes, 0, "",
		"none", NULL };
	return with;
}

static void make_plan(struct measuring *g, struct arena *a,
	const struct job *j, int group, struct measure_made *out)
{
	const char *why;
	struct program *p = choices_try(g->s, a, j, &why);

	if (why)
		*out = (struct measure_made){ .verdict = V_COMPILE,
			.message = why };
	else
		measuring_plan(g, a, j, p, group, out);
}

static void make(void *ctx, int number, struct arena *a,
	struct measure_made *out)
{
	struct search *x = ctx;
	struct job j = with_choice(a, x->job, x->group, x->c,
		x->genes[number]);

	make_plan(x->g, a, &j, x->group, out);
}

static double predicted(const struct search *x, const int *genes)
{
	struct arena *a = arena_create();
	struct cost c;

	x->model.measure(x->model.ctx, a, genes, 1, &c);
	arena_destroy(a);
	return c.seconds;
}

static void told(void *ctx, int number, const struct measure_result *r)
{
	struct search *x = ctx;
	const int *genes = x->genes[number];

	x->g->full |= r->verdict == V_COMPILE &&
		measuring_folder_is_full(x->g->folder);
	if (x->g->full)
		return;
	x->numbers[x->n_told] = number;
	x->costs[x->n_told++] = (struct cost){ r->seconds, r->verdict,
		x->waits || !r->message ? r->message :
		arena_strdup(x->g->a, r->message) };
	measuring_record(x->g, x->job, x->group, x->c, genes,
		predicted(x, genes), r);
}

/* Until what is under way is measured: it is of the problem that the worker
 * has. */
static void drain(struct measuring *g)
{
	while (measure_next(g->m))
		;
}

/* The job's problem, for candidates like what is chosen in "chosen". */
static bool prepare(struct measuring *g, const struct job *job,
	const struct job *chosen)
{
	const char *problem;

	if (measuring_stopped(g))
		return false;
	if (g->job != job) {
		drain(g);
		measuring_data_close(g->data);
		g->data = measuring_data(g, job);
		g->job = g->data ? job : NULL;
	}
	if (!g->data)
		return false;
	problem = measuring_data_problem(g, g->data, chosen);
	if (problem == g->sent)
		return true;
	drain(g);
	g->sent = problem;
	return measure_problem(g->m, problem);
}

static void begin(void *ctx, int number, const int *genes)
{
	struct search *x = ctx;

	x->genes[number] = genes;
	if (x->g->m)
		measure_add(x->g->m, &x->client, number);
}

static int wait_for_some(void *ctx, int *numbers, struct cost *out)
{
	struct search *x = ctx;
	struct measuring *g = x->g;
	int n;

	x->waits = true;
	while (!x->n_told && !g->full && g->m && measure_next(g->m))
		;
	x->waits = false;
	n = x->n_told;
	x->n_told = 0;
	memcpy(numbers, x->numbers, (size_t)n * sizeof *numbers);
	memcpy(out, x->costs, (size_t)n * sizeof *out);
	if (n && !g->full)
		return n;
	if (!measuring_stopped(g) && g->full)
		measuring_end(g);
	return 0;
}

/* Sketches of one group compete, so what is slow beside another's is slow; of the
 * group before some may still be under way. A file competes with all that was
 * found of the operator. */
static void share_best(struct measuring *g, const struct job *j, int group)
{
	if (g->best_of == j && g->plan == j->plan && g->group == group)
		return;
	g->best = ARENA_NEW(g->a, double);
	*g->best = plan_competes(j, j->plan) ? g->found : INFINITY;
	g->best_of = j;
	g->plan = j->plan;
	g->group = group;
}

/* Why a search cannot go on, reported once. */
static bool tell_failure(struct measuring *g)
{
	const char *why = g->m ? measure_failed(g->m) : NULL;

	if (*g->s->stop || !why)
		return *g->s->stop;
	return session_fail(g->s, EXIT_INTERNAL, "measuring: %s", why);
}

bool measuring_problem(struct session *s, struct job *j, int group,
	struct candidate *c, struct problem *p)
{
	struct search *x = ARENA_NEW(s->a, struct search);
	struct job chosen = with_choice(s->a, j, group, c, p->seeds);

	*x = (struct search){ .g = s->measuring, .job = j, .group = group,
		.c = c, .model = *p };
	if (!prepare(s->measuring, j, &chosen))
		return tell_failure(s->measuring);
	share_best(s->measuring, j, group);
	p->ctx = x;
	p->legal = is_legal;
	p->begin = begin;
	p->wait = wait_for_some;
	p->window = measure_window(measuring_compilers(s));
	x->genes = ARENA_ARRAY(s->a, p->window, const int *);
	x->numbers = ARENA_ARRAY(s->a, p->window, int);
	x->costs = ARENA_ARRAY(s->a, p->window, struct cost);
	x->client = (struct measure_client){ make, told, x, x->g->best };
	return true;
}

bool measuring_failed(struct session *s)
{
	struct measuring *g = s->measuring;

	if (g && g->full && !*s->stop)
		return !session_fail(s, EXIT_USER, "measuring: the disk of "
			"TMPDIR is full");
	return g && g->m && measure_failed(g->m) && !tell_failure(g);
}

/* ---- finals ---- */

/* Jobs that differ in what is chosen, by the steps of "group"; -1: all. */
struct finals {
	struct measuring *g;
	const struct job *v;
	int group;
};

static void make_finalist(void *ctx, int i, struct arena *a,
	struct measure_made *out)
{
	struct finals *f = ctx;

	make_plan(f->g, a, &f->v[i], f->group, out);
}

/* "v" are of the job; the place of the winner, or -1. */
static int hold_finals(struct finals *f, const struct job *job, int n,
	struct measure_result *r)
{
	struct measure_client c = { make_finalist, NULL, f, NULL };
	int winner = -1;

	if (prepare(f->g, job, &f->v[0]))
		winner = measure_finals(f->g->m, &c, n, BLOCKS, r);
	measuring_stopped(f->g);
	return winner;
}

static int by_seconds(const void *x, const void *y)
{
	const struct finalist *p = x, *q = y;

	return (p->seconds > q->seconds) - (p->seconds < q->seconds);
}

static void apply(struct session *s, struct finalist *v,
	const struct measure_result *r, int n, int winner)
{
	struct finalist won;

	for (int i = 0; i < n; i++) {
		v[i].seconds = r[i].verdict == V_MEASURED ? r[i].seconds :
			INFINITY;
		v[i].pinned = r[i].pinned ? arena_strdup(s->a, r[i].pinned) :
			NULL;
	}
	won = v[winner];
	memmove(v + 1, v, sizeof *v * (size_t)winner);
	qsort(v + 1, (size_t)n - 1, sizeof *v, by_seconds);
	v[0] = won;
}

void measuring_finals(struct session *s, struct job *j, int group,
	struct finalist *v, int n)
{
	struct arena *a = arena_create();
	struct job *jobs = ARENA_ARRAY(a, (size_t)n + 1, struct job);
	struct finals f = { s->measuring, jobs, group };
	struct measure_result *r = ARENA_ARRAY(a, (size_t)n + 1,
		struct measure_result);
	int winner;

	for (int i = 0; i < n; i++)
		jobs[i] = with_choice(a, j, group, v[i].candidate, v[i].genes);
	winner = hold_finals(&f, j, n, r);
	if (winner >= 0)
		apply(s, v, r, n, winner);
	arena_destroy(a);
}

int measuring_contest(struct session *s, const struct job *j,
	const struct job *v, int n, struct measure_result *out)
{
	struct finals f = { s->measuring, v, -1 };
	int winner = hold_finals(&f, j, n, out);

	for (int i = 0; i < n; i++)
		if (out[i].message)
			out[i].message = arena_strdup(s->a, out[i].message);
	return winner;
}
