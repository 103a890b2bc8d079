/* SPDX-License-Identifier: MIT */
/* Loops over lanes whose operands are all exact: integers, which say where tensors
 * are read, comparisons, truth values and choices. Values and bounds are those of
 * eval_num.c, which takes longer. */
#include "ir/eval_private.h"
#include "ir/integer.h"

#include <math.h>

/* Up to here doubles tell integers apart. */
static const double apart = 0x1p53;

static bool each_exact(const struct node *x)
{
	for (int i = 0; i < x->e->n_args; i++)
		if (!x->args[i]->exact)
			return false;
	return true;
}

/* Are all lanes numbers that a double holds? */
static bool plain(const struct node *x, int n)
{
	int fine = 1;

	for (int i = 0; i < n; i++)
		fine &= fabs(x->v[i]) <= apart;
	return fine;
}

/* Of integers that are plain, or of i64, which have them all. */
static int64_t whole(const struct node *x, int i)
{
	return x->whole ? x->whole[i] : (int64_t)x->v[i];
}

static void give(struct node *x)
{
	x->v = x->own_v;
	x->err = x->own_err;
	x->whole = x->own_whole;
	x->quantum = 1;
	x->exact = true;
}

/* ---- integers ---- */

/* By what all lanes are divided if that is one power of two, else 0. */
static int64_t power_of_two(const int64_t *y, int n)
{
	for (int i = 0; i < n; i++)
		if (y[i] != y[0] || y[i] < 1 || y[i] & (y[i] - 1))
			return 0;
	return y[0];
}

/* out[i] = x[i] OP y[i]. By powers of two are divided most indices. */
static void apply_all(enum op op, const int64_t *x, const int64_t *y, int n,
	int64_t *out)
{
	int64_t power = op == OP_DIV || op == OP_MOD ? power_of_two(y, n) : 0;
	int shift = power ? __builtin_ctzll((uint64_t)power) : 0;

	for (int i = 0; i < n; i++)
		out[i] = !power ? integer_apply(op, x[i], y[i]) :
			op == OP_DIV ? x[i] >> shift : x[i] & (power - 1);
}

static bool has_zero(const int64_t *y, int n)
{
	for (int i = 0; i < n; i++)
		if (!y[i])
			return true;
	return false;
}

static bool integers(struct node *x, int n)
{
	const struct node *l = x->args[0], *r = x->args[1];
	int64_t p[LANES], q[LANES], out[LANES];
	enum op op = x->e->op;

	if (!plain(l, n) || !plain(r, n))
		return false;
	for (int i = 0; i < n; i++) {
		p[i] = whole(l, i);
		q[i] = whole(r, i);
	}
	if ((op == OP_DIV || op == OP_MOD) && has_zero(q, n))
		return false;
	apply_all(op, p, q, n, out);
	for (int i = 0; i < n; i++) {
		if (x->own_whole)
			x->own_whole[i] = out[i];
		else
			out[i] = integer_settle(x->e->type, out[i]);
		x->own_v[i] = (double)out[i];
	}
	give(x);
	return true;
}

/* ---- truth ---- */

static bool compares(enum op op, double x, double y)
{
	switch (op) {
	case OP_LT: return x < y;
	case OP_LE: return x <= y;
	case OP_EQ: return x == y;
	default: return x != y;
	}
}

static bool comparison(struct node *x, int n)
{
	const struct node *l = x->args[0], *r = x->args[1];

	if ((l->whole && !plain(l, n)) || (r->whole && !plain(r, n)))
		return false;
	for (int i = 0; i < n; i++)
		x->own_v[i] = compares(x->e->op, l->v[i], r->v[i]);
	give(x);
	return true;
}

static bool logic(struct node *x, int n)
{
	const double *l = x->args[0]->v;
	const double *r = x->e->op == OP_NOT ? l : x->args[1]->v;

	for (int i = 0; i < n; i++) {
		bool p = l[i] != 0, q = r[i] != 0;

		x->own_v[i] = x->e->op == OP_NOT ? !p : x->e->op == OP_OR ?
			p || q : p && q;
	}
	give(x);
	return true;
}

/* ---- choices, whose own lanes need not be exact ---- */

bool eval_select(struct node *x, int n)
{
	const struct node *c = x->args[0];
	int taken[2] = { 0, 0 };

	if (!c->exact || x->own_whole)
		return false;
	node_open(x);
	for (int i = 0; i < n; i++) {
		const struct node *from = x->args[c->v[i] != 0 ? 1 : 2];

		x->own_v[i] = from->v[i];
		x->own_err[i] = from->exact ? 0 : from->err[i];
		taken[c->v[i] != 0] = 1;
	}
	for (int k = 0; k < 2; k++)
		if (taken[k])
			x->quantum = fmin(x->quantum, x->args[2 - k]->quantum);
	node_close(x, n);
	return true;
}

bool eval_exact(struct node *x, int n)
{
	if (!each_exact(x))
		return false;
	switch (x->e->op) {
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_MOD:
		return !dtype_is_float(x->e->type) && integers(x, n);
	case OP_LT:
	case OP_LE:
	case OP_EQ:
	case OP_NE:
		return comparison(x, n);
	case OP_AND:
	case OP_OR:
	case OP_NOT:
		return logic(x, n);
	default:
		return false;
	}
}
