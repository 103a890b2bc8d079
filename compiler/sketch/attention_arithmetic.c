/* SPDX-License-Identifier: MIT */
/* What attention computes, where that is not what its statements say: weights are
 * rounded as exp(x - maximum so far), which later grows into what rows are divided
 * by. A value's rounding is off by what its significand makes of a unit roundoff u,
 * between u / 2 and u of it; of another multiple of it by up to u. What the
 * statement's own bound may lack is u / 2, beside which it is nothing that sums are
 * multiplied with 1 / z in f32 where the source divides by z. */
#include "sketch/attention.h"

#include <math.h>

static struct ir_expr *op2(struct arena *a, enum op op, struct ir_expr *x,
	struct ir_expr *y)
{
	return ir_apply(a, op, T_F32, 2, x, y);
}

/* 0 as a value; as a bound, u / 2 of type "t": the interpreter keeps a value exact and
 * adds to its bound what a cast may lose, of 1 + u / 2 half a unit. */
static struct ir_expr *half_roundoff(struct arena *a, enum dtype t)
{
	struct ir_expr *x = ir_float(a, 1 + ldexp(0.5,
		-dtype_row(t)->significand), T_F32);

	return op2(a, OP_SUB, x, ir_cast(a, T_F32, ir_cast(a, t, x)));
}

bool attention_arithmetic(const struct task *t, struct arena *a,
	const int *values, struct ir_operator *o)
{
	const struct attention *f = t->state;
	const struct ir_contraction *c = &f->of.c;
	struct ir_expr *x = ir_cast(a, T_F32, (struct ir_expr *)(f->rows_m ?
		c->left_value : c->right_value));
	struct ir_expr *y = ir_cast(a, T_F32, (struct ir_expr *)(f->rows_m ?
		c->right_value : c->left_value));

	(void)values;
	x = op2(a, OP_ADD, x, op2(a, OP_MUL, x, half_roundoff(a, f->w.type)));
	for (int i = 0; i < o->n_stmts && f->w.scaled; i++)
		if (o->stmts[i].tensor == c->stmt->tensor &&
		    o->stmts[i].expr->kind == IR_REDUCE)
			o->stmts[i].expr = ir_reduce_of(a, o->stmts[i].expr,
				op2(a, OP_MUL, x, y));
	return f->w.scaled;
}
