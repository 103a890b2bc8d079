/* SPDX-License-Identifier: MIT */
/* Arithmetic of integers as operators have it, whose results wrap and whose quotients
 * are rounded down. Computed without a sign, where C wraps. */
#include "ir/integer.h"

int64_t integer_wrap(enum dtype t, int64_t v)
{
	int off = 64 - dtype_row(t)->bits;

	if (t == T_BOOL)
		return v != 0;
	if (dtype_row(t)->class == DTYPE_UNSIGNED)
		return (int64_t)((uint64_t)v << off >> off);
	return (int64_t)((uint64_t)v << off) >> off;
}

int64_t integer_settle(enum dtype t, int64_t v)
{
	return integer_wrap(dtype_row(t)->bits < 32 ? dtype_row(t)->accum : t, v);
}

static uint64_t quotient(int64_t x, int64_t y)
{
	if (y == -1)
		return -(uint64_t)x;
	return (uint64_t)(x / y - (x % y != 0 && (x < 0) != (y < 0)));
}

int64_t integer_apply(enum op op, int64_t x, int64_t y)
{
	uint64_t a = (uint64_t)x, b = (uint64_t)y;

	switch (op) {
	case OP_ADD: return (int64_t)(a + b);
	case OP_SUB: return (int64_t)(a - b);
	case OP_MUL: return (int64_t)(a * b);
	case OP_DIV: return (int64_t)quotient(x, y);
	default: return (int64_t)(a - quotient(x, y) * b);
	}
}
