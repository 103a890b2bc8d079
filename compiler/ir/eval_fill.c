/* SPDX-License-Identifier: MIT */
/* What surrounds the reference interpreter: how much work an element is, and
 * inputs to try a kernel on. Inputs are dyadic on purpose: sums of their
 * products are exact in any order, so that the bound is 0 and one missing term
 * shows. */
#include "ir/eval_private.h"

static double elements_of(const struct ir_tensor *t)
{
	double n = 1;

	for (int d = 0; d < t->rank; d++)
		n *= (double)t->dims[d];
	return n;
}

/* What a cost is summed over: "times" the expression is evaluated for each of
 * the "elements" of the statement's tensor. */
struct costing {
	const struct ir_operator *o;
	double elements;
};

static double tensor_cost(const struct ir_operator *o, int tensor);

/* Every element of a let is computed once, however often it is read. */
static double read_cost(const struct costing *c, const struct ir_expr *x,
	double times)
{
	const struct ir_tensor *t = &c->o->tensors[x->tensor];
	double each = elements_of(t) / c->elements;

	if (t->role == IR_IN)
		return 0;
	return tensor_cost(c->o, x->tensor) * (each < times ? each : times);
}

static double expr_cost(const struct costing *c, const struct ir_expr *x,
	double times)
{
	double cost = 0, own = 0;

	if (x->kind == IR_READ)
		cost += read_cost(c, x, times);
	if (x->kind == IR_OP)
		own = times;
	if (x->kind == IR_REDUCE) {
		for (int i = 0; i < x->n_red; i++)
			times *= (double)c->o->axes[x->red[i]].extent;
		cost = expr_cost(c, x->args[0], times);
		return cost > times ? cost : times;
	}
	for (int i = 0; i < x->n_args && x->kind != IR_READ; i++)
		cost += expr_cost(c, x->args[i], times);
	return cost + own;
}

static double tensor_cost(const struct ir_operator *o, int tensor)
{
	struct costing c = { o, elements_of(&o->tensors[tensor]) };
	double most = 0;

	for (int i = 0; i < o->n_stmts; i++) {
		double cost;

		if (o->stmts[i].tensor != tensor)
			continue;
		cost = expr_cost(&c, o->stmts[i].expr, 1);
		most = cost > most ? cost : most;
	}
	return most;
}

double ir_eval_cost(const struct ir_operator *o, int tensor)
{
	double cost = tensor_cost(o, tensor);

	return cost > 1 ? cost : 1;
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

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void fill_f32(float *out, int64_t n, uint64_t seed)
{
	for (int64_t i = 0; i < n; i++)
		out[i] = (float)((int)(mix(seed + (uint64_t)i) % 33) - 16) /
			16;
}

/* "v" is 32 random bits; "limit" is INT64_MAX or what indices stay below. */
static double small_value(enum dtype t, uint64_t v, int64_t limit)
{
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
	int64_t limit = INT64_MAX;

	seed = mix(seed) + mix((uint64_t)tensor) * 3;
	if (t->type == T_F32 || t->type == T_TF32) {
		fill_f32(data, t->elements, seed);
		return;
	}
	for (int i = 0; i < o->n_stmts; i++)
		index_limit(o, o->stmts[i].expr, tensor, 0, &limit);
	for (int64_t i = 0; i < t->elements; i++)
		dtype_store(t->type, data, i, small_value(t->type,
			mix(seed + (uint64_t)i) >> 32, limit));
}
