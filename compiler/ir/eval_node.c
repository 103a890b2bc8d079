/* SPDX-License-Identifier: MIT */
/* Nodes of expressions computed over lanes. Sums, differences and products of
 * floats, where the time goes, have loops of their own that find out for all
 * lanes at once whether everything is exact, a multiple of one known quantum
 * and small enough; eval_exact.c has those of integers and truth values; all else
 * goes lane by lane through eval_num.c. All give the same values and bounds. What
 * does not change along the lanes is computed once. */
#include "ir/eval_private.h"

#include <math.h>
#include <string.h>

struct ir_num node_lane(const struct node *x, int i)
{
	struct ir_num r = { x->v[i], x->exact ? 0 : x->err[i], x->quantum, 0,
		!dtype_is_float(x->e->type) && !isnan(x->v[i]) };

	if (r.whole)
		r.i = x->whole ? x->whole[i] : (int64_t)x->v[i];
	return r;
}

/* The nearest of i64. */
static int64_t nearest(double v)
{
	if (!(fabs(v) < 0x1p63))
		return v > 0 ? INT64_MAX : INT64_MIN;
	return (int64_t)v;
}

void node_set(struct node *x, int i, struct ir_num v)
{
	x->v[i] = v.v;
	x->err[i] = v.err;
	if (x->whole)
		x->whole[i] = v.whole ? v.i : nearest(v.v);
	if (!(v.quantum >= x->quantum))
		x->quantum = v.quantum;
}

void node_open(struct node *x)
{
	x->v = x->own_v;
	x->err = x->own_err;
	x->whole = x->own_whole;
	x->quantum = INFINITY;
	x->exact = false;
}

void node_close(struct node *x, int n)
{
	x->exact = true;
	for (int i = 0; i < n; i++)
		if (x->err[i] != 0)
			x->exact = false;
	if (!x->exact || isinf(x->quantum))
		x->quantum = 0;
}

static void alias(struct node *x, const struct node *of)
{
	x->v = of->v;
	x->err = of->err;
	x->whole = of->whole;
	x->quantum = of->quantum;
	x->exact = of->exact;
}

/* The greatest magnitude; anything that is no number counts as infinite. */
static double greatest(const double *v, int n)
{
	double m0 = 0, m1 = 0, w;
	int strange = 0;

	for (int i = 0; i < n; i++) {
		w = fabs(v[i]);
		strange |= !(w < INFINITY);
		if (i & 1)
			m1 = w > m1 ? w : m1;
		else
			m0 = w > m0 ? w : m0;
	}
	return strange ? INFINITY : m0 > m1 ? m0 : m1;
}

static void sums(double *restrict out, const double *restrict x,
	const double *restrict y, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = x[i] + y[i];
}

static void differences(double *restrict out, const double *restrict x,
	const double *restrict y, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = x[i] - y[i];
}

static void products(double *restrict out, const double *restrict x,
	const double *restrict y, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = x[i] * y[i];
}

/* out[i] += the error that operands' errors cause in a product. */
static void product_errors(double *restrict out, const struct node *x,
	const struct node *y, int n)
{
	for (int i = 0; i < n; i++) {
		double ex = x->exact ? 0 : x->err[i];
		double ey = y->exact ? 0 : y->err[i];

		out[i] = fabs(x->v[i]) * ey + fabs(y->v[i]) * ex + ex * ey;
	}
}

static void sum_errors(double *restrict out, const struct node *x,
	const struct node *y, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = (x->exact ? 0 : x->err[i]) +
			(y->exact ? 0 : y->err[i]);
}

/* One rounding added to every lane's error; false if a lane is no number or
 * may overflow. */
static bool round_lanes(struct node *x, int n)
{
	const struct format *f = &x->format;
	int fine = 1;

	for (int i = 0; i < n; i++) {
		double m = fabs(x->own_v[i]) + x->own_err[i];

		fine &= m < f->over && m < INFINITY;
		x->own_err[i] += m == 0 ? 0 : f->u * m + f->least / 2;
	}
	return fine;
}

static double joint_quantum(enum op op, const struct node *x,
	const struct node *y)
{
	double q;

	if (!x->exact || !y->exact)
		return 0;
	if (op == OP_MUL) {
		q = x->quantum * y->quantum;
		return q < 0x1p200 ? q : 0x1p200;
	}
	return x->quantum < y->quantum ? x->quantum : y->quantum;
}

/* Float ADD, SUB and MUL; false if some lane needs eval_num.c. */
static bool fast(struct node *x, int n)
{
	const struct node *l = x->args[0], *r = x->args[1];
	double q = joint_quantum(x->e->op, l, r), most;

	x->v = x->own_v;
	x->err = x->own_err;
	if (x->e->op == OP_ADD)
		sums(x->own_v, l->v, r->v, n);
	else if (x->e->op == OP_SUB)
		differences(x->own_v, l->v, r->v, n);
	else
		products(x->own_v, l->v, r->v, n);
	most = greatest(x->own_v, n);
	if (q >= x->format.least && q > 0 && most <= q * x->format.capacity &&
	    most < x->format.over) {
		x->quantum = q;
		x->exact = true;
		return true;
	}
	if (!(most < INFINITY))
		return false;
	if (x->e->op == OP_MUL)
		product_errors(x->own_err, l, r, n);
	else
		sum_errors(x->own_err, l, r, n);
	x->quantum = 0;
	x->exact = false;
	return round_lanes(x, n);
}

static void slow(struct node *x, int n)
{
	struct ir_num args[3] = { 0 };

	node_open(x);
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < x->e->n_args; j++)
			args[j] = node_lane(x->args[j], i);
		node_set(x, i, num_apply(x->e->op, x->e->type, &x->format,
			args));
	}
	node_close(x, n);
}

static bool float_operands(const struct node *x)
{
	return dtype_is_float(x->e->type) &&
		dtype_is_float(x->args[0]->e->type) &&
		dtype_is_float(x->args[1]->e->type);
}

static void apply(struct ir_eval *e, struct node *x, int run, int n)
{
	enum op op = x->e->op;

	for (int i = 0; i < x->e->n_args; i++)
		node_eval(e, x->args[i], run, n);
	if ((op == OP_ADD || op == OP_SUB || op == OP_MUL) &&
	    float_operands(x) && fast(x, n))
		return;
	if (!(op == OP_SELECT ? eval_select(x, n) : eval_exact(x, n)))
		slow(x, n);
}

/* Has integer type "to" all values of "from"? */
static bool holds(enum dtype to, enum dtype from)
{
	int64_t lo, hi, least, most;

	dtype_range(from, &lo, &hi);
	dtype_range(to, &least, &most);
	return lo >= least && hi <= most;
}

/* True if the cast rounds nothing: a wider type, or exact lanes that fit. */
static bool passes(const struct node *x, int n)
{
	const struct node *of = x->args[0];
	const struct dtype_row *to = dtype_row(x->e->type);
	const struct dtype_row *from = dtype_row(of->e->type);

	if (x->e->type == of->e->type)
		return true;
	if (to->class != DTYPE_FLOAT)
		return x->e->type != T_BOOL && dtype_is_int(of->e->type) &&
			of->exact && holds(x->e->type, of->e->type);
	if (from->class == DTYPE_FLOAT && to->significand >= from->significand
	    && to->emax >= from->emax && to->emin <= from->emin)
		return true;
	return of->exact && of->quantum >= x->format.least &&
		greatest(of->v, n) <= of->quantum * x->format.capacity &&
		greatest(of->v, n) < x->format.over;
}

static void cast(struct ir_eval *e, struct node *x, int run, int n)
{
	node_eval(e, x->args[0], run, n);
	if (passes(x, n)) {
		alias(x, x->args[0]);
		return;
	}
	node_open(x);
	for (int i = 0; i < n; i++)
		node_set(x, i, num_cast(x->e->type, x->args[0]->e->type,
			&x->format, node_lane(x->args[0], i)));
	node_close(x, n);
}

static void axis_values(struct ir_eval *e, struct node *x, int run, int n)
{
	int64_t at = e->at[x->e->axis];

	x->v = x->own_v;
	for (int i = 0; i < n; i++) {
		x->own_whole[i] = run == x->e->axis ? at + i : at;
		x->v[i] = (double)x->own_whole[i];
	}
	x->quantum = 1;
	x->exact = true;
}

static void compute(struct ir_eval *e, struct node *x, int run, int n)
{
	switch (x->e->kind) {
	case IR_INT:
	case IR_FLOAT:
		break;
	case IR_AXIS:
		axis_values(e, x, run, n);
		break;
	case IR_READ:
		node_read(e, x, run, n);
		break;
	case IR_OP:
		apply(e, x, run, n);
		break;
	case IR_CAST:
		cast(e, x, run, n);
		break;
	case IR_REDUCE:
		node_reduce(e, x, run, n);
		break;
	}
}

/* The first lane in all "n" of them. */
static void spread(struct node *x, int n)
{
	double v = x->v[0], err = x->exact ? 0 : x->err[0];
	int64_t whole = x->whole ? x->whole[0] : 0;

	x->v = x->own_v;
	x->err = x->own_err;
	for (int i = 0; i < n; i++) {
		x->own_v[i] = v;
		x->own_err[i] = err;
	}
	x->whole = x->whole ? x->own_whole : NULL;
	for (int i = 0; x->whole && i < n; i++)
		x->whole[i] = whole;
}

void node_eval(struct ir_eval *e, struct node *x, int run, int n)
{
	bool once = n > 1 && !x->along[run] && x->e->kind != IR_INT &&
		x->e->kind != IR_FLOAT;

	compute(e, x, run, once ? 1 : n);
	if (once)
		spread(x, n);
}
