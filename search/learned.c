/* SPDX-License-Identifier: MIT */
/* Records come in, predictions go out. Three models, each correcting those
 * before it, all in the log of seconds:
 *
 *	analytic	model.c, where a candidate has features
 *	general		trees over the records of all other problems: operator,
 *			point, chip, features -> log(seconds / analytic), or
 *			log(seconds), less the mean of the problem
 *	own		trees over the points of the problem at hand, which
 *			also see what the two before say
 *
 *	known	= trust (analytic + general_factor general)
 *	log s	= known + level + own_factor own
 *
 * A correction must earn its factor. Own trees are asked about folds of points
 * left out, general ones about problems left out. The factor is the slope of the
 * least squares within 0 .. 1, and 0 unless the squares saved, a point or a
 * problem, exceed twice their standard error (blend.c): so with few data, or
 * with data that say nothing, the model before remains. FEW points of the
 * problem at hand, which general trees never saw, then judge these in the same
 * way, where they are sure of it. "trust" falls from 1 in the same way, where
 * the points are sure that a model, a sister GPU's say, misleads. */
#include "search/learned.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "search/blend.h"
#include "search/inputs.h"
#include "search/stage.h"

enum { FEW = 8, FOLDS = 5, CHUNK = 1024, TMP_LIMIT = 16 << 20 };
/* Learning anew waits for so many more records, or for a quarter more. */
enum { PAUSE = 16 };
/* More rows of other problems than this are thinned out evenly: learning from
 * more takes longer than a search that has records of its own should wait. */
enum { ROWS_MOST = 4000 };
/* Of a correction by one other problem, which nothing can test. */
#define UNTESTED 0.5
/* Own trees without any model before them rank, however badly. */
#define BETTER_THAN_NOTHING 0.1

/* "base" is the log of the analytic estimate, NaN if there is none; the row is
 * "n" inputs from "at" on. */
struct sample {
	int problem;
	double log_seconds, base;
	int at, n;
};

/* Samples of one problem; those with and without an analytic estimate are two.
 * "level" is the mean of what there is to learn. */
struct problem_of_records {
	uint64_t id;
	bool based;
	int n;
	double level;
};

struct learned {
	struct arena *a, *tmp;
	const struct boost *b;
	const char *why;		/* there are no trees, or NULL */
	uint64_t seed;
	const char *how;
	struct inputs inputs;
	input_row entries;
	VEC(struct sample) samples;
	VEC(struct problem_of_records) problems;
	struct stage general, own;
	double general_first, general_factor, own_factor, trust, level;
	double strange_level[2];	/* of a problem without points, without
					 * and with an analytic estimate */
	int general_rows, general_problems, own_rows;	/* learned from */
	int n_own, n_other;
	bool based;			/* the last had an analytic estimate */
};

/* ---- records ---- */

/* What makes two records comparable: the place where the points are. */
static uint64_t id_of(struct arena *tmp, const struct record_key *k, bool based)
{
	struct str s;

	str_init(&s, tmp);
	str_printf(&s, "%llx %s %s %s %d %s %s %s %d %d",
		(unsigned long long)k->hash, k->op ? k->op : "",
		k->shape ? k->shape : "", k->types ? k->types : "", k->group,
		k->kernel ? k->kernel : "", k->target ? k->target : "",
		k->gpu ? k->gpu : "", k->share, based);
	return str_hash(s.p, s.n);
}

/* The first two are the focus's, without and with an analytic estimate. */
static int problem_at(struct learned *l, const struct record_key *k, bool based)
{
	uint64_t id = id_of(l->tmp, k, based);

	for (int i = l->problems.n - 1; i >= 0; i--)
		if (l->problems.v[i].id == id)
			return i;
	vec_push(l->a, &l->problems, (struct problem_of_records){ .id = id,
		.based = based });
	return l->problems.n - 1;
}

static bool is_own(const struct sample *s)
{
	return s->problem < 2;
}

static const char *copy(struct arena *a, const char *s)
{
	return arena_strdup(a, s ? s : "");
}

struct learned *learned_create(const struct boost *b, const char *why,
	const struct record_key *focus, uint64_t seed)
{
	struct arena *a = arena_create();
	struct learned *l = ARENA_NEW(a, struct learned);

	*l = (struct learned){ .a = a, .tmp = arena_create(), .b = b,
		.seed = seed, .trust = 1, .how = copy(a, focus->how) };
	if (!b)
		l->why = copy(a, why ? why : "no library was opened");
	inputs_init(&l->inputs, a);
	problem_at(l, focus, false);
	problem_at(l, focus, true);
	return l;
}

void learned_destroy(struct learned *l)
{
	if (!l)
		return;
	stage_clear(&l->general);
	stage_clear(&l->own);
	arena_destroy(l->tmp);
	arena_destroy(l->a);
}

static void tidy(struct learned *l)
{
	if (arena_bytes(l->tmp) > TMP_LIMIT)
		arena_reset(l->tmp);
}

bool learned_add(struct learned *l, const struct record *r)
{
	struct sample s = { .at = l->entries.n };
	input_row row = {0};

	if ((r->verdict != V_MEASURED && r->verdict != V_SLOW) ||
	    !isfinite(r->seconds) || r->seconds <= 0 ||
	    strcmp(l->how, r->key.how ? r->key.how : "") != 0)
		return false;
	tidy(l);
	inputs_forget(&l->inputs);
	s.base = inputs_row(&l->inputs, l->tmp, r, true, &row);
	if (isinf(s.base))
		s.base = NAN;
	s.log_seconds = log(r->seconds);
	s.n = row.n;
	s.problem = problem_at(l, &r->key, !isnan(s.base));
	for (int i = 0; i < row.n; i++)
		vec_push(l->a, &l->entries, row.v[i]);
	vec_push(l->a, &l->samples, s);
	l->based = !isnan(s.base);
	l->problems.v[s.problem].n++;
	*(is_own(&s) ? &l->n_own : &l->n_other) += 1;
	return true;
}

/* ---- rows ---- */

/* Candidates to predict or samples to learn from: "base" is 0 without an
 * analytic estimate, "y" what is to be explained. */
struct rows {
	struct stage_row *v;
	double *base, *y, *general, *known;
	int *problem, n;
};

static struct rows rows_create(struct arena *tmp, int n)
{
	return (struct rows){
		.v = ARENA_ARRAY(tmp, n + 1, struct stage_row),
		.base = ARENA_ARRAY(tmp, n + 1, double),
		.y = ARENA_ARRAY(tmp, n + 1, double),
		.general = ARENA_ARRAY(tmp, n + 1, double),
		.known = ARENA_ARRAY(tmp, n + 1, double),
		.problem = ARENA_ARRAY(tmp, n + 1, int), .n = n,
	};
}

static double or_zero(double base)
{
	return isnan(base) ? 0 : base;
}

static void add_sample(struct learned *l, struct rows *r,
	const struct sample *s)
{
	int n = r->n++;

	r->v[n] = (struct stage_row){ l->entries.v + s->at, s->n, NAN };
	r->base[n] = or_zero(s->base);
	r->y[n] = s->log_seconds - r->base[n];
	r->problem[n] = s->problem;
}

/* At most "most" of them, every so manyth. */
static struct rows rows_of_samples(struct learned *l, bool own, int most)
{
	long all = own ? l->n_own : l->n_other, at = 0;
	long wanted = all < most ? all : most;
	struct rows r = rows_create(l->tmp, (int)wanted);

	r.n = 0;
	for (int i = 0; i < l->samples.n; i++) {
		const struct sample *s = &l->samples.v[i];

		if (is_own(s) == own && at++ * wanted / all == r.n)
			add_sample(l, &r, s);
	}
	return r;
}

/* ---- the general model ---- */

static double mean_of(const double *v, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / n : 0;
}

static double factor_of(struct learned *l, const struct rows *r,
	const double *y, const double *c, bool apart, double otherwise)
{
	return blend_factor(l->tmp, &(struct blend){ y, c, r->problem, r->n,
		l->problems.n, apart }, otherwise);
}

static void set_levels(struct learned *l)
{
	double sum[2] = {0};
	int n[2] = {0};

	for (int p = 0; p < l->problems.n; p++)
		l->problems.v[p].level = 0;
	for (int i = 0; i < l->samples.n; i++) {
		const struct sample *s = &l->samples.v[i];
		struct problem_of_records *p = &l->problems.v[s->problem];

		p->level += (s->log_seconds - or_zero(s->base)) / p->n;
	}
	for (int p = 2; p < l->problems.n; p++) {
		sum[l->problems.v[p].based] += l->problems.v[p].level;
		n[l->problems.v[p].based]++;
	}
	for (int i = 0; i < 2; i++)
		l->strange_level[i] = n[i] ? sum[i] / n[i] : 0;
}

/* Each problem counts as the root of its rows. */
static double *weights_of(struct learned *l, const struct rows *r)
{
	double *w = ARENA_ARRAY(l->tmp, r->n + 1, double), sum = 0;

	for (int i = 0; i < r->n; i++)
		sum += w[i] = 1 / sqrt(l->problems.v[r->problem[i]].n);
	for (int i = 0; i < r->n; i++)
		w[i] *= r->n / sum;
	return w;
}

/* Problems left out in turn, in at most FOLDS parts; none where there are too
 * few to tell, or where the problem at hand has points that tell more. */
static int folds_of_problems(const struct learned *l, const struct rows *r,
	int *fold)
{
	int n = l->problems.n - 2;

	for (int i = 0; i < r->n; i++)
		fold[i] = (r->problem[i] - 2) % FOLDS;
	return n < 3 || l->n_own >= FEW ? 0 : n < FOLDS ? n : FOLDS;
}

static void learn_general(struct learned *l)
{
	struct rows r = rows_of_samples(l, false, ROWS_MOST);
	int *fold = ARENA_ARRAY(l->tmp, r.n + 1, int);
	double *held_out = ARENA_ARRAY(l->tmp, r.n + 1, double);
	struct stage_data d = { .rows = r.v, .y = r.y, .n = r.n, .fold = fold,
		.held_out = held_out };
	const char *why;

	set_levels(l);
	for (int i = 0; i < r.n; i++)
		r.y[i] -= l->problems.v[r.problem[i]].level;
	d.weight = weights_of(l, &r);
	d.folds = folds_of_problems(l, &r, fold);
	l->general_rows = l->n_other;
	l->general_problems = l->problems.n - 2;
	if (!stage_train(&l->general, l->a, l->tmp, l->b, &l->inputs, &d,
	    l->seed, &why))
		return;
	l->general_first = UNTESTED;
	if (d.folds)
		l->general_first = factor_of(l, &r, r.y, held_out, false, 0);
	l->general_factor = l->general_first;
}

/* ---- what is known without the problem's own points ---- */

/* Fills "general" and "known" of rows whose "base" is there. */
static void ask_general(struct learned *l, struct rows *r)
{
	const char *why;

	if (!l->general.model || !stage_predict(&l->general, l->tmp, r->v,
	    r->n, r->general, &why))
		memset(r->general, 0, (size_t)r->n * sizeof *r->general);
	for (int i = 0; i < r->n; i++)
		r->known[i] = r->base[i]
			+ l->general_factor * r->general[i];
}

/* Points of the problem at hand decide how far the others are believed. */
static void weigh_known(struct learned *l, struct rows *r)
{
	double *y = ARENA_ARRAY(l->tmp, r->n + 1, double);
	double *less = ARENA_ARRAY(l->tmp, r->n + 1, double);

	if (l->general.model)
		l->general_factor = factor_of(l, r, r->y, r->general, true,
			l->general_first);
	for (int i = 0; i < r->n; i++) {
		r->known[i] = r->base[i] + l->general_factor * r->general[i];
		y[i] = r->base[i] + r->y[i] - r->known[i];
		less[i] = -r->known[i];
	}
	l->trust = 1 - factor_of(l, r, y, less, true, 0);
}

/* ---- the own model ---- */

/* Rows in random folds. */
static void deal(struct learned *l, int *fold, int n)
{
	struct rng rng;

	rng_seed(&rng, l->seed + 1);
	for (int i = 0; i < n; i++) {
		int k = rng_below(&rng, i + 1);

		fold[i] = fold[k];
		fold[k] = i % FOLDS;
	}
}

/* What is k times as slow as the best counts 1/k: it matters less how slow it
 * is. */
static double *weights_of_points(struct learned *l, const struct rows *r)
{
	double *w = ARENA_ARRAY(l->tmp, r->n + 1, double), best = INFINITY;

	for (int i = 0; i < r->n; i++)
		best = fmin(best, r->base[i] + r->y[i]);
	for (int i = 0; i < r->n; i++)
		w[i] = exp(best - r->base[i] - r->y[i]);
	return w;
}

static void learn_trees(struct learned *l, struct rows *r, double *left)
{
	int *fold = ARENA_ARRAY(l->tmp, r->n + 1, int);
	double *held_out = ARENA_ARRAY(l->tmp, r->n + 1, double);
	struct stage_data d = { .rows = r->v, .y = left, .n = r->n,
		.weight = weights_of_points(l, r), .fold = fold,
		.folds = FOLDS, .held_out = held_out };
	double least = l->general.model || l->problems.v[1].n ? 0 :
		BETTER_THAN_NOTHING;
	const char *why;

	for (int i = 0; i < r->n; i++)
		r->v[i].prior = r->known[i];
	deal(l, fold, r->n);
	if (!stage_train(&l->own, l->a, l->tmp, l->b, &l->inputs, &d, l->seed,
	    &why))
		return;
	l->own_factor = factor_of(l, r, left, held_out, true, 0);
	if (l->own_factor < least)
		l->own_factor = least;
}

static void learn_own(struct learned *l)
{
	struct rows r = rows_of_samples(l, true, l->n_own);
	double *left = ARENA_ARRAY(l->tmp, r.n + 1, double);

	stage_clear(&l->own);
	l->own_factor = 0;
	l->own_rows = r.n;
	ask_general(l, &r);
	if (r.n >= FEW && l->b)
		weigh_known(l, &r);
	for (int i = 0; i < r.n; i++)
		left[i] = r.base[i] + r.y[i] - l->trust * r.known[i];
	l->level = mean_of(left, r.n);
	for (int i = 0; i < r.n; i++)
		left[i] -= l->level;
	if (r.n >= FEW && l->b)
		learn_trees(l, &r, left);
}

static bool is_due(int now, int then, int first)
{
	int pause = then ? then / 4 > PAUSE ? then / 4 : PAUSE : first;

	return now - then >= pause;
}

void learned_update(struct learned *l, bool now)
{
	bool general = l->b && (now ?
		l->n_other > l->general_rows :
		is_due(l->n_other, l->general_rows, PAUSE));

	if (general)
		learn_general(l);
	if (general || (now ? l->n_own > l->own_rows :
	    is_due(l->n_own, l->own_rows, FEW)))
		learn_own(l);
	arena_reset(l->tmp);
}

/* ---- predicting ---- */

/* The rows of candidates; "level" is what each is above what is known. */
static struct rows rows_of_records(struct learned *l,
	const struct record *records, int n, double *level)
{
	struct rows r = rows_create(l->tmp, n);

	for (int i = 0; i < n; i++) {
		input_row row = {0};
		double base = inputs_row(&l->inputs, l->tmp, &records[i],
			false, &row);

		r.v[i] = (struct stage_row){ row.v, row.n, NAN };
		r.base[i] = or_zero(base);
		level[i] = l->n_own ? l->level :
			l->strange_level[!isnan(base)];
		l->based = !isnan(base);
	}
	return r;
}

static void predict(struct learned *l, const struct record *records, int n,
	double *out)
{
	double *own = ARENA_ARRAY(l->tmp, n + 1, double);
	double *level = ARENA_ARRAY(l->tmp, n + 1, double);
	struct rows r = rows_of_records(l, records, n, level);
	const char *why;

	ask_general(l, &r);
	for (int i = 0; i < n; i++)
		r.v[i].prior = r.known[i];
	if (!l->own.model || l->own_factor == 0 ||
	    !stage_predict(&l->own, l->tmp, r.v, n, own, &why))
		memset(own, 0, (size_t)n * sizeof *own);
	for (int i = 0; i < n; i++)
		out[i] = isinf(r.base[i]) ? INFINITY : exp(l->trust * r.known[i]
			+ level[i] + l->own_factor * own[i]);
}

void learned_seconds(struct learned *l, const struct record *r, int n,
	double *out)
{
	inputs_forget(&l->inputs);
	for (int i = 0; i < n; i += CHUNK) {
		predict(l, r + i, n - i < CHUNK ? n - i : CHUNK, out + i);
		arena_reset(l->tmp);
	}
}

/* ---- words ---- */

static void say_model(struct str *s, const struct learned *l)
{
	str_puts(s, l->based ? "analytic estimate" : "no analytic estimate");
	if (l->trust < 1)
		str_printf(s, " (x %.2f)", l->trust);
	if (l->general.model)
		str_printf(s, ", %d records of %d problems (x %.2f)",
			l->general_rows, l->general_problems,
			l->general_factor);
	if (l->own.model)
		str_printf(s, ", %d points (x %.2f)", l->own_rows,
			l->own_factor);
}

const char *learned_says(struct learned *l)
{
	struct str s;

	tidy(l);
	str_init(&s, l->tmp);
	if (l->why)
		str_printf(&s, "the analytic model alone: %s", l->why);
	else
		say_model(&s, l);
	return str_text(&s);
}
