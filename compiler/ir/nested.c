/* SPDX-License-Identifier: MIT */
/* Sums of sums. In comes a hoisted operator, out goes one that means the same in which
 * a sum over scaled sums, each a let of its own, is one sum over all of their axes,
 * where that makes it a contraction: of q over s[j, q] times the sum of k over
 * a[i, q, k] * b[j, q, k]. The let would be as large as the result for each q. Sums may
 * be made in any order. */
#include "ir/group.h"

#include <string.h>

static bool is_sum(const struct ir_expr *e)
{
	return e->kind == IR_REDUCE && e->reducer == RED_SUM && e->type == T_F32;
}

static bool is_read_once(struct arena *a, const struct ir_operator *o,
	int tensor)
{
	struct group_reads reads = {0};
	int n = 0;

	for (int i = 0; i < o->n_stmts; i++)
		group_collect(a, o, o->stmts[i].expr, &reads);
	for (int i = 0; i < reads.n; i++)
		n += reads.v[i]->tensor == tensor;
	return n == 1;
}

/* The statement whose sums "e", a factor, reads, each where its axes say; or NULL. */
static const struct ir_stmt *summed(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e)
{
	const struct ir_stmt *s;
	int writer;

	if (e->kind != IR_READ || o->tensors[e->tensor].role != IR_LET)
		return NULL;
	writer = group_writer(o, e->tensor);
	if (writer < 0 || !is_sum(o->stmts[writer].expr) ||
	    !is_read_once(a, o, e->tensor))
		return NULL;
	s = &o->stmts[writer];
	for (int i = 0; i < e->n_args; i++)
		if (s->index[i]->kind != IR_AXIS || e->args[i]->kind != IR_AXIS ||
		    o->axes[s->index[i]->axis].extent !=
		    o->axes[e->args[i]->axis].extent ||
		    o->axes[s->index[i]->axis].lo ||
		    o->axes[e->args[i]->axis].lo)
			return NULL;
	return s;
}

/* The factor of product "e" that reads such sums, or NULL. */
static const struct ir_expr *find(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e)
{
	const struct ir_expr *x;

	if (e->type != T_F32)
		return NULL;
	if (e->kind != IR_OP || e->op != OP_MUL)
		return summed(a, o, e) ? e : NULL;
	x = find(a, o, e->args[0]);
	return x ? x : find(a, o, e->args[1]);
}

/* "e" with "by" in place of its factor "x". */
static struct ir_expr *replaced(struct arena *a, struct ir_expr *e,
	const struct ir_expr *x, struct ir_expr *by)
{
	if (e == x)
		return by;
	if (e->kind != IR_OP || e->op != OP_MUL)
		return e;
	return ir_apply(a, OP_MUL, e->type, 2, replaced(a, e->args[0], x, by),
		replaced(a, e->args[1], x, by));
}

/* What statement "stmt", an axis of which each of the let's is, sums in place of the
 * let's sum; "axes" become those that this is over. */
static struct ir_expr *terms_of(struct arena *a, struct ir_operator *o, int stmt,
	const struct ir_expr *read, int *axes)
{
	const struct ir_stmt *s = summed(a, o, read);
	int n = o->n_axes;
	struct ir_expr **with = ARENA_ARRAY(a, n, struct ir_expr *);

	for (int i = 0; i < read->n_args; i++)
		with[s->index[i]->axis] = read->args[i];
	for (int i = 0; i < s->expr->n_red; i++) {
		struct ir_axis x = o->axes[s->expr->red[i]];

		x.stmt = stmt;
		axes[i] = ir_add_axis(a, o, x);
		with[s->expr->red[i]] = ir_axis_value(a, axes[i]);
	}
	return ir_substitute(a, s->expr->args[0], with);
}

/* The one sum of statement "i"; NULL: it is of none. */
static struct ir_expr *joined(struct arena *a, struct ir_operator *o, int i)
{
	struct ir_expr *whole = o->stmts[i].expr, *e;
	int *axes;
	const struct ir_expr *read = is_sum(whole) ? find(a, o,
		whole->args[0]) : NULL;
	int n, inner;

	if (!read || read == whole->args[0])
		return NULL;
	n = whole->n_red;
	inner = summed(a, o, read)->expr->n_red;
	axes = ARENA_ARRAY(a, n + inner, int);
	memcpy(axes, whole->red, (size_t)n * sizeof *axes);
	e = ir_reduce_of(a, whole, replaced(a, whole->args[0], read, terms_of(a,
		o, i, read, axes + n)));
	e->red = axes;
	e->n_red = n + inner;
	return e;
}

void group_nested(struct arena *a, struct ir_operator *o)
{
	for (int i = 0; i < o->n_stmts; i++) {
		struct ir_expr *whole = o->stmts[i].expr;
		struct ir_expr *e = joined(a, o, i);

		if (!e)
			continue;
		o->stmts[i].expr = e;
		if (!group_contracts(a, o, i))
			o->stmts[i].expr = whole;
	}
}
