/* SPDX-License-Identifier: MIT */
/* The protocol of measuring, the same on every device. A candidate runs once
 * for its results, with its outputs poisoned; where these are right it is timed
 * by a few launches, and dropped as slow if it is far behind the best so far;
 * else thoroughly. Finalists run on inputs they have not seen, then take turns
 * being timed, block by block, with the incumbent among them; one of them takes
 * its place only where it is faster in three blocks out of four, and by the
 * median of the blocks' ratios by more than a part in two hundred. */
#include "runtime/worker/worker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 3, BLOCKS_MOST = 99 };

/* A candidate this many times as slow as the best is not measured further; few
 * launches take some microseconds longer than a graph's. */
static const double far_behind = 2.0, launching = 5e-6;
static const double significant = 0.995;

struct server {
	const struct device *d;
	struct task *task;
	void **outputs[2];	/* by run and tensor */
	bool lost;
};

/* ---- outputs ---- */

static void free_outputs(struct server *s)
{
	for (int run = 0; run < 2; run++) {
		for (int i = 0; s->task && s->outputs[run] && i < s->task->n;
		     i++)
			free(s->outputs[run][i]);
		free(s->outputs[run]);
		s->outputs[run] = NULL;
	}
}

static bool make_outputs(struct server *s)
{
	for (int run = 0; run < 2; run++) {
		s->outputs[run] = calloc((size_t)s->task->n + 1,
			sizeof *s->outputs[run]);
		for (int i = 0; s->outputs[run] && i < s->task->n; i++) {
			size_t bytes = s->task->tensors[i].bytes;

			if (!s->task->tensors[i].output)
				continue;
			s->outputs[run][i] = malloc(bytes ? bytes : 1);
			if (!s->outputs[run][i])
				return false;
		}
		if (!s->outputs[run])
			return false;
	}
	return true;
}

/* ---- one candidate ---- */

static struct outcome fails(const char *verdict, const char *message)
{
	return (struct outcome){ verdict, message, false };
}

/* Is what it computes from "d" right? A second run where the first leaves a
 * doubt, and always when it is to be thorough. */
static struct outcome judge(struct server *s, struct candidate *c,
	const struct data *d, bool thorough, char scratch[400])
{
	bool doubt = false;
	struct outcome o = s->d->run(c, d, task_poison(0), s->outputs[0]);
	const char *why;

	if (o.verdict)
		return o;
	why = task_compare(s->task, d, s->outputs[0], NULL, scratch, &doubt);
	if (!why && (doubt || thorough)) {
		o = s->d->run(c, d, task_poison(1), s->outputs[1]);
		if (o.verdict)
			return o;
		why = task_compare(s->task, d, s->outputs[0], s->outputs[1],
			scratch, &doubt);
	}
	return why ? fails("wrong", why) : o;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

/* Median and inter-quartile range over it; "v" is sorted. */
static double median(double *v, int n, double *spread)
{
	qsort(v, (size_t)n, sizeof *v, by_value);
	*spread = v[n / 2] > 0 ? (v[n * 3 / 4] - v[n / 4]) / v[n / 2] : 0;
	return v[n / 2];
}

static struct outcome time_it(struct server *s, struct candidate *c,
	double best, double *seconds, double *spread)
{
	double v[FEW];
	struct outcome o = s->d->time(c, false, seconds);

	*spread = 0;
	if (o.verdict)
		return o;
	if (best > 0 && *seconds > far_behind * best + launching)
		return fails("slow", NULL);
	for (int i = 0; i < FEW && !o.verdict; i++)
		o = s->d->time(c, true, &v[i]);
	if (!o.verdict)
		*seconds = median(v, FEW, spread);
	return o;
}

static json_t *reply_of(struct server *s, const struct candidate *c,
	const struct outcome *o, double seconds, double spread)
{
	const char *verdict = o->verdict ? o->verdict : "measured";
	bool timed = !strcmp(verdict, "measured") || !strcmp(verdict, "slow");
	json_t *r = o->message ? line_verdict(c->id, verdict, "%s", o->message) :
		json_pack("{sI ss}", "id", (json_int_t)c->id, "verdict",
			verdict);

	if (timed) {
		json_object_set_new(r, "seconds", json_real(seconds));
		json_object_set_new(r, "spread", json_real(spread));
		s->d->state(r);
		if (c->pinned)
			json_object_set(r, "pinned", c->pinned);
	}
	if (o->lost) {
		s->lost = true;
		json_object_set_new(r, "ending", json_true());
	}
	return r;
}

static void begin(long id, double limit, const char *what)
{
	json_t *late = line_verdict(id, "timeout", "it %s more than %.3g s",
		what, limit);

	line_write(json_pack("{sI sb}", "id", (json_int_t)id, "begun", 1));
	json_object_set_new(late, "ending", json_true());
	limits_time(limit, late);
}

static void measure(struct server *s, json_t *request)
{
	double seconds = INFINITY, spread = 0, start = line_now();
	char scratch[400];
	const char *why = "no problem was given";
	struct candidate *c = s->task ? candidate_read(s->task, request, &why) :
		NULL;
	struct outcome o;
	json_t *r;

	if (!c) {
		line_write(line_verdict((long)line_number(request, "id", -1),
			"launch", "%s", why));
		return;
	}
	begin(c->id, c->limit, "takes");
	o = s->d->load(c);
	if (!o.verdict)
		o = judge(s, c, &s->task->sets[0], false, scratch);
	if (!o.verdict)
		o = time_it(s, c, line_number(request, "best", 0), &seconds,
			&spread);
	r = reply_of(s, c, &o, seconds, spread);
	json_object_set_new(r, "took", json_real(line_now() - start));
	if (!s->lost)
		s->d->unload(c);
	limits_end();
	line_write(r);
	candidate_free(c);
}

/* ---- finalists ---- */

struct finalist {
	struct candidate *c;
	struct outcome o;
	char scratch[400];
	double v[BLOCKS_MOST], seconds, spread, ratio, upper;
};

/* A device has room for one message: the next finalist's would stand for this
 * one's. */
static void keep_message(struct finalist *f)
{
	if (!f->o.message || f->o.message == f->scratch)
		return;
	snprintf(f->scratch, sizeof f->scratch, "%s", f->o.message);
	f->o.message = f->scratch;
}

static void enter(struct server *s, struct finalist *f)
{
	const struct data *fresh = &s->task->sets[s->task->n_sets - 1];
	double warm;

	f->c->finalist = true;
	f->o = s->lost ? fails("fault", "the device was lost before") :
		s->d->load(f->c);
	if (!f->o.verdict)
		f->o = judge(s, f->c, fresh, true, f->scratch);
	if (!f->o.verdict)
		f->o = s->d->time(f->c, true, &warm);
	keep_message(f);
	s->lost |= f->o.lost;
}

/* Of a device that is lost on the way nobody's times are whole. */
static void take_turns(struct server *s, struct finalist *f, int n, int blocks)
{
	for (int b = 0; b < blocks; b++)
		for (int i = 0; i < n; i++) {
			if (f[i].o.verdict || s->lost)
				continue;
			f[i].o = s->d->time(f[i].c, true, &f[i].v[b]);
			keep_message(&f[i]);
			s->lost |= f[i].o.lost;
		}
	for (int i = 0; i < n && s->lost; i++)
		if (!f[i].o.verdict)
			f[i].o = fails("fault", "the device was lost before");
}

/* Ratios to the incumbent's time in the same block. */
static void rate(struct finalist *f, const struct finalist *incumbent,
	int blocks)
{
	double r[BLOCKS_MOST], unused;

	for (int b = 0; b < blocks; b++)
		r[b] = incumbent->o.verdict ? 0 : f->v[b] / incumbent->v[b];
	f->ratio = median(r, blocks, &unused);
	f->upper = r[blocks * 3 / 4];
}

/* The place of the one to take, -1: none stands. */
static int winner(const struct finalist *f, int n)
{
	int best = f[0].o.verdict ? -1 : 0;

	for (int i = 1; i < n; i++) {
		bool better = f[0].o.verdict || (f[i].ratio < significant &&
			f[i].upper < 1);

		if (!f[i].o.verdict && better && (best < 0 ||
		    f[i].seconds < f[best].seconds))
			best = i;
	}
	return best;
}

static json_t *tell_finals(struct server *s, long id, struct finalist *f,
	int n, int blocks)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		if (!f[i].o.verdict)
			rate(&f[i], &f[0], blocks);
	for (int i = 0; i < n; i++) {
		json_t *r;

		if (!f[i].o.verdict)
			f[i].seconds = median(f[i].v, blocks, &f[i].spread);
		r = reply_of(s, f[i].c, &f[i].o, f[i].seconds,
			f[i].spread);
		if (!f[i].o.verdict)
			json_object_set_new(r, "ratio",
				json_real(f[i].ratio));
		json_array_append_new(list, r);
	}
	return json_pack("{sI so si sb}", "id", (json_int_t)id, "finals", list,
		"best", winner(f, n), "ending", (int)s->lost);
}

static int blocks_of(const json_t *request)
{
	int n = (int)line_number(request, "blocks", 9);

	return n < 1 ? 1 : n > BLOCKS_MOST ? BLOCKS_MOST : n;
}

static void finals(struct server *s, json_t *request)
{
	const json_t *list = json_object_get(request, "candidates");
	long id = (long)line_number(request, "id", -1);
	int n = (int)json_array_size(list), blocks = blocks_of(request);
	struct finalist *f = calloc((size_t)n + 1, sizeof *f);
	const char *why = s->task ? NULL : "no problem was given";
	json_t *r = NULL;

	for (int i = 0; f && i < n && !why; i++)
		f[i].c = candidate_read(s->task, json_array_get(list,
			(size_t)i), &why);
	begin(id, line_number(request, "limit", 60), "took");
	for (int i = 0; f && i < n && !why; i++)
		enter(s, &f[i]);
	if (f && !why) {
		take_turns(s, f, n, blocks);
		r = tell_finals(s, id, f, n, blocks);
	}
	for (int i = 0; f && i < n; i++) {
		if (f[i].c && !s->lost)
			s->d->unload(f[i].c);
		candidate_free(f[i].c);
	}
	free(f);
	limits_end();
	line_write(r ? r : line_verdict(id, "launch", "%s", why ? why :
		"no memory"));
}

/* ---- all requests ---- */

static void take_task(struct server *s, json_t *request)
{
	const char *why;
	struct outcome o = { 0 };

	free_outputs(s);
	task_free(s->task);
	s->task = task_read(request, &why);
	if (s->task && !make_outputs(s))
		why = "no memory for the outputs";
	if (s->task && !why) {
		limits_time(line_number(request, "limit", 60), json_pack(
			"{ss sb}", "error", "the problem took too long to "
			"take in", "ending", 1));
		o = s->d->task(s->task);
		limits_end();
		why = o.message;
		s->lost |= o.lost;
	}
	if (!why) {
		line_write(json_pack("{sI}", "problem",
			(json_int_t)s->task->number));
		return;
	}
	line_write(json_pack("{ss}", "error", why));
	free_outputs(s);
	task_free(s->task);
	s->task = NULL;
}

static void serve(struct server *s, json_t *request)
{
	const char *what = line_text(request, "do");

	if (what && !strcmp(what, "problem"))
		take_task(s, request);
	else if (what && !strcmp(what, "measure"))
		measure(s, request);
	else if (what && !strcmp(what, "finals"))
		finals(s, request);
	else
		line_write(json_pack("{ss}", "error",
			"a request says \"do\": problem, measure or finals"));
}

int race_serve(const struct device *d)
{
	struct server s = { .d = d };
	json_t *hello = json_pack("{ss si ss}", "worker", "wpkworker",
		"protocol", PROTOCOL, "how", d->how), *request;
	struct outcome o;

	limits_time(60, json_pack("{ss}", "error",
		"the device did not answer within 60 s"));
	o = d->open(hello);
	limits_end();
	if (o.verdict) {
		json_decref(hello);
		line_write(json_pack("{ss}", "error", o.message));
		return 1;
	}
	line_write(hello);
	while (!s.lost && (request = line_read())) {
		serve(&s, request);
		json_decref(request);
	}
	free_outputs(&s);
	task_free(s.task);
	if (!s.lost)
		d->close();
	return 0;
}
