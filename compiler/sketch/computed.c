/* SPDX-License-Identifier: MIT */
/* Values of a factor that is computed. In come an element as it was read and where
 * in the operand its value stands; out goes the value, in which the element takes
 * the place of the read. */
#include "sketch/computed.h"

#include "sketch/common.h"

static struct kx *element_of_read(void *ctx, const struct ir_expr *e)
{
	struct computed *c = ctx;

	if (e->kind != IR_READ || !ir_equal(e, c->read))
		return NULL;
	return lower_convert(c->lower.a, c->raw, lower_type(e->type));
}

static bool reads(const struct ir_expr *e)
{
	for (int i = 0; i < e->n_args && e->kind != IR_READ; i++)
		if (reads(e->args[i]))
			return true;
	return e->kind == IR_READ;
}

/* Integers change their type for nothing, and what is added to one is taken off as it
 * becomes a float. */
static bool is_free(const struct ir_expr *e)
{
	if (e->kind == IR_CAST)
		return dtype_is_int(e->type) && dtype_is_int(e->args[0]->type);
	return dtype_is_int(e->type) && (e->op == OP_ADD || e->op == OP_SUB) &&
		e->args[1]->kind == IR_INT;
}

struct cost_of computed_cost(const struct ir_expr *value)
{
	struct cost_of sum = expr_own_cost(value);

	if (value->kind == IR_READ || !reads(value))
		return (struct cost_of){ 0, 0, 0 };
	if (is_free(value))
		sum.ops = sum.issue = 0;
	for (int i = 0; i < value->n_args; i++)
		sum = cost_add(sum, computed_cost(value->args[i]));
	return sum;
}

static void place_axes(struct computed *c, struct k_block *b,
	struct axis_list axes, struct near at)
{
	flat_axes_near(c->lower.a, b, c->lower.op, axes.v, axes.n, at,
		c->lower.axes);
}

struct kx *computed_value(struct computed *c, struct k_block *b,
	const struct operand *op, struct kx *raw, struct near row,
	struct near k)
{
	struct arena *a = c->lower.a;

	c->read = op->read;
	c->raw = raw;
	c->lower.block = b;
	c->lower.hook = element_of_read;
	c->lower.ctx = c;
	place_axes(c, b, c->rows, row);
	place_axes(c, b, c->ks, k);
	place_axes(c, b, c->batches, near_at(c->batch ? c->batch :
		kx_int(a, 0)));
	return lower_convert(a, lower_expr(&c->lower, op->value),
		op->tile_type);
}
