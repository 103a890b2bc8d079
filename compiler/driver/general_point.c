/* SPDX-License-Identifier: MIT */
/* One point of a space for all sizes: its programs at the witnesses, made one
 * general program, which must be what the point makes at the other witnesses
 * too. */
#include "driver/general.h"

#include <string.h>

static const char *sizes_text(struct arena *a, const struct general *g,
	const int64_t *sizes)
{
	struct str out;

	str_init(&out, a);
	for (int i = 0; i < g->frame.sizes.n; i++)
		str_printf(&out, "%s%s = %lld", i ? ", " : "",
			g->frame.sizes.v[i].name, (long long)sizes[i]);
	return str_text(&out);
}

/* The candidate's task at a witness, and its tunables there. */
static const char *make_task(struct candidate *c, const struct witness *w,
	struct task *t, const struct tunable **tunables, int *n)
{
	const struct witness_plan *at = &w->plans[c->rule];
	const char *why = NULL;

	*t = c->task;
	t->op = at->op;
	t->state = NULL;
	if (at->partition->n_groups != c->task.n_groups)
		return "its statements group otherwise at other sizes";
	t->group = &at->partition->groups[c->task.index];
	if (!c->sketch->applies(t, &why))
		return arena_printf(c->task.a, "at %s, %s", sizes_text(
			c->task.a, c->general, w->sizes), why);
	*tunables = c->sketch->tunables(t, n);
	return NULL;
}

/* The same for every witness, made once. */
static const char *make_tasks(struct candidate *c)
{
	const struct general *g = c->general;
	struct general_tasks *t = c->tasks;

	if (t->ready)
		return t->why;
	t->ready = true;
	if (c->sketch->arithmetic)
		return t->why = "it computes other sums than the source's, and "
			"how good they are is known for a shape alone";
	t->tasks = ARENA_ARRAY(c->task.a, (size_t)g->n, struct task);
	t->tunables = ARENA_ARRAY(c->task.a, (size_t)g->n,
		const struct tunable *);
	t->n = ARENA_ARRAY(c->task.a, (size_t)g->n, int);
	for (int w = 0; w < g->n && !t->why; w++)
		t->why = make_task(c, &g->at[w], &t->tasks[w], &t->tunables[w],
			&t->n[w]);
	return t->why;
}

/* The candidate's values for the tunables "x" of another size, by name: what
 * is not open there is left to the sketch, and what is not open here has its
 * first value; whether that comes to the same is seen from the kernels. */
static void values_for(const struct candidate *c, const struct tunable *x,
	int n, const int *values, int *out)
{
	for (int i = 0; i < n; i++) {
		out[i] = x[i].values[0];
		for (int k = 0; k < c->space->n_tunables; k++)
			if (!strcmp(c->space->tunables[k].name, x[i].name))
				out[i] = values[k];
	}
}

static void values_at(const struct candidate *c, int w, const int *values,
	int *out)
{
	values_for(c, c->tasks->tunables[w], c->tasks->n[w], values, out);
}

static const char *illegal_at(struct candidate *c, struct arena *a, int w,
	const int *values)
{
	int mine[c->tasks->n[w] + 1];
	const char *why;

	values_at(c, w, values, mine);
	why = c->sketch->legal(&c->tasks->tasks[w], a, mine);
	return why ? arena_printf(a, "at %s, %s", sizes_text(a, c->general,
		c->general->at[w].sizes), why) : NULL;
}

/* The steps of the candidate's group at a witness. */
static struct program *steps_at(const struct candidate *c, struct arena *a,
	const struct witness *w, const struct task *t, const int *values)
{
	struct program *p;
	int *map;

	p = program_of(a, t->op, w->plans[c->rule].partition, &map);
	c->sketch->build(t, a, values, p);
	return p;
}

static struct program *program_at(struct candidate *c, struct arena *a, int w,
	const int *values)
{
	int mine[c->tasks->n[w] + 1];

	values_at(c, w, values, mine);
	return steps_at(c, a, &c->general->at[w], &c->tasks->tasks[w], mine);
}

static struct general_request request_of(const struct general *g,
	struct program *const *programs)
{
	return (struct general_request){ .programs = programs, .n = g->n_fit,
		.sizes = g->frame.sizes.v, .n_sizes = g->frame.sizes.n,
		.lets = g->frame.lets.v, .n_lets = g->frame.lets.n,
		.conditions = g->frame.conditions.v,
		.n_conditions = g->frame.conditions.n,
		.symbols = g->symbols, .n_symbols = g->n_symbols };
}

/* Is "p" what the point makes at this witness? */
static bool serves_at(struct candidate *c, struct arena *a,
	const struct program *p, const struct witness *w, const int *values)
{
	const struct tunable *x;
	struct task t;
	int n;

	if (make_task(c, w, &t, &x, &n))
		return false;
	int mine[n + 1];

	values_for(c, x, n, values, mine);
	return !c->sketch->legal(&t, a, mine) && !generalise_differs(a, p,
		w->sizes, steps_at(c, a, w, &t, mine));
}

/* A kernel for sizes such as W = 3 * Q may do without what their neighbours
 * need; what these need is right there too. */
static bool serves_near(struct candidate *c, struct arena *a,
	const struct program *p, struct witness *w, const int *values)
{
	int n;
	const struct witness *near = general_near(c->general, w, &n);

	for (int i = 0; i < n; i++)
		if (serves_at(c, a, p, &near[i], values))
			return true;
	return false;
}

/* The program of "p" is what it is at the small witnesses as well. */
static const char *fails_at(struct candidate *c, struct arena *a,
	const struct program *p, const int *values)
{
	const struct general *g = c->general;

	for (int w = g->n_fit; w < g->n; w++) {
		const char *why = generalise_differs(a, p, g->at[w].sizes,
			program_at(c, a, w, values));

		if (why && !serves_near(c, a, p, &g->at[w], values))
			return arena_printf(a, "at %s, %s", sizes_text(a, g,
				g->at[w].sizes), why);
	}
	return NULL;
}

const char *general_refuses(struct candidate *c, struct arena *a,
	const int *values)
{
	const struct general *g = c->general;
	struct program *programs[g->n_fit], *p;
	struct general_request r = request_of(g, programs);
	const char *why = make_tasks(c);

	for (int w = 0; w < g->n && !why; w++)
		why = illegal_at(c, a, w, values);
	if (why)
		return why;
	for (int w = 0; w < g->n_fit; w++) {
		int at = g->n_fit - 1 - w;

		programs[at] = program_at(c, a, at, values);
		if (w && !generalise_alike(a, programs[g->n_fit - 1],
		    programs[at]))
			return arena_printf(a, "between %s and %s, its kernel "
				"changes its structure", sizes_text(a, g,
				g->at[at].sizes), sizes_text(a, g,
				g->at[g->n_fit - 1].sizes));
	}
	p = generalise(a, &r, &why);
	return p ? fails_at(c, a, p, values) : why;
}

/* ---- the chosen program ---- */

static const char *build_with(const struct candidate *c, const struct task *t,
	struct arena *a, const struct tunable *x, int n, const int *values,
	struct program *p)
{
	int mine[n + 1];
	const char *why;

	values_for(c, x, n, values, mine);
	why = c->sketch->legal(t, a, mine);
	if (!why)
		c->sketch->build(t, a, mine, p);
	return why;
}

/* The chosen candidate's steps in the operator "at". */
static const char *build_group(struct arena *a, const struct choice *c,
	const struct witness_plan *at, struct program *p)
{
	int values[c->candidate->space->n_tunables + 1];
	struct task t = c->candidate->task;
	const struct tunable *x;
	const char *why = NULL;
	int n;

	choices_values(c, a, values);
	t.op = at->op;
	t.group = &at->partition->groups[t.index];
	t.state = NULL;
	if (!c->candidate->sketch->applies(&t, &why))
		return why;
	x = c->candidate->sketch->tunables(&t, &n);
	return build_with(c->candidate, &t, a, x, n, values, p);
}

struct program *general_special(struct session *s, struct arena *a,
	const struct job *j, const struct witness *w)
{
	const struct witness_plan *at = &w->plans[j->plans[j->plan].rule];
	const char *why = at->partition->n_groups == j->partition->n_groups ?
		NULL : "it has other kernels";
	struct program *p;
	int *map;

	p = program_of(a, at->op, at->partition, &map);
	p->name = j->name;
	for (int g = 0; g < j->partition->n_groups && !why; g++) {
		int steps = p->steps.n, prepare = p->prepare.n;

		why = build_group(a, &j->parts[g].choice, at, p);
		choices_mark(p, g, steps, prepare);
	}
	if (why) {
		session_fail(s, EXIT_INTERNAL, "'%s' at %s: %s", j->name,
			sizes_text(a, j->general, w->sizes), why);
		return NULL;
	}
	program_layout(p);
	return p;
}

/* Shapes and alignment as the source has them. */
static void set_shapes(struct arena *a, const struct job *j, struct program *p)
{
	const struct lower_open *o = j->general->open;
	int n = j->op->n_inputs + j->op->n_outputs;

	for (int i = 0; i < p->tensors.n; i++) {
		struct p_tensor *t = &p->tensors.v[i];
		const char *layout = t->shape ? strstr(t->shape, ", layout") :
			NULL;

		if (i < n)
			t->align = j->reference->tensors[i].align;
		if (i < n)
			t->shape = arena_printf(a, "%s%s", o->shapes[i],
				layout ? layout : "");
		else
			t->shape = NULL;
	}
}

struct program *general_program(struct session *s, struct arena *a,
	const struct job *j)
{
	const struct general *g = j->general;
	struct program *programs[g->n_fit], *p;
	struct general_request r = request_of(g, programs);
	const char *why = NULL;

	for (int w = 0; w < g->n_fit; w++) {
		programs[w] = general_special(s, a, j, &g->at[w]);
		if (!programs[w])
			return NULL;
	}
	p = generalise(a, &r, &why);
	if (!p) {
		session_fail(s, EXIT_INTERNAL, "the general program of '%s': %s",
			j->name, why);
		return NULL;
	}
	set_shapes(a, j, p);
	return p;
}

bool general_case(struct session *s, struct arena *a, const struct job *j,
	int i, struct ir_operator **op, struct program **p, const char **name)
{
	const struct general *g = j->general;
	struct ir_partition none = {0};
	int *map;

	*op = general_lower(s, g, j->cases[i]);
	if (!*op)
		return false;
	*p = program_of(a, *op, &none, &map);
	(*p)->name = j->name;
	for (int k = 0; k < g->frame.sizes.n; k++) {
		struct p_size size = g->frame.sizes.v[k];

		size.value = j->cases[i][k];
		vec_push(a, &(*p)->sizes, size);
	}
	*name = arena_printf(a, "%s where %s", j->name, sizes_text(a, g,
		j->cases[i]));
	return true;
}
