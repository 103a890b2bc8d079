/* SPDX-License-Identifier: MIT */
/* Scales. In comes a contraction whose factors may themselves be products, out goes
 * what of these changes seldom along the reduction, and the contraction without it:
 * the sum over k of (x[i, k] * s[i, k / 128]) * w[j, k] is that over blocks of 128
 * of s times the sum of x * w. Quantised factors are scaled so. */
#include "ir/group.h"

/* A factor of the contraction, as a product. */
struct parts {
	struct arena *a;
	const struct ir_operator *o;
	const struct ir_contraction *c;
	struct group_product by;
};

static bool take_apart(struct parts *p, const struct ir_expr *value)
{
	return group_multiplied(p->a, p->o, (struct ir_expr *)value,
		p->c->product, &p->by);
}

/* Does part "i" change with every step of the reduction? */
static bool is_main(const struct parts *p, int i)
{
	const struct ir_contraction *c = p->c;

	for (int k = 0; k < c->n_k; k++)
		if (p->o->axes[c->k[k]].extent != 1 && !p->by.axes[i][c->k[k]])
			return false;
	return true;
}

/* Those parts that do, or those that do not, multiplied; NULL: there are none. */
static struct ir_expr *product(const struct parts *p, bool main)
{
	struct ir_expr *all = NULL;

	for (int i = 0; i < p->by.n; i++)
		if (is_main(p, i) == main)
			all = all ? ir_apply(p->a, OP_MUL, p->c->product, 2, all,
				p->by.of[i]) : p->by.of[i];
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
		for (int i = 0; i < sides[side]->by.n; i++)
			for (int x = 0; x < left->o->n_axes && !is_main(
			     sides[side], i); x++)
				out->changes[x] |= sides[side]->by.axes[i][x];
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
	    !take_apart(&left, c->left_value) ||
	    !take_apart(&right, c->right_value))
		return false;
	out->left = product(&left, false);
	out->right = product(&right, false);
	x = product(&left, true);
	y = product(&right, true);
	return x && y && find_changes(&left, &right, out) && group_instead(a, o,
		c, group_stripped(x, c->product), group_stripped(y,
			c->product), &out->plain);
}
