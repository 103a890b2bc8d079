/* SPDX-License-Identifier: MIT */
/* The wgmma sketch: a tiled contraction on Hopper's tensor cores, by the
 * instructions of four warps, which read columns from shared memory, rows from there
 * or from registers, and run on while the next chunk is copied. This file decides
 * what applies and names the open numbers; wgmma_plan.c says what fits and what it
 * costs, wgmma_build.c writes the kernel. */
#include "base/number.h"
#include "sketch/wgmma.h"
#include "sketch/asked.h"
#include "sketch/precision.h"
#include "sketch/promotion.h"
#include "sketch/tensor_core.h"

#include <string.h>

static void find_instruction(struct wgmma *f)
{
	const struct tensor_factor *l = tensor_core_factor(
		f->of.left.tile_type);
	const struct tensor_factor *r = tensor_core_factor(
		f->of.right.tile_type);
	int n;
	const struct wgmma_row *rows = wgmma_rows(&n);

	f->tile = f->of.left.tile_type;
	f->is_short = promotes(f->tile, f->of.right.tile_type);
	for (int i = 0; i < n && l && r; i++)
		if (rows[i].left == l->as && rows[i].right == r->as &&
		    scales_sum_in(&f->of, rows[i].acc)) {
			f->row = &rows[i];
			f->rate = l->rate;
		}
}

static const char *refuse_types(const struct task *t, const struct wgmma *f)
{
	enum dtype l = f->of.left.tile_type, r = f->of.right.tile_type;

	if (!f->row)
		return arena_printf(t->a, "wgmma has no %s x %s accumulated in "
			"%s", dtype_row(l)->name, dtype_row(r)->name,
			dtype_row(f->of.acc)->name);
	return tensor_core_unsaid(t, &f->of, f->is_short);
}

/* The instructions take 16 bits along the rows or columns, and others along the
 * reduction alone: those are turned round, one by one, as they are copied. */
static void turn(struct operand *p, int n_orders)
{
	for (int i = 0; i < n_orders && p->tile_elem != 2; i++)
		if (!p->orders[i].k_inner) {
			p->orders[i].k_inner = true;
			p->orders[i].vec = p->orders[i].pack_rows = 1;
		}
}

static void find_images(const struct task *t, const struct wgmma *f,
	const struct operand *op, struct axis_list rows,
	const struct image **images)
{
	for (int i = 0; i < f->of.n_orders; i++)
		images[i] = bulk_image(t->a, t->op, op, rows, (struct axis_list){
			f->of.orders[i], f->of.c.n_k }, (struct axis_list){
			f->of.c.batch, f->of.c.n_batch });
}

/* Before it is turned round. */
static void find_raw(const struct task *t, const struct wgmma *f,
	const struct operand *op, struct axis_list rows, struct raw *raw)
{
	raw->of = operand_raw(op, f->of.n_orders);
	find_images(t, f, &raw->of, rows, raw->images);
}

/* Both factors, as they lie and as they are multiplied. */
static void find_factors(const struct task *t, struct wgmma *f)
{
	const struct ir_contraction *c = &f->of.c;
	struct axis_list m = { c->m, c->n_m }, n = { c->n, c->n_n };

	find_raw(t, f, &f->of.left, m, &f->raw_left);
	find_raw(t, f, &f->of.right, n, &f->raw_right);
	turn(&f->of.left, f->of.n_orders);
	turn(&f->of.right, f->of.n_orders);
	if (f->of.products > 1) {
		turn(&f->of.twin, f->of.n_orders);
		find_images(t, f, &f->of.twin, n, f->twin);
	}
	find_images(t, f, &f->of.left, m, f->left);
	find_images(t, f, &f->of.right, n, f->right);
}

static void make_tunables(struct task *t, struct wgmma *f);
static bool find_way(const struct task *t, struct wgmma *f);

enum {
	DOES = PRODUCT_COMPUTES | PRODUCT_ROWS | PRODUCT_SCALES |
		PRODUCT_CHOICES | PRODUCT_TWINS
};

static bool applies(struct task *t, const char **why)
{
	struct wgmma *f;

	if (!t->target->wgmma) {
		*why = arena_printf(t->a, "wgmma is an instruction of sm_90a, "
			"and the target is %s", t->target->name);
		return false;
	}
	if (!product_is(t, "wgmma", DOES, why))
		return false;
	f = ARENA_NEW(t->a, struct wgmma);
	if (!product_analyse(t, "wgmma", DOES, &f->of, why))
		return false;
	find_instruction(f);
	if (!f->row) {
		product_widen(t, &f->of);
		find_instruction(f);
	}
	*why = refuse_types(t, f);
	if (!*why)
		*why = tiled_rows_refuse(t, &f->of, WGMMA_COLUMNS);
	if (*why)
		return false;
	find_factors(t, f);
	wgmma_store_analyse(t, f);
	wgmma_ways_find(f);
	make_tunables(t, f);
	t->state = f;
	if (find_way(t, f))
		return true;
	*why = tiled_refuse(t, &f->of);
	return false;
}

/* ---- the open numbers ---- */

static const int tile_values[] = {
	16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 208, 224, 256
};
static const int depth_values[] = { 8, 16, 32, 64, 128 };
static const int thread_values[] = { 128, 256, 384, 512 };
static const int stage_values[] = { 1, 2, 3, 4, 5, 6, 8 };
static const int cluster_values[] = { 1, 2, 4 };
static const int switch_values[] = { 0, 1 };
static const int persistent_values[] = { 0, 1, PINGPONG };
static const char *const persistent_words[] = { "off", "on", "pingpong", NULL };
static const int only_value[] = { 0 };
static const int store_values[] = { 0, 32, 64, 128, 256 };
static const int async_values[] = { 0, 1, 2 };
static const char *const async_words[] = { "off", "on", "bulk", NULL };
static const char *const kind_words[] = { "auto", "wgmma", NULL };
static const int from_values[] = { FROM_SHARED, FROM_REGISTER };
static const int from_either[] = { FROM_AUTO, FROM_REGISTER };
static const char *const from_words[] = { "auto", "shared", "register", NULL };
static const char *const level_block[] = { "block", NULL };

#define COUNT(array) (int)(sizeof array / sizeof *array)
#define VALUES(array) array, COUNT(array)

enum { DEPTHS = 3 };

/* Depths of 32, 64 and 128 bytes, as rows of shared memory are swizzled. */
static const int *depths(const struct wgmma *f, int *n)
{
	int first = 0, elem = dtype_row(f->tile)->bits / 8;

	while (depth_values[first] * elem < 32)
		first++;
	*n = DEPTHS;
	return depth_values + first;
}

/* Has it work on its way, that registers can take over: is it computed, or turned
 * round? Where sums are short, rows are read as they are. */
static bool has_work(const struct wgmma *f, bool right)
{
	const struct operand *op = right ? &f->of.right : &f->of.left;
	const struct raw *raw = right ? &f->raw_right : &f->raw_left;
	bool turned = false;

	for (int i = 0; i < f->of.n_orders; i++)
		turned |= op->orders[i].k_inner != raw->of.orders[i].k_inner;
	return !f->is_short && (op->value || turned);
}

/* f32 in three products is taken apart in registers: "auto" is right for these and
 * for one. */
static void add_from(const struct task *t, struct tunables *l,
	const struct wgmma *f, const char *const *acc)
{
	if (f->tile == T_F32)
		tunables_add(t, l, "mma", acc, "from", VALUES(from_either),
			from_words);
	else if (has_work(f, false) || has_work(f, true))
		tunables_add(t, l, "mma", acc, "from", VALUES(from_values),
			from_words);
	else
		tunables_add(t, l, "mma", acc, "from", VALUES(only_value),
			from_words);
}

static void add_instruction(const struct task *t, struct tunables *l,
	const struct wgmma *f, const char *const *acc)
{
	tunables_add(t, l, "mma", acc, "swap", VALUES(switch_values),
		tiled_switch);
	add_from(t, l, f, acc);
	tunables_add(t, l, "cluster", NULL, f->of.m_name, VALUES(cluster_values),
		NULL);
	tunables_add(t, l, "cluster", NULL, f->of.n_name, VALUES(cluster_values),
		NULL);
	tensor_core_add(t, l, &f->of, kind_words, f->is_short);
}

/* Tensors that are stored element by element, NULL-ended; the product's own where
 * none is. */
static const char *const *outputs(const struct task *t, const struct wgmma *f)
{
	const char **names = ARENA_ARRAY(t->a, OUTPUTS_MAX + 1, const char *);
	int n = 0;

	for (int i = 0; i < f->of.epilogue.n; i++)
		if (f->of.epilogue.outputs[i].stored &&
		    !f->of.epilogue.outputs[i].per_row)
			names[n++] = f->of.epilogue.outputs[i].tensor->name;
	if (!n)
		names[0] = f->of.epilogue.outputs[0].tensor->name;
	return names;
}

static void add_halo(const struct task *t, struct tunables *l,
	const struct wgmma *f)
{
	bool any = wgmma_halo_exists(t, f);

	tunables_add(t, l, "stage", tunable_subject(t, f->of.left.tensor->name),
		"halo", any ? halo_values : only_value, any ? HALO_VALUES : 1,
		halo_words);
}

static void make_tunables(struct task *t, struct wgmma *f)
{
	const char *const *acc = tunable_sums(t, &f->of);
	struct tunables *l = &f->open;
	int n;
	const int *deep = depths(f, &n);

	l->v = ARENA_ARRAY(t->a, WGMMA_VALUES + TILED_FACTS + OUTPUTS_MAX,
		struct tunable);
	tiled_add_tiles(t, l, &f->of, (struct tiled_values){
		VALUES(tile_values) }, 16, WGMMA_COLUMNS);
	tunables_add(t, l, "tile", level_block, f->of.k_name, deep, n, NULL);
	tunables_add(t, l, "bind", NULL, "threads", VALUES(thread_values),
		NULL);
	tiled_add_pipeline(t, l, &f->of, (struct tiled_values){
		VALUES(stage_values) }, (struct tiled_values){
		VALUES(async_values) }, async_words, f->of.epilogue.rows ? 1 :
		TILED_SPLITS);
	tiled_add_raster(t, l);
	tunables_add(t, l, "raster", NULL, "persistent",
		VALUES(persistent_values), persistent_words);
	tiled_add_reorder(t, l, &f->of);
	add_instruction(t, l, f, acc);
	tiled_add_tails(t, l, &f->of);
	tunables_add(t, l, "epilogue", outputs(t, f), "bulk", store_values,
		wgmma_stores(f) ? COUNT(store_values) : 1, NULL);
	add_halo(t, l, f);
	tiled_add_operands(t, l, &f->of);
	tunables_add_epilogue(t, l, &f->of);
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct wgmma *f = t->state;

	*n = f->open.n;
	return f->open.v;
}

/* ---- the untuned default ---- */

static const char *plan_tiling(const struct task *t, const int *values,
	struct tiling *out)
{
	struct wgmma_plan p;
	const char *why = wgmma_plan(t, NULL, values, &p);

	*out = p.of;
	return why;
}

static const int pipelines[][2] = { { 2, 4 }, { 2, 3 }, { 1, 4 }, { 1, 3 },
	{ 0, 2 }, { 0, 1 } };
static const struct tiled_places places = { .n = WGMMA_VALUES, .k = WGMMA_K,
	.async = WGMMA_ASYNC, .stages = WGMMA_STAGES, .split = WGMMA_SPLIT,
	.combine = WGMMA_COMBINE, .persistent = WGMMA_PERSISTENT,
	.pipelines = pipelines,
	.n_pipelines = sizeof pipelines / sizeof *pipelines,
	.plan = plan_tiling };

static bool try_start(const struct task *t, const struct wgmma_way *w, int *v,
	struct tiling *p)
{
	const struct wgmma *f = t->state;
	struct tiled_places at = places;
	int n, deepest_first[DEPTHS];
	const int *deep = depths(f, &n);

	for (int i = 0; i < n; i++)
		deepest_first[i] = deep[n - 1 - i];
	at.apart = w->thirds;
	return tiled_try(t, &f->of, &at,
		f->open.v[WGMMA_COMBINE].values[0], (struct tiled_values){
		deepest_first, n }, v, p);
}

/* Where there are more tiles than run at once: one after the other, those that
 * share rows and columns together. */
static void persist(const struct task *t, int *v)
{
	int groups[] = { 8, 4, 2, 1 };
	struct wgmma_plan p;

	v[WGMMA_PERSISTENT] = 1;
	for (int i = 0; i < 4; i++) {
		v[WGMMA_GROUP] = groups[i];
		if (!wgmma_plan(t, NULL, v, &p))
			return;
	}
	v[WGMMA_PERSISTENT] = 0;
}

/* Rows of instructions along the longer side, or those of the one factor that has
 * work on its way, which is then done in registers: "*from". Statistics are of
 * columns of one row. */
static bool choose_rows(const struct wgmma *f, int *from)
{
	bool swap = f->of.m < f->of.n && f->of.m < 64;
	bool right = has_work(f, true) && f->of.products == 1;
	int64_t rows = right ? f->of.n : f->of.m;

	*from = f->open.v[WGMMA_FROM].values[0];
	if (f->of.epilogue.rows) {
		swap = !f->of.epilogue.rows_along_n;
		if (has_work(f, swap))
			*from = FROM_REGISTER;
		return swap;
	}
	if (has_work(f, false) == right || rows < 64)
		return swap;
	*from = FROM_REGISTER;
	return right;
}

/* What tiles have, of rows that a usual one has, and who multiplies them. */
enum { TWO_GROUPS = 128, THREE_GROUPS = 192, GROUP_THREADS = 128 };

static int rows_of(const struct wgmma_way *w, const int *usual)
{
	return w->thirds && usual[0] == TWO_GROUPS ? THREE_GROUPS : usual[0];
}

static int threads_of(const struct wgmma_way *w, const int *usual)
{
	return usual[2] + (rows_of(w, usual) != usual[0] ? GROUP_THREADS : 0);
}

/* A usual tile of rows, columns and threads; the rest is to be found. */
static void set_tile(const struct task *t, const struct wgmma *f,
	const struct wgmma_way *w, const int *usual, int *v)
{
	const struct tunable *open = f->open.v;
	int narrow = w->swap ? usual[1] : usual[1] / f->of.products;
	int side[] = { rows_of(w, usual), w->wide ? w->wide : narrow < 16 ? 16 :
		narrow };
	int precision = precision_is_thrice(t->schedule,
		f->of.epilogue.outputs[0].tensor->name) ? PRECISION_3XTF32 :
		open[WGMMA_PRECISION].values[0];
	const int tile[WGMMA_VALUES] = { [WGMMA_M] = side[w->swap], [WGMMA_N] =
		side[!w->swap], [WGMMA_THREADS] = threads_of(w, usual),
		[WGMMA_GROUP] = 1,
		[WGMMA_CLUSTER_M] = 1, [WGMMA_CLUSTER_N] = 1,
		[WGMMA_SWAP] = w->swap, [WGMMA_FROM] = w->from,
		[WGMMA_ON] = 1, [WGMMA_PRECISION] = precision,
		[WGMMA_PROMOTE] = open[WGMMA_PROMOTE].values[0],
		[WGMMA_HALO] = w->halo };

	memcpy(v, tile, sizeof tile);
}

/* Rows, columns and threads, from the largest. */
static const int usual[][3] = {
	{ 128, 256, 256 }, { 128, 128, 256 }, { 128, 64, 256 },
	{ 64, 128, 128 }, { 64, 64, 128 }, { 64, 32, 128 },
	{ 64, 16, 128 },
};

/* Does some usual tile? */
static bool fits(const struct task *t, const struct wgmma *f,
	const struct wgmma_way *w)
{
	int v[WGMMA_VALUES];
	struct tiling p;

	for (int i = 0; i < COUNT(usual); i++) {
		set_tile(t, f, w, usual[i], v);
		if (try_start(t, w, v, &p))
			return true;
	}
	return false;
}

/* The largest usual tile that still gives every multiprocessor a block, with what
 * goes with it, into "start"; where none fits, one that does not. */
static void start_with(const struct task *t, const struct wgmma *f,
	const struct wgmma_way *w, int *start)
{
	bool any = false, enough = false;
	int best[WGMMA_VALUES], trial[WGMMA_VALUES], v[WGMMA_VALUES];
	struct tiled_guess guess = { &places, t->gpu->tensor_sm * f->rate,
		best, trial, 0 };
	struct tiling p;

	for (int i = 0; i < COUNT(usual) && !enough; i++) {
		bool found;

		if (w->thirds && usual[i][0] != TWO_GROUPS)
			continue;
		set_tile(t, f, w, usual[i], v);
		found = try_start(t, w, v, &p);
		if (found)
			persist(t, v);
		if (found || !any)
			memcpy(start, v, sizeof v);
		if (!found)
			continue;
		any = true;
		enough = p.tiles * v[WGMMA_SPLIT] >= t->gpu->sms;
		if (!w->wide)
			tiled_guess(t, &f->of, &guess, v);
	}
	tiled_take_guess(t, &f->of, &guess, start);
}

/* The first that fits, of the narrowest tile of whole rows where there are some. */
static bool find_way(const struct task *t, struct wgmma *f)
{
	struct wgmma_way *w = &f->way;
	const struct tunable *along;
	bool rows = f->of.epilogue.rows;
	int from;

	w->halo = f->open.v[WGMMA_HALO].values[0];
	w->swap = choose_rows(f, &from);
	along = &f->open.v[w->swap ? WGMMA_M : WGMMA_N];
	for (int i = 0; i < (rows ? along->n : 1); i++) {
		w->wide = rows ? along->values[i] : 0;
		w->from = from;
		if (fits(t, f, w))
			return true;
		w->from = FROM_SHARED;
		if (from == FROM_REGISTER && fits(t, f, w))
			return true;
	}
	return false;
}

static void start(const struct task *t, int *values)
{
	const struct wgmma *f = t->state;
	int first[WGMMA_VALUES];

	start_with(t, f, &f->way, first);
	tiled_start(&f->open, first, WGMMA_FIXED, values);
}

/* Do tiles of three groups' rows reach less beyond the end than of two? */
static bool in_thirds(const struct wgmma *f)
{
	int64_t rows = f->way.swap ? f->of.n : f->of.m;

	return !f->way.wide && number_ceil(rows, THREE_GROUPS) * THREE_GROUPS <
		number_ceil(rows, TWO_GROUPS) * TWO_GROUPS;
}

/* One for each patch; rows of patches are multiplied from where they lie. Where there
 * are none, one of tiles that may fit rows better, such as a filter's gradient has:
 * few of them, whose parts fill the chip. */
static bool other_start(const struct task *t, int n, int *values)
{
	const struct wgmma *f = t->state;
	const struct tunable *halo = &f->open.v[WGMMA_HALO];
	struct wgmma_way w = f->way;
	int first[WGMMA_VALUES];

	if (n + 1 < halo->n) {
		w.from = FROM_SHARED;
		w.halo = halo->values[n + 1];
	} else if (n || !in_thirds(f)) {
		return false;
	}
	w.thirds = halo->n == 1;
	start_with(t, f, &w, first);
	tiled_start(&f->open, first, WGMMA_FIXED, values);
	return true;
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	struct wgmma_plan p;

	return wgmma_plan(t, a, values, &p);
}

static const char *in_place(const struct task *t, struct arena *a,
	const int *values)
{
	const struct wgmma *f = t->state;
	struct wgmma_plan p;
	const char *why;

	wgmma_plan(t, a, values, &p);
	why = tiled_in_place(&p.of);
	for (int i = 0; p.store.columns && i < f->of.epilogue.n; i++)
		if (f->of.epilogue.outputs[i].tensor->over)
			return arena_printf(a, "%s%sresults are stored by bulk: "
				"epilogue(%s, bulk = 0)", why ? why : "",
				why ? "; " : "",
				f->of.epilogue.outputs[i].tensor->name);
	return why;
}

/* Of f32 wgmma reads the bits that tf32 has; in three products it is rounded. */
static bool arithmetic(const struct task *t, struct arena *a,
	const int *values, struct ir_operator *o)
{
	const struct wgmma *f = t->state;
	enum precision p = (enum precision)values[WGMMA_PRECISION];

	if (f->is_short) {
		promote_rewrite(a, &f->of, f->row->k, promote_after(&f->of,
			values[WGMMA_ORDER], values[WGMMA_PROMOTE]), o);
		return true;
	}
	return tensor_core_rewrite(a, &f->of, p == PRECISION_TF32 ?
		PRECISION_CUT : p, o);
}

static const char *const directives[] = {
	"bind", "cache", "cluster", "epilogue", "fuse", "mma", "pipeline", "raster",
	"reorder", "split_k", "stage", "swizzle", "tail", "tile", "vectorize",
	NULL
};

static const struct sketch_refusal refusals[] = {
	{ "unroll", "a chunk's instructions are written out whole; "
		"tile(block, K = ...) says how long a chunk is" },
	TILED_REFUSALS,
	{ "reduce", "four warps sum their results alone; split_k(STATEMENT, N) "
		"gives parts of the sum to several blocks" },
	{ NULL, NULL }
};

const struct sketch sketch_wgmma = {
	.name = "wgmma",
	.summary = "tiled contraction on tensor cores, by four warps (Hopper)",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.in_place = in_place,
	.price = wgmma_price,
	.least = wgmma_least,
	.start = start, .other_start = other_start, .newer = "halo",
	.build = wgmma_build,
	.arithmetic = arithmetic,
};
