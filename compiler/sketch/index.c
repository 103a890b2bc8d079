/* SPDX-License-Identifier: MIT */
/* Index arithmetic: integer expressions of the operator IR become kernel
 * integers, in i32 wherever the ranges of axes prove that they fit, with
 * flooring division only where a value may be negative. Division of the
 * kernel IR is only ever asked of non-negative values, save in
 * index_floored(), which is right whichever way it rounds. */
#include "sketch/common.h"

#include <stdlib.h>

static bool fits_i32(int64_t lo, int64_t hi)
{
	return lo >= -INT32_MAX && hi <= INT32_MAX;
}

static bool narrow(const struct lower_env *env, const struct ir_expr *e)
{
	int64_t lo, hi;

	return ir_range(env->op, e, &lo, &hi) && fits_i32(lo, hi);
}

static struct kx *quotient(struct arena *a, struct k_block *b, struct kx *x,
	struct kx *y, struct kx **rest)
{
	struct kx *q = ks_let(a, b, "quotient", kx_op(a, OP_DIV, x->type, 2,
		x, y));

	*rest = ks_let(a, b, "rest", kx_op(a, OP_SUB, x->type, 2, x,
		kx_op(a, OP_MUL, x->type, 2, q, y)));
	return q;
}

/* True where the remainder lies on the other side of 0 than the divisor. */
static struct kx *wrong_side(struct arena *a, struct kx *rest, struct kx *y)
{
	struct kx *zero = kx_cast(a, rest->type, kx_int(a, 0));
	struct kx *below = kx_op(a, OP_LT, T_BOOL, 2, rest, zero);
	int64_t v;

	if (kx_is_int(y, &v) && v > 0)
		return below;
	return kx_op(a, OP_AND, T_BOOL, 2,
		kx_op(a, OP_NE, T_BOOL, 2, rest, zero),
		kx_op(a, OP_NE, T_BOOL, 2, below,
			kx_op(a, OP_LT, T_BOOL, 2, y, zero)));
}

static struct kx *is_number(struct arena *a, struct kx *y, int v)
{
	return kx_op(a, OP_EQ, T_BOOL, 2, y, kx_cast(a, y->type, kx_int(a, v)));
}

/* The divisor, 1 in place of 0; and, "beside" not being NULL, in place of -1, where
 * "*beside" then says whether it was that. */
static struct kx *divisor(struct arena *a, struct k_block *b, struct kx *y,
	struct kx **beside)
{
	struct kx *bad;
	int64_t v;

	if (kx_is_int(y, &v) && v)
		return y;
	y = ks_let(a, b, "divisor", y);
	bad = is_number(a, y, 0);
	if (beside) {
		*beside = is_number(a, y, -1);
		bad = kx_op(a, OP_OR, T_BOOL, 2, bad, *beside);
	}
	return kx_op(a, OP_SELECT, y->type, 3, bad, kx_cast(a, y->type,
		kx_int(a, 1)), y);
}

struct kx *index_divisor(struct arena *a, struct k_block *b, struct kx *y)
{
	return divisor(a, b, y, NULL);
}

static struct kx *negated(struct arena *a, struct kx *x)
{
	return lower_wrapping(a, OP_SUB, x->type, kx_cast(a, x->type,
		kx_int(a, 0)), x);
}

static struct kx *floored(struct arena *a, struct k_block *b, enum op op,
	struct kx *x, struct kx *y)
{
	struct kx *rest, *q, *one = kx_cast(a, x->type, kx_int(a, 1));

	y = ks_let(a, b, "divisor", y);
	q = quotient(a, b, x, y, &rest);
	if (op == OP_DIV)
		return kx_op(a, OP_SELECT, x->type, 3, wrong_side(a, rest, y),
			kx_op(a, OP_SUB, x->type, 2, q, one), q);
	return kx_op(a, OP_SELECT, x->type, 3, wrong_side(a, rest, y),
		kx_op(a, OP_ADD, x->type, 2, rest, y), rest);
}

bool index_overflows(const struct lower_env *env, const struct ir_expr *e,
	enum dtype t)
{
	int64_t lo, hi, least, most;

	dtype_range(t, &least, &most);
	if (ir_range(env->op, e->args[1], &lo, &hi) && (lo > -1 || hi < -1))
		return false;
	return !ir_range(env->op, e->args[0], &lo, &hi) || lo <= least;
}

struct kx *index_floored(struct arena *a, struct k_block *b, enum op op,
	struct kx *x, struct kx *y, bool least)
{
	struct kx *minus = NULL, *v;
	int64_t k;

	if (kx_is_int(y, &k) && k == -1)
		return op == OP_DIV ? negated(a, x) :
			kx_cast(a, x->type, kx_int(a, 0));
	y = divisor(a, b, y, least ? &minus : NULL);
	x = ks_let(a, b, "dividend", x);
	v = floored(a, b, op, x, y);
	if (!minus || op == OP_MOD)
		return v;
	return kx_op(a, OP_SELECT, x->type, 3, minus, negated(a, x), v);
}

/* Division by "d" > 0 of a value not below "lo": where that is negative, the
 * value is first raised by a multiple of "d". */
static struct kx *divide(struct arena *a, struct kx *x, int64_t d, int64_t lo,
	enum op op)
{
	int64_t raise = lo < 0 ? (-lo + d - 1) / d : 0;
	struct kx *up = kx_add(a, x, kx_int(a, raise * d));

	if (op == OP_MOD)
		return kx_mod(a, up, kx_int(a, d));
	return kx_sub(a, kx_div(a, up, kx_int(a, d)), kx_int(a, raise));
}

static struct kx *index_divide(const struct lower_env *env,
	const struct ir_expr *e, struct kx *x, struct kx *y)
{
	int64_t lo, hi, lo2, hi2;
	bool known = ir_range(env->op, e->args[0], &lo, &hi);
	bool divisor = ir_range(env->op, e->args[1], &lo2, &hi2);

	if (known && divisor && lo2 == hi2 && lo2 > 0 &&
	    hi < INT32_MAX - lo2 && lo > -INT32_MAX + lo2)
		return divide(env->a, x, lo2, lo, e->op);
	if (known && lo >= 0 && divisor && lo2 > 0)
		return e->op == OP_DIV ? kx_div(env->a, x, y) :
			kx_mod(env->a, x, y);
	x = kx_cast(env->a, T_I64, x);
	return index_floored(env->a, env->block, e->op, x,
		kx_cast(env->a, T_I64, y), index_overflows(env, e, T_I64));
}

static struct kx *index_binary(const struct lower_env *env,
	const struct ir_expr *e)
{
	struct arena *a = env->a;
	struct kx *x = index_value(env, e->args[0]);
	struct kx *y = index_value(env, e->args[1]);

	if (!narrow(env, e) || x->type != y->type) {
		x = kx_cast(a, T_I64, x);
		y = kx_cast(a, T_I64, y);
	}
	switch (e->op) {
	case OP_ADD:
		return kx_add(a, x, y);
	case OP_SUB:
		return kx_sub(a, x, y);
	case OP_MUL:
		return kx_mul(a, x, y);
	case OP_MIN:
	case OP_MAX:
		return kx_op(a, e->op, x->type, 2, x, y);
	default:
		return index_divide(env, e, x, y);
	}
}

static bool is_arithmetic(const struct ir_expr *e)
{
	return e->kind == IR_OP && (e->op == OP_ADD || e->op == OP_SUB ||
		e->op == OP_MUL || e->op == OP_DIV || e->op == OP_MOD ||
		e->op == OP_MIN || e->op == OP_MAX) && e->type != T_U32;
}

static struct kx *shrink(const struct lower_env *env, const struct ir_expr *e,
	struct kx *x)
{
	if (x->type != T_I64 || !narrow(env, e))
		return x;
	if (x->kind == KX_CAST && x->args[0]->type == T_I32)
		return x->args[0];
	return kx_cast(env->a, T_I32, x);
}

struct kx *index_value(const struct lower_env *env, const struct ir_expr *e)
{
	struct kx *x;

	if (e->kind == IR_INT)
		return kx_int(env->a, e->i);
	if (e->kind == IR_AXIS)
		return env->axes[e->axis];
	if (is_arithmetic(e))
		return shrink(env, e, index_binary(env, e));
	x = lower_expr(env, e);
	if (x->type == T_I32 || x->type == T_I64)
		return shrink(env, e, x);
	return kx_cast(env->a, x->type == T_BOOL ? T_I32 : T_I64, x);
}

struct kx *index_guard(const struct lower_env *env, const struct ir_expr *e,
	struct kx **idx)
{
	const struct ir_tensor *t = &env->op->tensors[e->tensor];
	struct arena *a = env->a;
	struct kx *cond = NULL;

	for (int d = 0; d < t->rank; d++) {
		bool below, above;

		ir_leaves(env->op, e, d, &below, &above);
		if (!below && !above)
			continue;
		idx[d] = ks_let(a, env->block, "at", idx[d]);
		if (below)
			cond = kx_and(a, cond, kx_lt(a, kx_int(a, -1),
				idx[d]));
		if (above)
			cond = kx_and(a, cond, kx_lt(a, idx[d],
				kx_int(a, t->dims[d])));
	}
	return cond;
}

void index_clamp(const struct lower_env *env, const struct ir_expr *e,
	struct kx **idx)
{
	const struct ir_tensor *t = &env->op->tensors[e->tensor];
	struct arena *a = env->a;

	for (int d = 0; d < t->rank; d++) {
		enum dtype type = idx[d]->type;
		bool below, above;

		ir_leaves(env->op, e, d, &below, &above);
		if (below)
			idx[d] = kx_op(a, OP_MAX, type, 2, idx[d],
				kx_cast(a, type, kx_int(a, 0)));
		if (above)
			idx[d] = kx_op(a, OP_MIN, type, 2, idx[d],
				kx_cast(a, type, kx_int(a, t->dims[d] - 1)));
	}
}

/* Physical coordinate "p" of logical index "x". */
static struct kx *coordinate(struct arena *a, const struct ir_phys *p,
	struct kx *x)
{
	if (p->div > 1)
		x = kx_div(a, x, kx_int(a, p->div));
	if (p->mod)
		x = kx_mod(a, x, kx_int(a, p->mod));
	return x;
}

struct kx *lower_offset(const struct lower_env *env, const struct ir_tensor *t,
	struct kx *const *idx)
{
	const struct k_buffer *b = env->buffers[t->id];
	enum dtype type = b && b->wide ? T_I64 : T_I32;
	struct arena *a = env->a;
	struct kx *sum = kx_int(a, 0);

	for (int i = 0; i < t->n_phys; i++) {
		const struct ir_phys *p = &t->phys[i];
		struct kx *x;

		if (p->extent == 1)
			continue;
		x = coordinate(a, p, kx_cast(a, type, idx[p->dim]));
		sum = kx_add(a, sum, kx_mul(a, x, kx_int(a, p->stride)));
	}
	return sum;
}
