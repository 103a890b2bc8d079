/* SPDX-License-Identifier: MIT */
/* The mma sketch: a tiled contraction on tensor cores, by the instructions of a
 * warp (mma.sync). Blocks own tiles of the output, warps tiles of those;
 * operands pass through a pipeline of shared-memory stages and from there by
 * ldmatrix into registers. This file decides what applies and names the open
 * numbers; mma_plan.c says what fits and what it costs, mma_build.c writes the
 * kernel. */
#include "sketch/mma.h"
#include "sketch/asked.h"
#include "sketch/precision.h"
#include "sketch/promotion.h"
#include "sketch/tensor_core.h"

#include <string.h>

/* Products that Ada's instructions of 8-bit floats add at once, of 32 each half
 * after the other (Xie et al., arXiv:2511.10909). */
enum { ADA_AT_ONCE = 16 };

/* The largest instruction of those that sum 16 or 32 bytes of the reduction, as
 * fragments come from shared memory. */
static const struct mma_row *largest(const struct task *t,
	const struct product *f, enum dtype factor)
{
	int n, bits = dtype_row(factor)->bits;
	const struct mma_row *rows = mma_rows(&n), *best = NULL;

	for (int i = 0; i < n; i++) {
		const struct mma_row *r = &rows[i];

		if (r->factor != factor || !scales_sum_in(f, r->acc) ||
		    r->cc > t->target->cc || (r->k * bits != 128 &&
			    r->k * bits != 256))
			continue;
		if (!best || r->m * r->k > best->m * best->k)
			best = r;
	}
	return best;
}

/* Chips of compute capability 9.0 to 11.x have 8-bit floats in larger
 * instructions alone: ptxas makes those of a warp of conversions to f16 and its
 * instructions. */
static bool widens(const struct task *t, enum dtype factor)
{
	return (factor == T_E4M3 || factor == T_E5M2) && t->target->cc >= 90 &&
		t->target->cc < 120;
}

/* Ada's instructions of 8-bit floats keep sums short; those of later chips that
 * have them (sm_120) do not (Xie et al., arXiv:2511.10909). */
static bool is_short(const struct task *t, const struct mma *f)
{
	return t->target->cc == 89 && promotes(f->of.left.tile_type,
		f->of.right.tile_type);
}

static void find_instruction(const struct task *t, struct mma *f)
{
	const struct tensor_factor *x = tensor_core_factor(
		f->of.left.tile_type);

	f->tile = f->of.left.tile_type;
	if (x) {
		f->rate = x->rate;
		f->row = largest(t, &f->of, x->as);
	}
	f->widened = widens(t, f->tile);
	f->is_short = is_short(t, f);
	if (f->widened)
		f->rate = 1;
}

/* Chips of these compute capabilities have f64 in their tensor cores; others
 * emulate it at a 64th of the rate. */
static bool doubles(const struct target *t)
{
	return t->cc == 80 || t->cc == 90 || t->cc == 100;
}

static const char *refuse_types(const struct task *t, const struct mma *f)
{
	enum dtype l = f->of.left.tile_type, r = f->of.right.tile_type;

	if (l != r)
		return arena_printf(t->a, "mma multiplies factors of one type, "
			"not %s x %s", dtype_row(l)->name, dtype_row(r)->name);
	if (!f->row)
		return arena_printf(t->a, "the tensor cores of %s have no %s x "
			"%s accumulated in %s", t->target->name,
			dtype_row(l)->name, dtype_row(r)->name,
			dtype_row(f->of.acc)->name);
	if (l == T_F64 && !doubles(t->target))
		return arena_printf(t->a, "the tensor cores of %s multiply f64 "
			"no faster than fma does", t->target->name);
	return tensor_core_unsaid(t, &f->of, f->is_short);
}

static void make_tunables(struct task *t, struct mma *f);
static bool find_start(const struct task *t, struct mma *f);

enum {
	DOES = PRODUCT_COMPUTES | PRODUCT_ROWS | PRODUCT_SCALES |
		PRODUCT_CHOICES | PRODUCT_TWINS
};

static bool applies(struct task *t, const char **why)
{
	struct mma *f;

	if (!product_is(t, "mma", DOES, why))
		return false;
	f = ARENA_NEW(t->a, struct mma);
	if (!product_analyse(t, "mma", DOES, &f->of, why))
		return false;
	product_widen(t, &f->of);
	find_instruction(t, f);
	f->swap = !f->of.epilogue.along_n;
	*why = refuse_types(t, f);
	if (!*why)
		*why = tiled_rows_refuse(t, &f->of, IR_PRODUCT_ROW);
	if (*why)
		return false;
	make_tunables(t, f);
	t->state = f;
	if (find_start(t, f))
		return true;
	*why = tiled_refuse(t, &f->of);
	return false;
}

/* ---- the open numbers ---- */

static const int tile_values[] = { 16, 32, 64, 96, 128, 192, 256 };
static const int depth_values[] = { 16, 32, 64, 128 };
static const int warp_values[] = { 16, 32, 48, 64, 96, 128 };
static const int stage_values[] = { 1, 2, 3, 4, 5, 6 };
static const int switch_values[] = { 0, 1 };
static const int only_value[] = { 0 };
static const char *const kind_words[] = { "auto", "mma", NULL };
static const char *const level_block[] = { "block", NULL };
static const char *const level_warp[] = { "warp", NULL };

#define COUNT(array) (int)(sizeof array / sizeof *array)
#define VALUES(array) array, COUNT(array)

static void make_tunables(struct task *t, struct mma *f)
{
	struct tunables *l = &f->open;
	bool async = t->target->cp_async;

	l->v = ARENA_ARRAY(t->a, MMA_VALUES + TILED_FACTS + OUTPUTS_MAX,
		struct tunable);
	tiled_add_tiles(t, l, &f->of, (struct tiled_values){
		VALUES(tile_values) }, 16, IR_PRODUCT_ROW);
	tunables_add(t, l, "tile", level_block, f->of.k_name,
		VALUES(depth_values), NULL);
	tunables_add(t, l, "tile", level_warp, f->of.m_name,
		VALUES(warp_values), NULL);
	tunables_add(t, l, "tile", level_warp, f->of.n_name,
		VALUES(warp_values), NULL);
	tiled_add_pipeline(t, l, &f->of, (struct tiled_values){ stage_values,
		async ? 6 : 2 }, (struct tiled_values){ switch_values, async ?
		2 : 1 }, tiled_switch, f->of.epilogue.rows ? 1 : TILED_SPLITS);
	tiled_add_raster(t, l);
	tiled_add_reorder(t, l, &f->of);
	tunables_add(t, l, "bind", NULL, "threads", VALUES(only_value),
		asked_numbers);
	tensor_core_add(t, l, &f->of, kind_words, f->is_short);
	tiled_add_tails(t, l, &f->of);
	tiled_add_operands(t, l, &f->of);
	tunables_add_epilogue(t, l, &f->of);
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct mma *f = t->state;

	*n = f->open.n;
	return f->open.v;
}

/* ---- the untuned default ---- */

static const char *plan_tiling(const struct task *t, const int *values,
	struct tiling *out)
{
	struct mma_plan p;
	const char *why = mma_plan(t, NULL, values, &p);

	*out = p.of;
	return why;
}

static const int pipelines[][2] = { { 1, 4 }, { 1, 3 }, { 1, 2 }, { 0, 2 },
	{ 0, 1 } };
static const struct tiled_places places = { .n = MMA_VALUES, .k = MMA_K,
	.async = MMA_ASYNC, .stages = MMA_STAGES, .split = MMA_SPLIT,
	.combine = MMA_COMBINE, .pipelines = pipelines,
	.n_pipelines = sizeof pipelines / sizeof *pipelines,
	.plan = plan_tiling };

/* A chunk of 64 bytes of each row, or less where copies can't divide it. */
static bool try_start(const struct task *t, int *v, struct tiling *p)
{
	const struct mma *f = t->state;
	int depths[8], n = 0;

	for (int k = 64 / (dtype_row(f->tile)->bits / 8); k >= f->row->k; k /= 2)
		depths[n++] = k;
	return tiled_try(t, &f->of, &places,
		f->open.v[MMA_COMBINE].values[0], (struct tiled_values){ depths,
		n }, v, p);
}

/* Usual tiles of a block and of a warp by falling size, number "i"; where rows
 * are measured, so many whole ones. */
static bool usual_tile(const struct mma *f, int i, int *v)
{
	static const int usual[][4] = {
		{ 128, 128, 64, 64 }, { 128, 64, 64, 32 }, { 64, 128, 32, 64 },
		{ 64, 64, 32, 32 }, { 64, 32, 32, 16 }, { 32, 64, 16, 32 },
		{ 32, 32, 16, 16 }, { 16, 64, 16, 16 }, { 64, 16, 16, 16 },
		{ 16, 32, 16, 16 }, { 32, 16, 16, 16 }, { 16, 16, 16, 16 },
	};
	static const int whole[][3] = {	/* rows, a warp's, and of these up to */
		{ 128, 32, 128 }, { 64, 32, 128 }, { 64, 32, 64 },
		{ 32, 32, 64 }, { 32, 16, 128 }, { 32, 16, 64 },
		{ 16, 16, 128 }, { 16, 16, 64 }, { 16, 16, 32 },
	};
	bool along_n = f->of.epilogue.rows_along_n;
	int n = f->of.epilogue.rows ? COUNT(whole) : COUNT(usual), wide, warp;

	if (i >= n)
		return false;
	if (!f->of.epilogue.rows) {
		v[MMA_M] = usual[i][0];
		v[MMA_N] = usual[i][1];
		v[MMA_WM] = usual[i][2];
		v[MMA_WN] = usual[i][3];
		return true;
	}
	wide = f->open.v[along_n ? MMA_N : MMA_M].values[0];
	for (warp = whole[i][2]; wide % warp; warp -= 16)
		;
	v[along_n ? MMA_N : MMA_M] = wide;
	v[along_n ? MMA_WN : MMA_WM] = warp;
	v[along_n ? MMA_M : MMA_N] = whole[i][0];
	v[along_n ? MMA_WM : MMA_WN] = whole[i][1];
	return true;
}

/* The largest usual tile that still gives every multiprocessor a block; false
 * if none fits at all. */
static bool find_start(const struct task *t, struct mma *f)
{
	int best[MMA_VALUES], trial[MMA_VALUES];
	struct tiled_guess guess = { &places, t->gpu->tensor_sm * f->rate *
		t->gpu->mma_sync, best, trial, 0 };
	bool found = false, enough = false;
	struct tiling p;

	for (int i = 0; !enough; i++) {
		int v[MMA_VALUES] = { [MMA_GROUP] = 1, [MMA_ON] = 1,
			[MMA_PRECISION] = f->open.v[MMA_PRECISION].values[0],
			[MMA_PROMOTE] = f->open.v[MMA_PROMOTE].values[0] };

		if (!usual_tile(f, i, v))
			break;
		if (!try_start(t, v, &p))
			continue;
		memcpy(f->start, v, sizeof v);
		found = true;
		enough = p.tiles * v[MMA_SPLIT] >= t->gpu->sms;
		if (!f->of.epilogue.rows)
			tiled_guess(t, &f->of, &guess, v);
	}
	if (found)
		tiled_take_guess(t, &f->of, &guess, f->start);
	return found;
}

static void start(const struct task *t, int *values)
{
	const struct mma *f = t->state;

	tiled_start(&f->open, f->start, MMA_FIXED, values);
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	struct mma_plan p;

	return mma_plan(t, a, values, &p);
}

static const char *in_place(const struct task *t, struct arena *a,
	const int *values)
{
	struct mma_plan p;

	mma_plan(t, a, values, &p);
	return tiled_in_place(&p.of);
}

static bool arithmetic(const struct task *t, struct arena *a,
	const int *values, struct ir_operator *o)
{
	const struct mma *f = t->state;

	if (f->is_short) {
		promote_rewrite(a, &f->of, ADA_AT_ONCE, promote_after(&f->of,
			values[MMA_ORDER], values[MMA_PROMOTE]), o);
		return true;
	}
	return tensor_core_rewrite(a, &f->of, (enum precision)
		values[MMA_PRECISION], o);
}

static const char *const directives[] = {
	"bind", "cache", "epilogue", "fuse", "mma", "pipeline", "raster",
	"reorder", "split_k", "stage", "swizzle", "tail", "tile", "vectorize",
	NULL
};

static const struct sketch_refusal refusals[] = {
	{ "unroll", "a chunk's instructions are written out whole; "
		"tile(block, K = ...) says how long a chunk is" },
	TILED_REFUSALS,
	{ "reduce", "a warp sums its results alone; split_k(STATEMENT, N) "
		"gives parts of the sum to several blocks" },
	{ NULL, NULL }
};

const struct sketch sketch_mma = {
	.name = "mma",
	.summary = "tiled contraction on tensor cores, by warps (mma.sync)",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.in_place = in_place,
	.price = mma_price,
	.least = mma_least,
	.start = start,
	.build = mma_build,
	.arithmetic = arithmetic,
};
