/* SPDX-License-Identifier: MIT */
/* Expressions made ready for evaluation: a tree of nodes with room for LANES
 * values each, affine indices as short lists of terms, layouts without div and
 * mod as one stride a dimension. Made once per statement. */
#include "ir/eval_private.h"

#include <assert.h>
#include <math.h>

struct eval_index plan_index(struct ir_eval *e, const struct ir_expr *x)
{
	struct eval_index out = { 0 };
	struct ir_affine f;
	int n = 0;

	out.affine = ir_affine(e->a, e->o, x, &f);
	if (!out.affine)
		return out;
	out.c = f.c;
	for (int i = 0; i < e->o->n_axes; i++)
		n += f.coef[i] != 0;
	out.terms = ARENA_ARRAY(e->a, (size_t)n, struct eval_term);
	for (int i = 0; i < e->o->n_axes; i++)
		if (f.coef[i])
			out.terms[out.n_terms++] = (struct eval_term){
				i, f.coef[i] };
	return out;
}

/* Strides of logical dimensions in elements: those of the layout for an input
 * (false if it has div or mod), row-major for what the memo holds. */
static bool strides(const struct ir_tensor *t, int64_t *stride)
{
	int64_t s = 1;

	for (int d = 0; d < t->rank; d++)
		stride[d] = 0;
	if (t->role != IR_IN) {
		for (int d = t->rank - 1; d >= 0; d--) {
			stride[d] = s;
			s *= t->dims[d];
		}
		return true;
	}
	for (int i = 0; i < t->n_phys; i++) {
		if (t->phys[i].div > 1 || t->phys[i].mod != 0)
			return false;
		stride[t->phys[i].dim] += t->phys[i].stride;
	}
	return true;
}

static void plan_read(struct ir_eval *e, struct node *x)
{
	const struct ir_expr *r = x->e;
	struct eval_read *p = ARENA_NEW(e->a, struct eval_read);

	p->tensor = &e->o->tensors[r->tensor];
	assert(p->tensor->rank <= IR_RANK && r->n_args == p->tensor->rank);
	p->strided = strides(p->tensor, p->stride);
	p->straight = p->strided && r->pad != IR_PAD_EDGE;
	p->index = ARENA_ARRAY(e->a, (size_t)r->n_args, struct eval_index);
	p->pad = r->pad == IR_PAD_VALUE ?
		dtype_round(p->tensor->type, r->f) : (double)NAN;
	p->pad_quantum = num_low_bit(p->pad);
	for (int d = 0; d < r->n_args; d++) {
		p->index[d] = plan_index(e, r->args[d]);
		if (p->index[d].affine)
			continue;
		p->index[d].node = plan_node(e, r->args[d]);
		p->straight = false;
	}
	x->read = p;
}

static void plan_reduce(struct ir_eval *e, struct node *x)
{
	struct eval_reduce *r = ARENA_NEW(e->a, struct eval_reduce);
	double *room = ARENA_ARRAY(e->a, 6 * LANES, double);

	r->axes = x->e->red;
	r->n_axes = x->e->n_red;
	r->points = 1;
	r->longest = r->axes[0];
	for (int i = 0; i < r->n_axes; i++) {
		r->points *= e->o->axes[r->axes[i]].extent;
		if (e->o->axes[r->axes[i]].extent >
		    e->o->axes[r->longest].extent)
			r->longest = r->axes[i];
	}
	r->value = room;
	r->magnitude = room + LANES;
	r->error = room + 2 * LANES;
	r->place = room + 3 * LANES;
	r->low = room + 4 * LANES;
	r->high = room + 5 * LANES;
	r->whole = ARENA_ARRAY(e->a, LANES, int64_t);
	x->reduce = r;
}

/* The same in every lane, once and for all. */
static void plan_constant(struct node *x)
{
	double v = x->e->kind == IR_INT ? (double)x->e->i : x->e->f, err = 0;
	double q = num_low_bit(v);

	if (dtype_is_float(x->e->type) && isfinite(v) &&
	    dtype_round(x->e->type, v) != v) {
		err = x->format.u * fabs(v) + x->format.least / 2;
		q = 0;
	}
	for (int i = 0; i < LANES; i++) {
		x->v[i] = v;
		x->err[i] = err;
		if (x->whole)
			x->whole[i] = x->e->kind == IR_INT ? x->e->i :
				(int64_t)v;
	}
	x->exact = err == 0;
	x->quantum = q;
}

static void plan_args(struct ir_eval *e, struct node *x)
{
	x->args = ARENA_ARRAY(e->a, (size_t)x->e->n_args, struct node *);
	for (int i = 0; i < x->e->n_args; i++)
		x->args[i] = plan_node(e, x->e->args[i]);
}

static void join(const struct ir_eval *e, struct node *x, const struct node *of)
{
	for (int i = 0; i < e->o->n_axes; i++)
		x->along[i] |= of->along[i];
}

/* By axis, whether the value changes along it: a reduction's own say nothing, for it
 * goes through them itself. */
static void plan_along(const struct ir_eval *e, struct node *x)
{
	if (x->e->kind == IR_AXIS)
		x->along[x->e->axis] = true;
	for (int d = 0; x->read && d < x->e->n_args; d++) {
		const struct eval_index *index = &x->read->index[d];

		for (int i = 0; i < index->n_terms; i++)
			x->along[index->terms[i].axis] = true;
		if (index->node)
			join(e, x, index->node);
	}
	for (int i = 0; !x->read && i < x->e->n_args; i++)
		join(e, x, x->args[i]);
}

struct node *plan_node(struct ir_eval *e, const struct ir_expr *x)
{
	struct node *n = ARENA_NEW(e->a, struct node);
	bool arith = x->kind == IR_OP || x->kind == IR_REDUCE ||
		x->kind == IR_FLOAT;

	n->e = x;
	n->format = arith ? format_arith(x->type) : format_cast(x->type);
	n->along = ARENA_ARRAY(e->a, (size_t)e->o->n_axes + 1, bool);
	n->own_v = n->v = ARENA_ARRAY(e->a, 2 * LANES, double);
	n->own_err = n->err = n->own_v + LANES;
	if (x->type == T_I64)
		n->own_whole = n->whole = ARENA_ARRAY(e->a, LANES, int64_t);
	if (x->kind == IR_INT || x->kind == IR_FLOAT)
		plan_constant(n);
	if (x->kind == IR_READ)
		plan_read(e, n);
	else
		plan_args(e, n);
	if (x->kind == IR_REDUCE)
		plan_reduce(e, n);
	plan_along(e, n);
	return n;
}
