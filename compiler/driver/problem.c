/* SPDX-License-Identifier: MIT */
/* A candidate as a search problem. In: a candidate with its space. Out: the
 * point to start from, whether a point is legal at every size the job is for,
 * what the model predicts of it, and the point chosen without a search. */
#include "driver/problem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/seen.h"
#include "base/vec.h"
#include "driver/general.h"

/* ---- what a search asks ---- */

/* What a point makes of in_place() its kernels say, where they must both read and
 * write; plans see to the order of all of them. */
static const char *refuses_in_place(struct candidate *c, struct arena *a,
	const int *values)
{
	const char *why, *number;
	struct program *p;
	int *map;

	if (!c->task.in_place)
		return NULL;
	c->made++;
	p = program_of(a, c->task.op, c->partition, &map);
	program_build(c->sketch, &c->task, a, values, p);
	why = program_in_place(a, p);
	number = why && c->sketch->in_place ? c->sketch->in_place(&c->task, a,
		values) : NULL;
	return number ? arena_printf(a, "%s; %s", why, number) : why;
}

/* Points are asked in these stages. What refuses one at the last that any comes to
 * is what stands in the way; the others say what few points do. */
enum stage {
	NOWHERE, IN_SPACE, OF_SKETCH, IN_PLACE, AT_SIZES, OF_SUMS, AT_ALL_SIZES
};

static const char *stopped(struct candidate *c, enum stage stage,
	const char *why)
{
	if (why && stage > (enum stage)c->stage) {
		c->stage = stage;
		c->nearest = arena_strdup(c->task.a, why);
	}
	return why;
}

/* "text" is for the sketch's sentence, or NULL. */
static const char *illegal_here(struct candidate *c, struct arena *a,
	struct arena *text, const int *genes)
{
	int values[c->space->n_tunables + 1];
	const char *why;

	if (!space_tunables(a, c->space, genes, values, &why))
		return stopped(c, IN_SPACE, why);
	why = c->sketch->legal(&c->task, text, values);
	return why ? stopped(c, OF_SKETCH, why) :
		stopped(c, IN_PLACE, refuses_in_place(c, a, values));
}

const char *problem_illegal_here(struct candidate *c, struct arena *a,
	const int *genes)
{
	return illegal_here(c, a, a, genes);
}

bool problem_is_legal_here(struct candidate *c, struct arena *a,
	const int *genes)
{
	return !illegal_here(c, a, c->stage < OF_SKETCH ? a : NULL, genes);
}

/* Of a job for all sizes, given that the point is legal at its own. */
static const char *at_others(struct candidate *c, struct arena *a,
	const int *genes, const char *(*refuses)(struct candidate *c,
	struct arena *a, const int *values))
{
	int values[c->space->n_tunables + 1];
	const char *why;

	if (!c->general)
		return NULL;
	space_tunables(a, c->space, genes, values, &why);
	return refuses(c, a, values);
}

/* At the sizes that are looked at: what forbids most points, and is far quicker than
 * to make one kernel of what it gives there. */
static const char *is_legal_at_all(struct candidate *c, struct arena *a,
	const int *genes)
{
	const char *why = stopped(c, AT_SIZES, at_others(c, a, genes,
		general_illegal));

	return why || !c->general ? why : stopped(c, OF_SUMS,
		general_sums_unknown(c));
}

static const char *illegal_anywhere(struct candidate *c, struct arena *a,
	const int *genes)
{
	const char *why = is_legal_at_all(c, a, genes);

	return why ? why : stopped(c, AT_ALL_SIZES, at_others(c, a, genes,
		general_refuses));
}

/* What was asked of points for all sizes, which makes kernels each time: a search
 * in a small space asks again and again. */
struct known_points {
	struct seen points;
	const char **why;
	int cap;
};

static struct known_points *known_points(struct candidate *c)
{
	if (!c->known) {
		c->known = ARENA_NEW(c->task.a, struct known_points);
		seen_init(&c->known->points, c->task.a, c->space->n_genes);
	}
	return c->known;
}

const char *problem_illegal_anywhere(struct candidate *c, struct arena *a,
	const int *genes)
{
	struct known_points *k;
	const char *why;
	bool fresh;
	int at;

	if (!c->general)
		return NULL;
	k = known_points(c);
	at = seen_place(&k->points, genes, &fresh);
	if (!fresh)
		return k->why[at];
	if (at == k->cap)
		k->why = vec_grow(c->task.a, k->why, at, &k->cap,
			sizeof *k->why);
	why = illegal_anywhere(c, a, genes);
	k->why[at] = why ? arena_strdup(c->task.a, why) : NULL;
	return why;
}

const char *problem_refuses(struct candidate *c, struct arena *a,
	const int *genes)
{
	const char *why = problem_illegal_here(c, a, genes);

	return why ? why : problem_illegal_anywhere(c, a, genes);
}

static const char *is_legal(void *ctx, struct arena *a, const int *genes)
{
	return problem_refuses(ctx, a, genes);
}

void problem_features(const struct candidate *c, struct arena *a,
	const int *genes, struct features *f)
{
	int values[c->space->n_tunables + 1];
	const char *why;
	bool ok = space_tunables(a, c->space, genes, values, &why);

	assert(ok);
	(void)ok;
	sketch_features(c->sketch, &c->task, values, f);
	if (!f->work)
		f->work = ir_operations(c->task.op, c->task.group);
}

double problem_seconds(const struct candidate *c, struct arena *a,
	const int *genes)
{
	struct features f;

	problem_features(c, a, genes, &f);
	return model_seconds(&f, c->task.gpu);
}

bool problem_price(struct candidate *c, struct arena *a, const int *genes,
	double *seconds)
{
	int values[c->space->n_tunables + 1];
	struct features f;
	const char *why;
	bool legal;

	if (!c->sketch->price || c->general || c->task.in_place) {
		legal = problem_is_legal_here(c, a, genes);
		*seconds = legal ? problem_seconds(c, a, genes) : INFINITY;
		return legal;
	}
	legal = space_tunables(a, c->space, genes, values, &why) &&
		c->sketch->price(&c->task, values, &f);
	*seconds = legal ? model_seconds(&f, c->task.gpu) : INFINITY;
	return legal;
}

static void predict(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct candidate *c = ctx;

	for (int i = 0; i < n; i++)
		out[i] = (struct cost){ problem_seconds(c, a, genes +
			(ptrdiff_t)i * c->space->n_genes), V_MEASURED, NULL };
}

static int nearest_value(const struct gene *g, int v)
{
	int best = g->values[0];

	for (int i = 1; i < g->n; i++)
		if (abs(g->values[i] - v) < abs(best - v))
			best = g->values[i];
	return best;
}

/* "values", as near as the pins leave them. */
static void genes_of(const struct candidate *c, const int *values, int *genes)
{
	const struct space *sp = c->space;

	for (int i = 0; i < sp->n_genes; i++)
		genes[i] = sp->genes[i].values[0];
	for (int i = 0; i < sp->n_tunables; i++)
		if (sp->follows[i] >= 0)
			genes[sp->follows[i]] = nearest_value(
				&sp->genes[sp->follows[i]], values[i]);
}

void problem_start(const struct candidate *c, int *genes)
{
	int values[c->space->n_tunables + 1];

	values[c->space->n_tunables - 1] = 1;
	c->sketch->start(&c->task, values);
	genes_of(c, values, genes);
}

/* Its other one: of those that the sketch takes that which the model thinks the
 * fastest; false if there is none. What refuses one is not what stands in the way:
 * that is said of the default. */
static bool other_genes(struct candidate *c, struct arena *tmp, int *genes)
{
	size_t n = (size_t)c->space->n_genes;
	int values[c->space->n_tunables + 1], pinned[c->space->n_tunables + 1];
	int trial[n + 1];
	double best = INFINITY;
	const char *why;

	values[c->space->n_tunables - 1] = 1;
	for (int i = 0; c->sketch->other_start &&
	     c->sketch->other_start(&c->task, i, values); i++) {
		double t;

		genes_of(c, values, trial);
		if (!space_tunables(tmp, c->space, trial, pinned, &why) ||
		    c->sketch->legal(&c->task, NULL, pinned))
			continue;
		t = problem_seconds(c, tmp, trial);
		if (t >= best)
			continue;
		best = t;
		memcpy(genes, trial, n * sizeof *genes);
	}
	return best < INFINITY;
}

struct problem problem_of(struct session *s, struct candidate *c)
{
	const struct schedule *told = c->task.schedule;
	int n = c->space->n_genes, count = 1;
	int most = 1 + (told ? told->n_directives : 0);
	int *seeds = ARENA_ARRAY(s->a, (size_t)n * (most + 1) + 1, int);
	struct arena *tmp = arena_create();

	problem_start(c, seeds);
	for (int i = 1; i < most; i++)
		memcpy(seeds + (ptrdiff_t)i * n, seeds,
			(size_t)n * sizeof *seeds);
	while (count < most && sched_seed(told, c->space, count - 1,
	       seeds + (ptrdiff_t)count * n))
		count++;
	count += other_genes(c, tmp, seeds + (ptrdiff_t)count * n);
	arena_destroy(tmp);
	return (struct problem){ .space = c->space, .ctx = c,
		.legal = is_legal, .measure = predict, .seeds = seeds,
		.n_seeds = count };
}

/* ---- choosing without a search ---- */

static struct span in_place_at(const struct schedule *s)
{
	for (int i = 0; i < s->n_directives; i++)
		if (!strcmp(s->directives[i].name, "in_place"))
			return s->directives[i].at;
	return s->at;
}

/* A space without a legal point. */
static void no_point(struct candidate *c)
{
	c->why = c->nearest ? c->nearest : "no point of its space is legal";
	c->refusal = REFUSED_POINTS;
	if (c->task.schedule)
		c->at = c->stage == IN_PLACE ? in_place_at(c->task.schedule) :
			c->task.schedule->at;
	c->space = NULL;
}

/* The best value of gene "i", where that is clearly better than what "genes" has. */
static bool improve(struct answers *q, int *genes, int i, double *best,
	const char *(*refuses)(struct candidate *, struct arena *, const int *))
{
	const struct gene *g = &q->c->space->genes[i];
	int keep = genes[i];
	bool better = false;
	double t;

	for (int k = 0; k < g->n; k++) {
		genes[i] = g->values[k];
		if (genes[i] == keep || !answers_legal(q, genes, &t) ||
		    t >= *best * 0.999 || refuses(q->c, q->tmp, genes))
			continue;
		*best = t;
		keep = genes[i];
		better = true;
	}
	genes[i] = keep;
	arena_reset(q->tmp);
	return better;
}

double problem_descend(struct answers *q, int *genes,
	const char *(*refuses)(struct candidate *, struct arena *, const int *))
{
	enum { ROUNDS = 3 };
	const struct space *sp = q->c->space;
	double best;
	bool legal = answers_legal(q, genes, &best);

	assert(legal);
	(void)legal;
	for (int n = 0, since = 0; n < ROUNDS * sp->n_genes &&
	     since < sp->n_genes; n++, since++)
		if (improve(q, genes, n % sp->n_genes, &best, refuses))
			since = 0;
	return best;
}

/* ---- a start for all sizes ---- */

/* Points that are legal at all the sizes that are looked at, as good as a descent
 * among such makes them, best first. */
struct starts {
	struct candidate *c;
	struct answers *answers;
	int looked;
	volatile int over;
	int *genes;
	double *seconds;
	int n;
};

static const char *quickly_refused(void *ctx, struct arena *a,
	const int *genes)
{
	enum { LOOKS = 20000 };
	struct starts *x = ctx;

	x->over |= x->looked++ == LOOKS;
	if (x->over)
		return "not looked at";
	return problem_is_legal_here(x->c, a, genes) ?
		is_legal_at_all(x->c, a, genes) : "not legal";
}

static void predict_start(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct starts *x = ctx;

	predict(x->c, a, genes, n, out);
}

static void add_start(struct starts *x, const int *from)
{
	size_t n = (size_t)x->c->space->n_genes;
	int at[n + 1];
	double t;
	int k;

	memcpy(at, from, n * sizeof *at);
	t = problem_descend(x->answers, at, is_legal_at_all);
	for (k = 0; k < x->n; k++)
		if (!memcmp(x->genes + (size_t)k * n, at, n * sizeof *at))
			return;
	for (k = x->n++; k > 0 && x->seconds[k - 1] > t; k--) {
		x->seconds[k] = x->seconds[k - 1];
		memcpy(x->genes + (size_t)k * n, x->genes + (size_t)(k - 1) * n,
			n * sizeof *at);
	}
	x->seconds[k] = t;
	memcpy(x->genes + (size_t)k * n, at, n * sizeof *at);
}

/* The best of them that makes one kernel for all sizes, or NULL: seeds and the
 * best of some that are drawn go down, and what is dear is asked of few. */
static int *best_start(struct session *s, struct answers *q)
{
	enum { DRAWN = 256, TAKEN = 16 };
	struct candidate *c = q->c;
	struct starts x = { .c = c, .answers = q };
	struct problem p = problem_of(s, c);
	struct budget b = { .trials = DRAWN, .seed = s->o->seed, .effort = 1 };
	size_t n = (size_t)c->space->n_genes;
	struct result *r;

	x.genes = ARENA_ARRAY(s->a, n * TAKEN + 1, int);
	x.seconds = ARENA_ARRAY(s->a, TAKEN, double);
	p.ctx = &x;
	p.legal = quickly_refused;
	p.measure = predict_start;
	r = search_run(s->a, &p, strategy_named("random"), &b, &x.over, NULL,
		NULL);
	for (int i = 0; i < r->n_history && i < TAKEN; i++)
		add_start(&x, r->history + (size_t)i * n);
	for (int i = 0; i < x.n; i++) {
		arena_reset(q->tmp);
		if (!problem_illegal_anywhere(c, q->tmp, x.genes + (size_t)i * n))
			return x.genes + (size_t)i * n;
	}
	return NULL;
}

/* "found" when there is a point, of those in place some, or enough was looked at:
 * points come again in a small space. Dear is what makes a kernel. */
struct finding {
	struct candidate *c;
	int looked;
	volatile int found;
};

static const char *find_legal(void *ctx, struct arena *a, const int *genes)
{
	enum { LOOKS = 500000, DEAR = LOOKS / 500, MADE = LOOKS / 5000 };
	struct finding *f = ctx;
	int made = f->c->made;
	bool legal;

	f->found |= f->looked > LOOKS;
	if (f->found)
		return "not looked at";
	legal = problem_is_legal_here(f->c, a, genes);
	f->looked += legal ? DEAR : f->c->made > made ? MADE : 1;
	return legal ? problem_illegal_anywhere(f->c, a, genes) : "not legal";
}

static void predict_found(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct finding *f = ctx;

	f->found |= n > 0 && f->c->general;
	predict(f->c, a, genes, n, out);
}

/* No sentence, which would take most of the time where hardly a point is legal. */
static const char *not_legal(void *ctx, struct arena *a, const int *genes)
{
	struct candidate *c = ctx;

	return problem_is_legal_here(c, a, genes) ?
		problem_illegal_anywhere(c, a, genes) : "not legal";
}

/* The first seed that is legal, or the first point that a search comes upon. */
static int *search_point(struct session *s, struct arena *tmp,
	struct candidate *c)
{
	struct problem p = problem_of(s, c);
	struct budget b = { .trials = c->general ? 200 : 16,
		.seed = s->o->seed, .effort = 1 };
	struct finding f = { .c = c };
	struct result *r;

	for (int i = 0; i < p.n_seeds; i++) {
		const int *seed = p.seeds + (ptrdiff_t)i * c->space->n_genes;

		arena_reset(tmp);
		if (!problem_refuses(c, tmp, seed))
			return (int *)seed;
	}
	p.legal = not_legal;
	if (c->general || c->task.in_place) {
		p.ctx = &f;
		p.legal = find_legal;
		p.measure = predict_found;
	}
	r = search_run(s->a, &p, strategy_named("random"), &b, &f.found, NULL,
		NULL);
	if (!r->genes)
		no_point(c);
	return r->genes;
}

/* A legal point: the sketch's own default, or one that has to be looked for. */
static int *some_point(struct session *s, struct arena *tmp,
	struct candidate *c)
{
	int *genes = ARENA_ARRAY(s->a, c->space->n_genes + 1, int);

	problem_start(c, genes);
	return problem_refuses(c, tmp, genes) ? search_point(s, tmp, c) : genes;
}

/* Down from the sketch's other default, if that comes clearly lower: what differs less
 * the model cannot tell. */
static void from_other(struct session *s, struct answers *q, int *genes,
	double *seconds)
{
	struct candidate *c = q->c;
	size_t n = (size_t)c->space->n_genes;
	int *other = ARENA_ARRAY(s->a, n + 1, int);
	double t;

	if (!other_genes(c, q->tmp, other) || problem_refuses(c, q->tmp, other))
		return;
	t = problem_descend(q, other, problem_illegal_anywhere);
	if (t < *seconds * 0.99) {
		memcpy(genes, other, n * sizeof *genes);
		*seconds = t;
	}
}

int *problem_default(struct session *s, struct candidate *c, double *seconds)
{
	struct answers q;
	int *genes;

	answers_begin(&q, c);
	genes = c->general ? best_start(s, &q) : NULL;
	if (!genes && c->general && general_sums_unknown(c))
		no_point(c);
	else if (!genes)
		genes = some_point(s, q.tmp, c);
	if (genes)
		*seconds = problem_descend(&q, genes, problem_illegal_anywhere);
	if (genes && !c->general)
		from_other(s, &q, genes, seconds);
	answers_end(&q);
	return genes;
}
