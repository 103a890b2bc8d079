/* SPDX-License-Identifier: MIT */
/* What expressions cost, and whether CUDA cores compute their types. */
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

static bool computable(enum dtype t)
{
	return t != T_TF32 && t != T_E4M3 && t != T_E5M2 && t != T_I4 &&
		t != T_U4;
}

struct type_search {
	const struct ir_operator *o;
	enum dtype bad;
};

static void look_at_type(struct ir_expr *e, void *ctx)
{
	struct type_search *s = ctx;

	if (!computable(e->type))
		s->bad = e->type;
	if (e->kind == IR_READ && !computable(s->o->tensors[e->tensor].type))
		s->bad = s->o->tensors[e->tensor].type;
}

const char *group_types(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g)
{
	struct type_search s = { o, T_NONE };

	for (int i = 0; i < g->n_stmts; i++) {
		const struct ir_stmt *x = &o->stmts[g->stmts[i]];

		if (!computable(o->tensors[x->tensor].type))
			s.bad = o->tensors[x->tensor].type;
		ir_walk(x->expr, look_at_type, &s);
	}
	if (s.bad == T_NONE)
		return NULL;
	return arena_printf(a, "it computes on CUDA cores, which have no %s",
		dtype_row(s.bad)->name);
}
