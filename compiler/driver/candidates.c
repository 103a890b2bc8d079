/* SPDX-License-Identifier: MIT */
/* Candidates: every sketch for every group of a job, bound to what the
 * schedule and --set pin; and the choosing of a point without a search, from
 * the lock or by a short look with the model. */
#include "driver/session.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/general.h"

/* ---- sketches that serve ---- */

/* "OP:NAME" is for one operator, "NAME" for all. */
static const char *setting_for(const struct job *j, const char *name)
{
	const char *colon = strchr(name, ':');
	size_t n = colon ? (size_t)(colon - name) : 0;
	const char *all = j->launcher ? j->launcher : j->name;

	if (!colon)
		return name;
	return (n == strlen(j->name) && !strncmp(name, j->name, n)) ||
		(n == strlen(all) && !strncmp(name, all, n)) ?
		colon + 1 : NULL;
}

static bool has_tunable(const struct space *sp, const char *name)
{
	for (int i = 0; i < sp->n_genes; i++)
		if (!strcmp(sp->genes[i].name, name))
			return true;
	for (int i = 0; i < sp->n_tunables; i++)
		if (!strcmp(sp->tunables[i].name, name))
			return true;
	return false;
}

/* Of several groups, each takes the settings that name a tunable of its own. */
static bool pin_settings(struct session *s, const struct job *j,
	struct candidate *c)
{
	for (int i = 0; i < s->o->settings.n && !c->why; i++) {
		const struct setting *x = &s->o->settings.v[i];
		const char *name = setting_for(j, x->name);

		if (!name)
			continue;
		if (!strcmp(name, "sketch")) {
			if (!strcmp(x->value, c->sketch->name))
				continue;
			c->refusal = REFUSED_OTHER;
			c->why = "--set sketch asks for another";
		} else if (j->partition->n_groups > 1 && i < 64 &&
			   !has_tunable(c->space, name)) {
			c->left[SHARED_SETTINGS] |= (uint64_t)1 << i;
		} else {
			c->why = space_pin(s->a, c->space, name, x->value);
		}
	}
	return !c->why;
}

static void size_values(struct session *s, const struct job *j,
	const char ***names, int64_t **values)
{
	int n = j->op->n_sizes;

	*names = ARENA_ARRAY(s->a, (size_t)n + 1, const char *);
	*values = ARENA_ARRAY(s->a, (size_t)n + 1, int64_t);
	for (int i = 0; i < n; i++) {
		(*names)[i] = j->op->sizes[i].name;
		(*values)[i] = j->op->sizes[i].value;
	}
}

/* The sketch's tunables and, where it holds of the sketch, deterministic(). */
static const struct tunable *all_tunables(struct session *s,
	const struct candidate *c, int *n)
{
	static const int on[] = { 1 };
	const struct tunable *own = c->sketch->tunables(&c->task, n);
	struct tunable *v;

	if (!c->sketch->deterministic)
		return own;
	v = ARENA_ARRAY(s->a, (size_t)*n + 1, struct tunable);
	memcpy(v, own, (size_t)*n * sizeof *v);
	v[(*n)++] = (struct tunable){ .name = "deterministic",
		.directive = "deterministic", .values = on, .n = 1 };
	return v;
}

/* "; gemv and reduce do" */
static const char *who_honours(struct session *s, const char *directive)
{
	const struct sketch *const *all = sketch_list();
	const char *names[16];
	struct str out;
	int n = 0;

	for (int i = 0; all[i] && n < 16; i++)
		if (sketch_honours(all[i], directive))
			names[n++] = all[i]->name;
	if (!n)
		return !strcmp(directive, "split") ? ", nor does any sketch: "
			"tile(...) cuts axes, fuse(...) and reorder(...) order "
			"them" : ", nor does any sketch of this version";
	str_init(&out, s->a);
	for (int i = 0; i < n; i++)
		str_printf(&out, "%s%s", !i ? "; " : i < n - 1 ? ", " : " and ",
			names[i]);
	return arena_printf(s->a, "%s %s", str_text(&out), n > 1 ? "do" :
		"does");
}

/* A directive the sketch has no use for at all; the others are the binding's
 * to judge. */
static bool honours_all(struct session *s, struct candidate *c,
	const struct schedule *schedule)
{
	for (int i = 0; schedule && i < schedule->n_directives; i++) {
		const struct sched_directive *d = &schedule->directives[i];

		if (sched_binds_alone(d->name) ||
		    sketch_honours(c->sketch, d->name))
			continue;
		c->at = d->at;
		c->refusal = REFUSED_DIRECTIVE;
		c->why = arena_printf(s->a, "it does not honour %s%s", d->name,
			who_honours(s, d->name));
		return false;
	}
	return true;
}

static struct space *bind_to(struct session *s, const struct job *j,
	struct candidate *c, const struct schedule *schedule)
{
	const struct tunable *tunables;
	const char **names;
	int64_t *values;
	int n;

	if (!honours_all(s, c, schedule))
		return NULL;
	c->refusal = REFUSED_VALUE;
	tunables = all_tunables(s, c, &n);
	size_values(s, j, &names, &values);
	return sched_bind(s->a, schedule, tunables, n, names, values,
		j->op->n_sizes, &c->why, &c->at);
}

static void remember_open(struct session *s, struct candidate *c)
{
	c->open = ARENA_ARRAY(s->a, (size_t)c->space->n_genes + 1, bool);
	for (int i = 0; i < c->space->n_genes; i++)
		c->open[i] = c->space->genes[i].n > 1;
}

static bool schedule_has(const struct schedule *s, const char *directive)
{
	for (int i = 0; s && i < s->n_directives; i++)
		if (!strcmp(s->directives[i].name, directive))
			return true;
	return false;
}

/* Does --set name the sketch, or a tunable of it by its own directive? */
static bool setting_asks(const struct session *s, const struct job *j,
	const struct candidate *c)
{
	for (int i = 0; i < s->o->settings.n; i++) {
		const struct setting *x = &s->o->settings.v[i];
		const char *name = setting_for(j, x->name);
		size_t n = strlen(c->sketch->asked_by);

		if (!name)
			continue;
		if (!strcmp(name, "sketch") &&
		    !strcmp(x->value, c->sketch->name))
			return true;
		if (!strncmp(name, c->sketch->asked_by, n) &&
		    has_tunable(c->space, name))
			return true;
	}
	return false;
}

/* A sketch that has to be asked for does not compete of its own; "named": the
 * lock asks for it. */
static bool is_asked(struct session *s, const struct job *j,
	struct candidate *c, bool named)
{
	if (!c->sketch->asked_by || named || plan_sketch(j, c->task.index) ||
	    schedule_has(c->task.schedule, c->sketch->asked_by) ||
	    setting_asks(s, j, c))
		return true;
	c->why = arena_printf(s->a, "it rounds more than sums in any order do, "
		"and serves where %s(...) or sketch = %s asks for it",
		c->sketch->asked_by, c->sketch->name);
	c->space = NULL;
	return false;
}

static void try_sketch(struct session *s, struct job *j, int group,
	const struct sketch *sketch, bool named, struct candidate *c)
{
	const char *asked = plan_sketch(j, group);

	*c = (struct candidate){ .sketch = sketch, .task = { .a = s->a,
		.op = j->op, .group = &j->partition->groups[group],
		.index = group, .n_groups = j->partition->n_groups,
		.target = j->place->target, .gpu = j->place->gpu,
		.file = j->file, .schedule = share_of(s, j, group) },
		.general = j->general, .rule = j->plans[j->plan].rule,
		.tasks = ARENA_NEW(s->a, struct general_tasks) };
	if (asked && strcmp(asked, sketch->name)) {
		c->why = arena_printf(s->a, "%s(...) asks for %s", j->file ?
			"variant" : "kernel", asked);
		return;
	}
	c->refusal = REFUSED_GROUP;
	if (!sketch->applies(&c->task, &c->why))
		return;
	c->why = NULL;
	share_bind(s, j, c, bind_to);
	if (!c->space || !is_asked(s, j, c, named))
		return;
	c->space->smem_max = j->place->target->smem_block;
	remember_open(s, c);
	if (!pin_settings(s, j, c))
		c->space = NULL;
}

static bool find_for_group(struct session *s, struct job *j, int group)
{
	const struct sketch *const *all = sketch_list();
	struct part *p = &j->parts[group];
	bool found = false;
	int n = 0;

	while (all[n])
		n++;
	p->candidates = ARENA_ARRAY(s->a, (size_t)n, struct candidate);
	for (int i = 0; i < n; i++)
		if (!all[i]->by_request || j->file)
			try_sketch(s, j, group, all[i], false,
				&p->candidates[p->n++]);
	share_within(s, j, p);
	for (int i = 0; i < p->n; i++)
		found |= p->candidates[i].space != NULL;
	refusals_explain(s, j, group);
	return found;
}

bool candidates_find(struct session *s, struct job *j)
{
	bool ok = true;

	j->parts = ARENA_ARRAY(s->a, (size_t)j->partition->n_groups,
		struct part);
	for (int g = 0; g < j->partition->n_groups; g++)
		ok &= find_for_group(s, j, g);
	return ok && share_among(s, j, false);
}

static bool serves(const struct part *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->candidates[i].space)
			return true;
	return false;
}

bool candidates_report(struct session *s, struct job *j)
{
	bool ok = true;

	for (int g = 0; g < j->partition->n_groups; g++)
		if (!serves(&j->parts[g])) {
			refusals_report(s, j, g);
			ok = false;
		}
	return ok ? share_among(s, j, true) : false;
}

/* ---- a candidate as a search problem ---- */

/* At the job's own sizes. */
static const char *is_legal_here(struct candidate *c, struct arena *a,
	const int *genes)
{
	int values[c->space->n_tunables + 1];
	const char *why;

	if (!space_tunables(a, c->space, genes, values, &why))
		return why;
	return c->sketch->legal(&c->task, a, values);
}

/* At all sizes that the job is for, given that it is at its own. */
static const char *is_legal_anywhere(struct candidate *c, struct arena *a,
	const int *genes)
{
	int values[c->space->n_tunables + 1];
	const char *why;

	if (!c->general)
		return NULL;
	space_tunables(a, c->space, genes, values, &why);
	return general_refuses(c, a, values);
}

static const char *is_legal(void *ctx, struct arena *a, const int *genes)
{
	struct candidate *c = ctx;
	const char *why = is_legal_here(c, a, genes);

	return why ? why : is_legal_anywhere(c, a, genes);
}

static double predicted(const struct candidate *c, struct arena *a,
	const int *genes)
{
	int values[c->space->n_tunables + 1];
	struct features f;
	const char *why;
	bool ok = space_tunables(a, c->space, genes, values, &why);

	assert(ok);
	(void)ok;
	c->sketch->features(&c->task, values, &f);
	return model_seconds(&f, c->task.gpu);
}

static void predict(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct candidate *c = ctx;

	for (int i = 0; i < n; i++)
		out[i] = (struct cost){ predicted(c, a, genes +
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

/* The sketch's own default, as near as the pins leave it. */
static void start_genes(const struct candidate *c, int *genes)
{
	const struct space *sp = c->space;
	int values[sp->n_tunables + 1];

	values[sp->n_tunables - 1] = 1;
	c->sketch->start(&c->task, values);
	for (int i = 0; i < sp->n_genes; i++)
		genes[i] = sp->genes[i].values[0];
	for (int i = 0; i < sp->n_tunables; i++)
		if (sp->follows[i] >= 0)
			genes[sp->follows[i]] = nearest_value(
				&sp->genes[sp->follows[i]], values[i]);
}

struct problem candidates_problem(struct session *s, struct candidate *c)
{
	enum { SEEDS_MAX = 16 };
	int n = c->space->n_genes, count = 0;
	int *seeds = ARENA_ARRAY(s->a, (size_t)n * SEEDS_MAX + 1, int);

	start_genes(c, seeds);
	for (count = 1; count < SEEDS_MAX && c->task.schedule &&
	     sched_seed(c->task.schedule, c->space, count - 1,
		     seeds + (ptrdiff_t)count * n); count++)
		;
	return (struct problem){ .space = c->space, .ctx = c,
		.legal = is_legal, .measure = predict, .seeds = seeds,
		.n_seeds = count };
}

/* ---- choosing without a search ---- */

/* A space without a legal point: the first sentence says why. */
static void no_point(struct candidate *c, const struct result *r)
{
	c->why = r->first[V_PRUNED] ? r->first[V_PRUNED] :
		"no point of its space is legal";
	c->refusal = REFUSED_POINTS;
	if (c->task.schedule)
		c->at = c->task.schedule->at;
	c->space = NULL;
}

/* From a legal point, the best value of one gene after the other by the model,
 * until a round changes nothing: some hundred predictions, a millisecond. */
static double descend(struct candidate *c, struct arena *tmp, int *genes)
{
	enum { ROUNDS = 3 };
	const struct space *sp = c->space;
	double best = predicted(c, tmp, genes);
	bool changed = true;

	for (int round = 0; round < ROUNDS && changed; round++) {
		changed = false;
		for (int i = 0; i < sp->n_genes; i++) {
			int keep = genes[i];

			for (int k = 0; k < sp->genes[i].n; k++) {
				double t;

				genes[i] = sp->genes[i].values[k];
				if (genes[i] == keep ||
				    is_legal_here(c, tmp, genes))
					continue;
				t = predicted(c, tmp, genes);
				if (t < best * 0.999 &&
				    !is_legal_anywhere(c, tmp, genes)) {
					best = t;
					keep = genes[i];
					changed = true;
				}
			}
			genes[i] = keep;
		}
		arena_reset(tmp);
	}
	return best;
}

/* "found" when there is a point, or enough was looked at: points come again in
 * a small space. */
struct finding {
	struct candidate *c;
	int looked;
	volatile int found;
};

static const char *find_legal(void *ctx, struct arena *a, const int *genes)
{
	enum { DEAR = 500, LOOKS = 500000 };
	struct finding *f = ctx;
	const char *why;

	f->found |= f->looked > LOOKS;
	if (f->found)
		return "not looked at";
	why = is_legal_here(f->c, a, genes);
	f->looked += why ? 1 : LOOKS / DEAR;
	return why ? why : is_legal_anywhere(f->c, a, genes);
}

static void predict_found(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct finding *f = ctx;

	f->found |= n > 0;
	predict(f->c, a, genes, n, out);
}

/* A legal point: the first seed that is, or the first that a search comes
 * upon. */
static int *some_point(struct session *s, struct candidate *c)
{
	struct problem p = candidates_problem(s, c);
	struct budget b = { .trials = c->general ? 200 : 16,
		.seed = s->o->seed, .effort = 1 };
	struct finding f = { .c = c };
	struct result *r;

	for (int i = 0; i < p.n_seeds; i++) {
		const int *seed = p.seeds + (ptrdiff_t)i * c->space->n_genes;

		if (!is_legal(c, s->a, seed))
			return (int *)seed;
	}
	if (c->general) {
		p.ctx = &f;
		p.legal = find_legal;
		p.measure = predict_found;
	}
	r = search_run(s->a, &p, strategy_named("random"), &b, &f.found, NULL,
		NULL);
	if (!r->genes)
		no_point(c, r);
	return r->genes;
}

int *candidates_default(struct session *s, struct candidate *c,
	double *seconds)
{
	struct arena *tmp = arena_create();
	int *genes = some_point(s, c);

	if (genes)
		*seconds = descend(c, tmp, genes);
	arena_destroy(tmp);
	return genes;
}

static bool choose_for_group(struct session *s, struct job *j, int group)
{
	struct part *p = &j->parts[group];

	for (int i = 0; i < p->n; i++) {
		struct candidate *c = &p->candidates[i];
		double seconds = INFINITY;
		int *genes = c->space ? candidates_default(s, c, &seconds) :
			NULL;

		if (genes && (!p->choice.candidate ||
		    seconds < p->choice.seconds))
			p->choice = (struct choice){ c, genes, seconds, "model",
				"none" };
	}
	return p->choice.candidate;
}

bool candidates_choose(struct session *s, struct job *j)
{
	bool ok = true;

	for (int g = 0; g < j->partition->n_groups; g++)
		ok &= choose_for_group(s, j, g);
	return ok;
}

/* ---- the lock ---- */

/* The genes that an entry's lines give; "*why" where they do not fit. */
static bool entry_genes(struct session *s, const struct job *j, int group,
	const struct lock_entry *e, struct choice *out, const char **why)
{
	const struct sketch *sketch = sketch_named(e->sketch);
	struct candidate *c = ARENA_NEW(s->a, struct candidate);

	if (!sketch) {
		*why = arena_printf(s->a, "there is no sketch '%s'", e->sketch);
		return false;
	}
	try_sketch(s, (struct job *)j, group, sketch, true, c);
	for (int i = 0; i < e->n && c->space && !c->why; i++)
		c->why = space_pin(s->a, c->space, e->names[i], e->values[i]);
	if (c->why) {
		*why = c->why;
		return false;
	}
	*out = (struct choice){ c, ARENA_ARRAY(s->a,
		(size_t)c->space->n_genes + 1, int), e->seconds, e->measured,
		e->verified };
	for (int i = 0; i < c->space->n_genes; i++) {
		out->genes[i] = c->space->genes[i].values[0];
		if (c->space->genes[i].n > 1)
			*why = arena_printf(s->a, "it leaves '%s' open",
				c->space->genes[i].name);
	}
	if (!*why)
		*why = is_legal(c, s->a, out->genes);
	return !*why;
}

/* An entry without a kernel is from before there were plans to choose from. */
static bool same_kernel(struct session *s, const struct job *j, int group,
	const struct lock_entry *e)
{
	return e->kernel ? !strcmp(e->kernel, plan_kernel(s->a, j->op,
		&j->partition->groups[group], ",")) : j->plan == 0;
}

/* Do the lock's entries speak of the plan in use? */
static bool lock_has_plan(struct session *s, const struct job *j)
{
	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct lock_entry *e = lock_find(s->lock, j->hash,
			j->place->target->name, j->place->named, g);

		if (!e || !same_kernel(s, j, g, e))
			return false;
	}
	return true;
}

static bool plan_from_lock(struct session *s, struct job *j, const char **why)
{
	struct part *parts = ARENA_ARRAY(s->a,
		(size_t)j->partition->n_groups, struct part);

	for (int g = 0; g < j->partition->n_groups; g++)
		if (!entry_genes(s, j, g, lock_find(s->lock, j->hash,
		    j->place->target->name, j->place->named, g),
		    &parts[g].choice, why))
			return false;
	j->plans[j->plan].parts = j->parts = parts;
	return true;
}

bool candidates_from_lock(struct session *s, struct job *j, const char **why)
{
	*why = NULL;
	for (int i = 0; i < j->n_plans; i++) {
		plan_use(j, i);
		if (lock_has_plan(s, j))
			return plan_from_lock(s, j, why);
	}
	if (lock_find(s->lock, j->hash, j->place->target->name,
	    j->place->named, 0))
		*why = "it is of other kernels";
	return false;
}

/* ---- programs ---- */

void candidates_values(const struct choice *c, struct arena *a, int *values)
{
	const char *why;
	bool ok = space_tunables(a, c->candidate->space, c->genes, values, &why);

	assert(ok);
	(void)ok;
}

const struct ir_operator *candidates_arithmetic(struct arena *a,
	const struct job *j)
{
	struct ir_operator *o = NULL;

	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct candidate *c = j->parts[g].choice.candidate;
		int values[c->space->n_tunables + 1];

		if (!c->sketch->arithmetic)
			continue;
		candidates_values(&j->parts[g].choice, a, values);
		o = o ? o : ir_copy(a, j->op);
		c->sketch->arithmetic(&c->task, a, values, o);
	}
	return o;
}

const char *candidates_schedule(struct arena *a, const struct job *j)
{
	struct str out;

	str_init(&out, a);
	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct choice *c = &j->parts[g].choice;

		str_printf(&out, "kernel(%s, sketch = %s);\n", plan_kernel(a,
			j->op, &j->partition->groups[g], ", "),
			c->candidate->sketch->name);
		sched_print_point(c->candidate->space, c->genes, &out);
	}
	return str_text(&out);
}

/* The program of a job of one shape. */
static struct program *fixed_program(struct arena *a, const struct job *j)
{
	struct program *p;
	int *map;

	p = program_of(a, j->op, j->partition, &map);
	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct choice *c = &j->parts[g].choice;
		int values[c->candidate->space->n_tunables + 1];

		candidates_values(c, a, values);
		c->candidate->sketch->build(&c->candidate->task, a, values, p);
	}
	program_layout(p);
	for (int i = 0; i < j->n_sizes; i++) {
		struct k_var *v = ARENA_NEW(a, struct k_var);

		*v = (struct k_var){ j->sizes[i].name, T_I64, false };
		vec_push(a, &p->sizes, (struct p_size){ j->sizes[i].name, v,
			j->sizes[i].value });
	}
	return p;
}

struct program *candidates_program(struct session *s, struct arena *a,
	const struct job *j)
{
	struct program *p = j->general ? general_program(s, a, j) :
		fixed_program(a, j);
	const char *why;

	if (!p)
		return NULL;
	p->launcher = j->launcher;
	p->schedule = candidates_schedule(a, j);
	why = program_verify(a, p, j->place->target);
	if (why)
		session_fail(s, EXIT_INTERNAL, "the program of '%s': %s",
			j->name, why);
	return why ? NULL : p;
}
