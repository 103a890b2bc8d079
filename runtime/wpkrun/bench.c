/* SPDX-License-Identifier: MIT */
/* --time: all who compute a subject, side by side. */
#include "runtime/wpkrun/bench.h"

#include <math.h>
#include <stdlib.h>

/* "bytes": of all tensors, each once. */
struct rig {
	struct bench b;
	const struct subject *x;
	const struct rival *v;
	int n, n_sets;
	double bytes, copy;
	struct buffers **sets;
	struct contender *c[BENCH_CONTENDERS];
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
		r->sets[r->n_sets] = buffers_create(r->b.s, r->x, data);
		if (!r->sets[r->n_sets])
			return false;
	}
	r->b.n_sets = n;
	return true;
}

/* Rivals that are libraries are at their best, unless an algorithm is named. A
 * rival without any is told and takes no part. */
static bool make_contenders(struct rig *r)
{
	struct wpk_error e;

	for (int i = 0; i < r->n; i++) {
		r->c[i] = contender_create(r->b.s, r->v[i].name, r->x,
			r->v[i].op, r->sets, r->n_sets);
		r->choices[i].chosen = -1;
		if (!r->c[i])
			return false;
		if (i && bench_choose(&r->b, r->c[i], r->v[i].algorithm,
		    &r->choices[i], &e)) {
			session_fail_wpk(r->b.s, r->v[i].name, &e);
			return false;
		}
	}
	return true;
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
		if (bench_graph_make(&r->b, r->c[i], sets, r->b.o.replay_s,
		    &v[i].graph, &e))
			v[i].e = e;
	}
	s = bench_blocks(&r->b, v, r->n, sets, out, &e);
	for (int i = 0; i < r->n; i++)
		bench_graph_drop(&v[i].graph);
	if (s)
		session_fail_wpk(r->b.s, r->x->name, &e);
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

static void tell(struct session *s, const json_t *o)
{
	const char *name = line_text(o, "contender");
	const char *failed = line_text(o, "failed");
	double ratio = number(o, "cold", "ratio");
	double part = number(o, "cold", "of_floor");
	char cold[40], hot[40], more[80] = "";

	if (failed) {
		session_say(s, "  %-12s %s", name, failed);
		return;
	}
	duration(number(o, "cold", "s"), cold);
	duration(number(o, "hot", "s"), hot);
	if (ratio > 0)
		snprintf(more, sizeof more, ", %.3f times the first", ratio);
	session_say(s, "  %-12s %s cold%s%s%s, %.0f%% of the floor%s", name,
		cold, number(o, "hot", "s") > 0 ? ", " : "",
		number(o, "hot", "s") > 0 ? hot : "",
		number(o, "hot", "s") > 0 ? " hot" : "", 100 * part, more);
}

static void report(struct rig *r, json_t *line)
{
	struct bench_facts f = { r->n > 1 ? 0 : -1, r->bytes, r->copy,
		r->choices };
	json_t *all = bench_report(&r->b, r->cold, r->hot, &f), *o;
	size_t i;

	json_object_set_new(line, "bytes", json_real(r->bytes));
	json_object_set_new(line, "flops", json_real(r->b.o.flops));
	json_object_set_new(line, "copy_bytes_s", json_real(r->copy));
	json_object_set_new(line, "emulated",
		json_boolean(r->b.s->emulated));
	json_object_set(line, "times", all);
	if (!r->b.s->o->json)
		json_array_foreach(all, i, o)
			tell(r->b.s, o);
	json_decref(all);
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
	const void *const *data, const struct rival *v, int n, json_t *line)
{
	struct rig r = { .x = x, .v = v, .n = n, .bytes =
		(double)subject_bytes(x) };
	struct wpk_error e;
	bool well;

	if (n > BENCH_CONTENDERS)
		return session_fail(s, EXIT_USER, "at most %d take turns",
			BENCH_CONTENDERS);
	if (bench_open(&r.b, s, &s->o->bench, &e) ||
	    bench_copy(&r.b, &r.copy, &e))
		return session_fail_wpk(s, x->name, &e);
	well = make_sets(&r, data) && make_contenders(&r) && race_all(&r);
	if (well)
		report(&r, line);
	clear(&r);
	return well;
}
