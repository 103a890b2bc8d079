/* SPDX-License-Identifier: MIT */
/* From a point of the fma sketch to everything that follows from it: threads,
 * staging, shared memory, registers, grid; whether that fits the target, and
 * the features from which a model estimates its time. */
#include "sketch/fma.h"
#include "sketch/asked.h"
#include "sketch/common.h"
#include "sketch/walk.h"


/* ---- what fits ---- */

static int common(int x, int limit)
{
	while (limit > 1 && x % limit)
		limit /= 2;
	return limit;
}

static int min_int(int x, int y)
{
	return x < y ? x : y;
}

/* A warp's tile as pinned: "tiles" threads' tiles of "mine" on one side. */
static const char *pinned_warp(struct arena *a, const char *name, int pinned,
	int mine, int tiles, int *out)
{
	if (!pinned)
		return NULL;
	*out = pinned / mine;
	if (pinned % mine || !*out || 32 % *out || tiles % *out)
		return arena_printf(a, "a warp's %d of %s are no 1, 2, .. 32 "
			"threads' tiles of %d that divide the block's %d",
			pinned, name, mine, mine * tiles);
	return NULL;
}

static const char *plan_warp(const struct fma *f, struct arena *a,
	const int *v, struct fma_plan *p)
{
	const char *why;
	int x = 0, y = 0;

	why = pinned_warp(a, f->of.m_name, asked_number(v[FMA_WARP_M]), p->tm, p->ty,
		&y);
	if (!why)
		why = pinned_warp(a, f->of.n_name, asked_number(v[FMA_WARP_N]), p->tn,
			p->tx, &x);
	if (why)
		return why;
	p->warp_x = x ? x : y ? 32 / y : min_int(8, common(p->tx, 8));
	p->warp_y = y ? y : 32 / p->warp_x;
	if (p->warp_x * p->warp_y != 32)
		return arena_printf(a, "a warp of %d x %d threads' tiles is "
			"none of 32 threads", p->warp_y, p->warp_x);
	if (p->ty % p->warp_y == 0 && p->tx % p->warp_x == 0)
		return NULL;
	if (x || y)
		return arena_printf(a, "a warp's tile of %d x %d does not "
			"divide the block's %d x %d", p->warp_y * p->tm,
			p->warp_x * p->tn, p->of.bm, p->of.bn);
	p->warp_x = p->warp_y = 0;
	return NULL;
}

static const char *read_values(const struct fma *f, struct arena *a,
	const int *v, struct fma_plan *p)
{
	const char *why;

	*p = (struct fma_plan){ .tm = v[FMA_TM], .tn = v[FMA_TN], .of = {
		.bm = v[FMA_M], .bn = v[FMA_N], .bk = v[FMA_K],
		.stages = v[FMA_STAGES], .async = v[FMA_ASYNC],
		.cluster = 1, .by_columns = v[FMA_RASTER],
		.group = v[FMA_GROUP], .order = v[FMA_ORDER] } };
	tiled_read_split(v[FMA_SPLIT], v[FMA_COMBINE], &p->of);
	why = tiled_sizes(&f->of, &p->of);
	if (why)
		return why;
	if (p->tm < 1 || p->tn < 1)
		return "tiles are at least 1";
	if (p->of.bm % p->tm || p->of.bn % p->tn)
		return arena_printf(a, "a thread's tile %d x %d does not "
			"divide the block's %d x %d",
			p->tm, p->tn, p->of.bm, p->of.bn);
	p->tx = p->of.bn / p->tn;
	p->ty = p->of.bm / p->tm;
	p->of.threads = p->tx * p->ty;
	if (p->of.threads % 32 || p->of.threads > 1024)
		return arena_printf(a, "%d x %d / (%d x %d) gives %d threads: "
			"wanted is a multiple of 32 up to 1024",
			p->of.bm, p->of.bn, p->tm, p->tn, p->of.threads);
	p->vm = common(p->tm, min_int(4, 16 / f->of.left.tile_elem));
	p->vn = common(p->tn, min_int(4, 16 / f->of.right.tile_elem));
	if (v[FMA_THREADS] && asked_number(v[FMA_THREADS]) != p->of.threads)
		return arena_printf(a, "%d x %d / (%d x %d) gives %d threads, "
			"not the %d of bind(threads = ..)", p->of.bm, p->of.bn, p->tm,
			p->tn, p->of.threads, asked_number(v[FMA_THREADS]));
	return plan_warp(f, a, v, p);
}

static int fragment_regs(const struct stage *s, int rows, int kv,
	enum dtype acc)
{
	int words = (rows * (s->order->k_inner ? kv : 1) * s->op->tile_elem + 3) / 4;

	if (s->op->tile_type != acc)
		words += rows * dtype_row(acc)->bits / 32;
	return words;
}

/* Rows of the right fragment that are held at once, as far as ptxas 13.0 was
 * seen to go: more ahead of time where each serves one row of the left. */
static int passing_rows(const struct fma *f, const struct fma_plan *p)
{
	if (!p->streams)
		return p->tn;
	if (p->of.async && f->of.acc_bytes <= 4)
		return p->tm > 1 ? 2 : min_int(p->tn, 8);
	return min_int(p->tn, 6);
}

/* Registers a thread: accumulators, fragments, staging, and what addresses and
 * loops take. Within a tenth of ptxas's own count for most points; too low an
 * estimate spills, because __launch_bounds__ promises the occupancy it gives. */
static int estimate_regs(const struct fma *f, const struct fma_plan *p)
{
	int n = p->tm * p->tn * f->of.products * f->of.acc_bytes / 4 +
		fragment_regs(&p->of.left, p->tm, p->kv, f->of.acc) +
		f->of.products * fragment_regs(&p->of.right, passing_rows(f, p),
			p->kv, f->of.acc) +
		staging_regs(&p->of.left) + staging_regs(&p->of.right) +
		tiled_rows_regs(&f->of, p->tm, p->tn) + 24 + tiled_stream_regs(&p->of);

	return n + n / 16;
}

/* Loads that may be early: what waits in registers between chunks, and of a
 * reduction of one chunk, where no loop stops ptxas, everything. Twice the
 * estimate has room for either. */
static int early_words(const struct fma_plan *p)
{
	bool loop = p->of.chunks_split > 1 || p->of.left.order->k.open;

	return p->of.async && loop ? 0 : p->regs;
}

static const char *plan_unroll(const struct fma *f, struct arena *a, int ks,
	struct fma_plan *p)
{
	p->unroll = ks;
	if (!ks)
		return NULL;
	if (ks % p->kv || p->of.bk % ks)
		return arena_printf(a, "unroll(%s, %d) is no multiple of the %d "
			"that a fragment covers, or does not divide the tile's "
			"%d", f->of.k_name, ks, p->kv, p->of.bk);
	if (ks * p->tm * p->tn > 4096)
		return arena_printf(a, "unroll(%s, %d) writes %d multiply-adds "
			"in a row, more than 4096", f->of.k_name, ks,
			ks * p->tm * p->tn);
	return NULL;
}

static const char *plan_stages(const struct task *t, struct arena *a,
	const int *v, struct fma_plan *p)
{
	const struct fma *f = t->state;
	const char *why;

	p->of.left = (struct stage){ .group = p->vm, .lanes = p->ty };
	p->of.right = (struct stage){ .group = p->vn, .lanes = p->tx };
	if (f->of.products > 1)
		p->of.right.weave = p->of.bn;
	why = tiled_stages(t, &f->of, a, v + FMA_FIXED, &p->of);
	return why ? why : tiled_tails(&f->of, a, v[FMA_TAIL_M], v[FMA_TAIL_N],
		p->vm, p->vn, &p->of);
}

/* Threads of a warp lie warp_x wide; in plain order as many as fit. */
static void share_rows(struct fma_plan *p, bool along_n)
{
	int x = p->warp_x, y = p->warp_y;

	for (x = x ? x : 32; p->tx % x; x /= 2)
		;
	y = y ? y : p->tx == x ? 32 / x : 1;
	p->of.rows = along_n ? (struct row_threads){ x, 1, p->tx / x,
		p->of.bm, NULL, NULL } :
		(struct row_threads){ y, x, p->ty / y, p->of.bn, NULL, NULL };
}

static const char *plan_resources(const struct task *t, const struct fma *f,
	struct arena *a, const int *v, struct fma_plan *p)
{
	const char *why;

	p->kv = 1;
	if (p->of.left.order->k_inner)
		p->kv = min_int(8, 16 / f->of.left.tile_elem);
	if (p->of.right.order->k_inner && min_int(8, 16 / f->of.right.tile_elem) > p->kv)
		p->kv = min_int(8, 16 / f->of.right.tile_elem);
	if (p->of.bk % p->kv)
		return arena_printf(a, "fragments cover %d steps of %s, which "
			"do not divide %d",
			p->kv, f->of.k_name, p->of.bk);
	why = plan_unroll(f, a, asked_number(v[FMA_UNROLL]), p);
	if (why)
		return why;
	p->streams = p->of.left.order->k_inner && p->of.right.order->k_inner &&
		f->of.left.tile_type == f->of.acc &&
		f->of.right.tile_type == f->of.acc;
	p->shared_bytes = tiled_shared(&p->of) + tiled_rows_shared(&f->of, &p->of);
	why = tiled_too_much(t, a, &p->of, p->shared_bytes);
	if (why)
		return why;
	p->regs = estimate_regs(f, p);
	if (p->regs > MOST_REGS)
		return arena_printf(a, "a thread's tile of %d x %d takes about "
			"%d registers, more than %d",
			p->tm, p->tn, p->regs, MOST_REGS);
	return promise_room(t->target, p->of.threads, p->regs,
		(int)p->shared_bytes, &p->occupancy);
}

const char *fma_plan(const struct task *t, struct arena *a, const int *values,
	struct fma_plan *p)
{
	const struct fma *f = t->state;
	const char *why = read_values(f, a, values, p);

	if (!why)
		why = plan_stages(t, a, values, p);
	if (!why)
		why = tiled_rows_plan(&f->of, a, &p->of);
	if (!why)
		share_rows(p, f->of.epilogue.rows_along_n);
	if (!why)
		why = plan_resources(t, f, a, values, p);
	if (!why)
		why = tiled_grid(&f->of, a, &p->of);
	if (!why && p->of.streams)
		why = tiled_stream_plan(t, &f->of, a, p->occupancy, &p->of);
	if (!why)
		p->promised = promise_blocks(t->target, p->of.threads, p->regs,
			early_words(p), (int)p->shared_bytes);
	return why;
}

/* ---- what it costs ---- */

/* Fragment loads of one thread for one chunk, and their wavefronts for a warp
 * (eight threads' 16 bytes are one). */
static double fragment_loads(const struct stage *s, int rows, int v, int bk,
	int kv)
{
	if (s->order->k_inner)
		return (double)rows * bk / kv;
	return (double)rows / v * bk;
}

static double fragment_waves(const struct stage *s, int v, int kv, int lanes)
{
	int bytes = (s->order->k_inner ? kv : v) * s->op->tile_elem;
	double waves = (double)lanes * bytes / 128;

	return waves < 1 ? 1 : waves;
}

/* Turns of a warp's scheduler that a multiply-add takes: four of them feed 128
 * lanes. */
static double slots(const struct gpu *g, enum dtype acc)
{
	return acc == T_F64 ? 128.0 / g->f64_lanes_sm : 1;
}

/* Wavefronts in which a warp writes its copies of one chunk. */
static double written(const struct stage *s)
{
	return s->per_thread * stage_ks(s) * stage_rows(s) * stage_tiles(s) *
		s->op->tile_elem / 4.0;
}

/* Loads of a chunk's fragments, and conversions of what they hold. */
static double all_loads(const struct fma *f, const struct fma_plan *p)
{
	double n = fragment_loads(&p->of.left, p->tm, p->vm, p->of.bk, p->kv) +
		f->of.products * fragment_loads(&p->of.right, p->tn, p->vn,
			p->of.bk, p->kv);

	if (f->of.left.tile_type != f->of.acc)
		n += p->tm * p->of.bk;
	if (f->of.right.tile_type != f->of.acc)
		n += p->tn * p->of.bk * f->of.products;
	return n;
}

/* Wavefronts of shared memory that these loads take. */
static double all_waves(const struct fma_plan *p)
{
	int lanes_x = p->warp_x ? p->warp_x : min_int(p->tx, 32);
	int lanes_y = 32 / lanes_x;

	return fragment_loads(&p->of.left, p->tm, p->vm, p->of.bk, p->kv) *
		fragment_waves(&p->of.left, p->vm, p->kv, lanes_y) +
		fragment_loads(&p->of.right, p->tn, p->vn, p->of.bk, p->kv) *
		fragment_waves(&p->of.right, p->vn, p->kv, lanes_x) *
		stage_tiles(&p->of.right);
}

static void cost(const struct task *t, const struct fma_plan *p,
	struct features *out)
{
	const struct fma *f = t->state;
	struct cost_of each = product_cost(&f->of);
	struct tiled_joining joining;
	struct tiled_rows_cost rows;
	struct tiled_blocks b;
	double warps, fmas, loads, waves, issue;

	joining = tiled_joining_cost(&f->of, &p->of);
	b = tiled_blocks(&p->of);
	warps = p->of.threads / 32.0;
	fmas = (double)p->tm * p->tn * p->of.bk * (1 + each.issue) *
		slots(t->gpu, f->of.acc) * f->of.products;
	loads = all_loads(f, p);
	waves = all_waves(p);
	rows = tiled_rows_cost(&f->of, &p->of, p->tm, p->tn);
	issue = rows.issue + b.chunks * (fmas + loads + staging_issue(&p->of.left) +
		staging_issue(&p->of.right) + 24) + b.tiles * 6.0 *
		p->tm * p->tn + 120;
	*out = (struct features){
		.flops = (2 + each.ops) * b.n * b.chunks * (double)p->of.bm *
			p->of.bn * f->of.products * p->of.bk,
		.issue = b.n * warps * issue,
		.special = b.n * p->of.threads * (rows.special + b.chunks *
			(staging_computes(&p->of.left).special +
			staging_computes(&p->of.right).special + (double)p->tm * p->tn *
			p->of.bk * each.special)),
		.dram_bytes = f->of.dram_bytes,
		.l2_bytes = b.n * b.chunks * (staged_bytes(&p->of.left) +
			staged_bytes(&p->of.right)) + 2 * (double)p->of.workspace_bytes,
		.smem_cycles = b.n * (warps * b.chunks * (waves +
			written(&p->of.left) + written(&p->of.right)) +
			joining.waves),
		.blocks = b.n, .cluster = tiled_cluster(&p->of),
		.threads = p->of.threads, .regs = p->regs,
		.smem = (int)p->shared_bytes, .occupancy = p->occupancy,
		.chain = 900 + rows.chain + b.chunks * (p->of.stages > 1 ? 60 : 500) +
			joining.chain +
			choice_chain(&f->of.left, &f->of.right),
		.ilp = tiled_rows_ilp(rows, p->tm * p->tn * f->of.products, issue),
		.stages = p->of.stages - 1,
		.launches = 1 + joining.launches,
	};
	out->useful = (2 + each.ops) * product_size(&f->of) / out->flops;
}

bool fma_price(const struct task *t, const int *values, struct features *out)
{
	struct fma_plan p;
	bool legal = !fma_plan(t, NULL, values, &p);

	if (legal)
		cost(t, &p, out);
	return legal;
}

void fma_least(const struct task *t, struct features *out)
{
	const struct fma *f = t->state;

	*out = (struct features){ .launches = 1,
		.flops = (2 + product_cost(&f->of).ops) * product_size(&f->of),
		.dram_bytes = f->of.dram_bytes };
}
