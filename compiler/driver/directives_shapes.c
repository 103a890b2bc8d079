/* SPDX-License-Identifier: MIT */
/* Tune and test blocks. In: shape(M = {1, 16}, N = 64, weight = 3) and its
 * like. Out: shapes, one for each combination of the sets, budgets, files
 * written by hand, and what to compare with. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "driver/directives.h"
#include "front/front.h"

enum { SHAPES = 4096 };

struct shapes {
	VEC(struct directives_shape) v;
};

static bool one_number(struct arena *a, const struct ast_expr *e,
	struct diag *d, double *v)
{
	struct sched_value x;
	int64_t i;

	*v = e->f;
	if (e->kind == AST_FLOAT)
		return true;
	if (!directives_value(a, e, NULL, 0, d, &x))
		return false;
	if (x.n == 1 && sched_eval(x.choices[0], NULL, NULL, &i)) {
		*v = (double)i;
		return true;
	}
	diag_error(d, E_SHAPE, e->at, "a number is expected here");
	return false;
}

/* One size of one shape. */
static bool size_of(const struct ast_arg *arg, const struct sched_expr *e,
	struct diag *d, struct ir_size *out)
{
	int64_t v;

	if (!sched_eval(e, NULL, NULL, &v)) {
		diag_error(d, E_SIZE_VALUE, arg->value->at, "size '%s' must be a number",
			arg->key);
		return false;
	}
	*out = (struct ir_size){ arg->key, v };
	return true;
}

/* "x" with one size more. */
static struct directives_shape longer(struct arena *a,
	const struct directives_shape *x, struct ir_size size)
{
	struct directives_shape out = *x;

	out.sizes = ARENA_ARRAY(a, x->n + 1, struct ir_size);
	for (int i = 0; i < x->n; i++)
		out.sizes[i] = x->sizes[i];
	out.sizes[out.n++] = size;
	return out;
}

/* Every shape from "first" on becomes one for each choice of this argument. */
static bool multiply(struct arena *a, struct shapes *s, int first,
	const struct ast_arg *arg, struct diag *d)
{
	struct shapes old = *s;
	struct sched_value v;
	struct ir_size size;

	if (!directives_value(a, arg->value, NULL, 0, d, &v))
		return false;
	if ((int64_t)(old.v.n - first) * v.n > SHAPES) {
		diag_error(d, E_LIMIT, arg->value->at, "more than %d shapes", SHAPES);
		return false;
	}
	*s = (struct shapes){0};
	for (int i = 0; i < first; i++)
		vec_push(a, &s->v, old.v.v[i]);
	for (int i = first; i < old.v.n; i++)
		for (int k = 0; k < v.n; k++) {
			if (!size_of(arg, v.choices[k], d, &size))
				return false;
			vec_push(a, &s->v, longer(a, &old.v.v[i], size));
		}
	return true;
}

static bool add_shape(struct arena *a, struct shapes *s,
	const struct ast_dir *dir, struct diag *d)
{
	int first = s->v.n;
	double weight = 1;

	for (int i = 0; i < dir->n_args; i++)
		if (dir->args[i].key && !strcmp(dir->args[i].key, "weight") &&
		    !one_number(a, dir->args[i].value, d, &weight))
			return false;
	vec_push(a, &s->v, (struct directives_shape){ .weight = weight,
		.at = dir->at });
	for (int i = 0; i < dir->n_args; i++)
		if (dir->args[i].key && strcmp(dir->args[i].key, "weight") &&
		    !multiply(a, s, first, &dir->args[i], d))
			return false;
	return true;
}

/* ---- tune ---- */

/* "90s", "20m", "2h" */
static double seconds_of(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	return v * (*end == 'h' ? 3600 : *end == 'm' ? 60 : 1);
}

static bool add_budget(struct arena *a, struct directives_tune *t,
	const struct ast_dir *dir, struct diag *d)
{
	for (int i = 0; i < dir->n_args; i++) {
		const struct ast_arg *arg = &dir->args[i];
		double v;

		if (!arg->key)
			continue;
		if (!strcmp(arg->key, "time") &&
		    arg->value->kind == AST_STRING) {
			t->seconds = seconds_of(arg->value->name);
		} else if (!strcmp(arg->key, "trials")) {
			if (!one_number(a, arg->value, d, &v))
				return false;
			t->trials = v < 1e9 ? (int)v : 1000000000;
		}
	}
	return true;
}

/* A file competes once. */
static bool add_file(struct arena *a, struct directives_tune *t,
	const struct ast_dir *dir, struct diag *d)
{
	const struct ast_expr *e = dir->args[0].value;
	struct directives_file *v = ARENA_ARRAY(a, (size_t)t->n_files + 1,
		struct directives_file);

	for (int i = 0; i < t->n_files; i++) {
		v[i] = t->files[i];
		if (strcmp(v[i].name, e->name))
			continue;
		diag_error(d, E_TWICE, e->at, "this file is given twice");
		diag_note(d, v[i].at, "it is here too");
		return false;
	}
	v[t->n_files++] = (struct directives_file){ e->name, e->at };
	t->files = v;
	return true;
}

static bool on_target(const struct ast_item *item, const struct target *t)
{
	for (int i = 0; i < item->n_archs; i++)
		if (target_in(t, item->archs[i].lo.text,
		    item->archs[i].hi.text, item->archs[i].open))
			return true;
	return !item->n_archs;
}

static bool add_tune(struct arena *a, const struct ast_item *block,
	struct shapes *s, struct directives_tune *out, struct diag *d)
{
	bool ok = true;

	for (int i = 0; i < block->n_dirs; i++) {
		const struct ast_dir *dir = &block->dirs[i];

		if (dir->kind != AST_DIRECTIVE)
			continue;
		if (!strcmp(dir->name.text, "shape"))
			ok &= add_shape(a, s, dir, d);
		else if (!strcmp(dir->name.text, "budget"))
			ok &= add_budget(a, out, dir, d);
		else if (!strcmp(dir->name.text, "variant"))
			ok &= add_file(a, out, dir, d);
	}
	return ok;
}

bool directives_same_sizes(const struct directives_shape *x,
	const struct directives_shape *y)
{
	int found = 0;

	for (int i = 0; i < x->n; i++)
		for (int k = 0; k < y->n; k++)
			found += !strcmp(x->sizes[i].name, y->sizes[k].name) &&
				x->sizes[i].value == y->sizes[k].value;
	return x->n == y->n && found == x->n;
}

/* Code for a shape is made, and its choice locked, once. */
static bool are_distinct(const struct shapes *s, struct diag *d)
{
	for (int i = 0; i < s->v.n; i++)
		for (int k = 0; k < i; k++)
			if (directives_same_sizes(&s->v.v[i], &s->v.v[k])) {
				diag_error(d, E_TWICE, s->v.v[i].at,
					"this shape is given twice");
				diag_note(d, s->v.v[k].at, "it is here too");
				return false;
			}
	return true;
}

bool directives_tune(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item, const struct target *t,
	struct directives_tune *out, struct diag *d)
{
	struct shapes s = {0};
	bool ok = true;

	*out = (struct directives_tune){0};
	for (int i = 0; i < u->n_items; i++) {
		const struct ast_item *block = &u->items[i];

		if (block->kind == AST_TUNE && on_target(block, t) &&
		    directives_names(u, block->name.text, u, item))
			ok &= add_tune(a, block, &s, out, d);
	}
	out->shapes = s.v.v;
	out->n_shapes = s.v.n;
	return ok && are_distinct(&s, d);
}

/* ---- test ---- */

static bool add_expect(struct arena *a, struct directives_test *t,
	const struct ast_dir *dir, struct diag *d)
{
	for (int i = 0; i < dir->n_args; i++) {
		const struct ast_arg *arg = &dir->args[i];
		struct sched_value v;
		double seed;

		if (!arg->key)
			continue;
		if (!strcmp(arg->key, "seed")) {
			if (!one_number(a, arg->value, d, &seed))
				return false;
			t->seed = seed < 0 ? 0 : (uint64_t)seed;
			continue;
		}
		if (!directives_value(a, arg->value, NULL, 0, d, &v))
			return false;
		t->against = ARENA_ARRAY(a, v.n + 1, const char *);
		t->n_against = v.n;
		for (int k = 0; k < v.n; k++)
			t->against[k] = v.choices[k]->name;
	}
	return true;
}

static bool read_test(struct arena *a, const struct ast_unit *u,
	const struct ast_item *block, struct directives_test *t,
	struct diag *d)
{
	struct shapes s = {0};
	bool ok = true;

	t->owner = u;
	t->item = front_find(u, block->name.text, &t->owner);
	t->at = block->at;
	for (int i = 0; i < block->n_dirs; i++) {
		const struct ast_dir *dir = &block->dirs[i];

		if (dir->kind != AST_DIRECTIVE)
			continue;
		if (!strcmp(dir->name.text, "shape"))
			ok &= add_shape(a, &s, dir, d);
		else if (!strcmp(dir->name.text, "expect"))
			ok &= add_expect(a, t, dir, d);
	}
	if (!s.v.n)
		vec_push(a, &s.v, (struct directives_shape){ .weight = 1 });
	t->shapes = s.v.v;
	t->n_shapes = s.v.n;
	return ok && t->item;
}

struct directives_test *directives_tests(struct arena *a,
	const struct ast_unit *u, int *n, struct diag *d)
{
	struct directives_test *t = ARENA_ARRAY(a, u->n_items + 1,
		struct directives_test);
	bool ok = true;

	*n = 0;
	for (int i = 0; i < u->n_items; i++)
		if (u->items[i].kind == AST_TEST)
			ok &= read_test(a, u, &u->items[i], &t[(*n)++], d);
	return ok ? t : NULL;
}
