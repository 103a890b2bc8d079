/* SPDX-License-Identifier: MIT */
/* Running values of reductions: a variable that starts at the reducer's
 * identity and takes in one value after the other, in any order; argmax and
 * argmin carry the index beside it and prefer the lowest among equals, so
 * that their result does not depend on the order either. */
#include "sketch/common.h"

#include <math.h>

bool reducer_indexed(enum reducer r)
{
	return r == RED_ARGMAX || r == RED_ARGMIN;
}

static struct kx *least(struct arena *a, enum dtype t)
{
	if (dtype_is_float(t))
		return kx_float(a, -INFINITY, t);
	if (t == T_U32 || t == T_BOOL)
		return kx_cast(a, t, kx_int(a, 0));
	return kx_cast(a, t, kx_int(a, t == T_I64 ? INT64_MIN : INT32_MIN));
}

static struct kx *greatest(struct arena *a, enum dtype t)
{
	if (dtype_is_float(t))
		return kx_float(a, INFINITY, t);
	if (t == T_U32)
		return kx_cast(a, t, kx_int(a, UINT32_MAX));
	if (t == T_BOOL)
		return kx_cast(a, t, kx_int(a, 1));
	return kx_cast(a, t, kx_int(a, t == T_I64 ? INT64_MAX : INT32_MAX));
}

static struct kx *small(struct arena *a, int v, enum dtype t)
{
	return dtype_is_float(t) ? kx_float(a, v, t) :
		kx_cast(a, t, kx_int(a, v));
}

struct kx *reducer_identity(struct arena *a, enum reducer r, enum dtype t)
{
	switch (r) {
	case RED_SUM:
	case RED_ANY:
		return small(a, 0, t);
	case RED_PROD:
	case RED_ALL:
		return small(a, 1, t);
	case RED_MAX:
	case RED_ARGMAX:
		return least(a, t);
	default:
		return greatest(a, t);
	}
}

struct kx *reducer_nowhere(struct arena *a, enum dtype at)
{
	return greatest(a, at);
}

enum dtype reducer_at(const struct ir_operator *o, const struct ir_expr *e)
{
	enum dtype t = lower_type(e->type);
	int64_t end = 1;

	for (int i = 0; i < e->n_red; i++) {
		const struct ir_axis *x = &o->axes[e->red[i]];
		int64_t past = e->n_red == 1 ? x->lo + x->extent : x->extent;

		if (x->open || __builtin_mul_overflow(end, past, &end))
			return t;
	}
	return t == T_I64 && end <= INT32_MAX ? T_I32 : t;
}

struct kx *reducer_first(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e)
{
	return kx_cast(a, reducer_at(o, e), kx_int(a, e->n_red == 1 ?
		o->axes[e->red[0]].lo : 0));
}

enum dtype reducer_type(const struct ir_expr *e)
{
	if (e->reducer == RED_ANY || e->reducer == RED_ALL)
		return T_BOOL;
	return lower_type(reducer_indexed(e->reducer) ? e->args[0]->type :
		e->type);
}

struct running running_start(struct arena *a, struct k_block *b,
	const char *name, enum reducer r, enum dtype type, enum dtype at)
{
	return running_resume(a, b, name, r, reducer_identity(a, r, type),
		reducer_indexed(r) ? reducer_nowhere(a, at) : NULL);
}

struct running running_resume(struct arena *a, struct k_block *b,
	const char *name, enum reducer r, struct kx *value, struct kx *at)
{
	struct running run = { r, value->type, NULL, NULL, false };

	run.value = ks_mutable(a, b, name, value->type, value);
	if (at)
		run.at = ks_mutable(a, b, arena_printf(a, "%s_at", name),
			at->type, at);
	return run;
}

static struct kx *both(struct arena *a, enum op op, struct kx *x, struct kx *y)
{
	return kx_op(a, op, T_BOOL, 2, x, y);
}

/* Is "x" at "at" to replace what "r" holds? The first NaN wins. */
static struct kx *preferred(struct arena *a, const struct running *r,
	struct kx *x, struct kx *at)
{
	struct kx *held = kx_var(a, r->value), *x_nan, *held_nan;
	struct kx *beyond = r->reducer == RED_ARGMAX ?
		both(a, OP_LT, held, x) : both(a, OP_LT, x, held);
	struct kx *tie = both(a, OP_EQ, x, held);

	if (dtype_is_float(x->type)) {
		x_nan = both(a, OP_NE, x, x);
		held_nan = both(a, OP_NE, held, held);
		beyond = both(a, OP_OR, beyond, both(a, OP_AND, x_nan,
			kx_op(a, OP_NOT, T_BOOL, 1, held_nan)));
		tie = both(a, OP_OR, tie, both(a, OP_AND, x_nan, held_nan));
	}
	tie = both(a, OP_AND, tie, both(a, OP_LT, at, kx_var(a, r->at)));
	return both(a, OP_OR, beyond, tie);
}

/* The same where equals come later: NaN is below and beyond all but one that is
 * held. */
static struct kx *preferred_later(struct arena *a, const struct running *r,
	struct kx *x)
{
	struct kx *held = kx_var(a, r->value);
	struct kx *beyond = kx_op(a, OP_NOT, T_BOOL, 1, r->reducer ==
		RED_ARGMAX ? both(a, OP_LE, x, held) : both(a, OP_LE, held, x));

	return !dtype_is_float(x->type) ? beyond : both(a, OP_AND, beyond,
		both(a, OP_EQ, held, held));
}

static void take_indexed(struct arena *a, struct k_block *b,
	const struct running *r, struct kx *x, struct kx *at)
{
	struct k_block *inside;

	x = ks_let(a, b, "value", x);
	at = ks_let(a, b, "index", at);
	inside = ks_if(a, b, r->ordered ? preferred_later(a, r, x) :
		preferred(a, r, x, at));
	ks_assign(a, inside, r->value, x);
	ks_assign(a, inside, r->at, at);
}

static bool wraps(enum reducer r)
{
	return r == RED_SUM || r == RED_PROD;
}

struct kx *reducer_join(struct arena *a, enum reducer r, enum dtype t,
	struct kx *held, struct kx *value)
{
	enum op op = reducer_rows[r].combine;

	return wraps(r) ? lower_wrapping(a, op, t, held, value) :
		kx_op(a, op, t, 2, held, value);
}

void running_take(struct arena *a, struct k_block *b, const struct running *r,
	struct kx *value, struct kx *at)
{
	struct kx *held = kx_var(a, r->value);

	value = lower_convert(a, value, r->type);
	if (reducer_indexed(r->reducer))
		take_indexed(a, b, r, value, lower_convert(a, at,
			r->at->type));
	else if (wraps(r->reducer) && dtype_is_float(r->type))
		ks_update(a, b, r->value, reducer_rows[r->reducer].combine,
			value);
	else
		ks_assign(a, b, r->value, reducer_join(a, r->reducer, r->type,
			held, value));
}

struct kx *running_result(struct arena *a, const struct running *r,
	enum dtype t)
{
	return lower_convert(a, kx_var(a, r->at ? r->at : r->value),
		lower_type(t));
}

struct kx *reducer_index(const struct lower_env *env, const struct ir_expr *e)
{
	struct arena *a = env->a;
	struct kx *x = kx_int(a, 0);

	if (!reducer_indexed(e->reducer))
		return NULL;
	if (e->n_red == 1)
		return env->axes[e->red[0]];
	for (int i = 0; i < e->n_red; i++) {
		const struct ir_axis *axis = &env->op->axes[e->red[i]];

		x = kx_add(a, kx_mul(a, x, kx_int(a, axis->extent)),
			kx_sub(a, env->axes[e->red[i]],
				kx_int(a, axis->lo)));
	}
	return x;
}

struct kx *lower_reduction(const struct lower_env *env,
	const struct ir_expr *e)
{
	struct arena *a = env->a;
	struct lower_env inside = *env;
	struct running run = running_start(a, env->block,
		reducer_rows[e->reducer].name, e->reducer, reducer_type(e),
		reducer_at(env->op, e));

	inside.axes = ARENA_ARRAY(a, (size_t)env->op->n_axes, struct kx *);
	for (int i = 0; i < env->op->n_axes; i++)
		inside.axes[i] = env->axes[i];
	for (int i = 0; i < e->n_red; i++) {
		const struct ir_axis *axis = &env->op->axes[e->red[i]];

		inside.block = ks_for(a, inside.block, LOOP_SERIAL,
			axis->name, kx_int(a, axis->lo),
			kx_int(a, axis->lo + axis->extent), kx_int(a, 1),
			&inside.axes[e->red[i]]);
	}
	running_take(a, inside.block, &run, lower_expr(&inside, e->args[0]),
		reducer_index(&inside, e));
	return running_result(a, &run, e->type);
}
