/* SPDX-License-Identifier: MIT */
/* What staging one operand of a tiled contraction takes: registers,
 * instructions, bytes. */
#include "sketch/tiled.h"
#include "sketch/walk.h"

#include <math.h>

static int min_int(int x, int y)
{
	return x < y ? x : y;
}

/* Row parts and, from a few rows on, their 64-bit addresses; what waits in
 * registers; guards and scattered addresses in flight. */
int staging_regs(const struct stage *s)
{
	int words = s->row_slots * (s->op->n_forms + s->wide +
		(s->row_slots > 2)), tiles = stage_tiles(s);

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
	return tiles * (words + 6);
}

int tiled_stream_regs(const struct tiling *p)
{
	return p->streams ? 8 : 0;
}

struct cost_of staging_computes(const struct stage *s)
{
	double n = (double)s->per_thread * stage_ks(s) * stage_rows(s) *
		stage_tiles(s);
	struct cost_of c;

	if (!s->op->value)
		return (struct cost_of){ 0, 0, 0 };
	c = computed_cost(s->op->value);
	return (struct cost_of){ n * c.ops, n * c.special, n * (c.issue + 2) };
}

/* Warp instructions a thread issues to stage one chunk of an operand: copy,
 * address, guards, and the decoding of k where it is not uniform. */
double staging_issue(const struct stage *s)
{
	double each = 2 + 3 * (s->op->n_forms - 1) + !s->async;
	double decode = s->order->k.n_runs > 1 ? 6 * s->order->k.n_runs : 2;

	return staging_computes(s).issue + stage_tiles(s) * (s->per_thread * each +
		(s->uniform ? 1 : s->k_slots) * decode);
}

/* Bytes asked of L2 for a chunk: scattered 4-byte reads along neither axis
 * fetch whole 32-byte sectors. */
double staged_bytes(const struct stage *s)
{
	double rows = s->halo.high ? halo_pixels(&s->halo) : s->tile_rows *
		stage_tiles(s);
	double bytes = rows * (s->taps ? s->taps : 1) * s->tile_k *
		s->op->elem / (s->order->pack_k * s->order->pack_rows);
	const struct run *along = s->order->k_inner ?
		flat_moving(&s->order->k, s->order->pack_k) :
		flat_moving(&s->op->rows, s->order->pack_rows);
	int64_t step = along ? along->coef[0] : 1;
	int64_t run = along ? along->extent : 1;
	double waste = step < 0 ? -(double)step : (double)step;

	if (waste > 32.0 / s->op->elem)
		waste = 32.0 / s->op->elem;
	if (waste < 1)
		waste = 1;
	if (run * s->op->elem < 32)
		waste *= fmin(32.0 / (double)(run * s->op->elem), 4);
	return bytes * waste;
}

/* A barrier of a cluster and a read of another block's shared memory take about
 * 180 and 200 cycles (Luo et al., arXiv:2402.13499, on distributed shared memory;
 * the barrier is taken to be as long), and a second barrier ends the kernel. */
enum { CLUSTER_CYCLES = 180 + 200 + 180 };

/* What a store that another SM sees, behind those before it, or a load of what it
 * stored is taken to be, some round trips to L2, until it is measured; an SM and L2
 * exchange 64 bytes a cycle (NVIDIA A100 whitepaper). */
enum { FLAG_CYCLES = 700, L2_PORT = 64 };

/* Sums are left, and those of the others of a tile read one after the other. */
static double stream_chain(const struct tiling *p, double bytes)
{
	double others = ceil((double)(p->chunks - 1) / (double)p->stream.each);

	return (1 + others) * bytes / L2_PORT + (3 + others) * FLAG_CYCLES;
}

struct tiled_joining tiled_joining_cost(const struct product *f,
	const struct tiling *p)
{
	double bytes = (double)p->bm * p->bn * f->acc_bytes * f->products;

	if (p->streams)
		return (struct tiled_joining){ 1, stream_chain(p, bytes), 0 };
	if (p->split == 1)
		return (struct tiled_joining){ 0, 0, 0 };
	if (!p->joins)
		return (struct tiled_joining){ 1, 1500 + 40.0 * p->split, 0 };
	return (struct tiled_joining){ 0, CLUSTER_CYCLES, 2 * bytes / 128 };
}

int tiled_cluster(const struct tiling *p)
{
	return p->joins ? p->split : p->cluster;
}

struct tiled_blocks tiled_blocks(const struct tiling *p)
{
	double tiles = (double)p->tiles;

	if (!p->streams)
		return (struct tiled_blocks){ tiles * p->split, 1,
			(double)p->chunks_split };
	return (struct tiled_blocks){ p->blocks, tiles / p->blocks, tiles *
		(double)p->chunks / p->blocks };
}
