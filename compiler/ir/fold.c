/* SPDX-License-Identifier: MIT */
/* Folding. In comes an operator, out goes one that means the same with
 * constants evaluated, neutral operands dropped, conditions decided by ranges,
 * and index arithmetic brought to sums (linear.c). Nodes are replaced, never
 * changed. Floating-point constants are evaluated in double, which is at least
 * as exact as their type, integers as integers, which wrap; nothing is reordered. */
#include <math.h>

#include "ir/integer.h"
#include "ir/linear.h"

static bool is_const(const struct ir_expr *e)
{
	return e->kind == IR_INT || e->kind == IR_FLOAT;
}

static double value(const struct ir_expr *e)
{
	return e->kind == IR_INT ? (double)e->i : e->f;
}

static bool is_value(const struct ir_expr *e, double v)
{
	return is_const(e) && value(e) == v;
}

/* A constant of type "t", or NULL if a double cannot say which. */
static struct ir_expr *literal(struct arena *a, enum dtype t, double v)
{
	if (dtype_is_float(t))
		return ir_float(a, v, t);
	if (fabs(v) > ldexp(1, 52))
		return NULL;
	return ir_int(a, (int64_t)dtype_round(t, v), t);
}

/* op(x, y), NaN where it is not evaluated here. */
static double evaluate(enum op op, double x, double y)
{
	switch (op) {
	case OP_ADD: return x + y;
	case OP_SUB: return x - y;
	case OP_MUL: return x * y;
	case OP_DIV: return x / y;
	case OP_MIN: return x < y ? x : y;
	case OP_MAX: return x > y ? x : y;
	case OP_LT: return x < y;
	case OP_LE: return x <= y;
	case OP_EQ: return x == y;
	case OP_NE: return x != y;
	case OP_AND: return x && y;
	case OP_OR: return x || y;
	case OP_NOT: return !x;
	case OP_NEG: return -x;
	case OP_ABS: return fabs(x);
	case OP_FLOOR: return floor(x);
	case OP_CEIL: return ceil(x);
	default: return NAN;
	}
}

/* op(x, y) modulo 2^64; false where it is not evaluated here. */
static bool evaluate_int(enum op op, int64_t x, int64_t y, int64_t *v)
{
	if ((op == OP_DIV || op == OP_MOD) && !y)
		return false;
	switch (op) {
	case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_MOD:
		*v = integer_apply(op, x, y);
		break;
	case OP_MIN: *v = x < y ? x : y; break;
	case OP_MAX: *v = x > y ? x : y; break;
	case OP_LT: *v = x < y; break;
	case OP_LE: *v = x <= y; break;
	case OP_EQ: *v = x == y; break;
	case OP_NE: *v = x != y; break;
	case OP_AND: *v = x && y; break;
	case OP_OR: *v = x || y; break;
	case OP_NOT: *v = !x; break;
	case OP_NEG: *v = integer_apply(OP_SUB, 0, x); break;
	case OP_ABS: *v = x < 0 ? integer_apply(OP_SUB, 0, x) : x; break;
	case OP_FLOOR: case OP_CEIL: *v = x; break;
	default: return false;
	}
	return true;
}

/* Constants are not made greater than what doubles and sums of terms hold. */
static const int64_t folded_most = INT64_C(1) << 52;

/* Integers alone: arithmetic in 32 bits or more, whose result may be none of a
 * narrower type. */
static struct ir_expr *integers(struct arena *a, const struct ir_expr *e)
{
	enum dtype t = e->type;
	int64_t v;

	if (!evaluate_int(e->op, e->args[0]->i, e->n_args > 1 ?
	    e->args[1]->i : 0, &v))
		return NULL;
	v = t == T_BOOL ? v : integer_settle(t, v);
	return integer_wrap(t, v) == v && v >= -folded_most && v <= folded_most ?
		ir_int(a, v, t) : NULL;
}

static bool are_integers(const struct ir_expr *e)
{
	for (int i = 0; i < e->n_args; i++)
		if (e->args[i]->kind != IR_INT)
			return false;
	return !dtype_is_float(e->type);
}

static struct ir_expr *constants(struct arena *a, const struct ir_expr *e)
{
	double v;

	for (int i = 0; i < e->n_args; i++)
		if (!is_const(e->args[i]) || isnan(value(e->args[i])))
			return NULL;
	if (e->n_args > 2)
		return NULL;
	if (are_integers(e))
		return integers(a, e);
	v = evaluate(e->op, value(e->args[0]),
		e->n_args > 1 ? value(e->args[1]) : 0);
	return isnan(v) ? NULL : literal(a, e->type, v);
}

/* "x" where operand "other" of e is neutral and "x" has e's type. */
static struct ir_expr *neutral(struct ir_expr *e)
{
	struct ir_expr *x = e->args[0], *y = e->args[1];
	bool commutes = e->op == OP_ADD || e->op == OP_MUL || e->op == OP_AND ||
		e->op == OP_OR;
	double unit = e->op == OP_MUL || e->op == OP_DIV || e->op == OP_AND;

	if (is_value(y, unit) && x->type == e->type)
		return x;
	if (commutes && is_value(x, unit) && y->type == e->type)
		return y;
	return NULL;
}

/* A constant operand that decides e whatever the other is. */
static struct ir_expr *absorbing(struct arena *a, struct ir_expr *e)
{
	double zero = e->op == OP_OR;

	if (e->op == OP_MUL && dtype_is_float(e->type))
		return NULL;
	if (is_value(e->args[0], zero) || is_value(e->args[1], zero))
		return ir_int(a, (int64_t)zero, e->type);
	return NULL;
}

/* A comparison of integers decided by the range of their difference. */
static struct ir_expr *compared(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e)
{
	struct ir_expr *x = e->args[0], *y = e->args[1], *d;
	int64_t lo, hi;

	if (x->type != T_I64 || y->type != T_I64)
		return NULL;
	d = ir_apply(a, OP_SUB, T_I64, 2, x, y);
	if (!ir_range(o, d, &lo, &hi))
		return NULL;
	if (e->op == OP_LT && (hi < 0 || lo >= 0))
		return ir_int(a, hi < 0, T_BOOL);
	if (e->op == OP_LE && (hi <= 0 || lo > 0))
		return ir_int(a, hi <= 0, T_BOOL);
	if (e->op != OP_EQ && e->op != OP_NE)
		return NULL;
	if (lo == 0 && hi == 0)
		return ir_int(a, e->op == OP_EQ, T_BOOL);
	return lo > 0 || hi < 0 ? ir_int(a, e->op == OP_NE, T_BOOL) : NULL;
}

/* The lesser or greater of integers where one always is. */
static struct ir_expr *chosen(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e)
{
	struct ir_expr *x = e->args[0], *y = e->args[1], *d;
	int64_t lo, hi;

	if (e->type != T_I64 || x->type != T_I64 || y->type != T_I64)
		return NULL;
	d = ir_apply(a, OP_SUB, T_I64, 2, x, y);
	if (!ir_range(o, d, &lo, &hi))
		return NULL;
	if (hi <= 0)
		return e->op == OP_MIN ? x : y;
	return lo >= 0 ? (e->op == OP_MIN ? y : x) : NULL;
}

static struct ir_expr *selected(struct ir_expr *e)
{
	struct ir_expr *c = e->args[0], *x = e->args[1], *y = e->args[2];

	if (c->kind == IR_INT && (c->i ? x : y)->type == e->type)
		return c->i ? x : y;
	return ir_equal(x, y) && x->type == e->type ? x : NULL;
}

enum { LARGEST = 32 };

/* A reduction is none that is done twice. */
static void count_node(struct ir_expr *e, void *ctx)
{
	*(int *)ctx += e->kind == IR_REDUCE ? LARGEST + 1 : 1;
}

/* The second or third power is a product. That of a larger base stays: powers of
 * powers would double at every level. */
static struct ir_expr *multiplied(struct arena *a, struct ir_expr *e)
{
	struct ir_expr *x = e->args[0], *square;
	double n = is_const(e->args[1]) ? value(e->args[1]) : 0;
	int nodes = 0;

	if ((n != 2 && n != 3) || x->type != e->type)
		return NULL;
	ir_walk(x, count_node, &nodes);
	if (nodes > LARGEST)
		return NULL;
	square = ir_apply(a, OP_MUL, e->type, 2, x, x);
	square->at = e->at;
	return n == 2 ? square : ir_apply(a, OP_MUL, e->type, 2, square, x);
}

/* What "e", an operation on folded operands, simplifies to, or NULL. */
static struct ir_expr *simpler(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e)
{
	struct ir_expr *s;

	switch (e->op) {
	case OP_ADD: case OP_SUB: case OP_DIV:
		return neutral(e);
	case OP_MUL: case OP_AND: case OP_OR:
		s = neutral(e);
		return s ? s : absorbing(a, e);
	case OP_LT: case OP_LE: case OP_EQ: case OP_NE:
		return compared(a, o, e);
	case OP_MIN: case OP_MAX:
		return chosen(a, o, e);
	case OP_SELECT:
		return selected(e);
	case OP_POW:
		return multiplied(a, e);
	default:
		return NULL;
	}
}

static struct ir_expr *operation(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e)
{
	struct ir_expr *s = constants(a, e);

	if (!s)
		s = simpler(a, o, e);
	return s ? s : e;
}

/* A cast of a constant, or to the type a value has already; one that rounds an
 * operation stays. */
static struct ir_expr *cast(struct arena *a, struct ir_expr *e)
{
	struct ir_expr *x = e->args[0], *s = NULL;

	if (x->kind == IR_INT && !dtype_is_float(e->type))
		s = ir_int(a, integer_wrap(e->type, x->i), e->type);
	else if (is_const(x) && (!isnan(value(x)) || dtype_is_float(e->type)))
		s = literal(a, e->type, dtype_round(e->type, value(x)));
	else if (x->type == e->type && (x->kind != IR_OP ||
			!dtype_is_float(e->type)))
		s = x;
	return s ? s : e;
}

/* "e" with its operands folded: itself where that changes none. */
static struct ir_expr *with_folded(struct arena *a,
	const struct ir_operator *o, struct ir_expr *e)
{
	struct ir_expr *c = e;

	for (int i = 0; i < e->n_args; i++) {
		struct ir_expr *x = ir_fold_expr(a, o, e->args[i]);

		if (x == e->args[i])
			continue;
		if (c == e) {
			c = ARENA_NEW(a, struct ir_expr);
			*c = *e;
			c->args = ARENA_ARRAY(a, e->n_args, struct ir_expr *);
			for (int j = 0; j < e->n_args; j++)
				c->args[j] = e->args[j];
		}
		c->args[i] = x;
	}
	return c;
}

struct ir_expr *ir_fold_atom(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e)
{
	e = with_folded(a, o, e);
	if (e->kind == IR_OP)
		return operation(a, o, e);
	return e->kind == IR_CAST ? cast(a, e) : e;
}

struct ir_expr *ir_fold_expr(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e)
{
	struct linear l;
	struct ir_expr *s;

	if (e->type != T_I64 || e->kind != IR_OP)
		return ir_fold_atom(a, o, e);
	linear_of(a, o, e, &l);
	s = linear_expr(a, &l);
	return ir_equal(s, e) ? e : s;
}

void ir_fold(struct arena *a, struct ir_operator *o)
{
	for (int i = 0; i < o->n_stmts; i++) {
		struct ir_stmt *s = &o->stmts[i];

		s->expr = ir_fold_expr(a, o, s->expr);
		for (int j = 0; j < o->tensors[s->tensor].rank; j++)
			s->index[j] = ir_fold_expr(a, o, s->index[j]);
	}
}
