/* SPDX-License-Identifier: MIT */
/* The direct sketch: operators whose results each reduce over a window of an
 * input, as depthwise and other convolutions with few channels, pooling and
 * stencils do. A block computes a box of results; what its windows cover is
 * staged once, halo included, and threads slide over it in registers. This file
 * names the open numbers; direct_window.c says what applies, direct_start.c finds
 * the untuned default, direct_plan.c says what fits, direct_cost.c what it costs,
 * and direct_build.c writes the kernel. */
#include "sketch/direct.h"
#include "sketch/asked.h"

#include <string.h>

/* ---- the open numbers ---- */

enum { TILES_MAX = 16, FACTS = 4 };

static const int switch_values[] = { 0, 1 };
static const int stage_values[] = { 1, 2 };
static const int vector_values[] = { 1, 2, 4, 8, 16 };
static const int unroll_values[] = { 1, 2, 4, 8 };
static const int only_value[] = { 0 };
static const int flag_value[] = { 1 };
static const char *const switch_words[] = { "off", "on", NULL };
static const char *const cache_words[] = { "register", "shared", NULL };
static const char *const shared_words[] = { "shared", NULL };
static const char *const raster_words[] = { "row", "col", NULL };
static const char *const result_words[] = { "none", "shared", NULL };
static const char *const level_block[] = { "block", NULL };
static const char *const level_thread[] = { "thread", NULL };

static int add(struct task *t, struct direct *d, const char *directive,
	const char *const *subjects, const char *key, const int *values, int n,
	const char *const *words)
{
	const char *name = directive;

	if (subjects)
		name = arena_printf(t->a, "%s.%s", name, subjects[0]);
	if (key)
		name = arena_printf(t->a, "%s.%s", name, key);
	d->tunables[d->n_tunables] = (struct tunable){ .name = name,
		.directive = directive, .key = key, .subjects = subjects,
		.values = values, .n = n, .words = words };
	return d->n_tunables++;
}

static const char *const *subject(struct task *t, const char *name)
{
	const char **s = ARENA_ARRAY(t->a, 2, const char *);

	s[0] = name;
	return s;
}

struct list {
	int v[TILES_MAX], n;
};

static void insert(struct list *x, int64_t v)
{
	int k = x->n;

	for (int i = 0; i < x->n; i++)
		if (x->v[i] == v)
			return;
	if (x->n == TILES_MAX)
		return;
	for (; k > 0 && x->v[k - 1] > v; k--)
		x->v[k] = x->v[k - 1];
	x->v[k] = (int)v;
	x->n++;
}

static const int *keep(struct task *t, const struct list *x)
{
	int *v = ARENA_ARRAY(t->a, (size_t)x->n, int);

	memcpy(v, x->v, (size_t)x->n * sizeof *v);
	return v;
}

/* Powers of two, and the extent in halves: its tiles are then full. */
static void add_tile(struct task *t, struct direct *d,
	const struct direct_axis *x)
{
	enum { LARGEST = 256 };
	struct list v = { .n = 0 };

	for (int64_t i = x->extent; i <= LARGEST && v.n < 4; i = i / 2) {
		insert(&v, i);
		if (i % 2)
			break;
	}
	for (int64_t i = 1; i < 2 * x->extent && i <= LARGEST; i *= 2)
		insert(&v, i);
	add(t, d, "tile", level_block, x->name, keep(t, &v), v.n, NULL);
}

static void add_thread(struct task *t, struct direct *d,
	const struct direct_axis *x)
{
	enum { LARGEST = 8 };
	struct list v = { .n = 0 };

	for (int64_t i = 1; i < 2 * x->extent && i <= LARGEST; i *= 2)
		insert(&v, i);
	if (x->extent % 7 == 0)
		insert(&v, 7);
	add(t, d, "tile", level_thread, x->name, keep(t, &v), v.n, NULL);
}

static void add_chunk(struct task *t, struct direct *d)
{
	const struct direct_axis *x = d->chunk < 0 ? NULL : &d->red[d->chunk];
	const char *const *along = subject(t, x ? x->name : d->n_red ?
		d->red[d->n_red - 1].name : d->out[d->n_out - 1].name);
	struct list v = { .n = 0 };

	for (int64_t i = 1; x && i <= x->extent && i <= 64; i *= 2)
		if (x->extent % i == 0)
			insert(&v, i);
	if (x && x->extent <= 64)
		insert(&v, x->extent);
	if (x)
		d->at[DIRECT_CHUNK] = add(t, d, "tile", level_block, x->name,
			keep(t, &v), v.n, NULL);
	if (x)
		d->at[DIRECT_STAGES] = add(t, d, "pipeline", along, "stages",
			stage_values, 2, NULL);
	d->at[DIRECT_ASYNC] = add(t, d, "pipeline", along, "async",
		switch_values, t->target->cp_async ? 2 : 1, switch_words);
}

static void add_cache(struct task *t, struct direct *d)
{
	const char **names = ARENA_ARRAY(t->a, (size_t)d->n_w + 1, const char *);

	for (int i = 0; i < d->n_w; i++)
		names[i] = d->w[i].tensor->name;
	if (d->n_w)
		d->at[DIRECT_CACHE] = add(t, d, "cache", names, "scope",
			switch_values, 2, cache_words);
}

/* The result may pass through shared memory too. */
static void add_result(struct task *t, struct direct *d)
{
	const struct epilogue *e = &d->epilogue;
	const char *name = e->outputs[e->n - 1].tensor->name;

	d->at[DIRECT_RESULT] = add(t, d, "stage", subject(t, name), "scope",
		switch_values, 2, result_words);
}

/* Order of the blocks along the last two axes. */
static void add_raster(struct task *t, struct direct *d)
{
	if (d->n_out < 2)
		return;
	d->at[DIRECT_RASTER] = add(t, d, "raster", NULL, "order",
		switch_values, 2, raster_words);
	d->at[DIRECT_GROUP] = add(t, d, "raster", NULL, "group", unroll_values,
		4, NULL);
}

static void swap(int *x, int *y)
{
	int keep = *x;

	*x = *y;
	*y = keep;
}

/* The next permutation of x[0..n-1]; false after the last. */
static bool permute(int *x, int n)
{
	int i = n - 1, j = n - 1;

	while (i > 0 && x[i - 1] > x[i])
		i--;
	if (i <= 0)
		return false;
	while (x[j] < x[i - 1])
		j--;
	swap(&x[i - 1], &x[j]);
	for (j = n - 1; i < j; i++, j--)
		swap(&x[i], &x[j]);
	return true;
}

static const char *order_word(struct task *t, const struct direct *d,
	const struct direct_order *order)
{
	struct str s;

	str_init(&s, t->a);
	for (int i = 0; i < d->n_red; i++)
		str_puts(&s, d->red[order->axis[i]].name);
	return str_text(&s);
}

/* A schedule may ask for an order; it changes little, so that a search leaves
 * it alone. */
static void add_order(struct task *t, struct direct *d)
{
	enum { ORDERS = 24 };
	const char **words = ARENA_ARRAY(t->a, ORDERS + 2, const char *);
	struct direct_order order = { { 0 } };
	int n = 1;

	d->orders = ARENA_ARRAY(t->a, ORDERS + 1, struct direct_order);
	if (!d->n_red)
		return;
	words[0] = "auto";
	for (int i = 0; i < d->n_red; i++)
		order.axis[i] = i;
	d->orders[0] = order;
	do {
		words[n] = order_word(t, d, &order);
		d->orders[n++] = order;
	} while (n <= ORDERS && permute(order.axis, d->n_red));
	d->at[DIRECT_ORDER] = add(t, d, "reorder", subject(t,
		d->epilogue.outputs[0].tensor->name), NULL, only_value, 1,
		words);
}

/* What follows from the others, unless it is asked for. */
static void add_asked(struct task *t, struct direct *d)
{
	const char **axes = ARENA_ARRAY(t->a, (size_t)d->n_out + 1, const char *);

	for (int i = 0; i < d->n_out; i++)
		axes[i] = d->out[i].name;
	d->at[DIRECT_THREADS] = d->n_tunables;
	d->tunables[d->n_tunables++] = asked_tunable(t->a, "bind", NULL,
		"threads");
	if (d->n_out)
		d->tunables[d->n_tunables++] = asked_tail(t->a, axes);
}

static void make_tunables(struct task *t, struct direct *d)
{
	const char *const *x = subject(t, d->x.tensor->name);
	int vectors = 1;

	d->tunables = ARENA_ARRAY(t->a, (size_t)(2 * d->n_out +
		N_DIRECT_NUMBERS + FACTS + OUTPUTS_MAX), struct tunable);
	for (int i = 0; i < N_DIRECT_NUMBERS; i++)
		d->at[i] = -1;
	for (int i = 0; i < d->n_out; i++)
		add_tile(t, d, &d->out[i]);
	for (int i = 0; i < d->n_out; i++)
		add_thread(t, d, &d->out[i]);
	add_chunk(t, d);
	while (vectors < 5 && vector_values[vectors] * d->x.elem <= 16)
		vectors++;
	d->at[DIRECT_VECTOR] = add(t, d, "vectorize", x, NULL, vector_values,
		vectors, NULL);
	d->at[DIRECT_UNROLL] = add(t, d, "unroll", NULL, NULL, unroll_values, 4,
		NULL);
	add_cache(t, d);
	add(t, d, "stage", x, "scope", only_value, 1, shared_words);
	add_result(t, d);
	add_raster(t, d);
	add_order(t, d);
	add_asked(t, d);
	for (int i = 0; i < d->epilogue.n; i++)
		if (d->epilogue.outputs[i].value && d->epilogue.outputs[i].stored)
			add(t, d, "epilogue", subject(t,
				d->epilogue.outputs[i].tensor->name), NULL,
				flag_value, 1, NULL);
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct direct *d = t->state;

	*n = d->n_tunables;
	return d->tunables;
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	struct direct_plan p;

	return direct_plan(t, a, values, &p);
}

static bool applies(struct task *t, const char **why)
{
	struct direct *d = ARENA_NEW(t->a, struct direct);

	if (!t->gpu)
		t->gpu = gpu_for_target(t->target);
	if (!direct_analyse(t, d, why))
		return false;
	make_tunables(t, d);
	t->state = d;
	if (!direct_fits(t))
		*why = arena_printf(t->a, "no window of '%s' fits the shared "
			"memory and registers of %s", d->x.tensor->name,
			t->target->name);
	return !*why;
}

static const char *const directives[] = {
	"bind", "cache", "epilogue", "pipeline", "raster", "reorder", "stage",
	"tail", "tile", "unroll", "vectorize", NULL
};

static const struct sketch_refusal refusals[] = {
	{ "fuse", "a block takes a box of the results, so that what its "
		"windows share is staged once; tile(block, ...) cuts each "
		"axis apart" },
	{ "split_k", "a thread reduces its windows alone; few results of many "
		"terms are rows or products, which reduce, gemv and fma split" },
	{ "swizzle", "threads read the staged box along its rows, wherever "
		"they lie; tile(thread, ...) along the last axis and "
		"vectorize(...) say how wide" },
	{ "compute_at", "what the windows read is computed in a kernel "
		"before it, and what follows the sum is its epilogue" },
	{ "rfactor", "a thread reduces its windows alone, in one pass" },
	{ "reduce", "a thread reduces its windows alone; windows as large as "
		"the tensor are rows, which reduce shares among threads" },
	{ NULL, NULL }
};

const struct sketch sketch_direct = {
	.name = "direct",
	.summary = "windows of an input, staged with their halo",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.price = direct_price,
	.least = direct_least,
	.start = direct_start,
	.build = direct_build,
};
