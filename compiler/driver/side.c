/* SPDX-License-Identifier: MIT */
/* --jobs: several searches at once, each in a process with workers of its own
 * that measure in a slice of the GPU, and finals on the whole of it afterwards,
 * when nothing else runs there. Slices of several processes exist side by side
 * by MPS alone: contexts of different processes take turns otherwise, green ones
 * too, and each would time the others. What a search found comes back as JSON. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "driver/measuring.h"
#include "driver/tune.h"

/* "seconds" for all. */
struct side {
	struct session *s;
	double seconds;
	int most, rounds;
};

/* ---- what is told ---- */

/* What is not UTF-8, as a file's name may be, keeps its place in a list. */
static json_t *text_or_null(const char *text)
{
	json_t *v = text ? json_string(text) : NULL;

	return v ? v : json_null();
}

static json_t *seconds_or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* [SECONDS, GENE, ..] of the best. */
static json_t *tell_points(const struct result *r, int genes)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n_history && i < TUNE_FINALISTS &&
	     isfinite(r->history_cost[i]); i++) {
		json_t *point = json_array();

		json_array_append_new(point, json_real(r->history_cost[i]));
		for (int k = 0; k < genes; k++)
			json_array_append_new(point, json_integer(
				r->history[(ptrdiff_t)i * genes + k]));
		json_array_append_new(list, point);
	}
	return list;
}

static json_t *tell_result(const struct result *r, int genes)
{
	json_t *counts = json_array(), *first = json_array();

	for (int v = 0; v < N_VERDICTS; v++) {
		json_array_append_new(counts, json_integer(r->counts[v]));
		json_array_append_new(first, text_or_null(r->first[v]));
	}
	return json_pack("{so so so}", "counts", counts, "first", first,
		"points", tell_points(r, genes));
}

static json_t *tell_part(const struct part *p)
{
	json_t *list = json_array();

	for (int i = 0; i < p->n; i++) {
		const struct result *r = p->results ? p->results[i] : NULL;

		json_array_append_new(list, !r ? json_null() : tell_result(r,
			p->candidates[i].space->n_genes));
	}
	return list;
}

static json_t *tell_plan(const struct plan *p)
{
	json_t *parts = json_array();

	for (int g = 0; p->parts && g < p->partition->n_groups; g++)
		json_array_append_new(parts, tell_part(&p->parts[g]));
	return json_pack("{so so}", "seconds", seconds_or_null(p->seconds),
		"parts", parts);
}

static json_t *tell_tally(const struct measuring_tally *t)
{
	json_t *list = json_array();

	for (int v = 0; t && v < N_VERDICTS; v++) {
		const struct measuring_first *f = &t->first[v];

		json_array_append_new(list, json_pack("[iioo]", t->counts[v],
			f->number, text_or_null(f->message),
			text_or_null(f->again)));
	}
	return list;
}

static json_t *tell_job(const struct session *s, const struct job *j)
{
	json_t *plans = json_array();

	for (int i = 0; i < j->n_plans; i++)
		json_array_append_new(plans, tell_plan(&j->plans[i]));
	return json_pack("{so so}", "plans", plans, "tally",
		tell_tally(s->tally));
}

/* In a process of its own, which says itself what went wrong. */
static void search_one(void *ctx, int i, struct str *out)
{
	struct side *x = ctx;
	struct session *s = x->s;
	struct job *j = &s->jobs[i];
	bool ok;
	char *text;
	json_t *json;

	s->o->quiet = true;
	s->tty = false;
	s->side_by_side = x->most;
	ok = measuring_open(s) && tune_search(s, j, i, tune_time(s, j,
		x->seconds, x->rounds));
	measuring_close(s);
	json = ok && s->code == EXIT_DONE ? tell_job(s, j) :
		json_pack("{si}", "code", (int)s->code);
	text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
	if (text)
		str_puts(out, text);
}

/* ---- what is heard ---- */

static const char *text_of(struct arena *a, const json_t *v)
{
	return json_is_string(v) ? arena_strdup(a, json_string_value(v)) : NULL;
}

static const char *words_of(struct arena *a, const json_t *v)
{
	const char *text = text_of(a, v);

	return text ? text : "";
}

static struct result *hear_result(struct arena *a, const json_t *v, int genes)
{
	const json_t *points = json_object_get(v, "points");
	size_t n = json_array_size(points);
	struct result *r = ARENA_NEW(a, struct result);

	for (int i = 0; i < N_VERDICTS; i++) {
		r->counts[i] = (int)json_integer_value(json_array_get(
			json_object_get(v, "counts"), (size_t)i));
		r->first[i] = text_of(a, json_array_get(json_object_get(v,
			"first"), (size_t)i));
	}
	r->n_history = (int)n;
	r->history = ARENA_ARRAY(a, n * (size_t)genes + 1, int);
	r->history_cost = ARENA_ARRAY(a, n + 1, double);
	for (size_t i = 0; i < n; i++) {
		const json_t *point = json_array_get(points, i);

		r->history_cost[i] = json_real_value(json_array_get(point, 0));
		for (size_t k = 0; k < (size_t)genes; k++)
			r->history[i * (size_t)genes + k] =
				(int)json_integer_value(json_array_get(point,
				k + 1));
	}
	return r;
}

/* Without a word of it, as a search that came to nothing. */
static void hear_plan(struct arena *a, struct plan *p, const json_t *v)
{
	const json_t *seconds = json_object_get(v, "seconds");
	const json_t *parts = json_object_get(v, "parts");

	p->seconds = json_is_real(seconds) ? json_real_value(seconds) :
		INFINITY;
	for (int g = 0; p->parts && g < p->partition->n_groups; g++) {
		struct part *t = &p->parts[g];
		const json_t *list = json_array_get(parts, (size_t)g);

		t->results = ARENA_ARRAY(a, (size_t)t->n + 1, struct result *);
		for (int i = 0; i < t->n; i++) {
			const json_t *r = json_array_get(list, (size_t)i);

			if (json_is_object(r) && t->candidates[i].space)
				t->results[i] = hear_result(a, r,
					t->candidates[i].space->n_genes);
		}
	}
}

static void hear_tally(struct session *s, const json_t *list)
{
	struct measuring_tally *t = s->tally;

	for (int v = 0; t && v < N_VERDICTS && json_array_size(list); v++) {
		const json_t *x = json_array_get(list, (size_t)v);
		int number = (int)json_integer_value(json_array_get(x, 1));
		struct measuring_first *f = &t->first[v];

		t->counts[v] += (int)json_integer_value(json_array_get(x, 0));
		if (!number || (f->number && f->number < number))
			continue;
		*f = (struct measuring_first){ number,
			words_of(s->a, json_array_get(x, 2)),
			words_of(s->a, json_array_get(x, 3)) };
	}
}

static bool hear(struct session *s, struct job *j, const char *text)
{
	json_t *v = text && *text ? json_loads(text, 0, NULL) : NULL;
	const json_t *code = json_object_get(v, "code");

	for (int i = 0; i < j->n_plans; i++)
		hear_plan(s->a, &j->plans[i], json_array_get(json_object_get(v,
			"plans"), (size_t)i));
	if (v && !code)
		plans_rank(j);
	plan_use(j, j->plan);
	hear_tally(s, json_object_get(v, "tally"));
	if (code)
		s->code = (enum exit_code)json_integer_value(code);
	json_decref(v);
	return v || *s->stop || session_fail(s, EXIT_INTERNAL,
		"the search for '%s' ended without a word", j->name);
}

/* ---- the whole ---- */

/* What candidates are depends on what is measured. */
static bool find_all(struct session *s)
{
	for (int i = 0; i < s->n_jobs; i++)
		if (!plans_find(s, &s->jobs[i]))
			return false;
	jobs_forget(s);
	return s->code == EXIT_DONE;
}

/* A worker in a slice says whether there are slices, and what is measured. */
static bool try_slice(struct session *s, int most)
{
	bool gpu;

	if (!s->o->measure && measuring_has_gpu())
		s->o->measure = "gpu";
	gpu = s->o->measure && !strncmp(s->o->measure, "gpu", 3);
	s->o->share = (s->o->share ? s->o->share : 100) / most;
	s->o->share_mps |= gpu;
	if (s->o->share < 1)
		return session_fail(s, EXIT_USER, "--jobs=%d: slices of less "
			"than one percent", most);
	if (!tune_begin(s))
		return false;
	measuring_close(s);
	return true;
}

static bool hear_all(struct session *s, const char **texts)
{
	bool ok = true;

	for (int i = 0; i < s->n_jobs; i++)
		ok &= hear(s, &s->jobs[i], texts[i]);
	return ok;
}

/* Finals say nothing of the device again. */
static bool open_finals(struct session *s)
{
	bool quiet = s->o->quiet, ok;

	if (!strcmp(s->how, "model") || *s->stop)
		return true;
	session_say(s, "finalists are measured again, each alone");
	s->o->quiet = true;
	ok = measuring_open(s);
	s->o->quiet = quiet;
	return ok;
}

bool side_search(struct session *s, double seconds)
{
	const char **texts = ARENA_ARRAY(s->a, (size_t)s->n_jobs + 1,
		const char *);
	int most = s->o->side < s->n_jobs ? s->o->side : s->n_jobs;
	struct side x = { s, seconds, most, (s->n_jobs + most - 1) / most };
	int share = s->o->share;
	bool mps = s->o->share_mps;

	s->counted = mmap(NULL, sizeof *s->counted, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->counted == MAP_FAILED)
		return session_fail(s, EXIT_INTERNAL, "no memory is shared");
	if (s->o->candidates && !measuring_clear_log(s))
		return false;
	if (!try_slice(s, most) || !find_all(s))
		return false;
	workers_run_most(s, most, s->n_jobs, search_one, &x, texts);
	s->o->share = share;
	s->o->share_mps = mps;
	return hear_all(s, texts) && s->code == EXIT_DONE && open_finals(s);
}
