/* SPDX-License-Identifier: MIT */
/* What surrounds the reference interpreter: how much work an element is, and
 * inputs to try a kernel on. Inputs are dyadic on purpose: sums of their
 * products are exact in any order, so that the bound is 0 and one missing term
 * shows. One of two factors has more bits than tf32, so that to round it shows
 * too. */
#include "ir/eval_private.h"

static double least(double x, double y)
{
	return x < y ? x : y;
}

static double elements_of(const struct ir_tensor *t)
{
	double n = 1;

	for (int d = 0; d < t->rank; d++)
		n *= (double)t->dims[d];
	return n;
}

/* What all elements of one tensor cost. "needed" by tensor: elements that are
 * asked for, at most all, for the interpreter remembers them. */
struct costing {
	const struct ir_operator *o;
	double *needed;
};

/* "times" that "x" is evaluated. */
static double expr_cost(const struct costing *c, const struct ir_expr *x,
	double times)
{
	double cost = x->kind == IR_OP ? times : 0, inner = 0;

	if (x->kind == IR_READ) {
		const struct ir_tensor *t = &c->o->tensors[x->tensor];

		c->needed[t->id] = least(c->needed[t->id] + times,
			elements_of(t));
		return 0;
	}
	for (int i = 0; i < x->n_red; i++)
		times *= (double)c->o->axes[x->red[i]].extent;
	for (int i = 0; i < x->n_args; i++)
		inner += expr_cost(c, x->args[i], times);
	return x->kind == IR_REDUCE && times > inner ? times : cost + inner;
}

/* Statements last to first: what reads a let comes before what computes it. */
double ir_eval_cost(const struct ir_operator *o, int tensor)
{
	struct arena *a = arena_create();
	struct costing c = { o, ARENA_ARRAY(a, (size_t)o->n_tensors, double) };
	double all = elements_of(&o->tensors[tensor]), cost = 0;

	c.needed[tensor] = all;
	for (int i = o->n_stmts - 1; i >= 0; i--) {
		const struct ir_stmt *s = &o->stmts[i];
		double part = 1;

		for (int k = 0; k < s->n_axes; k++)
			part *= (double)o->axes[s->axes[k]].extent;
		if (c.needed[s->tensor] > 0)
			cost += expr_cost(&c, s->expr, least(part,
				c.needed[s->tensor]));
	}
	arena_destroy(a);
	return all > 0 && cost > all ? cost / all : 1;
}

/* The least extent of a dimension that reads of "tensor" inside "x" index;
 * "extent" is that of the index "x" stands in, 0 outside one. */
static void index_limit(const struct ir_operator *o, const struct ir_expr *x,
	int tensor, int64_t extent, int64_t *limit)
{
	bool read = x->kind == IR_READ;

	if (read && x->tensor == tensor && extent && extent < *limit)
		*limit = extent;
	for (int i = 0; i < x->n_args; i++)
		index_limit(o, x->args[i], tensor, read ?
			o->tensors[x->tensor].dims[i] : extent, limit);
}

/* Is "x" an integer element of the tensor, with sums and casts around it? */
static bool counts_by(const struct ir_expr *x, int tensor)
{
	if (x->kind == IR_READ)
		return x->tensor == tensor;
	if (x->kind == IR_CAST)
		return counts_by(x->args[0], tensor);
	if (x->kind != IR_OP || (x->op != OP_ADD && x->op != OP_SUB))
		return false;
	return counts_by(x->args[0], tensor) || (x->op == OP_ADD &&
		counts_by(x->args[1], tensor));
}

/* Is "x" made of axes, one at least, and of no tensor? */
static bool is_index(const struct ir_expr *x, bool *any)
{
	*any |= x->kind == IR_AXIS;
	if (x->kind == IR_READ || x->kind == IR_REDUCE)
		return false;
	for (int i = 0; i < x->n_args; i++)
		if (!is_index(x->args[i], any))
			return false;
	return true;
}

/* An index is compared with the tensor's elements, which it is to be below: they are
 * lengths, of which "most" becomes the longest that the index reaches. */
static void length_limit(const struct ir_operator *o, const struct ir_expr *x,
	int tensor, int64_t *most)
{
	bool less = x->kind == IR_OP && (x->op == OP_LT || x->op == OP_LE);
	bool any = false;
	int64_t lo, hi;

	if (less && is_index(x->args[0], &any) && any &&
	    counts_by(x->args[1], tensor) && ir_range(o, x->args[0], &lo,
	    &hi) && hi >= 0 && hi < *most)
		*most = hi + 1;
	for (int i = 0; i < x->n_args; i++)
		length_limit(o, x->args[i], tensor, most);
}

/* Is "x" the tensor's element, but for what keeps its sign? */
static bool has_sign_of(const struct ir_expr *x, int tensor)
{
	bool keeps = x->kind == IR_CAST || (x->kind == IR_OP &&
		(x->op == OP_ADD || x->op == OP_MUL || x->op == OP_DIV ||
		 x->op == OP_MAX));

	if (x->kind == IR_READ)
		return x->tensor == tensor;
	for (int i = 0; keeps && i < x->n_args; i++)
		if (has_sign_of(x->args[i], tensor))
			return true;
	return false;
}

/* A root or logarithm is taken of the tensor's elements, which therefore are
 * variances and the like: positive. */
static bool is_rooted(const struct ir_expr *x, int tensor)
{
	bool root = x->kind == IR_OP && (x->op == OP_SQRT || x->op == OP_RSQRT ||
		x->op == OP_LOG || x->op == OP_LOG2);

	if (root && has_sign_of(x->args[0], tensor))
		return true;
	for (int i = 0; i < x->n_args; i++)
		if (is_rooted(x->args[i], tensor))
			return true;
	return false;
}

static bool is_positive(const struct ir_operator *o, int tensor)
{
	for (int i = 0; i < o->n_stmts; i++)
		if (is_rooted(o->stmts[i].expr, tensor))
			return true;
	return false;
}

/* The tensor that "x" is an element of, but for conversions; or -1. */
static int read_by(const struct ir_expr *x)
{
	while (x->kind == IR_CAST)
		x = x->args[0];
	return x->kind == IR_READ ? x->tensor : -1;
}

/* Is the tensor the first of two that a product in a sum multiplies? */
static bool is_factor(const struct ir_expr *x, int tensor, bool summed)
{
	summed |= x->kind == IR_REDUCE && x->reducer == RED_SUM;
	if (summed && x->kind == IR_OP && x->op == OP_MUL &&
	    read_by(x->args[0]) == tensor && read_by(x->args[1]) >= 0 &&
	    read_by(x->args[1]) != tensor)
		return true;
	for (int i = 0; i < x->n_args; i++)
		if (is_factor(x->args[i], tensor, summed))
			return true;
	return false;
}

static bool is_first_factor(const struct ir_operator *o, int tensor)
{
	for (int i = 0; i < o->n_stmts; i++)
		if (is_factor(o->stmts[i].expr, tensor, false))
			return true;
	return false;
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Multiples of 1 / "parts" in [-1, 1]. */
static void fill_f32(float *out, int64_t n, uint64_t seed, int parts)
{
	uint64_t values = 2 * (uint64_t)parts + 1;

	for (int64_t i = 0; i < n; i++)
		out[i] = (float)((int)(mix(seed + (uint64_t)i) % values) -
			parts) / (float)parts;
}

/* Multiples of 1/16 in (0, 1]. */
static void fill_positive(const struct ir_tensor *t, uint64_t seed, void *out)
{
	for (int64_t i = 0; i < t->elements; i++)
		dtype_store(t->type, out, i,
			(double)(mix(seed + (uint64_t)i) % 16 + 1) / 16);
}

/* 0 to one more than "most", as far as the type has them. */
static void fill_lengths(const struct ir_tensor *t, uint64_t seed, int64_t most,
	void *data)
{
	int64_t least, last;

	dtype_range(t->type, &least, &last);
	if (last > most)
		last = most + 1;
	for (int64_t i = 0; i < t->elements; i++)
		dtype_store(t->type, data, i, (double)((mix(seed + (uint64_t)i)
			>> 32) % ((uint64_t)last + 1)));
}

/* "v" is 32 random bits; "limit" is INT64_MAX or what indices stay below. */
static double small_value(enum dtype t, uint64_t v, int64_t limit)
{
	if (dtype_is_float(t) && dtype_row(t)->bits == 8)
		return ((double)(v % 17) - 8) / 8;
	if (dtype_is_float(t))
		return ((double)(v % 33) - 16) / 16;
	if (t == T_BOOL)
		return (double)(v & 1);
	if (limit < INT64_MAX) {
		double most = dtype_row(t)->significand >= 62 ? 0x1p62 :
			(double)(1ll << dtype_row(t)->significand);

		return (double)(v % (uint64_t)(most < (double)limit ?
			(int64_t)most : limit));
	}
	if (dtype_row(t)->class == DTYPE_UNSIGNED)
		return (double)(v % 9);
	return (double)(v % 9) - 4;
}

void ir_eval_fill(const struct ir_operator *o, int tensor, uint64_t seed,
	void *data)
{
	const struct ir_tensor *t = &o->tensors[tensor];
	int64_t limit = INT64_MAX, most = INT64_MAX;

	seed = mix(seed) + mix((uint64_t)tensor) * 3;
	if (dtype_is_float(t->type) && is_positive(o, tensor)) {
		fill_positive(t, seed, data);
		return;
	}
	if (t->type == T_F32 || t->type == T_TF32) {
		fill_f32(data, t->elements, seed, is_first_factor(o, tensor) ?
			1 << 13 : 16);
		return;
	}
	for (int i = 0; i < o->n_stmts; i++) {
		index_limit(o, o->stmts[i].expr, tensor, 0, &limit);
		length_limit(o, o->stmts[i].expr, tensor, &most);
	}
	if (dtype_is_int(t->type) && limit == INT64_MAX && most < INT64_MAX) {
		fill_lengths(t, seed, most, data);
		return;
	}
	for (int64_t i = 0; i < t->elements; i++)
		dtype_store(t->type, data, i, small_value(t->type,
			mix(seed + (uint64_t)i) >> 32, limit));
}
