/* SPDX-License-Identifier: MIT */
/* From test blocks to jobs: each at its shapes, and what is compiled for all sizes at
 * those. */
#include <string.h>

#include "driver/general.h"
#include "driver/jobs.h"
#include "driver/shapes.h"

/* What a test block names besides the reference. */
static const char *other_judges(struct session *s,
	const struct directives_test *t)
{
	const char *list = NULL;

	for (int i = 0; i < t->n_against; i++)
		if (strcmp(t->against[i], "ref"))
			list = list ? arena_printf(s->a, "%s, %s", list,
				t->against[i]) : t->against[i];
	return list;
}

static bool is_taken(const job_list *jobs, const struct place *place,
	const char *name)
{
	for (int i = 0; i < jobs->n; i++)
		if (jobs->v[i].place == place && !strcmp(jobs->v[i].name, name))
			return true;
	return false;
}

/* Several blocks may test one operator, at the same shape even. */
static const char *test_name(struct session *s, const job_list *jobs,
	const struct directives_test *t, const struct directives_shape *shape,
	const struct place *place, bool open)
{
	const char *plain = t->item->name.text, *name = plain;
	const char *shaped = shapes_name(s->a, plain, shape);

	if (open || t->n_shapes > 1 || is_taken(jobs, place, plain))
		name = shaped;
	for (int i = 2; is_taken(jobs, place, name); i++)
		name = arena_printf(s->a, "%s_%d", shaped, i);
	return name;
}

static void set_expectation(struct session *s,
	const struct directives_test *t, struct job *j)
{
	j->seed = t->seed;
	j->not_against = other_judges(s, t);
}

/* The shapes of the test that the general kernel serves, as rows of sizes. */
static void set_cases(struct session *s, const struct directives_test *t,
	struct job *j)
{
	const struct program *frame = &j->general->frame;
	const int64_t **rows = ARENA_ARRAY(s->a, (size_t)t->n_shapes + 1,
		const int64_t *);

	j->n_cases = 0;
	for (int i = 0; i < t->n_shapes; i++) {
		int64_t *row = ARENA_ARRAY(s->a, (size_t)frame->sizes.n + 1,
			int64_t);

		for (int k = 0; k < frame->sizes.n; k++)
			for (int x = 0; x < t->shapes[i].n; x++)
				if (!strcmp(t->shapes[i].sizes[x].name,
				    frame->sizes.v[k].name))
					row[k] = t->shapes[i].sizes[x].value;
		if (general_held(frame, row) < 0)
			rows[j->n_cases++] = row;
	}
	j->cases = rows;
}

/* What a compilation makes for all sizes, at those of the test. */
static bool add_general_tests(struct session *s, struct making m,
	struct directives_tune *tune, const struct directives_test *t,
	job_list *jobs)
{
	job_list all = {0};

	m.launcher = t->item->name.text;
	m.name = NULL;
	jobs_add_scheduled(s, &m, tune);
	if (!jobs_add_general(s, m, tune, true, &all))
		return false;
	for (int i = 0; i < all.n; i++) {
		set_cases(s, t, &all.v[i]);
		set_expectation(s, t, &all.v[i]);
		if (all.v[i].n_cases)
			vec_push(s->a, jobs, all.v[i]);
	}
	return true;
}

/* The kernel of each shape; of what is exported with open sizes, the general
 * ones too, which are what most callers get. */
static bool add_test_of(struct session *s, const struct directives_test *t,
	const struct lower_item *it, const struct place *place, job_list *jobs)
{
	struct directives_tune tune;
	struct making m = { .unit = t->owner, .it = it, .place = place,
		.tune = &tune };
	bool open = it->open[0] && t->item->exported;
	struct job j;

	if (!directives_tune(s->a, s->unit, t->item, place->target, &tune,
	    s->d))
		return false;
	for (int k = 0; k < t->n_shapes; k++) {
		m.shape = &t->shapes[k];
		m.name = test_name(s, jobs, t, &t->shapes[k], place, open);
		if (!job_make(s, &m, &j))
			return false;
		set_expectation(s, t, &j);
		vec_push(s->a, jobs, j);
	}
	return !open || add_general_tests(s, m, &tune, t, jobs);
}

static bool add_test(struct session *s, const struct directives_test *t,
	const struct place *place, job_list *jobs)
{
	struct lower_item *items;
	int n;

	items = lower_items(s->a, t->owner, false, &n);
	for (int i = 0; i < n; i++)
		if (items[i].item == t->item &&
		    !add_test_of(s, t, &items[i], place, jobs))
			return false;
	return true;
}

bool jobs_create_tests(struct session *s)
{
	job_list jobs = {0};
	struct directives_test *tests;
	bool ok = true;
	int n;

	tests = directives_tests(s->a, s->unit, &n, s->d);
	if (!tests)
		return false;
	if (!n)
		return session_fail(s, EXIT_USER, "'%s' has no test block",
			s->unit->src->path);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < s->n_places; k++)
			ok &= add_test(s, &tests[i], &s->places[k], &jobs);
	s->jobs = jobs.v;
	s->n_jobs = jobs.n;
	return ok;
}
