/* SPDX-License-Identifier: MIT */
/* Sums of an index in one form: terms that are alike joined, and the quotient
 * and the rest of one number put together again, as sketches do where strides
 * happen to allow: 18 * (x / 9) + 2 * (x % 9) is 2 * x. */
#include "kernel/narrow.h"

#include "base/number.h"

enum { TERMS = 24 };

struct term {
	struct kx *e;
	int64_t by;
};

struct sum {
	struct arena *a;
	struct term t[TERMS];
	int n;
	int64_t c;
	bool fits;
};

static bool same(const struct kx *x, const struct kx *y)
{
	if (x == y)
		return true;
	if (x->kind != y->kind || x->type != y->type || x->op != y->op ||
	    x->var != y->var || x->n_args != y->n_args || x->i != y->i ||
	    x->special != y->special || x->kind == KX_FLOAT ||
	    x->kind > KX_CAST || x->kind == KX_LOAD)
		return false;
	for (int i = 0; i < x->n_args; i++)
		if (!same(x->args[i], y->args[i]))
			return false;
	return true;
}

static void add_term(struct sum *s, struct kx *e, int64_t by)
{
	for (int i = 0; i < s->n; i++)
		if (same(s->t[i].e, e)) {
			s->fits &= !__builtin_add_overflow(s->t[i].by, by,
				&s->t[i].by);
			return;
		}
	if (s->n == TERMS)
		s->fits = false;
	else
		s->t[s->n++] = (struct term){ e, by };
}

static void collect(struct sum *s, struct kx *e, int64_t by)
{
	bool op = e->kind == KX_OP && e->n_args == 2;
	int64_t k;

	if (!s->fits)
		return;
	if (kx_is_int(e, &k)) {
		s->fits &= !__builtin_mul_overflow(k, by, &k) &&
			!__builtin_add_overflow(s->c, k, &s->c);
	} else if (op && (e->op == OP_ADD || e->op == OP_SUB)) {
		collect(s, e->args[0], by);
		collect(s, e->args[1], e->op == OP_ADD ? by : -by);
	} else if (op && e->op == OP_MUL && kx_is_int(e->args[1], &k)) {
		s->fits &= !__builtin_mul_overflow(k, by, &k);
		collect(s, e->args[0], k);
	} else {
		add_term(s, e, by);
	}
}

/* "e" is *x op *k. */
static bool by_number(const struct kx *e, enum op op, struct kx **x,
	int64_t *k)
{
	if (e->kind != KX_OP || e->op != op || !kx_is_int(e->args[1], k))
		return false;
	*x = e->args[0];
	return *k > 0;
}

/* What "q" is the quotient, of division by "k", and "r" the rest of; NULL where
 * it is not one number's. Divisions of divisions are one, and so are rests of
 * rests that divide. */
static struct kx *whole(struct kx *q, struct kx *r, int64_t *k)
{
	struct kx *x, *y, *inner;
	int64_t m, j;

	if (!by_number(q, OP_DIV, &x, &m) || !by_number(r, OP_MOD, &y, k))
		return NULL;
	if (m == *k && same(x, y))
		return x;
	if (by_number(y, OP_DIV, &inner, &j) && j * *k == m &&
	    same(x, inner))
		return y;
	if (m == *k && by_number(x, OP_MOD, &inner, &j) && j % *k == 0 &&
	    same(inner, y))
		return x;
	return NULL;
}

static bool join_pair(struct sum *s)
{
	for (int i = 0; i < s->n; i++)
		for (int j = 0; j < s->n; j++) {
			struct term q = s->t[i], r = s->t[j];
			int64_t k;
			struct kx *x = i == j ? NULL : whole(q.e, r.e, &k);
			int at = i < j ? i : j, gone = i < j ? j : i;

			if (!x || r.by > INT32_MAX || r.by < -INT32_MAX ||
			    r.by * k != q.by)
				continue;
			s->t[at] = (struct term){ x, r.by };
			for (int n = gone; n + 1 < s->n; n++)
				s->t[n] = s->t[n + 1];
			s->n--;
			return true;
		}
	return false;
}

static struct kx *scaled(struct sum *s, const struct term *t)
{
	return kx_mul(s->a, t->e, kx_cast(s->a, t->e->type,
		kx_int(s->a, t->by)));
}

/* Always built anew in one way, so that equal sums are equal trees. */
static struct kx *built(struct sum *s, enum dtype type)
{
	struct kx *e = NULL;

	for (int i = 0; i < s->n; i++)
		if (s->t[i].by)
			e = e ? kx_add(s->a, e, scaled(s, &s->t[i])) :
				scaled(s, &s->t[i]);
	if (!e)
		return kx_cast(s->a, type, kx_int(s->a, s->c));
	return kx_add(s->a, e, kx_cast(s->a, type, kx_int(s->a, s->c)));
}

/* (5 * x + 100) / 50 is x / 10 + 2, and 5 * x % 50 is 5 * (x % 10): both of
 * floors, as which they stand for what is not negative. */
static struct kx *quotient(struct arena *a, struct kx *e, int64_t k)
{
	struct sum s = { .a = a, .fits = true };
	bool mod = e->op == OP_MOD;
	int64_t by = k, out = 0;
	struct kx *x;

	collect(&s, e->args[0], 1);
	if (!s.fits)
		return e;
	for (int i = 0; i < s.n; i++)
		by = number_gcd(by, s.t[i].by);
	if (s.c >= k)
		out = s.c / k;
	s.c -= out * k;
	if (s.c < 0 || (by == 1 && !out) || (mod && s.c % by))
		return e;
	for (int i = 0; i < s.n; i++)
		s.t[i].by /= by;
	s.c /= by;
	x = kx_cast(a, e->type, kx_int(a, k / by));
	if (mod)
		return kx_mul(a, kx_mod(a, built(&s, e->type), x),
			kx_cast(a, e->type, kx_int(a, by)));
	return kx_add(a, kx_div(a, built(&s, e->type), x),
		kx_cast(a, e->type, kx_int(a, out)));
}

struct kx *narrow_sum(struct arena *a, struct kx *e)
{
	struct sum s = { .a = a, .fits = true }, again = s;
	int64_t k;

	if (e->kind != KX_OP || (e->type != T_I32 && e->type != T_I64))
		return e;
	if ((e->op == OP_DIV || e->op == OP_MOD) &&
	    kx_is_int(e->args[1], &k) && k > 1)
		return quotient(a, e, k);
	if (e->op != OP_ADD && e->op != OP_SUB)
		return e;
	collect(&s, e, 1);
	while (s.fits && join_pair(&s)) {
		again.n = 0;
		again.c = s.c;
		for (int i = 0; i < s.n; i++)
			collect(&again, s.t[i].e, s.t[i].by);
		again.fits &= s.fits;
		s = again;
	}
	return s.fits ? built(&s, e->type) : e;
}
