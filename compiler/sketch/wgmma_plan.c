/* SPDX-License-Identifier: MIT */
/* From a point of the wgmma sketch to everything that follows from it: groups of
 * warps, swizzled staging, shared memory, registers, grid, and whether that fits
 * the target. wgmma_cost.c says what it costs. */
#include "sketch/wgmma.h"
#include "sketch/asked.h"
#include "sketch/common.h"
#include "sketch/precision.h"
#include "sketch/promotion.h"

static int elem_of(const struct wgmma *f)
{
	return dtype_row(f->tile)->bits / 8;
}

/* Four warps of a block, wherever they multiply. */
static int all_groups(const struct wgmma_plan *p)
{
	return p->groups * p->of.crews;
}

/* ---- groups of warps ---- */

/* "products": of so many there are columns. */
static const char *plan_columns(const struct wgmma *f, struct arena *a,
	const char *name, int cols, int products)
{
	int step = cols * products <= 32 ? 8 : f->row->step;

	if (step > 8)
		step /= products;
	if (cols > WGMMA_COLUMNS / products)
		return arena_printf(a, "an instruction has up to 256 columns%s: a "
			"tile of %d of %s is too wide, take %d", products > 1 ?
			", of both products" : "", cols, name, WGMMA_COLUMNS /
			products);
	if (cols % step)
		return arena_printf(a, "an instruction's columns are a multiple "
			"of %d: %d of %s are none, take %d", step, cols, name,
			cols < step ? step : cols / step * step);
	return NULL;
}

/* Four threads of a warp have columns of a row; of a column many warps have. */
static const char *share_rows(const struct wgmma *f, struct arena *a,
	struct wgmma_plan *p)
{
	bool along_n = f->of.epilogue.rows_along_n;

	p->of.rows = (struct row_threads){ .lanes = 4, .stride = 1, .parts = 1,
		.rows = along_n ? p->of.bm : p->of.bn };
	if (f->of.epilogue.rows && p->swap == along_n)
		return arena_printf(a, "statistics are of an instruction's rows, "
			"whose columns four threads have, and these go along "
			"%s: swap = %s", along_n ? f->of.n_name : f->of.m_name,
			along_n ? "off" : "on");
	return tiled_rows_plan(&f->of, a, &p->of);
}

static const char *plan_groups(const struct wgmma *f, struct arena *a,
	struct wgmma_plan *p)
{
	const char *rows_name = p->swap ? f->of.n_name : f->of.m_name;
	int rows = p->swap ? p->of.bn : p->of.bm, step;

	p->cols = p->swap ? p->of.bm : p->of.bn;
	if (p->of.threads < 128 || p->of.threads % 128 || p->of.threads > 512)
		return arena_printf(a, "four warps multiply together: %d threads "
			"are not 128, 256, 384 or 512, take %d", p->of.threads,
			p->of.threads < 256 ? 128 : p->of.threads < 384 ? 256 :
			p->of.threads < 512 ? 384 : 512);
	if (p->of.crews > 1 && p->of.threads != 256)
		return "persistent = pingpong has two crews of four warps, which "
			"multiply by turns: bind(threads = 256)";
	p->groups = p->of.threads / 128 / p->of.crews;
	step = 64 * p->groups;
	if (rows % step)
		return arena_printf(a, "%d threads multiply 64 x %d rows at "
			"once: a tile of %d of %s is no multiple of %d, take %d",
			128 * p->groups, p->groups, rows, rows_name, step,
			rows < step ? step : rows / step * step);
	p->each = rows / step;
	p->sum_each = p->swap ? p->each * f->of.products : p->each;
	p->sum_cols = p->swap ? p->cols : p->cols * f->of.products;
	return plan_columns(f, a, p->swap ? f->of.m_name : f->of.n_name,
		p->cols, p->swap ? 1 : f->of.products);
}

static const char *plan_depth(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p)
{
	int bytes = p->of.bk * elem_of(f);

	if (bytes == 32 || bytes == 64 || bytes == 128)
		return NULL;
	return arena_printf(a, "rows of shared memory are swizzled within 32, 64 "
		"or 128 bytes: %d of %s are %d, take %d", p->of.bk,
		f->of.k_name, bytes, (bytes < 64 ? 32 : bytes < 128 ? 64 : 128) /
			elem_of(f));
}

/* Blocks of a cluster share the rows of a factor; each copies a part of them,
 * whole atoms of the swizzle. */
static const char *check_cluster(const struct wgmma *f, struct arena *a,
	const int *v, const struct wgmma_plan *p)
{
	int m = v[WGMMA_CLUSTER_M], n = v[WGMMA_CLUSTER_N];
	int rows = p->of.along_m ? p->of.bn : p->of.bm;

	if (m < 1 || n < 1 || m > 8 || n > 8 || (m & (m - 1)) || (n & (n - 1)))
		return "a cluster has 1, 2, 4 or 8 blocks along an axis";
	if (m > 1 && n > 1)
		return arena_printf(a, "blocks of a cluster lie along %s or "
			"%s: cluster(%s = 1)", f->of.m_name, f->of.n_name,
			f->of.n_name);
	if (p->of.cluster > 1 && rows % (8 * p->of.cluster))
		return arena_printf(a, "%d blocks that share a tile's %d of %s "
			"copy a multiple of 8 of them each", p->of.cluster,
			rows, p->of.along_m ? f->of.n_name : f->of.m_name);
	return NULL;
}

static const char *check_precision(const struct wgmma *f, struct arena *a,
	const int *v, const struct wgmma_plan *p)
{
	if ((f->tile == T_F32) != (v[WGMMA_PRECISION] != PRECISION_AUTO))
		return f->tile == T_F32 ? "f32 is multiplied as tf32 or 3xtf32" :
			arena_printf(a, "%s is multiplied as it is: a precision "
				"is for f32", dtype_row(f->tile)->name);
	return p->thrice && !p->registers ? "in three products rows are taken "
		"apart in registers: from = register" : NULL;
}

static const char *read_values(const struct wgmma *f, struct arena *a,
	const int *v, struct wgmma_plan *p)
{
	const char *why;

	*p = (struct wgmma_plan){ .swap = v[WGMMA_SWAP],
		.persistent = v[WGMMA_PERSISTENT] != 0,
		.promote = promote_after(&f->of, v[WGMMA_ORDER],
			v[WGMMA_PROMOTE]),
		.thrice = v[WGMMA_PRECISION] == PRECISION_3XTF32,
		.halo = v[WGMMA_HALO] > HALO_OFF,
		.registers = v[WGMMA_FROM] == FROM_REGISTER ||
			(v[WGMMA_FROM] == FROM_AUTO &&
			v[WGMMA_PRECISION] == PRECISION_3XTF32), .of = {
		.crews = v[WGMMA_PERSISTENT] == PINGPONG ? 2 : 1,
		.bm = v[WGMMA_M], .bn = v[WGMMA_N], .bk = v[WGMMA_K],
		.threads = v[WGMMA_THREADS], .stages = v[WGMMA_STAGES],
		.async = v[WGMMA_ASYNC] == 1, .bulk = v[WGMMA_ASYNC] == 2,
		.by_columns = v[WGMMA_RASTER], .group = v[WGMMA_GROUP],
		.cluster = v[WGMMA_CLUSTER_M] * v[WGMMA_CLUSTER_N],
		.along_m = v[WGMMA_CLUSTER_M] > 1,
		.order = v[WGMMA_ORDER] } };
	tiled_read_split(v[WGMMA_SPLIT], v[WGMMA_COMBINE], &p->of);
	p->of.lag = (p->of.async || p->of.bulk) && p->of.stages > 2 &&
		!p->promote;
	why = v[WGMMA_ON] == 1 ? tiled_sizes(&f->of, &p->of) :
		"it multiplies on tensor cores: mma is 1, or another sketch";
	if (!why)
		why = wgmma_ways(f, a, v, p);
	if (!why)
		why = check_cluster(f, a, v, p);
	if (!why)
		why = plan_groups(f, a, p);
	if (!why)
		why = share_rows(f, a, p);
	if (!why)
		why = plan_depth(f, a, p);
	if (!why)
		why = promote_check(a, &f->of, f->is_short, v[WGMMA_PROMOTE],
			&p->of);
	return why ? why : check_precision(f, a, v, p);
}

/* ---- staging ---- */

/* Neighbours that a thread stores at once: 16 bytes where columns can be dealt
 * out so, which is where each is a row of the shared tile, and what they are is
 * not left to bulk stores. */
static int columns_together(const struct wgmma *f, const struct wgmma_plan *p,
	const struct operand *cols, bool direct)
{
	int v = tiled_together(&f->of.epilogue);
	int cluster = p->of.along_m != p->swap ? p->of.cluster : 1;

	if (!direct || !cols->orders[p->of.order].k_inner ||
	    f->of.epilogue.along_n == p->swap)
		return 2;
	while (v > 2 && (p->cols / cluster % (4 * v) || (p->of.bulk &&
	       !bulk_deals(cols, p->of.order, v))))
		v /= 2;
	return v;
}

/* Of a tile whose rows run along M or N: what a row of a swizzled panel holds. */
static int panel_of(int rows)
{
	return rows % 64 == 0 ? 64 : rows % 32 == 0 ? 32 : 16;
}

/* Of rows that registers take as they are: what a panel of 128 bytes holds. */
static int raw_panel(const struct operand *op)
{
	return op->elem > 2 ? 128 / op->elem : 64;
}

/* The stage of an instruction's rows. */
static struct stage rows_stage(const struct wgmma *f,
	const struct wgmma_plan *p)
{
	const struct raw *raw = p->swap ? &f->raw_right : &f->raw_left;
	struct stage s = { .group = 1, .lanes = 8, .matrix = true,
		.align = 1024, .panel = 64 };

	if (p->registers) {
		s.op = &raw->of;
		s.panel = raw_panel(&raw->of);
	}
	return s;
}

/* Does a schedule ask for rows that are not swizzled? */
static bool asks_plain(const int *pins)
{
	enum { ON = 1, OFF };

	return pins[TILED_PAD] == ON || pins[TILED_SWIZZLE] == OFF ||
		pins[TILED_STAGE_SWIZZLE] == OFF;
}

/* Rows that registers take, of one chunk, which changes places with none. */
static bool too_short(const struct wgmma_plan *p, const struct stage *s)
{
	return p->registers && s == (p->swap ? &p->of.right : &p->of.left) &&
		s->tile_k * s->op->tile_elem == 16;
}

static const char *check_swizzle(struct arena *a, const struct wgmma_plan *p,
	const struct stage *s, const int *pins)
{
	if (!s->order->k_inner && s->shares && s->tile_rows % (s->shares *
	    s->panel))
		return arena_printf(a, "%d blocks that share a tile of '%s' "
			"copy whole panels of %d of its %d rows", s->shares,
			s->op->tensor->name, s->panel, s->tile_rows);
	if (!s->order->k_inner && asks_plain(pins))
		return arena_printf(a, "tiles of '%s' lie along their rows in "
			"swizzled panels: leave pad and swizzle out",
			s->op->tensor->name);
	if (!s->order->k_inner)
		return s->tile_rows % s->panel == 0 ? NULL : arena_printf(a,
			"tiles of '%s' lie along their rows in panels of 16: "
			"%d of them are no multiple of that", s->op->tensor->name,
			s->tile_rows);
	if (s->swizzled || too_short(p, s))
		return NULL;
	return arena_printf(a, "wgmma reads tiles of '%s' swizzled: pad = off, "
		"swizzle = on", s->op->tensor->name);
}

static const char *plan_stages(const struct task *t, struct arena *a,
	const int *v, struct wgmma_plan *p)
{
	const struct wgmma *f = t->state;
	struct stage rows = rows_stage(f, p);
	struct stage cols = { .lanes = 4, .pairs = true, .matrix = true,
		.align = 1024, .panel = panel_of(p->cols) };
	const char *why;

	p->vec = columns_together(f, p, p->swap ? &f->of.left : &f->of.right,
		!v[WGMMA_STORE]);
	cols.group = p->vec;
	p->of.left = p->swap ? cols : rows;
	p->of.right = p->swap ? rows : cols;
	if (f->of.products > 1)
		p->of.right.weave = p->swap ? 64 * p->each : p->cols;
	p->of.left.image = wgmma_image(f, p, false);
	p->of.right.image = wgmma_image(f, p, true);
	p->of.twin.image = f->twin[p->of.order];
	why = wgmma_halo_plan(f, a, v, p);
	if (why)
		return why;
	why = tiled_stages(t, &f->of, a, v + WGMMA_FIXED, &p->of);
	if (!why && p->registers)
		why = wgmma_fragment_plan(f, a, p);
	if (!why)
		why = check_swizzle(a, p, &p->of.left, v + WGMMA_FIXED);
	if (!why)
		why = check_swizzle(a, p, &p->of.right, tiled_right(&f->of, v +
			WGMMA_FIXED));
	if (!why)
		why = tiled_tails(&f->of, a, v[WGMMA_TAIL_M], v[WGMMA_TAIL_N],
			p->swap ? p->vec : 1, p->swap ? 1 : p->vec, &p->of);
	return why ? why : wgmma_store_plan(f, a, v[WGMMA_STORE], p);
}

/* ---- registers ---- */

int wgmma_sums(const struct wgmma_plan *p)
{
	return p->sum_each * p->sum_cols / 2;
}

/* Of threads that copy, more where each step of the reduction is taken apart: what
 * two of them share of that waits in registers. */
static int copying_regs(const struct stage *s)
{
	return staging_regs(s) + (!s->uniform && s->order->k.n_runs > 2 ?
		s->k_slots / 2 : 0);
}

/* Where parts are stored by bulk: what waits to be packed, and an address of each
 * matrix, which nvcc makes once for all tiles. */
static int storing_regs(const struct store_plan *s)
{
	return s->columns ? s->step / 2 + s->columns / 16 + 6 : 0;
}

/* Registers for the sum of a result: where it is promoted there are two. */
static int sum_regs(const struct wgmma_plan *p)
{
	return p->promote ? 2 : 1;
}

/* A thread's results on either side. */
static struct share rows_share(const struct wgmma_plan *p)
{
	return (struct share){ 2 * p->each, 1, 8, 2, 64 };
}

static struct share cols_share(const struct wgmma_plan *p)
{
	return (struct share){ p->cols / 4, p->vec, 4, 0, 0 };
}

struct share wgmma_share_m(const struct wgmma_plan *p)
{
	return p->swap ? cols_share(p) : rows_share(p);
}

struct share wgmma_share_n(const struct wgmma_plan *p)
{
	return p->swap ? rows_share(p) : cols_share(p);
}

struct scale_counts wgmma_scales(const struct task *t, const struct wgmma_plan *p)
{
	const struct wgmma *f = t->state;

	return scales_count(t->op, &f->of, &p->of, wgmma_share_m(p),
		wgmma_share_n(p));
}

/* What a statistic reads beside the sums, ptxas fetches for all of them at once, and
 * keeps for what is stored. */
static int rows_regs(const struct wgmma *f, const struct wgmma_plan *p)
{
	return tiled_rows_regs(&f->of, wgmma_share_m(p).mine,
		wgmma_share_n(p).mine) +
		(f->of.epilogue.rows ? f->of.epilogue.early * wgmma_sums(p) : 0);
}

/* Accumulators, staging, and what addresses, descriptors and loops take. */
static int estimate_regs(const struct task *t, const struct wgmma_plan *p)
{
	const struct wgmma *f = t->state;
	int n = sum_regs(p) * wgmma_sums(p) + (p->of.bulk ? 0 :
		copying_regs(&p->of.left) + copying_regs(&p->of.right)) +
		storing_regs(&p->store) + 32 + tiled_stream_regs(&p->of) +
		(p->registers ? wgmma_fragment_regs(f, p) : 0) +
		wgmma_rest_regs(p) + rows_regs(f, p) +
		scales_regs(wgmma_scales(t, p));

	return n + n / 16;
}

static const struct share_of_registers *unequal_share(const struct wgmma_plan *p)
{
	return p->of.bulk ? promise_share(all_groups(p), p->sum_cols) : NULL;
}

/* Registers that a thread of the block may have. */
static int most_regs(const struct task *t, const struct wgmma_plan *p)
{
	const struct share_of_registers *s = unequal_share(p);
	int n = MOST_REGS;

	while (n > 8 && !target_occupancy(t->target, p->of.threads +
	       p->of.helpers, n, (int)p->shared_bytes))
		n -= 8;
	return s && s->keep > n ? s->keep : n;
}

/* Has the block room as it is? Registers are given in eights. */
static bool has_room(const struct task *t, const struct wgmma_plan *p)
{
	return p->regs <= MOST_REGS && target_occupancy(t->target,
		p->of.threads + p->of.helpers, p->regs, (int)p->shared_bytes);
}

/* One warp copies, or four where those that multiply want their registers. */
static void plan_helpers(const struct task *t, struct wgmma_plan *p)
{
	const struct share_of_registers *s = unequal_share(p);

	p->occupancy = target_occupancy(t->target, p->of.threads +
		p->of.helpers, p->regs, (int)p->shared_bytes);
	if (p->occupancy || !s)
		return;
	p->of.helpers = 128;
	p->of.give = s->give;
	p->of.keep = s->keep;
	p->occupancy = 1;
}

/* Columns of each product for which there are registers: accumulators are all that
 * changes. */
static const char *too_many(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p, int most)
{
	int over = (p->regs - most) * 16 / 17 + 1;
	int products = p->sum_cols / p->cols;
	int cols = (p->sum_cols - over * 2 / p->sum_each / sum_regs(p)) /
		products / f->row->step * f->row->step;

	return arena_printf(a, "%d x 64 rows and %d columns of four warps take "
		"about %d registers of each thread, more than %d: %s",
		p->sum_each, p->sum_cols, p->regs, most, cols > 0 ?
		arena_printf(a, "%d columns%s take less", cols, products > 1 ?
		" of each product" : "") : p->sum_each > 1 ? "take less rows" :
		"what is copied takes most of them");
}

static const char *check_shared(const struct task *t, struct arena *a,
	struct wgmma_plan *p)
{
	int64_t stages = tiled_shared(&p->of) + wgmma_rest_bytes(p);
	const char *why = tiled_too_much(t, a, &p->of, stages);

	p->shared_bytes = stages + p->store.bytes;
	if (why || p->shared_bytes <= t->target->smem_block)
		return why;
	return arena_printf(a, "bulk stores of %d columns take %lld bytes of "
		"shared memory, and stages leave %lld of %s's %d: less of "
		"either", p->store.columns, (long long)p->store.bytes,
		(long long)(t->target->smem_block - stages), t->target->name,
		t->target->smem_block);
}

static const char *plan_resources(const struct task *t, struct arena *a,
	struct wgmma_plan *p)
{
	const struct wgmma *f = t->state;
	const char *why = check_shared(t, a, p);
	int most;

	if (why)
		return why;
	p->regs = estimate_regs(t, p);
	p->of.helpers = p->of.bulk ? 32 : 0;
	most = has_room(t, p) ? p->regs : most_regs(t, p);
	if (p->regs > most)
		return too_many(f, a, p, most);
	plan_helpers(t, p);
	return p->of.keep && p->of.joins ? "registers are dealt out anew for a "
		"tile as large as that, and then a cluster cannot join parts: "
		"a smaller tile, or combine = workspace" : NULL;
}

/* As many blocks as run at once take one tile after the other. */
static const char *plan_persistence(const struct task *t, struct arena *a,
	struct wgmma_plan *p)
{
	int resident = gpu_clusters(t->gpu, p->occupancy, p->of.cluster) *
		p->of.cluster;

	if (p->of.streams && !p->persistent)
		return "blocks that share out chunks of tiles take one after the "
			"other: raster(persistent = on), or combine = workspace";
	if (!p->persistent)
		return NULL;
	if (p->of.split > 1)
		return "persistent blocks sum all of a tile: split_k by 1, or "
			"persistent = off";
	if (p->of.streams)
		return tiled_stream_plan(t, &((const struct wgmma *)
			t->state)->of, a, p->occupancy, &p->of);
	if (p->of.tiles <= resident)
		return arena_printf(a, "%lld tiles all run at once on %s: "
			"persistent = off", (long long)p->of.tiles,
			t->gpu->name);
	p->of.blocks = resident;
	return NULL;
}

const char *wgmma_plan(const struct task *t, struct arena *a, const int *values,
	struct wgmma_plan *p)
{
	const struct wgmma *f = t->state;
	const char *why = read_values(f, a, values, p);

	if (!why)
		why = plan_stages(t, a, values, p);
	if (!why)
		why = plan_resources(t, a, p);
	if (!why)
		why = tiled_grid(&f->of, a, &p->of);
	if (!why)
		why = scales_parts(a, &f->of, &p->of);
	if (!why)
		why = plan_persistence(t, a, p);
	if (!why)
		p->promised = p->of.keep ? 1 : promise_blocks(t->target,
			p->of.threads + p->of.helpers, p->regs, p->of.async ||
			p->of.bulk ? 0 : p->regs, (int)p->shared_bytes);
	return why;
}
