/* SPDX-License-Identifier: MIT */
/* What a group has to do, however it is done. In: an operator and one of its groups.
 * Out: operations as benchmarks count them: two for each multiply-add of a
 * contraction, of a chain's and of twins' both, those with what pad yields among them,
 * and nothing else of its group; of other groups one for each operation that
 * statements write, and for each term of a reduction. Indices and conversions cost
 * none. */
#include "ir/ir.h"

#include <assert.h>

static double extents(const struct ir_operator *o, const int *axes, int n)
{
	double all = 1;

	for (int i = 0; i < n; i++)
		all *= (double)o->axes[axes[i]].extent;
	return all;
}

/* Of one value of the expression. */
static double written(const struct ir_operator *o, const struct ir_expr *e)
{
	double sum = e->kind == IR_OP || e->kind == IR_REDUCE;

	if (e->kind == IR_READ)
		return 0;
	for (int i = 0; i < e->n_args; i++)
		sum += written(o, e->args[i]);
	return e->kind == IR_REDUCE ? sum * extents(o, e->red, e->n_red) : sum;
}

static double of_statement(const struct ir_operator *o, int stmt)
{
	const struct ir_stmt *s = &o->stmts[stmt];

	return extents(o, s->axes, s->n_axes) * written(o, s->expr);
}

/* The reduction's own terms: its factors may be computed. */
static double of_contraction(const struct ir_operator *o, int stmt)
{
	const struct ir_stmt *s = &o->stmts[stmt];
	const struct ir_expr *e = s->expr;

	assert(e->kind == IR_REDUCE);
	return 2 * extents(o, s->axes, s->n_axes) *
		extents(o, e->red, e->n_red);
}

double ir_operations(const struct ir_operator *o, const struct ir_group *g)
{
	double sum = 0;

	if (g->anchor == IR_CONTRACTION)
		return of_contraction(o, g->anchor_stmt);
	if (g->anchor == IR_CHAIN || g->anchor == IR_TWINS)
		return of_contraction(o, g->anchor_stmt) +
			of_contraction(o, g->second);
	for (int i = 0; i < g->n_stmts; i++)
		sum += of_statement(o, g->stmts[i]);
	return sum;
}
