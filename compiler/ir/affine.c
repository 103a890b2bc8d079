/* SPDX-License-Identifier: MIT */
/* Affine forms and element offsets. In come index expressions and layouts, out
 * go their values as c + sum of coefficients times axes where that is what
 * they are, as expressions always, and as numbers for known indices. */
#include "ir/linear.h"

bool ir_affine_beside(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, struct ir_affine *out,
	const struct ir_expr **beside, int64_t *times)
{
	struct linear l;

	*beside = NULL;
	*times = 0;
	if (e->type != T_I64)
		return false;
	linear_of(a, o, (struct ir_expr *)e, &l);
	out->c = l.c;
	out->coef = ARENA_ARRAY(a, o->n_axes, int64_t);
	for (int i = 0; i < l.n; i++) {
		if (l.t[i].e->kind == IR_AXIS) {
			out->coef[l.t[i].e->axis] = l.t[i].k;
			continue;
		}
		if (*beside)
			return false;
		*beside = l.t[i].e;
		*times = l.t[i].k;
	}
	return true;
}

bool ir_affine(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, struct ir_affine *out)
{
	const struct ir_expr *beside;
	int64_t times;

	return ir_affine_beside(a, o, e, out, &beside, &times) && !beside;
}

bool ir_address(struct arena *a, const struct ir_operator *o,
	const struct ir_tensor *t, struct ir_expr *const *idx,
	struct ir_affine *out)
{
	return ir_affine(a, o, ir_offset(a, t, idx), out);
}

static struct ir_expr *number(struct arena *a, int64_t v)
{
	return ir_int(a, v, T_I64);
}

static struct ir_expr *physical(struct arena *a, const struct ir_phys *p,
	struct ir_expr *e)
{
	if (e->type != T_I64)
		e = ir_cast(a, T_I64, e);
	if (p->div > 1)
		e = ir_apply(a, OP_DIV, T_I64, 2, e, number(a, p->div));
	if (p->mod)
		e = ir_apply(a, OP_MOD, T_I64, 2, e, number(a, p->mod));
	if (p->stride != 1)
		e = ir_apply(a, OP_MUL, T_I64, 2, e, number(a, p->stride));
	return e;
}

struct ir_expr *ir_offset(struct arena *a, const struct ir_tensor *t,
	struct ir_expr *const *idx)
{
	struct ir_expr *sum = NULL;

	for (int i = 0; i < t->n_phys; i++) {
		const struct ir_phys *p = &t->phys[i];
		struct ir_expr *e = physical(a, p, idx[p->dim]);

		sum = sum ? ir_apply(a, OP_ADD, T_I64, 2, sum, e) : e;
	}
	return sum ? sum : number(a, 0);
}

bool ir_dim_stride(const struct ir_tensor *t, int dim, int64_t *stride)
{
	int n = 0;

	for (int i = 0; i < t->n_phys; i++)
		if (t->phys[i].dim == dim) {
			*stride = t->phys[i].stride;
			n += t->phys[i].div > 1 || t->phys[i].mod ? 2 : 1;
		}
	return n == 1;
}

int64_t ir_offset_of(const struct ir_tensor *t, const int64_t *idx)
{
	int64_t sum = 0;

	for (int i = 0; i < t->n_phys; i++) {
		const struct ir_phys *p = &t->phys[i];
		int64_t v = floor_div(idx[p->dim], p->div ? p->div : 1);

		sum += (p->mod ? floor_mod(v, p->mod) : v) * p->stride;
	}
	return sum;
}
