/* SPDX-License-Identifier: MIT */
/* From a point of the mma sketch to everything that follows from it: warps,
 * fragments, staging, shared memory, registers, grid; whether that fits the
 * target, and the features from which a model estimates its time. */
#include "sketch/mma.h"
#include "sketch/asked.h"
#include "sketch/common.h"
#include "sketch/promotion.h"
#include "sketch/walk.h"

#include <limits.h>
#include <string.h>

static int elem_of(const struct mma *f)
{
	return dtype_row(f->tile)->bits / 8;
}

/* ---- warps ---- */

/* Of "warp", a multiple of 16, or less: what divides "block", another. */
static int dividing(int block, int warp)
{
	while (block % warp)
		warp -= 16;
	return warp;
}

static const char *sixteens(struct arena *a, const char *whose,
	const char *name, int n)
{
	if (n >= 1 && n % 16 == 0)
		return NULL;
	return arena_printf(a, "a %s's %d of %s are no multiple of 16: take %d",
		whose, n, name, n < 16 ? 16 : n / 16 * 16);
}

/* Fragments are fetched 16 rows or columns at a time. */
static const char *plan_side(struct arena *a, const char *name, int block,
	int warp, int *warps)
{
	const char *why = sixteens(a, "warp", name, warp);

	if (!why)
		why = sixteens(a, "block", name, block);
	if (why)
		return why;
	if (block % warp)
		return arena_printf(a, "a warp's %d of %s do not divide the "
			"block's %d: take %d", warp, name, block,
			dividing(block, warp));
	*warps = block / warp;
	return NULL;
}

static const char *plan_warps(const struct mma *f, struct arena *a,
	const int *v, struct mma_plan *p)
{
	const char *why;

	p->wm = v[MMA_WM];
	p->wn = v[MMA_WN];
	why = plan_side(a, f->of.m_name, p->of.bm, p->wm, &p->warps_m);
	if (!why)
		why = plan_side(a, f->of.n_name, p->of.bn, p->wn, &p->warps_n);
	if (why)
		return why;
	p->of.threads = 32 * p->warps_m * p->warps_n;
	if (p->of.threads > 1024)
		return arena_printf(a, "%d x %d / (%d x %d) gives %d warps, "
			"more than 32", p->of.bm, p->of.bn, p->wm, p->wn,
			p->of.threads / 32);
	if (v[MMA_THREADS] && asked_number(v[MMA_THREADS]) != p->of.threads)
		return arena_printf(a, "%d x %d / (%d x %d) gives %d threads, "
			"not the %d of bind(threads = ..)", p->of.bm, p->of.bn,
			p->wm, p->wn, p->of.threads,
			asked_number(v[MMA_THREADS]));
	if (p->of.bk % f->row->k)
		return arena_printf(a, "an instruction sums %d steps of %s, "
			"which do not divide %d: take %d", f->row->k,
			f->of.k_name, p->of.bk, p->of.bk < f->row->k ?
			f->row->k : p->of.bk / f->row->k * f->row->k);
	return NULL;
}

/* A row's threads: the four that have columns of an instruction's row, or the
 * eight that have rows of its column. */
static void share_rows(const struct mma *f, struct mma_plan *p)
{
	bool along_n = f->of.epilogue.rows_along_n, eight = along_n == f->swap;

	p->of.rows = (struct row_threads){ .lanes = eight ? 8 : 4,
		.stride = eight ? 4 : 1, .parts = along_n ? p->warps_n :
		p->warps_m, .rows = along_n ? p->of.bm : p->of.bn };
}

static const char *read_values(const struct mma *f, struct arena *a,
	const int *v, struct mma_plan *p)
{
	const char *why;

	*p = (struct mma_plan){ .precision = (enum precision)
		v[MMA_PRECISION], .promote = promote_after(&f->of,
			v[MMA_ORDER], v[MMA_PROMOTE]),
		.of = {
		.bm = v[MMA_M], .bn = v[MMA_N], .bk = v[MMA_K],
		.stages = v[MMA_STAGES], .async = v[MMA_ASYNC],
		.cluster = 1, .by_columns = v[MMA_RASTER],
		.group = v[MMA_GROUP], .order = v[MMA_ORDER] } };
	tiled_read_split(v[MMA_SPLIT], v[MMA_COMBINE], &p->of);
	why = v[MMA_ON] == 1 ? tiled_sizes(&f->of, &p->of) :
		"it multiplies on tensor cores: mma is 1, or another sketch";
	if (!why)
		why = promote_check(a, &f->of, f->is_short, v[MMA_PROMOTE],
			&p->of);
	if (why)
		return why;
	if ((f->tile == T_F32) != (p->precision != PRECISION_AUTO))
		return f->tile == T_F32 ? "f32 is multiplied as tf32 or "
			"3xtf32" : arena_printf(a, "%s is multiplied as it is: "
			"a precision is for f32", dtype_row(f->tile)->name);
	return NULL;
}

/* ---- fragments ---- */

/* Neighbours that a thread stores at once: 16 bytes where columns can be dealt
 * out so, which is where each is a row of the shared tile. */
static int columns_together(const struct mma *f, const struct mma_plan *p)
{
	int v = p->col_load == MMA_LDMATRIX ?
		tiled_together(&f->of.epilogue) : 2;

	while (v > 2 && p->wc % (4 * v))
		v /= 2;
	return v;
}

static void plan_fragments(const struct mma *f, struct mma_plan *p)
{
	const struct operand *left = &f->of.left, *right = &f->of.right;

	p->wr = f->swap ? p->wn : p->wm;
	p->wc = f->swap ? p->wm : p->wn;
	p->row_load = mma_load_of(f->tile, (f->swap ? right : left)->orders[
		p->of.order].k_inner);
	p->col_load = mma_load_of(f->tile, (f->swap ? left : right)->orders[
		p->of.order].k_inner);
	p->vec = columns_together(f, p);
}

static const char *plan_stages(const struct task *t, struct arena *a,
	const int *v, struct mma_plan *p)
{
	const struct mma *f = t->state;
	struct stage rows = { .group = 1, .lanes = 8, .matrix = true };
	struct stage cols = { .group = p->vec, .lanes = 4, .pairs = true,
		.matrix = true };
	const char *why;

	p->of.left = f->swap ? cols : rows;
	p->of.right = f->swap ? rows : cols;
	if (f->of.products > 1)
		p->of.right.weave = p->wn;
	why = tiled_stages(t, &f->of, a, v + MMA_FIXED, &p->of);
	return why ? why : tiled_tails(&f->of, a, v[MMA_TAIL_M], v[MMA_TAIL_N],
		f->swap ? p->vec : 1, f->swap ? 1 : p->vec, &p->of);
}

/* ---- registers ---- */

/* Words of a thread for one instruction's share of a factor. */
static int fragment_words(const struct mma *f, int across)
{
	return across * f->row->k / 32 * dtype_row(f->row->factor)->bits / 32;
}

/* What ptxas has under way at once of a factor that a thread computes many
 * elements of, beyond those that staging counts. */
static int computed_regs(const struct stage *s)
{
	int n = s->op->value ? s->per_thread * stage_ks(s) * stage_rows(s) *
		stage_tiles(s) : 0;

	return n > 32 ? 2 * (n - 32) : 0;
}

int mma_rows_of(const struct mma *f, const struct mma_plan *p)
{
	return f->swap ? p->wr * f->of.products : p->wr;
}

int mma_cols_of(const struct mma *f, const struct mma_plan *p)
{
	return f->swap ? p->wc : p->wc * f->of.products;
}

static struct share rows_share(const struct mma_plan *p)
{
	return (struct share){ p->wr / 8, 1, 8, 0, 0 };
}

static struct share cols_share(const struct mma_plan *p)
{
	return (struct share){ p->wc / 4, p->vec, 4, 0, 0 };
}

struct share mma_share_m(const struct mma *f, const struct mma_plan *p)
{
	return f->swap ? cols_share(p) : rows_share(p);
}

struct share mma_share_n(const struct mma *f, const struct mma_plan *p)
{
	return f->swap ? rows_share(p) : cols_share(p);
}

static struct scale_counts scales_of(const struct task *t,
	const struct mma_plan *p)
{
	const struct mma *f = t->state;

	return scales_count(t->op, &f->of, &p->of, mma_share_m(f, p),
		mma_share_n(f, p));
}

static int rows_regs(const struct mma *f, const struct mma_plan *p)
{
	return tiled_rows_regs(&f->of, mma_share_m(f, p).mine,
		mma_share_n(f, p).mine);
}

/* Accumulators; all columns' fragments of a step, each multiplied by a row's
 * fragment after the other, and of both some that ptxas loads early, twice as many
 * where each has two parts or the pipe is slow; staging; and what addresses and
 * loops take. Shares are what fitted 192 kernels best. */
static int estimate_regs(const struct task *t, const struct mma_plan *p)
{
	const struct mma *f = t->state;
	const struct mma_row *r = f->row;
	int sums = p->wr * p->wc / 32 * f->of.acc_bytes / 4 * f->of.products;
	int rows = mma_rows_of(f, p) / r->m * fragment_words(f, r->m);
	int cols = mma_cols_of(f, p) / r->n * fragment_words(f, r->n);
	int n = (p->promote ? sums : 0) + rows_regs(f, p) +
		scales_regs(scales_of(t, p));

	if (p->precision == PRECISION_3XTF32 || f->widened || f->tile == T_F64) {
		rows *= 2;
		cols *= 2;
	}
	if (f->tile == T_F64)	/* ptxas loads many short steps ahead */
		n += p->of.bk;
	n += sums + sums / 10 + cols + cols / 2 + rows / 2 +
		staging_regs(&p->of.left) + staging_regs(&p->of.right) +
		computed_regs(&p->of.left) + computed_regs(&p->of.right) + 24 +
		tiled_stream_regs(&p->of);
	return n + n / 16;
}

/* With warps' tiles of other sides; INT_MAX where those make no kernel. */
static int regs_with(const struct task *t, struct arena *a, const int *values,
	int wm, int wn)
{
	const struct mma *f = t->state;
	int v[MMA_VALUES];
	struct mma_plan p;

	memcpy(v, values, sizeof v);
	v[MMA_WM] = wm;
	v[MMA_WN] = wn;
	if (read_values(f, a, v, &p) || plan_warps(f, a, v, &p))
		return INT_MAX;
	plan_fragments(f, &p);
	return plan_stages(t, a, v, &p) ? INT_MAX : estimate_regs(t, &p);
}

/* Halves the longer side of a warp's tile until a thread's registers hold it. */
static const char *too_wide(const struct task *t, struct arena *a,
	const int *values, const struct mma_plan *p)
{
	int wm = p->wm, wn = p->wn, regs = p->regs;

	while (regs > MOST_REGS && wm * wn > 16 * 16) {
		*(wm > wn ? &wm : &wn) /= 2;
		regs = regs_with(t, a, values, wm, wn);
	}
	return arena_printf(a, "a warp's tile of %d x %d takes about %d "
		"registers a thread, more than %d%s", p->wm, p->wn, p->regs,
		MOST_REGS, regs > MOST_REGS ? "" : arena_printf(a, ": %d x %d "
		"takes %d", wm, wn, regs));
}

static const char *plan_resources(const struct task *t, struct arena *a,
	const int *values, struct mma_plan *p)
{
	const struct mma *f = t->state;
	const char *why;

	p->shared_bytes = tiled_shared(&p->of) + tiled_rows_shared(&f->of,
		&p->of);
	why = tiled_too_much(t, a, &p->of, p->shared_bytes);
	if (why)
		return why;
	p->regs = estimate_regs(t, p);
	if (p->regs > MOST_REGS)
		return too_wide(t, a, values, p);
	return promise_room(t->target, p->of.threads, p->regs,
		(int)p->shared_bytes, &p->occupancy);
}

const char *mma_plan(const struct task *t, struct arena *a, const int *values,
	struct mma_plan *p)
{
	const struct mma *f = t->state;
	const char *why = read_values(f, a, values, p);

	if (!why)
		why = tiled_too_much(t, a, &p->of, (int64_t)p->of.stages *
			(p->of.bm + p->of.bn * f->of.products) * p->of.bk *
			elem_of(f));
	if (!why)
		why = plan_warps(f, a, values, p);
	if (why)
		return why;
	plan_fragments(f, p);
	share_rows(f, p);
	why = plan_stages(t, a, values, p);
	if (!why)
		why = tiled_rows_plan(&f->of, a, &p->of);
	if (!why)
		why = plan_resources(t, a, values, p);
	if (!why)
		why = tiled_grid(&f->of, a, &p->of);
	if (!why)
		why = scales_parts(a, &f->of, &p->of);
	if (!why && p->of.streams)
		why = tiled_stream_plan(t, &f->of, a, p->occupancy, &p->of);
	if (!why)
		p->promised = promise_blocks(t->target, p->of.threads, p->regs,
			p->of.async ? 0 : p->regs, (int)p->shared_bytes);
	return why;
}

/* ---- what it costs ---- */

/* Instructions that fetch one factor's fragments for one chunk, each of a warp,
 * and the wavefronts of 128 bytes they take. */
struct fetch {
	double loads, waves;
};

static struct fetch fetching(const struct mma *f, enum mma_load load, int rows,
	int bk)
{
	double bytes = (double)rows * bk * elem_of(f);

	if (load == MMA_ELEMENTS && elem_of(f) < 4)
		return (struct fetch){ 2 * bytes / 32, bytes / 32 };
	if (load == MMA_ELEMENTS)
		return (struct fetch){ bytes / 32 / elem_of(f), bytes / 128 };
	return (struct fetch){ bytes / 512, bytes / 128 };
}

/* What these instructions reach of the tensor cores' rate; f64 has no others. */
static double reached(const struct gpu *g, const struct mma *f)
{
	return f->tile == T_F64 ? 1 : g->mma_sync;
}

static int products_of(const struct mma_plan *p)
{
	return p->precision == PRECISION_3XTF32 ? 3 : 1;
}

/* Those of a warp that multiply a chunk, and widen its factors first. */
static double instructions(const struct mma *f, const struct mma_plan *p)
{
	const struct mma_row *row = f->row;
	int wr = mma_rows_of(f, p), wc = mma_cols_of(f, p);
	double n = (double)products_of(p) * wr / row->m * wc / row->n *
		p->of.bk / row->k;

	return f->widened ? 2 * n + (double)(wr + wc) * p->of.bk / 32 / 2 : n;
}

/* Of a thread: storing its results, and adding short sums up, or scaled ones. */
static double ending(const struct task *t, const struct mma_plan *p,
	const struct tiled_blocks *b)
{
	double promotions = p->promote ? b->chunks * p->of.bk / p->promote : 0;
	double results = (double)p->wr * p->wc / 32;
	struct scale_counts c = scales_of(t, p);
	int products = ((const struct mma *)t->state)->of.products;

	return results * (b->tiles * 6 + promotions * products * (2 +
		scales_each(c))) + promotions * scales_issue(c);
}

static void cost(const struct task *t, const struct mma_plan *p,
	struct features *out)
{
	const struct mma *f = t->state;
	double warps, per_block, issue, columns;
	struct tiled_joining joining;
	struct tiled_rows_cost rows;
	struct tiled_blocks b;
	struct fetch r, c;

	joining = tiled_joining_cost(&f->of, &p->of);
	rows = tiled_rows_cost(&f->of, &p->of, mma_share_m(f, p).mine,
		mma_share_n(f, p).mine);
	b = tiled_blocks(&p->of);
	warps = p->of.threads / 32.0;
	r = fetching(f, p->row_load, mma_rows_of(f, p), p->of.bk);
	c = fetching(f, p->col_load, mma_cols_of(f, p), p->of.bk);
	columns = p->of.bn * f->of.products;
	per_block = b.chunks * p->of.bm * columns * p->of.bk;
	issue = b.chunks * (instructions(f, p) + r.loads + c.loads +
		staging_issue(&p->of.left) + staging_issue(&p->of.right) + 24) +
		ending(t, p, &b) + rows.issue + 120;
	*out = (struct features){
		.tensor = b.n * products_of(p) * per_block / f->rate /
			reached(t->gpu, f),
		.rate = f->rate / products_of(p),
		.issue = b.n * warps * issue,
		.special = b.n * p->of.threads * (rows.special + b.chunks *
			(staging_computes(&p->of.left).special +
			staging_computes(&p->of.right).special)),
		.dram_bytes = f->of.dram_bytes,
		.l2_bytes = b.n * b.chunks * (staged_bytes(&p->of.left) +
			staged_bytes(&p->of.right)) + 2 *
			(double)p->of.workspace_bytes,
		.smem_cycles = b.n * (b.chunks * (warps * (r.waves + c.waves) +
			(p->of.bm + columns) * p->of.bk * elem_of(f) / 128) +
			joining.waves),
		.blocks = b.n, .cluster = tiled_cluster(&p->of),
		.threads = p->of.threads, .regs = p->regs,
		.smem = (int)p->shared_bytes, .occupancy = p->occupancy,
		.chain = 900 + rows.chain + b.chunks * (p->of.stages > 1 ? 60 :
			500) + joining.chain +
			choice_chain(&f->of.left, &f->of.right),
		.ilp = tiled_rows_ilp(rows, mma_rows_of(f, p) / f->row->m *
			mma_cols_of(f, p) / f->row->n, issue),
		.stages = p->of.stages - 1,
		.launches = 1 + joining.launches,
		.useful = product_size(&f->of) / (b.n * per_block),
	};
}

bool mma_price(const struct task *t, const int *values, struct features *out)
{
	struct mma_plan p;
	bool legal = !mma_plan(t, NULL, values, &p);

	if (legal)
		cost(t, &p, out);
	return legal;
}

void mma_least(const struct task *t, struct features *out)
{
	const struct mma *f = t->state;

	*out = (struct features){ .launches = 1,
		.tensor = product_size(&f->of) / f->rate / reached(t->gpu, f),
		.dram_bytes = f->of.dram_bytes };
}
