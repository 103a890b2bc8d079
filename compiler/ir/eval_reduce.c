/* SPDX-License-Identifier: MIT */
/* Reductions over lanes. Either all lanes go through the points of the
 * reduction together (many lanes, short axes), or each lane alone has the
 * points of the longest axis as its lanes; whichever takes fewer evaluations
 * of the body. The bounds hold for any order of the points.
 *
 * A sum of n terms is exact where all are multiples of one quantum and the sum
 * of magnitudes fits the significand. Else its error is at most the worst case
 * gamma(n-1) = (n-1)u / (1 - (n-1)u) times the sum of magnitudes (Higham,
 * "Accuracy and Stability of Numerical Algorithms", section 4.2), or, taken
 * where it is smaller, 8 sqrt(n) u times it: the bound that holds with a
 * probability of failure below 2 exp(-32) per sum if roundings are independent
 * with mean zero (Higham and Mary, "A New Approach to Probabilistic Rounding
 * Error Analysis", SIAM J. Sci. Comput. 41, 2019, theorem 2.4). */
#include "ir/eval_private.h"

#include <math.h>

static double gamma_of(double n, double u)
{
	double worst = (n - 1) * u;

	if (n <= 1)
		return 0;
	if (worst >= 0.5)
		return 8 * sqrt(n) * u;
	return fmin(worst / (1 - worst), 8 * sqrt(n) * u);
}

static bool indexed(enum reducer r)
{
	return r == RED_ARGMAX || r == RED_ARGMIN;
}

static void start(struct node *x, int n)
{
	static const double value[N_REDUCERS] = {
		[RED_PROD] = 1, [RED_MAX] = -INFINITY, [RED_MIN] = INFINITY,
		[RED_ARGMAX] = -INFINITY, [RED_ARGMIN] = INFINITY,
		[RED_ALL] = 1
	};
	struct eval_reduce *r = x->reduce;

	for (int i = 0; i < n; i++) {
		r->value[i] = value[x->e->reducer];
		r->magnitude[i] = x->e->reducer == RED_PROD;
		r->error[i] = 0;
		r->place[i] = -1;
		r->low[i] = r->high[i] = value[x->e->reducer];
		r->whole[i] = x->e->reducer == RED_PROD;
	}
}

/* Terms of lanes "from" to "from" + n - 1, modulo 2^64, "by" lanes apart in "to". */
static void add_whole(int64_t *to, int by, const struct node *t, int n)
{
	for (int i = 0; i < n; i++)
		to[i * by] = (int64_t)((uint64_t)to[i * by] +
			(uint64_t)node_lane(t, i).i);
}

static void add_exact(struct eval_reduce *r, const struct node *t, int n)
{
	for (int i = 0; i < n; i++) {
		r->value[i] += t->v[i];
		r->magnitude[i] += fabs(t->v[i]);
	}
}

static void add(struct eval_reduce *r, const struct node *t, int n)
{
	if (t->exact) {
		add_exact(r, t, n);
		return;
	}
	for (int i = 0; i < n; i++) {
		r->value[i] += t->v[i];
		r->magnitude[i] += fabs(t->v[i]) + t->err[i];
		r->error[i] += t->err[i];
	}
}

/* All lanes of "t" into lane "to". Four running sums, since one alone waits
 * for itself. */
static void add_across(struct eval_reduce *r, int to, const struct node *t,
	int n)
{
	double v[4] = { 0 }, m[4] = { 0 };

	for (int i = 0; i < n; i++) {
		v[i & 3] += t->v[i];
		m[i & 3] += fabs(t->v[i]);
	}
	r->value[to] += v[0] + v[1] + (v[2] + v[3]);
	r->magnitude[to] += m[0] + m[1] + (m[2] + m[3]);
	for (int i = 0; i < n && !t->exact; i++) {
		r->magnitude[to] += t->err[i];
		r->error[to] += t->err[i];
	}
}

/* The greatest of terms in lanes "from" to "from" + n - 1. */
static double greatest(const struct node *t, int from, int n, double most)
{
	for (int i = from; i < from + n; i++)
		most = fmax(most, fabs(t->v[i]) + (t->exact ? 0 : t->err[i]));
	return most;
}

static void multiply(struct node *x, int to, struct ir_num t)
{
	struct eval_reduce *r = x->reduce;

	if (t.err > 0)
		r->error[to] = 1;
	r->value[to] *= t.v;
	r->whole[to] = (int64_t)((uint64_t)r->whole[to] * (uint64_t)t.i);
	r->magnitude[to] *= fabs(t.v) + t.err;
}

/* Is the term beyond what was found, or as far? Doubles of integers that differ are
 * never the wrong way round. */
static int compared(const struct eval_reduce *r, int to, struct ir_num t,
	double sign)
{
	if (t.v != r->value[to])
		return sign * t.v > sign * r->value[to] ? 1 : -1;
	if (!t.whole || t.i == r->whole[to])
		return 0;
	return (t.i > r->whole[to]) == (sign > 0) ? 1 : -1;
}

static void found(struct eval_reduce *r, int to, struct ir_num t)
{
	r->value[to] = t.v;
	r->whole[to] = t.i;
}

/* "low" and "high" enclose the extreme of the true values. */
static void extreme(struct node *x, int to, struct ir_num t)
{
	struct eval_reduce *r = x->reduce;
	double sign = x->e->reducer == RED_MAX ? 1 : -1;

	if (isnan(r->value[to]))
		return;
	if (isnan(t.v) || compared(r, to, t, sign) > 0)
		found(r, to, t);
	if (sign * t.v - t.err > sign * r->low[to])
		r->low[to] = sign * (sign * t.v - t.err);
	if (sign * t.v + t.err > sign * r->high[to])
		r->high[to] = sign * (sign * t.v + t.err);
}

/* The first NaN, else the first of the greatest; "low" is what the greatest
 * true value is at least, times sign. */
static void find(struct node *x, int to, struct ir_num t, double place)
{
	struct eval_reduce *r = x->reduce;
	double sign = x->e->reducer == RED_ARGMAX ? 1 : -1;
	bool better = isnan(t.v) ? !isnan(r->value[to]) :
		compared(r, to, t, sign) > 0 ||
		(!compared(r, to, t, sign) && place < r->place[to]) ||
		r->place[to] < 0;

	if (isnan(r->value[to]) && r->place[to] >= 0)
		better = isnan(t.v) && place < r->place[to];
	if (better) {
		found(r, to, t);
		r->place[to] = place;
	}
	if (sign * t.v - t.err > sign * r->low[to])
		r->low[to] = sign * (sign * t.v - t.err);
	if (t.err > 0)
		r->error[to] = 1;
}

/* Second pass over uncertain values: how far another candidate's place is. */
static void doubt(struct node *x, int to, struct ir_num t, double place)
{
	struct eval_reduce *r = x->reduce;
	double sign = x->e->reducer == RED_ARGMAX ? 1 : -1;

	if (!(sign * t.v + t.err < sign * r->low[to]))
		r->magnitude[to] = fmax(r->magnitude[to],
			fabs(place - r->place[to]));
}

/* "error" 1: uncertain unless "magnitude" 1: decided for certain. */
static void decide(struct node *x, int to, struct ir_num t)
{
	struct eval_reduce *r = x->reduce;
	bool stop = x->e->reducer == RED_ANY;

	if ((t.v != 0) == stop)
		r->value[to] = stop;
	if ((t.v != 0) == stop && t.err == 0)
		r->magnitude[to] = 1;
	if (t.err > 0)
		r->error[to] = 1;
}

static void take(struct node *x, int to, struct ir_num t, double place,
	bool second)
{
	switch (x->e->reducer) {
	case RED_SUM:
		break;
	case RED_PROD:
		multiply(x, to, t);
		break;
	case RED_MAX:
	case RED_MIN:
		extreme(x, to, t);
		break;
	case RED_ANY:
	case RED_ALL:
		decide(x, to, t);
		break;
	default:
		if (second)
			doubt(x, to, t, place);
		else
			find(x, to, t, place);
	}
}

/* Number of the present point: the axis value itself, or for several axes
 * their row-major number. */
static double place_of(const struct ir_eval *e, const struct node *x)
{
	const struct eval_reduce *r = x->reduce;
	int64_t p = 0;

	if (r->n_axes == 1)
		return (double)e->at[r->axes[0]];
	for (int i = 0; i < r->n_axes; i++) {
		const struct ir_axis *axis = &e->o->axes[r->axes[i]];

		p = p * axis->extent + e->at[axis->id] - axis->lo;
	}
	return (double)p;
}

/* What one step along the longest axis adds to place_of. */
static double place_step(const struct ir_eval *e, const struct node *x)
{
	const struct eval_reduce *r = x->reduce;
	double s = 1;

	for (int i = r->n_axes - 1; i >= 0 && r->axes[i] != r->longest; i--)
		s *= (double)e->o->axes[r->axes[i]].extent;
	return s;
}

static void join_quantum(struct node *x)
{
	const struct node *t = x->args[0];
	double q = t->exact ? t->quantum : 0;

	if (q < x->quantum)
		x->quantum = q;
}

/* One evaluation of the body with the output's lanes. */
static void take_lanes(struct ir_eval *e, struct node *x, int run, int n,
	bool second)
{
	struct node *t = x->args[0];
	double place;

	node_eval(e, t, run, n);
	join_quantum(x);
	if (x->e->reducer == RED_SUM) {
		add(x->reduce, t, n);
		if (!dtype_is_float(x->e->type))
			add_whole(x->reduce->whole, 1, t, n);
		for (int i = 0; i < n && x->e->accumulator; i++)
			x->reduce->high[i] = greatest(t, i, 1,
				x->reduce->high[i]);
		return;
	}
	place = indexed(x->e->reducer) ? place_of(e, x) : 0;
	for (int i = 0; i < n; i++)
		take(x, i, node_lane(t, i), place, second);
}

/* All of the longest axis, as lanes of the body, into lane "to". */
static void take_across(struct ir_eval *e, struct node *x, int to, bool second)
{
	const struct ir_axis *axis = &e->o->axes[x->reduce->longest];
	struct node *t = x->args[0];
	double place, step = place_step(e, x);
	int n;

	for (int64_t done = 0; done < axis->extent; done += n) {
		n = axis->extent - done < LANES ? (int)(axis->extent - done) :
			LANES;
		e->at[axis->id] = axis->lo + done;
		node_eval(e, t, axis->id, n);
		join_quantum(x);
		if (x->e->reducer == RED_SUM) {
			add_across(x->reduce, to, t, n);
			if (!dtype_is_float(x->e->type))
				add_whole(x->reduce->whole + to, 0, t, n);
			if (x->e->accumulator)
				x->reduce->high[to] = greatest(t, 0, n,
					x->reduce->high[to]);
			continue;
		}
		place = place_of(e, x);
		for (int i = 0; i < n; i++)
			take(x, to, node_lane(t, i), place + i * step, second);
	}
	e->at[axis->id] = axis->lo;
}

static void first_point(struct ir_eval *e, const struct eval_reduce *r)
{
	for (int i = 0; i < r->n_axes; i++)
		e->at[r->axes[i]] = e->o->axes[r->axes[i]].lo;
}

/* The next point, last axis fastest, leaving axis "skip" alone. */
static bool next_point(struct ir_eval *e, const struct eval_reduce *r,
	int skip)
{
	for (int i = r->n_axes - 1; i >= 0; i--) {
		const struct ir_axis *axis = &e->o->axes[r->axes[i]];

		if (axis->id == skip)
			continue;
		if (++e->at[axis->id] < axis->lo + axis->extent)
			return true;
		e->at[axis->id] = axis->lo;
	}
	return false;
}

static void together(struct ir_eval *e, struct node *x, int run, int n,
	bool second)
{
	first_point(e, x->reduce);
	do {
		take_lanes(e, x, run, n, second);
	} while (next_point(e, x->reduce, NO_RUN));
}

static void each_alone(struct ir_eval *e, struct node *x, int run, int n,
	bool second)
{
	int64_t from = run == NO_RUN ? 0 : e->at[run];

	for (int i = 0; i < n; i++) {
		if (run != NO_RUN)
			e->at[run] = from + i;
		first_point(e, x->reduce);
		do {
			take_across(e, x, i, second);
		} while (next_point(e, x->reduce, x->reduce->longest));
	}
	if (run != NO_RUN)
		e->at[run] = from;
}

static void pass(struct ir_eval *e, struct node *x, int run, int n, bool second)
{
	struct eval_reduce *r = x->reduce;
	int64_t longest = e->o->axes[r->longest].extent;

	if (r->points == 0)
		return;
	if (n * ((longest + LANES - 1) / LANES) >= longest)
		together(e, x, run, n, second);
	else
		each_alone(e, x, run, n, second);
}

/* Of a sum or product of integers, whose terms have this error together. */
static struct ir_num whole_result(const struct node *x, int i, double err)
{
	struct ir_num r = num_whole(x->e->type, x->reduce->whole[i]);

	r.err = err;
	r.quantum = err > 0 ? 0 : 1;
	return r;
}

static struct ir_num sum_result(const struct node *x, int i, double q)
{
	const struct eval_reduce *r = x->reduce;
	const struct format *f = &x->format;
	double v = r->value[i], m = r->magnitude[i], err = r->error[i];

	if (!dtype_is_float(x->e->type))
		return whole_result(x, i, err > 0 && m > 0x1p53 ? INFINITY :
			err);
	if (!(m < INFINITY))
		return (struct ir_num){ .v = v, .err = err == 0 ? 0 : INFINITY };
	if (m >= f->over)
		return (struct ir_num){ .v = v, .err = INFINITY };
	if (err == 0 && q >= f->least && m <= q * f->capacity &&
	    (!x->e->accumulator || short_exact(x, i, q)))
		return (struct ir_num){ .v = v, .quantum = q };
	if (x->e->accumulator)
		err += short_loss(x, i);
	err += gamma_of((double)r->points, f->u) * m;
	return (struct ir_num){ .v = v, .err = err };
}

static struct ir_num product_result(const struct node *x, int i)
{
	const struct eval_reduce *r = x->reduce;
	double v = r->value[i], m = r->magnitude[i];
	double err = m > fabs(v) ? m - fabs(v) : 0;

	if (!dtype_is_float(x->e->type))
		return whole_result(x, i, !(r->error[i] > 0) ? 0 :
			m < 0x1p53 ? err : INFINITY);
	if (!(m < x->format.over))
		return (struct ir_num){ .v = v, .err = isfinite(m) ? INFINITY :
			0 };
	err += gamma_of((double)r->points, x->format.u) * m +
		(double)(r->points - 1) * x->format.least / 2;
	return (struct ir_num){ .v = v, .err = err };
}

static struct ir_num extreme_result(const struct node *x, int i,
	double q)
{
	const struct eval_reduce *r = x->reduce;
	double v = r->value[i];
	double err = fmax(fabs(r->high[i] - v), fabs(v - r->low[i]));

	if (isnan(v) || v == r->low[i])
		err = isnan(v) || v == r->high[i] ? 0 :
			fabs(r->high[i] - v);
	return (struct ir_num){ v, err, err > 0 ? 0 : q, r->whole[i],
		!dtype_is_float(x->e->type) && !isnan(v) };
}

static struct ir_num result(const struct node *x, int i, double q)
{
	const struct eval_reduce *r = x->reduce;
	bool open;

	switch (x->e->reducer) {
	case RED_SUM:
		return sum_result(x, i, q);
	case RED_PROD:
		return product_result(x, i);
	case RED_MAX:
	case RED_MIN:
		return extreme_result(x, i, q);
	case RED_ANY:
	case RED_ALL:
		open = r->error[i] > 0 && r->magnitude[i] == 0;
		return (struct ir_num){ .v = r->value[i], .err = open,
			.quantum = !open };
	default:
		open = r->magnitude[i] > 0;
		return (struct ir_num){ .v = r->place[i],
			.err = r->magnitude[i], .quantum = !open };
	}
}

void node_reduce(struct ir_eval *e, struct node *x, int run, int n)
{
	struct eval_reduce *r = x->reduce;
	bool uncertain = false;
	double q;

	start(x, n);
	x->quantum = 0x1p200;
	pass(e, x, run, n, false);
	for (int i = 0; i < n; i++)
		uncertain |= r->error[i] > 0;
	if (indexed(x->e->reducer) && uncertain)
		pass(e, x, run, n, true);
	q = x->quantum;
	node_open(x);
	for (int i = 0; i < n; i++)
		node_set(x, i, result(x, i, q));
	node_close(x, n);
}
