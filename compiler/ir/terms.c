/* SPDX-License-Identifier: MIT */
/* Terms. In comes an operator, out goes one that means the same in which a sum
 * over several products is the sum of each, where each is a contraction: the
 * real part of a product of complex matrices is two products. Sums may be made
 * in any order; what each is rounded to is what the whole would be. Products of
 * elements of the same two tensors stay together: they may be there to cancel,
 * as in what rounding has left over. */
#include "ir/group.h"

enum { TERMS = 4 };

/* Of an expression: what is added, and whether it is taken away. */
struct terms {
	const struct ir_expr *of[TERMS];
	bool less[TERMS];
	int n;
	enum dtype type;
};

static bool collect(struct terms *t, const struct ir_expr *e, bool less)
{
	if (e->kind == IR_OP && e->type == t->type) {
		if (e->op == OP_NEG)
			return collect(t, e->args[0], !less);
		if (e->op == OP_ADD || e->op == OP_SUB)
			return collect(t, e->args[0], less) &&
				collect(t, e->args[1],
					less != (e->op == OP_SUB));
	}
	if (t->n == TERMS)
		return false;
	t->of[t->n] = e;
	t->less[t->n++] = less;
	return true;
}

static struct ir_expr *sum_of(struct arena *a, const struct ir_expr *whole,
	const struct ir_expr *term)
{
	struct ir_expr *e = ARENA_NEW(a, struct ir_expr);

	*e = *whole;
	e->args = ARENA_ARRAY(a, 1, struct ir_expr *);
	e->args[0] = term->type == e->type ? (struct ir_expr *)term :
		ir_cast(a, e->type, (struct ir_expr *)term);
	return e;
}

static bool same_tensors(const struct ir_contraction *x,
	const struct ir_contraction *y)
{
	int l = x->left->tensor, r = x->right->tensor;

	return (y->left->tensor == l && y->right->tensor == r) ||
		(y->left->tensor == r && y->right->tensor == l);
}

/* Is term "k", as the statement's expression, a contraction, and of other
 * tensors than those before? */
static bool is_apart(struct arena *a, const struct ir_operator *o, int i,
	struct ir_contraction *c, int k)
{
	if (!ir_contraction(a, o, i, &c[k], NULL))
		return false;
	for (int n = 0; n < k; n++)
		if (same_tensors(&c[n], &c[k]))
			return false;
	return true;
}

/* The terms that statement "i" sums, false if there are none, or one of them is
 * no contraction by itself. */
static bool find_terms(struct arena *a, struct ir_operator *o, int i,
	struct terms *t)
{
	struct ir_expr *whole = o->stmts[i].expr;
	const struct ir_expr *body;
	struct ir_contraction c[TERMS];
	bool all;

	if (whole->kind != IR_REDUCE || whole->reducer != RED_SUM ||
	    dtype_row(whole->type)->bits < 32 ||
	    ir_contraction(a, o, i, &c[0], NULL))
		return false;
	body = group_stripped(whole->args[0], T_NONE);
	t->type = body->type;
	all = collect(t, body, false) && t->n > 1;
	for (int k = 0; all && k < t->n; k++) {
		o->stmts[i].expr = sum_of(a, whole, t->of[k]);
		all = is_apart(a, o, i, c, k);
	}
	o->stmts[i].expr = whole;
	return all;
}

static struct ir_expr *joined(struct arena *a, const struct ir_expr *whole,
	const struct terms *t)
{
	struct ir_expr *all = NULL, *sum;

	for (int k = 0; k < t->n; k++) {
		sum = sum_of(a, whole, t->of[k]);
		if (!all)
			all = t->less[k] ? ir_apply(a, OP_NEG, whole->type, 1,
				sum) : sum;
		else
			all = ir_apply(a, t->less[k] ? OP_SUB : OP_ADD,
				whole->type, 2, all, sum);
	}
	return all;
}

void group_terms(struct arena *a, struct ir_operator *o)
{
	for (int i = 0; i < o->n_stmts; i++) {
		struct terms t = { .n = 0 };

		if (find_terms(a, o, i, &t))
			o->stmts[i].expr = joined(a, o->stmts[i].expr, &t);
	}
}
