/* SPDX-License-Identifier: MIT */
/* From a checked file to jobs: which operators, at which shapes, lowered, and
 * through the passes that every sketch relies on. */
#include "driver/jobs.h"

#include <assert.h>
#include <string.h>

#include "driver/general.h"
#include "driver/shapes.h"

static void verified(struct session *s, const char *pass,
	const struct ir_operator *o)
{
	const char *why = s->o->verify_passes ? ir_verify(s->a, o) : NULL;

	if (why)
		session_fail(s, EXIT_INTERNAL, "after %s, '%s': %s", pass,
			o->name, why);
}

bool jobs_passes(struct session *s, struct ir_operator *o)
{
	ir_hoist(s->a, o);
	verified(s, "hoist", o);
	ir_split_axes(s->a, o);
	verified(s, "split", o);
	return s->code == EXIT_DONE;
}

/* What to make a job of. "name" is the C symbol, NULL for the operator's name;
 * "launcher" as struct job has it. */
struct making {
	const struct ast_unit *unit;
	const struct lower_item *it;
	const struct directives_shape *shape;
	const struct place *place;
	const struct directives_tune *tune;	/* or NULL */
	const char *launcher, *name;
	const struct lower_also *also;		/* of a general one */
	int n_also;
	const char *when;
	const struct ast_item *block;		/* whose "when" it is, or NULL */
};

static struct lower_request *request_of(struct session *s,
	const struct making *m)
{
	struct lower_request *r = ARENA_NEW(s->a, struct lower_request);

	*r = (struct lower_request){ .unit = m->unit, .item = m->it->item,
		.shape = m->shape->sizes, .n_shape = m->shape->n,
		.name = m->name };
	return r;
}

/* For all sizes: none is given. */
static struct lower_request *open_request(struct session *s,
	const struct making *m)
{
	struct lower_request *r = request_of(s, m);

	r->n_shape = 0;
	r->also = m->also;
	r->n_also = m->n_also;
	return r;
}

static void begin_job(const struct making *m, struct job *j)
{
	*j = (struct job){ .item = m->it->item, .place = m->place,
		.share = m->place->share, .launcher = m->launcher, .family = m->launcher,
		.when = m->when };
	if (m->tune) {
		j->trials = m->tune->trials;
		j->seconds = m->tune->seconds;
	}
}

static void hash_text(struct job *j, const char *text)
{
	j->hash ^= str_hash(text, strlen(text));
}

/* What never changes is prepared before a call, what lies in place is no restricted
 * pointer: other kernels, and other times. By places, for names do not count. */
static void hash_tensors(struct session *s, struct job *j)
{
	const struct ir_tensor *t = j->op->tensors;

	for (int i = 0; i < j->op->n_tensors; i++) {
		if (t[i].constant)
			hash_text(j, arena_printf(s->a, "const %d", i));
		for (int k = 0; t[i].over && k < j->op->n_inputs; k++)
			if (!strcmp(t[k].name, t[i].over))
				hash_text(j, arena_printf(s->a,
					"in place %d %d", i, k));
	}
}

static bool set_schedule(struct session *s, struct job *j,
	const struct ast_item *block)
{
	if (!block)
		return true;
	j->schedule = directives_schedule(s->a, block, j->op, s->d);
	if (!j->schedule || !directives_overlap(j->schedule, j->place->target,
	    s->d, &j->overlap))
		return false;
	directives_mark_constants(j->op, j->schedule);
	if (!directives_in_place(j->op, j->schedule, s->d))
		return false;
	hash_tensors(s, j);
	if (j->overlap != P_STEPS)
		j->hash ^= str_hash("overlap", 7) + (uint64_t)j->overlap;
	return true;
}

/* The open sizes that the shape gives, in the launcher's order. */
static void set_sizes(struct session *s, const struct making *m,
	struct job *j)
{
	struct ir_size *v = ARENA_ARRAY(s->a, (size_t)j->op->n_sizes + 1,
		struct ir_size);

	for (int i = 0; m->it->open[i]; i++)
		for (int k = 0; k < j->op->n_sizes; k++)
			if (!strcmp(j->op->sizes[k].name, m->it->open[i]))
				v[j->n_sizes++] = j->op->sizes[k];
	j->sizes = v;
}

static bool add_job(struct session *s, const struct making *m, struct job *j)
{
	const struct lower_request *r = request_of(s, m);

	begin_job(m, j);
	j->reference = lower(s->a, r, s->d);
	if (!j->reference)
		return false;
	j->op = lower(s->a, r, s->d);
	assert(j->op);
	j->name = j->reference->name;
	j->hash = ir_hash(j->reference);
	set_sizes(s, m, j);
	if (!set_schedule(s, j, directives_pick(s->a, s->unit, m->it->item,
	    j->op, m->place->target, s->d)))
		return false;
	if (!handwritten_load(s, j, m->tune ? m->tune->files : NULL,
	    m->tune ? m->tune->n_files : 0))
		return false;
	return jobs_passes(s, j->op) && plans_make(s, j);
}

/* Is "block" for fewer sizes than the kernel is: for what a shape of its own
 * serves? */
static bool is_narrower(struct session *s, const struct making *m,
	const struct ast_item *block)
{
	struct directives_shape x = {0};

	return block && block->expr && shapes_of_guard(s->a, block->expr, &x) &&
		shapes_own(s->a, m->it, &x).n > m->shape->n;
}

/* The schedule that applies to every witness, if one does. */
static const struct ast_item *pick_for_all(struct session *s,
	const struct general *g, const struct making *m)
{
	const struct ast_item *item = m->it->item;
	const struct ast_item *first = NULL;
	bool picked = false;

	for (int i = 0; i < g->n; i++) {
		const struct ast_item *block = directives_pick(s->a, s->unit,
			item, g->at[i].op, m->place->target, s->d);

		if (is_narrower(s, m, block))
			continue;
		if (picked && block != first) {
			session_say(s, "%s: its general kernel has no schedule: "
				"which applies depends on the sizes",
				m->name ? m->name : item->name.text);
			return NULL;
		}
		first = block;
		picked = true;
	}
	return first;
}

/* One kernel for all sizes. The job's own sizes are the first witness's. */
static bool add_general(struct session *s, const struct making *m,
	struct job *j)
{
	const struct lower_request *r = open_request(s, m);
	struct general *g = general_create(s, r, m->shape->sizes, m->shape->n);

	begin_job(m, j);
	if (!g)
		return false;
	j->general = g;
	j->cases = g->cases;
	j->n_cases = g->n_cases;
	j->reference = general_lower(s, g, g->at[0].sizes);
	j->op = g->at[0].op;
	j->name = j->reference->name;
	j->hash = ir_hash(j->reference);
	if (m->when)
		j->hash ^= str_hash(m->when, strlen(m->when));
	if (!set_schedule(s, j, m->block ? m->block : pick_for_all(s, g, m)))
		return false;
	g->schedule = j->schedule;
	if (!general_partition(s, g) || !plans_make(s, j))
		return false;
	for (int i = 0; i < j->n_plans; i++)
		general_mark_plan(g, &j->plans[i]);
	return true;
}

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
	return push_job(s, jobs, partial ? add_general(s, &m, &j) :
		add_job(s, &m, &j), &j);
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
	o = lower_open(s->a, open_request(s, &m), s->d);
	return !o || o->never;
}

/* Schedules for one shape name it, as tune blocks do. */
static void add_scheduled_shapes(struct session *s, const struct making *m,
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
	o = lower_open(s->a, open_request(s, &m), s->d);
	if (!o || o->never || !o->n_also)
		return o != NULL;
	m.name = arena_printf(s->a, "%s_%s", m.launcher, block->name.text);
	m.when = o->conditions[o->n_conditions - 1].text;
	m.block = block;
	rest[(*n)++] = (struct lower_also){ block->expr, true };
	if (push_job(s, jobs, add_general(s, &m, &j), &j))
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
	if (!add_general(s, &m, &j))
		return n && !diag_errors(s->d);
	j.optional = optional;
	return push_job(s, jobs, true, &j);
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
		return push_job(s, jobs, add_job(s, &m, &j), &j);
	m.launcher = it->item->name.text;
	if (given->n) {
		tune.shapes = (struct directives_shape *)given;
		tune.n_shapes = 1;
	}
	add_scheduled_shapes(s, &m, &tune);
	for (int partial = 0; partial < 2; partial++)
		for (int i = 0; i < tune.n_shapes; i++) {
			m.shape = &tune.shapes[i];
			if (!add_shape(s, m, partial, jobs))
				return false;
		}
	return add_open(s, m, tune.n_shapes > 0, jobs);
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
	for (int i = 0; i < n && s->code == EXIT_DONE; i++)
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
	return push_job(s, jobs, add_job(s, &m, &j), &j);
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
	add_scheduled_shapes(s, &m, tune);
	for (int i = 0; i < tune->n_shapes; i++) {
		m.shape = &tune->shapes[i];
		if (!add_shape(s, m, true, &all))
			return false;
	}
	if (!add_open(s, m, true, &all))
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
		if (!add_job(s, &m, &j))
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
