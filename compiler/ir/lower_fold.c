/* SPDX-License-Identifier: MIT */
/* Lowering: operations on constants. In: integers, numbers, truth values. Out:
 * their exact result in 64 bits, or the double nearest to it; an integer that
 * overflows is an error. Integers divide rounding down. */
#include <assert.h>
#include <math.h>

#include "ir/linear.h"
#include "ir/lower_state.h"

static double number(struct value v)
{
	return v.kind == V_FLOAT ? v.f : (double)v.i;
}

static struct value overflow(const struct place *p, struct span at)
{
	lower_error(p->l, p->scope, E_OVERFLOW, at, "size overflows 64 bits");
	return lower_bad();
}

static struct value divide(const struct place *p, struct span at, enum op op,
	int64_t x, int64_t y)
{
	if (!y) {
		lower_error(p->l, p->scope, E_ZERO_DIVISION, at, "division by zero");
		return lower_bad();
	}
	if (y < 0 && (x == INT64_MIN || y == INT64_MIN))
		return overflow(p, at);
	if (y < 0 && op == OP_MOD)
		return lower_int(-floor_mod(-x, -y));
	if (y < 0)
		return lower_int(floor_div(-x, -y));
	return lower_int(op == OP_DIV ? floor_div(x, y) : floor_mod(x, y));
}

static struct value fold_int(const struct place *p, struct span at, enum op op,
	int64_t x, int64_t y)
{
	int64_t v = 0;
	bool over = false;

	switch (op) {
	case OP_ADD: over = __builtin_add_overflow(x, y, &v); break;
	case OP_SUB: over = __builtin_sub_overflow(x, y, &v); break;
	case OP_MUL: over = __builtin_mul_overflow(x, y, &v); break;
	case OP_DIV: case OP_MOD: return divide(p, at, op, x, y);
	case OP_MIN: v = x < y ? x : y; break;
	case OP_MAX: v = x > y ? x : y; break;
	case OP_LT: return lower_bool(x < y);
	case OP_LE: return lower_bool(x <= y);
	case OP_EQ: return lower_bool(x == y);
	case OP_NE: return lower_bool(x != y);
	case OP_POW: return lower_float(pow((double)x, (double)y));
	default: assert(!"an operation on integers");
	}
	return over ? overflow(p, at) : lower_int(v);
}

static double least(double x, double y)
{
	return isnan(x) || isnan(y) ? NAN : x < y ? x : y;
}

static struct value fold_float(enum op op, double x, double y)
{
	switch (op) {
	case OP_ADD: return lower_float(x + y);
	case OP_SUB: return lower_float(x - y);
	case OP_MUL: return lower_float(x * y);
	case OP_DIV: return lower_float(x / y);
	case OP_MIN: return lower_float(least(x, y));
	case OP_MAX: return lower_float(-least(-x, -y));
	case OP_LT: return lower_bool(x < y);
	case OP_LE: return lower_bool(x <= y);
	case OP_EQ: return lower_bool(x == y);
	case OP_NE: return lower_bool(x != y);
	case OP_POW: return lower_float(pow(x, y));
	default: assert(!"an operation on numbers");
	}
	return lower_bad();
}

struct value lower_fold_op(const struct place *p, struct span at, enum op op,
	struct value x, struct value y)
{
	if (op == OP_AND)
		return lower_bool(x.i && y.i);
	if (op == OP_OR)
		return lower_bool(x.i || y.i);
	if (x.kind != V_FLOAT && y.kind != V_FLOAT)
		return fold_int(p, at, op, x.i, y.i);
	return fold_float(op, number(x), number(y));
}

struct value lower_fold_unary(const struct place *p, struct span at, enum op op,
	struct value x)
{
	if (op == OP_NOT)
		return lower_bool(!x.i);
	if (x.kind == V_FLOAT)
		return lower_float(op_value(op, x.f));
	switch (op) {
	case OP_NEG:
		return fold_int(p, at, OP_SUB, 0, x.i);
	case OP_ABS:
		return x.i < 0 ? fold_int(p, at, OP_SUB, 0, x.i) : x;
	case OP_FLOOR: case OP_CEIL: case OP_ROUND:
		return x;
	default:
		return lower_float(op_value(op, (double)x.i));
	}
}
