/* SPDX-License-Identifier: MIT */
/* What tf32 does to a sum of products of f32, as a statement that the reference
 * bounds. Each factor x is the sum of what tf32 keeps of it, h, and a rest r.
 *
 * tf32 sums h(x) h(y). 3xtf32 sums h(x) h(y) + h(x) t(r(y)) + t(r(x)) h(y),
 * where t rounds to tf32 once more: what is lost of x y is
 *
 *	r(x) r(y) + h(x) (r(y) - t(r(y))) + (r(x) - t(r(x))) h(y)
 *
 * of which the last two are at most 2^-11 |r| times the other factor each. */
#include "sketch/mma.h"

#include <math.h>

static struct ir_expr *kept(struct arena *a, const struct ir_expr *x)
{
	return ir_cast(a, T_F32, ir_cast(a, T_TF32, (struct ir_expr *)x));
}

/* 0 as a value; as a bound, what tf32 loses of "x". */
static struct ir_expr *rest(struct arena *a, const struct ir_expr *x)
{
	return ir_apply(a, OP_SUB, T_F32, 2, (struct ir_expr *)x,
		kept(a, x));
}

static struct ir_expr *times(struct arena *a, struct ir_expr *x,
	struct ir_expr *y)
{
	return ir_apply(a, OP_MUL, T_F32, 2, x, y);
}

static struct ir_expr *plus(struct arena *a, struct ir_expr *x,
	struct ir_expr *y)
{
	return ir_apply(a, OP_ADD, T_F32, 2, x, y);
}

static struct ir_expr *in_three(struct arena *a, const struct ir_expr *x,
	const struct ir_expr *y)
{
	struct ir_expr *lost = plus(a, times(a, rest(a, x),
		(struct ir_expr *)y), times(a, (struct ir_expr *)x,
		rest(a, y)));

	lost = times(a, lost, ir_float(a, ldexp(1, -11), T_F32));
	lost = plus(a, lost, times(a, rest(a, x), rest(a, y)));
	return plus(a, times(a, (struct ir_expr *)x,
		(struct ir_expr *)y), lost);
}

/* "sum" with other terms. */
static struct ir_expr *sum_of(struct arena *a, const struct ir_expr *sum,
	struct ir_expr *terms)
{
	struct ir_expr *e = ARENA_NEW(a, struct ir_expr);

	*e = *sum;
	e->args = ARENA_ARRAY(a, 1, struct ir_expr *);
	e->args[0] = terms;
	return e;
}

bool mma_arithmetic(const struct task *t, struct arena *a, const int *values,
	struct ir_operator *o)
{
	const struct mma *f = t->state;
	const struct ir_expr *l = f->of.c.left_value, *r = f->of.c.right_value;
	struct ir_expr *terms = values[MMA_PRECISION] == MMA_3XTF32 ?
		in_three(a, l, r) : times(a, kept(a, l), kept(a, r));

	if (values[MMA_PRECISION] == MMA_AS_THEY_ARE)
		return false;
	for (int i = 0; i < o->n_stmts; i++)
		if (o->stmts[i].tensor == f->of.c.stmt->tensor &&
		    o->stmts[i].expr->kind == IR_REDUCE)
			o->stmts[i].expr = sum_of(a, o->stmts[i].expr, terms);
	return true;
}
