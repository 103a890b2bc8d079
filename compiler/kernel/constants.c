/* SPDX-License-Identifier: MIT */
/* What programs are made of, for comparing them: the constants of a kernel, in
 * the order in which recasting meets them, and the shape of all the rest. */
#include "kernel/constants.h"

#include <string.h>

#include "kernel/generalise.h"
#include "kernel/recast.h"

struct reading {
	struct arena *a;
	struct constants *c;
};

static struct kx *remember(void *ctx, const struct kx *e, bool fixed)
{
	struct reading *r = ctx;

	vec_push(r->a, &r->c->constants, (struct constant){ e, fixed });
	return (struct kx *)e;
}

void constants_read(struct arena *a, const struct kernel *k,
	struct constants *out)
{
	struct reading reading = { a, out };
	struct recast r = { .a = a, .constant = remember, .ctx = &reading };

	*out = (struct constants){0};
	recast_kernel(&r, k);
	out->shape = r.shape.v;
	out->n_shape = r.shape.n;
}

bool constants_alike(const struct constants *x, const struct constants *y)
{
	return x->n_shape == y->n_shape &&
		x->constants.n == y->constants.n &&
		!memcmp(x->shape, y->shape,
			(size_t)x->n_shape * sizeof *x->shape);
}

static bool same_tensor(const struct p_tensor *x, const struct p_tensor *y)
{
	return x->role == y->role && x->type == y->type &&
		x->align == y->align && !strcmp(x->name, y->name);
}

static bool same_step(const struct p_step *x, const struct p_step *y)
{
	return x->kind == y->kind && x->n_args == y->n_args &&
		x->tensor == y->tensor &&
		!memcmp(x->args ? x->args : &x->n_args, y->args ? y->args :
			&y->n_args, (size_t)x->n_args * sizeof *x->args);
}

bool program_alike(const struct program *x, const struct program *y)
{
	if (x->tensors.n != y->tensors.n || x->steps.n != y->steps.n ||
	    x->prepare.n != y->prepare.n)
		return false;
	for (int i = 0; i < x->tensors.n; i++)
		if (!same_tensor(&x->tensors.v[i], &y->tensors.v[i]))
			return false;
	for (int i = 0; i < x->steps.n; i++)
		if (!same_step(&x->steps.v[i], &y->steps.v[i]))
			return false;
	for (int i = 0; i < x->prepare.n; i++)
		if (!same_step(&x->prepare.v[i], &y->prepare.v[i]))
			return false;
	return true;
}

static bool alike(struct arena *a, const struct p_step *x,
	const struct p_step *y, int n)
{
	for (int i = 0; i < n; i++) {
		struct constants p, q;

		if (x[i].kind != P_LAUNCH)
			continue;
		constants_read(a, x[i].kernel, &p);
		constants_read(a, y[i].kernel, &q);
		if (!constants_alike(&p, &q))
			return false;
	}
	return true;
}

bool generalise_alike(struct arena *a, const struct program *x,
	const struct program *y)
{
	return program_alike(x, y) &&
		alike(a, x->prepare.v, y->prepare.v, x->prepare.n) &&
		alike(a, x->steps.v, y->steps.v, x->steps.n);
}
