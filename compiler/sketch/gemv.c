/* SPDX-License-Identifier: MIT */
/* The gemv sketch: a contraction of which one side has few rows, so that the
 * other operand is all the traffic there is. That operand goes from memory
 * straight to registers in 16-byte loads; the threads of a block share the
 * reduction, by shuffles where it is contiguous, and so do blocks where there
 * are too few rows to fill the chip. This file decides what applies and names
 * the open numbers; gemv_plan.c says what fits and what it costs, gemv_build.c
 * and gemv_join.c write the kernel. A factor that is computed is loaded as it
 * lies, and computed in registers as it is multiplied. */
#include "sketch/gemv.h"
#include "sketch/asked.h"

#include <string.h>

/* Columns the small side may have, and of them those of one block. */
enum { COLS_MAX = 64, TILE_COLS_MAX = 16 };

static const char *const *axis_names(const struct task *t, const struct gemv *f)
{
	const char **axes = ARENA_ARRAY(t->a, 4, const char *);

	axes[0] = f->row_name;
	axes[1] = f->col_name;
	axes[2] = f->of.k_name;
	return axes;
}

static void make_tunables(struct task *t, struct gemv *f);
static bool find_start(const struct task *t, struct gemv *f);

static void choose_sides(const struct ir_operator *o, struct gemv *f)
{
	struct product *p = &f->of;
	const struct ir_contraction *c = &p->c;
	bool open_m = ir_any_open(o, c->m, c->n_m);
	bool open_n = ir_any_open(o, c->n, c->n_n);

	f->left_big = p->m > p->n;
	f->big = f->left_big ? &p->left : &p->right;
	f->small = f->left_big ? &p->right : &p->left;
	f->row_name = f->left_big ? p->m_name : p->n_name;
	f->col_name = f->left_big ? p->n_name : p->m_name;
	f->rows = f->left_big ? p->m : p->n;
	f->cols = f->left_big ? p->n : p->m;
	f->open_rows = f->left_big ? open_m : open_n;
	f->open_cols = f->left_big ? open_n : open_m;
	f->open_k = ir_any_open(o, c->k, c->n_k);
}

/* Values are computed in the type in which they are multiplied. */
static void multiply_as(const struct task *t, struct operand *p,
	const struct ir_expr *value, enum dtype acc)
{
	if (p->value && dtype_is_int(p->value->type) && dtype_is_float(acc))
		operand_compute(p, ir_cast(t->a, acc, (struct ir_expr *)value));
}

static const char *extent(const struct task *t, const char *axis, int64_t n,
	bool open)
{
	return open ? arena_printf(t->a, "'%s' is open", axis) :
		arena_printf(t->a, "'%s' has %lld", axis, (long long)n);
}

enum { DOES = PRODUCT_COMPUTES | PRODUCT_CHOICES | PRODUCT_TWINS };

static bool applies(struct task *t, const char **why)
{
	struct gemv *f;

	if (!product_is(t, "gemv", DOES, why))
		return false;
	f = ARENA_NEW(t->a, struct gemv);
	if (!product_analyse(t, "gemv", DOES, &f->of, why))
		return false;
	multiply_as(t, &f->of.left, f->of.c.left_value, f->of.acc);
	multiply_as(t, &f->of.right, f->of.c.right_value, f->of.acc);
	if (f->of.products > 1)
		multiply_as(t, &f->of.twin, f->of.twin_value, f->of.acc);
	choose_sides(t->op, f);
	if (f->cols > COLS_MAX) {
		*why = arena_printf(t->a, "gemv wants a side of at most %d rows "
			"or columns; here %s and %s", COLS_MAX, extent(t,
			f->col_name, f->cols, f->open_cols), extent(t,
			f->row_name, f->rows, f->open_rows));
		return false;
	}
	if (f->of.products > 1 && f->left_big) {
		*why = arena_printf(t->a, "gemv reads the larger factors of two "
			"products at once, and '%s', which they share, is larger "
			"than either's own", f->big->tensor->name);
		return false;
	}
	make_tunables(t, f);
	t->state = f;
	if (find_start(t, f))
		return true;
	*why = arena_printf(t->a, "no tile of '%s' fits %s",
		f->big->tensor->name, t->target->name);
	return false;
}

/* ---- the open numbers ---- */

static const int row_values[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 };
enum { ROWS_MAX = 512 };
static const int small_values[] = { 1, 2, 4, 8, 16 };
static const int mine_values[] = { 1, 2, 4, 8, 16, 32 };
enum { MINE_VALUES = 4 };	/* unless more rows share an element */
static const int group_values[] = { 1, 2, 4, 8 };
static const int thread_values[] = { 32, 64, 128, 256, 512 };
static const int unroll_values[] = { 1, 2, 4, 8 };
static const int split_values[] = { 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 };
static const int switch_values[] = { 0, 1 };
static const int order_values[] = { 0, 1, 2, 3 };
static const int only_value[] = { 0 };
static const char *const cache_words[] = { "none", "shared", NULL };
static const char *const raster_words[] = { "row", "col", NULL };
static const char *const over_words[] = { "auto", "warp", "block", NULL };
static const char *const level_block[] = { "block", NULL };
static const char *const level_thread[] = { "thread", NULL };

#define VALUES(array) array, (int)(sizeof array / sizeof *array)

/* How many of small_values, from 1 on, reach "limit". */
static int small_count(int64_t limit)
{
	int n = 1;

	while (n < 5 && small_values[n - 1] < limit)
		n++;
	return n;
}

static int widest(const struct gemv *f)
{
	int v = 1;

	for (int i = 0; i < f->of.n_orders; i++)
		if (f->big->orders[i].vec > v)
			v = f->big->orders[i].vec;
	return v;
}

/* How many of mine_values there are for a thread. */
static int mine_count(const struct gemv *f)
{
	int n = MINE_VALUES, share = 1;

	for (int i = 0; i < f->of.n_orders; i++)
		if (f->big->orders[i].pack_rows > share)
			share = f->big->orders[i].pack_rows;
	while (mine_values[n - 1] < share)
		n++;
	return n;
}

/* acc.k, of both products. */
static const char *const *reductions(const struct task *t,
	const struct gemv *f)
{
	const char *const *sums = tunable_sums(t, &f->of);
	const char **s = ARENA_ARRAY(t->a, 3, const char *);

	for (int i = 0; sums[i]; i++)
		s[i] = arena_printf(t->a, "%s.%s", sums[i], f->of.k_name);
	return s;
}

static void make_tunables(struct task *t, struct gemv *f)
{
	struct tunables *l = &f->open;
	const char *const *k = tunable_subject(t, f->of.k_name);
	const char *const *big = f->left_big ? tunable_subject(t,
		f->big->tensor->name) : tunable_rights(t, &f->of);
	const char *const *small = tunable_subject(t, f->small->tensor->name);
	const char *const *acc = tunable_sums(t, &f->of);
	const char *const *acc_k = reductions(t, f);

	l->v = ARENA_ARRAY(t->a, GEMV_FIXED + OUTPUTS_MAX, struct tunable);
	tunables_add(t, l, "tile", level_block, f->row_name,
		VALUES(row_values), NULL);
	tunables_add(t, l, "tile", level_block, f->col_name, small_values,
		small_count(f->cols), NULL);
	tunables_add(t, l, "tile", level_thread, f->row_name, mine_values,
		mine_count(f), NULL);
	tunables_add(t, l, "bind", NULL, "threads", VALUES(thread_values), NULL);
	tunables_add(t, l, "vectorize", big, NULL, small_values,
		small_count(widest(f)), NULL);
	tunables_add(t, l, "unroll", k, NULL, VALUES(unroll_values), NULL);
	tunables_add(t, l, "split_k", acc, NULL, VALUES(split_values), NULL);
	tunables_add(t, l, "cache", small, "scope", VALUES(switch_values),
		cache_words);
	tunables_add(t, l, "reorder", acc, NULL, order_values, f->of.n_orders,
		f->of.order_words);
	tunables_add(t, l, "pipeline", k, "stages", small_values, 2, NULL);
	tunables_add(t, l, "raster", NULL, "order", VALUES(switch_values),
		raster_words);
	tunables_add(t, l, "raster", NULL, "group", VALUES(group_values),
		NULL);
	tunables_add(t, l, "reduce", acc_k, "over", VALUES(only_value),
		over_words);
	l->v[l->n++] = asked_tail(t->a, axis_names(t, f));
	tunables_add_epilogue(t, l, &f->of);
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct gemv *f = t->state;

	*n = f->open.n;
	return f->open.v;
}

/* ---- the untuned default ---- */

/* Splits the reduction until every multiprocessor has four blocks. */
static void fill_chip(const struct task *t, int *v, struct gemv_plan *p)
{
	int best = 1;

	for (int i = 0; i < (int)(sizeof split_values / sizeof *split_values); i++)
		if (p->tiles * best < 4 * t->gpu->sms &&
		    p->chunks >= 2 * split_values[i])
			best = split_values[i];
	v[GEMV_SPLIT] = best;
	if (gemv_plan(t, NULL, v, p))
		v[GEMV_SPLIT] = 1;
}

static bool try_start(const struct task *t, int *v, int mine, int unroll)
{
	struct gemv *f = t->state;
	struct gemv_plan p;
	bool along_k;
	int together, most = mine_values[mine_count(f) - 1];

	v[GEMV_VECTOR] = f->big->orders[v[GEMV_ORDER]].vec;
	along_k = f->big->orders[v[GEMV_ORDER]].k_inner;
	together = v[GEMV_VECTOR] * f->big->orders[v[GEMV_ORDER]].pack_rows;
	for (; !along_k && together > most; together /= 2)
		v[GEMV_VECTOR] /= 2;
	v[GEMV_MINE] = along_k || mine > together ? mine : together;
	v[GEMV_UNROLL] = unroll;
	for (int across = along_k ? 4 : 32; across; across /= 2) {
		v[GEMV_ROWS] = v[GEMV_MINE] * across;
		v[GEMV_SPLIT] = 1;
		if (v[GEMV_ROWS] <= ROWS_MAX && !gemv_plan(t, NULL, v, &p)) {
			fill_chip(t, v, &p);
			return true;
		}
	}
	return false;
}

/* The most loads in flight that fit, vectors along what is contiguous; values that
 * are computed are fewer loads and more work, of which more rows have more. */
static bool find_start(const struct task *t, struct gemv *f)
{
	static const int sizes[][2] = { { 4, 2 }, { 2, 4 }, { 2, 2 }, { 1, 4 },
		{ 1, 2 }, { 1, 1 } };
	int first = !f->big->value;
	int *v = f->start;

	v[GEMV_THREADS] = 128;
	v[GEMV_RASTER] = !f->left_big;
	v[GEMV_GROUP] = v[GEMV_STAGES] = 1;
	for (int c = small_count(f->cols) - 1; c >= 0; c--)
		for (int i = first; i < 6; i++)
			for (int k = 0; k < f->of.n_orders; k++) {
				v[GEMV_COLS] = small_values[c];
				v[GEMV_ORDER] = k;
				if (try_start(t, v, sizes[i][0], sizes[i][1]))
					return true;
			}
	return false;
}

static void start(const struct task *t, int *values)
{
	const struct gemv *f = t->state;

	memcpy(values, f->start, sizeof f->start);
	for (int i = GEMV_FIXED; i < f->open.n; i++)
		values[i] = f->open.v[i].values[0];
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	struct gemv_plan p;

	return gemv_plan(t, a, values, &p);
}

static const char *const directives[] = {
	"bind", "cache", "epilogue", "fuse", "pipeline", "raster", "reduce",
	"reorder", "split_k", "tail", "tile", "unroll", "vectorize", NULL
};

static const struct sketch_refusal refusals[] = {
	{ "stage", "the large operand is read once, straight into registers; "
		"cache(NAME, scope = shared) keeps the small one in shared "
		"memory" },
	{ "swizzle", "the large operand passes no shared memory, and the "
		"small one is read by all lanes alike" },
	{ "compute_at", "what a factor is made of is computed as it is "
		"multiplied, or in a kernel before it, and what follows the "
		"sum is its epilogue" },
	{ "rfactor", "the threads that share a sum join it once; "
		"reduce(STATEMENT, over = ...) says which they are" },
	{ NULL, NULL }
};

const struct sketch sketch_gemv = {
	.name = "gemv",
	.summary = "contraction with few rows or columns, at memory speed",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.features = gemv_features, .least = gemv_least,
	.start = start,
	.build = gemv_build,
};
