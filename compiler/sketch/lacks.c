/* SPDX-License-Identifier: MIT */
/* Which types no sketch computes: CUDA cores have none of them. */
#include "sketch/sketch.h"

static bool computable(enum dtype t)
{
	return t != T_TF32 && t != T_I4 && t != T_U4;
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

const char *sketch_lacks(const struct ir_operator *o, const struct ir_group *g)
{
	struct type_search s = { o, T_NONE };

	for (int i = 0; i < g->n_stmts; i++) {
		const struct ir_stmt *x = &o->stmts[g->stmts[i]];

		if (!computable(o->tensors[x->tensor].type))
			s.bad = o->tensors[x->tensor].type;
		ir_walk(x->expr, look_at_type, &s);
	}
	return s.bad == T_NONE ? NULL : dtype_row(s.bad)->name;
}
