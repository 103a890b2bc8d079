/* SPDX-License-Identifier: MIT */
/* One point of a space for all sizes: its programs at the witnesses, made one
 * general program, which must be what the point makes at the other witnesses
 * too. Expressions are found from all witnesses whose programs are alike: K - 1
 * and K / 2 * 2 are told apart by an even one alone. */
#include "driver/general.h"

#include <string.h>

enum { COINCIDENCES = 2 };

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

/* What stands in the way at sizes that the user never named. */
static const char *said_of(struct arena *a, const struct general *g,
	const struct witness *w, const char *why)
{
	return arena_printf(a, "one kernel is for all sizes, and where %s, %s",
		sizes_text(a, g, w->sizes), why);
}

const char *general_task(struct candidate *c, const struct witness *w,
	struct task *t, const struct tunable **tunables, int *n)
{
	const struct witness_plan *at = &w->plans[c->cut];
	const char *why = NULL;

	*t = c->task;
	t->op = at->op;
	t->state = NULL;
	if (at->partition->n_groups != c->task.n_groups)
		return "its statements group otherwise at other sizes";
	t->group = &at->partition->groups[c->task.index];
	if (!c->sketch->applies(t, &why))
		return said_of(c->task.a, c->general, w, why);
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
	t->tasks = ARENA_ARRAY(c->task.a, (size_t)g->n, struct task);
	t->tunables = ARENA_ARRAY(c->task.a, (size_t)g->n,
		const struct tunable *);
	t->n = ARENA_ARRAY(c->task.a, (size_t)g->n, int);
	for (int w = 0; w < g->n && !t->why; w++)
		t->why = general_task(c, &g->at[w], &t->tasks[w], &t->tunables[w],
			&t->n[w]);
	return t->why;
}

void general_values(const struct candidate *c, const struct tunable *x,
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
	general_values(c, c->tasks->tunables[w], c->tasks->n[w], values, out);
}

static const char *illegal_at(struct candidate *c, struct arena *a, int w,
	const int *values)
{
	int mine[c->tasks->n[w] + 1];
	const char *why;

	values_at(c, w, values, mine);
	why = c->sketch->legal(&c->tasks->tasks[w], a, mine);
	return why ? said_of(a, c->general, &c->general->at[w], why) : NULL;
}

/* The steps of the candidate's group at a witness. */
static struct program *steps_at(const struct candidate *c, struct arena *a,
	const struct witness *w, const struct task *t, const int *values)
{
	struct program *p;
	int *map;

	p = program_of(a, t->op, w->plans[c->cut].partition, &map);
	program_build(c->sketch, t, a, values, p);
	return p;
}

static struct program *program_at(struct candidate *c, struct arena *a, int w,
	const int *values)
{
	int mine[c->tasks->n[w] + 1];

	values_at(c, w, values, mine);
	return steps_at(c, a, &c->general->at[w], &c->tasks->tasks[w], mine);
}

/* The symbols' values at these witnesses. */
static const struct fit_symbol *symbols_at(const struct general *g,
	struct arena *a, const int *chosen, int n)
{
	struct fit_symbol *s = ARENA_ARRAY(a, (size_t)g->n_symbols + 1,
		struct fit_symbol);

	for (int i = 0; i < g->n_symbols; i++) {
		int64_t *at = ARENA_ARRAY(a, (size_t)n + 1, int64_t);

		for (int w = 0; w < n; w++)
			at[w] = g->symbols[i].at[chosen[w]];
		s[i] = g->symbols[i];
		s[i].at = at;
	}
	return s;
}

/* The general program of those chosen, of the programs at the witnesses; the
 * first "alike" of them have alike kernels. */
static struct program *joined(const struct general *g, struct arena *a,
	struct program *const *all, const int *chosen, int alike, int n,
	const char **why)
{
	struct p_size sizes[g->frame.sizes.n + 1];
	struct program *programs[g->n];
	struct general_request r = { .programs = programs, .n = n,
		.n_alike = alike,
		.sizes = sizes, .n_sizes = g->frame.sizes.n,
		.lets = g->frame.lets.v, .n_lets = g->frame.lets.n,
		.conditions = g->frame.conditions.v,
		.n_conditions = g->frame.conditions.n,
		.symbols = symbols_at(g, a, chosen, n),
		.n_symbols = g->n_symbols };

	for (int w = 0; w < n; w++)
		programs[w] = all[chosen[w]];
	for (int i = 0; i < g->frame.sizes.n; i++) {
		sizes[i] = g->frame.sizes.v[i];
		sizes[i].value = g->at[chosen[0]].sizes[i];
	}
	return generalise(a, &r, why);
}

/* The program of "p" is what the point makes at every witness. */
static const char *fails_at(const struct general *g, struct arena *a,
	const struct program *p, struct program *const *all)
{
	struct arena *tmp = arena_create();
	const char *why = NULL;

	for (int w = 0; w < g->n && !why; w++) {
		arena_reset(tmp);
		why = generalise_differs(tmp, p, g->at[w].sizes, all[w]);
		if (why)
			why = said_of(a, g, &g->at[w], why);
	}
	arena_destroy(tmp);
	return why;
}

static bool is_alike(const struct program *x, const struct program *y)
{
	struct arena *tmp = arena_create();
	bool alike = generalise_alike(tmp, x, y);

	arena_destroy(tmp);
	return alike;
}

/* The large witness whose kernels are alike those of most others, and how many
 * these are, itself among them. */
static int usual(const struct general *g, struct program *const *all,
	int *most)
{
	int best = 0;

	*most = 0;
	for (int w = 0; w < g->n_fit && *most * 2 <= g->n_fit; w++) {
		int n = 0;

		for (int k = 0; k < g->n_fit; k++)
			n += k == w || is_alike(all[w], all[k]);
		if (n > *most) {
			*most = n;
			best = w;
		}
	}
	return best;
}

/* All witnesses in the order "first", those alike it, those that launch the same
 * kernels; how many in all, and how many are alike. */
static int choose(const struct general *g, struct program *const *all,
	int first, int *chosen, int *alike)
{
	bool joins[g->n];
	int n = 0;

	chosen[n++] = first;
	for (int w = 0; w < g->n; w++) {
		joins[w] = w == first || is_alike(all[first], all[w]);
		if (joins[w] && w != first)
			chosen[n++] = w;
	}
	*alike = n;
	for (int w = 0; w < g->n; w++)
		if (!joins[w] && program_alike(all[first], all[w]))
			chosen[n++] = w;
	return n;
}

/* One program for all sizes, of those at all the witnesses. Where one that is
 * alike by chance forbids every expression, of the large ones alone. */
static struct program *general_of(const struct general *g, struct arena *a,
	struct program *const *all, const char **why)
{
	int chosen[g->n], alike, n, most, large = 0;
	int first = usual(g, all, &most);
	struct program *p;

	n = choose(g, all, first, chosen, &alike);
	p = joined(g, a, all, chosen, alike, n, why);
	for (int i = 0; i < alike && !p; i++)
		if (chosen[i] < g->n_fit)
			chosen[large++] = chosen[i];
	if (!p && n > large)
		p = joined(g, a, all, chosen, large, large, why);
	if (p)
		*why = fails_at(g, a, p, all);
	return *why ? NULL : p;
}

/* A large witness whose kernel differs from the usual one is a coincidence if few
 * do, which is seen when it is compared; else the sentence. */
static const char *structure_differs(const struct general *g, struct arena *a,
	struct program *const *all)
{
	int most, first = usual(g, all, &most);

	for (int w = 0; w < g->n_fit && g->n_fit - most > COINCIDENCES; w++)
		if (!is_alike(all[first], all[w]))
			return said_of(a, g, &g->at[w], arena_printf(a, "it "
				"would be of another structure than where %s",
				sizes_text(a, g, g->at[first].sizes)));
	return NULL;
}

const char *general_illegal(struct candidate *c, struct arena *a,
	const int *values)
{
	const char *why = make_tasks(c);

	for (int w = 0; w < c->general->n && !why; w++)
		why = illegal_at(c, a, w, values);
	return why;
}

const char *general_refuses(struct candidate *c, struct arena *a,
	const int *values)
{
	const struct general *g = c->general;
	struct program *all[g->n], *p;
	const char *why;

	for (int w = 0; w < g->n_fit; w++)
		all[w] = program_at(c, a, w, values);
	why = structure_differs(g, a, all);
	if (why)
		return why;
	for (int w = g->n_fit; w < g->n; w++)
		all[w] = program_at(c, a, w, values);
	p = general_of(g, a, all, &why);
	return why || !c->task.in_place ? why : program_in_place(a, p);
}

/* ---- the chosen program ---- */

static const char *build_with(const struct candidate *c, const struct task *t,
	struct arena *a, const struct tunable *x, int n, const int *values,
	struct program *p)
{
	int mine[n + 1];
	const char *why;

	general_values(c, x, n, values, mine);
	why = c->sketch->legal(t, a, mine);
	if (!why)
		program_build(c->sketch, t, a, mine, p);
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

static struct program *special(struct session *s, struct arena *a,
	const struct job *j, const struct witness *w)
{
	const struct witness_plan *at = &w->plans[j->plans[j->plan].which];
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

/* The program with the steps of one group alone. */
static struct program *group_of(struct arena *a, const struct program *p,
	int group)
{
	struct program *x = ARENA_NEW(a, struct program);

	*x = *p;
	memset(&x->steps, 0, sizeof x->steps);
	memset(&x->prepare, 0, sizeof x->prepare);
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].group == group)
			vec_push(a, &x->steps, p->steps.v[i]);
	for (int i = 0; i < p->prepare.n; i++)
		if (p->prepare.v[i].group == group)
			vec_push(a, &x->prepare, p->prepare.v[i]);
	return x;
}

/* What "x" asks of sizes beyond the "known" conditions. */
static void add_conditions(struct arena *a, struct program *p,
	const struct program *x, int known)
{
	for (int i = known; i < x->conditions.n; i++) {
		struct str text, other;
		bool new = true;

		str_init(&text, a);
		kx_print(x->conditions.v[i].holds, &text);
		for (int k = known; k < p->conditions.n && new; k++) {
			str_init(&other, a);
			kx_print(p->conditions.v[k].holds, &other);
			new = strcmp(str_text(&text), str_text(&other)) != 0;
		}
		if (new)
			vec_push(a, &p->conditions, x->conditions.v[i]);
	}
}

/* "x", which follows in the same launcher, behind "p". */
static void append(struct arena *a, const struct general *g, struct program *p,
	const struct program *x)
{
	for (int i = 0; i < x->steps.n; i++)
		vec_push(a, &p->steps, x->steps.v[i]);
	for (int i = 0; i < x->prepare.n; i++)
		vec_push(a, &p->prepare, x->prepare.v[i]);
	add_conditions(a, p, x, g->frame.conditions.n);
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

/* Each group's steps become general by themselves, as they did when their point
 * was found legal: what is a coincidence for one kernel is none for another. */
struct program *general_program(struct session *s, struct arena *a,
	const struct job *j)
{
	const struct general *g = j->general;
	int n = j->partition->n_groups;
	struct program *all[g->n], *views[g->n], *p = NULL;
	const char *why = NULL;

	for (int w = 0; w < g->n; w++) {
		all[w] = special(s, a, j, &g->at[w]);
		if (!all[w])
			return NULL;
	}
	for (int k = 0; k < n; k++) {
		struct program *x;

		for (int w = 0; w < g->n; w++)
			views[w] = group_of(a, all[w], k);
		x = general_of(g, a, views, &why);
		if (!x) {
			session_fail(s, EXIT_INTERNAL, "the general program of "
				"'%s': %s", j->name, why);
			return NULL;
		}
		if (p)
			append(a, g, p, x);
		else
			p = x;
	}
	program_layout_open(a, p);
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
