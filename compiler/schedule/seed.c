/* SPDX-License-Identifier: MIT */
/* Seeds. In: a schedule's seed(name = value, ...) directives and the space
 * they were written for. Out: points of it. A seed that names what the space
 * has not, or a value that the schedule itself excludes, is refused when
 * binding, so that none is dropped silently. */
#include <string.h>

#include "schedule/private.h"

/* The gene that "name", a gene's or tunable's, sets; -1 if there is none, with
 * "*tunable" the tunable of that name or -1. */
static int seeded_gene(const struct space *sp, const char *name, int *tunable)
{
	*tunable = -1;
	for (int i = 0; i < sp->n_genes; i++)
		if (!strcmp(sp->genes[i].name, name))
			return i;
	for (int i = 0; i < sp->n_tunables; i++)
		if (!strcmp(sp->tunables[i].name, name)) {
			*tunable = i;
			return sp->follows[i];
		}
	return -1;
}

static bool has_value(const struct gene *g, int v)
{
	for (int i = 0; i < g->n; i++)
		if (g->values[i] == v)
			return true;
	return false;
}

static const char *values_of(struct binding *b, const struct gene *g)
{
	struct str out;

	str_init(&out, b->a);
	for (int i = 0; i < g->n; i++) {
		str_puts(&out, i ? ", " : "");
		space_print_value(g->words, g->values[i], &out);
	}
	return str_text(&out);
}

static bool bind_seed(struct binding *b, const struct sched_arg *arg)
{
	const struct gene *g;
	int i, t, v;

	if (!arg->key || arg->value.n != 1)
		return bind_fail(b, arg->at,
			"seed takes one value a name: seed(name = value)");
	i = seeded_gene(b->sp, arg->key, &t);
	if (i < 0 && t >= 0)
		return bind_fail(b, arg->at, "seed sets %s, which is computed",
			arg->key);
	if (i < 0)
		return bind_fail(b, arg->at, "seed names %s, which no tunable is",
			arg->key);
	g = &b->sp->genes[i];
	if (!bind_choice(b, arg->value.choices[0], g->words, arg->key, arg->at,
	    &v))
		return false;
	return has_value(g, v) || bind_fail(b, arg->at,
		"seed gives %s a value that is not among its: %s", arg->key,
		values_of(b, g));
}

bool bind_seeds(struct binding *b)
{
	for (int i = 0; b->s && i < b->s->n_directives; i++) {
		const struct sched_directive *d = &b->s->directives[i];

		if (strcmp(d->name, "seed"))
			continue;
		for (int k = 0; k < d->n_args; k++)
			if (!bind_seed(b, &d->args[k]))
				return false;
	}
	return true;
}

static const struct sched_directive *nth_seed(const struct schedule *s,
	int which)
{
	for (int i = 0; s && i < s->n_directives; i++)
		if (!strcmp(s->directives[i].name, "seed") && !which--)
			return &s->directives[i];
	return NULL;
}

/* A gene pinned since binding keeps its value. */
static void set(const struct space *sp, const struct sched_arg *arg, int *genes)
{
	struct binding b = { .sp = (struct space *)sp };
	int t, i = seeded_gene(sp, arg->key, &t), v;

	if (bind_choice(&b, arg->value.choices[0], sp->genes[i].words, arg->key,
	    arg->at, &v) && has_value(&sp->genes[i], v))
		genes[i] = v;
}

bool sched_seed(const struct schedule *s, const struct space *sp, int which,
	int *genes)
{
	const struct sched_directive *d = nth_seed(s, which);

	if (!d)
		return false;
	for (int k = 0; k < d->n_args; k++)
		set(sp, &d->args[k], genes);
	return true;
}
