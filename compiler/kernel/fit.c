/* SPDX-License-Identifier: MIT */
/* Fitting: from values in samples to an expression. Atoms are tried before
 * what is made of them, single ones before pairs, and what is found becomes an
 * atom, so that later numbers are said in terms of earlier ones. Nothing is
 * approximate: an expression is taken if it yields every sample. */
#include "kernel/fit.h"

#include <stdlib.h>

#include "base/number.h"
#include "base/vec.h"

enum { DEGREE = 5, MONOMIALS = 160, ATOMS = 512, REMEMBERED = 4096 };

struct remembered {
	const int64_t *v;
	int n;
	bool found;
	struct fitted x;
};

/* "n" samples, of which the number asked for is known in the first "seen". */
struct fit {
	struct arena *a;
	int n, seen, n_symbols, n_seeds;
	VEC(struct fit_atom) atoms;
	VEC(struct remembered) memory;
};

static struct kx *wide(struct arena *a, int64_t v)
{
	return kx_cast(a, T_I64, kx_int(a, v));
}

struct fit_atom *fit_atom(struct fit *f, int i)
{
	return &f->atoms.v[i];
}

int fit_atoms(const struct fit *f)
{
	return f->atoms.n;
}

static bool same(const struct fit *f, const int64_t *x, const int64_t *y)
{
	return !memcmp(x, y, (size_t)f->n * sizeof *x);
}

/* The atom of these values, made if there is none. */
static int add_atom(struct fit *f, const char *name, struct kx *value,
	const int64_t *at)
{
	for (int i = 0; i < f->atoms.n; i++)
		if (same(f, f->atoms.v[i].at, at))
			return i;
	vec_push(f->a, &f->atoms, (struct fit_atom){ .name = name,
		.value = value, .at = at });
	return f->atoms.n - 1;
}

/* ---- ratios and products of sizes ---- */

static bool multiply(const struct fit *f, const int64_t *x, const int64_t *y,
	int64_t *out)
{
	for (int w = 0; w < f->n; w++)
		if (__builtin_mul_overflow(x[w], y[w], &out[w]))
			return false;
	return true;
}

static int product(struct fit *f, int x, int y)
{
	int64_t *at = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);
	const struct fit_atom *p = &f->atoms.v[x], *q = &f->atoms.v[y];

	if (!multiply(f, p->at, q->at, at))
		return -1;
	return add_atom(f, arena_printf(f->a, "%s_%s", p->name, q->name),
		kx_mul(f->a, p->value, q->value), at);
}

/* Degree by degree: every product of one less with a symbol; those that have
 * the same values are one atom. */
static void add_monomials(struct fit *f)
{
	int from = 0, to = f->atoms.n;

	for (int degree = 2; degree <= DEGREE; degree++) {
		for (int i = from; i < to; i++)
			for (int s = 0; s < f->n_symbols; s++)
				if (f->atoms.n < MONOMIALS)
					product(f, i, s);
		from = to;
		to = f->atoms.n;
	}
	f->n_seeds = f->atoms.n;
}

static bool divides(const struct fit *f, int atom, const int64_t *v,
	int64_t *quotient)
{
	const int64_t *at = f->atoms.v[atom].at;

	for (int w = 0; w < f->seen; w++) {
		if (at[w] < 1 || v[w] % at[w])
			return false;
		quotient[w] = v[w] / at[w];
	}
	return true;
}

static bool is_constant(const struct fit *f, const int64_t *v)
{
	for (int w = 1; w < f->seen; w++)
		if (v[w] != v[0])
			return false;
	return true;
}

/* What is a multiple of another size in every sample: heads that share one. */
static void add_ratios(struct fit *f)
{
	int n = f->atoms.n;

	for (int x = 0; x < n; x++)
		for (int y = 0; y < n; y++) {
			const struct fit_atom p = f->atoms.v[x];
			const struct fit_atom q = f->atoms.v[y];
			int64_t *at = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);

			if (x == y || is_constant(f, q.at) ||
			    !divides(f, y, p.at, at) || is_constant(f, at))
				continue;
			add_atom(f, arena_printf(f->a, "%s_over_%s", p.name,
				q.name), kx_div(f->a, p.value, q.value), at);
		}
}

struct fit *fit_create(struct arena *a, const struct fit_symbol *symbols,
	int n_symbols, int n_samples)
{
	struct fit *f = ARENA_NEW(a, struct fit);

	f->a = a;
	f->n = f->seen = n_samples;
	f->n_symbols = n_symbols;
	for (int i = 0; i < n_symbols; i++)
		add_atom(f, symbols[i].name, symbols[i].value, symbols[i].at);
	add_ratios(f);
	f->n_symbols = f->atoms.n;
	add_monomials(f);
	return f;
}

/* ---- c * atom + d ---- */

static bool yields(const struct fit *f, const struct fitted *x,
	const int64_t *v)
{
	for (int w = 0; w < f->seen; w++) {
		__int128 sum = x->offset;

		for (int i = 0; i < x->n; i++)
			sum += (__int128)x->coef[i] *
				f->atoms.v[x->atom[i]].at[w];
		if (sum != v[w])
			return false;
	}
	return true;
}

static bool set_offset(__int128 v, struct fitted *out)
{
	out->offset = (int64_t)v;
	return out->offset == v;
}

static bool fit_line(const struct fit *f, int atom, const int64_t *v,
	struct fitted *out)
{
	const int64_t *at = f->atoms.v[atom].at;
	__int128 rise, run, slope;
	int w = 1;

	while (w < f->seen && at[w] == at[0])
		w++;
	if (w == f->seen)
		return false;
	rise = (__int128)v[w] - v[0];
	run = (__int128)at[w] - at[0];
	slope = rise / run;
	if (!slope || rise % run || slope > INT32_MAX || slope < -INT32_MAX)
		return false;
	*out = (struct fitted){ .n = 1, .atom = { atom },
		.coef = { (int64_t)slope } };
	return set_offset(v[0] - slope * at[0], out) && yields(f, out, v);
}

/* An atom itself before one with an offset, that before a multiple: H before
 * 2 * P - 1, which may be the same in every sample and not at other sizes.
 * Among multiples, of atoms that something uses already. */
static bool fit_lines(const struct fit *f, const int64_t *v,
	struct fitted *out)
{
	for (int turn = 0; turn < 4; turn++)
		for (int i = 0; i < f->atoms.n; i++) {
			if ((turn == 2 && !f->atoms.v[i].used) ||
			    !fit_line(f, i, v, out))
				continue;
			if (turn > 1 || (out->coef[0] == 1 &&
			    (turn || !out->offset)))
				return true;
		}
	return false;
}

/* ---- tiles that cover an atom ---- */

static bool covers(const struct fit *f, const int64_t *at, const int64_t *v,
	int64_t c, int64_t add)
{
	for (int w = 0; w < f->seen; w++)
		if (at[w] < 0 || (at[w] + add) / c != v[w])
			return false;
	return true;
}

static int divided(struct fit *f, int atom, int64_t c, int64_t add)
{
	const struct fit_atom *t = &f->atoms.v[atom];
	struct kx *sum = kx_add(f->a, t->value, wide(f->a, add));
	int64_t *v = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);

	for (int w = 0; w < f->n; w++)
		v[w] = (t->at[w] + add) / c;

	return add_atom(f, arena_printf(f->a, "%s_%s%lld", t->name, add ?
		"tiles_" : "by_", (long long)c), kx_div(f->a, sum,
		wide(f->a, c)), v);
}

/* The numbers c for which v may be at / c, rounded either way, in every sample:
 * none or few where there is no such c. */
static bool divisors(const struct fit *f, const int64_t *at, const int64_t *v,
	int64_t *lo, int64_t *hi)
{
	*lo = 2;
	*hi = INT64_MAX - 1;
	for (int w = 0; w < f->seen; w++) {
		int64_t l, h;

		if (at[w] < 0 || v[w] < 0 || v[w] > at[w])
			return false;
		l = at[w] / (v[w] + 1);
		h = v[w] > 1 ? at[w] / (v[w] - 1) + 1 : INT64_MAX - 1;
		*lo = l > *lo ? l : *lo;
		*hi = h < *hi ? h : *hi;
		if (*hi < *lo)
			return false;
	}
	return *hi - *lo <= 4096;
}

/* v = ceil(atom / c) or floor(atom / c). Where several do, the roundest: samples
 * do not tell tiles of 255 from those of 256. */
static int fit_quotient(struct fit *f, int atom, const int64_t *v)
{
	const int64_t *at = f->atoms.v[atom].at;
	int64_t lo, hi, best = 0, add = 0;

	if (!divisors(f, at, v, &lo, &hi))
		return -1;
	for (int64_t c = lo; c <= hi; c++) {
		bool up = covers(f, at, v, c, c - 1);

		if ((!up && !covers(f, at, v, c, 0)) ||
		    (best && (c & -c) <= (best & -best)))
			continue;
		best = c;
		add = up ? c - 1 : 0;
	}
	return best ? divided(f, atom, best, add) : -1;
}

static int64_t greatest_divisor(const struct fit *f, const int64_t *v)
{
	int64_t g = 0;

	for (int w = 0; w < f->seen; w++)
		g = number_gcd(g, v[w]);
	return g;
}

static bool fit_quotients(struct fit *f, const int64_t *v, struct fitted *out)
{
	int64_t g = greatest_divisor(f, v), *part;
	int n = f->atoms.n;

	part = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);
	for (int shift = 0; shift < 4; shift++) {
		int64_t by = shift == 3 ? g : 1, add = shift == 3 ? 0 :
			shift == 2 ? -1 : shift;

		if (by == 1 && shift == 3)
			break;
		for (int w = 0; w < f->seen; w++)
			part[w] = v[w] / by + add;
		for (int i = 0; i < n; i++) {
			int atom = fit_quotient(f, i, part);

			if (atom < 0)
				continue;
			*out = (struct fitted){ .n = 1, .atom = { atom },
				.coef = { by }, .offset = -add * by };
			return true;
		}
	}
	return false;
}

/* ---- products ---- */

/* v = c * x * y for an atom x, y anything above or, "deep", such a product. */
static bool fit_product(struct fit *f, const int64_t *v, int deep,
	struct fitted *out)
{
	int n = f->atoms.n;

	for (int i = n - 1; i >= 0; i--) {
		int64_t *rest = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);
		int atom;

		if (!divides(f, i, v, rest))
			continue;
		if ((!fit_lines(f, rest, out) &&
		     !fit_quotients(f, rest, out) && !(deep &&
		     fit_product(f, rest, deep - 1, out))) || out->offset)
			continue;
		atom = product(f, out->atom[0], i);
		if (atom < 0)
			continue;
		out->atom[0] = atom;
		return true;
	}
	return false;
}

static bool fit_pair(const struct fit *f, const int64_t *v,
	struct fitted *out);

static int named(struct fit *f, const struct fitted *x, const char *name);

/* v = x * (c * y + d * z + e) for a symbol x: such as the row where the last
 * whole tile ends. */
static bool fit_scaled(struct fit *f, const int64_t *v, struct fitted *out)
{
	for (int i = 0; i < f->n_symbols; i++) {
		int64_t *rest = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);
		int atom;

		if (!divides(f, i, v, rest) || (!fit_lines(f, rest, out) &&
		     !fit_quotients(f, rest, out) && !fit_pair(f, rest, out)))
			continue;
		atom = named(f, out, arena_printf(f->a, "%s_left",
			f->atoms.v[out->atom[0]].name));
		atom = atom < 0 ? -1 : product(f, atom, i);
		if (atom < 0)
			continue;
		*out = (struct fitted){ .n = 1, .atom = { atom },
			.coef = { 1 } };
		return true;
	}
	return false;
}

/* Tiles of the usual sizes, where no number is the count of tiles along one
 * axis but some are products of two. */
static void add_seeds(struct fit *f)
{
	int n = f->n_seeds;

	f->n_seeds = 0;
	for (int i = 0; i < n; i++)
		for (int64_t c = 4; c <= 1024; c *= 2)
			if (f->atoms.n < ATOMS)
				divided(f, i, c, c - 1);
}

/* ---- c * x + d * y + e ---- */

static bool solve(const struct fit *f, int x, int y, const int64_t *v,
	struct fitted *out)
{
	const int64_t *p = f->atoms.v[x].at, *q = f->atoms.v[y].at;

	for (int i = 1; i < f->seen; i++)
		for (int j = i + 1; j < f->seen && j < i + 3; j++) {
			__int128 a = (__int128)p[i] - p[0];
			__int128 b = (__int128)q[i] - q[0];
			__int128 c = (__int128)p[j] - p[0];
			__int128 d = (__int128)q[j] - q[0];
			__int128 u = (__int128)v[i] - v[0];
			__int128 w = (__int128)v[j] - v[0];
			__int128 det = a * d - b * c, m, k;

			if (!det)
				continue;
			m = u * d - b * w;
			k = a * w - u * c;
			if (m % det || k % det || !m || !k)
				return false;
			m /= det;
			k /= det;
			if (m > INT32_MAX || m < -INT32_MAX || k > INT32_MAX ||
			    k < -INT32_MAX)
				return false;
			*out = (struct fitted){ .n = 2, .atom = { x, y },
				.coef = { (int64_t)m, (int64_t)k } };
			return set_offset(v[0] - m * p[0] - k * q[0], out) &&
				yields(f, out, v);
		}
	return false;
}

/* One of the two is a symbol, or used elsewhere. */
static bool fit_pair(const struct fit *f, const int64_t *v, struct fitted *out)
{
	for (int used = 1; used >= 0; used--)
		for (int y = 0; y < f->atoms.n; y++) {
			if (y >= f->n_symbols && !f->atoms.v[y].used)
				continue;
			for (int x = 0; x < f->atoms.n; x++)
				if (x != y && f->atoms.v[x].used == used &&
				    solve(f, x, y, v, out))
					return true;
		}
	return false;
}

/* ---- all of it ---- */

static bool constant(const struct fit *f, const int64_t *v, struct fitted *out)
{
	*out = (struct fitted){ .offset = v[0] };
	return is_constant(f, v);
}

static bool find(struct fit *f, const int64_t *v, struct fitted *out)
{
	if (constant(f, v, out) || fit_lines(f, v, out) ||
	    fit_quotients(f, v, out) || fit_product(f, v, 0, out) ||
	    fit_pair(f, v, out) || fit_scaled(f, v, out))
		return true;
	if (!f->n_seeds)
		return false;
	add_seeds(f);
	return fit_product(f, v, 1, out) || fit_pair(f, v, out) ||
		fit_scaled(f, v, out);
}

static void note_use(struct fit *f, const struct fitted *x)
{
	for (int i = 0; i < x->n; i++) {
		struct fit_atom *t = &f->atoms.v[x->atom[i]];

		t->used = true;
		if (llabs(x->coef[i]) > t->scale)
			t->scale = llabs(x->coef[i]);
		if (llabs(x->offset) > t->offset)
			t->offset = llabs(x->offset);
	}
}

bool fit_find(struct fit *f, const int64_t *v, int n, struct fitted *out)
{
	struct remembered r = { .v = v, .n = n };

	for (int i = 0; i < f->memory.n; i++)
		if (f->memory.v[i].n == n && !memcmp(f->memory.v[i].v, v,
		    (size_t)n * sizeof *v)) {
			*out = f->memory.v[i].x;
			return f->memory.v[i].found;
		}
	f->seen = n;
	r.found = find(f, v, &r.x);
	if (r.found)
		note_use(f, &r.x);
	if (f->memory.n < REMEMBERED)
		vec_push(f->a, &f->memory, r);
	*out = r.x;
	return r.found;
}

void fit_multiples(struct fit *f)
{
	int n = 0;

	for (int i = 0; i < f->memory.n; i++) {
		const struct remembered r = f->memory.v[i];
		const struct fit_atom *t = &f->atoms.v[r.x.atom[0]];

		if (r.found && r.x.n == 1 && r.x.coef[0] > 1 && !r.x.offset)
			named(f, &r.x, arena_printf(f->a, "%s_times_%lld",
				t->name, (long long)r.x.coef[0]));
		if (r.found)
			f->memory.v[n++] = r;
	}
	f->memory.n = n;
}

struct kx *fit_value(struct fit *f, const struct fitted *x)
{
	struct kx *sum = NULL;

	for (int i = 0; i < x->n; i++) {
		struct kx *t = kx_mul(f->a, f->atoms.v[x->atom[i]].value,
			wide(f->a, x->coef[i]));

		sum = sum ? kx_add(f->a, sum, t) : t;
	}
	if (!sum)
		return wide(f->a, x->offset);
	return kx_add(f->a, sum, wide(f->a, x->offset));
}

/* The atom that is "x". */
static int named(struct fit *f, const struct fitted *x, const char *name)
{
	int64_t *at = ARENA_ARRAY(f->a, (size_t)f->n, int64_t);

	for (int w = 0; w < f->n; w++) {
		__int128 sum = x->offset;

		for (int i = 0; i < x->n; i++)
			sum += (__int128)x->coef[i] *
				f->atoms.v[x->atom[i]].at[w];
		at[w] = (int64_t)sum;
		if (at[w] != sum)
			return -1;
	}
	return add_atom(f, name, fit_value(f, x), at);
}
