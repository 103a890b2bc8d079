/* SPDX-License-Identifier: MIT */
/* Affine forms over flattened axes. A form is an address or a padded index; a
 * list of axes becomes the fewest runs such that every form is linear in each,
 * so that decoding a flat index costs as few divisions as the data allows:
 * none for a matrix row, two for a convolution's (n, p, q). */
#include "sketch/forms.h"

#include <assert.h>

static bool joins(const struct run *outer, const struct run *inner, int n_forms)
{
	for (int f = 0; f < n_forms; f++)
		if (outer->coef[f] != inner->coef[f] * inner->extent)
			return false;
	return true;
}

bool flat_make(const struct ir_operator *o, const int *axes, int n,
	const struct ir_affine *forms, int n_forms, struct flat *out)
{
	*out = (struct flat){ .extent = 1 };
	for (int i = 0; i < n; i++) {
		struct run r = { .extent = o->axes[axes[i]].extent,
			.common = ir_common(o, axes[i]) };
		struct run *last = out->n_runs ?
			&out->runs[out->n_runs - 1] : NULL;

		for (int f = 0; f < n_forms; f++)
			r.coef[f] = forms[f].coef[axes[i]];
		out->extent *= r.extent;
		out->open |= o->axes[axes[i]].open;
		if (r.extent == 1)
			continue;
		if (last && joins(last, &r, n_forms)) {
			r.extent *= last->extent;
			r.common *= last->common;
			*last = r;
		} else if (out->n_runs == RUNS_MAX) {
			return false;
		} else {
			out->runs[out->n_runs++] = r;
		}
	}
	return true;
}

void flat_decode(struct arena *a, struct k_block *b, const struct flat *f,
	const char *name, struct kx *at, struct kx **runs)
{
	for (int r = f->n_runs - 1; r >= 0; r--) {
		struct kx *extent = kx_int(a, f->runs[r].extent);

		if (r == 0) {
			runs[r] = at;
			return;
		}
		at = ks_let(a, b, name, at);
		runs[r] = kx_mod(a, at, extent);
		at = kx_div(a, at, extent);
	}
}

struct kx *flat_form(struct arena *a, struct k_block *b, const struct flat *f,
	const char *name, struct kx *at, int form)
{
	struct kx *runs[RUNS_MAX], *sum = kx_int(a, 0);

	flat_decode(a, b, f, name, at, runs);
	for (int r = 0; r < f->n_runs; r++)
		sum = kx_add(a, sum, kx_mul(a, runs[r],
			kx_int(a, f->runs[r].coef[form])));
	return sum;
}

struct near near_at(struct kx *at)
{
	return (struct near){ { at }, { 1 }, 1 };
}

struct near near_in(struct near x, int64_t span, struct kx *in)
{
	assert(x.n < PARTS_MAX);
	x.span[x.n - 1] = span;
	x.part[x.n] = in;
	x.span[x.n++] = 1;
	return x;
}

/* The sum of all parts from number "from" on. */
static struct kx *rest_of(struct arena *a, const struct near *x, int from)
{
	struct kx *v = x->part[from];

	for (int i = from + 1; i < x->n; i++)
		v = kx_add(a, v, x->part[i]);
	return v;
}

/* The innermost digit of "x", of so many values; "x" becomes the others. Parts
 * whose spans it divides do not move it; the first other one may have several of it,
 * and those behind that are less. */
static struct kx *take_digit(struct arena *a, struct near *x, int64_t extent)
{
	struct kx *size = kx_int(a, extent), *digit;
	int i = 0;

	for (; i < x->n && x->span[i] % extent == 0; i++) {
		x->part[i] = kx_div(a, x->part[i], size);
		x->span[i] /= extent;
	}
	if (i == x->n)
		return kx_int(a, 0);
	if (extent % x->span[i])
		x->part[i] = rest_of(a, x, i);
	digit = kx_mod(a, x->part[i], size);
	if (extent % x->span[i] == 0 && i + 1 < x->n)
		digit = kx_add(a, digit, rest_of(a, x, i + 1));
	x->part[i] = kx_div(a, x->part[i], size);
	x->span[i] = 1;
	x->n = i + 1;
	return digit;
}

void flat_axes_near(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const int *axes, int n, struct near at,
	struct kx **env)
{
	int outermost = 0;

	while (outermost < n && o->axes[axes[outermost]].extent == 1)
		env[axes[outermost++]] = kx_int(a, 0);
	for (int i = n - 1; i >= outermost; i--) {
		const struct ir_axis *x = &o->axes[axes[i]];

		env[axes[i]] = ks_let(a, b, x->name, i == outermost ?
			rest_of(a, &at, 0) : take_digit(a, &at, x->extent));
	}
}

void flat_axes(struct arena *a, struct k_block *b, const struct ir_operator *o,
	const int *axes, int n, struct kx *at, struct kx **env)
{
	flat_axes_near(a, b, o, axes, n, near_at(at), env);
}

struct kx *form_inside(struct arena *a, struct kx *v, int64_t size)
{
	return kx_op(a, OP_LT, T_BOOL, 2, kx_cast(a, T_U32, v),
		kx_cast(a, T_U32, kx_int(a, size)));
}

const struct run *flat_moving(const struct flat *f, int pack)
{
	int n = f->n_runs - (pack > 1);

	return n ? &f->runs[n - 1] : NULL;
}

int flat_vector(const struct flat *f, int n_forms, int limit)
{
	const struct run *r = f->n_runs ? &f->runs[f->n_runs - 1] : NULL;
	int v = limit;

	if (!r || r->coef[0] != 1)
		return 1;
	for (int i = 1; i < n_forms; i++)
		if (r->coef[i] != 0)
			return 1;
	while (v > 1 && r->common % v)
		v /= 2;
	return v;
}

int flat_alignment(const struct flat *f, int limit, bool along)
{
	int v = limit;

	for (int r = 0; r < f->n_runs - along; r++)
		while (v > 1 && f->runs[r].coef[0] % v)
			v /= 2;
	return v;
}
