/* SPDX-License-Identifier: MIT */
/* What a point of the attention sketch costs: the features from which a model estimates
 * its time. */
#include "sketch/attention.h"

#include "base/number.h"
#include "sketch/common.h"

#include <assert.h>
#include <math.h>

enum { INSTRUCTION = 16 };

/* Until L2 answers, and bytes a cycle from there to a multiprocessor. */
enum { L2_CYCLES = 600, L2_PORT = 64 };

/* Warp instructions of a step. */
static double step_issue(const struct attention *f,
	const struct attention_plan *p)
{
	double blocks = (double)p->warp / INSTRUCTION;
	double depths = (double)p->depth / INSTRUCTION;
	double keys = (double)p->keys / INSTRUCTION;
	double cols = (double)p->cols / INSTRUCTION;
	double mma = 2 * blocks * keys * (depths + cols);
	double loads = keys * (depths + cols) + (p->keep ? 0 : blocks * depths);
	double elements = (double)p->warp * p->keys / 32;
	double between = elements * f->element.issue + (f->w.scaled ?
		(double)p->warp * p->cols / 32 : 0) + 6.0 * p->mine + 48;

	return p->groups ? between + 3 * (depths + keys) + 16 : between + mma +
		loads + staging_issue(&p->key) + staging_issue(&p->value);
}

/* Wavefronts of a step. */
static double step_waves(const struct attention_plan *p)
{
	double tiles = (double)p->keys * (p->depth + p->cols) * 2 / 128;
	double queries = (double)p->rows * p->depth * 2 / 128;

	if (p->groups)
		return tiles * (p->groups + 1) + queries;
	return tiles * (p->warps + 1) + (p->keep ? 0 : queries);
}

/* Rows that there are of those that tiles have. */
static double useful(const struct attention *f, const struct attention_plan *p)
{
	return (double)f->rows / (double)(p->tiles * p->rows);
}

/* Cycles until the last of the blocks that share keys has joined their sums: it waits
 * for those of so many parts at once, row by row, and they pass its port. */
static double join_chain(const struct attention *f, const struct attention_plan *p)
{
	double there = p->tiles == 1 ? (double)number_ceil(f->rows, 8) : p->mine;
	double rows = there < p->mine ? there : p->mine, parts = p->split;
	double bytes = 4.0 * (p->cols + f->statistics) * p->rows * useful(f, p);

	return p->split == 1 ? 0 : 1500 + rows * ceil(parts /
		attention_parts_at_once(p)) * L2_CYCLES + parts * bytes / L2_PORT;
}

/* Bytes that a block has on their way: all stages but the one in use, of which, where
 * keys and values have stages of their own, half is. */
static double in_flight(const struct attention_plan *p)
{
	double stage = (double)(p->chunks * stage_bytes(&p->key) +
		stage_bytes(&p->value));

	return stage * (p->stages - (p->groups ? 0.5 : 1));
}

void attention_features(const struct task *t, const int *values,
	struct features *out)
{
	const struct attention *f = t->state;
	struct attention_plan p;
	const char *why = attention_plan(t, t->a, values, &p);
	double n, blocks, elements;

	assert(!why);
	(void)why;
	n = p.spans.each;
	blocks = (double)p.blocks * p.split;
	elements = (double)p.rows * p.keys;
	*out = (struct features){
		.tensor = blocks * n * elements * (p.depth + p.cols) /
			(p.groups ? 1 : t->gpu->mma_sync),
		.rate = 1,
		.issue = blocks * p.warps * (n * step_issue(f, &p) + 200 +
			6.0 * p.warp * p.cols / 32),
		.special = blocks * n * elements * f->element.special,
		.dram_bytes = epilogue_bytes(t) - attention_unseen(f),
		.l2_bytes = blocks * (p.chunks * staged_bytes(&p.query) + n *
			(p.chunks * staged_bytes(&p.key) +
			staged_bytes(&p.value))) + 2 * useful(f, &p) *
			(double)p.workspace_bytes,
		.smem_cycles = blocks * n * step_waves(&p),
		.blocks = blocks, .cluster = 1,
		.threads = p.threads + p.helpers, .regs = p.regs,
		.smem = (int)p.shared_bytes, .occupancy = p.occupancy,
		.chain = 1200 + n * (p.overlap ? 100 : 300 + 30.0 *
			p.mine) + join_chain(f, &p),
		.ilp = (double)p.warp * p.keys / (p.groups ? 32 : INSTRUCTION * 8),
		.stages = p.stages - 1, .flight = in_flight(&p),
		.launches = 1 + (p.split > 1),
		.useful = useful(f, &p),
		.work = attention_work(f),
	};
}

void attention_least(const struct task *t, struct features *out)
{
	*out = (struct features){ .launches = 1,
		.dram_bytes = epilogue_bytes(t) - attention_unseen(t->state) };
}
