/* SPDX-License-Identifier: MIT */
/* The fma sketch: a tiled contraction on CUDA cores. Blocks own tiles of
 * rows x columns of the flattened output, threads own small tiles in
 * registers, operands pass through a pipeline of shared-memory stages, and the
 * maps that follow the contraction are applied to the accumulators before they
 * are stored. This file decides what applies and names the open numbers;
 * fma_plan.c says what fits and what it costs, fma_build.c writes the kernel. */
#include "sketch/fma.h"
#include "sketch/asked.h"

#include <string.h>

static void make_tunables(struct task *t, struct fma *f);
static bool find_start(const struct task *t, struct fma *f);

enum {
	DOES = PRODUCT_COMPUTES | PRODUCT_ROWS | PRODUCT_PAIRS |
		PRODUCT_CHOICES | PRODUCT_TWINS
};

static bool applies(struct task *t, const char **why)
{
	struct fma *f;

	if (!product_is(t, "fma", DOES, why))
		return false;
	f = ARENA_NEW(t->a, struct fma);
	if (!product_analyse(t, "fma", DOES, &f->of, why))
		return false;
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

static const int tile_values[] = { 8, 16, 32, 48, 64, 96, 128, 192, 256 };
static const int depth_values[] = { 8, 16, 32, 64 };
static const int thread_values[] = { 1, 2, 4, 8, 16 };
static const int stage_values[] = { 1, 2, 3, 4, 5 };
static const int switch_values[] = { 0, 1 };
static const int only_value[] = { 0 };
static const char *const level_block[] = { "block", NULL };
static const char *const level_thread[] = { "thread", NULL };
static const char *const level_warp[] = { "warp", NULL };

#define VALUES(array) array, (int)(sizeof array / sizeof *array)

/* What follows from other numbers, or is chosen well, unless it is pinned. */
static void add_derived(struct task *t, struct tunables *l, const struct fma *f)
{
	tunables_add(t, l, "tile", level_warp, f->of.m_name, VALUES(only_value),
		asked_numbers);
	tunables_add(t, l, "tile", level_warp, f->of.n_name, VALUES(only_value),
		asked_numbers);
	tunables_add(t, l, "unroll", tunable_subject(t, f->of.k_name), NULL,
		VALUES(only_value), asked_numbers);
	tunables_add(t, l, "bind", NULL, "threads", VALUES(only_value),
		asked_numbers);
	tiled_add_tails(t, l, &f->of);
}

static void make_tunables(struct task *t, struct fma *f)
{
	struct tunables *l = &f->open;
	bool async = t->target->cp_async;

	l->v = ARENA_ARRAY(t->a, FMA_VALUES + TILED_FACTS + OUTPUTS_MAX,
		struct tunable);
	tiled_add_tiles(t, l, &f->of, (struct tiled_values){ VALUES(
		tile_values) }, 16, IR_PRODUCT_ROW);
	tunables_add(t, l, "tile", level_block, f->of.k_name,
		VALUES(depth_values), NULL);
	tunables_add(t, l, "tile", level_thread, f->of.m_name,
		VALUES(thread_values), NULL);
	tunables_add(t, l, "tile", level_thread, f->of.n_name,
		VALUES(thread_values), NULL);
	tiled_add_pipeline(t, l, &f->of, (struct tiled_values){ stage_values,
		async ? 5 : 2 }, (struct tiled_values){ switch_values, async ?
		2 : 1 }, tiled_switch, f->of.epilogue.rows ? 1 : TILED_SPLITS);
	tiled_add_raster(t, l);
	tiled_add_reorder(t, l, &f->of);
	add_derived(t, l, f);
	tiled_add_operands(t, l, &f->of);
	tunables_add_epilogue(t, l, &f->of);
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct fma *f = t->state;

	*n = f->open.n;
	return f->open.v;
}

/* ---- the untuned default ---- */

static void set(int *v, int m, int n, int k, int tm, int tn)
{
	v[FMA_M] = m;
	v[FMA_N] = n;
	v[FMA_K] = k;
	v[FMA_TM] = tm;
	v[FMA_TN] = tn;
}

static const char *plan_tiling(const struct task *t, const int *values,
	struct tiling *out)
{
	struct fma_plan p;
	const char *why = fma_plan(t, NULL, values, &p);

	*out = p.of;
	return why;
}

static const int pipelines[][2] = { { 1, 3 }, { 1, 2 }, { 0, 2 }, { 0, 1 } };
static const struct tiled_places places = { .n = FMA_VALUES, .k = FMA_K,
	.async = FMA_ASYNC, .stages = FMA_STAGES, .split = FMA_SPLIT,
	.combine = FMA_COMBINE, .pipelines = pipelines,
	.n_pipelines = sizeof pipelines / sizeof *pipelines,
	.plan = plan_tiling };

static bool try_start(const struct task *t, int *v, struct tiling *p)
{
	const struct fma *f = t->state;

	return tiled_try(t, &f->of, &places,
		f->open.v[FMA_COMBINE].values[0], (struct tiled_values){
		(int []){ v[FMA_K] }, 1 }, v, p);
}

/* As large as rows allow, and still a block for every multiprocessor. */
static bool start_rows(const struct task *t, struct fma *f)
{
	static const int shapes[][3] = {	/* of rows, of a thread */
		{ 128, 8, 8 }, { 64, 8, 8 }, { 64, 4, 8 }, { 32, 8, 8 },
		{ 32, 4, 8 }, { 16, 8, 8 }, { 16, 4, 8 }, { 16, 2, 8 },
		{ 8, 4, 8 }, { 8, 2, 8 }, { 8, 1, 8 }, { 16, 2, 4 },
		{ 8, 2, 4 }, { 8, 1, 4 },
	};
	bool along_n = f->of.epilogue.rows_along_n, found = false;
	int wide = f->open.v[along_n ? FMA_N : FMA_M].values[0];
	int v[FMA_VALUES] = { [FMA_GROUP] = 1 };
	struct tiling p;

	for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++) {
		const int *u = shapes[i];

		if (along_n)
			set(v, u[0], wide, 16, u[1], u[2]);
		else
			set(v, wide, u[0], 16, u[2], u[1]);
		if (!try_start(t, v, &p))
			continue;
		memcpy(f->start, v, sizeof v);
		found = true;
		if (p.tiles >= t->gpu->sms)
			return true;
	}
	return found;
}

static bool start_anything(const struct task *t, int *v, struct tiling *p)
{
	const struct tunable *open = ((const struct fma *)t->state)->open.v;
	int points = 1;

	for (int i = FMA_M; i <= FMA_TN; i++)
		points *= open[i].n;
	for (int i = 0; i < points; i++) {
		int j = i;

		for (int k = FMA_M; k <= FMA_TN; k++) {
			v[k] = open[k].values[j % open[k].n];
			j /= open[k].n;
		}
		if (try_start(t, v, p))
			return true;
	}
	return false;
}

/* The largest usual tile that still gives every multiprocessor a block; false
 * if no tile of any shape fits. */
static bool find_start(const struct task *t, struct fma *f)
{
	static const int usual[][5] = {
		{ 128, 128, 16, 8, 8 }, { 128, 64, 16, 8, 8 },
		{ 64, 64, 16, 8, 4 }, { 64, 32, 16, 4, 4 },
		{ 32, 32, 16, 4, 2 }, { 16, 32, 16, 2, 2 },
		{ 16, 16, 16, 2, 2 },
	};
	struct tiling p;
	int v[FMA_VALUES] = { [FMA_GROUP] = 1 };
	bool found = f->of.epilogue.rows && start_rows(t, f);

	if (found)
		return true;
	for (int i = 0; i < (int)(sizeof usual / sizeof *usual); i++) {
		const int *u = usual[i];

		set(v, u[0], u[1], u[2], u[3], u[4]);
		if (!try_start(t, v, &p))
			continue;
		memcpy(f->start, v, sizeof v);
		found = true;
		if (p.tiles * v[FMA_SPLIT] >= t->gpu->sms)
			return true;
	}
	if (found)
		return true;
	found = start_anything(t, v, &p);
	memcpy(f->start, v, sizeof v);
	return found;
}

static void start(const struct task *t, int *values)
{
	const struct fma *f = t->state;

	tiled_start(&f->open, f->start, FMA_FIXED, values);
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	struct fma_plan p;

	return fma_plan(t, a, values, &p);
}

static const char *in_place(const struct task *t, struct arena *a,
	const int *values)
{
	struct fma_plan p;

	fma_plan(t, a, values, &p);
	return tiled_in_place(&p.of);
}

static const char *const directives[] = {
	"bind", "cache", "epilogue", "fuse", "pipeline", "raster", "reorder",
	"split_k", "stage", "swizzle", "tail", "tile", "unroll", "vectorize",
	NULL
};

static const struct sketch_refusal refusals[] = {
	TILED_REFUSALS,
	{ "reduce", "a thread sums its results alone; split_k(STATEMENT, N) "
		"gives parts of the sum to several blocks, and gemv shares "
		"it among threads" },
	{ NULL, NULL }
};

const struct sketch sketch_fma = {
	.name = "fma",
	.summary = "tiled contraction on CUDA cores through shared memory",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.in_place = in_place,
	.price = fma_price,
	.least = fma_least,
	.start = start,
	.build = fma_build,
};
