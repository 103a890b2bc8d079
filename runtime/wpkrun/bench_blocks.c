/* SPDX-License-Identifier: MIT */
/* Contenders taking turns, block by block. Before and after each turn the clock
 * and the power are read; nothing is ever set. */
#include "runtime/wpkrun/bench.h"

#include <math.h>
#include <string.h>

struct racing {
	struct bench *b;
	struct bench_blocks *out;
	struct bench_entry *v;
	int replays[BENCH_CONTENDERS];
};

static bool runs(const struct racing *r, int i)
{
	return !r->out->of[i].why[0];
}

/* Says why entry "i" is out. A context that is lost ends the race. */
static enum wpk_status drop(struct racing *r, int i, const struct wpk_error *e)
{
	snprintf(r->out->of[i].why, sizeof r->out->of[i].why, "%s", e->text);
	return device_is_lost(e) ? e->status : WPK_OK;
}

/* How many replays fill a block. */
static enum wpk_status enter(struct racing *r, int i, struct wpk_error *e)
{
	struct bench_graph *g = &r->v[i].graph;
	double seconds;
	enum wpk_status s;

	r->out->of[i].name = r->v[i].name;
	r->out->of[i].launches = g->launches;
	if (r->v[i].e.status) {
		*e = r->v[i].e;
		return drop(r, i, e);
	}
	s = bench_replay(r->b, g, 1, &seconds, e);
	if (s)
		return drop(r, i, e);
	r->replays[i] = (int)fmin(fmax(ceil(r->b->o.block_s /
		fmax(seconds * g->launches, 1e-6)), 1), 1e4);
	return WPK_OK;
}

/* All in turn, until they have run for so long. */
static enum wpk_status warm_up(struct racing *r, struct wpk_error *e)
{
	double spent = 0, before = -1, seconds;

	while (spent < r->b->o.warm_s && spent > before) {
		before = spent;
		for (int i = 0; i < r->out->n; i++) {
			enum wpk_status s;

			if (!runs(r, i))
				continue;
			s = bench_replay(r->b, &r->v[i].graph, r->replays[i],
				&seconds, e);
			if (s)
				return s;
			spent += seconds * r->v[i].graph.launches *
				r->replays[i];
		}
	}
	return WPK_OK;
}

/* Adds half of what NVML tells; without it nothing is added. */
static void look(struct racing *r, double *clock, double *watts)
{
	double mhz, w;
	bool throttled;

	if (r->b->s->emulated)
		return;
	if (nvml_clock(&mhz, &throttled)) {
		*clock += mhz / 2;
		r->out->throttled |= throttled;
	}
	if (nvml_power(&w))
		*watts += w / 2;
}

static enum wpk_status turn(struct racing *r, int i, int block,
	struct wpk_error *e)
{
	struct bench_series *of = &r->out->of[i];
	enum wpk_status s;

	of->clock[block] = of->watts[block] = 0;
	look(r, &of->clock[block], &of->watts[block]);
	s = bench_replay(r->b, &r->v[i].graph, r->replays[i],
		&of->seconds[block], e);
	look(r, &of->clock[block], &of->watts[block]);
	return s ? drop(r, i, e) : WPK_OK;
}

static int steady(struct bench_blocks *out, double off)
{
	double clocks[BENCH_CONTENDERS * STATS_BLOCKS];

	for (int i = 0; i < out->n; i++)
		for (int k = 0; k < out->blocks; k++)
			clocks[i * STATS_BLOCKS + k] = out->of[i].why[0] ? 0 :
				out->of[i].clock[k];
	return stats_steady(clocks, out->n, out->blocks, off, out->use);
}

/* Until enough blocks count, but not for ever. */
static enum wpk_status take_turns(struct racing *r, struct wpk_error *e)
{
	struct bench_blocks *out = r->out;
	enum wpk_status s = WPK_OK;

	while (out->steady < r->b->o.blocks && out->blocks < 2 *
	    r->b->o.blocks) {
		for (int i = 0; i < out->n && !s; i++)
			if (runs(r, i))
				s = turn(r, i, out->blocks, e);
		if (s)
			return s;
		out->blocks++;
		out->steady = steady(out, r->b->o.off);
	}
	return WPK_OK;
}

enum wpk_status bench_blocks(struct bench *b, struct bench_entry *v, int n,
	int sets, struct bench_blocks *out, struct wpk_error *e)
{
	struct racing r = { .b = b, .out = out, .v = v };
	struct wpk_error own;
	enum wpk_status s = WPK_OK;

	e = e ? e : &own;
	memset(out, 0, sizeof *out);
	out->sets = sets;
	if (n > BENCH_CONTENDERS)
		return fail(e, WPK_E_ARGUMENT, "more than %d contenders",
			BENCH_CONTENDERS);
	out->n = n;
	for (int i = 0; i < n && !s; i++)
		s = enter(&r, i, e);
	if (!s)
		s = warm_up(&r, e);
	return s ? s : take_turns(&r, e);
}
