/* SPDX-License-Identifier: MIT */
/* The winograd sketch: 3 x 3 windows by Winograd's minimal filtering, F(2 x 2)
 * with 16 and F(4 x 4) with 36 multiplications for 4 and 16 results instead of
 * 36 and 144. Four steps: the weights transformed (once, where they never
 * change), tiles of the image transformed, for each point of a tile a product
 * of matrices over the channels, which fma computes, and the tiles of results
 * transformed back, with the maps that follow.
 *
 * Its results are not those of a sum in any order: differences of elements that
 * cancel exactly there cancel here up to their rounding. So it serves only who
 * asks for it, and is held to a bound of its own (winograd_arithmetic()). */
#include "sketch/winograd.h"

#include <string.h>

extern const struct sketch sketch_fma;

/* ---- what applies ---- */

static int64_t extent(const struct task *t, const int *axes, int n)
{
	int64_t e = 1;

	for (int i = 0; i < n; i++)
		e *= t->op->axes[axes[i]].extent;
	return e;
}

static bool name_taken(const struct task *t, const char *name)
{
	for (int i = 0; i < t->op->n_tensors; i++)
		if (!strcmp(t->op->tensors[i].name, name))
			return true;
	return false;
}

static const char *fresh_name(const struct task *t, const char *what)
{
	const char *acc = t->op->tensors[t->op->stmts[t->group->anchor_stmt]
		.tensor].name;
	const char *name = arena_printf(t->a, "%s_%s", acc, what);

	for (int i = 2; name_taken(t, name); i++)
		name = arena_printf(t->a, "%s_%s_%d", acc, what, i);
	return name;
}

static const char *channel_name(const struct task *t, const struct ir_window *w)
{
	struct str s;

	str_init(&s, t->a);
	for (int i = 0; i < w->n_channels; i++)
		str_puts(&s, t->op->axes[w->channels[i]].name);
	return w->n_channels ? str_text(&s) : "channel";
}

/* Does the address step by 1 along the last of "axes" that is no single one? */
static bool runs_along(const struct task *t, const struct ir_affine *address,
	const int *axes, int n)
{
	while (n > 0 && t->op->axes[axes[n - 1]].extent == 1)
		n--;
	return n > 0 && address->coef[axes[n - 1]] == 1;
}

static bool writes_by_filter(const struct task *t,
	const struct winograd_group *g)
{
	const struct epilogue *e = &g->of.epilogue;
	struct ir_affine f;

	for (int i = 0; i < e->n; i++)
		if (e->outputs[i].stored && ir_address(t->a, t->op,
		    e->outputs[i].tensor, e->outputs[i].index, &f))
			return runs_along(t, &f, g->w.filters, g->w.n_filters);
	return false;
}

static void describe(const struct task *t, struct winograd_group *g)
{
	const struct ir_window *w = &g->w;

	g->channels = extent(t, w->channels, w->n_channels);
	g->filters = extent(t, w->filters, w->n_filters);
	g->tile_name = w->image_left ? g->of.m_name : g->of.n_name;
	g->filter_name = w->image_left ? g->of.n_name : g->of.m_name;
	g->channel_name = channel_name(t, w);
	g->by_channel = runs_along(t, w->image_addr, w->channels,
		w->n_channels);
	g->by_filter = writes_by_filter(t, g);
	g->prepares = t->op->tensors[w->weights->tensor].constant;
	g->rooms[WINOGRAD_WEIGHTS] = fresh_name(t, "weights");
	g->rooms[WINOGRAD_IMAGE] = fresh_name(t, "image");
	g->rooms[WINOGRAD_PRODUCTS] = fresh_name(t, "products");
}

static bool make_size(struct task *t, struct winograd_group *g, int m,
	struct winograd_size *z, const char **why)
{
	z->by = winograd_of(m);
	z->tiles = extent(t, g->w.outer, g->w.n_outer);
	for (int i = 0; i < 2; i++) {
		z->across[i] = (t->op->axes[g->w.along[i]].extent + m - 1) / m;
		z->tiles *= z->across[i];
	}
	z->places = (z->tiles + WINOGRAD_VECTOR - 1) / WINOGRAD_VECTOR *
		WINOGRAD_VECTOR;
	if (!winograd_inner(t, g, z, why))
		return false;
	for (int i = 0; i < WINOGRAD_ROOMS; i++)
		if (z->elements[i] > INT32_MAX) {
			*why = arena_printf(t->a, "winograd counts elements up "
				"to 2^31, and %s has %lld", g->rooms[i],
				(long long)z->elements[i]);
			return false;
		}
	return true;
}

static void make_tunables(struct task *t, struct winograd_group *g);

static const int sides[WINOGRAD_SIZES] = { 2, 4 };

static bool applies(struct task *t, const char **why)
{
	struct winograd_group *g = ARENA_NEW(t->a, struct winograd_group);
	const struct ir_window *w = &g->w;

	if (!product_analyse(t, "winograd", 0, &g->of, why))
		return false;
	if (!ir_window(t->a, t->op, t->group->anchor_stmt, &g->w, why)) {
		*why = arena_printf(t->a, "winograd computes 3 x 3 windows that "
			"move by 1: %s", *why);
		return false;
	}
	if (t->op->tensors[w->image->tensor].elements > INT32_MAX ||
	    t->op->tensors[w->weights->tensor].elements > INT32_MAX) {
		*why = "winograd counts elements up to 2^31";
		return false;
	}
	describe(t, g);
	for (int i = 0; i < WINOGRAD_SIZES; i++)
		if (!make_size(t, g, sides[i], &g->sizes[i], why))
			return false;
	make_tunables(t, g);
	t->state = g;
	return true;
}

/* ---- the open numbers ---- */

static void make_tunables(struct task *t, struct winograd_group *g)
{
	static const int on[] = { 1 };
	const struct tunable *fma = g->sizes[0].open;
	const char *const *acc = tunable_subject(t,
		g->of.epilogue.outputs[0].tensor->name);
	struct tunables *l = &g->open;

	l->v = ARENA_ARRAY(t->a, WINOGRAD_FIXED + OUTPUTS_MAX, struct tunable);
	tunables_add(t, l, "winograd", acc, "m", sides, WINOGRAD_SIZES, NULL);
	tunables_add(t, l, "winograd", acc, NULL, on, 1, NULL);
	for (int i = 0; i < FMA_ORDER; i++) {
		if (i == FMA_SPLIT)
			tunables_add(t, l, "split_k", acc, NULL, fma[i].values,
				fma[i].n, NULL);
		else if (i == FMA_COMBINE)
			tunables_add(t, l, "split_k", acc, "combine",
				fma[i].values, fma[i].n, fma[i].words);
		else
			l->v[l->n++] = fma[i];
	}
	tunables_add_epilogue(t, l, &g->of);
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct winograd_group *g = t->state;

	*n = g->open.n;
	return g->open.v;
}

const struct winograd_size *winograd_size(const struct task *t,
	const int *values, int *products)
{
	const struct winograd_group *g = t->state;
	const struct winograd_size *z = NULL;

	for (int i = 0; i < WINOGRAD_SIZES; i++)
		if (g->sizes[i].by->m == values[WINOGRAD_M])
			z = &g->sizes[i];
	for (int i = 0; z && i < z->n_open; i++)
		products[i] = i < FMA_ORDER ? values[WINOGRAD_FMA + i] :
			z->open[i].values[0];
	return z;
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	int products[WINOGRAD_OPEN];
	const struct winograd_size *z = winograd_size(t, values, products);

	if (!z)
		return "tiles of winograd are m = 2 or m = 4";
	return sketch_fma.legal(&z->products, a, products);
}

/* Of the tiles the smaller, whose error is. */
static void start(const struct task *t, int *values)
{
	const struct winograd_group *g = t->state;
	int products[WINOGRAD_OPEN];

	for (int i = 0; i < g->open.n; i++)
		values[i] = g->open.v[i].values[0];
	sketch_fma.start(&g->sizes[0].products, products);
	memcpy(values + WINOGRAD_FMA, products, FMA_ORDER * sizeof *values);
}

/* ---- what it costs ---- */

/* Multiply-adds of a tile's transform by a matrix, first along one axis and
 * then along the other, that has "before" rows. */
static double transform_ops(const double *v, int rows, int cols, int pitch,
	int before)
{
	double n = 0;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < cols; j++)
			n += v[i * pitch + j] != 0;
	return n * (before + rows);
}

/* Adds a step in which each of "n" threads moves "loads" and "stores" elements
 * and computes "ops", a store being two instructions and a load four. */
static void add_step(struct features *f, double n, double loads, double stores,
	double ops)
{
	f->flops += 2 * n * ops;
	f->issue += n / 32 * (4 * loads + 2 * stores + ops + 40);
	f->launches++;
	f->chain += 1500;
}

static void features(const struct task *t, const int *values,
	struct features *out)
{
	const struct winograd_group *g = t->state;
	int products[WINOGRAD_OPEN];
	const struct winograd_size *z = winograd_size(t, values, products);
	const struct winograd *by = z->by;
	double p2 = by->points * by->points, m2 = by->m * by->m;
	double weights = (double)g->channels * (double)g->filters;
	double image = (double)g->channels * (double)z->places;
	double results = (double)g->filters * (double)z->places;
	int elem = g->w.image_left ? g->of.left.elem : g->of.right.elem;
	double rooms = 4 * p2 * (image + results + (g->prepares ? 0 : weights));

	sketch_features(&sketch_fma, &z->products, products, out);
	add_step(out, image, p2, p2, transform_ops(by->input[0], by->points,
		by->points, WINOGRAD_MOST, by->points));
	add_step(out, results, p2, m2, transform_ops(by->output[0], by->m,
		by->points, WINOGRAD_MOST, by->points));
	if (!g->prepares)
		add_step(out, weights, 9, p2, transform_ops(by->weights[0],
			by->points, WINOGRAD_TAPS, WINOGRAD_TAPS,
			WINOGRAD_TAPS));
	out->dram_bytes += g->of.dram_bytes + rooms;
	out->l2_bytes += g->of.dram_bytes + rooms + image * elem * p2;
	out->useful *= (double)extent(t, g->w.along, 2) * (double)extent(t,
		g->w.outer, g->w.n_outer) / ((double)z->places * m2);
}

/* Its transforms are launches of their own, and multiply less the larger tiles are. */
static void least(const struct task *t, struct features *out)
{
	const struct winograd_group *g = t->state;

	*out = (struct features){ .launches = 1,
		.dram_bytes = g->of.dram_bytes };
}

/* ---- what it computes ---- */

static bool arithmetic(const struct task *t, struct arena *a,
	const int *values, struct ir_operator *o)
{
	const struct winograd_group *g = t->state;

	ir_winograd(a, o, &g->w, winograd_of(values[WINOGRAD_M]));
	return true;
}

static const char *const directives[] = {
	"epilogue", "fuse", "pipeline", "raster", "split_k", "tile", "winograd",
	NULL
};

static const struct sketch_refusal refusals[] = {
	{ "reorder", "the products of a tile's points are summed over the "
		"channels, one axis" },
	{ "bind", "its launches differ in their threads; tile(block, ...) "
		"says how large the products' tiles are" },
	{ "stage", "tiles of both operands of its products always pass "
		"through shared memory; pipeline(...) says how many" },
	{ "unroll", "its transforms are written out whole, and its products "
		"as fma's are" },
	{ "vectorize", "its workspace is laid out so that moves are as wide "
		"as the extents allow" },
	{ "swizzle", "the tiles of its products are padded against conflicts of "
		"banks" },
	{ "tail", "what reaches past the end is always guarded" },
	{ "compute_at", "the image and the weights are transformed once "
		"each, in launches of their own" },
	{ "cache", "what it keeps between its launches lies in workspace; "
		"const(WEIGHTS) has them transformed once" },
	{ "rfactor", "the products are summed in one pass; "
		"split_k(STATEMENT, N) gives parts to several blocks" },
	{ "reduce", "a thread sums its products alone; split_k(STATEMENT, N) "
		"gives parts of the sum to several blocks" },
	{ NULL, NULL }
};

const struct sketch sketch_winograd = {
	.name = "winograd",
	.summary = "3 x 3 windows by Winograd's minimal filtering, on request",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.asked_by = "winograd",
	.asked_why = "rounds more than sums in any order do",
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.features = features,
	.least = least, .start = start,
	.build = winograd_build,
	.arithmetic = arithmetic,
};
