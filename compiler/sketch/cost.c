/* SPDX-License-Identifier: MIT */
/* What expressions cost. */
#include "sketch/walk.h"

enum { WIDE_REGS = 16 };

/* Of operations in f32 that are not one instruction each: those that nvcc 13.0 makes
 * for sm_90a, on the road that numbers of ordinary size take. */
static const unsigned char instructions[N_OPS] = {
	[OP_DIV] = 11, [OP_MOD] = 6, [OP_EXP] = 8, [OP_EXP2] = 5, [OP_LOG] = 26,
	[OP_LOG2] = 28, [OP_SQRT] = 11, [OP_RSQRT] = 5, [OP_SIN] = 32,
	[OP_COS] = 32, [OP_TANH] = 16, [OP_ERF] = 23, [OP_POW] = 70
};

struct cost_of cost_add(struct cost_of x, struct cost_of y)
{
	return (struct cost_of){ x.ops + y.ops, x.special + y.special,
		x.issue + y.issue };
}

struct cost_of expr_own_cost(const struct ir_expr *e)
{
	if (e->kind == IR_CAST)
		return (struct cost_of){ 1, 0, 1 };
	if (e->kind != IR_OP)
		return (struct cost_of){ 0, 0, 0 };
	return (struct cost_of){ 1, e->op >= OP_EXP && e->op <= OP_ERF,
		instructions[e->op] ? instructions[e->op] : 1 };
}

struct cost_of expr_cost(const struct ir_expr *e)
{
	struct cost_of sum = expr_own_cost(e);

	if (e->kind == IR_READ)
		return sum;
	for (int i = 0; i < e->n_args; i++)
		sum = cost_add(sum, expr_cost(e->args[i]));
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
