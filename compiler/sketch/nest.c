/* SPDX-License-Identifier: MIT */
/* Nests of axes as flat positions. Axes join into runs where every address
 * steps through both as through one, so that decoding a position costs no
 * division where the data is one contiguous block and few elsewhere. */
#include "sketch/walk.h"

bool nest_make(const struct ir_operator *o, const int *axes, int n,
	struct nest *out)
{
	*out = (struct nest){ .total = 1 };
	for (int i = 0; i < n; i++) {
		const struct ir_axis *x = &o->axes[axes[i]];

		if (x->extent == 1)
			continue;
		if (out->n == NEST_AXES)
			return false;
		out->name[out->n] = x->name;
		out->extent[out->n++] = x->extent;
		out->total *= x->extent;
	}
	return true;
}

static bool joins(const struct nest *x, int i, const struct form *const *forms,
	int n, bool inner)
{
	if (x->spelled[i] || x->spelled[i + 1])
		return false;
	for (int f = 0; f < n; f++) {
		const int64_t *c = inner ? forms[f]->in : forms[f]->row;

		if (c[i] != c[i + 1] * x->extent[i + 1])
			return false;
	}
	return true;
}

void nest_join(struct nest *x, const struct form *const *forms, int n,
	bool inner)
{
	x->n_runs = 0;
	for (int i = 0; i < x->n; i++) {
		if (i && joins(x, i - 1, forms, n, inner)) {
			x->run[x->n_runs - 1] *= x->extent[i];
			continue;
		}
		x->first[x->n_runs] = i;
		x->run[x->n_runs++] = x->extent[i];
	}
	x->first[x->n_runs] = x->n;
}

void nest_decode(struct arena *a, struct k_block *b, const struct nest *x,
	struct kx *at, struct kx **runs)
{
	for (int r = x->n_runs - 1; r > 0; r--) {
		struct kx *extent = kx_cast(a, at->type, kx_int(a, x->run[r]));
		const char *name = x->name[x->first[r + 1] - 1];

		at = ks_let(a, b, "at", at);
		runs[r] = ks_let(a, b, name, kx_mod(a, at, extent));
		at = kx_div(a, at, extent);
	}
	if (x->n_runs)
		runs[0] = ks_let(a, b, x->name[x->first[1] - 1], at);
}

struct kx *nest_sum(struct arena *a, const struct nest *x,
	const int64_t *coef, struct kx *const *runs, bool wide)
{
	enum dtype type = wide ? T_I64 : T_I32;
	struct kx *sum = kx_int(a, 0);

	for (int r = 0; r < x->n_runs; r++) {
		int64_t c = coef[x->first[r + 1] - 1];

		if (c)
			sum = kx_add(a, sum, kx_mul(a,
				kx_cast(a, type, runs[r]), kx_int(a, c)));
	}
	return sum;
}
