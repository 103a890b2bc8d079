/* SPDX-License-Identifier: MIT */
/* Hoisting. In comes an operator, out goes one that means the same in which
 * every statement is a single reduction or has none: a reduction inside a
 * larger expression becomes a let NAME_red0 over the axes it uses, written
 * just before. Axes that start above 0 are counted from 0 in the let. */
#include <stdio.h>
#include <string.h>

#include "ir/group.h"
#include "ir/hoist.h"

static bool named(const struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (!strcmp(o->tensors[i].name, name))
			return true;
	return false;
}

static const char *fresh_name(struct hoist *h)
{
	const char *base = h->o->tensors[h->stmt->tensor].name, *name;

	do
		name = arena_printf(h->a, "%s_%s%d", base, h->suffix, h->count++);
	while (named(h->o, name));
	return name;
}

static void mark_axis(struct ir_expr *e, void *ctx)
{
	bool *used = ctx;

	if (e->kind == IR_AXIS)
		used[e->axis] = true;
}

/* New axes for statement "stmt" in place of those of "e" that are reduced in
 * it, so that "e" may be moved there. */
static void own_reduced(struct hoist *h, struct ir_expr *e, int stmt,
	struct ir_expr **with)
{
	for (int i = 0; i < e->n_red; i++) {
		struct ir_axis x = h->o->axes[e->red[i]];

		x.stmt = stmt;
		with[e->red[i]] = ir_axis_value(h->a,
			ir_add_axis(h->a, h->o, x));
	}
	for (int i = 0; i < e->n_args; i++)
		own_reduced(h, e->args[i], stmt, with);
}

static void rename_reduced(struct ir_expr *e, void *ctx)
{
	struct ir_expr **with = ctx;

	for (int i = 0; i < e->n_red; i++)
		e->red[i] = with[e->red[i]]->axis;
}

struct ir_expr *hoist_let(struct hoist *h, struct ir_expr *e)
{
	struct ir_operator *o = h->o;
	int stmt = h->stmts.n, n_axes = o->n_axes, rank = 0, room = h->scope.n;
	bool *used = ARENA_ARRAY(h->a, n_axes, bool);
	struct ir_expr **with = ARENA_ARRAY(h->a, n_axes + 1, struct ir_expr *);
	struct ir_expr **at = ARENA_ARRAY(h->a, room, struct ir_expr *);
	int64_t *dims = ARENA_ARRAY(h->a, room, int64_t);
	struct ir_stmt s = { .at = e->at, .axes = ARENA_ARRAY(h->a, room, int) };

	ir_walk(e, mark_axis, used);
	for (int i = 0; i < room; i++) {
		struct ir_axis x = o->axes[h->scope.v[i]];
		struct ir_expr *lo = ir_int(h->a, x.lo, T_I64), *v;
		bool shifted = x.lo != 0;

		if (!used[x.id])
			continue;
		at[rank] = ir_axis_value(h->a, x.id);
		if (shifted)
			at[rank] = ir_apply(h->a, OP_SUB, T_I64, 2, at[rank], lo);
		dims[rank] = x.extent;
		x = (struct ir_axis){ .name = x.name, .extent = x.extent,
			.stmt = stmt };
		s.axes[rank] = ir_add_axis(h->a, o, x);
		v = ir_axis_value(h->a, s.axes[rank]);
		with[h->scope.v[i]] = shifted ?
			ir_apply(h->a, OP_ADD, T_I64, 2, v, lo) : v;
		rank++;
	}
	own_reduced(h, e, stmt, with);
	s.n_axes = rank;
	s.index = ir_axis_values(h->a, s.axes, rank);
	s.expr = ir_substitute(h->a, e, with);
	ir_walk(s.expr, rename_reduced, with);
	s.expr = ir_fold_expr(h->a, o, s.expr);
	s.tensor = ir_add_let(h->a, o, fresh_name(h), e->type, dims, rank);
	vec_push(h->a, &h->stmts, s);
	return ir_read_tensor(h->a, &o->tensors[s.tensor], at);
}

static struct ir_expr *hoisted(struct hoist *h, struct ir_expr *e, bool top)
{
	struct ir_expr *c;
	int scope = h->scope.n;

	if (!e->n_args)
		return e;
	c = ARENA_NEW(h->a, struct ir_expr);
	*c = *e;
	c->args = ARENA_ARRAY(h->a, e->n_args, struct ir_expr *);
	for (int i = 0; i < e->n_red; i++)
		vec_push(h->a, &h->scope, e->red[i]);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = hoisted(h, e->args[i], false);
	h->scope.n = scope;
	return c->kind == IR_REDUCE && !top ? hoist_let(h, c) : c;
}

static void mark_reduce(struct ir_expr *e, void *ctx)
{
	int *n = ctx;

	*n += e->kind == IR_REDUCE;
}

static bool needs_hoisting(struct ir_expr *e)
{
	int n = 0;

	ir_walk(e, mark_reduce, &n);
	return n > (e->kind == IR_REDUCE);
}

void hoist_begin(struct hoist *h, const struct ir_stmt *s)
{
	h->stmt = s;
	h->count = 0;
	h->scope.n = 0;
	for (int i = 0; i < s->n_axes; i++)
		vec_push(h->a, &h->scope, s->axes[i]);
}

void hoist_end(struct hoist *h, struct ir_stmt *s)
{
	group_own_axes(h->o, s, h->stmts.n);
	vec_push(h->a, &h->stmts, *s);
}

void ir_hoist(struct arena *a, struct ir_operator *o)
{
	struct hoist h = { .a = a, .o = o, .suffix = "red" };

	for (int i = 0; i < o->n_stmts; i++) {
		struct ir_stmt *s = &o->stmts[i];

		hoist_begin(&h, s);
		if (needs_hoisting(s->expr))
			s->expr = ir_fold_expr(a, o, hoisted(&h, s->expr, true));
		hoist_end(&h, s);
	}
	o->stmts = h.stmts.v;
	o->n_stmts = h.stmts.n;
}
