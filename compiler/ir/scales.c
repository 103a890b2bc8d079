/* SPDX-License-Identifier: MIT */
/* Scales. In comes a contraction whose factors may themselves be products, out goes
 * what of these changes seldom along the reduction, and the contraction without it:
 * the sum over k of (x[i, k] * s[i, k / 128]) * w[j, k] is that over blocks of 128
 * of s times the sum of x * w. Quantised factors are scaled so. */
#include "ir/group.h"

enum { FACTORS = 6 };

/* A factor of the contraction, as a product of "of"; by axis of the operator whether
 * it occurs in each. */
struct parts {
	struct arena *a;
	const struct ir_operator *o;
	const struct ir_contraction *c;
	struct ir_expr *of[FACTORS];
	bool *axes[FACTORS];
	int n;
};

static void mark(struct ir_expr *e, void *ctx)
{
	bool *axes = ctx;

	if (e->kind == IR_AXIS)
		axes[e->axis] = true;
}

static bool collect(struct parts *p, struct ir_expr *e)
{
	if (e->kind == IR_OP && e->op == OP_MUL && e->type == p->c->product)
		return collect(p, e->args[0]) && collect(p, e->args[1]);
	if (p->n == FACTORS)
		return false;
	p->axes[p->n] = ARENA_ARRAY(p->a, p->o->n_axes, bool);
	ir_walk(e, mark, p->axes[p->n]);
	p->of[p->n++] = e;
	return true;
}

/* Does part "i" change with every step of the reduction? */
static bool is_main(const struct parts *p, int i)
{
	const struct ir_contraction *c = p->c;

	for (int k = 0; k < c->n_k; k++)
		if (p->o->axes[c->k[k]].extent != 1 && !p->axes[i][c->k[k]])
			return false;
	return true;
}

/* Those parts that do, or those that do not, multiplied; NULL: there are none. */
static struct ir_expr *product(const struct parts *p, bool main)
{
	struct ir_expr *all = NULL;

	for (int i = 0; i < p->n; i++)
		if (is_main(p, i) == main)
			all = all ? ir_apply(p->a, OP_MUL, p->c->product, 2, all,
				p->of[i]) : p->of[i];
	return all;
}

/* Along which axes scales change, false if that is none of the reduction's. */
static bool find_changes(const struct parts *left, const struct parts *right,
	struct ir_scales *out)
{
	const struct ir_contraction *c = left->c;
	const struct parts *sides[] = { left, right };
	bool any = false;

	out->changes = ARENA_ARRAY(left->a, left->o->n_axes, bool);
	for (int side = 0; side < 2; side++)
		for (int i = 0; i < sides[side]->n; i++)
			for (int x = 0; x < left->o->n_axes && !is_main(
			     sides[side], i); x++)
				out->changes[x] |= sides[side]->axes[i][x];
	for (int k = 0; k < c->n_k; k++)
		any |= out->changes[c->k[k]];
	return any;
}

bool ir_scales(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *c, struct ir_scales *out)
{
	struct parts left = { .a = a, .o = o, .c = c }, right = left;
	struct ir_expr *x, *y;

	*out = (struct ir_scales){ 0 };
	if (c->pair || c->product != T_F32 || c->acc != T_F32 ||
	    ir_any_open(o, c->k, c->n_k) ||
	    !collect(&left, (struct ir_expr *)c->left_value) ||
	    !collect(&right, (struct ir_expr *)c->right_value))
		return false;
	out->left = product(&left, false);
	out->right = product(&right, false);
	x = product(&left, true);
	y = product(&right, true);
	return x && y && find_changes(&left, &right, out) && group_instead(a, o,
		c, group_stripped(x, c->product), group_stripped(y,
			c->product), &out->plain);
}
