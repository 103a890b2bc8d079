/* SPDX-License-Identifier: MIT */
/* What scores are multiplied with before their maximum is known. Where that is one
 * positive number c, x has the place of c * x, of which the greatest is c times that
 * of x, however products round; and c goes into log2(e), by which all that becomes
 * a power of two is multiplied anyway. */
#include "sketch/attention.h"

#include <math.h>

/* What constants come to; NaN: "e" is made of more. */
static double number(const struct ir_expr *e)
{
	double x, y;

	if (e->kind == IR_FLOAT)
		return e->f;
	if (e->kind == IR_INT)
		return (double)e->i;
	if (e->kind == IR_CAST && dtype_is_float(e->type))
		return number(e->args[0]);
	if (e->kind != IR_OP || e->n_args > 2)
		return NAN;
	x = number(e->args[0]);
	y = e->n_args == 2 ? number(e->args[1]) : 1;
	return e->op == OP_MUL ? x * y : e->op == OP_DIV ? x / y :
		e->op == OP_SQRT ? sqrt(x) : e->op == OP_RSQRT ? 1 / sqrt(x) :
		NAN;
}

/* Of argument "i" of a product or quotient in f32; 0: it is no positive number. */
static double factor_at(const struct ir_expr *e, int i)
{
	double x = e->kind == IR_OP && e->type == T_F32 && (e->op == OP_MUL ||
		(e->op == OP_DIV && i == 1)) ? number(e->args[i]) : 0;

	if (x > 0 && e->op == OP_DIV)
		x = 1 / x;
	return isnormal((float)x) && x > 0 ? x : 0;
}

/* "e" without such factors, which "factor" gets. What hides a score hides it still:
 * -inf has any factor. */
static const struct ir_expr *without(struct arena *a, const struct attention *f,
	const struct ir_expr *e, double *factor)
{
	struct ir_expr *rest;

	e = attention_resolved(f, e);
	for (int i = 0; i < 2; i++)
		if (factor_at(e, i) > 0) {
			*factor *= factor_at(e, i);
			return without(a, f, e->args[1 - i], factor);
		}
	if (e->kind != IR_OP || e->op != OP_SELECT ||
	    e->args[2]->kind != IR_FLOAT || e->args[2]->f != -INFINITY)
		return e;
	rest = (struct ir_expr *)without(a, f, e->args[1], factor);
	return ir_apply(a, OP_SELECT, T_F32, 3, e->args[0], rest, e->args[2]);
}

void attention_find_factor(const struct task *t, struct attention *f)
{
	const struct ir_expr *rest;
	double factor = 1, same = 1;

	f->w.factor = 1;
	f->w.score = f->w.shifted;
	f->w.seen = f->w.visible;
	if (!f->w.shifted || f->w.far)
		return;
	rest = without(t->a, f, f->w.shifted, &factor);
	if (factor == 1 || !isnormal((float)factor))
		return;
	if (f->limited)
		f->w.seen = without(t->a, f, f->w.visible, &same);
	if (f->limited && same != factor) {	/* a choice it stands behind is gone */
		f->w.seen = f->w.visible;
		return;
	}
	f->w.factor = factor;
	f->w.score = rest;
}
