/* SPDX-License-Identifier: MIT */
/* Transposed convolutions, and whatever sums where an index divides evenly:
 *
 *	sum[r](p + 1 - r) % 2 == 0 ? x[(p + 1 - r) / 2] * w[r] : 0
 *
 * With p = 2*p_o + p_i and r = 2*r_o + r_i the condition holds for the one
 * value r_i = 1 - p_i. In comes a hoisted and folded operator, out goes one in
 * which such an r_i is no longer summed over but written in terms of p_i, so
 * that nothing is computed that does not count and the accesses are affine.
 * That needs an r_i that is affine in the digits of the other axes, or in those
 * of the digits: with a step of 2 it always is. An extent of r that does not
 * divide grows, and w is 0 there; one of p grows where the result is a let, of
 * which nobody reads the rest. */
#include "base/number.h"
#include "ir/linear.h"
#include "ir/split.h"

enum { TERMS_MAX = 8, CASES_MAX = 4096 };

/* One axis of a condition: its low digit has "period" values that matter, and
 * contributes "k" each. */
struct residue_term {
	int axis;
	int64_t k, period;
};

/* (c + sum of terms) % d == 0, of which the last is summed over. Its digit is
 * first + sum of step[i] * digit of term i. Where its extent is no multiple of
 * the period, it is to grow to "grown": "factor", a read that is 0 there then,
 * makes the terms that come with that 0. */
struct residue {
	int64_t c, d;
	struct residue_term t[TERMS_MAX];
	int n;
	int64_t first, step[TERMS_MAX];
	struct ir_expr *factor;
	int64_t grown;
	const struct ir_stmt *stmt;
	int wide;		/* the other axis that is to grow to "width",
				 * or -1 */
	int64_t width;
	int halved;		/* the term to be split once more, or -1 */
	int64_t half;
};

static bool is_op(const struct ir_expr *e, enum op op)
{
	return e->kind == IR_OP && e->op == op;
}

static bool is_zero(const struct ir_expr *e)
{
	return (e->kind == IR_INT && e->i == 0) ||
		(e->kind == IR_FLOAT && e->f == 0);
}

/* ---- the condition ---- */

static int64_t period_of(const struct residue *r, int64_t k)
{
	return r->d / number_gcd(floor_mod(k, r->d), r->d);
}

struct seen {
	int tensor;
	bool padded;
};

/* A pad says what lies past the end of a tensor. */
static void find_padded(struct ir_expr *e, void *ctx)
{
	struct seen *s = ctx;

	s->padded |= e->kind == IR_READ && e->tensor == s->tensor &&
		e->pad != IR_PAD_NONE;
}

/* The dimension of the let that "t" writes along "axis" from end to end, or -1
 * where others would see it grow. */
static int let_along(const struct ir_operator *o, const struct ir_stmt *t,
	int axis)
{
	const struct ir_tensor *let = &o->tensors[t->tensor];
	struct seen seen = { t->tensor, false };

	for (int i = 0; i < o->n_stmts; i++) {
		ir_walk(o->stmts[i].expr, find_padded, &seen);
		if (seen.padded || (o->stmts[i].tensor == t->tensor &&
		    &o->stmts[i] != t))
			return -1;
	}
	for (int i = 0; let->role == IR_LET && i < let->rank; i++)
		if (t->index[i]->kind == IR_AXIS && t->index[i]->axis == axis &&
		    let->dims[i] == o->axes[axis].extent)
			return i;
	return -1;
}

struct uses {
	int axis;
	bool found, open;
};

static void find_axis(struct ir_expr *e, void *ctx)
{
	struct uses *u = ctx;

	u->found |= e->kind == IR_AXIS && e->axis == u->axis;
}

/* Does a read that has no pad depend on the axis? */
static void find_open(struct ir_expr *e, void *ctx)
{
	struct uses *u = ctx, own = { u->axis, false, false };

	if (e->kind != IR_READ || e->pad != IR_PAD_NONE)
		return;
	ir_walk(e, find_axis, &own);
	u->open |= own.found;
}

/* An axis of the result whose extent is no multiple: a let may be longer than
 * what is read of it. */
static bool widen(const struct ir_operator *o, struct residue *r, int axis,
	int64_t period)
{
	struct uses u = { axis, false, false };
	int64_t extent = o->axes[axis].extent;

	ir_walk(r->stmt->expr, find_open, &u);
	if (r->wide >= 0 || u.open || let_along(o, r->stmt, axis) < 0)
		return false;
	r->wide = axis;
	r->width = (extent + period - 1) / period * period;
	return true;
}

static bool add_term(const struct ir_operator *o, struct residue *r,
	const struct linear_term *t)
{
	const struct ir_axis *x;
	int64_t period;

	if (t->k % r->d == 0)
		return true;
	if (t->e->kind != IR_AXIS || r->n == TERMS_MAX)
		return false;
	x = &o->axes[t->e->axis];
	period = period_of(r, t->k);
	if (x->lo)
		return false;
	if (!x->reduced && x->extent > period && x->extent % period &&
	    !widen(o, r, t->e->axis, period))
		return false;
	if (!x->reduced && x->extent < period)
		period = x->extent;
	r->t[r->n++] = (struct residue_term){ t->e->axis, t->k, period };
	return true;
}

/* The one reduced axis goes last. */
static bool order_terms(const struct ir_operator *o, struct residue *r)
{
	int reduced = 0;

	for (int i = 0; i < r->n; i++)
		reduced += o->axes[r->t[i].axis].reduced;
	for (int i = 0; i < r->n - 1; i++)
		if (o->axes[r->t[i].axis].reduced) {
			struct residue_term t = r->t[i];

			r->t[i] = r->t[r->n - 1];
			r->t[r->n - 1] = t;
		}
	return reduced == 1;
}

/* A factor of product "e" that reads along "axis" and ends where it ends. */
static struct ir_expr *factor_along(const struct ir_operator *o,
	struct ir_expr *e, int axis)
{
	struct ir_expr *f = NULL;

	if (e->kind == IR_CAST)
		return factor_along(o, e->args[0], axis);
	if (is_op(e, OP_MUL)) {
		f = factor_along(o, e->args[0], axis);
		return f ? f : factor_along(o, e->args[1], axis);
	}
	if (e->kind != IR_READ || e->pad == IR_PAD_EDGE ||
	    (e->pad == IR_PAD_VALUE && e->f != 0))
		return NULL;
	for (int i = 0; i < e->n_args; i++)
		if (e->args[i]->kind == IR_AXIS && e->args[i]->axis == axis &&
		    o->tensors[e->tensor].dims[i] == o->axes[axis].extent)
			return e;
	return NULL;
}

/* Can the axis that is summed over have a whole number of periods? */
static bool whole_periods(const struct ir_operator *o, struct residue *r,
	struct ir_expr *body)
{
	const struct residue_term *last = &r->t[r->n - 1];
	int64_t extent = o->axes[last->axis].extent;

	r->grown = (extent + last->period - 1) / last->period * last->period;
	if (r->grown == extent)
		return true;
	r->factor = factor_along(o, body, last->axis);
	return r->factor != NULL;
}

/* Digits of all terms but the last, counted up: false after the last. */
static bool next_case(const struct residue *r, int64_t *digit)
{
	for (int i = 0; i < r->n - 1; i++) {
		if (++digit[i] < r->t[i].period)
			return true;
		digit[i] = 0;
	}
	return false;
}

/* The digit that fits, or -1. */
static int64_t fitting(const struct residue *r, const int64_t *digit)
{
	const struct residue_term *last = &r->t[r->n - 1];
	int64_t sum = r->c;

	for (int i = 0; i < r->n - 1; i++)
		sum += r->t[i].k * digit[i];
	for (int64_t v = 0; v < last->period; v++)
		if (floor_mod(sum + last->k * v, r->d) == 0)
			return v;
	return -1;
}

/* Is there a digit for every case, and is it affine in theirs? */
static bool solve(struct residue *r)
{
	int64_t digit[TERMS_MAX] = {0}, cases = 1;

	for (int i = 0; i < r->n; i++)
		cases *= r->t[i].period < CASES_MAX ? r->t[i].period :
			CASES_MAX;
	if (cases > CASES_MAX || r->d > CASES_MAX)
		return false;
	r->first = fitting(r, digit);
	for (int i = 0; i < r->n - 1; i++) {
		digit[i] = 1;
		r->step[i] = r->t[i].period > 1 ?
			fitting(r, digit) - r->first : 0;
		digit[i] = 0;
	}
	do {
		int64_t v = r->first;

		for (int i = 0; i < r->n - 1; i++)
			v += r->step[i] * digit[i];
		if (v < 0 || v != fitting(r, digit))
			return false;
	} while (next_case(r, digit));
	return true;
}

/* Else, is it affine once the digit of one of the other axes is two: of
 * (p_i + 4) % 8 the low two bits and the third? */
static bool solve_by_halves(struct residue *r)
{
	for (int i = 0; i < r->n - 1 && r->n < TERMS_MAX; i++) {
		struct residue two = *r;
		int64_t half = number_gcd(r->t[i].period, r->c);

		if (half < 2 || half == r->t[i].period)
			continue;
		two.t[two.n] = two.t[two.n - 1];
		two.t[two.n++ - 1] = (struct residue_term){ r->t[i].axis,
			r->t[i].k, half };
		two.t[i].k *= half;
		two.t[i].period /= half;
		if (!solve(&two))
			continue;
		r->halved = i;
		r->half = half;
		return true;
	}
	return false;
}

/* (linear % d) == c as a residue that has a solution; "body" is what is summed
 * where that holds. */
static bool residue_of(struct split *s, struct ir_expr *e,
	struct ir_expr *body, struct residue *r)
{
	const struct ir_stmt *stmt = r->stmt;
	struct ir_expr *m = is_op(e, OP_EQ) ? e->args[0] : NULL;
	struct linear l;

	*r = (struct residue){ .halved = -1, .wide = -1, .stmt = stmt };
	if (!m || !is_op(m, OP_MOD) || m->type != T_I64 ||
	    m->args[1]->kind != IR_INT || m->args[1]->i < 2 ||
	    e->args[1]->kind != IR_INT)
		return false;
	r->d = m->args[1]->i;
	linear_of(s->a, s->o, m->args[0], &l);
	r->c = floor_mod(l.c - e->args[1]->i, r->d);
	for (int i = 0; i < l.n; i++)
		if (!add_term(s->o, r, &l.t[i]))
			return false;
	return order_terms(s->o, r) && whole_periods(s->o, r, body) &&
		(solve(r) || solve_by_halves(r));
}

/* ---- where conditions stand ---- */

static bool find_in(struct split *s, struct ir_expr *cond,
	struct ir_expr *body, struct residue *r)
{
	if (is_op(cond, OP_AND))
		return find_in(s, cond->args[0], body, r) ||
			find_in(s, cond->args[1], body, r);
	return residue_of(s, cond, body, r);
}

/* A condition on which the terms of a sum depend: where it fails they are 0. */
static bool find_condition(struct split *s, const struct ir_stmt *t,
	struct residue *r)
{
	struct ir_expr *e = t->expr;

	r->stmt = t;
	if (e->kind != IR_REDUCE || e->reducer != RED_SUM)
		return false;
	e = e->args[0];
	while (e->kind == IR_CAST)
		e = e->args[0];
	while (is_op(e, OP_SELECT) && is_zero(e->args[2])) {
		if (find_in(s, e->args[0], e->args[1], r))
			return true;
		e = e->args[1];
	}
	return false;
}

static bool first_to_split(struct split *s, const struct residue *r)
{
	for (int i = 0; i < r->n && s->axis < 0; i++)
		if (s->o->axes[r->t[i].axis].extent > r->t[i].period) {
			s->axis = r->t[i].axis;
			s->by = r->t[i].period;
		}
	if (s->axis < 0 && r->halved >= 0) {
		s->axis = r->t[r->halved].axis;
		s->by = r->half;
	}
	return s->axis >= 0;
}

static void grow_let(struct split *s, const struct residue *r)
{
	struct ir_tensor *let = &s->o->tensors[r->stmt->tensor];

	let->dims[let_along(s->o, r->stmt, r->wide)] = r->width;
	s->o->axes[r->wide].extent = r->width;
	ir_row_major(s->a, let);
}

/* Past its end the factor is 0, so that the sum may go on there. */
static void grow(struct split *s, const struct residue *r)
{
	if (r->wide >= 0)
		grow_let(s, r);
	if (!r->factor)
		return;
	s->o->axes[r->t[r->n - 1].axis].extent = r->grown;
	r->factor->pad = IR_PAD_VALUE;
	r->factor->f = 0;
}

bool residue_find(struct split *s)
{
	struct residue r;

	for (int i = 0; i < s->o->n_stmts; i++) {
		if (!find_condition(s, &s->o->stmts[i], &r))
			continue;
		grow(s, &r);
		if (first_to_split(s, &r))
			return true;
	}
	return false;
}

/* ---- without the digit ---- */

static struct ir_expr *solution(struct split *s, const struct residue *r)
{
	struct linear l = { .c = r->first };

	for (int i = 0; i < r->n - 1; i++)
		if (r->step[i])
			l.t[l.n++] = (struct linear_term){ r->step[i],
				ir_axis_value(s->a, r->t[i].axis) };
	return linear_expr(s->a, &l);
}

static void collapse(struct split *s, struct ir_stmt *t,
	const struct residue *r)
{
	int axis = r->t[r->n - 1].axis, n = 0;
	struct ir_expr **with = ARENA_ARRAY(s->a, s->o->n_axes,
		struct ir_expr *);

	with[axis] = solution(s, r);
	t->expr = ir_substitute(s->a, t->expr, with);
	for (int i = 0; i < t->expr->n_red; i++)
		if (t->expr->red[i] != axis)
			t->expr->red[n++] = t->expr->red[i];
	t->expr->n_red = n;
	t->expr = ir_fold_expr(s->a, s->o, t->expr);
}

bool residue_collapse(struct split *s)
{
	struct residue r;

	for (int i = 0; i < s->o->n_stmts; i++) {
		struct ir_stmt *t = &s->o->stmts[i];

		if (!find_condition(s, t, &r) || t->expr->n_red < 2)
			continue;
		collapse(s, t, &r);
		return true;
	}
	return false;
}
