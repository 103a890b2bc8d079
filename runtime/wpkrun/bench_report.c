/* SPDX-License-Identifier: MIT */
/* What was measured, as JSON. */
#include "runtime/wpkrun/bench.h"

#include <math.h>

static void put(json_t *o, const char *key, double v)
{
	json_object_set_new(o, key, v > 0 && isfinite(v) ? json_real(v) :
		json_null());
}

static void put_quartiles(json_t *o, const char *key, struct quartiles q)
{
	char name[40];

	put(o, key, q.median);
	snprintf(name, sizeof name, "%s_q1", key);
	put(o, name, q.q1);
	snprintf(name, sizeof name, "%s_q3", key);
	put(o, name, q.q3);
}

static void put_clocks(json_t *o, const struct bench_series *of,
	const struct bench_blocks *r)
{
	double lo = 0, hi = 0;

	for (int i = 0; i < r->blocks; i++) {
		if (!r->use[i] || !(of->clock[i] > 0))
			continue;
		lo = lo > 0 ? fmin(lo, of->clock[i]) : of->clock[i];
		hi = fmax(hi, of->clock[i]);
	}
	put(o, "clock_mhz_least", lo);
	put(o, "clock_mhz_most", hi);
	put(o, "watts", stats_quartiles(of->watts, r->use, r->blocks).median);
}

/* The least time: for the bytes, or for the operations. */
static double floor_of(const struct bench *b, const struct bench_facts *f)
{
	double bytes = f->copy > 0 ? f->bytes / f->copy : 0;
	double work = b->o.peak > 0 ? b->o.flops / b->o.peak : 0;

	return fmax(bytes, work);
}

static json_t *mode(const struct bench *b, const struct bench_blocks *r, int i,
	const struct bench_facts *f)
{
	const struct bench_series *of = &r->of[i];
	json_t *o = json_object();
	struct quartiles q = stats_quartiles(of->seconds, r->use, r->blocks);
	double least = floor_of(b, f);

	put_quartiles(o, "s", q);
	if (f->against >= 0 && f->against != i && !r->of[f->against].why[0])
		put_quartiles(o, "ratio", stats_ratio(of->seconds,
			r->of[f->against].seconds, r->use, r->blocks));
	json_object_set_new(o, "blocks", json_integer(r->steady));
	json_object_set_new(o, "rejected", json_integer(r->blocks -
		r->steady));
	json_object_set_new(o, "launches", json_integer(of->launches));
	json_object_set_new(o, "sets", json_integer(r->sets));
	json_object_set_new(o, "throttled", json_boolean(r->throttled));
	put_clocks(o, of, r);
	put(o, "floor_s", least);
	put(o, "of_floor", q.median > 0 ? least / q.median : 0);
	put(o, "bytes_s", q.median > 0 ? f->bytes / q.median : 0);
	put(o, "flops_s", q.median > 0 ? b->o.flops / q.median : 0);
	return o;
}

static void put_choice(json_t *o, const struct bench_choice *c)
{
	if (c->chosen < 0 && !c->named)
		return;
	json_object_set_new(o, "algorithm", c->named ? json_string(c->named) :
		json_integer(c->chosen));
	json_object_set_new(o, "algorithm_text", json_string(c->text));
	if (c->pinned)
		json_object_set(o, "pinned", c->pinned);
	if (!c->n)
		return;
	json_object_set_new(o, "algorithms", json_integer(c->n));
	json_object_set_new(o, "algorithms_tried", json_integer(c->tried));
	json_object_set_new(o, "algorithms_failed", json_integer(c->failed));
	json_object_set_new(o, "algorithms_wrong", json_integer(c->wrong));
	json_object_set_new(o, "algorithms_passed_over",
		json_integer(c->passed_over));
	json_object_set_new(o, "default_text", json_string(c->default_text));
	put(o, "default_over_chosen", c->default_s / c->chosen_s);
}

json_t *bench_report(const struct bench *b, const struct bench_blocks *cold,
	const struct bench_blocks *hot, const struct bench_facts *f)
{
	json_t *list = json_array();

	for (int i = 0; i < cold->n; i++) {
		const char *why = cold->of[i].why;
		json_t *o = json_pack("{ss}", "contender", cold->of[i].name);

		if (*why)
			json_object_set_new(o, "failed", json_string(why));
		else
			json_object_set_new(o, "cold", mode(b, cold, i, f));
		if (!*why && hot && !hot->of[i].why[0])
			json_object_set_new(o, "hot", mode(b, hot, i, f));
		put_choice(o, &f->choices[i]);
		json_array_append_new(list, o);
	}
	return list;
}
