/* SPDX-License-Identifier: MIT */
/* Softmax-like chains, recognised: a maximum m over the row of some value v,
 * and then sums over the row of exp(v - m), alone or times something that does
 * not depend on m. Such a sum can run beside the maximum: when m grows to m',
 * all of it so far is scaled by exp(m - m') (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax", arXiv:1805.02867). */
#include "sketch/reduce.h"

struct chain {
	const struct ir_operator *o;
	const struct walk *w;
	int maximum, tensor;	/* piece, and the tensor it writes */
};

/* An expression in the axes of a piece. */
struct placed {
	const struct piece *p;
	const struct ir_expr *e;
};

static int place_of(const struct walk *w, const struct piece *p, int axis)
{
	for (int i = 0; i < w->rows.n; i++)
		if (p->row_axis[i] == axis)
			return i;
	for (int i = 0; i < w->in.n; i++)
		if (p->in_axis[i] == axis)
			return w->rows.n + i;
	return -1;
}

static bool same_axis(const struct chain *c, struct placed x, struct placed y)
{
	const struct ir_axis *p = &c->o->axes[x.e->axis];
	const struct ir_axis *q = &c->o->axes[y.e->axis];
	int place = place_of(c->w, x.p, x.e->axis);

	if (p->lo != q->lo)
		return false;
	return (p->extent == 1 && q->extent == 1) || (place >= 0 &&
		place == place_of(c->w, y.p, y.e->axis));
}

static bool same_node(const struct chain *c, struct placed x, struct placed y)
{
	if (x.e->kind != y.e->kind || x.e->type != y.e->type ||
	    x.e->n_args != y.e->n_args)
		return false;
	switch (x.e->kind) {
	case IR_INT:
		return x.e->i == y.e->i;
	case IR_FLOAT:
		return x.e->f == y.e->f;
	case IR_AXIS:
		return same_axis(c, x, y);
	case IR_READ:
		return x.e->tensor == y.e->tensor && x.e->pad == y.e->pad &&
			(x.e->pad != IR_PAD_VALUE || x.e->f == y.e->f);
	case IR_OP:
		return x.e->op == y.e->op;
	default:
		return x.e->kind == IR_CAST;
	}
}

/* The same value at the same position. */
static bool same_value(const struct chain *c, struct placed x, struct placed y)
{
	if (!same_node(c, x, y))
		return false;
	for (int i = 0; i < x.e->n_args; i++)
		if (!same_value(c, (struct placed){ x.p, x.e->args[i] },
		    (struct placed){ y.p, y.e->args[i] }))
			return false;
	return true;
}

static bool is_read_of(const struct ir_expr *e, int tensor)
{
	return e->kind == IR_READ && e->tensor == tensor;
}

/* No part of "e", nor what it takes from other pieces, depends on m. */
static bool is_free(const struct chain *c, const struct ir_expr *e)
{
	int writer = e->kind == IR_READ ? walk_writer(c->w, e->tensor) : -1;

	if (is_read_of(e, c->tensor))
		return false;
	if (writer >= 0 && !is_free(c, c->w->pieces.v[writer].value))
		return false;
	for (int i = 0; i < e->n_args; i++)
		if (!is_free(c, e->args[i]))
			return false;
	return true;
}

/* exp(v - m), or a product of it and what is free of m. */
static bool scales(const struct chain *c, struct placed x)
{
	const struct piece *max = &c->w->pieces.v[c->maximum];
	const struct ir_expr *e = x.e, *d;
	int writer = e->kind == IR_READ ? walk_writer(c->w, e->tensor) : -1;

	if (writer >= 0) {
		const struct piece *p = &c->w->pieces.v[writer];

		return !p->per_row && !p->reduction &&
			lower_type(p->value->type) == p->value->type &&
			scales(c, (struct placed){ p, p->value });
	}
	if (e->kind != IR_OP)
		return false;
	if (e->op == OP_MUL)
		return (scales(c, (struct placed){ x.p, e->args[0] }) &&
				is_free(c, e->args[1])) ||
			(scales(c, (struct placed){ x.p, e->args[1] }) &&
				is_free(c, e->args[0]));
	d = e->args[0];
	return e->op == OP_EXP && d->kind == IR_OP && d->op == OP_SUB &&
		is_read_of(d->args[1], c->tensor) &&
		same_value(c, (struct placed){ x.p, d->args[0] },
			(struct placed){ max, max->value });
}

static bool is_maximum(const struct piece *p)
{
	return p->reduction && p->reduction->reducer == RED_MAX &&
		dtype_is_float(p->reduction->type) &&
		lower_type(p->reduction->type) == p->reduction->type;
}

/* Pass 2 has such sums and values that nothing stores; none of the row values
 * of pass 1 but m itself is used there. */
static bool pass_two_scales(const struct rows *r, const struct chain *c)
{
	bool sums = false;

	for (int i = 0; i < c->w->pieces.n; i++) {
		const struct piece *p = &c->w->pieces.v[i];

		if (r->pass[i] != 2 || p->per_row)
			continue;
		if (p->reduction && (p->reduction->reducer != RED_SUM ||
		    !scales(c, (struct placed){ p, p->value })))
			return false;
		if (!p->reduction && p->out >= 0)
			return false;
		sums |= p->reduction != NULL;
	}
	return sums;
}

/* Row values of pass 1 that are not the maximum. */
static bool other_values(const struct rows *r, const struct chain *c)
{
	for (int i = 0; i < c->w->pieces.n; i++) {
		const struct piece *p = &c->w->pieces.v[i];

		if (i == c->maximum || r->pass[i] > 1)
			continue;
		if (r->pass[i] == 1 && (p->per_row || p->reduction))
			return true;
	}
	return false;
}

bool online_applies(const struct ir_operator *o, struct rows *r)
{
	struct chain c = { .o = o, .w = r->walk };

	for (int i = 0; i < c.w->pieces.n && r->passes > 1; i++) {
		if (r->pass[i] != 1 || !is_maximum(&c.w->pieces.v[i]))
			continue;
		c.maximum = r->maximum = i;
		c.tensor = c.w->pieces.v[i].stmt->tensor;
		return !other_values(r, &c) && pass_two_scales(r, &c);
	}
	return false;
}
