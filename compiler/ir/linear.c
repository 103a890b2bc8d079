/* SPDX-License-Identifier: MIT */
/* Integer expressions as sums of atoms. In comes an i64 expression, out goes
 * an equal sum in which like terms are collected and floor divisions and
 * modulos by constants are resolved wherever the ranges of axes allow:
 * (4*a + b) / 4 is a when 0 <= b < 4. Where arithmetic would leave 64 bits, or
 * a sum has more than LINEAR_MAX terms, the expression stays an atom. */
#include "ir/linear.h"

#include "base/number.h"

int64_t floor_div(int64_t x, int64_t d)
{
	return x / d - (x % d < 0);
}

int64_t floor_mod(int64_t x, int64_t d)
{
	return x % d + (x % d < 0 ? d : 0);
}

/* Coefficients and constants stay within 62 bits, so that the arithmetic below
 * does not wrap. */
static bool too_large(int64_t x)
{
	return x > INT64_C(1) << 62 || x < -(INT64_C(1) << 62);
}

/* l += k * e. */
static bool add_term(struct linear *l, int64_t k, struct ir_expr *e)
{
	if (too_large(k))
		return false;
	for (int i = 0; i < l->n; i++) {
		if (!ir_equal(l->t[i].e, e))
			continue;
		l->t[i].k += k;
		if (too_large(l->t[i].k))
			return false;
		if (l->t[i].k)
			return true;
		l->n--;
		for (; i < l->n; i++)
			l->t[i] = l->t[i + 1];
		return true;
	}
	if (!k)
		return true;
	if (l->n == LINEAR_MAX)
		return false;
	l->t[l->n++] = (struct linear_term){ k, e };
	return true;
}

/* l += k * m. */
static bool add_scaled(struct linear *l, int64_t k, const struct linear *m)
{
	int64_t p;

	if (__builtin_mul_overflow(k, m->c, &p) || too_large(p))
		return false;
	l->c += p;
	if (too_large(l->c))
		return false;
	for (int i = 0; i < m->n; i++)
		if (__builtin_mul_overflow(k, m->t[i].k, &p) ||
				!add_term(l, p, m->t[i].e))
			return false;
	return true;
}

static void constant(struct linear *l, int64_t c)
{
	l->n = 0;
	l->c = c;
}

static void atom(struct linear *l, struct ir_expr *e)
{
	l->n = 1;
	l->c = 0;
	l->t[0] = (struct linear_term){ 1, e };
}

bool linear_range(const struct ir_operator *o, const struct linear *l,
	int64_t *lo, int64_t *hi)
{
	*lo = *hi = l->c;
	for (int i = 0; i < l->n; i++) {
		int64_t k = l->t[i].k, x, y, p, q;

		if (!ir_range_atom(o, l->t[i].e, &x, &y) ||
				__builtin_mul_overflow(k, k < 0 ? y : x, &p) ||
				__builtin_mul_overflow(k, k < 0 ? x : y, &q) ||
				too_large(p) || too_large(q))
			return false;
		*lo += p;
		*hi += q;
		if (too_large(*lo) || too_large(*hi))
			return false;
	}
	return true;
}

static struct ir_expr *term_expr(struct arena *a, int64_t k, struct ir_expr *e)
{
	if (k == 1)
		return e;
	return ir_apply(a, OP_MUL, T_I64, 2, e, ir_int(a, k, T_I64));
}

/* The term to begin with: the first that is not subtracted. */
static int leading(const struct linear *l)
{
	for (int i = 0; i < l->n; i++)
		if (l->t[i].k > 0)
			return i;
	return -1;
}

struct ir_expr *linear_expr(struct arena *a, const struct linear *l)
{
	int first = leading(l);
	int64_t c = l->c;
	struct ir_expr *e;

	if (first >= 0) {
		e = term_expr(a, l->t[first].k, l->t[first].e);
	} else {
		e = ir_int(a, c, T_I64);
		c = 0;
		if (l->n && !e->i) {
			first = 0;
			e = term_expr(a, l->t[0].k, l->t[0].e);
		}
	}
	for (int i = 0; i < l->n; i++) {
		int64_t k = l->t[i].k;

		if (i == first)
			continue;
		if (k > 0 || k == INT64_MIN)
			e = ir_apply(a, OP_ADD, T_I64, 2, e,
				term_expr(a, k, l->t[i].e));
		else
			e = ir_apply(a, OP_SUB, T_I64, 2, e,
				term_expr(a, -k, l->t[i].e));
	}
	if (c > 0 || c == INT64_MIN)
		e = ir_apply(a, OP_ADD, T_I64, 2, e, ir_int(a, c, T_I64));
	else if (c)
		e = ir_apply(a, OP_SUB, T_I64, 2, e, ir_int(a, -c, T_I64));
	return e;
}

/* l = big + small: "big" has the terms that "g" divides and the multiple of
 * "g" below the constant. */
static void part(const struct linear *l, int64_t g, struct linear *big,
	struct linear *small)
{
	constant(small, floor_mod(l->c, g));
	constant(big, l->c - small->c);
	for (int i = 0; i < l->n; i++) {
		struct linear *to = l->t[i].k % g ? small : big;

		to->t[to->n++] = l->t[i];
	}
}

static void divide_exactly(struct linear *l, int64_t g)
{
	l->c /= g;
	for (int i = 0; i < l->n; i++)
		l->t[i].k /= g;
}

/* The greatest divisor g > 1 of "d" among the common divisors of "d" and a
 * coefficient such that what g does not divide stays within [0, g). */
static int64_t radix(const struct ir_operator *o, const struct linear *l,
	int64_t d)
{
	struct linear big, small;
	int64_t best = 1, lo, hi;

	for (int i = 0; i < l->n; i++) {
		int64_t g = number_gcd(l->t[i].k, d);

		if (g <= best)
			continue;
		part(l, g, &big, &small);
		if (linear_range(o, &small, &lo, &hi) && lo >= 0 && hi < g)
			best = g;
	}
	return best;
}

static bool is_op(const struct ir_expr *e, enum op op)
{
	return e->kind == IR_OP && e->op == op && e->type == T_I64;
}

/* True if "e" is op(x, d) with a constant d > 0. */
static bool by_constant(const struct ir_expr *e, enum op op, int64_t *d)
{
	if (!is_op(e, op) || e->args[1]->kind != IR_INT || e->args[1]->i <= 0)
		return false;
	*d = e->args[1]->i;
	return true;
}

static struct ir_expr *quotient(struct arena *a, enum op op,
	const struct linear *l, int64_t d)
{
	return ir_apply(a, op, T_I64, 2, linear_expr(a, l), ir_int(a, d, T_I64));
}

static bool divide(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out);

/* (x / e + c) / d = (x + c*e) / (e*d). */
static bool divide_nested(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out)
{
	struct linear x;
	int64_t e, c;

	if (l->n != 1 || l->t[0].k != 1 || !by_constant(l->t[0].e, OP_DIV, &e))
		return false;
	linear_of(a, o, l->t[0].e->args[0], &x);
	if (__builtin_mul_overflow(l->c, e, &c) || too_large(c) ||
			too_large(x.c + c) || __builtin_mul_overflow(e, d, &d))
		return false;
	x.c += c;
	return divide(a, o, &x, d, out);
}

/* What is left of l / d once multiples of d are taken out. */
static bool divide_rest(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out)
{
	struct linear big, small;
	int64_t lo, hi, g;

	if (!l->n || (linear_range(o, l, &lo, &hi) &&
			floor_div(lo, d) == floor_div(hi, d))) {
		constant(out, floor_div(l->n ? lo : l->c, d));
		return true;
	}
	g = radix(o, l, d);
	if (g > 1) {
		part(l, g, &big, &small);
		divide_exactly(&big, g);
		return divide(a, o, &big, d / g, out);
	}
	if (!divide_nested(a, o, l, d, out))
		atom(out, quotient(a, OP_DIV, l, d));
	return true;
}

/* out = floor(l / d). False if numbers grow too large. Values of computed
 * indices are unknown, so multiples of d leave the quotient only where the sum
 * has a range. */
static bool divide(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out)
{
	struct linear whole, rest, q;
	int64_t lo, hi;

	if (!linear_range(o, l, &lo, &hi)) {
		if (d == 1)
			*out = *l;
		else
			atom(out, quotient(a, OP_DIV, l, d));
		return true;
	}
	part(l, d, &whole, &rest);
	divide_exactly(&whole, d);
	if (!divide_rest(a, o, &rest, d, &q))
		return false;
	*out = whole;
	return add_scaled(out, 1, &q);
}

static bool modulo(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out);

/* (g*x + small) mod d = g * (x mod d/g) + small. */
static bool modulo_radix(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, int64_t g, struct linear *out)
{
	struct linear big, small, q;

	part(l, g, &big, &small);
	divide_exactly(&big, g);
	if (!modulo(a, o, &big, d / g, &q))
		return false;
	*out = small;
	return add_scaled(out, g, &q);
}

/* x mod e mod d = x mod d where d divides e. */
static bool modulo_nested(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out)
{
	struct linear x;
	int64_t e;

	if (l->n != 1 || l->t[0].k != 1 || !by_constant(l->t[0].e, OP_MOD, &e) ||
			e % d)
		return false;
	linear_of(a, o, l->t[0].e->args[0], &x);
	x.c += l->c;
	return !too_large(x.c) && modulo(a, o, &x, d, out);
}

/* Coefficients less than d in magnitude. */
static void reduce_modulo(struct linear *l, int64_t d)
{
	for (int i = 0; i < l->n; i++)
		l->t[i].k %= d;
}

static bool modulo(struct arena *a, const struct ir_operator *o,
	const struct linear *l, int64_t d, struct linear *out)
{
	struct linear whole, rest;
	int64_t lo, hi, g;

	if (!linear_range(o, l, &lo, &hi)) {
		atom(out, quotient(a, OP_MOD, l, d));
		return true;
	}
	part(l, d, &whole, &rest);
	for (int pass = 0; pass < 2; pass++) {
		if (linear_range(o, &rest, &lo, &hi) &&
				floor_div(lo, d) == floor_div(hi, d)) {
			*out = rest;
			out->c -= lo - floor_mod(lo, d);
			return !too_large(out->c);
		}
		reduce_modulo(&rest, d);
	}
	g = radix(o, &rest, d);
	if (g > 1)
		return modulo_radix(a, o, &rest, d, g, out);
	if (!modulo_nested(a, o, &rest, d, out))
		atom(out, quotient(a, OP_MOD, &rest, d));
	return true;
}

/* k*d * (x / d) + k * (x mod d) = k * x, once; false if there is no such
 * pair. */
static bool recombine(struct arena *a, const struct ir_operator *o,
	struct linear *l)
{
	for (int i = 0; i < l->n; i++) {
		struct ir_expr *q = l->t[i].e;
		int64_t d, e;

		if (!by_constant(q, OP_DIV, &d))
			continue;
		for (int j = 0; j < l->n; j++) {
			struct ir_expr *r = l->t[j].e;
			int64_t k = l->t[j].k, kd;
			struct linear x, sum = *l;

			if (!by_constant(r, OP_MOD, &e) || d != e ||
					__builtin_mul_overflow(k, d, &kd) ||
					kd != l->t[i].k ||
					!ir_equal(q->args[0], r->args[0]))
				continue;
			linear_of(a, o, q->args[0], &x);
			if (!add_term(&sum, -kd, q) || !add_term(&sum, -k, r) ||
					!add_scaled(&sum, k, &x))
				continue;
			*l = sum;
			return true;
		}
	}
	return false;
}

/* out = the operation on the sums "x" and "y"; false if it is no sum or
 * numbers grow too large. */
static bool combine(struct arena *a, const struct ir_operator *o, enum op op,
	const struct linear *x, const struct linear *y, struct linear *out)
{
	constant(out, 0);
	switch (op) {
	case OP_NEG:
		return add_scaled(out, -1, x);
	case OP_ADD: case OP_SUB:
		*out = *x;
		if (!add_scaled(out, op == OP_SUB ? -1 : 1, y))
			return false;
		while (a && recombine(a, o, out))
			;
		return true;
	case OP_MUL:
		return (!y->n && add_scaled(out, y->c, x)) ||
			(!x->n && y->n && add_scaled(out, x->c, y));
	case OP_DIV: case OP_MOD:
		if (y->n || y->c <= 0 || (x->n && !a))
			return false;
		if (!x->n) {
			constant(out, op == OP_DIV ? floor_div(x->c, y->c) :
				floor_mod(x->c, y->c));
			return true;
		}
		return op == OP_DIV ? divide(a, o, x, y->c, out) :
			modulo(a, o, x, y->c, out);
	default:
		return false;
	}
}

static bool is_arithmetic(const struct ir_expr *e)
{
	return is_op(e, OP_ADD) || is_op(e, OP_SUB) || is_op(e, OP_NEG) ||
		is_op(e, OP_MUL) || is_op(e, OP_DIV) || is_op(e, OP_MOD);
}

static bool divides(const struct ir_expr *e)
{
	return e->op == OP_DIV || e->op == OP_MOD;
}

/* Without an arena quotients stay as they are, and looking into them would make
 * the range of a nest of them take time with the square of its depth. */
void linear_of(struct arena *a, const struct ir_operator *o, struct ir_expr *e,
	struct linear *out)
{
	struct linear x, y;

	if (e->kind == IR_INT && !too_large(e->i)) {
		constant(out, e->i);
		return;
	}
	if (!is_arithmetic(e)) {
		struct ir_expr *folded = a ? ir_fold_atom(a, o, e) : e;

		if (folded != e && (folded->kind == IR_INT ||
				is_arithmetic(folded)))
			linear_of(a, o, folded, out);
		else
			atom(out, folded);
		return;
	}
	if (!a && divides(e) && e->args[0]->kind != IR_INT) {
		atom(out, e);
		return;
	}
	linear_of(a, o, e->args[0], &x);
	constant(&y, 0);
	if (e->n_args > 1)
		linear_of(a, o, e->args[1], &y);
	if (combine(a, o, e->op, &x, &y, out))
		return;
	if (!a)
		atom(out, e);
	else if (e->n_args > 1)
		atom(out, ir_apply(a, e->op, T_I64, 2, linear_expr(a, &x),
			linear_expr(a, &y)));
	else
		atom(out, ir_apply(a, e->op, T_I64, 1, linear_expr(a, &x)));
}
