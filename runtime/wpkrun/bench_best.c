/* SPDX-License-Identifier: MIT */
/* A library at its best. Its own heuristic is one opinion; here every algorithm
 * that it has for a call is tried: made, launched a few times, and, unless it is
 * far behind, timed by a short graph. The best of these are timed side by side
 * like any contenders, and the fastest is taken, if what it computes of inputs that
 * it has not seen is right. What cannot be made, takes too long to, or is wrong is
 * passed over, and told. */
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

struct taken {
	const char *text;
	size_t workspace;
	double took;		/* seconds to make it */
};

/* "name": that one, whatever "n" is; or NULL. */
static enum wpk_status take_either(struct bench *b, struct contender *c,
	struct library_call *l, int n, const char *name, struct taken *out,
	struct wpk_error *e)
{
	double start = line_now();
	enum wpk_status s;

	*out = (struct taken){ .text = "" };
	s = name ? library_call_choose_named(l, name, &out->workspace,
		&out->text, e) : library_call_choose(l, n, &out->workspace,
		&out->text, e);
	out->took = line_now() - start;
	return s ? s : grow(b, c, out->workspace, e);
}

static enum wpk_status take(struct bench *b, struct contender *c,
	struct library_call *l, int n, struct taken *out, struct wpk_error *e)
{
	return take_either(b, c, l, n, NULL, out, e);
}

/* ---- all of them, shortly ---- */

struct trial {
	int n;
	double seconds;
	bool looked_at;
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
	struct taken x;
	enum wpk_status s = take(t->b, t->c, t->l, n, &x, e);

	if (x.took > t->b->o.build_s) {
		t->out->passed_over++;
		session_say(t->b->s, "%s: algorithm %d took %.1f s to make:"
			" passed over", t->c->name, n, x.took);
		return WPK_OK;
	}
	if (!s)
		s = time_shortly(t, &v->seconds, e);
	if (s) {
		t->out->failed++;
		return device_is_lost(e) ? s : WPK_OK;
	}
	t->out->timed++;
	v->n = n;
	if (t->out->timed == 1) {
		t->out->default_s = v->seconds;
		snprintf(t->out->default_text, sizeof t->out->default_text,
			"%s", x.text);
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
	struct taken x;
	enum wpk_status s = take(t->b, t->c, t->l, t->v[i].n, &x, e);

	v->name = t->c->name;
	if (!s)
		s = bench_graph_make(t->b, t->c, t->b->n_sets,
			t->b->o.replay_s, &v->graph, e);
	if (s)
		v->e = *e;
	return s && device_is_lost(e) ? s : WPK_OK;
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
	struct taken x;
	enum wpk_status s = WPK_OK;

	for (int i = 0; i < n && !s; i++)
		s = take(t->b, t->c, t->l, t->v[i].n, &x, e);
	return s;
}

/* Times the first "n" trials side by side. */
static enum wpk_status race(struct trials *t, int n, struct bench_blocks *r,
	struct wpk_error *e)
{
	struct bench_entry v[BENCH_CONTENDERS] = { 0 };
	enum wpk_status s = grow_for_all(t, n, e);

	for (int i = 0; i < n && !s; i++)
		s = enter(t, i, &v[i], e);
	if (!s)
		s = bench_blocks(t->b, v, n, t->b->n_sets, r, e);
	for (int i = 0; i < n; i++)
		bench_graph_drop(&v[i].graph);
	return s;
}

/* ---- taking one ---- */

/* "*wrong": what it computes is not right, and it is not taken. */
static enum wpk_status settle(struct bench *b, struct contender *c,
	struct library_call *l, int n, const char *name,
	struct bench_choice *out, const char **wrong, struct wpk_error *e)
{
	struct taken x;
	enum wpk_status s = take_either(b, c, l, n, name, &x, e);

	*wrong = NULL;
	if (!s && b->is_right)
		s = b->is_right(b, c, x.workspace, wrong, e);
	if (s || *wrong)
		return s;
	out->chosen = n;
	out->named = name;
	snprintf(out->text, sizeof out->text, "%s", x.text);
	out->pinned = library_call_pinned(l);
	return WPK_OK;
}

/* The trial if it is right. */
static enum wpk_status settle_trial(struct trials *t, int i, bool *taken,
	struct wpk_error *e)
{
	const char *wrong;
	enum wpk_status s = settle(t->b, t->c, t->l, t->v[i].n, NULL, t->out,
		&wrong, e);

	*taken = !s && !wrong;
	if (*taken)
		t->out->chosen_s = t->v[i].seconds;
	if (!wrong)
		return s;
	t->out->wrong++;
	session_say(t->b->s, "%s: algorithm %d computes wrong, and is passed "
		"over: %s", t->c->name, t->v[i].n, wrong);
	return s;
}

/* Finalists by their times, then what did not come so far, and what failed as a
 * finalist. */
static enum wpk_status finals(struct trials *t, struct bench_blocks *r,
	struct wpk_error *e)
{
	int n = t->n < t->b->o.finalists ? t->n : t->b->o.finalists, i;
	bool taken = false;
	enum wpk_status s = race(t, n, r, e);

	while (!s && !taken && (i = fastest(r)) >= 0) {
		s = settle_trial(t, i, &taken, e);
		snprintf(r->of[i].why, sizeof r->of[i].why, "looked at");
		t->v[i].looked_at = true;
	}
	for (i = 0; i < t->n && !s && !taken; i++)
		if (!t->v[i].looked_at)
			s = settle_trial(t, i, &taken, e);
	return s || taken ? s : fail(e, WPK_E_LIBRARY, "none of its %d "
		"algorithms computes what is right", t->out->n);
}

/* ---- the door ---- */

static enum wpk_status best(struct trials *t, struct wpk_error *e)
{
	double end = line_now() + t->b->o.library_s;
	struct bench_blocks *r;
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
	r = malloc(sizeof *r);
	s = r ? finals(t, r, e) : fail(e, WPK_E_MEMORY, "no memory for the "
		"finals");
	free(r);
	return s;
}

/* One that was asked for, by its place or its name. */
static enum wpk_status take_asked(struct trials *t, const char *asked,
	struct wpk_error *e)
{
	bool place = *asked >= '0' && *asked <= '9';
	const char *wrong;
	enum wpk_status s = settle(t->b, t->c, t->l, place ? atoi(asked) : -1,
		place ? NULL : asked, t->out, &wrong, e);

	return s || !wrong ? s : fail(e, WPK_E_LIBRARY, "algorithm %s computes "
		"wrong: %s", asked, wrong);
}

enum wpk_status bench_choose(struct bench *b, struct contender *c,
	const char *asked, struct bench_choice *out, struct wpk_error *e)
{
	struct trials t = { .b = b, .c = c, .l = call_find(c->op, c->x->values),
		.out = out, .best = INFINITY };
	enum wpk_status s;

	*out = (struct bench_choice){ .chosen = -1 };
	if (!t.l)
		return WPK_OK;
	if (asked)
		return take_asked(&t, asked, e);
	s = library_call_count(t.l, b->o.algorithms, &out->n, e);
	if (s)
		return s;
	t.v = calloc((size_t)out->n + 1, sizeof *t.v);
	s = t.v ? best(&t, e) : fail(e, WPK_E_MEMORY, "no memory for %d "
		"algorithms", out->n);
	free(t.v);
	return s;
}
