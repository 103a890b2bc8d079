/* SPDX-License-Identifier: MIT */
/* fallback(LIBRARY, ..., margin = X, algorithm = N): what it allows, and whether
 * its numbers make sense. An algorithm may have a name. */
#include <stdlib.h>
#include <string.h>

#include "schedule/schedule.h"

static bool is_fallback(const struct sched_directive *d)
{
	return !strcmp(d->name, "fallback");
}

/* A number, with a point or without. */
static bool number(const struct sched_arg *arg, double *v)
{
	const struct sched_expr *e = arg->value.n == 1 ?
		arg->value.choices[0] : NULL;
	char *end = NULL;

	if (e && e->kind == SX_INT)
		*v = (double)e->i;
	else if (e && e->kind == SX_STRING && e->i)
		*v = strtod(e->name, &end);
	return e && (e->kind == SX_INT || (end && !*end));
}

/* An algorithm's name, or NULL. */
static const char *algorithm_name(const struct sched_arg *arg)
{
	const struct sched_expr *e = arg->value.n == 1 ?
		arg->value.choices[0] : NULL;

	return e && e->kind == SX_NAME && !strncmp(e->name, "legacy_",
		strlen("legacy_")) ? e->name : NULL;
}

static bool names(const struct sched_arg *arg, const char *library)
{
	for (int i = 0; !arg->key && i < arg->value.n; i++) {
		const char *name = arg->value.choices[i]->name;

		if (name && (!strcmp(name, library) ||
		    !strcmp(name, "library")))
			return true;
	}
	return false;
}

static bool any_names(const struct sched_directive *d, const char *library)
{
	for (int k = 0; k < d->n_args; k++)
		if (names(&d->args[k], library))
			return true;
	return false;
}

const char *sched_fallback_wrong(const struct sched_directive *d,
	struct span *at)
{
	const struct sched_arg *margin = sched_keyed(d, "margin");
	const struct sched_arg *algorithm = sched_keyed(d, "algorithm");
	double v = 0;

	*at = margin ? margin->value.at : d->at;
	if (margin && (!number(margin, &v) || v < 1 || v > 100))
		return "a margin is a number from 1 to 100: the library is taken "
			"where others take so many times as long";
	*at = algorithm ? algorithm->value.at : d->at;
	if (algorithm && !algorithm_name(algorithm) && (!number(algorithm, &v) ||
	    v != (int)v || v < 0 || v > SCHED_ALGORITHMS))
		return "an algorithm is a whole number from 0 to 9999, or a name";
	if (algorithm && algorithm_name(algorithm) && !any_names(d, "cudnn"))
		return "algorithms with names are cuDNN's, which is not allowed "
			"here";
	return NULL;
}

double sched_margin(const struct schedule *s)
{
	double margin = 1;

	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_arg *arg = is_fallback(&s->directives[i]) ?
			sched_keyed(&s->directives[i], "margin") : NULL;

		if (arg)
			number(arg, &margin);
	}
	return margin;
}

bool sched_allows(const struct schedule *s, const char *library)
{
	bool said = false;

	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_directive *d = &s->directives[i];

		if (is_fallback(d) && any_names(d, library))
			return true;
		said |= is_fallback(d);
	}
	return !said;
}

int sched_algorithm(const struct schedule *s)
{
	double found = -1;

	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_arg *arg = is_fallback(&s->directives[i]) ?
			sched_keyed(&s->directives[i], "algorithm") : NULL;

		if (arg)
			number(arg, &found);
	}
	return (int)found;
}

const char *sched_algorithm_name(const struct schedule *s)
{
	const char *found = NULL;

	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_arg *arg = is_fallback(&s->directives[i]) ?
			sched_keyed(&s->directives[i], "algorithm") : NULL;

		found = arg ? algorithm_name(arg) : found;
	}
	return found;
}
