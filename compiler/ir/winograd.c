/* SPDX-License-Identifier: MIT */
/* Winograd's algorithm as statements of the IR. A window goes in; out go lets
 * that hold what a kernel computes on its way: both operands transformed along
 * one axis and then the other, the products of each point summed over the
 * channels, the sums transformed back. The interpreter's running error analysis
 * of these statements is the bound for such a kernel: for the largest
 * magnitudes it is what the matrices' norms give,
 *
 *	|output|^2 ((|weights|^2 |g|) . (|input|^2 |d|)) gamma(channels + ..)
 *
 * ("Fast Algorithms for Convolutional Neural Networks", Lavin and Gray, 2016;
 * "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
 * Neural Networks", Barabasz, Anderson, Soodhalter and Gregg, 2020, theorem 2),
 * but of the data at hand, and over all elements that a tile reads, of which
 * the ones beside the window cancel. */
#include "ir/winograd.h"

#include <assert.h>

#include "ir/group.h"

static const struct winograd forms[] = {
	{ .m = 2, .points = 4, .scale = 1,
		.input = { { 1, 0, -1, 0 }, { 0, 1, 1, 0 }, { 0, -1, 1, 0 },
			{ 0, 1, 0, -1 } },
		.weights = { { 1, 0, 0 }, { 0.5, 0.5, 0.5 },
			{ 0.5, -0.5, 0.5 }, { 0, 0, 1 } },
		.output = { { 1, 1, 1, 0 }, { 0, 1, -1, -1 } } },
	{ .m = 4, .points = 6, .scale = 1.0 / 9,
		.input = { { 4, 0, -5, 0, 1, 0 }, { 0, -4, -4, 1, 1, 0 },
			{ 0, 4, -4, -1, 1, 0 }, { 0, -2, -1, 2, 1, 0 },
			{ 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 } },
		.weights = { { 0.75, 0, 0 }, { -0.5, -0.5, -0.5 },
			{ -0.5, 0.5, -0.5 }, { 0.125, 0.25, 0.5 },
			{ 0.125, -0.25, 0.5 }, { 0, 0, 3 } },
		.output = { { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 0 },
			{ 0, 1, 1, 4, 4, 0 }, { 0, 1, -1, 8, -8, 1 } } },
};

const struct winograd *winograd_of(int m)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (forms[i].m == m)
			return &forms[i];
	return NULL;
}

struct rewrite {
	struct arena *a;
	struct ir_operator *o;
	const struct ir_window *w;
	const struct winograd *by;
	const char *name;
	VEC(struct ir_stmt) made;
};

/* ---- axes and lets ---- */

/* Axes of a statement under construction, and what is to stand in place of the
 * window's own. */
struct domain {
	int axes[IR_RANK];
	int n;
	struct ir_expr **with;
};

static struct domain domain(struct rewrite *x)
{
	return (struct domain){ .with = ARENA_ARRAY(x->a,
		(size_t)x->o->n_axes, struct ir_expr *) };
}

static struct ir_expr *value(struct rewrite *x, int axis)
{
	return ir_axis_value(x->a, axis);
}

static struct ir_expr *index_int(struct rewrite *x, int64_t v)
{
	return ir_int(x->a, v, T_I64);
}

static int axis(struct rewrite *x, const char *name, int64_t extent,
	bool reduced)
{
	return ir_add_axis(x->a, x->o, (struct ir_axis){ .name = name,
		.extent = extent, .reduced = reduced });
}

static int add(struct rewrite *x, struct domain *d, const char *name,
	int64_t extent)
{
	assert(d->n < IR_RANK);
	return d->axes[d->n++] = axis(x, name, extent, false);
}

/* An axis of the window's statement again, as a new one. */
static int again(struct rewrite *x, struct domain *d, int of, bool reduced)
{
	const struct ir_axis was = x->o->axes[of];
	int id = axis(x, was.name, was.extent, reduced);

	if (!reduced)
		d->axes[d->n++] = id;
	d->with[of] = value(x, id);
	return id;
}

static void all_again(struct rewrite *x, struct domain *d, const int *axes,
	int n)
{
	for (int i = 0; i < n; i++)
		again(x, d, axes[i], false);
}

/* A let over the domain's axes in order, and its statement. */
static int let(struct rewrite *x, const struct domain *d, const char *what,
	struct ir_expr *e)
{
	int64_t dims[IR_RANK];
	int *axes = ARENA_ARRAY(x->a, (size_t)d->n, int);
	int id;

	for (int i = 0; i < d->n; i++) {
		axes[i] = d->axes[i];
		dims[i] = x->o->axes[axes[i]].extent;
	}
	id = ir_add_let(x->a, x->o, arena_printf(x->a, "%s_%s", x->name, what),
		T_F32, dims, d->n);
	vec_push(x->a, &x->made, ((struct ir_stmt){ .tensor = id, .axes = axes,
		.n_axes = d->n, .index = ir_axis_values(x->a, axes, d->n),
		.expr = e, .at = x->w->c.stmt->at }));
	return id;
}

/* Indices under construction. */
struct place {
	struct ir_expr *v[IR_RANK];
	int n;
};

static void put(struct place *p, struct ir_expr *e)
{
	p->v[p->n++] = e;
}

static void put_all(struct place *p, const struct domain *d, const int *axes,
	int n)
{
	for (int i = 0; i < n; i++)
		put(p, d->with[axes[i]]);
}

static struct ir_expr *read(struct rewrite *x, int tensor, struct place *p)
{
	assert(p->n == x->o->tensors[tensor].rank);
	return ir_read_tensor(x->a, &x->o->tensors[tensor], p->v);
}

static struct ir_expr *sum(struct rewrite *x, const int *axes, int n,
	struct ir_expr *l, struct ir_expr *r)
{
	struct ir_expr *e = ARENA_NEW(x->a, struct ir_expr);

	e->kind = IR_REDUCE;
	e->reducer = RED_SUM;
	e->type = T_F32;
	e->red = ARENA_ARRAY(x->a, (size_t)n, int);
	for (int i = 0; i < n; i++)
		e->red[i] = axes[i];
	e->n_red = n;
	e->n_args = 1;
	e->args = ARENA_ARRAY(x->a, 1, struct ir_expr *);
	e->args[0] = ir_apply(x->a, OP_MUL, T_F32, 2, l, r);
	return e;
}

/* ---- the matrices ---- */

/* row[i] at i = "axis". */
static struct ir_expr *pick(struct rewrite *x, int axis, int n,
	struct ir_expr **row)
{
	struct ir_expr *e = row[n - 1];

	for (int i = n - 2; i >= 0; i--)
		e = ir_apply(x->a, OP_SELECT, T_F32, 3, ir_apply(x->a, OP_EQ,
			T_BOOL, 2, value(x, axis), index_int(x, i)), row[i], e);
	return e;
}

/* A let that holds the numbers v[rows][cols], whose rows are "pitch" apart. */
static int matrix(struct rewrite *x, const char *name, const double *v,
	int rows, int cols, int pitch)
{
	struct ir_expr *outer[WINOGRAD_MOST], *inner[WINOGRAD_MOST];
	struct domain d = domain(x);
	int i = add(x, &d, "i", rows), j = add(x, &d, "j", cols);

	for (int r = 0; r < rows; r++) {
		for (int c = 0; c < cols; c++)
			inner[c] = ir_float(x->a, v[r * pitch + c], T_F32);
		outer[r] = pick(x, j, cols, inner);
	}
	return let(x, &d, name, pick(x, i, rows, outer));
}

static struct ir_expr *number(struct rewrite *x, int matrix, struct ir_expr *i,
	struct ir_expr *j)
{
	struct place p = { .n = 0 };

	put(&p, i);
	put(&p, j);
	return read(x, matrix, &p);
}

/* ---- the steps ---- */

static struct ir_expr *plus(struct rewrite *x, struct ir_expr *l,
	struct ir_expr *r)
{
	return ir_apply(x->a, OP_ADD, T_I64, 2, l, r);
}

/* Tile "tile" of m along an axis begins at m * tile. */
static struct ir_expr *in_tile(struct rewrite *x, struct ir_expr *tile,
	struct ir_expr *i)
{
	return plus(x, ir_apply(x->a, OP_MUL, T_I64, 2, tile,
		index_int(x, x->by->m)), i);
}

static int64_t tiles(const struct rewrite *x, int i)
{
	return (x->o->axes[x->w->along[i]].extent + x->by->m - 1) / x->by->m;
}

static struct ir_expr *factor(struct rewrite *x, const struct ir_expr *of,
	const struct domain *d)
{
	struct ir_expr *e = ir_substitute(x->a, of, d->with);

	return e->type == T_F32 ? e : ir_cast(x->a, T_F32, e);
}

/* [point, filters.., channels.., s] and then [point, point, filters..,
 * channels..]. */
static int transform_weights(struct rewrite *x)
{
	const struct ir_window *w = x->w;
	int g = matrix(x, "taps", x->by->weights[0], x->by->points,
		WINOGRAD_TAPS, WINOGRAD_TAPS), rows, r, b;
	struct domain d = domain(x);
	struct place p = { .n = 0 };
	int a = add(x, &d, "a", x->by->points);

	all_again(x, &d, w->filters, w->n_filters);
	all_again(x, &d, w->channels, w->n_channels);
	again(x, &d, w->taps[1], false);
	r = again(x, &d, w->taps[0], true);
	rows = let(x, &d, "weight_rows", sum(x, &r, 1, number(x, g, value(x, a),
		value(x, r)), factor(x, w->weights, &d)));

	d = domain(x);
	a = add(x, &d, "a", x->by->points);
	b = add(x, &d, "b", x->by->points);
	all_again(x, &d, w->filters, w->n_filters);
	all_again(x, &d, w->channels, w->n_channels);
	r = again(x, &d, w->taps[1], true);
	put(&p, value(x, a));
	put_all(&p, &d, w->filters, w->n_filters);
	put_all(&p, &d, w->channels, w->n_channels);
	put(&p, value(x, r));
	return let(x, &d, "weights", sum(x, &r, 1, number(x, g, value(x, b),
		value(x, r)), read(x, rows, &p)));
}

/* The image's read with 0 around it: tiles go past its edges. */
static struct ir_expr *padded(struct rewrite *x, const struct domain *d)
{
	struct ir_expr *e = ARENA_NEW(x->a, struct ir_expr);

	*e = *x->w->image;
	e->pad = IR_PAD_VALUE;
	e->f = 0;
	return factor(x, e, d);
}

/* [point, outer.., channels.., tile, column] and then [point, point, outer..,
 * channels.., tile, tile]. */
static int transform_image(struct rewrite *x)
{
	const struct ir_window *w = x->w;
	int m = matrix(x, "window", x->by->input[0], x->by->points,
		x->by->points, WINOGRAD_MOST), rows, i, b, v, tile;
	struct domain d = domain(x);
	struct place p = { .n = 0 };
	int a = add(x, &d, "a", x->by->points);

	all_again(x, &d, w->outer, w->n_outer);
	all_again(x, &d, w->channels, w->n_channels);
	tile = add(x, &d, "tp", tiles(x, 0));
	v = add(x, &d, "v", tiles(x, 1) * x->by->m + WINOGRAD_TAPS - 1);
	i = axis(x, "i", x->by->points, true);
	d.with[w->along[0]] = in_tile(x, value(x, tile), value(x, i));
	d.with[w->along[1]] = value(x, v);
	d.with[w->taps[0]] = d.with[w->taps[1]] = index_int(x, 0);
	rows = let(x, &d, "image_rows", sum(x, &i, 1, number(x, m, value(x, a),
		value(x, i)), padded(x, &d)));

	d = domain(x);
	a = add(x, &d, "a", x->by->points);
	b = add(x, &d, "b", x->by->points);
	all_again(x, &d, w->outer, w->n_outer);
	all_again(x, &d, w->channels, w->n_channels);
	tile = add(x, &d, "tp", tiles(x, 0));
	v = add(x, &d, "tq", tiles(x, 1));
	i = axis(x, "j", x->by->points, true);
	put(&p, value(x, a));
	put_all(&p, &d, w->outer, w->n_outer);
	put_all(&p, &d, w->channels, w->n_channels);
	put(&p, value(x, tile));
	put(&p, in_tile(x, value(x, v), value(x, i)));
	return let(x, &d, "image", sum(x, &i, 1, number(x, m, value(x, b),
		value(x, i)), read(x, rows, &p)));
}

/* [point, point, outer.., filters.., tile, tile]. */
static int multiply(struct rewrite *x, int weights, int image)
{
	const struct ir_window *w = x->w;
	int *channels = ARENA_ARRAY(x->a, (size_t)w->n_channels + 1, int);
	int n = w->n_channels;
	struct domain d = domain(x);
	struct place l = { .n = 0 }, r = { .n = 0 };
	int a = add(x, &d, "a", x->by->points);
	int b = add(x, &d, "b", x->by->points), tp, tq;

	all_again(x, &d, w->outer, w->n_outer);
	all_again(x, &d, w->filters, w->n_filters);
	tp = add(x, &d, "tp", tiles(x, 0));
	tq = add(x, &d, "tq", tiles(x, 1));
	for (int i = 0; i < n; i++)
		channels[i] = again(x, &d, w->channels[i], true);
	if (!n)
		channels[n++] = axis(x, "one", 1, true);
	put(&l, value(x, a));
	put(&l, value(x, b));
	r = l;
	put_all(&l, &d, w->filters, w->n_filters);
	put_all(&l, &d, w->channels, w->n_channels);
	put_all(&r, &d, w->outer, w->n_outer);
	put_all(&r, &d, w->channels, w->n_channels);
	put(&r, value(x, tp));
	put(&r, value(x, tq));
	return let(x, &d, "products", sum(x, channels, n, read(x, image, &r),
		read(x, weights, &l)));
}

static struct ir_expr *by_m(struct rewrite *x, enum op op, int axis)
{
	return ir_apply(x->a, op, T_I64, 2, value(x, axis),
		index_int(x, x->by->m));
}

/* [p, point, outer.., filters.., tile]; the statement itself then sums over
 * the other point. */
static struct ir_expr *transform_back(struct rewrite *x, int products)
{
	const struct ir_window *w = x->w;
	int m = matrix(x, "results", x->by->output[0], x->by->m, x->by->points,
		WINOGRAD_MOST), rows, a, b, p, tq;
	struct domain d = domain(x);
	struct place at = { .n = 0 }, from = { .n = 0 };
	struct ir_expr *e;

	p = add(x, &d, "p", x->o->axes[w->along[0]].extent);
	b = add(x, &d, "b", x->by->points);
	all_again(x, &d, w->outer, w->n_outer);
	all_again(x, &d, w->filters, w->n_filters);
	tq = add(x, &d, "tq", tiles(x, 1));
	a = axis(x, "a", x->by->points, true);
	put(&at, value(x, a));
	put(&at, value(x, b));
	put_all(&at, &d, w->outer, w->n_outer);
	put_all(&at, &d, w->filters, w->n_filters);
	put(&at, by_m(x, OP_DIV, p));
	put(&at, value(x, tq));
	rows = let(x, &d, "result_rows", sum(x, &a, 1, number(x, m,
		by_m(x, OP_MOD, p), value(x, a)), read(x, products, &at)));

	b = axis(x, "b", x->by->points, true);
	put(&from, value(x, w->along[0]));
	put(&from, value(x, b));
	for (int i = 0; i < w->n_outer; i++)
		put(&from, value(x, w->outer[i]));
	for (int i = 0; i < w->n_filters; i++)
		put(&from, value(x, w->filters[i]));
	put(&from, by_m(x, OP_DIV, w->along[1]));
	e = sum(x, &b, 1, number(x, m, by_m(x, OP_MOD, w->along[1]),
		value(x, b)), read(x, rows, &from));
	if (x->by->scale == 1)
		return e;
	return ir_apply(x->a, OP_MUL, T_F32, 2, e,
		ir_float(x->a, x->by->scale, T_F32));
}

/* The lets stand before the statement that reads them. */
static void insert(struct rewrite *x, int at)
{
	struct ir_operator *o = x->o;
	int n = x->made.n;
	struct ir_stmt *v = ARENA_ARRAY(x->a, (size_t)(o->n_stmts + n),
		struct ir_stmt);

	for (int i = 0; i < o->n_stmts; i++)
		v[i < at ? i : i + n] = o->stmts[i];
	for (int i = 0; i < n; i++)
		v[at + i] = x->made.v[i];
	o->stmts = v;
	o->n_stmts += n;
	for (int i = 0; i < o->n_stmts; i++)
		group_own_axes(o, &o->stmts[i], i);
}

void ir_winograd(struct arena *a, struct ir_operator *o,
	const struct ir_window *w, const struct winograd *by)
{
	int at = group_writer(o, w->c.stmt->tensor);
	struct rewrite x = { .a = a, .o = o, .w = w, .by = by,
		.name = o->tensors[w->c.stmt->tensor].name };
	int weights = transform_weights(&x);
	int products = multiply(&x, weights, transform_image(&x));

	o->stmts[at].expr = transform_back(&x, products);
	insert(&x, at);
}
