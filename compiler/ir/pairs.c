/* SPDX-License-Identifier: MIT */
/* Reductions over pairs. In comes what a statement sums, or of which it takes the
 * greatest or least; out go the two reads of which it is made, if it depends on
 * nothing else, and whether it is 0 where both are 0: then a tile that is filled up
 * with zeros gives the same sum. |x - y| and the square of x - y are such, as the
 * product is. */
#include "ir/group.h"

enum { LARGEST = 24 };	/* nodes; what is reduced is written out many times */

struct pair {
	struct arena *a;
	const struct ir_expr **of;
	int n, nodes;
};

static bool note_read(struct pair *p, const struct ir_expr *e)
{
	for (int i = 0; i < p->n; i++)
		if (ir_equal(p->of[i], e))
			return true;
	if (p->n == 2)
		return false;
	p->of[p->n++] = e;
	return true;
}

/* True if all that "e" depends on are two reads at most. */
static bool collect(struct pair *p, const struct ir_expr *e)
{
	if (e->kind == IR_READ)
		return note_read(p, e);
	if (e->kind == IR_AXIS || e->kind == IR_REDUCE || ++p->nodes > LARGEST)
		return false;
	for (int i = 0; i < e->n_args; i++)
		if (!collect(p, e->args[i]))
			return false;
	return true;
}

static struct ir_expr *zero(struct arena *a, enum dtype t)
{
	return dtype_is_float(t) ? ir_float(a, 0, t) : ir_int(a, 0, t);
}

/* "e" where all it reads is 0. */
static struct ir_expr *at_zero(struct arena *a, const struct ir_expr *e)
{
	struct ir_expr *c = ARENA_NEW(a, struct ir_expr);

	if (e->kind == IR_READ)
		return zero(a, e->type);
	*c = *e;
	if (e->n_args)
		c->args = ARENA_ARRAY(a, e->n_args, struct ir_expr *);
	for (int i = 0; i < e->n_args; i++)
		c->args[i] = at_zero(a, e->args[i]);
	return c;
}

static bool is_zero(const struct ir_expr *e)
{
	return (e->kind == IR_INT && !e->i) || (e->kind == IR_FLOAT && e->f == 0);
}

bool group_pair(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, const struct ir_expr **of, bool *zero)
{
	struct pair p = { .a = a, .of = of };

	if (!collect(&p, e) || p.n != 2)
		return false;
	*zero = is_zero(ir_fold_expr(a, o, at_zero(a, e)));
	return true;
}
