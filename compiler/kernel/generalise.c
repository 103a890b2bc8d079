/* SPDX-License-Identifier: MIT */
/* Programs for all sizes. In: one point's programs at several sizes. Out: the
 * first of them with expressions where the others have other constants: host
 * numbers as expressions over the sizes, and in kernels as scalar parameters
 * for what sizes multiply and divide to, and sums of those in place. */
#include "kernel/generalise.h"

#include <string.h>

#include "kernel/constants.h"
#include "kernel/limits.h"
#include "kernel/recast.h"

struct generalising {
	struct arena *a;
	const struct general_request *r;
	struct fit *fit;
	struct program *out;
	const char *why;
	/* the kernel under way */
	struct kernel *kernel;
	struct p_step *step;
	struct constants *seen;		/* of each program */
	int next;
	VEC(int) scalars;		/* atoms, by kernel scalar */
};

static struct program *fail(struct generalising *g, const char *why)
{
	if (!g->why)
		g->why = why;
	return NULL;
}

/* ---- numbers of the host ---- */

/* The number that is "v" in each program; NULL where it is constant or, with
 * g->why set, where nothing yields it. */
static struct kx *host_number(struct generalising *g, const int64_t *v)
{
	int64_t *kept = ARENA_ARRAY(g->a, (size_t)g->r->n, int64_t);
	struct fitted x;

	memcpy(kept, v, (size_t)g->r->n * sizeof *v);
	if (!fit_find(g->fit, kept, g->r->n, &x)) {
		fail(g, arena_printf(g->a, "no expression over the sizes gives "
			"a number of the launch, %lld where it was looked at",
			(long long)v[0]));
		return NULL;
	}
	return x.n ? fit_value(g->fit, &x) : NULL;
}

static const struct p_step *step_of(const struct program *p, bool preparing,
	int i)
{
	return preparing ? &p->prepare.v[i] : &p->steps.v[i];
}

static void set_elements(struct generalising *g, int i)
{
	int64_t v[g->r->n];

	for (int w = 0; w < g->r->n; w++)
		v[w] = g->r->programs[w]->tensors.v[i].elements;
	g->out->tensors.v[i].open_elements = host_number(g, v);
}

/* "which" of tensor "i"'s numbers: its dims, and then of each physical dimension
 * the extent and the stride. */
static int64_t extent_number(const struct p_extents *x, int which)
{
	const struct p_phys *p = &x->phys[(which - x->rank) / 2];

	return which < x->rank ? x->dims[which] : (which - x->rank) % 2 ?
		p->stride : p->extent;
}

static void put_extent(struct p_extents *x, int which, struct kx *open)
{
	struct p_phys *p = &x->phys[(which - x->rank) / 2];

	if (which < x->rank)
		x->open_dims[which] = open;
	else if ((which - x->rank) % 2)
		p->open_stride = open;
	else
		p->open_extent = open;
}

/* Only manifests want to know: that nothing gives them is no failure. */
static void set_extents(struct generalising *g, struct p_tensor *t, int i)
{
	struct p_extents *x = ARENA_NEW(g->a, struct p_extents);
	int64_t v[g->r->n];
	const char *was = g->why;

	if (!t->extents)
		return;
	*x = *t->extents;
	x->open_dims = ARENA_ARRAY(g->a, (size_t)x->rank + 1, struct kx *);
	x->phys = ARENA_ARRAY(g->a, (size_t)x->n_phys + 1, struct p_phys);
	memcpy(x->phys, t->extents->phys, (size_t)x->n_phys *
		sizeof *x->phys);
	for (int k = 0; k < x->rank + 2 * x->n_phys; k++) {
		for (int w = 0; w < g->r->n; w++)
			v[w] = extent_number(
				g->r->programs[w]->tensors.v[i].extents, k);
		put_extent(x, k, host_number(g, v));
	}
	t->extents = g->why == was ? x : NULL;
	g->why = was;
}

static void set_grid(struct generalising *g, struct p_step *s, bool preparing,
	int i)
{
	int64_t v[g->r->n];

	for (int d = 0; d < 3; d++) {
		for (int w = 0; w < g->r->n; w++)
			v[w] = step_of(g->r->programs[w], preparing,
				i)->grid[d];
		s->open_grid[d] = host_number(g, v);
	}
}

/* ---- numbers of a kernel ---- */

static struct kx *scalar_of(struct generalising *g, int atom)
{
	struct kernel *k = g->kernel;

	for (int i = 0; i < g->scalars.n; i++)
		if (g->scalars.v[i] == atom)
			return kx_var(g->a, k->scalars.v[i]);
	vec_push(g->a, &g->scalars, atom);
	return kx_var(g->a, kernel_scalar(k, fit_atom(g->fit, atom)->name,
		T_I32));
}

static struct kx *kernel_number(struct generalising *g, const struct fitted *x,
	enum dtype t)
{
	struct kx *sum = kx_cast(g->a, t, kx_int(g->a, x->offset));
	int first = x->n == 2 && x->coef[0] < 0;

	for (int i = 0; i < x->n; i++) {
		int at = i ^ first;
		int64_t c = x->coef[at];
		struct kx *v = kx_mul(g->a, kx_cast(g->a, t,
			scalar_of(g, x->atom[at])), kx_cast(g->a, t,
			kx_int(g->a, c < 0 ? -c : c)));

		sum = c < 0 ? kx_sub(g->a, sum, v) : kx_add(g->a, sum, v);
	}
	return sum;
}

static struct kx *cannot(struct generalising *g, const struct kx *e,
	const char *what)
{
	fail(g, arena_printf(g->a, "%s differs with the sizes", what));
	return (struct kx *)e;
}

static const struct kx *nth(const struct generalising *g, int w)
{
	return g->seen[w].constants.v[g->next].e;
}

static struct kx *whole_number(struct generalising *g, const struct kx *e,
	bool fixed)
{
	int64_t *v = ARENA_ARRAY(g->a, (size_t)g->r->n_alike, int64_t);
	bool same = true;
	struct fitted x;

	for (int w = 0; w < g->r->n_alike; w++) {
		v[w] = nth(g, w)->i;
		same &= v[w] == e->i;
	}
	if (same)
		return (struct kx *)e;
	if (fixed)
		return cannot(g, e, "how often a loop is unrolled, or which "
			"register is meant,");
	if (e->type != T_I32 && e->type != T_I64 && e->type != T_U32)
		return cannot(g, e, "which elements exist");
	if (!fit_find(g->fit, v, g->r->n_alike, &x))
		return cannot(g, e, arena_printf(g->a, "a number of the kernel "
			"(%lld, %lld, ...), in a way that no expression over "
			"them gives,", (long long)v[0], (long long)v[1]));
	return e->type == T_U32 ? kx_cast(g->a, T_U32,
		kernel_number(g, &x, T_I32)) : kernel_number(g, &x, e->type);
}

/* Is the fraction this atom, rounded, or one over it? */
static bool is_fraction(const struct generalising *g, enum dtype t,
	const struct fit_atom *x, bool over)
{
	for (int w = 0; w < g->r->n_alike; w++) {
		double v = (double)x->at[w];

		if (dtype_round(t, over ? 1 / v : v) != nth(g, w)->f)
			return false;
	}
	return true;
}

/* The whole numbers that a fraction is, or one over which it is. */
static bool whole_numbers(const struct generalising *g, enum dtype t, bool over,
	int64_t *v)
{
	for (int w = 0; w < g->r->n_alike; w++) {
		double f = nth(g, w)->f, x = over ? 1 / f : f;

		if (!(x >= 1 && x < INT32_MAX))
			return false;
		v[w] = (int64_t)(x + 0.5);
		if (dtype_round(t, over ? 1 / (double)v[w] :
		    (double)v[w]) != f)
			return false;
	}
	return true;
}

/* Such as N - 1. */
static struct kx *whole_fraction(struct generalising *g, const struct kx *e,
	bool over)
{
	int64_t *v = ARENA_ARRAY(g->a, (size_t)g->r->n_alike, int64_t);
	struct fitted x;
	struct kx *n;

	if (!whole_numbers(g, e->type, over, v) ||
	    !fit_find(g->fit, v, g->r->n_alike, &x))
		return NULL;
	n = kx_cast(g->a, e->type, kernel_number(g, &x, T_I32));
	return over ? kx_op(g->a, OP_DIV, e->type, 2, kx_float(g->a, 1,
		e->type), n) : n;
}

/* A fraction that differs is a whole number over the sizes, or one over it: a
 * product of them, which may be known by its roundings alone, or another. */
static struct kx *fraction(struct generalising *g, const struct kx *e)
{
	bool same = true, over = e->f > -1 && e->f < 1;
	struct kx *v;

	for (int w = 0; w < g->r->n_alike; w++)
		same &= nth(g, w)->f == e->f;
	if (same)
		return (struct kx *)e;
	for (int i = 0; i < fit_atoms(g->fit); i++) {
		if (!is_fraction(g, e->type, fit_atom(g->fit, i), over))
			continue;
		fit_atom(g->fit, i)->used = true;
		v = kx_cast(g->a, e->type, scalar_of(g, i));
		return over ? kx_op(g->a, OP_DIV, e->type, 2, kx_float(g->a, 1,
			e->type), v) : v;
	}
	v = whole_fraction(g, e, over);
	return v ? v : cannot(g, e, "a fraction in the kernel");
}

static struct kx *generalised(void *ctx, const struct kx *e, bool fixed)
{
	struct generalising *g = ctx;
	struct kx *x = e->kind == KX_FLOAT ? fraction(g, e) :
		whole_number(g, e, fixed);

	g->next++;
	return x;
}

/* ---- kernels ---- */

static bool read_all(struct generalising *g, bool preparing, int i)
{
	for (int w = 0; w < g->r->n_alike; w++) {
		constants_read(g->a, step_of(g->r->programs[w], preparing,
			i)->kernel, &g->seen[w]);
		if (w && !constants_alike(&g->seen[0], &g->seen[w])) {
			fail(g, "the kernel's structure differs with the "
				"sizes");
			return false;
		}
	}
	return true;
}

static void set_scalars(struct generalising *g, struct p_step *s)
{
	int n = g->scalars.n;

	s->n_scalars = n;
	s->scalar_args = ARENA_ARRAY(g->a, (size_t)n + 1, int64_t);
	s->open_scalars = ARENA_ARRAY(g->a, (size_t)n + 1, struct kx *);
	for (int i = 0; i < n; i++) {
		const struct fit_atom *t = fit_atom(g->fit, g->scalars.v[i]);

		s->scalar_args[i] = t->at[0];
		s->open_scalars[i] = t->value;
	}
}

static void set_kernel(struct generalising *g, struct p_step *s,
	bool preparing, int i)
{
	struct recast r = { .a = g->a, .constant = generalised, .ctx = g };

	if (!read_all(g, preparing, i))
		return;
	if (s->n_scalars) {
		fail(g, "its launch has numbers of its own");
		return;
	}
	g->next = 0;
	g->scalars.n = 0;
	g->kernel = ARENA_NEW(g->a, struct kernel);
	*g->kernel = *s->kernel;
	memset(&g->kernel->scalars, 0, sizeof g->kernel->scalars);
	s->kernel = recast_kernel(&r, s->kernel);
	s->kernel->scalars = g->kernel->scalars;
	s->tiling = (struct p_tiling){0};
	set_scalars(g, s);
}

static void set_steps(struct generalising *g, struct p_step *s, int n,
	bool preparing)
{
	for (int i = 0; i < n && !g->why; i++) {
		if (s[i].kind == P_LIBRARY)
			fail(g, "it calls a library");
		if (s[i].kind != P_LAUNCH || g->why)
			continue;
		set_grid(g, &s[i], preparing, i);
		if (!g->why)
			set_kernel(g, &s[i], preparing, i);
	}
}

/* ---- the whole ---- */

static void begin(struct generalising *g)
{
	const struct general_request *r = g->r;
	struct program *p = g->out;

	*p = *r->programs[0];
	p->general = true;
	memset(&p->tensors, 0, sizeof p->tensors);
	memset(&p->steps, 0, sizeof p->steps);
	memset(&p->prepare, 0, sizeof p->prepare);
	for (int i = 0; i < r->programs[0]->tensors.n; i++)
		vec_push(g->a, &p->tensors, r->programs[0]->tensors.v[i]);
	for (int i = 0; i < r->programs[0]->steps.n; i++)
		vec_push(g->a, &p->steps, r->programs[0]->steps.v[i]);
	for (int i = 0; i < r->programs[0]->prepare.n; i++)
		vec_push(g->a, &p->prepare, r->programs[0]->prepare.v[i]);
	for (int i = 0; i < r->n_sizes; i++)
		vec_push(g->a, &p->sizes, r->sizes[i]);
	for (int i = 0; i < r->n_lets; i++)
		vec_push(g->a, &p->lets, r->lets[i]);
}

static void set_all(struct generalising *g)
{
	struct program *p = g->out;

	g->why = NULL;
	begin(g);
	for (int i = 0; i < p->tensors.n && !g->why; i++) {
		set_elements(g, i);
		set_extents(g, &p->tensors.v[i], i);
	}
	set_steps(g, p->prepare.v, p->prepare.n, true);
	set_steps(g, p->steps.v, p->steps.n, false);
}

static bool has_maps(const struct program *p)
{
	for (int i = 0; i < p->steps.n + p->prepare.n; i++) {
		const struct p_step *s = i < p->steps.n ? &p->steps.v[i] :
			&p->prepare.v[i - p->steps.n];

		if (s->kind == P_LAUNCH && s->kernel->maps.n)
			return true;
	}
	return false;
}

struct program *generalise(struct arena *a, const struct general_request *r,
	const char **why)
{
	struct generalising g = { .a = a, .r = r,
		.out = ARENA_NEW(a, struct program),
		.seen = ARENA_ARRAY(a, (size_t)r->n, struct constants) };

	if (has_maps(r->programs[0])) {
		*why = "its tensor maps are made for one shape";
		return NULL;
	}
	for (int w = 1; w < r->n; w++)
		if (!program_alike(r->programs[0], r->programs[w])) {
			*why = "what is launched differs with the sizes";
			return NULL;
		}
	g.fit = fit_create(a, r->symbols, r->n_symbols, r->n);
	set_all(&g);
	if (g.why) {
		fit_multiples(g.fit);
		set_all(&g);
	}
	*why = g.why;
	if (g.why)
		return NULL;
	limits_add(a, r, g.fit, g.out);
	program_layout_open(a, g.out);
	return g.out;
}
