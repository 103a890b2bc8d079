/* SPDX-License-Identifier: MIT */
/* The untuned default of the direct sketch: descents over its open numbers, from a few
 * points, by a rank that falls with everything that takes time. */
#include "sketch/direct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memo.h"

/* A sum of bounds, in cycles of a multiprocessor: unlike their maximum it
 * falls with every one of them, which a descent needs. */
static double rank(const struct task *t, const struct direct_plan *p)
{
	struct features f;
	double sms = t->gpu->sms, busy, blocks, work, hide, resident, dram;

	direct_cost(t->state, p, &f);
	busy = fmin(f.blocks, sms);
	blocks = ceil(f.blocks / sms);
	resident = fmin(f.occupancy, blocks);
	work = (f.issue / 4 + f.smem_cycles + f.flops / 2 /
		t->gpu->f32_lanes_sm) / f.blocks;
	hide = fmin(1, f.threads / 128.0 * f.ilp / (f.ilp + 30));
	dram = f.dram_bytes / (t->gpu->dram_bytes_s * t->gpu->copy) *
		t->gpu->clock_mhz * 1e6;
	return ceil(blocks / resident) * (fmax(resident * work, f.chain + work /
		hide)) + f.l2_bytes / (busy * 64) + dram;
}

static void set(const struct direct *d, int *values, int which, int v)
{
	if (d->at[which] >= 0)
		values[d->at[which]] = v;
}

/* A search for the default. "costs": of points, with vectors as long as they can
 * be, whose number is 0 here; INFINITY where they make no kernel. */
struct descent {
	const struct task *t;
	const struct direct *d;
	struct memo costs;
};

static double cost_of(struct descent *x, const int *values)
{
	struct direct_plan p;
	bool fresh;
	double *cost = memo_at(&x->costs, values, &fresh);

	if (fresh)
		*cost = direct_plan_widest(x->t, values, &p) ? rank(x->t, &p) :
			INFINITY;
	return *cost;
}

/* One point: where it costs less than "*best", that is its cost and "keep" has
 * it. */
static bool try(struct descent *x, const int *values, double *best, int *keep)
{
	double cost = cost_of(x, values);

	if (cost >= *best)
		return false;
	*best = cost;
	memcpy(keep, values, (size_t)x->d->n_tunables * sizeof *keep);
	return true;
}

enum { WAYS = 16 };

/* Way number "way" to stage and keep what tiles need. */
static void set_way(const struct task *t, const struct direct *d, int *values,
	int way)
{
	set(d, values, DIRECT_RESULT, way >> 3);
	set(d, values, DIRECT_CACHE, way & 1);
	set(d, values, DIRECT_ASYNC, way >> 1 & 1 && t->target->cp_async);
	set(d, values, DIRECT_STAGES, 1 + (way >> 2 & 1));
}

static bool improve_ways(struct descent *x, const int *from, double *best,
	int *keep)
{
	int values[x->d->n_tunables];
	bool better = false;

	memcpy(values, from, sizeof values);
	for (int i = 0; i < WAYS; i++) {
		set_way(x->t, x->d, values, i);
		better |= try(x, values, best, keep);
	}
	return better;
}

/* All pairs of a block's and a thread's tile along axis "i". */
static bool improve(struct descent *x, int i, double *best, int *keep)
{
	const struct direct *d = x->d;
	const struct tunable *tile = &d->tunables[i];
	const struct tunable *own = &d->tunables[d->n_out + i];
	int values[d->n_tunables];
	bool better = false;

	memcpy(values, keep, sizeof values);
	for (int k = 0; k < own->n; k++)
		for (int j = 0; j < tile->n; j++) {
			if (tile->values[j] % own->values[k])
				continue;
			values[i] = tile->values[j];
			values[d->n_out + i] = own->values[k];
			better |= try(x, values, best, keep);
		}
	return better;
}

static bool improve_chunk(struct descent *x, double *best, int *keep)
{
	const struct direct *d = x->d;
	int at = d->at[DIRECT_CHUNK], values[d->n_tunables];
	bool better = false;

	if (at < 0)
		return false;
	memcpy(values, keep, sizeof values);
	for (int k = 0; k < d->tunables[at].n; k++) {
		values[at] = d->tunables[at].values[k];
		better |= try(x, values, best, keep);
	}
	return better;
}

/* The next listed value of tunable "u" beyond "v", upwards or downwards; "v"
 * where there is none. */
static int next(const struct tunable *u, int v, bool up)
{
	for (int i = 0; i < u->n; i++)
		if (u->values[i] == v && (up ? i + 1 < u->n : i > 0))
			return u->values[up ? i + 1 : i - 1];
	return v;
}

/* A block longer along one axis and shorter along another, each by up to three
 * values: what no change of a single axis finds. */
static bool exchange(struct descent *x, double *best, int *keep)
{
	enum { FAR = 3 };
	const struct direct *d = x->d;
	int values[d->n_tunables];
	bool better = false;

	for (int i = 0; i < d->n_out; i++)
		for (int j = 0; j < d->n_out; j++) {
			memcpy(values, keep, sizeof values);
			for (int n = 0; n < FAR * FAR && i != j; n++) {
				values[i] = next(&d->tunables[i], n % FAR ?
					values[i] : keep[i], true);
				if (n % FAR == 0)
					values[j] = next(&d->tunables[j],
						values[j], false);
				better |= try(x, values, best, keep);
			}
		}
	return better;
}

/* From "values", one axis after another until none improves. */
static void descend(struct descent *x, int *values, double *best)
{
	enum { ROUNDS = 4 };
	const struct direct *d = x->d;
	bool better = true;

	for (int n = 0; n < ROUNDS && better; n++) {
		better = false;
		for (int i = d->n_out - 1; i >= 0; i--) {
			better |= improve(x, i, best, values);
			better |= improve_ways(x, values, best, values);
		}
		better |= improve_chunk(x, best, values);
		better |= exchange(x, best, values);
	}
}

/* The listed value nearest to "v". */
static int near(const struct tunable *u, int v)
{
	int best = u->values[0];

	for (int i = 1; i < u->n; i++)
		if (abs(u->values[i] - v) < abs(best - v))
			best = u->values[i];
	return best;
}

/* Makes tiles larger, of the last axes first, until a warp has results. */
static void fill_warp(const struct direct *d, int *values)
{
	enum { WARP = 32 };
	int lanes = 1;

	for (int i = d->n_out - 1; i >= 0 && lanes < WARP; i--) {
		const struct tunable *u = &d->tunables[i];
		int own = values[d->n_out + i], tile = values[i];

		for (int k = 0; k < u->n; k++)
			if (u->values[k] % own == 0 && lanes *
			    (u->values[k] / own) <= 2 * WARP &&
			    u->values[k] < d->out[i].extent + own)
				tile = u->values[k];
		values[i] = tile;
		lanes *= tile / own;
	}
}

enum { ORIGINS = 3 };

/* Where descent number "n" sets out: from single results a thread, or from four along
 * the last axis or the last two. */
static void origin(const struct direct *d, int n, int *values)
{
	for (int i = 0; i < d->n_tunables; i++)
		values[i] = d->tunables[i].values[0];
	set(d, values, DIRECT_VECTOR, 0);
	for (int i = d->n_out - 1; i >= 0 && i > d->n_out - 1 - n; i--) {
		int own = d->n_out + i;

		values[own] = near(&d->tunables[own], 4);
		values[i] = near(&d->tunables[i], 4);
	}
	fill_warp(d, values);
}

void direct_start(const struct task *t, int *values)
{
	const struct direct *d = t->state;
	struct arena *tmp = arena_create();
	struct descent x = { .t = t, .d = d };
	double least = INFINITY;
	struct direct_plan p;

	memo_init(&x.costs, tmp, d->n_tunables);
	for (int n = 0; n < ORIGINS; n++) {
		int from[d->n_tunables], keep[d->n_tunables];
		double best = INFINITY;

		origin(d, n, from);
		if (!improve_ways(&x, from, &best, keep))
			continue;
		descend(&x, keep, &best);
		if (best < least) {
			least = best;
			memcpy(values, keep, sizeof keep);
		}
	}
	arena_destroy(tmp);
	direct_plan_widest(t, values, &p);
	set(d, values, DIRECT_VECTOR, p.vec);
}

bool direct_fits(const struct task *t)
{
	const struct direct *d = t->state;
	int values[d->n_tunables];
	struct direct_plan p;

	for (int n = 0; n < ORIGINS; n++) {
		origin(d, n, values);
		for (int way = 0; way < WAYS; way++) {
			set_way(t, d, values, way);
			if (direct_plan_widest(t, values, &p))
				return true;
		}
	}
	return false;
}
