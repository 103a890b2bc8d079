/* SPDX-License-Identifier: MIT */
/* Axis splitting. In comes a folded operator, out goes one in which an axis
 * that was divided by a constant, or taken modulo one, in an index or by a
 * layout, is two axes, so that addresses are affine:
 *
 *	w[f/4] over f:8   becomes   w[f_o] over f_o:2, f_i:4
 *
 * A dimension of a let or output that one statement writes or reads by such
 * digits is then written and read by the same digits everywhere, so that
 * statements still correspond axis by axis. Each split makes an axis shorter,
 * so this ends. Sums of which only some terms count are split too, and lose
 * what does not count: residue.c. */
#include <stdlib.h>
#include <string.h>

#include "ir/split.h"

/* Can the axis be split by "d"? */
static bool split_possible(const struct ir_operator *o, int axis, int64_t d)
{
	const struct ir_axis *x = &o->axes[axis];

	return d > 1 && !x->lo && x->extent > d && x->extent % d == 0;
}

/* Keeps the smallest divisor of the first axis that is divided. */
static void find_divided(struct ir_expr *e, void *ctx)
{
	struct split *s = ctx;

	if (e->kind != IR_OP || (e->op != OP_DIV && e->op != OP_MOD) ||
			e->args[0]->kind != IR_AXIS ||
			e->args[1]->kind != IR_INT ||
			!split_possible(s->o, e->args[0]->axis, e->args[1]->i))
		return;
	if (s->axis < 0 || (s->axis == e->args[0]->axis &&
			s->by > e->args[1]->i)) {
		s->axis = e->args[0]->axis;
		s->by = e->args[1]->i;
	}
}

static void find_in_address(struct split *s, int tensor, struct ir_expr **idx)
{
	struct ir_expr *e = ir_offset(s->a, &s->o->tensors[tensor], idx);

	ir_walk(ir_fold_expr(s->a, s->o, e), find_divided, s);
}

static void find_in_read(struct ir_expr *e, void *ctx)
{
	if (e->kind == IR_READ)
		find_in_address(ctx, e->tensor, e->args);
}

static bool find_direct(struct split *s)
{
	for (int i = 0; i < s->o->n_stmts && s->axis < 0; i++) {
		struct ir_stmt *t = &s->o->stmts[i];

		ir_walk(t->expr, find_divided, s);
		ir_walk(t->expr, find_in_read, s);
		find_in_address(s, t->tensor, t->index);
	}
	return s->axis >= 0;
}

/* ---- the same digits wherever a let is accessed ---- */

struct digit {
	int64_t coef, extent;
	int axis;
};

struct digits {
	struct digit *d;
	int n;
};

static int by_coef(const void *x, const void *y)
{
	const struct digit *p = x, *q = y;

	return (p->coef > q->coef) - (p->coef < q->coef);
}

/* The axes of index "e" as digits that count from 0 to size - 1. */
static bool digits_of(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, int64_t size, struct digits *out)
{
	struct ir_affine f;
	int64_t unit = 1;

	out->n = 0;
	if (!ir_affine(a, o, e, &f) || f.c)
		return false;
	out->d = ARENA_ARRAY(a, o->n_axes, struct digit);
	for (int i = 0; i < o->n_axes; i++) {
		if (!f.coef[i] || (o->axes[i].extent == 1 && !o->axes[i].lo))
			continue;
		if (o->axes[i].lo)
			return false;
		out->d[out->n++] = (struct digit){ f.coef[i],
			o->axes[i].extent, i };
	}
	qsort(out->d, (size_t)out->n, sizeof *out->d, by_coef);
	for (int i = 0; i < out->n; i++) {
		if (out->d[i].coef != unit)
			return false;
		unit *= out->d[i].extent;
	}
	return unit == size;
}

/* The first digit in which the two differ, where one divides the other: the
 * longer is to be split. A shorter one that is reduced is a window, which
 * nothing gains by following. */
static bool disagree(struct split *s, const struct digits *x,
	const struct digits *y)
{
	for (int i = 0; i < x->n && i < y->n; i++) {
		const struct digit *p = &x->d[i], *q = &y->d[i];

		if (p->extent == q->extent)
			continue;
		if (p->extent < q->extent) {
			p = &y->d[i];
			q = &x->d[i];
		}
		if (!split_possible(s->o, p->axis, q->extent) ||
				s->o->axes[q->axis].reduced)
			return false;
		s->axis = p->axis;
		s->by = q->extent;
		return true;
	}
	return false;
}

/* Accesses of one dimension seen so far. */
struct accesses {
	struct split *s;
	int tensor, dim;
	struct digits *seen;
	int n, cap;
};

static void add_access(struct accesses *c, struct ir_expr *e)
{
	struct split *s = c->s;
	const struct ir_tensor *t = &s->o->tensors[c->tensor];
	struct digits d;

	if (s->axis >= 0 || !digits_of(s->a, s->o, e, t->dims[c->dim], &d))
		return;
	for (int i = 0; i < c->n; i++)
		if (disagree(s, &c->seen[i], &d))
			return;
	if (c->n < c->cap)
		c->seen[c->n++] = d;
}

static void add_read(struct ir_expr *e, void *ctx)
{
	struct accesses *c = ctx;

	if (e->kind == IR_READ && e->tensor == c->tensor)
		add_access(c, e->args[c->dim]);
}

static void find_in_dim(struct split *s, int tensor, int dim)
{
	struct digits seen[16];
	struct accesses c = { s, tensor, dim, seen, 0, 16 };

	for (int i = 0; i < s->o->n_stmts; i++) {
		struct ir_stmt *t = &s->o->stmts[i];

		if (t->tensor == tensor)
			add_access(&c, t->index[dim]);
		ir_walk(t->expr, add_read, &c);
	}
}

static bool find_shared(struct split *s)
{
	for (int i = s->o->n_inputs; i < s->o->n_tensors; i++)
		for (int k = 0; k < s->o->tensors[i].rank; k++) {
			if (s->axis >= 0)
				return true;
			find_in_dim(s, i, k);
		}
	return s->axis >= 0;
}

/* ---- splitting ---- */

static bool taken(const struct ir_operator *o, int stmt, const char *name)
{
	for (int i = 0; i < o->n_axes; i++)
		if (o->axes[i].stmt == stmt && !strcmp(o->axes[i].name, name))
			return true;
	return false;
}

/* An axis like "axis" named with "suffix", and a number if that is taken. */
static int part_of(struct split *s, const char *suffix, int64_t extent)
{
	struct ir_axis x = s->o->axes[s->axis];
	const char *base = x.name;

	x.name = arena_printf(s->a, "%s%s", base, suffix);
	for (int i = 2; taken(s->o, x.stmt, x.name); i++)
		x.name = arena_printf(s->a, "%s%s%d", base, suffix, i);
	x.extent = extent;
	return ir_add_axis(s->a, s->o, x);
}

/* "axes" with "axis" replaced by two. */
static int *replaced(struct arena *a, const int *axes, int *n, int axis,
	const int *by)
{
	int *v = ARENA_ARRAY(a, *n + 1, int), m = 0;

	for (int i = 0; i < *n; i++) {
		v[m++] = axes[i] == axis ? by[0] : axes[i];
		if (axes[i] == axis)
			v[m++] = by[1];
	}
	*n = m;
	return v;
}

struct replacement {
	struct arena *a;
	int axis;
	const int *by;
};

static void replace_reduced(struct ir_expr *e, void *ctx)
{
	struct replacement *r = ctx;

	if (e->n_red)
		e->red = replaced(r->a, e->red, &e->n_red, r->axis, r->by);
}

static void split_axis(struct split *s)
{
	struct ir_operator *o = s->o;
	struct ir_stmt *t = &o->stmts[o->axes[s->axis].stmt];
	int by[2] = {
		part_of(s, "_o", o->axes[s->axis].extent / s->by),
		part_of(s, "_i", s->by)
	};
	struct replacement r = { s->a, s->axis, by };
	struct ir_expr **with = ARENA_ARRAY(s->a, o->n_axes, struct ir_expr *);

	with[s->axis] = ir_apply(s->a, OP_ADD, T_I64, 2,
		ir_apply(s->a, OP_MUL, T_I64, 2, ir_axis_value(s->a, by[0]),
			ir_int(s->a, s->by, T_I64)),
		ir_axis_value(s->a, by[1]));
	t->expr = ir_substitute(s->a, t->expr, with);
	ir_walk(t->expr, replace_reduced, &r);
	t->expr = ir_fold_expr(s->a, o, t->expr);
	t->axes = replaced(s->a, t->axes, &t->n_axes, s->axis, by);
	for (int i = 0; i < o->tensors[t->tensor].rank; i++)
		t->index[i] = ir_fold_expr(s->a, o,
			ir_substitute(s->a, t->index[i], with));
}

void ir_split_axis(struct arena *a, struct ir_operator *o, int axis, int64_t by)
{
	struct split s = { .a = a, .o = o, .axis = axis, .by = by };

	split_axis(&s);
}

static bool find(struct split *s)
{
	return find_direct(s) || residue_find(s) || find_shared(s);
}

void ir_split_axes(struct arena *a, struct ir_operator *o)
{
	struct split s = { .a = a, .o = o, .axis = -1 };

	do {
		while (find(&s)) {
			split_axis(&s);
			s.axis = -1;
		}
	} while (residue_collapse(&s));
}
