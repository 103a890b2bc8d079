/* SPDX-License-Identifier: MIT */
/* Value expressions of the operator IR in kernel terms. In goes an expression
 * and the kernel's names for its axes and tensors, out comes a value in the
 * type computed in; what must be bound to a variable (a guarded load, a
 * running sum) is appended to env->block. No load leaves its tensor. */
#include "sketch/common.h"

#include <assert.h>
#include <math.h>

#include "kernel/intrin.h"

/* From here on f32 has whole numbers alone, up to twice as much all of them. */
#define F32_WHOLE (INT64_C(1) << 23)

static struct kx *lower_raw(const struct lower_env *env,
	const struct ir_expr *e);

enum dtype lower_type(enum dtype t)
{
	if (t == T_BOOL)
		return T_BOOL;
	if (dtype_is_float(t))
		return t == T_F64 ? T_F64 : T_F32;
	return dtype_row(t)->bits < 32 ? dtype_row(t)->accum : t;
}

static struct kx *is_not_zero(struct arena *a, struct kx *x)
{
	struct kx *zero = dtype_is_float(x->type) ?
		kx_float(a, 0, x->type) :
		kx_cast(a, x->type, kx_int(a, 0));

	return kx_op(a, OP_NE, T_BOOL, 2, x, zero);
}

/* A cast that lost nothing, and so undoes. */
static bool widened(const struct kx *x)
{
	enum dtype from = x->args[0]->type;

	return dtype_is_float(from) && dtype_is_float(x->type) &&
		dtype_widen(from, x->type) == x->type;
}

struct kx *lower_convert(struct arena *a, struct kx *x, enum dtype t)
{
	if (x->type == t)
		return x;
	if (x->kind == KX_CAST && x->args[0]->type == t && widened(x))
		return x->args[0];
	if (t == T_BOOL)
		return is_not_zero(a, x);
	if (dtype_is_float(x->type) && !dtype_is_float(t) &&
	    dtype_row(t)->bits < 32)
		x = kx_cast(a, T_I32, x);
	return kx_cast(a, t, x);
}

struct kx *lower_round(struct arena *a, struct kx *x, enum dtype t)
{
	return lower_convert(a, lower_convert(a, x, t), lower_type(t));
}

static struct kx *constant(struct arena *a, double f, enum dtype t)
{
	if (dtype_is_float(t))
		return kx_float(a, dtype_round(t, f), lower_type(t));
	return lower_convert(a, kx_int(a, (int64_t)f), lower_type(t));
}

static struct kx *element(struct arena *a, struct k_buffer *b,
	struct kx *const *idx, int n)
{
	struct kx *x = ARENA_NEW(a, struct kx);

	assert(n == b->rank);
	x->kind = KX_LOAD;
	x->type = b->type;
	x->buffer = b;
	x->n_args = n;
	x->args = ARENA_ARRAY(a, (size_t)n, struct kx *);
	for (int i = 0; i < n; i++)
		x->args[i] = idx[i];
	return x;
}

/* One element of the tensor, in the type computed in. */
static struct kx *load(const struct lower_env *env, const struct ir_tensor *t,
	struct kx *const *idx)
{
	struct k_buffer *b = env->buffers[t->id];
	struct kx *offset;

	assert(b);
	if (b->scope != K_GLOBAL && b->rank == t->rank)
		return lower_convert(env->a, element(env->a, b, idx, t->rank),
			lower_type(b->type));
	offset = lower_offset(env, t, idx);
	return lower_convert(env->a, element(env->a, b, &offset, 1),
		lower_type(b->type));
}

static struct kx *guarded_load(const struct lower_env *env,
	const struct ir_expr *e, struct kx **idx)
{
	const struct ir_tensor *t = &env->op->tensors[e->tensor];
	struct kx *cond = index_guard(env, e, idx);
	struct lower_env inside = *env;
	struct k_var *v;

	if (!cond)
		return load(env, t, idx);
	v = ks_mutable(env->a, env->block,
		arena_printf(env->a, "%s_or_pad", t->name),
		lower_type(t->type), constant(env->a, e->f, t->type));
	inside.block = ks_if(env->a, env->block, cond);
	ks_assign(env->a, inside.block, v, load(&inside, t, idx));
	return kx_var(env->a, v);
}

static struct kx *lower_read(const struct lower_env *env,
	const struct ir_expr *e)
{
	const struct ir_tensor *t = &env->op->tensors[e->tensor];
	struct kx **idx = ARENA_ARRAY(env->a, (size_t)t->rank + 1,
		struct kx *);

	for (int d = 0; d < t->rank; d++)
		idx[d] = index_value(env, e->args[d]);
	if (e->pad == IR_PAD_VALUE)
		return guarded_load(env, e, idx);
	if (e->pad == IR_PAD_EDGE)
		index_clamp(env, e, idx);
	return load(env, t, idx);
}

static struct kx *compare(const struct lower_env *env,
	const struct ir_expr *e)
{
	enum dtype t = lower_type(dtype_widen(e->args[0]->type,
		e->args[1]->type));
	struct kx *x = lower_raw(env, e->args[0]);
	struct kx *y = lower_raw(env, e->args[1]);

	if (t == T_I64 && x->type == T_I32 && y->type == T_I32)
		t = T_I32;
	return kx_op(env->a, e->op, T_BOOL, 2, lower_convert(env->a, x, t),
		lower_convert(env->a, y, t));
}

static struct kx *logical(const struct lower_env *env,
	const struct ir_expr *e)
{
	struct kx *x = lower_as(env, e->args[0], T_BOOL);

	if (e->op == OP_NOT)
		return kx_op(env->a, OP_NOT, T_BOOL, 1, x);
	return kx_op(env->a, e->op, T_BOOL, 2, x,
		lower_as(env, e->args[1], T_BOOL));
}

/* x - q * y for q = floor(x / y); the quotient may round to its neighbour,
 * which the remainder's sign and size show. */
static struct kx *float_mod(const struct lower_env *env, struct kx *x,
	struct kx *y)
{
	struct arena *a = env->a;
	struct k_block *b = env->block;
	enum dtype t = x->type;
	struct kx *q, *r, *zero = kx_float(a, 0, t), *low, *high;

	x = ks_let(a, b, "dividend", x);
	y = ks_let(a, b, "divisor", y);
	q = kx_op(a, OP_FLOOR, t, 1, kx_op(a, OP_DIV, t, 2, x, y));
	r = ks_let(a, b, "rest", kx_op(a, OP_FMA, t, 3,
		kx_op(a, OP_NEG, t, 1, q), y, x));
	low = kx_op(a, OP_LT, T_BOOL, 2, kx_op(a, OP_MUL, t, 2, r, y), zero);
	high = kx_op(a, OP_LE, T_BOOL, 2, kx_op(a, OP_ABS, t, 1, y),
		kx_op(a, OP_ABS, t, 1, r));
	return kx_op(a, OP_SELECT, t, 3, low, kx_op(a, OP_ADD, t, 2, r, y),
		kx_op(a, OP_SELECT, t, 3, high,
			kx_op(a, OP_SUB, t, 2, r, y), r));
}

static struct kx *divide(const struct lower_env *env, const struct ir_expr *e,
	struct kx *x, struct kx *y)
{
	if (dtype_is_float(x->type))
		return e->op == OP_DIV ?
			kx_op(env->a, OP_DIV, x->type, 2, x, y) :
			float_mod(env, x, y);
	if (x->type == T_U32)
		return kx_op(env->a, e->op, x->type, 2, x,
			index_divisor(env->a, env->block, y));
	return index_floored(env->a, env->block, e->op, x, y,
		index_overflows(env, e, x->type));
}

/* The intrinsic by which integers of whatever range wrap, -1: none. */
static int wrapped(enum op op, enum dtype t)
{
	bool wide = t == T_I64;

	if (t != T_I32 && !wide)
		return -1;
	switch (op) {
	case OP_ADD:
		return wide ? INTRIN_ADD_WRAPPED_LONG : INTRIN_ADD_WRAPPED;
	case OP_SUB:
	case OP_NEG:
		return wide ? INTRIN_SUB_WRAPPED_LONG : INTRIN_SUB_WRAPPED;
	case OP_MUL:
		return wide ? INTRIN_MUL_WRAPPED_LONG : INTRIN_MUL_WRAPPED;
	default:
		return -1;
	}
}

struct kx *lower_wrapping(struct arena *a, enum op op, enum dtype t,
	struct kx *x, struct kx *y)
{
	return wrapped(op, t) < 0 ? kx_op(a, op, t, 2, x, y) :
		kx_call(a, wrapped(op, t), t, 2, x, y);
}

/* What is taken twice in "e", of the type "t" too: 2 y, with the 2's sign in "*by"; or
 * NULL. */
static const struct ir_expr *doubled(const struct ir_expr *e, enum dtype t,
	double *by)
{
	if (e->kind != IR_OP || e->op != OP_MUL || e->type != t)
		return NULL;
	for (int i = 0; i < 2; i++)
		if (e->args[i]->kind == IR_FLOAT && fabs(e->args[i]->f) == 2) {
			*by = e->args[i]->f;
			return e->args[1 - i];
		}
	return NULL;
}

/* x - 2 y, as in squares of distances, is one operation: nvcc makes y + y of 2 y before
 * it looks for such. NULL if "e" is none. */
static struct kx *add_doubled(const struct lower_env *env,
	const struct ir_expr *e, enum dtype t)
{
	const struct ir_expr *y = NULL;
	struct kx *x;
	double by;
	int i = 2;

	if ((e->op != OP_ADD && e->op != OP_SUB) || (t != T_F32 && t != T_F64))
		return NULL;
	while (!y && i-- > 0)
		y = doubled(e->args[i], t, &by);
	if (!y)
		return NULL;
	x = lower_as(env, e->args[1 - i], t);
	if (e->op == OP_SUB && i)
		by = -by;
	else if (e->op == OP_SUB)
		x = kx_op(env->a, OP_NEG, t, 1, x);
	return kx_op(env->a, OP_FMA, t, 3, lower_as(env, y, t), kx_float(env->a,
		by, t), x);
}

static struct kx *arithmetic(const struct lower_env *env,
	const struct ir_expr *e)
{
	enum dtype t = lower_type(e->type);
	struct kx *x[3] = { add_doubled(env, e, t), NULL, NULL };

	if (x[0])
		return x[0];
	if (t == T_BOOL)
		t = T_I32;
	for (int i = 0; i < e->n_args; i++)
		x[i] = lower_as(env, e->args[i],
			e->op == OP_SELECT && i == 0 ? T_BOOL : t);
	if (e->op == OP_DIV || e->op == OP_MOD)
		return divide(env, e, x[0], x[1]);
	if (wrapped(e->op, t) >= 0)
		return lower_wrapping(env->a, e->op, t, e->n_args == 1 ?
			kx_cast(env->a, t, kx_int(env->a, 0)) : x[0],
			x[e->n_args - 1]);
	if (e->op == OP_ABS && t == T_U32)
		return x[0];
	if (e->n_args == 1)
		return kx_op(env->a, e->op, t, 1, x[0]);
	if (e->n_args == 2)
		return kx_op(env->a, e->op, t, 2, x[0], x[1]);
	return kx_op(env->a, e->op, t, 3, x[0], x[1], x[2]);
}

/* Index arithmetic used as a value: in i32 where it fits. What is divided may have
 * wrapped, unless its own range is known: that of a rest always is. */
static bool is_index(const struct lower_env *env, const struct ir_expr *e)
{
	int64_t lo, hi;
	bool known = (e->type == T_I64 || e->type == T_I32) &&
		(e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL ||
		 e->op == OP_DIV || e->op == OP_MOD) &&
		ir_range(env->op, e, &lo, &hi);

	for (int i = 0; known && i < e->n_args; i++)
		known = e->args[i]->kind == IR_OP ? is_index(env, e->args[i]) :
			ir_range(env->op, e->args[i], &lo, &hi);
	return known;
}

static struct kx *lower_op(const struct lower_env *env,
	const struct ir_expr *e)
{
	if (e->op == OP_LT || e->op == OP_LE || e->op == OP_EQ ||
	    e->op == OP_NE)
		return compare(env, e);
	if (e->op == OP_AND || e->op == OP_OR || e->op == OP_NOT)
		return logical(env, e);
	if (is_index(env, e))
		return index_value(env, e);
	return arithmetic(env, e);
}

static void find_read(struct ir_expr *e, void *ctx)
{
	*(bool *)ctx |= e->kind == IR_READ;
}

/* Is "e", from "lo" to "hi", an integer of few values that is made of what is read,
 * as one that is unpacked is? f32 then has it in its significand's bits. */
static bool is_unpacked(const struct ir_expr *e, int64_t lo, int64_t hi)
{
	bool reads = false;

	if (e->kind != IR_OP || lo < -F32_WHOLE || hi >= F32_WHOLE +
	    (lo < 0 ? lo : 0))
		return false;
	ir_walk((struct ir_expr *)e, find_read, &reads);
	return reads;
}

/* "x", from "lo" on and less than 2^23 from 0 or from that, as f32 by a logical
 * operation and a subtraction: conversions have fewer pipes. With the bits of 2^23 a
 * significand counts in ones. */
static struct kx *from_bits(struct arena *a, struct kx *x, int64_t lo)
{
	int64_t zero = F32_WHOLE - (lo < 0 ? lo : 0);

	return kx_call(a, INTRIN_F32_FROM_SMALL, T_F32, 2, kx_cast(a, T_I32,
		lo < 0 ? kx_sub(a, x, kx_cast(a, x->type, kx_int(a, lo))) : x),
		kx_float(a, (double)zero, T_F32));
}

static bool holds(enum dtype t, int64_t lo, int64_t hi)
{
	int64_t most = INT64_C(1) << dtype_row(t)->significand;

	return lo >= -most && hi <= most;
}

/* "e", a conversion of integer "x" to what is computed as f32: nothing is rounded
 * where its range says so. */
static struct kx *whole(const struct lower_env *env, const struct ir_expr *e,
	struct kx *x)
{
	const struct ir_expr *from = e->args[0];
	int64_t lo, hi;

	if (!ir_range(env->op, from, &lo, &hi))
		return lower_round(env->a, x, e->type);
	if (is_unpacked(from, lo, hi))
		x = from_bits(env->a, x, lo);
	return holds(e->type, lo, hi) ? lower_convert(env->a, x, T_F32) :
		lower_round(env->a, x, e->type);
}

static struct kx *lower_cast(const struct lower_env *env,
	const struct ir_expr *e)
{
	struct kx *x = lower_raw(env, e->args[0]);

	if (e->args[0]->type == e->type)
		return x;
	if (lower_type(e->type) == T_F32 && dtype_is_int(e->args[0]->type))
		return whole(env, e, x);
	return lower_round(env->a, x, e->type);
}

static struct kx *lower_kind(const struct lower_env *env,
	const struct ir_expr *e)
{
	switch (e->kind) {
	case IR_INT:
		return dtype_is_float(e->type) ?
			constant(env->a, (double)e->i, e->type) :
			kx_int(env->a, e->i);
	case IR_FLOAT:
		return constant(env->a, e->f, e->type);
	case IR_AXIS:
		return env->axes[e->axis];
	case IR_READ:
		return lower_read(env, e);
	case IR_OP:
		return lower_op(env, e);
	case IR_CAST:
		return lower_cast(env, e);
	case IR_REDUCE:
		return lower_reduction(env, e);
	}
	return NULL;
}

/* The value in a type of its own: indices of type i64 are i32 where they
 * fit. */
static struct kx *lower_raw(const struct lower_env *env,
	const struct ir_expr *e)
{
	struct kx *x = env->hook ? env->hook(env->ctx, e) : NULL;

	return x ? x : lower_kind(env, e);
}

struct kx *lower_as(const struct lower_env *env, const struct ir_expr *e,
	enum dtype t)
{
	return lower_convert(env->a, lower_raw(env, e), t);
}

struct kx *lower_expr(const struct lower_env *env, const struct ir_expr *e)
{
	return lower_as(env, e, lower_type(e->type));
}

void lower_store(const struct lower_env *env, struct k_block *b,
	const struct ir_tensor *t, struct kx *const *idx, struct kx *value)
{
	struct k_buffer *buffer = env->buffers[t->id];

	assert(buffer && buffer->rank == 1);
	ks_store(env->a, b, k_place(buffer, lower_offset(env, t, idx)),
		lower_convert(env->a, value, buffer->type));
}
