/* SPDX-License-Identifier: MIT */
/* From a checked file to jobs: which operators, and at which shapes. */
#include "driver/jobs.h"

#include <string.h>

#include "driver/shapes.h"

static bool push_job(struct session *s, job_list *jobs, bool ok,
	const struct job *j)
{
	if (ok)
		vec_push(s->a, jobs, *j);
	return ok;
}

/* A kernel for one shape, or where that leaves sizes open, for all of these. */
static bool add_shape(struct session *s, struct making m, bool partial,
	job_list *jobs)
{
	struct directives_shape own = shapes_own(s->a, m.it, m.shape);
	int open = 0;
	struct job j;

	while (m.it->open[open])
		open++;
	if (partial != (own.n < open) || !own.n)
		return true;
	m.name = shapes_name(s->a, m.launcher, &own);
	if (partial) {
		m.shape = &own;
		m.when = shapes_text(s->a, &own);
	}
	return push_job(s, jobs, partial ? job_make_general(s, &m, &j) :
		job_make(s, &m, &j), &j);
}

/* Is "e" about a size that has another value? */
static bool never_holds(struct session *s, struct making m,
	const struct ast_expr *e)
{
	struct lower_also also = { e, false };
	const struct lower_open *o;

	if (e->kind == AST_AND)
		return never_holds(s, m, e->args[0]) ||
			never_holds(s, m, e->args[1]);
	m.also = &also;
	m.n_also = 1;
	o = lower_open(s->a, job_open_request(s, &m), s->d);
	return !o || o->never;
}

void jobs_add_scheduled(struct session *s, const struct making *m,
	struct directives_tune *tune)
{
	ast_item_list blocks = directives_guarded(s->a, s->unit, m->it->item,
		m->place->target);
	struct directives_shape *v = ARENA_ARRAY(s->a, (size_t)tune->n_shapes +
		(size_t)blocks.n + 1, struct directives_shape);
	int n = tune->n_shapes;

	for (int i = 0; i < n; i++)
		v[i] = tune->shapes[i];
	for (int i = 0; i < blocks.n; i++) {
		struct directives_shape x = { .at = blocks.v[i]->expr->at };
		bool known = !shapes_of_guard(s->a, blocks.v[i]->expr, &x) ||
			never_holds(s, *m, blocks.v[i]->expr);

		x = shapes_own(s->a, m->it, &x);
		for (int k = 0; k < n && !known; k++) {
			struct directives_shape y = shapes_own(s->a, m->it,
				&v[k]);

			known = directives_same_sizes(&x, &y);
		}
		if (!known)
			v[n++] = x;
	}
	tune->shapes = v;
	tune->n_shapes = n;
}

/* A general kernel for the sizes at which a schedule holds, which the last of
 * them leaves to it. Of several that hold the launcher takes the first. */
static bool add_guarded(struct session *s, struct making m,
	const struct ast_item *block, struct lower_also *rest, int *n,
	job_list *jobs)
{
	struct lower_also also = { block->expr, false };
	struct directives_shape shape = {0};
	const struct lower_open *o;
	struct job j;

	if (shapes_of_guard(s->a, block->expr, &shape))
		return true;
	m.also = &also;
	m.n_also = 1;
	o = lower_open(s->a, job_open_request(s, &m), s->d);
	if (!o || o->never || !o->n_also)
		return o != NULL;
	m.name = arena_printf(s->a, "%s_%s", m.launcher, block->name.text);
	m.when = o->conditions[o->n_conditions - 1].text;
	m.block = block;
	rest[(*n)++] = (struct lower_also){ block->expr, true };
	if (push_job(s, jobs, job_make_general(s, &m, &j), &j))
		return true;
	if (!diag_errors(s->d))
		diag_error(s->d, E_WHEN, block->expr->at, "no sizes were found "
			"for which this holds");
	return false;
}

/* One for each schedule that says when, and one for all other sizes. */
static bool add_open(struct session *s, struct making m, bool optional,
	job_list *jobs)
{
	ast_item_list blocks = directives_guarded(s->a, s->unit, m.it->item,
		m.place->target);
	struct lower_also *rest = ARENA_ARRAY(s->a, (size_t)blocks.n + 1,
		struct lower_also);
	struct directives_shape none = {0};
	struct job j;
	int n = 0;

	m.shape = &none;
	for (int i = 0; i < blocks.n; i++)
		if (!add_guarded(s, m, blocks.v[i], rest, &n, jobs))
			return false;
	m.also = rest;
	m.n_also = n;
	if (!job_make_general(s, &m, &j))
		return n && !diag_errors(s->d);
	j.optional = optional;
	return push_job(s, jobs, true, &j);
}

static bool add_shapes(struct session *s, struct making m,
	const struct directives_tune *tune, bool partial, job_list *jobs)
{
	for (int i = 0; i < tune->n_shapes; i++) {
		m.shape = &tune->shapes[i];
		if (!add_shape(s, m, partial, jobs))
			return false;
	}
	return true;
}

bool jobs_add_general(struct session *s, struct making m,
	const struct directives_tune *tune, bool optional, job_list *jobs)
{
	return add_shapes(s, m, tune, true, jobs) &&
		add_open(s, m, optional, jobs);
}

/* An operator whose sizes are open gets a kernel for each shape of --shape, or
 * else of its tune blocks, and of its schedules, those that give all sizes first,
 * and general ones for all others. */
static bool add_item(struct session *s, const struct lower_item *it,
	const struct directives_shape *given, const struct place *place,
	job_list *jobs)
{
	struct directives_tune tune;
	struct making m = { .unit = s->unit, .it = it, .shape = given,
		.place = place, .tune = &tune };
	struct job j;

	if (!directives_tune(s->a, s->unit, it->item, place->target, &tune,
	    s->d))
		return false;
	if (!it->open[0])
		return push_job(s, jobs, job_make(s, &m, &j), &j);
	m.launcher = it->item->name.text;
	if (given->n) {
		tune.shapes = (struct directives_shape *)given;
		tune.n_shapes = 1;
	}
	jobs_add_scheduled(s, &m, &tune);
	return add_shapes(s, m, &tune, false, jobs) &&
		jobs_add_general(s, m, &tune, tune.n_shapes > 0, jobs);
}

/* For every target; what is wrong with an operator is said once. */
static bool add_places(struct session *s, const struct lower_item *it,
	const struct directives_shape *given, job_list *jobs)
{
	for (int i = 0; i < s->n_places; i++)
		if (!add_item(s, it, given, &s->places[i], jobs))
			return false;
	return true;
}

bool jobs_create(struct session *s)
{
	job_list jobs = {0};
	struct directives_shape given;
	struct lower_item *items;
	bool ok = true;
	int n;

	items = lower_items(s->a, s->unit, true, &n);
	if (!jobs_option_shape(s, &given) || !jobs_options_known(s, items, n))
		return false;
	if (n == 0)
		return session_fail(s, EXIT_USER,
			"'%s' exports no operator: write 'export op' before one",
			s->unit->src->path);
	for (int i = 0; i < n && job_goes_on(s); i++)
		if (jobs_wanted(s, items[i].item->name.text))
			ok &= add_places(s, &items[i], &given, &jobs);
	s->jobs = jobs.v;
	s->n_jobs = jobs.n;
	return ok && s->code == EXIT_DONE && jobs_settings_known(s);
}

/* At the sizes of --shape, or those that the source gives. */
static bool add_at_sizes(struct session *s, const struct lower_item *it,
	const struct directives_shape *given, const struct place *place,
	job_list *jobs)
{
	struct directives_shape own = shapes_own(s->a, it, given);
	struct making m = { .unit = s->unit, .it = it, .shape = &own,
		.place = place };
	struct job j;

	if (!jobs_all_given(s, it, &own))
		return false;
	if (it->open[0]) {
		m.launcher = it->item->name.text;
		m.name = shapes_name(s->a, m.launcher, &own);
	}
	return push_job(s, jobs, job_make(s, &m, &j), &j);
}

bool jobs_create_at_sizes(struct session *s)
{
	struct directives_shape given;
	struct lower_item *items;
	job_list jobs = {0};
	bool ok = true;
	int n;

	items = lower_items(s->a, s->unit, true, &n);
	if (!jobs_option_shape(s, &given) || !jobs_options_known(s, items, n))
		return false;
	for (int i = 0; i < n && ok; i++)
		for (int k = 0; k < s->n_places && ok; k++)
			ok = !jobs_wanted(s, items[i].item->name.text) ||
				add_at_sizes(s, &items[i], &given,
				&s->places[k], &jobs);
	s->jobs = jobs.v;
	s->n_jobs = jobs.n;
	return ok && s->code == EXIT_DONE;
}
