/* SPDX-License-Identifier: MIT */
/* What a point of the attention sketch costs: the features from which a model estimates
 * its time. */
#include "sketch/attention.h"

#include "base/number.h"
#include "sketch/bulk.h"
#include "sketch/common.h"

#include <assert.h>
#include <math.h>

enum { INSTRUCTION = 16 };

/* Until L2 answers, and bytes a cycle from there to a multiprocessor. */
enum { L2_CYCLES = 600, L2_PORT = 64 };

/* Of a table's entry: warp instructions until its row's address is known, and cycles
 * until it is there, from the first-level cache mostly, where nobody reads it ahead.
 * Of a box of a page: cycles until its thread asks for the next. */
enum { ENTRY_ISSUE = 8, ENTRY_CYCLES = 60, BOX_CYCLES = 24 };

/* Entries that a thread reads for a step. */
static int entries(const struct attention_plan *p)
{
	bool alike = stage_entries_alike(&p->key, &p->value);

	return p->groups ? 0 : stage_entries(&p->key) + (alike ? 0 :
		stage_entries(&p->value));
}

static bool has_table(const struct attention *f)
{
	return f->key->entry || f->value->entry;
}

/* Boxes that one thread asks for in a step, beside those of whole tiles. */
static int boxes(const struct attention_plan *p)
{
	return !p->groups ? 0 : (p->key.op->entry ? p->chunks *
		pages_boxes(&p->key) : 0) + (p->value.op->entry ?
		p->value.tile_rows / p->value.panel * pages_boxes(&p->value) :
		0);
}

/* Cycles from one step to the next that nothing hides. */
static double step_chain(const struct attention *f, const struct attention_plan *p)
{
	double own = p->overlap ? 100 : 300 + 30.0 * p->mine;

	return p->groups ? fmax(own, (double)BOX_CYCLES * boxes(p)) : own +
		(has_table(f) ? ENTRY_CYCLES : 0);
}

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
		loads + staging_issue(&p->key) + staging_issue(&p->value) +
		ENTRY_ISSUE * entries(p);
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

/* Of what tables find, bytes that no row can see: a cache has pages of others. */
static double of_others(const struct attention *f, const struct operand *op,
	double row)
{
	double all = (double)op->tensor->elements, read = row * (double)f->keys *
		(double)f->batch;

	if (!op->entry)
		return 0;
	if (f->key->tensor == f->value->tensor && f->value->entry)
		all /= 2;
	return fmax(all - read, 0) * op->elem;
}

static double attention_bytes(const struct task *t)
{
	const struct attention *f = t->state;

	return epilogue_bytes(t) - attention_unseen(f) - of_others(f, f->key,
		(double)f->depth) - of_others(f, f->value, (double)f->cols);
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
		.dram_bytes = attention_bytes(t),
		.l2_bytes = blocks * (p.chunks * staged_bytes(&p.query) + n *
			(p.chunks * staged_bytes(&p.key) +
			staged_bytes(&p.value))) + 2 * useful(f, &p) *
			(double)p.workspace_bytes,
		.smem_cycles = blocks * n * step_waves(&p),
		.blocks = blocks, .cluster = 1,
		.threads = p.threads + p.helpers, .regs = p.regs,
		.smem = (int)p.shared_bytes, .occupancy = p.occupancy,
		.chain = 1200 + (has_table(f) ? L2_CYCLES : 0) + n *
			step_chain(f, &p) + join_chain(f, &p),
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
		.dram_bytes = attention_bytes(t) };
}
