/* SPDX-License-Identifier: MIT */
/* A general program at one choice of its sizes: its numbers put in and folded,
 * as if it had been made there. */
#include "kernel/generalise.h"

#include "kernel/constants.h"
#include "kernel/narrow.h"
#include "kernel/recast.h"

static struct kx *as_it_is(void *ctx, const struct kx *e, bool fixed)
{
	(void)ctx;
	(void)fixed;
	return (struct kx *)e;
}

/* The kernel with its scalars' values put in. */
static struct kernel *kernel_at(struct arena *a, const struct program *p,
	const struct p_step *s, const int64_t *sizes)
{
	struct recast r = { .a = a, .fold = true, .constant = as_it_is };
	struct kernel *k;

	for (int i = 0; i < s->n_scalars; i++) {
		struct k_var *v = s->kernel->scalars.v[i];
		int64_t x;

		if (!program_number(p, sizes, s->open_scalars[i], 0, &x))
			return NULL;
		vec_push(a, &r.vars, (struct recast_var){ v,
			kx_cast(a, v->type, kx_int(a, x)) });
	}
	k = recast_kernel(&r, s->kernel);
	k->scalars.n = 0;
	kernel_prune(a, k);
	return k;
}

static bool same_constants(const struct constants *x, const struct constants *y)
{
	for (int i = 0; i < x->constants.n; i++)
		if (x->constants.v[i].e->i != y->constants.v[i].e->i ||
		    x->constants.v[i].e->f != y->constants.v[i].e->f)
			return false;
	return true;
}

static bool equal(struct arena *a, const struct kernel *k,
	const struct kernel *special)
{
	struct constants x, y;

	constants_read(a, k, &x);
	constants_read(a, special, &y);
	return constants_alike(&x, &y) && same_constants(&x, &y);
}

/* The kernel without what its launch shows to be idle: guards that always hold,
 * loops without a turn. */
static struct kernel *narrowed(struct arena *a, const struct kernel *k,
	const struct p_step *special)
{
	struct launch l = { .threads = k->threads };
	struct recast r = { .a = a, .fold = true, .constant = as_it_is,
		.launch = &l };
	struct kernel *x;

	for (int d = 0; d < 3; d++)
		l.grid[d] = special->grid[d];
	x = recast_kernel(&r, k);
	kernel_prune(a, x);
	return x;
}

static bool same_kernel(struct arena *a, const struct program *p,
	const struct p_step *s, const int64_t *sizes,
	const struct p_step *special)
{
	struct kernel *k = kernel_at(a, p, s, sizes);

	return k && (equal(a, k, special->kernel) || equal(a,
		narrowed(a, k, special), narrowed(a, special->kernel,
		special)));
}

static bool same_number(const struct program *p, const int64_t *sizes,
	const struct kx *open, int64_t fixed, int64_t special)
{
	int64_t v;

	return program_number(p, sizes, open, fixed, &v) && v == special;
}

static const char *steps_differ(struct arena *a, const struct program *p,
	const int64_t *sizes, const struct p_step *x, const struct p_step *y,
	int n)
{
	for (int i = 0; i < n; i++) {
		for (int d = 0; d < 3; d++)
			if (!same_number(p, sizes, x[i].open_grid[d],
			    x[i].grid[d], y[i].grid[d]))
				return "it would have another grid";
		if (x[i].kind == P_LAUNCH && !same_kernel(a, p, &x[i], sizes,
		    &y[i]))
			return "it would be another";
	}
	return NULL;
}

const char *generalise_differs(struct arena *a, const struct program *general,
	const int64_t *sizes, const struct program *special)
{
	const char *why;

	if (!program_alike(general, special))
		return "other kernels would be launched";
	for (int i = 0; i < special->tensors.n; i++)
		if (!same_number(general, sizes,
		    general->tensors.v[i].open_elements,
		    general->tensors.v[i].elements,
		    special->tensors.v[i].elements))
			return "its workspace would have another size";
	why = steps_differ(a, general, sizes, general->prepare.v,
		special->prepare.v, special->prepare.n);
	return why ? why : steps_differ(a, general, sizes, general->steps.v,
		special->steps.v, special->steps.n);
}
