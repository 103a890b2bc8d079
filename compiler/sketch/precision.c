/* SPDX-License-Identifier: MIT */
/* What tf32 does to a sum of products of f32, as a statement that the reference
 * bounds. Each factor x is the sum of what tf32 keeps of it, h, and a rest r.
 *
 * tf32 sums h(x) h(y). 3xtf32 sums h(x) h(y) + h(x) t(r(y)) + t(r(x)) h(y),
 * where t rounds to tf32 once more: what is lost of x y is
 *
 *	r(x) r(y) + h(x) (r(y) - t(r(y))) + (r(x) - t(r(x))) h(y)
 *
 * of which the last two are at most 2^-11 |r| times the other factor each.
 *
 * Cutting bits off loses up to twice what rounding may, 2^-10 |x|. */
#include "sketch/precision.h"

#include <math.h>
#include <string.h>

const char *const precision_words[] = { "auto", "tf32", "3xtf32", NULL };

/* The type of 16 bits that one factor has beside an f32, or T_NONE. */
static enum dtype half_of(const struct ir_contraction *c)
{
	enum dtype l = c->left_value->type, r = c->right_value->type;
	enum dtype other = l == T_F32 ? r : l;

	return (l == T_F32) != (r == T_F32) && dtype_row(other)->bits == 16 &&
		dtype_is_float(other) ? other : T_NONE;
}

const char *precision_unsaid(struct arena *a, const struct ir_contraction *c)
{
	const char *half = dtype_row(half_of(c))->name;
	const char *convert = "";

	if (half_of(c) != T_NONE)
		convert = arena_printf(a, ", and %s(...) around the factor that "
			"is f32 makes both %s", half, half);
	return arena_printf(a, "tensor cores multiply f32 as tf32, with 10 of "
		"its 23 bits, or in three products of such: mma(STATEMENT, "
		"precision = tf32) or 3xtf32 allows that%s", convert);
}

bool precision_is_thrice(const struct schedule *s, const char *tensor)
{
	const struct sched_arg *arg = sched_said(s, "mma", tensor,
		"precision");

	return arg && arg->value.n == 1 &&
		arg->value.choices[0]->kind == SX_NAME &&
		!strcmp(arg->value.choices[0]->name, "3xtf32");
}

bool precision_said(const struct schedule *s, const char *tensor)
{
	return sched_said(s, "mma", tensor, "precision");
}

/* ---- what it does to a sum ---- */

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

/* "x", with what a cut loses of it at most as a bound: four times what tf32
 * loses of 1 + 2^-12, which is 2^-12. */
static struct ir_expr *cut(struct arena *a, const struct ir_expr *x)
{
	struct ir_expr *one = ir_float(a, 1 + ldexp(1, -12), T_F32);
	struct ir_expr *lost = times(a, rest(a, one), ir_float(a, 4, T_F32));

	return plus(a, (struct ir_expr *)x, times(a, (struct ir_expr *)x,
		lost));
}

static struct ir_expr *product(struct arena *a, const struct ir_contraction *c,
	enum precision p)
{
	const struct ir_expr *l = c->left_value, *r = c->right_value;

	switch (p) {
	case PRECISION_TF32:
		return times(a, kept(a, l), kept(a, r));
	case PRECISION_3XTF32:
		return in_three(a, l, r);
	case PRECISION_CUT:
		return times(a, cut(a, l), cut(a, r));
	case PRECISION_AUTO:
		break;
	}
	return NULL;
}

bool precision_rewrite(struct arena *a, const struct ir_contraction *c,
	enum precision p, struct ir_operator *o)
{
	struct ir_expr *terms = product(a, c, p);

	for (int i = 0; i < o->n_stmts && terms; i++)
		if (o->stmts[i].tensor == c->stmt->tensor &&
		    o->stmts[i].expr->kind == IR_REDUCE)
			o->stmts[i].expr = ir_reduce_of(a, o->stmts[i].expr, terms);
	return terms;
}

/* ---- code ---- */

static struct kx *tf32(struct arena *a, struct kx *x)
{
	return kx_cast(a, T_F32, kx_cast(a, T_TF32, x));
}

struct kx *precision_split(struct arena *a, struct k_block *b, struct kx *x,
	struct kx **rest)
{
	struct kx *whole = ks_let(a, b, "whole", x);
	struct kx *high = ks_let(a, b, "high", tf32(a, whole));

	*rest = tf32(a, kx_op(a, OP_SUB, T_F32, 2, whole, high));
	return high;
}
