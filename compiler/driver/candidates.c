/* SPDX-License-Identifier: MIT */
/* Candidates: every sketch for every group of a job, bound to what the
 * schedule and --set pin. */
#include "driver/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/general.h"

/* ---- sketches that serve ---- */

/* Is the text from "at" to "colon" "name", or "name.GROUP"? "*group" is -1
 * where it names none. */
static bool is_addressed(const char *at, const char *colon, const char *name,
	int *group)
{
	size_t n = strlen(name), digits;

	*group = -1;
	if (strncmp(at, name, n))
		return false;
	if (at + n == colon)
		return true;
	digits = at[n] == '.' ? strspn(at + n + 1, "0123456789") : 0;
	if (!digits || digits > 6 || at + n + 1 + digits != colon)
		return false;
	*group = atoi(at + n + 1);
	return true;
}

/* Is that the job, or one of those that it stands for? */
static bool is_for(const struct job *j, const char *name, const char *colon,
	int *group)
{
	return is_addressed(name, colon, j->name, group) ||
		(j->family && is_addressed(name, colon, j->family, group));
}

/* "OP:NAME" is for one operator, "OP.GROUP:NAME" for one of its groups, "NAME"
 * for all. */
static const char *setting_for(const struct job *j, int group,
	const char *name)
{
	const char *colon = strchr(name, ':');
	int only;

	if (!colon)
		return name;
	if (!is_for(j, name, colon, &only))
		return NULL;
	return only < 0 || only == group ? colon + 1 : NULL;
}

/* Does the setting name a group that a partition into fewer does not have? */
static bool lacks_group(const struct job *j, const char *name)
{
	const char *colon = strchr(name, ':');
	int only;

	return colon && is_for(j, name, colon, &only) &&
		only >= j->partition->n_groups;
}

/* "acc+y": is the group of other statements? */
static bool is_other_kernel(struct session *s, const struct job *j,
	const struct candidate *c, const char *kernel)
{
	return strcmp(kernel, plan_kernel(s->a, j->op, c->task.group, "+"));
}

const char *candidates_setting(const struct job *j, const char *name)
{
	return setting_for(j, -1, name);
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
		const char *name = setting_for(j, c->task.index, x->name);

		if (lacks_group(j, x->name))
			c->why = arena_printf(s->a, "--set %s: there are only "
				"%d kernels", x->name, j->partition->n_groups);
		if (!name || !strcmp(name, "plan"))
			continue;
		if (!strcmp(name, "kernel")) {
			if (!is_other_kernel(s, j, c, x->value))
				continue;
			c->refusal = REFUSED_OTHER;
			c->why = "--set kernel asks for other statements";
		} else if (!strcmp(name, "sketch")) {
			if (!strcmp(x->value, c->sketch->name))
				continue;
			c->refusal = REFUSED_OTHER;
			c->why = "--set sketch asks for another";
		} else if (!strcmp(name, "variant") &&
			   !has_tunable(c->space, name)) {
			c->why = arena_printf(s->a, "no tune block for %s "
				"names '%s' as a variant",
				j->place->target->name, x->value);
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

/* The sketch's tunables, those of what the group packs and, where it holds of the
 * sketch, deterministic(). */
static const struct tunable *all_tunables(struct session *s,
	const struct candidate *c, int *n)
{
	static const int on[] = { 1 };
	const struct tunable *own = c->sketch->tunables(&c->task, n);
	struct tunable *v = ARENA_ARRAY(s->a, (size_t)*n + 1 +
		2 * (size_t)c->task.group->n_stmts, struct tunable);

	memcpy(v, own, (size_t)*n * sizeof *v);
	*n += packing_tunables(s->a, &c->task, v + *n);
	if (c->sketch->deterministic)
		v[(*n)++] = (struct tunable){ .name = "deterministic",
			.directive = "deterministic", .values = on, .n = 1 };
	return v;
}

bool candidate_honours(const struct candidate *c, const char *directive)
{
	return sketch_honours(c->sketch, directive) ||
		(!strcmp(directive, "in_place") && !c->task.in_place);
}

/* A directive the sketch has no use for at all; the others are the binding's
 * to judge. */
static bool honours_all(struct session *s, struct candidate *c,
	const struct schedule *schedule)
{
	for (int i = 0; schedule && i < schedule->n_directives; i++) {
		const struct sched_directive *d = &schedule->directives[i];

		if (packing_honours(&c->task, d) ||
		    candidate_honours(c, d->name))
			continue;
		c->at = d->at;
		c->refusal = REFUSED_DIRECTIVE;
		c->why = arena_printf(s->a, "it does not honour %s: %s", d->name,
			sketch_refuses(c->sketch, d->name));
		return false;
	}
	return true;
}

static bool schedule_has(const struct schedule *s, const char *directive)
{
	for (int i = 0; s && i < s->n_directives; i++)
		if (!strcmp(s->directives[i].name, directive))
			return true;
	return false;
}

/* Of a schedule that allows it, what is for such a sketch. */
static const struct schedule *own_part(struct session *s, struct candidate *c,
	const struct schedule *all)
{
	struct schedule *own = ARENA_NEW(s->a, struct schedule);

	if (!c->sketch->unpriced || !schedule_has(all, c->sketch->asked_by))
		return all;
	*own = *all;
	own->n_params = own->n_requires = own->n_directives = 0;
	own->directives = ARENA_ARRAY(s->a, (size_t)all->n_directives + 1,
		struct sched_directive);
	for (int i = 0; i < all->n_directives; i++) {
		const char *name = all->directives[i].name;

		if (strcmp(name, "seed") && (sched_binds_alone(name) ||
		    sketch_honours(c->sketch, name)))
			own->directives[own->n_directives++] =
				all->directives[i];
	}
	return own;
}

static struct space *bind_to(struct session *s, const struct job *j,
	struct candidate *c, const struct schedule *schedule)
{
	const struct tunable *tunables;
	const char **names;
	int64_t *values;
	int n;

	schedule = own_part(s, c, schedule);

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

/* Is the tunable one of this directive? */
static bool is_of(const struct candidate *c, const char *name,
	const char *directive)
{
	int n;
	const struct tunable *v = c->sketch->tunables(&c->task, &n);

	for (int i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return !strcmp(v[i].directive, directive);
	return false;
}

/* Does --set name the sketch, or a tunable of it by its own directive? */
static bool setting_asks(const struct session *s, const struct job *j,
	const struct candidate *c)
{
	for (int i = 0; i < s->o->settings.n; i++) {
		const struct setting *x = &s->o->settings.v[i];
		const char *name = setting_for(j, c->task.index, x->name);

		if (!name)
			continue;
		if (!strcmp(name, "sketch") &&
		    !strcmp(x->value, c->sketch->name))
			return true;
		if (is_of(c, name, c->sketch->asked_by))
			return true;
	}
	return false;
}

static bool drop(struct candidate *c, const char *why)
{
	c->why = why;
	c->space = NULL;
	if (c->sketch->unpriced)
		c->refusal = REFUSED_OTHER;
	return false;
}

/* A sketch that has to be asked for does not compete of its own; "named": the
 * lock asks for it. One that no model prices is none of those that came near,
 * unless somebody asks. */
static bool is_asked(struct session *s, const struct job *j,
	struct candidate *c, bool named)
{
	const struct sketch *k = c->sketch;

	if (!k->asked_by || named || plan_sketch(j, c->task.index) ||
	    setting_asks(s, j, c))
		return true;
	if (!schedule_has(c->task.schedule, k->asked_by))
		return drop(c, arena_printf(s->a, "it %s, and serves where "
			"%s(...) or sketch = %s asks for it", k->asked_why,
			k->asked_by, k->name));
	c->unpriced = k->unpriced;
	c->margin = k->unpriced ? sched_margin(c->task.schedule) : 1;
	if (!k->unpriced || !strcmp(s->how, "gpu"))
		return true;
	return drop(c, arena_printf(s->a, "what it takes is not known where no "
		"GPU is measured (--measure=gpu); sketch = %s asks for it all "
		"the same", k->name));
}

/* The one sketch that mma(..., kind = NAME) names. */
static const struct sched_arg *kind_of(const struct schedule *s)
{
	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_directive *d = &s->directives[i];
		const struct sched_arg *kind = strcmp(d->name, "mma") ? NULL :
			sched_keyed(d, "kind");

		if (kind && kind->value.n == 1)
			return kind;
	}
	return NULL;
}

/* Is it one of tensor cores, and the schedule wants another's instructions? */
static bool is_other_kind(struct session *s, struct candidate *c)
{
	const struct sched_arg *kind = kind_of(c->task.schedule);
	const char *name = kind ? kind->value.choices[0]->name : NULL;

	if (!name || !sketch_named(name) || !strcmp(name, c->sketch->name) ||
	    c->sketch->kinds || !sketch_honours(c->sketch, "mma"))
		return false;
	c->why = arena_printf(s->a, "kind = %s asks for other instructions",
		name);
	c->at = kind->at;
	return true;
}

/* Does the group both read and write where in_place() says? Of a file nobody
 * knows what it reads. */
static bool is_in_place(const struct job *j, int group)
{
	bool is = !j->file && ir_in_place_within(j->op,
		&j->partition->groups[group]);

	for (int i = 0; j->file && i < j->op->n_tensors; i++)
		is |= j->op->tensors[i].over != NULL;
	return is;
}

void candidates_try(struct session *s, const struct job *j, int group,
	const struct sketch *sketch, bool named, struct candidate *c)
{
	const char *asked = plan_sketch(j, group), *lacks;

	*c = (struct candidate){ .sketch = sketch, .margin = 1, .task = { .a = s->a,
		.op = j->op, .group = &j->partition->groups[group],
		.index = group, .n_groups = j->partition->n_groups,
		.target = j->place->target, .gpu = slice_gpu(s->a,
			j->place->gpu, j->share),
		.in_place = is_in_place(j, group),
		.file = j->file, .schedule = share_of(s, j, group) },
		.general = j->general, .partition = j->partition,
		.cut = j->plans[j->plan].which,
		.tasks = ARENA_NEW(s->a, struct general_tasks) };
	if (asked && strcmp(asked, sketch->name)) {
		c->why = arena_printf(s->a, "kernel(...) asks for %s", asked);
		c->at = j->schedule->directives[j->plans[j->plan].heads[
			group]].at;
		return;
	}
	if (is_other_kind(s, c))
		return;
	c->refusal = REFUSED_GROUP;
	lacks = sketch->by_request ? NULL : sketch_lacks(j->op, c->task.group);
	if (lacks)
		c->why = arena_printf(s->a, "no kernel of this version computes "
			"with %s", lacks);
	if (lacks || !sketch->applies(&c->task, &c->why))
		return;
	c->why = NULL;
	if (sketch->unpriced && !is_asked(s, j, c, named))
		return;
	share_bind(s, j, c, bind_to);
	if (!c->space || (!sketch->unpriced && !is_asked(s, j, c, named)) ||
	    !packing_keep(s, c))
		return;
	c->space->smem_max = j->place->target->smem_block;
	remember_open(s, c);
	if (!pin_settings(s, j, c) || !packing_keep(s, c))
		c->space = NULL;
}

/* Whatever is left open of the candidate, which has a space. */
static double least_of(const struct candidate *c)
{
	struct features f = { .launches = 1 };

	if (c->sketch->least)
		c->sketch->least(&c->task, &f);
	return model_least(&f, c->task.gpu);
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
		if (all[i]->by_request == (j->file != NULL))
			candidates_try(s, j, group, all[i], false,
				&p->candidates[p->n++]);
	share_within(s, j, p);
	for (int i = 0; i < p->n; i++) {
		struct candidate *c = &p->candidates[i];

		found |= c->space != NULL;
		c->least = c->space ? least_of(c) : INFINITY;
	}
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

bool candidates_serve(const struct part *p)
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
		if (!candidates_serve(&j->parts[g])) {
			refusals_report(s, j, g);
			ok = false;
		}
	return ok ? share_among(s, j, true) : false;
}
