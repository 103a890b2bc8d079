/* SPDX-License-Identifier: MIT */
/* The untuned default of tiled contractions: a pipeline that fits, parts of the
 * reduction that fill the chip, or chunks shared out where that is worth it. */
#include "sketch/tiled.h"

#include <limits.h>
#include <math.h>
#include <string.h>

void tiled_start(const struct tunables *open, const int *start, int fixed,
	int *values)
{
	for (int i = 0; i < open->n; i++)
		values[i] = i < fixed ? start[i] : open->v[i].values[0];
}

/* Parts that fill the chip, up to "most", each of 4 chunks at least. */
static int fill_chip(const struct task *t, const struct tiling *p, int most,
	int side)
{
	int best = 1;

	for (int i = 0; i < TILED_SPLITS; i++)
		if (p->tiles * best < t->gpu->sms && tiled_splits[i] <= most &&
		    p->chunks >= 4 * tiled_splits[i] &&
		    p->chunks % tiled_splits[i] == 0 &&
		    side % tiled_splits[i] == 0)
			best = tiled_splits[i];
	return best;
}

/* "*combine" becomes TILED_CLUSTER if there are some for a cluster: they spare a
 * launch, which is worth more than what is left of the chip. */
static int fill_with_parts(const struct task *t, const struct product *f,
	const struct tiled_places *at, const struct tiling *p, int *combine)
{
	int cluster = t->target->clusters && !at->apart ? fill_chip(t, p, 8,
		f->epilogue.along_n ? p->bm : p->bn) : 1;

	if (cluster > 1)
		*combine = TILED_CLUSTER;
	return cluster > 1 ? cluster : fill_chip(t, p, INT_MAX, 0);
}

bool tiled_try(const struct task *t, const struct product *f,
	const struct tiled_places *at, int plain, struct tiled_values depths,
	int *v, struct tiling *p)
{
	for (int i = 0; i < at->n_pipelines; i++)
		for (int k = 0; k < depths.n; k++) {
			v[at->k] = depths.v[k];
			v[at->async] = at->pipelines[i][0];
			v[at->stages] = at->pipelines[i][1];
			v[at->split] = 1;
			v[at->combine] = plain;
			if (at->plan(t, v, p))
				continue;
			v[at->split] = fill_with_parts(t, f, at, p,
				&v[at->combine]);
			if (at->plan(t, v, p)) {
				v[at->split] = 1;
				v[at->combine] = plain;
			}
			return true;
		}
	return false;
}

/* Cycles of the busiest multiprocessor that multiplies "rate" at once, and of what
 * joins the sums. */
static double busy(const struct task *t, const struct product *f,
	const struct tiling *p, double rate)
{
	struct tiled_joining joining = tiled_joining_cost(f, p);
	struct tiled_blocks b = tiled_blocks(p);
	double chunk = (double)p->bm * p->bn * f->products * tiled_steps(p) /
		rate;

	return ceil(b.n / t->gpu->sms) * b.chunks * chunk + joining.chain +
		joining.launches * t->gpu->launch_s * t->gpu->clock_mhz * 1e6;
}

void tiled_guess(const struct task *t, const struct product *f,
	struct tiled_guess *g, const int *values)
{
	size_t size = (size_t)g->at->n * sizeof *values;
	struct tiling p;
	double cycles;

	memcpy(g->trial, values, size);
	g->trial[g->at->combine] = TILED_STREAM;
	if (g->at->persistent)
		g->trial[g->at->persistent] = 1;
	for (int i = 1; i < TILED_SPLITS; i++) {
		g->trial[g->at->split] = tiled_splits[i];
		if (g->at->plan(t, g->trial, &p))
			continue;
		cycles = busy(t, f, &p, g->rate);
		if (g->cycles && cycles >= g->cycles)
			continue;
		g->cycles = cycles;
		memcpy(g->best, g->trial, size);
	}
}

void tiled_take_guess(const struct task *t, const struct product *f,
	const struct tiled_guess *g, int *start)
{
	static const double worth = 0.9;
	struct tiling p;

	if (g->cycles && !g->at->plan(t, start, &p) &&
	    g->cycles < worth * busy(t, f, &p, g->rate))
		memcpy(start, g->best, (size_t)g->at->n * sizeof *start);
}
