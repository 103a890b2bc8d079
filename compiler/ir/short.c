/* SPDX-License-Identifier: MIT */
/* Reductions of few elements. In comes a let that sums, multiplies or compares
 * no more than SHORT elements, out goes the same as an expression over all of
 * them, which can be computed where the let is read: the squared distance of two
 * points in space needs no memory. */
#include "ir/group.h"

enum { SHORT = 9, LONGEST = 256 };

static enum op joins(enum reducer r)
{
	switch (r) {
	case RED_SUM: return OP_ADD;
	case RED_PROD: return OP_MUL;
	case RED_MAX: return OP_MAX;
	case RED_MIN: return OP_MIN;
	default: return N_OPS;
	}
}

static int64_t elements(const struct ir_operator *o, const struct ir_expr *e)
{
	int64_t n = 1;

	for (int i = 0; i < e->n_red && n <= SHORT; i++) {
		int64_t extent = o->axes[e->red[i]].extent;

		n *= extent <= SHORT ? extent : SHORT + 1;
	}
	return n;
}

static bool is_short(const struct ir_operator *o, const struct ir_stmt *s)
{
	const struct ir_expr *e = s->expr;

	if (o->tensors[s->tensor].role != IR_LET || e->kind != IR_REDUCE ||
	    joins(e->reducer) == N_OPS ||
	    dtype_widen(e->args[0]->type, e->type) != e->type ||
	    ir_any_open(o, e->red, e->n_red) || elements(o, e) < 2 ||
	    elements(o, e) > SHORT)
		return false;
	return ir_nodes(e->args[0]) * elements(o, e) <= LONGEST;
}

/* Element number "at" of the reduction. */
static struct ir_expr *element(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, int64_t at, struct ir_expr **with)
{
	for (int i = e->n_red - 1; i >= 0; i--) {
		const struct ir_axis *x = &o->axes[e->red[i]];

		with[x->id] = ir_int(a, x->lo + at % x->extent, T_I64);
		at /= x->extent;
	}
	return ir_substitute(a, e->args[0], with);
}

struct ir_expr *group_written_out(struct arena *a, const struct ir_operator *o,
	const struct ir_stmt *s)
{
	struct ir_expr **with = ARENA_ARRAY(a, o->n_axes + 1, struct ir_expr *);
	struct ir_expr *all;

	if (!is_short(o, s))
		return NULL;
	all = element(a, o, s->expr, 0, with);
	for (int64_t i = 1; i < elements(o, s->expr); i++)
		all = ir_apply(a, joins(s->expr->reducer), s->expr->type, 2, all,
			element(a, o, s->expr, i, with));
	return ir_fold_expr(a, o, all);
}
