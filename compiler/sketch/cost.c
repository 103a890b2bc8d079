/* SPDX-License-Identifier: MIT */
/* What expressions cost. */
#include "sketch/walk.h"

enum { WIDE_REGS = 16 };

struct cost_of expr_own_cost(const struct ir_expr *e)
{
	return (struct cost_of){ e->kind == IR_OP || e->kind == IR_CAST,
		e->kind == IR_OP && e->op >= OP_EXP && e->op <= OP_ERF };
}

struct cost_of expr_cost(const struct ir_expr *e)
{
	struct cost_of sum = expr_own_cost(e);

	if (e->kind == IR_READ)
		return sum;
	for (int i = 0; i < e->n_args; i++) {
		struct cost_of x = expr_cost(e->args[i]);

		sum.ops += x.ops;
		sum.special += x.special;
	}
	return sum;
}

bool expr_wide(const struct ir_expr *e)
{
	bool wide = e->type == T_F64 && e->kind != IR_READ;

	for (int i = 0; !wide && e->kind != IR_READ && i < e->n_args; i++)
		wide = expr_wide(e->args[i]);
	return wide;
}

int expr_aside(const struct ir_expr *e)
{
	int words = e->kind == IR_OP && e->type == T_F64 && (e->op == OP_DIV ||
		e->op == OP_SQRT || op_rows[e->op].ulp > 0.5) ? WIDE_REGS : 0;

	for (int i = 0; !words && e->kind != IR_READ && i < e->n_args; i++)
		words = expr_aside(e->args[i]);
	return words;
}
