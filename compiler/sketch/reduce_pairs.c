/* SPDX-License-Identifier: MIT */
/* What it costs to compute with pairs, an element of a row with the row, which is
 * what bounds a kernel whose threads carry rows: instructions as nvcc makes them.
 * It computes what is written twice once, takes a product into the sum that it is
 * added to, and does what rows share of an element once for all rows of a thread. */
#include "sketch/reduce.h"

/* A value of piece "of". */
struct term {
	const struct piece *of;
	const struct ir_expr *e;
};

struct tally {
	struct arena *a;
	struct rows *r;
	const struct walk *w;
	VEC(struct term) seen;
};

/* ---- the same value ---- */

/* Where the axis is among the nests', -1: it has one value. */
static int place_of(const struct walk *w, const struct piece *p, int axis)
{
	for (int i = 0; i < w->rows.n; i++)
		if (p->row_axis[i] == axis)
			return i;
	for (int i = 0; i < w->in.n && !p->per_row; i++)
		if (p->in_axis[i] == axis)
			return NEST_AXES + i;
	return -1;
}

static int access_of(const struct walk *w, const struct ir_expr *read)
{
	for (int i = 0; i < w->uses.n; i++)
		if (w->uses.v[i].read == read)
			return w->uses.v[i].access;
	return -1;
}

static bool same(const struct walk *w, struct term x, struct term y);

static bool same_args(const struct walk *w, struct term x, struct term y)
{
	for (int i = 0; i < x.e->n_args; i++)
		if (!same(w, (struct term){ x.of, x.e->args[i] },
		    (struct term){ y.of, y.e->args[i] }))
			return false;
	return true;
}

static bool same(const struct walk *w, struct term x, struct term y)
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
		return place_of(w, x.of, x.e->axis) ==
			place_of(w, y.of, y.e->axis);
	case IR_READ:
		if (access_of(w, x.e) >= 0)
			return access_of(w, x.e) == access_of(w, y.e);
		return x.e->tensor == y.e->tensor && same_args(w, x, y);
	case IR_OP:
		return x.e->op == y.e->op && same_args(w, x, y);
	case IR_CAST:
		return same_args(w, x, y);
	default:
		return false;
	}
}

static bool is_new(struct tally *t, struct term x)
{
	for (int i = 0; i < t->seen.n; i++)
		if (same(t->w, t->seen.v[i], x))
			return false;
	vec_push(t->a, &t->seen, x);
	return true;
}

/* ---- what moves ---- */

bool row_changes(const struct walk *w, const struct piece *p,
	const struct ir_expr *e)
{
	int writer = e->kind == IR_READ ? walk_writer(w, e->tensor) : -1;

	if (writer >= 0)
		return !w->pieces.v[writer].per_row &&
			!w->pieces.v[writer].reduction;
	for (int i = 0; e->kind == IR_AXIS && i < w->in.n; i++)
		if (p->in_axis[i] == e->axis)
			return true;
	for (int i = 0; i < e->n_args; i++)
		if (row_changes(w, p, e->args[i]))
			return true;
	return e->kind == IR_REDUCE;
}

/* Is it another for each row of a thread? */
static bool is_of_row(const struct tally *t, struct term x)
{
	const struct walk *w = t->w;
	int writer = x.e->kind == IR_READ ? walk_writer(w, x.e->tensor) : -1;
	int access = access_of(w, x.e);

	if (writer >= 0)
		return !row_changes(w, x.of, x.e) || is_of_row(t, (struct term){
			&w->pieces.v[writer], w->pieces.v[writer].value });
	if (access >= 0 && w->acc.v[access].direct)
		return w->acc.v[access].at.row[w->rows.n - 1];
	if (x.e->kind == IR_AXIS)
		return place_of(w, x.of, x.e->axis) == w->rows.n - 1;
	for (int i = 0; i < x.e->n_args; i++)
		if (is_of_row(t, (struct term){ x.of, x.e->args[i] }))
			return true;
	return x.e->kind == IR_REDUCE;
}

/* ---- what is computed ---- */

static bool is_product(const struct ir_expr *e)
{
	return e->kind == IR_OP && e->op == OP_MUL && dtype_is_float(e->type);
}

static void count(struct tally *t, struct term x, bool taken_in);

/* What "e" adds up, of which one product is taken in. */
static void count_args(struct tally *t, struct term x)
{
	bool adds = x.e->kind == IR_OP && (x.e->op == OP_ADD ||
		x.e->op == OP_SUB);

	for (int i = 0; i < x.e->n_args; i++) {
		bool taken = adds && is_product(x.e->args[i]);

		count(t, (struct term){ x.of, x.e->args[i] }, taken);
		adds &= !taken;
	}
}

/* Values that do not change along the row are computed ahead of it. */
static void count(struct tally *t, struct term x, bool taken_in)
{
	struct cost_of c = expr_own_cost(x.e), *sum;

	if (!row_changes(t->w, x.of, x.e) || x.e->kind == IR_READ ||
	    !is_new(t, x))
		return;
	if (x.e->kind == IR_REDUCE)
		c = expr_cost(x.e);
	else
		count_args(t, x);
	c.issue *= !taken_in;
	sum = is_of_row(t, x) ? &t->r->pair : &t->r->element;
	*sum = cost_add(*sum, c);
}

static void count_piece(struct tally *t, const struct piece *p)
{
	bool sums = p->reduction && p->reduction->reducer == RED_SUM;

	count(t, (struct term){ p, p->value }, sums && is_product(p->value));
	if (p->reduction)
		t->r->pair = cost_add(t->r->pair, (struct cost_of){ 1, 0,
			!reducer_indexed(p->reduction->reducer) ? 1 :
			t->r->ordered ? INDEXED_ISSUE : DISORDERED_ISSUE });
}

/* Pieces that the pass computes, or computes again. */
static uint64_t pieces_in(const struct rows *r, int pass)
{
	uint64_t of = 0;

	for (int i = r->walk->pieces.n - 1; i >= 0; i--) {
		const struct piece *p = &r->walk->pieces.v[i];

		if (p->per_row || (p->reduction && r->pass[i] != pass) ||
		    (r->pass[i] != pass && !(of >> i & 1)))
			continue;
		of |= 1ull << i | p->uses;
	}
	return of;
}

void row_pairs(const struct task *t, struct rows *r)
{
	for (int pass = 1; pass <= r->passes; pass++) {
		struct tally one = { .a = t->a, .r = r, .w = r->walk };
		uint64_t of = pieces_in(r, pass);

		for (int i = 0; i < r->walk->pieces.n; i++) {
			const struct piece *p = &r->walk->pieces.v[i];

			if (of >> i & 1 && !p->per_row && !(p->reduction &&
			    r->pass[i] != pass))
				count_piece(&one, p);
		}
	}
}
