/* SPDX-License-Identifier: MIT */
/* Programs for all sizes. In: one point's programs at several sizes. Out: the
 * first of them with expressions where the others have other constants: host
 * numbers as expressions over the sizes, and in kernels as scalar parameters
 * for what sizes multiply and divide to, and sums of those in place. 32 bits
 * hold every such number: the program's conditions say so. */
#include "kernel/generalise.h"

#include <string.h>

#include "kernel/recast.h"

enum { ELEMENTS_LIMIT = 1 << 30 };

struct constant {
	const struct kx *e;
	bool fixed;
};

/* One kernel's constants and shape, in the order of recast.h. */
struct constants {
	VEC(struct constant) constants;
	const int64_t *shape;
	int n_shape;
};

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

/* ---- what programs have ---- */

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

static void read_kernel(struct arena *a, const struct kernel *k,
	struct constants *out)
{
	struct reading reading = { a, out };
	struct recast r = { .a = a, .constant = remember, .ctx = &reading };

	*out = (struct constants){0};
	recast_kernel(&r, k);
	out->shape = r.shape.v;
	out->n_shape = r.shape.n;
}

static bool same_shape(const struct constants *x, const struct constants *y)
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

/* The same tensors and steps; kernels are compared as they are read. */
static bool same_frame(const struct program *x, const struct program *y)
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
		read_kernel(a, x[i].kernel, &p);
		read_kernel(a, y[i].kernel, &q);
		if (!same_shape(&p, &q))
			return false;
	}
	return true;
}

bool generalise_alike(struct arena *a, const struct program *x,
	const struct program *y)
{
	return same_frame(x, y) &&
		alike(a, x->prepare.v, y->prepare.v, x->prepare.n) &&
		alike(a, x->steps.v, y->steps.v, x->steps.n);
}

/* ---- numbers of the host ---- */

/* The number that is "v" in each program; NULL where it is constant or, with
 * g->why set, where nothing yields it. */
static struct kx *host_number(struct generalising *g, const int64_t *v)
{
	int64_t *kept = ARENA_ARRAY(g->a, (size_t)g->r->n, int64_t);
	struct fitted x;

	memcpy(kept, v, (size_t)g->r->n * sizeof *v);
	if (!fit_find(g->fit, kept, &x)) {
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
	int64_t *v = ARENA_ARRAY(g->a, (size_t)g->r->n, int64_t);
	bool same = true;
	struct fitted x;

	for (int w = 0; w < g->r->n; w++) {
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
	if (!fit_find(g->fit, v, &x))
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
	for (int w = 0; w < g->r->n; w++) {
		double v = (double)x->at[w];

		if (dtype_round(t, over ? 1 / v : v) != nth(g, w)->f)
			return false;
	}
	return true;
}

/* A fraction that differs is a product of sizes, or one over it. */
static struct kx *fraction(struct generalising *g, const struct kx *e)
{
	bool same = true, over = e->f > -1 && e->f < 1;
	struct kx *v;

	for (int w = 0; w < g->r->n; w++)
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
	return cannot(g, e, "a fraction in the kernel");
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
	for (int w = 0; w < g->r->n; w++) {
		read_kernel(g->a, step_of(g->r->programs[w], preparing,
			i)->kernel, &g->seen[w]);
		if (w && !same_shape(&g->seen[0], &g->seen[w])) {
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

/* ---- conditions ---- */

struct limit {
	struct kx *value;
	const char *key, *text;
	int64_t most;
};

struct limits {
	struct generalising *g;
	VEC(struct limit) v;
};

static bool multiplies(const struct kx *e)
{
	for (int i = 0; i < e->n_args; i++)
		if (multiplies(e->args[i]))
			return true;
	return e->kind == KX_OP && e->op == OP_MUL;
}

/* Products within "value" come first, with factors that are within limits
 * already, so that the test itself does not overflow. */
static void add_limit(struct limits *l, struct kx *value, int64_t most,
	const char *text)
{
	struct str key;

	for (int i = 0; i < value->n_args; i++)
		if (multiplies(value->args[i]))
			add_limit(l, value->args[i], INT32_MAX, NULL);
	str_init(&key, l->g->a);
	kx_print(value, &key);
	for (int i = 0; i < l->v.n; i++) {
		struct limit *x = &l->v.v[i];

		if (strcmp(x->key, str_text(&key)))
			continue;
		x->most = x->most < most ? x->most : most;
		x->text = x->text ? x->text : text;
		return;
	}
	vec_push(l->g->a, &l->v, (struct limit){ value, str_text(&key), text,
		most });
}

static void limit_sizes(struct limits *l)
{
	const struct general_request *r = l->g->r;

	for (int i = 0; i < r->n_sizes; i++)
		add_limit(l, kx_var(l->g->a, r->sizes[i].var), INT32_MAX, NULL);
	for (int i = 0; i < r->n_lets; i++)
		add_limit(l, kx_var(l->g->a, r->lets[i].var), INT32_MAX, NULL);
}

/* Offsets stay within 32 bits also where a tile reaches past the end. */
static void limit_elements(struct limits *l)
{
	const struct program *p = l->g->out;

	for (int i = 0; i < p->tensors.n; i++)
		if (p->tensors.v[i].open_elements)
			add_limit(l, p->tensors.v[i].open_elements,
				ELEMENTS_LIMIT, arena_printf(l->g->a,
				"%s has at most 2^30 elements",
				p->tensors.v[i].name));
}

static void limit_atoms(struct limits *l)
{
	struct fit *f = l->g->fit;

	for (int i = 0; i < fit_atoms(f); i++) {
		const struct fit_atom *t = fit_atom(f, i);

		if (t->used)
			add_limit(l, t->value, (INT32_MAX - t->offset) /
				(t->scale ? t->scale : 1), NULL);
	}
}

static void limit_grids(struct limits *l, const struct p_step *s, int n)
{
	for (int i = 0; i < n; i++)
		for (int d = 0; d < 3; d++)
			if (s[i].open_grid[d])
				add_limit(l, s[i].open_grid[d], d ? 65535 :
					INT32_MAX, NULL);
}

/* What 32 bits ask for. */
static void add_limits(struct generalising *g)
{
	struct limits l = { .g = g };
	struct program *p = g->out;

	limit_sizes(&l);
	limit_elements(&l);
	limit_atoms(&l);
	limit_grids(&l, p->prepare.v, p->prepare.n);
	limit_grids(&l, p->steps.v, p->steps.n);
	for (int i = 0; i < l.v.n; i++) {
		struct kx *most = kx_cast(g->a, T_I64, kx_int(g->a,
			l.v.v[i].most));

		vec_push(g->a, &p->conditions, (struct p_condition){
			kx_op(g->a, OP_LE, T_BOOL, 2, l.v.v[i].value, most),
			l.v.v[i].text });
	}
}

/* Every size is at least 1; then limits; then what where says, which may
 * multiply too. */
static void add_conditions(struct generalising *g)
{
	const struct general_request *r = g->r;
	int first = r->n_sizes + r->n_lets;

	g->out->conditions.n = 0;
	for (int i = 0; i < first; i++)
		vec_push(g->a, &g->out->conditions, r->conditions[i]);
	add_limits(g);
	for (int i = first; i < r->n_conditions; i++)
		vec_push(g->a, &g->out->conditions, r->conditions[i]);
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

struct program *generalise(struct arena *a, const struct general_request *r,
	const char **why)
{
	struct generalising g = { .a = a, .r = r,
		.out = ARENA_NEW(a, struct program),
		.seen = ARENA_ARRAY(a, (size_t)r->n, struct constants) };

	for (int w = 1; w < r->n; w++)
		if (!same_frame(r->programs[0], r->programs[w])) {
			*why = "what is launched differs with the sizes";
			return NULL;
		}
	g.fit = fit_create(a, r->symbols, r->n_symbols, r->n);
	begin(&g);
	for (int i = 0; i < g.out->tensors.n && !g.why; i++)
		set_elements(&g, i);
	set_steps(&g, g.out->prepare.v, g.out->prepare.n, true);
	set_steps(&g, g.out->steps.v, g.out->steps.n, false);
	*why = g.why;
	if (g.why)
		return NULL;
	add_conditions(&g);
	program_layout_open(a, g.out);
	return g.out;
}

/* ---- a general program at one shape ---- */

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

static bool same_kernel(struct arena *a, const struct program *p,
	const struct p_step *s, const int64_t *sizes,
	const struct kernel *special)
{
	struct kernel *k = kernel_at(a, p, s, sizes);
	struct constants x, y;

	if (!k)
		return false;
	read_kernel(a, k, &x);
	read_kernel(a, special, &y);
	return same_shape(&x, &y) && same_constants(&x, &y);
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
				return "the grid is another";
		if (x[i].kind == P_LAUNCH && !same_kernel(a, p, &x[i], sizes,
		    y[i].kernel))
			return "the kernel is another";
	}
	return NULL;
}

const char *generalise_differs(struct arena *a, const struct program *general,
	const int64_t *sizes, const struct program *special)
{
	const char *why;

	if (!same_frame(general, special))
		return "what is launched is another";
	for (int i = 0; i < special->tensors.n; i++)
		if (!same_number(general, sizes,
		    general->tensors.v[i].open_elements,
		    general->tensors.v[i].elements,
		    special->tensors.v[i].elements))
			return "a tensor has another size";
	why = steps_differ(a, general, sizes, general->prepare.v,
		special->prepare.v, special->prepare.n);
	return why ? why : steps_differ(a, general, sizes, general->steps.v,
		special->steps.v, special->steps.n);
}
