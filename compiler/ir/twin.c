/* SPDX-License-Identifier: MIT */
/* Twins: two products of one factor, such as both halves of a gated layer. In come
 * two statements, out go both contractions in the axes of the first, the shared
 * factor on the left; and, as statements are grouped, which cluster of a product
 * another joins. Axes of the shared factor correspond where it has them; those that
 * the other factors bring are paired in order. */
#include "ir/match.h"

/* Of axes of the second statement: which axis of the first runs along it, or -1. */
struct walk {
	const struct ir_operator *o;
	int *axis;
	bool ok;
};

static bool alike(const struct walk *w, int x, int y)
{
	const struct ir_axis *p = &w->o->axes[x], *q = &w->o->axes[y];

	return p->extent == q->extent && p->lo == q->lo &&
		p->reduced == q->reduced && p->open == q->open;
}

static void note(struct walk *w, int of, int axis)
{
	w->ok &= (w->axis[of] < 0 || w->axis[of] == axis) &&
		alike(w, of, axis);
	w->axis[of] = axis;
}

/* Axes of "y" in the places of those of "x"; whether the rest is the same is asked
 * of what they make. */
static void correspond(struct walk *w, const struct ir_expr *x,
	const struct ir_expr *y)
{
	if (x->kind != y->kind || x->n_args != y->n_args)
		w->ok = false;
	else if (x->kind == IR_AXIS)
		note(w, y->axis, x->axis);
	for (int i = 0; w->ok && i < x->n_args; i++)
		correspond(w, x->args[i], y->args[i]);
}

static bool is_taken(const struct walk *w, const int *axes, int n, int axis)
{
	for (int i = 0; i < n; i++)
		if (w->axis[axes[i]] == axis)
			return true;
	return false;
}

/* Each of the "n" axes "y" that has none yet takes the first of "x" that is like it
 * and is left; false where one of either is left alone. */
static bool pair_rest(struct walk *w, const int *x, int n_x, const int *y, int n)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; w->axis[y[i]] < 0 && k < n_x; k++)
			if (!is_taken(w, y, n, x[k]) && alike(w, y[i], x[k]))
				w->axis[y[i]] = x[k];
	for (int k = 0; k < n_x; k++)
		if (!is_taken(w, y, n, x[k]))
			return false;
	return n_x == n;
}

static void replace(struct arena *a, const struct walk *w, const int *axes, int n,
	struct ir_expr **with)
{
	for (int i = 0; i < n; i++)
		with[axes[i]] = ir_axis_value(a, w->axis[axes[i]]);
}

static bool same_axes(const int *x, int n_x, const int *y, int n_y)
{
	bool same = n_x == n_y;

	for (int i = 0; same && i < n_x; i++)
		same = x[i] == y[i];
	return same;
}

static bool same_roles(const struct ir_contraction *x,
	const struct ir_contraction *y)
{
	return x->acc == y->acc && x->product == y->product &&
		same_axes(x->m, x->n_m, y->m, y->n_m) &&
		same_axes(x->n, x->n_n, y->n, y->n_n) &&
		same_axes(x->k, x->n_k, y->k, y->n_k) &&
		same_axes(x->batch, x->n_batch, y->batch, y->n_batch);
}

/* Two factors of a product, the shared one first. */
struct factors {
	const struct ir_expr *shared, *own;
};

static struct factors factors_of(const struct ir_contraction *c, bool right)
{
	return right ? (struct factors){ c->right_value, c->left_value } :
		(struct factors){ c->left_value, c->right_value };
}

/* Is the factor of "y" that "g" has first that of "x" that "f" has first? */
static bool try(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *x, struct factors f,
	const struct ir_contraction *y, struct factors g, struct ir_twins *out)
{
	struct walk w = { o, ARENA_ARRAY(a, (size_t)o->n_axes + 1, int), true };
	struct ir_expr **with = ARENA_ARRAY(a, (size_t)o->n_axes + 1,
		struct ir_expr *);
	const struct ir_stmt *s = x->stmt, *t = y->stmt;
	struct ir_contraction in_first = *y;

	for (int i = 0; i < o->n_axes; i++)
		w.axis[i] = -1;
	correspond(&w, f.shared, g.shared);
	if (!w.ok || !pair_rest(&w, s->axes, s->n_axes, t->axes, t->n_axes) ||
	    !pair_rest(&w, s->expr->red, s->expr->n_red, t->expr->red,
			t->expr->n_red))
		return false;
	replace(a, &w, t->axes, t->n_axes, with);
	replace(a, &w, t->expr->red, t->expr->n_red, with);
	if (!ir_equal(f.shared, ir_substitute(a, g.shared, with)))
		return false;
	in_first.stmt = s;
	out->axis = w.axis;
	return group_multiply(a, o, x, f.shared, f.own, &out->of[0]) &&
		group_multiply(a, o, &in_first, f.shared, ir_substitute(a,
			g.own, with), &out->of[1]) &&
		same_roles(&out->of[0], &out->of[1]);
}

bool ir_twins(struct arena *a, const struct ir_operator *o, int first,
	int second, struct ir_twins *out)
{
	struct ir_contraction x, *y = &out->own;

	if (!ir_contraction(a, o, first, &x, NULL) || x.pair ||
	    !ir_contraction(a, o, second, y, NULL) || y->pair)
		return false;
	for (int i = 0; i < 4; i++)
		if (try(a, o, &x, factors_of(&x, i & 1), y,
		    factors_of(y, i & 2), out))
			return true;
	return false;
}

struct ir_expr *group_twin(struct arena *a, const struct ir_operator *o,
	int first, int second)
{
	const struct ir_expr *x = o->stmts[first].expr;
	struct ir_expr *e = ARENA_NEW(a, struct ir_expr);
	struct ir_twins t;

	*e = *o->stmts[second].expr;
	e->red = ARENA_ARRAY(a, e->n_red, int);
	if (!ir_twins(a, o, first, second, &t))
		return NULL;
	for (int i = 0; i < x->n_red; i++)
		for (int k = 0; k < e->n_red; k++)
			if (t.axis[o->stmts[second].expr->red[k]] == x->red[i])
				e->red[i] = o->stmts[second].expr->red[k];
	return e;
}

bool match_twin(struct arena *a, struct arena *tmp,
	const struct ir_operator *o, const struct cluster *c, int stmt,
	int **axis)
{
	const struct ir_stmt *s = &o->stmts[stmt];
	struct ir_twins t;

	if (c->anchor != IR_CONTRACTION || !c->members.n ||
	    !ir_twins(tmp, o, c->anchor_stmt, stmt, &t))
		return false;
	*axis = ARENA_ARRAY(a, c->n_coords, int);
	for (int i = 0; i < c->n_coords; i++)
		for (int k = 0; k < s->n_axes; k++)
			if (t.axis[s->axes[k]] == c->coords[i])
				(*axis)[i] = s->axes[k];
	return true;
}
