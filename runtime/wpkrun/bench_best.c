/* SPDX-License-Identifier: MIT */
/* A library at its best. Its own heuristic is one opinion; here every algorithm
 * that it has for a call is tried: made, launched a few times, and, unless it is
 * far behind, timed by a short graph. The best of these are timed side by side
 * like any contenders, and the fastest is taken. What cannot be made, or takes too
 * long to, is passed over, and told. */
#include "runtime/wpkrun/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/worker/worker.h"
#include "runtime/wpkrun/call.h"

enum { FEW = 3 };

/* So many times as slow as the best is far behind; few launches take some
 * microseconds longer than a graph's. */
static const double far_behind = 1.3, launching = 5e-6, short_s = 2e-4;

/* ---- one of them ---- */

/* All runs share the workspace: it only grows. */
static enum wpk_status grow(struct bench *b, struct contender *c, size_t more,
	struct wpk_error *e)
{
	size_t bytes = (c->needs.workspace + 255) / 256 * 256 + more;
	int status;

	if (c->n_sets && bytes <= c->memory[0].workspace_bytes)
		return WPK_OK;
	status = cuda.synchronize(b->s->stream);
	if (!status && c->workspace)
		status = cuda.release(c->workspace);
	c->workspace = 0;
	if (!status)
		status = cuda.allocate(&c->workspace, bytes);
	for (int i = 0; i < c->n_sets; i++) {
		c->memory[i].workspace = (void *)(uintptr_t)c->workspace;
		c->memory[i].workspace_bytes = status ? 0 : bytes;
	}
	return status ? fail_cuda(b->s->context, e, status,
		"a library's workspace") : WPK_OK;
}

/* "took": seconds to make it. */
static enum wpk_status take(struct bench *b, struct contender *c,
	struct library_call *l, int n, const char **text, double *took,
	struct wpk_error *e)
{
	double start = line_now();
	size_t workspace = 0;
	enum wpk_status s = library_call_choose(l, n, &workspace, text, e);

	*took = line_now() - start;
	return s ? s : grow(b, c, workspace, e);
}

/* ---- all of them, shortly ---- */

struct trial {
	int n;
	double seconds;
};

struct trials {
	struct bench *b;
	struct contender *c;
	struct library_call *l;
	struct bench_choice *out;
	struct trial *v;
	int n;
	double best;
};

static int by_seconds(const void *x, const void *y)
{
	const struct trial *a = x, *b = y;

	return a->seconds != b->seconds ? a->seconds < b->seconds ? -1 : 1 :
		a->n - b->n;
}

static bool lost(const struct wpk_error *e)
{
	return e->cuda >= WPK_CU_FAULTS && e->cuda != WPK_CU_OUT_OF_RESOURCES;
}

/* One launch, then few; then a short graph of those that are not far behind. */
static enum wpk_status time_shortly(struct trials *t, double *seconds,
	struct wpk_error *e)
{
	struct bench_graph g = { 0 };
	enum wpk_status s = bench_few(t->b, t->c, 1, seconds, e);

	if (!s)
		s = bench_few(t->b, t->c, FEW, seconds, e);
	if (s || *seconds > far_behind * t->best + launching)
		return s;
	s = bench_graph_make(t->b, t->c, t->b->n_sets < 8 ? t->b->n_sets : 8,
		t->b->s->emulated ? 1e-9 : short_s, &g, e);
	if (!s)
		s = bench_replay(t->b, &g, 1, seconds, e);
	bench_graph_drop(&g);
	return s;
}

static enum wpk_status try_one(struct trials *t, int n, struct wpk_error *e)
{
	struct trial *v = &t->v[t->n];
	const char *text = "";
	double took;
	enum wpk_status s = take(t->b, t->c, t->l, n, &text, &took, e);

	if (took > t->b->o.build_s) {
		t->out->passed_over++;
		session_say(t->b->s, "%s: algorithm %d took %.1f s to make:"
			" passed over", t->c->name, n, took);
		return WPK_OK;
	}
	if (!s)
		s = time_shortly(t, &v->seconds, e);
	if (s) {
		t->out->failed++;
		return lost(e) ? s : WPK_OK;
	}
	t->out->timed++;
	v->n = n;
	if (t->out->timed == 1) {
		t->out->default_s = v->seconds;
		snprintf(t->out->default_text, sizeof t->out->default_text,
			"%s", text);
	}
	t->best = fmin(t->best, v->seconds);
	if (v->seconds <= far_behind * t->best + launching)
		t->n++;
	return WPK_OK;
}

/* ---- the best of them, fully ---- */

static enum wpk_status enter(struct trials *t, int i, struct bench_entry *v,
	struct wpk_error *e)
{
	const char *text;
	double took;
	enum wpk_status s = take(t->b, t->c, t->l, t->v[i].n, &text, &took, e);

	v->name = t->c->name;
	if (!s)
		s = bench_graph_make(t->b, t->c, t->b->n_sets,
			t->b->o.replay_s, &v->graph, e);
	if (s)
		v->e = *e;
	return s && lost(e) ? s : WPK_OK;
}

/* The place of the fastest by the median; what did not run is not. */
static int fastest(const struct bench_blocks *r)
{
	double least = INFINITY;
	int best = -1;

	for (int i = 0; i < r->n; i++) {
		double s = stats_quartiles(r->of[i].seconds, r->use,
			r->blocks).median;

		if (!r->of[i].why[0] && s > 0 && s < least) {
			least = s;
			best = i;
		}
	}
	return best;
}

/* A workspace that grows would leave the graphs before it with the old one: the
 * greatest is taken first. */
static enum wpk_status grow_for_all(struct trials *t, int n,
	struct wpk_error *e)
{
	const char *text;
	double took;
	enum wpk_status s = WPK_OK;

	for (int i = 0; i < n && !s; i++)
		s = take(t->b, t->c, t->l, t->v[i].n, &text, &took, e);
	return s;
}

static enum wpk_status finals(struct trials *t, int *winner,
	struct wpk_error *e)
{
	struct bench_entry v[BENCH_CONTENDERS] = { 0 };
	struct bench_blocks *r = malloc(sizeof *r);
	int n = t->n < t->b->o.finalists ? t->n : t->b->o.finalists, best = -1;
	enum wpk_status s;

	s = r ? grow_for_all(t, n, e) : fail(e, WPK_E_MEMORY,
		"no memory for the finals");

	for (int i = 0; i < n && !s; i++)
		s = enter(t, i, &v[i], e);
	if (!s)
		s = bench_blocks(t->b, v, n, t->b->n_sets, r, e);
	if (!s)
		best = fastest(r);
	for (int i = 0; i < n; i++)
		bench_graph_drop(&v[i].graph);
	free(r);
	if (s)
		return s;
	*winner = best < 0 ? 0 : best;
	return WPK_OK;
}

/* ---- the door ---- */

static enum wpk_status settle(struct bench *b, struct contender *c,
	struct library_call *l, int n, struct bench_choice *out,
	struct wpk_error *e)
{
	const char *text = "";
	double took;
	enum wpk_status s = take(b, c, l, n, &text, &took, e);

	if (s)
		return s;
	out->chosen = n;
	snprintf(out->text, sizeof out->text, "%s", text);
	out->pinned = library_call_pinned(l);
	return WPK_OK;
}

static enum wpk_status best(struct trials *t, struct wpk_error *e)
{
	double end = line_now() + t->b->o.library_s;
	int winner = 0;
	enum wpk_status s = WPK_OK;

	for (; t->out->tried < t->out->n && !s; t->out->tried++) {
		if (t->n && line_now() > end)
			break;
		s = try_one(t, t->out->tried, e);
	}
	if (s)
		return s;
	if (!t->n)
		return fail(e, WPK_E_LIBRARY, "none of its %d algorithms runs",
			t->out->n);
	qsort(t->v, (size_t)t->n, sizeof *t->v, by_seconds);
	s = finals(t, &winner, e);
	if (s)
		return s;
	t->out->chosen_s = t->v[winner].seconds;
	return settle(t->b, t->c, t->l, t->v[winner].n, t->out, e);
}

enum wpk_status bench_choose(struct bench *b, struct contender *c, int n,
	struct bench_choice *out, struct wpk_error *e)
{
	struct trials t = { .b = b, .c = c, .l = call_find(c->op, c->x->values),
		.out = out, .best = INFINITY };
	enum wpk_status s;

	*out = (struct bench_choice){ .chosen = -1 };
	if (!t.l)
		return WPK_OK;
	if (n >= 0)
		return settle(b, c, t.l, n, out, e);
	s = library_call_count(t.l, b->o.algorithms, &out->n, e);
	if (s)
		return s;
	t.v = calloc((size_t)out->n + 1, sizeof *t.v);
	s = t.v ? best(&t, e) : fail(e, WPK_E_MEMORY, "no memory for %d "
		"algorithms", out->n);
	free(t.v);
	return s;
}
