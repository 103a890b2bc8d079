/* SPDX-License-Identifier: MIT */
/* --time: all who compute a subject, side by side. */
#include "runtime/wpkrun/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "bytes": of all tensors, each once. "why": as of struct rival, and what went
 * wrong here. */
struct rig {
	struct bench b;
	const struct subject *x;
	const struct rival *v;
	int n, n_sets;
	double bytes, copy;
	struct buffers **sets;
	struct contender *c[BENCH_CONTENDERS];
	const char *why[BENCH_CONTENDERS];
	struct bench_choice choices[BENCH_CONTENDERS];
	struct bench_blocks *cold, *hot;
};

/* ---- buffers and contenders ---- */

/* Enough for cold caches, as far as memory goes; some of it is for workspaces. */
static int sets_for(const struct rig *r)
{
	size_t unused, all = 0;
	double n = ceil((double)r->b.o.cold_bytes / fmax(r->bytes, 1));

	n = fmax(n, r->b.o.sets);
	if (!r->b.s->emulated && !cuda.memory(&unused, &all))
		n = fmin(n, floor(0.6 * (double)unused / fmax(r->bytes, 1)));
	return (int)fmin(fmax(n, 1), 4096);
}

static bool make_sets(struct rig *r, const void *const *data)
{
	int n = sets_for(r);

	r->sets = session_take(r->b.s, (size_t)n, sizeof *r->sets);
	for (; r->n_sets < n; r->n_sets++) {
		r->sets[r->n_sets] = buffers_create(r->b.s, r->x, data,
			false);
		if (!r->sets[r->n_sets])
			return false;
	}
	r->b.n_sets = n;
	return true;
}

/* What the chosen algorithm computes, by all that verifies a contender. */
static enum wpk_status is_right(struct bench *b, const struct contender *c,
	size_t workspace, const char **wrong, struct wpk_error *e)
{
	struct verdict v;

	if (!verify_fresh(b->s, c->name, c->op, c->x, b->inputs, workspace, &v))
		return fail(e, WPK_E_LIBRARY, "it could not be run on fresh "
			"inputs");
	*wrong = v.message;
	return b->s->lost ? fail(e, WPK_E_LIBRARY, "%s", v.message) : WPK_OK;
}

/* A library is at its best, unless an algorithm is named; the plan's own runs as
 * it is. */
static const char *make_contender(struct rig *r, int i)
{
	const struct rival *v = &r->v[i];
	struct wpk_error e;

	if (v->why)
		return v->why;
	r->c[i] = contender_create(r->b.s, v->name, r->x, v->op, r->sets,
		r->n_sets, 0);
	if (!r->c[i])
		return "its memory could not be had";
	if (v->own || !bench_choose(&r->b, r->c[i], v->algorithm,
	    &r->choices[i], &e))
		return NULL;
	session_say(r->b.s, "%s: %s", v->name, e.text);
	r->b.s->lost |= device_is_lost(&e);
	return session_print(r->b.s, "%s", e.text);
}

/* Where none is ready that is told like the rest. */
static bool make_contenders(struct rig *r)
{
	int ready = 0;

	for (int i = 0; i < r->n && !r->b.s->lost; i++) {
		r->choices[i].chosen = -1;
		r->why[i] = make_contender(r, i);
		ready += !r->why[i];
	}
	if (!ready)
		session_fail(r->b.s, EXIT_NOTHING_SERVES, "%s: nobody is left "
			"to be timed", r->x->title);
	return !r->b.s->lost;
}

/* ---- races ---- */

static struct bench_blocks *race(struct rig *r, int sets)
{
	struct bench_entry v[BENCH_CONTENDERS] = { 0 };
	struct bench_blocks *out = session_take(r->b.s, 1, sizeof *out);
	struct wpk_error e;
	enum wpk_status s;

	for (int i = 0; i < r->n; i++) {
		v[i].name = r->v[i].name;
		if (r->why[i])
			fail(&v[i].e, WPK_E_NO_KERNEL, "%s", r->why[i]);
		else if (bench_graph_make(&r->b, r->c[i], sets,
		    r->b.o.replay_s, &v[i].graph, &e))
			v[i].e = e;
	}
	s = bench_blocks(&r->b, v, r->n, sets, out, &e);
	for (int i = 0; i < r->n; i++)
		bench_graph_drop(&v[i].graph);
	if (s)
		session_fail_wpk(r->b.s, r->x->title, &e);
	return s ? NULL : out;
}

/* Where one set alone sweeps the cache there is no hot. */
static bool race_all(struct rig *r)
{
	bool large = r->b.o.cold_bytes && r->bytes >= (double)r->b.o.cold_bytes;

	r->cold = race(r, r->n_sets);
	if (r->cold && !large)
		r->hot = race(r, 1);
	return r->cold && (r->hot || large);
}

/* ---- what came of it ---- */

static const char *duration(double seconds, char text[40])
{
	static const struct { double unit; const char *name; } units[] = {
		{ 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" } };
	int i = 0;

	while (i < 3 && seconds < units[i].unit)
		i++;
	snprintf(text, 40, "%.3g %s", seconds / units[i].unit, units[i].name);
	return text;
}

static double number(const json_t *o, const char *mode, const char *key)
{
	return json_number_value(json_object_get(json_object_get(o, mode),
		key));
}

static void tell_people(const struct rig *r, const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "contender"));
	const char *failed = json_string_value(json_object_get(o, "failed"));
	double hot = number(o, "hot", "s"), ratio = number(o, "cold", "ratio");
	char text[40];

	printf("%s: %s ", r->x->title, name);
	if (failed) {
		printf("not timed: %s\n", failed);
		return;
	}
	printf("%s cold", duration(number(o, "cold", "s"), text));
	if (hot > 0)
		printf(", %s hot", duration(hot, text));
	if (!r->b.s->emulated)
		printf(", %.0f%% of the floor",
			100 * number(o, "cold", "of_floor"));
	if (ratio > 0)
		printf(", %.3f times %s", ratio, r->v[0].name);
	puts(r->b.s->emulated ? " (of the CPU)" : "");
}

static void tell_program(const struct rig *r, json_t *o)
{
	json_t *line = tell_object(r->b.s, r->x), *more = json_pack(
		"{sb sb sf sf sf}", "timed", 1, "emulated", r->b.s->emulated,
		"bytes", r->bytes, "flops", r->b.o.flops, "copy_bytes_s",
		r->copy);

	json_object_update(line, more);
	json_object_update(line, o);
	json_decref(more);
	tell_json(line);
}

static void report(struct rig *r)
{
	struct bench_facts f = { r->v[0].own && !r->why[0] ? 0 : -1, r->bytes,
		r->copy, r->choices };
	json_t *all = bench_report(&r->b, r->cold, r->hot, &f), *o;
	size_t i;

	json_array_foreach(all, i, o) {
		if (r->b.s->o->json)
			tell_program(r, o);
		else
			tell_people(r, o);
	}
	json_decref(all);
	fflush(stdout);
}

/* ---- the door ---- */

static void clear(struct rig *r)
{
	for (int i = 0; i < r->n; i++) {
		contender_destroy(r->c[i]);
		json_decref(r->choices[i].pinned);
	}
	for (int i = 0; i < r->n_sets; i++)
		buffers_destroy(r->sets[i]);
}

bool bench(struct session *s, const struct subject *x,
	const struct inputs *in, const struct rival *v, int n)
{
	struct rig r = { .x = x, .v = v, .n = n, .bytes =
		(double)subject_bytes(x) };
	struct wpk_error e;
	bool well;

	if (bench_open(&r.b, s, &s->o->bench, &e) ||
	    bench_copy(&r.b, &r.copy, &e))
		return session_fail_wpk(s, x->title, &e);
	r.b.inputs = in;
	r.b.is_right = in->task ? is_right : NULL;
	well = make_sets(&r, in->sets[0]) && make_contenders(&r) && race_all(&r);
	if (well)
		report(&r);
	clear(&r);
	return well;
}
