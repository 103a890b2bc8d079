/* SPDX-License-Identifier: MIT */
/* Choices: one point for each group of a job, without a search. From the model,
 * or from the lock; and what they make: the schedule as text, the program. */
#include "driver/session.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "driver/directives.h"
#include "driver/general.h"

/* ---- by the model ---- */

/* What the model prices; "unpriced": or else what it does not. In brief only of what
 * may take less than "bar". */
static void choose_of(struct session *s, struct part *p, bool unpriced,
	double bar)
{
	for (int i = 0; i < p->n; i++) {
		struct candidate *c = &p->candidates[i];
		double seconds = INFINITY;
		int *genes;

		if (!c->space || c->unpriced != unpriced ||
		    (s->brief && c->least >= bar))
			continue;
		genes = problem_default(s, c, &seconds);
		if (!genes || (p->choice.candidate &&
		    seconds >= p->choice.seconds))
			continue;
		p->choice = (struct choice){ c, genes, seconds, "model", "none",
			NULL };
		bar = fmin(bar, seconds);
	}
}

/* Is there what the model prices, as far as anybody looked? */
static bool is_priced(const struct part *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->candidates[i].space && !p->candidates[i].unpriced)
			return true;
	return false;
}

static bool choose_for_group(struct session *s, struct part *p, double bar)
{
	struct choice *taken = &p->choice;

	choose_of(s, p, false, bar);
	if (!is_priced(p))
		choose_of(s, p, true, bar);
	else if (taken->candidate && !taken->candidate->general)
		problem_look_around(s, &p->candidates[taken->candidate -
			p->candidates], taken->genes, &taken->seconds);
	return taken->candidate;
}

/* Seconds that the group takes: if nothing is chosen, at the least. */
static double part_seconds(const struct part *p)
{
	double least = INFINITY;

	for (int i = 0; i < p->n; i++)
		least = fmin(least, p->candidates[i].least);
	return p->choice.candidate ? p->choice.seconds : least;
}

static double job_seconds(const struct job *j)
{
	double sum = 0;

	for (int g = 0; g < j->partition->n_groups; g++)
		sum += plan_prepares(j, g) ? 0 : part_seconds(&j->parts[g]);
	return sum;
}

/* Of the groups that are not done the one that may take least: it is the quickest to be
 * known, and then others have to come lower. -1: all are. */
static int next_group(const struct job *j, const bool *done)
{
	int next = -1;

	for (int g = 0; g < j->partition->n_groups; g++)
		if (!done[g] && (next < 0 || part_seconds(&j->parts[g]) <
		    part_seconds(&j->parts[next])))
			next = g;
	return next;
}

bool choices_make(struct session *s, struct job *j, double bar)
{
	bool *done = ARENA_ARRAY(s->a, (size_t)j->partition->n_groups, bool);
	bool ok = true;

	for (int g; (g = next_group(j, done)) >= 0; done[g] = true) {
		struct part *p = &j->parts[g];
		double all = job_seconds(j);

		if (s->brief && all >= bar)
			return false;
		ok &= choose_for_group(s, p, plan_prepares(j, g) ? INFINITY :
			bar - all + part_seconds(p));
	}
	return ok;
}

/* ---- the lock ---- */

/* problem_refuses(), which is lavish, with nothing but its sentence in "a". */
static const char *refused(struct arena *a, struct candidate *c,
	const int *genes)
{
	struct arena *tmp = arena_create();
	const char *why = problem_refuses(c, tmp, genes);

	why = why ? arena_strdup(a, why) : NULL;
	arena_destroy(tmp);
	return why;
}

/* NULL, or why it is none of the sketch's algorithms. */
static const char *take_pinned(const struct candidate *c, const char *text,
	const char **out)
{
	json_t *v = json_loads(text, 0, NULL);
	bool object = json_is_object(v);

	json_decref(v);
	*out = text;
	return !c->sketch->unpriced ? "only a library's algorithm is pinned" :
		object ? NULL : "what is pinned is no JSON object";
}

static bool is_newer(const struct sketch *s, const struct tunable *x)
{
	return s->newer && ((x->key && !strcmp(x->key, s->newer)) ||
		(x->subjects && x->subjects[0] &&
		!strcmp(x->subjects[0], s->newer)));
}

bool choices_newer(const struct candidate *c, int gene)
{
	const struct space *s = c->space;

	for (int i = 0; i < s->n_tunables; i++)
		if (s->follows[i] == gene && is_newer(c->sketch,
		    &s->tunables[i]))
			return s->genes[gene].values == s->tunables[i].values;
	return false;
}

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
	*out = (struct choice){ .pinned = NULL };
	candidates_try(s, j, group, sketch, true, c);
	for (int i = 0; i < e->n && c->space && !c->why; i++)
		if (!strcmp(e->names[i], LOCK_PINNED))
			c->why = take_pinned(c, e->values[i], &out->pinned);
		else
			c->why = space_pin(s->a, c->space, e->names[i],
				e->values[i]);
	if (c->why) {
		*why = c->why;
		return false;
	}
	*out = (struct choice){ c, ARENA_ARRAY(s->a,
		(size_t)c->space->n_genes + 1, int), e->seconds, e->measured,
		e->verified, out->pinned };
	for (int i = 0; i < c->space->n_genes; i++) {
		out->genes[i] = c->space->genes[i].values[0];
		if (c->space->genes[i].n > 1 && !choices_newer(c, i))
			*why = arena_printf(s->a, "it leaves '%s' open",
				c->space->genes[i].name);
	}
	if (!*why)
		*why = refused(s->a, c, out->genes);
	return !*why;
}

/* An entry without a kernel is from before there were plans to choose from. */
static bool same_kernel(struct session *s, const struct job *j, int group,
	const struct lock_entry *e)
{
	return e->kernel ? !strcmp(e->kernel, plan_kernel(s->a, j->op,
		&j->partition->groups[group], ",")) : j->plan == 0;
}

static const struct lock_entry *entry_of(const struct session *s,
	const struct job *j, int group)
{
	return lock_find(s->lock, j->hash, j->place->target->name,
		j->place->named, j->share, group);
}

/* Do the lock's entries speak of the plan in use? */
static bool lock_has_plan(struct session *s, const struct job *j)
{
	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct lock_entry *e = entry_of(s, j, g);

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
		if (!entry_genes(s, j, g, entry_of(s, j, g), &parts[g].choice,
		    why))
			return false;
	j->plans[j->plan].parts = j->parts = parts;
	return true;
}

bool choices_from_lock(struct session *s, struct job *j, const char **why)
{
	*why = NULL;
	for (int i = 0; i < j->n_plans; i++) {
		plan_use(j, i);
		if (lock_has_plan(s, j))
			return plan_from_lock(s, j, why);
	}
	if (entry_of(s, j, 0))
		*why = "it is of other kernels";
	return false;
}

/* ---- programs ---- */

void choices_values(const struct choice *c, struct arena *a, int *values)
{
	const char *why;
	bool ok = space_tunables(a, c->candidate->space, c->genes, values, &why);

	assert(ok);
	(void)ok;
}

const struct ir_operator *choices_arithmetic(struct arena *a,
	const struct job *j)
{
	struct ir_operator *o = ir_copy(a, j->op);
	bool other = false;

	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct candidate *c = j->parts[g].choice.candidate;
		int values[c->space->n_tunables + 1];

		if (!c->sketch->arithmetic)
			continue;
		choices_values(&j->parts[g].choice, a, values);
		other |= c->sketch->arithmetic(&c->task, a, values, o);
	}
	return other ? o : NULL;
}

const char *choices_schedule(struct arena *a, const struct job *j)
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

/* Calls of steps from "from" on are exactly the pinned one. */
static void pin_calls(struct arena *a, struct program *p, int from,
	const char *pinned)
{
	for (int i = from; pinned && i < p->steps.n; i++) {
		struct p_step *s = &p->steps.v[i];
		struct p_call *c;

		if (s->kind != P_LIBRARY)
			continue;
		c = ARENA_NEW(a, struct p_call);
		*c = *s->call;
		c->pinned = pinned;
		s->call = c;
	}
}

void choices_mark(struct program *p, int group, int steps, int prepare)
{
	for (int i = steps; i < p->steps.n; i++)
		p->steps.v[i].group = group;
	for (int i = prepare; i < p->prepare.n; i++)
		p->prepare.v[i].group = group;
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
		int steps = p->steps.n, prepare = p->prepare.n;

		choices_values(c, a, values);
		program_build(c->candidate->sketch, &c->candidate->task, a,
			values, p);
		choices_mark(p, g, steps, prepare);
		pin_calls(a, p, steps, c->pinned);
	}
	program_layout(p);
	for (int i = 0; i < j->n_sizes; i++) {
		struct k_var *v = ARENA_NEW(a, struct k_var);

		*v = (struct k_var){ .name = j->sizes[i].name,
			.type = T_I64 };
		vec_push(a, &p->sizes, (struct p_size){ j->sizes[i].name, v,
			j->sizes[i].value });
	}
	return p;
}

struct program *choices_try(struct session *s, struct arena *a,
	const struct job *j, const char **why)
{
	struct program *p = j->general ? general_program(s, a, j) :
		fixed_program(a, j);

	*why = "the general program cannot be made";
	if (!p)
		return NULL;
	p->launcher = j->launcher;
	p->schedule = choices_schedule(a, j);
	if (overlap_on(j->place->target))
		program_overlap(a, p, j->overlap);
	*why = program_in_place(a, p);
	program_hoist(a, p);
	if (!*why)
		*why = program_verify(a, p, j->place->target);
	return p;
}

struct program *choices_program(struct session *s, struct arena *a,
	const struct job *j)
{
	const char *why;
	struct program *p = choices_try(s, a, j, &why);

	if (p && why)
		session_fail(s, EXIT_INTERNAL, "the program of '%s': %s",
			j->name, why);
	return why ? NULL : p;
}
