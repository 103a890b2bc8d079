/* SPDX-License-Identifier: MIT */
/* What a point of the wgmma sketch costs: the features from which a model estimates
 * its time. */
#include "sketch/wgmma.h"

#include <math.h>

static struct tiled_rows_cost rows_cost(const struct wgmma *f,
	const struct wgmma_plan *p)
{
	return tiled_rows_cost(&f->of, &p->of, wgmma_share_m(p).mine,
		wgmma_share_n(p).mine);
}

/* Instructions of a result: rounded, addressed and stored, or packed by pairs and
 * stored by matrices. */
static double store_issue(const struct wgmma_plan *p)
{
	return p->store.columns ? 3 : 6;
}

/* Of a thread. */
static double results(const struct wgmma_plan *p)
{
	return p->each * p->cols / 2;
}

/* Cycles for which a block's tensor cores have nothing to do while its results are
 * stored: what the threads of a tile issue for that, and where they meet. */
static double storing_chain(const struct wgmma *f, const struct wgmma_plan *p)
{
	struct tiled_rows_cost rows = rows_cost(f, p);

	return p->groups * (results(p) * store_issue(p) + rows.issue) +
		60.0 * p->store.parts + rows.chain + 300;
}

/* Of a tile, how often a result's short sum is added to the other. */
static double promotions(const struct wgmma_plan *p)
{
	return p->promote ? ceil((double)p->of.chunks_split *
		tiled_steps(&p->of) / p->promote) : 0;
}

/* Instructions of one of them. */
static double promotion(const struct task *t, const struct wgmma_plan *p)
{
	struct scale_counts c = wgmma_scales(t, p);

	return wgmma_sums(p) * (1 + scales_each(c)) + scales_issue(c);
}

/* Cycles for which tensor cores have nothing to do while a tile's sums are
 * promoted: one group of warps adds while the others multiply. */
static double promoting_chain(const struct task *t, const struct wgmma_plan *p)
{
	return promotions(p) * promotion(t, p) / (p->groups * p->of.crews);
}

/* Cycles of a block that has "rounds" tiles. Of two crews one stores while the
 * other multiplies, but for the last tile. */
static double chain(const struct task *t, const struct wgmma_plan *p,
	double rounds)
{
	const struct wgmma *f = t->state;
	double chunk = p->of.lag ? 40 : p->of.stages > 1 ? 130 : 600;

	return 600 + rounds * ((double)p->of.chunks_split * chunk +
		promoting_chain(t, p)) +
		(p->of.crews > 1 ? 1 : rounds) * storing_chain(f, p);
}

/* Wavefronts of shared memory in one chunk: each instruction reads both factors,
 * or one and threads the other, and copies write them. */
static double shared_waves(const struct wgmma *f, const struct wgmma_plan *p)
{
	double read = p->groups * p->sum_each * ((p->registers ? 0 : 64.0) +
		(p->thrice ? 3 : 1) * p->sum_cols) * tiled_steps(&p->of) *
		dtype_row(f->tile)->bits / 8;
	double write = (double)stage_bytes(&p->of.left) +
		(double)stage_bytes(&p->of.right);

	return (read + write) / 128 + wgmma_rest_waves(p) + (p->registers ?
		wgmma_fragment_waves(f, p) : 0);
}

static double shares(const struct stage *s)
{
	return s->shares ? s->shares : 1;
}

/* Of a warp and a chunk: instructions that copy and compute factors, and functions
 * among them. */
static double preparing(const struct wgmma *f, const struct wgmma_plan *p)
{
	double n = p->of.bulk ? 0 : staging_issue(&p->of.left) +
		staging_issue(&p->of.right);

	return n + wgmma_rest_issue(p) + (p->registers ?
		wgmma_fragment_issue(f, p) : 0);
}

static double prepared_special(const struct wgmma *f, const struct wgmma_plan *p)
{
	return staging_computes(&p->of.left).special +
		staging_computes(&p->of.right).special +
		(p->registers ? wgmma_fragment_special(f, p) : 0);
}

/* Persistent blocks go through rounds of tiles, the last of which may lack some:
 * work is counted as if it lacked none. */
static double rounds_of(const struct wgmma_plan *p, double tiles)
{
	if (!p->of.blocks)
		return 1;
	return p->of.streams ? tiles / p->of.blocks : ceil(tiles / p->of.blocks);
}

static void cost(const struct task *t, const struct wgmma_plan *p,
	struct features *out)
{
	const struct wgmma *f = t->state;
	double tiles, rounds, blocks, chunks, warps, per_block, products, issue;
	double steps;
	struct tiled_joining joining;
	struct tiled_rows_cost rows;

	rows = rows_cost(f, p);
	joining = tiled_joining_cost(&f->of, &p->of);
	products = p->thrice ? 3 : 1;
	tiles = (double)p->of.tiles * p->of.split;
	rounds = rounds_of(p, tiles);
	blocks = p->of.blocks ? rounds * p->of.blocks : tiles;
	chunks = (double)p->of.chunks_split;
	warps = p->of.threads / 32.0 / p->of.crews;
	steps = tiled_steps(&p->of);
	per_block = chunks * p->of.bm * p->of.bn * f->of.products * steps;
	issue = chunks * (3.0 * products * p->sum_each * steps / f->row->k +
		preparing(f, p) + 32) + store_issue(p) * results(p) +
		promotions(p) * promotion(t, p) + rows.issue + 120;
	*out = (struct features){
		.tensor = blocks * per_block * products / f->rate,
		.rate = f->rate / products,
		.issue = blocks * warps * issue,
		.special = blocks * 32 * warps * (chunks *
			prepared_special(f, p) + rows.special),
		.dram_bytes = f->of.dram_bytes,
		.l2_bytes = tiles * chunks * (staged_bytes(&p->of.left) /
			shares(&p->of.left) + staged_bytes(&p->of.right) /
			shares(&p->of.right)) + 2 *
			(double)p->of.workspace_bytes,
		.smem_cycles = blocks * (chunks * shared_waves(f, p) +
			joining.waves + wgmma_store_waves(f, p)),
		.blocks = blocks / rounds, .cluster = tiled_cluster(&p->of),
		.threads = p->of.threads + p->of.helpers, .regs = p->regs,
		.smem = (int)p->shared_bytes, .occupancy = p->occupancy,
		.chain = chain(t, p, rounds) + joining.chain +
			choice_chain(&f->of.left, &f->of.right),
		.ilp = tiled_rows_ilp(rows, p->sum_each * steps / f->row->k * 8,
			issue),
		.stages = p->of.stages - 1 - p->of.lag,
		.launches = 1 + joining.launches,
		.useful = product_size(&f->of) / (blocks * per_block),
	};
}

bool wgmma_price(const struct task *t, const int *values, struct features *out)
{
	struct wgmma_plan p;
	bool legal = !wgmma_plan(t, NULL, values, &p);

	if (legal)
		cost(t, &p, out);
	return legal;
}

void wgmma_least(const struct task *t, struct features *out)
{
	const struct wgmma *f = t->state;

	*out = (struct features){ .launches = 1,
		.tensor = product_size(&f->of) / f->rate,
		.dram_bytes = f->of.dram_bytes };
}
