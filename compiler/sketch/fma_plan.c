/* SPDX-License-Identifier: MIT */
/* From a point of the fma sketch to everything that follows from it: threads,
 * staging, shared memory, registers, grid; whether that fits the target, and
 * the features from which a model estimates its time. */
#include "sketch/fma.h"
#include "sketch/asked.h"
#include "sketch/common.h"
#include "sketch/parts.h"
#include "sketch/raster.h"
#include "sketch/walk.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

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

static int max_int(int x, int y)
{
	return x > y ? x : y;
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
			p->warp_x * p->tn, p->bm, p->bn);
	p->warp_x = p->warp_y = 0;
	return NULL;
}

static const char *read_values(const struct fma *f, struct arena *a,
	const int *v, struct fma_plan *p)
{
	*p = (struct fma_plan){ .bm = v[FMA_M], .bn = v[FMA_N], .bk = v[FMA_K],
		.tm = v[FMA_TM], .tn = v[FMA_TN], .stages = v[FMA_STAGES],
		.async = v[FMA_ASYNC], .split = v[FMA_SPLIT],
		.by_columns = v[FMA_RASTER], .group = v[FMA_GROUP],
		.order = v[FMA_ORDER] };
	if (p->bm < 1 || p->bn < 1 || p->bk < 1 || p->tm < 1 || p->tn < 1 ||
	    p->stages < 1 || p->split < 1 || p->group < 1)
		return "tiles, stages, split and group are at least 1";
	if (p->bm > 1024 || p->bn > 1024 || p->bk > 1024 || p->stages > 16)
		return "a tile is at most 1024 wide and 16 stages deep";
	if (p->order < 0 || p->order >= f->of.n_orders)
		return "there is no such order of the reduction";
	if (p->bm % p->tm || p->bn % p->tn)
		return arena_printf(a, "a thread's tile %d x %d does not "
			"divide the block's %d x %d",
			p->tm, p->tn, p->bm, p->bn);
	p->tx = p->bn / p->tn;
	p->ty = p->bm / p->tm;
	p->threads = p->tx * p->ty;
	if (p->threads % 32 || p->threads > 1024)
		return arena_printf(a, "%d x %d / (%d x %d) gives %d threads: "
			"wanted is a multiple of 32 up to 1024",
			p->bm, p->bn, p->tm, p->tn, p->threads);
	p->vm = common(p->tm, min_int(4, 16 / f->of.left.tile_elem));
	p->vn = common(p->tn, min_int(4, 16 / f->of.right.tile_elem));
	if (v[FMA_THREADS] && asked_number(v[FMA_THREADS]) != p->threads)
		return arena_printf(a, "%d x %d / (%d x %d) gives %d threads, "
			"not the %d of bind(threads = ..)", p->bm, p->bn, p->tm,
			p->tn, p->threads, asked_number(v[FMA_THREADS]));
	return plan_warp(f, a, v, p);
}

/* Where the last tile is moved back, vectors must start where they may. */
static const char *plan_tail(struct arena *a, const char *name, int64_t extent,
	int tile, int vec, struct stage *s)
{
	if (extent < tile)
		return arena_printf(a, "tail(%s, shift) wants a tile of at most "
			"%lld, not %d: predicate", name, (long long)extent,
			tile);
	if ((extent - tile) % vec)
		return arena_printf(a, "tail(%s, shift) moves the last tile to "
			"%lld, where vectors of %d do not start: predicate",
			name, (long long)(extent - tile), vec);
	s->ragged = false;
	return NULL;
}

enum { SHIFT = 2 };		/* among the words of tail */

static const char *plan_tails(const struct fma *f, struct arena *a,
	const int *v, struct fma_plan *p)
{
	bool along_n = f->of.epilogue.along_n;
	const struct stage *l = &p->left, *r = &p->right;
	int vm = max_int(along_n ? 1 : p->vm, l->order->k_inner ? 1 : l->vec);
	int vn = max_int(along_n ? p->vn : 1, r->order->k_inner ? 1 : r->vec);
	const char *why = NULL;

	p->shift_m = v[FMA_TAIL_M] == SHIFT && f->of.m % p->bm;
	p->shift_n = v[FMA_TAIL_N] == SHIFT && f->of.n % p->bn;
	if (p->shift_m)
		why = plan_tail(a, f->of.m_name, f->of.m, p->bm, vm, &p->left);
	if (!why && p->shift_n)
		why = plan_tail(a, f->of.n_name, f->of.n, p->bn, vn,
			&p->right);
	return why;
}

enum { AUTO, ON, OFF };

/* How a tensor is to be staged, as far as that is pinned. */
static const char *stage_pins(struct arena *a, struct stage *s, const int *v)
{
	const char *name = s->op->tensor->name;
	int in = v[FMA_STAGE_SWIZZLE], own = v[FMA_SWIZZLE];

	s->vec = s->order->vec;
	if (v[FMA_VECTOR])
		s->vec = asked_number(v[FMA_VECTOR]);
	if (s->vec > s->order->vec || s->order->vec % s->vec)
		return arena_printf(a, "'%s' is copied %d elements at a time at "
			"most, not %d", name, s->order->vec, s->vec);
	if (in && own && in != own)
		return arena_printf(a, "swizzle(%s) and stage(%s, swizzle = ..) "
			"disagree", name, name);
	s->swizzled = in == ON || own == ON;
	s->padded = v[FMA_PAD] != OFF && !s->swizzled;
	if (s->swizzled && v[FMA_PAD] == ON)
		return arena_printf(a, "'%s' is swizzled or padded, not both",
			name);
	return NULL;
}

static const char *plan_stage(struct arena *a, struct stage *s, const int *v)
{
	const char *why = stage_pins(a, s, v);

	if (!why)
		why = stage_plan(a, s);
	if (!why && v[FMA_VECTOR] && s->vec != asked_number(v[FMA_VECTOR]))
		return arena_printf(a, "vectors of %d do not divide the tile of "
			"'%s'", asked_number(v[FMA_VECTOR]), s->op->tensor->name);
	return why;
}

static const char *plan_stages(const struct fma *f, struct arena *a,
	const int *v, struct fma_plan *p, const struct target *t)
{
	bool one = f->of.left.tensor == f->of.right.tensor;
	struct stage *l = &p->left, *r = &p->right;
	const char *why;

	*l = (struct stage){ .op = &f->of.left, .order = &f->of.left.orders[p->order],
		.tile_rows = p->bm, .group = p->vm, .lanes = p->ty };
	*r = (struct stage){ .op = &f->of.right, .order = &f->of.right.orders[p->order],
		.tile_rows = p->bn, .group = p->vn, .lanes = p->tx };
	l->tile_k = r->tile_k = p->bk;
	l->threads = r->threads = p->threads;
	l->async = r->async = p->async;
	l->wide = f->of.left.tensor->elements > INT32_MAX;
	r->wide = f->of.right.tensor->elements > INT32_MAX;
	if ((why = plan_stage(a, l, v + FMA_FIXED)) ||
	    (why = plan_stage(a, r, v + FMA_FIXED + (one ? 0 : FMA_OPERAND))) ||
	    (why = plan_tails(f, a, v, p)))
		return why;
	if (!p->async)
		return p->stages > 2 ?
			"more than 2 stages need pipeline(.., async = on)" : NULL;
	if (!t->cp_async)
		return arena_printf(a, "%s has no asynchronous copies: async = "
			"off is what it can do",
			t->name);
	if (f->of.left.value || f->of.right.value)
		return "what is computed on its way to shared memory passes "
			"through registers: async = off";
	if (p->stages < 2)
		return "asynchronous copies need 2 stages or more";
	if (l->vec * f->of.left.elem < 4 || r->vec * f->of.right.elem < 4)
		return "asynchronous copies move 4 bytes or more, which an "
			"operand's layout does not allow: async = off";
	return NULL;
}

static int fragment_regs(const struct stage *s, int rows, int kv,
	enum dtype acc)
{
	int words = (rows * (s->order->k_inner ? kv : 1) * s->op->tile_elem + 3) / 4;

	if (s->op->tile_type != acc)
		words += rows * dtype_row(acc)->bits / 32;
	return words;
}

/* Row parts and, from a few rows on, their 64-bit addresses; what waits in
 * registers; guards and scattered addresses in flight. */
static int staging_regs(const struct stage *s)
{
	int words = s->row_slots * (s->op->n_forms + s->wide +
		(s->row_slots > 2));

	if (!s->async)
		words += 4 + (s->per_thread * s->vec * s->op->elem + 3) / 4;
	if (s->op->value)
		words += 24;
	if (!s->uniform && s->async)
		words += min_int(s->per_thread, 16);
	else if (!s->uniform)
		words += min_int(s->per_thread, 32) *
			(s->op->n_forms > 1 ? 2 : 1);
	else if (s->op->n_forms > 1)
		words += min_int(s->per_thread, 8);
	return words + 6;
}

/* Rows of the right fragment that are held at once, as far as ptxas 13.0 was
 * seen to go: more ahead of time where each serves one row of the left. */
static int passing_rows(const struct fma *f, const struct fma_plan *p)
{
	if (!p->streams)
		return p->tn;
	if (p->async && f->of.acc_bytes <= 4)
		return p->tm > 1 ? 2 : min_int(p->tn, 8);
	return min_int(p->tn, 6);
}

/* Registers a thread: accumulators, fragments, staging, and what addresses and
 * loops take. Within a tenth of ptxas's own count for most points; too low an
 * estimate spills, because __launch_bounds__ promises the occupancy it gives. */
static int estimate_regs(const struct fma *f, const struct fma_plan *p)
{
	int n = p->tm * p->tn * f->of.acc_bytes / 4 +
		fragment_regs(&p->left, p->tm, p->kv, f->of.acc) +
		fragment_regs(&p->right, passing_rows(f, p), p->kv, f->of.acc) +
		staging_regs(&p->left) + staging_regs(&p->right) +
		fma_rows_regs(f, p) + 24;

	return n + n / 16;
}

/* Loads that may be early: what waits in registers between chunks, and of a
 * reduction of one chunk, where no loop stops ptxas, everything. Twice the
 * estimate has room for either. */
static int early_words(const struct fma_plan *p)
{
	bool loop = p->chunks_split > 1 || p->left.order->k.open;

	return p->async && loop ? 0 : p->regs;
}

static const char *plan_unroll(const struct fma *f, struct arena *a, int ks,
	struct fma_plan *p)
{
	p->unroll = ks;
	if (!ks)
		return NULL;
	if (ks % p->kv || p->bk % ks)
		return arena_printf(a, "unroll(%s, %d) is no multiple of the %d "
			"that a fragment covers, or does not divide the tile's "
			"%d", f->of.k_name, ks, p->kv, p->bk);
	if (ks * p->tm * p->tn > 4096)
		return arena_printf(a, "unroll(%s, %d) writes %d multiply-adds "
			"in a row, more than 4096", f->of.k_name, ks,
			ks * p->tm * p->tn);
	return NULL;
}

static const char *plan_resources(const struct task *t, const struct fma *f,
	struct arena *a, const int *v, struct fma_plan *p)
{
	const char *why;

	p->kv = 1;
	if (p->left.order->k_inner)
		p->kv = min_int(8, 16 / f->of.left.tile_elem);
	if (p->right.order->k_inner && min_int(8, 16 / f->of.right.tile_elem) > p->kv)
		p->kv = min_int(8, 16 / f->of.right.tile_elem);
	if (p->bk % p->kv)
		return arena_printf(a, "fragments cover %d steps of %s, which "
			"do not divide %d",
			p->kv, f->of.k_name, p->bk);
	why = plan_unroll(f, a, asked_number(v[FMA_UNROLL]), p);
	if (why)
		return why;
	p->streams = p->left.order->k_inner && p->right.order->k_inner &&
		f->of.left.tile_type == f->of.acc &&
		f->of.right.tile_type == f->of.acc;
	p->shared_bytes = p->stages * (stage_bytes(&p->left) +
		stage_bytes(&p->right)) + (p->split > 1 ? PARTS_SHARED : 0) +
		fma_rows_shared(f, p);
	if (p->shared_bytes > t->target->smem_block)
		return arena_printf(a, "%d stages of %d x %d x %d take %lld "
			"bytes of shared memory, %s has %d",
			p->stages, p->bm, p->bn, p->bk,
			(long long)p->shared_bytes, t->target->name,
			t->target->smem_block);
	p->regs = estimate_regs(f, p);
	if (p->regs > 248)
		return arena_printf(a, "a thread's tile of %d x %d takes about "
			"%d registers, more than 248",
			p->tm, p->tn, p->regs);
	p->occupancy = target_occupancy(t->target, p->threads, p->regs,
		(int)p->shared_bytes);
	return p->occupancy ? NULL : "a block takes more registers or shared "
		"memory than a multiprocessor has";
}

static const char *plan_grid(const struct fma *f, struct arena *a,
	struct fma_plan *p)
{
	int64_t across;

	p->tiles_m = (f->of.m + p->bm - 1) / p->bm;
	p->tiles_n = (f->of.n + p->bn - 1) / p->bn;
	p->tiles = p->tiles_m * p->tiles_n * f->of.batch;
	p->chunks = (f->of.k + p->bk - 1) / p->bk;
	p->gap = p->chunks * p->bk - f->of.k;
	p->ragged = p->gap || p->left.order->k.open;
	p->chunks_split = (p->chunks + p->split - 1) / p->split;
	if (p->tiles > INT32_MAX)
		return "the grid is larger than 2^31 blocks";
	if ((p->split - 1) * p->chunks_split >= p->chunks)
		return arena_printf(a, "split_k by %d leaves parts empty: %s "
			"has %lld tiles of %d",
			p->split, f->of.k_name, (long long)p->chunks, p->bk);
	p->workspace_bytes = parts_workspace(p->tiles, p->split,
		(int64_t)p->bm * p->bn, f->of.acc_bytes);
	if (p->workspace_bytes > (int64_t)1 << 30)
		return "split_k would need more than 1 GiB of workspace";
	across = p->by_columns ? p->tiles_n : p->tiles_m;
	return raster_wrong(a, p->group, across);
}

const char *fma_plan(const struct task *t, struct arena *a, const int *values,
	struct fma_plan *p)
{
	const struct fma *f = t->state;
	const char *why = read_values(f, a, values, p);

	if (!why)
		why = plan_stages(f, a, values, p, t->target);
	if (!why)
		why = fma_rows_plan(f, a, p);
	if (!why)
		why = plan_resources(t, f, a, values, p);
	if (!why)
		why = plan_grid(f, a, p);
	if (!why)
		p->promised = promise_blocks(t->target, p->threads, p->regs,
			early_words(p), (int)p->shared_bytes);
	return why;
}

/* ---- what it costs ---- */

/* Operations and special functions of one chunk's computed elements, of each
 * thread. */
static struct cost_of computing(const struct stage *s)
{
	struct cost_of c = { 0, 0 };
	double n = (double)s->per_thread * s->vec;

	if (s->op->value)
		c = expr_cost(s->op->value);
	return (struct cost_of){ s->op->value ? n * (c.ops + 6) : 0,
		n * c.special };
}

/* Warp instructions a thread issues to stage one chunk of an operand: copy,
 * address, guards, and the decoding of k where it is not uniform. */
static double staging_issue(const struct stage *s)
{
	double each = 2 + 3 * (s->op->n_forms - 1) + !s->async;
	double decode = s->order->k.n_runs > 1 ? 6 * s->order->k.n_runs : 2;

	return s->per_thread * each + computing(s).ops +
		(s->uniform ? 1 : s->k_slots) * decode;
}

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

/* Bytes asked of L2 for a chunk: scattered 4-byte reads along neither axis
 * fetch whole 32-byte sectors. */
static double staged_bytes(const struct stage *s)
{
	double bytes = (double)s->tile_rows * s->tile_k * s->op->elem;
	const struct flat *along = s->order->k_inner ? &s->order->k :
		&s->op->rows;
	int64_t step = along->n_runs ? along->runs[along->n_runs - 1].coef[0] : 1;
	int64_t run = along->n_runs ? along->runs[along->n_runs - 1].extent : 1;
	double waste = step < 0 ? -(double)step : (double)step;

	if (waste > 32.0 / s->op->elem)
		waste = 32.0 / s->op->elem;
	if (waste < 1)
		waste = 1;
	if (run * s->op->elem < 32)
		waste *= fmin(32.0 / (double)(run * s->op->elem), 4);
	return bytes * waste;
}

void fma_features(const struct task *t, const int *values,
	struct features *out)
{
	const struct fma *f = t->state;
	struct fma_plan p;
	const char *why = fma_plan(t, t->a, values, &p);
	struct cost_of each = product_cost(&f->of);
	struct fma_rows_cost rows;
	double blocks, chunks, warps, fmas, loads, waves, issue;
	int lanes_x, lanes_y;

	assert(!why);
	(void)why;
	blocks = (double)p.tiles * p.split;
	chunks = (double)p.chunks_split;
	warps = p.threads / 32.0;
	lanes_x = p.warp_x ? p.warp_x : min_int(p.tx, 32);
	lanes_y = 32 / lanes_x;
	fmas = (double)p.tm * p.tn * p.bk * (1 + each.ops);
	loads = fragment_loads(&p.left, p.tm, p.vm, p.bk, p.kv) +
		fragment_loads(&p.right, p.tn, p.vn, p.bk, p.kv);
	waves = fragment_loads(&p.left, p.tm, p.vm, p.bk, p.kv) *
		fragment_waves(&p.left, p.vm, p.kv, lanes_y) +
		fragment_loads(&p.right, p.tn, p.vn, p.bk, p.kv) *
		fragment_waves(&p.right, p.vn, p.kv, lanes_x);
	if (f->of.left.tile_type != f->of.acc)
		loads += p.tm * p.bk;
	if (f->of.right.tile_type != f->of.acc)
		loads += p.tn * p.bk;
	rows = fma_rows_cost(f, &p);
	issue = rows.issue + chunks * (fmas + loads + staging_issue(&p.left) +
		staging_issue(&p.right) + 24) + 6.0 * p.tm * p.tn + 120;
	*out = (struct features){
		.flops = (2 + each.ops) * blocks * chunks * (double)p.bm *
			p.bn * p.bk,
		.issue = blocks * warps * issue,
		.special = blocks * p.threads * (rows.special + chunks *
			(computing(&p.left).special +
			computing(&p.right).special + (double)p.tm * p.tn *
			p.bk * each.special)),
		.dram_bytes = f->of.dram_bytes,
		.l2_bytes = blocks * chunks * (staged_bytes(&p.left) +
			staged_bytes(&p.right)) + 2 * (double)p.workspace_bytes,
		.smem_cycles = blocks * warps * chunks * (waves +
			p.left.per_thread * p.left.vec * f->of.left.tile_elem / 4.0 +
			p.right.per_thread * p.right.vec * f->of.right.tile_elem / 4.0),
		.blocks = blocks, .threads = p.threads, .regs = p.regs,
		.smem = (int)p.shared_bytes, .occupancy = p.occupancy,
		.chain = 900 + rows.chain + chunks * (p.stages > 1 ? 60 : 500) +
			(p.split > 1 ? 1500 + 40.0 * p.split : 0),
		.ilp = p.tm * p.tn, .stages = p.stages - 1,
		.launches = p.split > 1 ? 2 : 1,
	};
	out->useful = (2.0 + each.ops) * f->of.m * f->of.n * f->of.k *
		f->of.batch / out->flops;
}
