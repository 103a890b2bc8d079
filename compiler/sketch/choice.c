/* SPDX-License-Identifier: MIT */
/* Indices that batches choose. In comes an operand, an index of which is made of
 * axes of batches alone but not affine; out go its value in a batch, read once, and
 * what it moves: an address, or a coordinate of a map. */
#include "sketch/choice.h"

#include <math.h>

#include "sketch/common.h"

/* Axes of one value are no batches', and choices may be made of them. */
static void place_axes(struct computed *c, struct k_block *b)
{
	const struct ir_operator *o = c->lower.op;

	for (int i = 0; i < o->n_axes; i++)
		if (o->axes[i].extent == 1)
			c->lower.axes[i] = kx_int(c->lower.a, o->axes[i].lo);
	flat_axes(c->lower.a, b, o, c->batches.v, c->batches.n, c->batch ?
		c->batch : kx_int(c->lower.a, 0), c->lower.axes);
}

/* Indices that are read are as wide as they lie in memory. */
static const struct ir_expr *narrow(const struct ir_expr *e)
{
	while (e->kind == IR_CAST && e->type == T_I64 &&
	       e->args[0]->kind == IR_READ && (e->args[0]->type == T_I32 ||
	       dtype_row(e->args[0]->type)->bits < 32) &&
	       dtype_is_int(e->args[0]->type))
		e = e->args[0];
	return e;
}

static struct kx *index_of(struct computed *c, const struct choice *x)
{
	const struct ir_expr *e = narrow(x->index);
	struct kx *v = e == x->index ? index_value(&c->lower, e) :
		lower_expr(&c->lower, e);

	return v->type == T_I64 ? v : kx_cast(c->lower.a, T_I32, v);
}

static struct kx *is_inside(struct arena *a, struct kx *v, int64_t size)
{
	if (v->type == T_I32 && size <= INT32_MAX)
		return form_inside(a, v, size);
	return kx_and(a, kx_lt(a, kx_int(a, -1), v), kx_lt(a, v,
		kx_int(a, size)));
}

struct chosen choice_read(struct computed *c, struct k_block *b,
	const struct operand *op, const char *name)
{
	struct arena *a = c->lower.a;
	struct chosen out = { .inside = NULL };

	if (!op->n_choices)
		return out;
	c->lower.block = b;
	c->lower.hook = NULL;
	place_axes(c, b);
	for (int i = 0; i < op->n_choices; i++) {
		const struct choice *x = &op->choices[i];

		out.at[i] = ks_let(a, b, arena_printf(a, "%s_choice", name),
			index_of(c, x));
		if (x->guarded)
			out.inside = kx_and(a, out.inside, is_inside(a,
				out.at[i], x->size));
	}
	if (out.inside)
		out.inside = ks_let(a, b, arena_printf(a, "%s_is_there", name),
			out.inside);
	return out;
}

bool choices_alike(const struct operand *x, const struct operand *y)
{
	bool same = x->n_choices == y->n_choices;

	for (int i = 0; same && i < x->n_choices; i++)
		same = x->choices[i].size == y->choices[i].size &&
			x->choices[i].guarded == y->choices[i].guarded &&
			ir_equal(x->choices[i].index, y->choices[i].index);
	return same;
}

static struct kx *or_else(struct arena *a, const struct chosen *x, int i,
	int64_t otherwise)
{
	enum dtype t = x->at[i]->type;

	return !x->inside ? x->at[i] : kx_op(a, OP_SELECT, t, 3, x->inside,
		x->at[i], kx_cast(a, t, kx_int(a, otherwise)));
}

struct kx *choice_address(struct arena *a, const struct operand *op,
	const struct chosen *x, enum dtype type)
{
	struct kx *sum = kx_int(a, 0);

	for (int i = 0; i < op->n_choices; i++)
		sum = kx_add(a, sum, kx_mul(a, kx_cast(a, type, or_else(a, x, i,
			0)), kx_int(a, op->choices[i].stride)));
	return sum;
}

struct kx *choice_coordinate(struct arena *a, const struct chosen *x, int i)
{
	return kx_cast(a, T_I32, or_else(a, x, i, -1));
}

double choice_chain(const struct operand *left, const struct operand *right)
{
	return left->n_choices || right->n_choices ? 500 : 0;
}

double choice_unread(const struct operand *op)
{
	double all = (double)op->tensor->elements, parts = 1;
	double batches = (double)op->batch.extent;
	double each = (double)op->rows.extent * (double)op->orders[0].k.extent;

	if (!op->n_choices)
		return 0;
	for (int i = 0; i < op->n_choices; i++)
		parts *= (double)op->choices[i].size;
	return (all - fmin(fmin(batches / parts, 1) * all, batches * each)) *
		op->elem;
}
