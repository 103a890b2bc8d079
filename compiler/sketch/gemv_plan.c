/* SPDX-License-Identifier: MIT */
/* From a point of the gemv sketch to everything that follows from it: which
 * threads share a row, what they load, shared memory, registers, grid; whether
 * that fits the target, and the features from which a model estimates its
 * time. */
#include "sketch/gemv.h"

#include <assert.h>
#include <math.h>

#include "base/number.h"
#include "sketch/common.h"
#include "sketch/parts.h"
#include "sketch/raster.h"
#include "sketch/walk.h"

enum { WARP = 32, FMAS_MAX = 2048 };

static int min_int(int x, int y)
{
	return x < y ? x : y;
}

static bool power_of_two(int x)
{
	return x > 0 && !(x & (x - 1));
}

/* ---- what fits ---- */

static const char *read_values(const struct gemv *f, struct arena *a,
	const int *v, struct gemv_plan *p)
{
	*p = (struct gemv_plan){ .bm = v[GEMV_ROWS], .bc = v[GEMV_COLS],
		.mine = v[GEMV_MINE], .threads = v[GEMV_THREADS],
		.vec = v[GEMV_VECTOR], .unroll = v[GEMV_UNROLL],
		.split = v[GEMV_SPLIT], .staged = v[GEMV_CACHE],
		.order = v[GEMV_ORDER], .stages = v[GEMV_STAGES], .group = v[GEMV_GROUP],
		.rows_major = (v[GEMV_RASTER] == 0) == f->left_big };
	p->all = p->mine * f->of.products;
	if (!power_of_two(p->bm) || !power_of_two(p->bc) ||
	    !power_of_two(p->mine) || !power_of_two(p->vec) ||
	    !power_of_two(p->threads))
		return "tiles, vectors and threads are powers of two";
	if (p->bm > 4096 || p->bc > 16)
		return arena_printf(a, "a tile is at most 4096 of %s and 16 of "
			"%s", f->row_name, f->col_name);
	if (p->threads < WARP || p->threads > 1024)
		return arena_printf(a, "%d threads: wanted are 32 to 1024",
			p->threads);
	if (p->unroll < 1 || p->unroll > 16 || p->split < 1)
		return "unroll is 1 to 16, split_k at least 1";
	if (p->stages < 1 || p->stages > 2)
		return arena_printf(a, "stages = %d is not possible, %d is: "
			"registers hold what is under way", p->stages,
			p->stages < 1 ? 1 : 2);
	if (p->order < 0 || p->order >= f->of.n_orders)
		return "there is no such order of the reduction";
	if (p->bm % p->mine)
		return arena_printf(a, "a thread's %d of %s do not divide the "
			"block's %d", p->mine, f->row_name, p->bm);
	p->across = p->bm / p->mine;
	if (p->threads % p->across)
		return arena_printf(a, "%d threads are fewer than the block's "
			"%d / %d of %s", p->threads, p->bm, p->mine,
			f->row_name);
	p->team = p->threads / p->across;
	return NULL;
}

/* Is the way in which threads share the reduction the one asked for? */
static const char *check_over(const struct gemv *f, struct arena *a,
	const struct gemv_plan *p, int over)
{
	bool block = p->groups > 1;

	if (over == 0 || over == 1 + block)
		return NULL;
	return arena_printf(a, "%d threads along %s reduce over the %s; "
		"bind(threads = %d) or another tile changes that", p->team,
		f->of.k_name, block ? "block" : "warp",
		block ? p->across * WARP : p->threads * 2);
}

static const char *plan_loads(const struct gemv *f, struct arena *a,
	struct gemv_plan *p)
{
	const struct operand_order *big = &f->big->orders[p->order];
	const struct operand_order *small = &f->small->orders[p->order];

	if (p->vec > big->vec)
		return arena_printf(a, "'%s' can be loaded %d elements at a "
			"time, not %d", f->big->tensor->name, big->vec, p->vec);
	p->along_k = big->k_inner;
	p->pack_k = p->along_k || p->unroll % big->pack_k == 0 ? big->pack_k : 1;
	p->pack_rows = big->pack_rows;
	if (!p->along_k && p->mine % (p->vec * p->pack_rows))
		return arena_printf(a, "vectors of %d along %s do not divide a "
			"thread's %d", p->vec * p->pack_rows, f->row_name,
			p->mine);
	p->ks = p->along_k ? p->vec * p->pack_k : p->unroll;
	p->steps = p->along_k ? p->unroll : 1;
	p->sub = p->along_k ? min_int(p->team, WARP) : 1;
	p->groups = p->team / p->sub;
	p->small_vec = small->k_inner && small->pack_k == 1 ? small->vec : 1;
	while (p->ks % p->small_vec)
		p->small_vec /= 2;
	if (p->steps * p->ks * p->all * p->bc > FMAS_MAX)
		return arena_printf(a, "a thread's %d x %d results and %d steps "
			"along %s make more than %d multiply-adds in a row",
			p->all, p->bc, p->steps * p->ks, f->of.k_name,
			FMAS_MAX);
	p->chunk = (int64_t)p->team * p->ks * p->steps;
	return NULL;
}

static const char *plan_grid(const struct gemv *f, struct arena *a,
	struct gemv_plan *p)
{
	p->tiles_rows = number_ceil(f->rows, p->bm);
	p->tiles_cols = number_ceil(f->cols, p->bc);
	p->tiles = p->tiles_rows * p->tiles_cols * f->of.batch;
	p->chunks = number_ceil(f->of.k, p->chunk);
	p->chunks_split = number_ceil(p->chunks, p->split);
	p->part = p->chunks_split * p->chunk;
	if (!f->open_k && p->stages > 1 && p->stages > f->of.k / p->chunk)
		return arena_printf(a, "%d stages are not possible: %s has "
			"%lld whole chunks of %lld", p->stages, f->of.k_name,
			(long long)(f->of.k / p->chunk), (long long)p->chunk);
	if (p->tiles > INT32_MAX)
		return "the grid is larger than 2^31 blocks";
	if ((p->split - 1) * p->chunks_split >= p->chunks)
		return arena_printf(a, "split_k by %d leaves parts empty: %s "
			"has %lld chunks of %lld", p->split, f->of.k_name,
			(long long)p->chunks, (long long)p->chunk);
	if (p->part > INT32_MAX / 4)
		return "a block's part of the reduction is longer than 2^29; "
			"split_k makes it shorter";
	return raster_wrong(a, p->group, p->rows_major ? p->tiles_rows :
		p->tiles_cols);
}

/* Threads that hold a result once the block's sums are joined, several each
 * where there are more results than threads. */
static void plan_writers(const struct gemv *f, struct gemv_plan *p)
{
	bool rows_first = f->of.epilogue.along_n != f->left_big;
	int fast = rows_first ? p->bm : p->bc;
	int lanes_fast, lanes_slow;

	p->writers = min_int(p->threads, p->bm * p->bc);
	lanes_fast = min_int(fast, p->writers);
	lanes_slow = p->writers / lanes_fast;
	p->lanes_rows = rows_first ? lanes_fast : lanes_slow;
	p->lanes_cols = rows_first ? lanes_slow : lanes_fast;
	p->mine_rows = p->bm / p->lanes_rows;
	p->mine_cols = p->bc / p->lanes_cols;
}

static int words(int64_t elements, int bytes)
{
	return (int)((elements * bytes + 3) / 4);
}

bool gemv_ragged_rows(const struct gemv *f, const struct gemv_plan *p)
{
	return f->open_rows || f->rows % p->bm;
}

bool gemv_ragged_cols(const struct gemv *f, const struct gemv_plan *p)
{
	return f->open_cols || f->cols % p->bc;
}

/* Addresses of "n" rows: one where they lie at a constant distance. */
static int address_regs(const struct operand *o, int n, bool ragged)
{
	if (o->rows.n_runs <= 1 && !ragged)
		return 3 + o->n_forms;
	return n * (o->n_forms + 1) + 4;
}

/* Addresses and guards of the small operand's ks, which do not change from
 * column to column. */
static int small_regs(const struct gemv *f, const struct gemv_plan *p)
{
	int loads = p->ks / p->small_vec;

	if (f->small->orders[p->order].k.n_runs <= 1 && f->small->n_forms == 1)
		return 0;
	return min_int(loads * p->steps * f->small->n_forms, 32) + 8;
}

/* Addresses and guards of what is on its way, where they are not simple. */
static int next_regs(const struct gemv *f, const struct gemv_plan *p)
{
	bool simple = f->big->n_forms == 1 &&
		f->big->orders[p->order].k.n_runs <= 1;

	return simple ? 0 : min_int(2 * p->steps * p->ks * p->all, 32);
}

bool gemv_keeps_values(const struct gemv *f, const struct gemv_plan *p)
{
	if (f->big->value)
		return p->bc > 1;
	return f->big->tensor->type != f->of.acc;
}

/* Registers a thread: sums, loads in flight, converted values, addresses. */
static int estimate_regs(const struct gemv *f, const struct gemv_plan *p)
{
	int taken = p->stages * p->steps * p->ks * p->all /
		(p->pack_k * p->pack_rows);
	int acc = f->of.acc_bytes;
	int n = words(p->all * p->bc, acc) + words(taken, f->big->elem) +
		2 * words(p->ks, f->small->elem) + words(p->ks, acc) +
		f->of.products * address_regs(f->big, p->mine,
			gemv_ragged_rows(f, p)) +
		address_regs(f->small, p->bc, gemv_ragged_cols(f, p)) + 28;

	if (gemv_keeps_values(f, p))
		n += words(p->ks * p->all, acc);
	if (f->big->value || f->small->value)
		n += 16 + p->all + p->bc;
	if (!p->staged)
		n += small_regs(f, p);
	if (p->group > 1)
		n += 4;
	if (p->stages > 1)
		n += 8 + next_regs(f, p);
	return n + n / 8;
}

/* Words of the small operand that one turn of the loop loads from global
 * memory. */
static int early_words(const struct gemv *f, const struct gemv_plan *p)
{
	return p->staged ? 0 : words((int64_t)p->stages * p->steps * p->ks *
		p->bc, f->small->elem);
}

static const char *plan_resources(const struct task *t, const struct gemv *f,
	struct arena *a, struct gemv_plan *p)
{
	int64_t sums = (int64_t)p->bm * p->bc * f->of.products;

	p->shared_bytes = p->groups * sums * f->of.acc_bytes;
	if (p->staged)
		p->shared_bytes += p->bc * p->part * f->small->elem + 16;
	if (p->split > 1)
		p->shared_bytes += PARTS_SHARED;
	if (p->shared_bytes > t->target->smem_block)
		return arena_printf(a, "a block takes %lld bytes of shared "
			"memory, %s has %d; smaller tiles%s take less",
			(long long)p->shared_bytes, t->target->name,
			t->target->smem_block, p->staged ?
			", a larger split_k or cache(.., scope = none)" : "");
	p->workspace_bytes = parts_workspace(p->tiles, p->split,
		(int64_t)p->mine_rows * p->mine_cols * p->threads *
		f->of.products, f->of.acc_bytes);
	if (p->workspace_bytes > (int64_t)1 << 30)
		return "split_k would need more than 1 GiB of workspace";
	p->regs = estimate_regs(f, p);
	if (p->regs > 232)
		return arena_printf(a, "a thread's %d x %d results and %d loads "
			"take about %d registers, more than 232", p->all,
			p->bc, p->steps * p->all, p->regs);
	p->promised = promise_blocks(t->target, p->threads, p->regs,
		early_words(f, p), (int)p->shared_bytes);
	return promise_room(t->target, p->threads, p->regs,
		(int)p->shared_bytes, &p->occupancy);
}

const char *gemv_plan(const struct task *t, struct arena *a,
	const int *values, struct gemv_plan *p)
{
	const struct gemv *f = t->state;
	const char *why = read_values(f, a, values, p);

	if (!why)
		why = plan_loads(f, a, p);
	if (!why)
		why = check_over(f, a, p, values[GEMV_OVER]);
	if (!why)
		why = plan_grid(f, a, p);
	if (why)
		return why;
	plan_writers(f, p);
	return plan_resources(t, f, a, p);
}

/* ---- what it costs ---- */

/* How many times the bytes wanted of the big operand come, in 32-byte
 * sectors. */
static double sector_waste(const struct gemv *f, const struct gemv_plan *p)
{
	const struct operand_order *o = &f->big->orders[p->order];
	const struct run *along = p->along_k ? flat_moving(&o->k, p->pack_k) :
		flat_moving(&f->big->rows, p->pack_rows);
	int64_t step = along ? along->coef[0] : 1;
	double together = (double)(p->along_k ? p->sub : p->across) * p->vec;
	double sector = 32.0 / f->big->elem;

	if (step != 1 && step != 0)
		return fmin(fabs((double)step), sector);
	return together < sector ? sector / together : 1;
}

/* Of one thread in one chunk. */
struct gemv_work {
	double fmas, big_loads, small_loads, waves, other, special;
};

/* Instructions that make one value of an operand. */
static double per_value(const struct gemv *f, const struct operand *o)
{
	if (o->value)
		return computed_cost(o->value).issue + 1;
	return o->tensor->type != f->of.acc;
}

static double special(const struct operand *o)
{
	return o->value ? computed_cost(o->value).special : 0;
}

static struct gemv_work work_of(const struct gemv *f,
	const struct gemv_plan *p)
{
	int width = p->staged ? min_int(p->ks, 16 / f->small->elem) :
		p->small_vec;
	double taken = (double)p->steps * p->ks;
	double lanes = p->along_k ? p->sub : 1;
	struct gemv_work w = { .fmas = taken * p->all * p->bc,
		.big_loads = taken * p->all / p->vec /
			(p->pack_k * p->pack_rows),
		.small_loads = taken * p->bc / width };
	double wave = lanes * width * f->small->elem / 128;

	w.waves = w.small_loads * (wave < 1 ? 1 : wave) + w.big_loads *
		fmax(1, WARP * p->vec * f->big->elem / 128.0);
	w.other = w.big_loads * (2 * f->big->n_forms - 1) + w.small_loads *
		(p->staged ? 1 : f->small->n_forms);
	w.other += taken * p->all * per_value(f, f->big) +
		taken * p->bc * per_value(f, f->small);
	w.special = taken * p->all * special(f->big) +
		taken * p->bc * special(f->small);
	if (f->big->orders[p->order].k.n_runs - (p->pack_k > 1) > 1)
		w.other += 12.0 * f->of.products * p->steps * (p->along_k ? 1 : p->ks);
	return w;
}

void gemv_features(const struct task *t, const int *values,
	struct features *out)
{
	const struct gemv *f = t->state;
	struct gemv_plan p;
	const char *why = gemv_plan(t, t->a, values, &p);
	struct gemv_work w;
	double blocks, warps, join, ks, results;

	assert(!why);
	(void)why;
	w = work_of(f, &p);
	blocks = (double)p.tiles * p.split;
	warps = p.threads / 32.0;
	ks = fmin((double)p.part, (double)f->of.k);
	results = (double)p.mine_rows * p.mine_cols * f->of.products;
	join = (double)p.all * p.bc * (2 * log2(p.sub) + 1) +
		results * (2.0 * p.groups + 8);
	*out = (struct features){
		.flops = 2 * blocks * (double)p.bm * p.bc * (double)p.part *
			f->of.products,
		.issue = blocks * warps * ((double)p.chunks_split * (w.fmas +
			w.big_loads + w.small_loads + w.other + 6) + join + 80),
		.special = blocks * p.threads * (double)p.chunks_split *
			w.special,
		.dram_bytes = f->of.dram_bytes,
		.l2_bytes = blocks * ks * (p.bm * f->of.products *
			f->big->elem * sector_waste(f, &p) / (p.pack_k * p.pack_rows) +
			p.bc * f->small->elem) + 2 * (double)p.workspace_bytes,
		.smem_cycles = blocks * warps * ((double)p.chunks_split *
			w.waves + results * p.groups +
			(p.along_k ? 1 : p.vec) * p.all * p.bc),
		.blocks = blocks, .threads = p.threads, .regs = p.regs,
		.smem = (int)p.shared_bytes, .occupancy = p.occupancy,
		.chain = 1100 + choice_chain(f->big, f->small) +
			520.0 / p.stages * (double)p.chunks_split +
			(p.staged ? 800 : 0) +
			(p.split > 1 ? 1500 + 40.0 * p.split : 0),
		.ilp = p.all * p.bc + (f->big->value ? p.all *
			per_value(f, f->big) : 0) + (f->small->value ? p.bc *
			per_value(f, f->small) : 0),
		.flight = p.stages * p.threads * w.big_loads * p.vec *
			f->big->elem,
		.launches = p.split > 1 ? 2 : 1,
	};
	out->useful = 2 * product_size(&f->of) / out->flops;
}

void gemv_least(const struct task *t, struct features *out)
{
	const struct gemv *f = t->state;

	*out = (struct features){ .launches = 1,
		.flops = 2 * product_size(&f->of),
		.dram_bytes = f->of.dram_bytes };
}
