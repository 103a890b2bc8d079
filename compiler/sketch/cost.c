/* SPDX-License-Identifier: MIT */
/* What expressions cost. */
#include "sketch/walk.h"

struct cost_of expr_cost(const struct ir_expr *e)
{
	struct cost_of sum = { 0, 0 };

	if (e->kind == IR_READ)
		return sum;
	for (int i = 0; i < e->n_args; i++) {
		struct cost_of x = expr_cost(e->args[i]);

		sum.ops += x.ops;
		sum.special += x.special;
	}
	if (e->kind == IR_OP && e->op >= OP_EXP && e->op <= OP_ERF)
		sum.special += 1;
	if (e->kind == IR_OP || e->kind == IR_CAST)
		sum.ops += 1;
	return sum;
}
