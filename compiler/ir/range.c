/* SPDX-License-Identifier: MIT */
/* Ranges of integer expressions. In comes an expression, out go bounds that
 * hold for all values of the axes. Sums are bounded through linear.c, so terms
 * that cancel do; other operations by intervals. A bool is 0 or 1. Values read
 * from tensors have the range of their type, but for i32 and i64. */
#include "base/number.h"
#include "ir/linear.h"

struct range {
	int64_t lo, hi;
};

static int64_t least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static int64_t most(int64_t x, int64_t y)
{
	return x > y ? x : y;
}

static bool product(struct range x, struct range y, struct range *r)
{
	int64_t p[4];

	if (__builtin_mul_overflow(x.lo, y.lo, &p[0]) ||
			__builtin_mul_overflow(x.lo, y.hi, &p[1]) ||
			__builtin_mul_overflow(x.hi, y.lo, &p[2]) ||
			__builtin_mul_overflow(x.hi, y.hi, &p[3]))
		return false;
	r->lo = least(least(p[0], p[1]), least(p[2], p[3]));
	r->hi = most(most(p[0], p[1]), most(p[2], p[3]));
	return true;
}

static bool quotient(struct range x, struct range y, struct range *r)
{
	if (y.lo <= 0)
		return false;
	r->lo = least(floor_div(x.lo, y.lo), floor_div(x.lo, y.hi));
	r->hi = most(floor_div(x.hi, y.lo), floor_div(x.hi, y.hi));
	return true;
}

static bool remainder_of(struct range x, struct range y, struct range *r)
{
	if (y.lo <= 0)
		return false;
	if (y.lo == y.hi && floor_div(x.lo, y.lo) == floor_div(x.hi, y.lo)) {
		r->lo = floor_mod(x.lo, y.lo);
		r->hi = floor_mod(x.hi, y.lo);
		return true;
	}
	r->lo = 0;
	r->hi = x.lo >= 0 ? least(x.hi, y.hi - 1) : y.hi - 1;
	return true;
}

static bool magnitude(struct range x, struct range *r)
{
	if (x.lo == INT64_MIN)
		return false;
	r->hi = most(-x.lo, x.hi);
	r->lo = x.lo > 0 ? x.lo : x.hi < 0 ? -x.hi : 0;
	return true;
}

/* op(x, y) of type "t" by intervals; "y" is "x" where there is one operand. */
static bool operation(enum op op, struct range x, struct range y,
	struct range *r)
{
	switch (op) {
	case OP_ADD:
		return !__builtin_add_overflow(x.lo, y.lo, &r->lo) &&
			!__builtin_add_overflow(x.hi, y.hi, &r->hi);
	case OP_SUB:
		return !__builtin_sub_overflow(x.lo, y.hi, &r->lo) &&
			!__builtin_sub_overflow(x.hi, y.lo, &r->hi);
	case OP_NEG:
		return !__builtin_sub_overflow(INT64_C(0), x.hi, &r->lo) &&
			!__builtin_sub_overflow(INT64_C(0), x.lo, &r->hi);
	case OP_MUL:
		return product(x, y, r);
	case OP_DIV:
		return quotient(x, y, r);
	case OP_MOD:
		return remainder_of(x, y, r);
	case OP_MIN:
		*r = (struct range){ least(x.lo, y.lo), least(x.hi, y.hi) };
		return true;
	case OP_MAX:
		*r = (struct range){ most(x.lo, y.lo), most(x.hi, y.hi) };
		return true;
	case OP_SELECT:
		*r = (struct range){ least(x.lo, y.lo), most(x.hi, y.hi) };
		return true;
	case OP_ABS:
		return magnitude(x, r);
	default:
		return false;
	}
}

/* The values of an integer type that fit a double's worth of care. */
static bool fits(enum dtype t, struct range r)
{
	struct range all;

	dtype_range(t, &all.lo, &all.hi);
	return r.lo >= all.lo && r.hi <= all.hi;
}

static bool range_of(const struct ir_operator *o, const struct ir_expr *e,
	struct range *r)
{
	return ir_range(o, e, &r->lo, &r->hi);
}

static bool operation_range(const struct ir_operator *o,
	const struct ir_expr *e, struct range *r)
{
	int first = e->op == OP_SELECT;
	struct range x, y;

	if (e->type == T_BOOL) {
		*r = (struct range){ 0, 1 };
		return true;
	}
	if (!range_of(o, e->args[first], &x)) {
		if (e->op != OP_MOD)
			return false;
		x = (struct range){ INT64_MIN, INT64_MAX };
	}
	y = x;
	if (e->n_args > 1 && !range_of(o, e->args[first + 1], &y))
		return false;
	return operation(e->op, x, y, r);
}

static bool read_range(enum dtype t, struct range *r)
{
	if (!dtype_is_int(t) || t == T_I32 || t == T_I64)
		return false;
	dtype_range(t, &r->lo, &r->hi);
	return true;
}

/* An axis without values has any range; its first value stands for it. */
static void axis_range(const struct ir_axis *x, struct range *r)
{
	r->lo = x->lo;
	r->hi = x->lo + (x->extent > 0 ? x->extent - 1 : 0);
}

static bool any_range(const struct ir_operator *o, const struct ir_expr *e,
	struct range *r)
{
	switch (e->kind) {
	case IR_INT:
		*r = (struct range){ e->i, e->i };
		return true;
	case IR_AXIS:
		axis_range(&o->axes[e->axis], r);
		return true;
	case IR_OP:
		return operation_range(o, e, r);
	case IR_READ:
		return read_range(e->type, r);
	case IR_CAST:
		return e->type != T_BOOL && range_of(o, e->args[0], r);
	default:
		return false;
	}
}

bool ir_range_atom(const struct ir_operator *o, const struct ir_expr *e,
	int64_t *lo, int64_t *hi)
{
	struct range r;

	if (dtype_is_float(e->type) || e->type == T_NONE ||
			!any_range(o, e, &r) || !fits(e->type, r))
		return false;
	*lo = r.lo;
	*hi = r.hi;
	return true;
}

bool ir_range(const struct ir_operator *o, const struct ir_expr *e,
	int64_t *lo, int64_t *hi)
{
	struct linear l;

	if (e->type != T_I64)
		return ir_range_atom(o, e, lo, hi);
	linear_of(NULL, o, (struct ir_expr *)e, &l);
	return linear_range(o, &l, lo, hi);
}

/* ---- open sizes ---- */

static bool spans(const struct ir_operator *o, const struct ir_expr *e,
	int64_t size)
{
	const struct ir_axis *x = e->kind == IR_AXIS ? &o->axes[e->axis] : NULL;

	return x && x->lo == 0 && x->extent == size;
}

static bool is_open(const struct ir_operator *o, const struct ir_expr *e)
{
	if (e->kind == IR_AXIS)
		return o->axes[e->axis].open;
	for (int i = 0; i < e->n_args; i++)
		if (is_open(o, e->args[i]))
			return true;
	return false;
}

void ir_leaves(const struct ir_operator *o, const struct ir_expr *read, int d,
	bool *below, bool *above)
{
	const struct ir_tensor *t = &o->tensors[read->tensor];
	const struct ir_expr *e = read->args[d];
	int64_t lo, hi;
	bool known = ir_range(o, e, &lo, &hi);

	*below = !known || lo < 0;
	*above = !known || hi >= t->dims[d];
	if (read->pad != IR_PAD_NONE && (t->open >> d & 1 || is_open(o, e)) &&
	    !spans(o, e, t->dims[d]))
		*below = *above = true;
}

bool ir_any_open(const struct ir_operator *o, const int *axes, int n)
{
	for (int i = 0; i < n; i++)
		if (o->axes[axes[i]].open)
			return true;
	return false;
}

int64_t ir_common(const struct ir_operator *o, int axis)
{
	const struct ir_axis *x = &o->axes[axis];

	return x->common ? x->common : x->extent;
}

bool ir_mark_open(struct ir_operator *o, const struct ir_operator *other)
{
	if (o->n_axes != other->n_axes || o->n_tensors != other->n_tensors)
		return false;
	for (int i = 0; i < o->n_tensors; i++)
		if (o->tensors[i].rank != other->tensors[i].rank)
			return false;
	for (int i = 0; i < o->n_axes; i++) {
		o->axes[i].common = number_gcd(ir_common(o, i),
			other->axes[i].extent);
		o->axes[i].open |= o->axes[i].extent != other->axes[i].extent ||
			o->axes[i].lo != other->axes[i].lo;
	}
	for (int i = 0; i < o->n_tensors; i++)
		for (int d = 0; d < o->tensors[i].rank; d++)
			if (o->tensors[i].dims[d] != other->tensors[i].dims[d])
				o->tensors[i].open |= (uint64_t)1 << d;
	return true;
}
