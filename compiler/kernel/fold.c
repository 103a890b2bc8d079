/* SPDX-License-Identifier: MIT */
/* Expressions simplified as they are made. Operands come in already folded;
 * what goes out has the same value for every assignment of its variables, with
 * constants to the right and joined, and no operation whose result its operands
 * show. Division and modulus floor, and their operands are non-negative by
 * contract wherever a sketch makes them. */

#include "kernel/fold.h"

bool kx_is_int(const struct kx *e, int64_t *v)
{
	if (!e || e->kind != KX_INT)
		return false;
	if (v)
		*v = e->i;
	return true;
}

static bool is_op(const struct kx *e, enum op op)
{
	return e->kind == KX_OP && e->op == op;
}

/* "e" is x op k for a constant k. */
static bool by_const(const struct kx *e, enum op op, int64_t *k)
{
	return is_op(e, op) && kx_is_int(e->args[1], k);
}

static int64_t floor_div(int64_t x, int64_t y)
{
	return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

bool fold_int(enum op op, int64_t x, int64_t y, int64_t *v)
{
	switch (op) {
	case OP_ADD: return !__builtin_add_overflow(x, y, v);
	case OP_SUB: return !__builtin_sub_overflow(x, y, v);
	case OP_MUL: return !__builtin_mul_overflow(x, y, v);
	case OP_DIV:
		if (y <= 0)
			return false;
		*v = floor_div(x, y);
		return true;
	case OP_MOD:
		if (y <= 0)
			return false;
		*v = x - y * floor_div(x, y);
		return true;
	case OP_MIN: *v = x < y ? x : y; return true;
	case OP_MAX: *v = x > y ? x : y; return true;
	case OP_LT: *v = x < y; return true;
	case OP_LE: *v = x <= y; return true;
	case OP_EQ: *v = x == y; return true;
	case OP_NE: *v = x != y; return true;
	case OP_AND: *v = x && y; return true;
	case OP_OR: *v = x || y; return true;
	default: return false;
	}
}

/* ---- ranges ---- */

static int64_t sat(enum op op, int64_t x, int64_t y, int64_t unknown)
{
	int64_t v;

	if (x == INT64_MIN || x == INT64_MAX || y == INT64_MIN ||
	    y == INT64_MAX || !fold_int(op, x, y, &v))
		return unknown;
	return v;
}

static void special_range(const struct kx *e, int64_t *lo, int64_t *hi)
{
	enum k_special s = e->special;

	*lo = s == K_GRID_X || s == K_GRID_Y;
	*hi = INT32_MAX;
	if (e->i)
		*hi = e->i;
	else if (s == K_THREAD_X)
		*hi = 1023;
	else if (s == K_LANE || s == K_WARP)
		*hi = 31;
	else if (s == K_CLUSTER_RANK)
		*hi = 15;
}

struct interval {
	int64_t lo, hi;
};

static struct interval range_of(const struct kx *e)
{
	struct interval r;

	kx_range(e, &r.lo, &r.hi);
	return r;
}

static struct interval range_mul(struct interval x, struct interval y)
{
	if (x.lo < 0 || y.lo < 0)
		return (struct interval){ INT64_MIN, INT64_MAX };
	return (struct interval){ sat(OP_MUL, x.lo, y.lo, 0),
		sat(OP_MUL, x.hi, y.hi, INT64_MAX) };
}

static struct interval range_div(struct interval x, struct interval y)
{
	if (x.lo < 0 || y.lo <= 0)
		return (struct interval){ INT64_MIN, INT64_MAX };
	return (struct interval){ sat(OP_DIV, x.lo, y.hi, 0),
		sat(OP_DIV, x.hi, y.lo, INT64_MAX) };
}

static struct interval range_mod(struct interval x, struct interval y)
{
	int64_t hi = sat(OP_SUB, y.hi, 1, INT64_MAX);

	if (y.lo <= 0)
		return (struct interval){ INT64_MIN, INT64_MAX };
	if (x.lo >= 0 && x.hi < y.lo)
		return x;
	return (struct interval){ 0, x.lo >= 0 && x.hi < hi ? x.hi : hi };
}

static struct interval range_op(const struct kx *e)
{
	struct interval all = { INT64_MIN, INT64_MAX }, x, y;

	if (e->n_args != 2)
		return all;
	x = range_of(e->args[0]);
	y = range_of(e->args[1]);
	switch (e->op) {
	case OP_ADD:
		return (struct interval){ sat(OP_ADD, x.lo, y.lo, INT64_MIN),
			sat(OP_ADD, x.hi, y.hi, INT64_MAX) };
	case OP_SUB:
		return (struct interval){ sat(OP_SUB, x.lo, y.hi, INT64_MIN),
			sat(OP_SUB, x.hi, y.lo, INT64_MAX) };
	case OP_MUL: return range_mul(x, y);
	case OP_DIV: return range_div(x, y);
	case OP_MOD: return range_mod(x, y);
	case OP_MIN:
		return (struct interval){ x.lo < y.lo ? x.lo : y.lo,
			x.hi < y.hi ? x.hi : y.hi };
	case OP_MAX:
		return (struct interval){ x.lo > y.lo ? x.lo : y.lo,
			x.hi > y.hi ? x.hi : y.hi };
	default: return all;
	}
}

void kx_range(const struct kx *e, int64_t *lo, int64_t *hi)
{
	struct interval r = { INT64_MIN, INT64_MAX };

	if (e->kind == KX_INT)
		r = (struct interval){ e->i, e->i };
	else if (e->kind == KX_SPECIAL)
		special_range(e, &r.lo, &r.hi);
	else if (e->kind == KX_VAR && e->var->bounded)
		r = (struct interval){ e->var->lo, e->var->hi };
	else if (e->kind == KX_CAST && dtype_is_int(e->args[0]->type) &&
		 (e->type == T_I64 || e->type == e->args[0]->type))
		r = range_of(e->args[0]);
	else if (e->kind == KX_CAST && e->type == T_U32 &&
		 range_of(e->args[0]).lo >= 0 &&
		 range_of(e->args[0]).hi <= INT32_MAX)
		r = range_of(e->args[0]);
	else if (e->kind == KX_OP && dtype_is_int(e->type))
		r = range_op(e);
	*lo = r.lo;
	*hi = r.hi;
}

/* ---- one rule for each operation; NULL: nothing to simplify ---- */

static struct kx *fold_add(struct arena *a, struct kx *x, struct kx *y)
{
	int64_t k, j;

	if (!kx_is_int(y, &k))
		return NULL;
	if (k == 0)
		return x;
	if (by_const(x, OP_ADD, &j) && fold_int(OP_ADD, j, k, &j))
		return kx_add(a, x->args[0], fold_typed(a, x->type, j));
	if (by_const(x, OP_SUB, &j) && fold_int(OP_SUB, k, j, &j))
		return kx_add(a, x->args[0], fold_typed(a, x->type, j));
	if (k < 0 && k != INT64_MIN)
		return fold_node(a, OP_SUB, x->type, x,
			fold_typed(a, x->type, -k));
	return NULL;
}

static struct kx *fold_sub(struct arena *a, struct kx *x, struct kx *y)
{
	int64_t k;

	if (x == y)
		return fold_typed(a, x->type, 0);
	if (!kx_is_int(y, &k) || k == INT64_MIN)
		return NULL;
	if (k == 0)
		return x;
	if (k < 0 || by_const(x, OP_ADD, NULL) || by_const(x, OP_SUB, NULL))
		return kx_add(a, x, fold_typed(a, x->type, -k));
	return NULL;
}

static struct kx *fold_mul(struct arena *a, struct kx *x, struct kx *y)
{
	int64_t k, j;

	if (!kx_is_int(y, &k))
		return NULL;
	if (k == 0)
		return fold_typed(a, x->type, 0);
	if (k == 1)
		return x;
	if (by_const(x, OP_MUL, &j) && fold_int(OP_MUL, j, k, &j))
		return kx_mul(a, x->args[0], fold_typed(a, x->type, j));
	return NULL;
}

/* (p * j + q) / k and % k where k divides j and 0 <= q < k. */
static bool split(const struct kx *x, int64_t k, struct kx **p, struct kx **q)
{
	int64_t j, lo, hi;

	if (!is_op(x, OP_ADD) || !by_const(x->args[0], OP_MUL, &j) || j % k)
		return false;
	*p = x->args[0];
	*q = x->args[1];
	kx_range(*q, &lo, &hi);
	return lo >= 0 && hi < k;
}

static struct kx *fold_div(struct arena *a, struct kx *x, struct kx *y)
{
	int64_t k, j, lo, hi;
	struct kx *p, *q;

	if (!kx_is_int(y, &k) || k <= 0)
		return NULL;
	kx_range(x, &lo, &hi);
	if (k == 1)
		return x;
	if (lo >= 0 && hi < k)
		return fold_typed(a, x->type, 0);
	if (by_const(x, OP_MUL, &j) && j % k == 0)
		return kx_mul(a, x->args[0], fold_typed(a, x->type, j / k));
	if (by_const(x, OP_DIV, &j) && fold_int(OP_MUL, j, k, &j))
		return kx_div(a, x->args[0], fold_typed(a, x->type, j));
	return split(x, k, &p, &q) ? kx_div(a, p, y) : NULL;
}

static struct kx *fold_mod(struct arena *a, struct kx *x, struct kx *y)
{
	int64_t k, j, lo, hi;
	struct kx *p, *q;

	if (!kx_is_int(y, &k) || k <= 0)
		return NULL;
	kx_range(x, &lo, &hi);
	if (k == 1 || (by_const(x, OP_MUL, &j) && j % k == 0))
		return fold_typed(a, x->type, 0);
	if (lo >= 0 && hi < k)
		return x;
	if (by_const(x, OP_MOD, &j) && j % k == 0)
		return kx_mod(a, x->args[0], y);
	return split(x, k, &p, &q) ? q : NULL;
}

/* Comparisons that the ranges decide. */
static struct kx *fold_compare(struct arena *a, enum op op, struct kx *x,
	struct kx *y)
{
	struct interval u = range_of(x), v = range_of(y);

	if (op == OP_LT && u.hi < v.lo)
		return fold_typed(a, T_BOOL, 1);
	if (op == OP_LT && u.lo >= v.hi)
		return fold_typed(a, T_BOOL, 0);
	if (op == OP_LE && u.hi <= v.lo)
		return fold_typed(a, T_BOOL, 1);
	if (op == OP_LE && u.lo > v.hi)
		return fold_typed(a, T_BOOL, 0);
	return NULL;
}

static struct kx *fold_logic(struct arena *a, enum op op, struct kx *x,
	struct kx *y)
{
	int64_t k;

	if (kx_is_int(x, &k))
		return (op == OP_AND) == (k != 0) ? y :
			fold_typed(a, T_BOOL, k);
	if (kx_is_int(y, &k))
		return (op == OP_AND) == (k != 0) ? x :
			fold_typed(a, T_BOOL, k);
	return NULL;
}

struct kx *fold_binary(struct arena *a, enum op op, struct kx *x, struct kx *y)
{
	switch (op) {
	case OP_ADD: return fold_add(a, x, y);
	case OP_SUB: return fold_sub(a, x, y);
	case OP_MUL: return fold_mul(a, x, y);
	case OP_DIV: return fold_div(a, x, y);
	case OP_MOD: return fold_mod(a, x, y);
	case OP_LT:
	case OP_LE: return fold_compare(a, op, x, y);
	case OP_AND:
	case OP_OR: return fold_logic(a, op, x, y);
	default: return NULL;
	}
}
