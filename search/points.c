/* SPDX-License-Identifier: MIT */
/* Genomes, and the ways to fresh ones. A problem comes
 * in; out go genomes that are legal and were not seen. Nothing here knows
 * costs. Draws are fastest where legal points are common; where they are one
 * in thousands, walks from a known one take over; and a grid of up to
 * SWEEPABLE points is finally swept, so that a small space is exhausted
 * exactly. */
#include "search/points.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

enum {
	DRAWS = 1000,		/* before walking from what is known */
	FIRST_DRAWS = 1 << 18,	/* before giving up on finding any */
	WALKS = 30,
	NEAR = 256,		/* points that a far one keeps away from */
	SWEEPABLE = 1 << 22
};

/* ---- genomes ---- */

void points_init(struct points *ps, struct arena *a, const struct problem *p,
	uint64_t seed)
{
	memset(ps, 0, sizeof *ps);
	ps->a = a;
	ps->p = p;
	ps->d = p->space->n_genes;
	ps->size = 1;
	rng_seed(&ps->rng, seed);
	seen_init(&ps->seen, a, ps->d);
	ps->values = ARENA_ARRAY(a, ps->d, int);
	ps->spare = ARENA_ARRAY(a, ps->d, int);
	for (int i = 0; i < ps->d; i++)
		ps->size *= points_choices(ps, i);
	if (ps->size < 1 || ps->size > SWEEPABLE)
		return;
	ps->offset = rng_next(&ps->rng) % (uint64_t)ps->size;
	do
		ps->step = 1 + rng_next(&ps->rng) % (uint64_t)ps->size;
	while (number_gcd((int64_t)ps->step, (int64_t)ps->size) != 1);
}

int points_choices(const struct points *ps, int gene)
{
	return ps->p->space->genes[gene].n;
}

bool points_ordered(const struct points *ps, int gene)
{
	return !ps->p->space->genes[gene].words;
}

void points_values(const struct points *ps, const int *genome, int *values)
{
	for (int i = 0; i < ps->d; i++)
		values[i] = ps->p->space->genes[i].values[genome[i]];
}

bool points_locate(const struct points *ps, const int *values, int *genome)
{
	for (int i = 0; i < ps->d; i++) {
		const struct gene *g = &ps->p->space->genes[i];
		int at = 0;

		while (at < g->n && g->values[at] != values[i])
			at++;
		if (at == g->n)
			return false;
		genome[i] = at;
	}
	return true;
}

void points_learned(struct points *ps, const int *values, int n)
{
	for (int i = 0; i < n; i++)
		if (points_locate(ps, values + i * ps->d, ps->spare))
			seen_add(&ps->seen, ps->spare);
}

bool points_legal(struct points *ps, const int *genome)
{
	ps->looks++;
	points_values(ps, genome, ps->values);
	return !ps->p->legal(ps->p->ctx, ps->a, ps->values);
}

bool points_fresh(struct points *ps, const int *genome)
{
	return !seen_has(&ps->seen, genome) && points_legal(ps, genome);
}

/* ---- ways to fresh points ---- */

static void draw(struct points *ps, int *genome)
{
	if (ps->p->draw) {
		ps->p->draw(ps->p->ctx, &ps->rng, ps->values);
		points_locate(ps, ps->values, genome);
		return;
	}
	for (int i = 0; i < ps->d; i++)
		genome[i] = rng_below(&ps->rng, points_choices(ps, i));
}

/* A sweep never looks twice: where nothing is legal it says so sooner. */
bool points_draw(struct points *ps, int *genome, int tries)
{
	if (ps->size < 1)
		return false;
	if (!ps->seen.n && ps->step && tries > DRAWS)
		tries = DRAWS;
	while (tries-- > 0) {
		draw(ps, genome);
		if (points_fresh(ps, genome))
			return true;
	}
	return false;
}

bool points_nudge(struct points *ps, int *genome, int g)
{
	int n = points_choices(ps, g), to = genome[g];

	if (n < 2)
		return false;
	if (points_ordered(ps, g) && rng_below(&ps->rng, 4))
		to += rng_below(&ps->rng, 2) ? 1 : -1;
	if (to == genome[g] || to < 0 || to >= n)
		to = (genome[g] + 1 + rng_below(&ps->rng, n - 1)) % n;
	genome[g] = to;
	return true;
}

/* One legal change of one gene, or of two at once where no change of one is
 * legal (products that must stay the same); gives up after some tries. */
static bool step(struct points *ps, int *at)
{
	for (int tries = 8 * ps->d; tries > 0; tries--) {
		memcpy(ps->spare, at, (size_t)ps->d * sizeof *at);
		points_nudge(ps, ps->spare, rng_below(&ps->rng, ps->d));
		if (tries % 2)
			points_nudge(ps, ps->spare, rng_below(&ps->rng, ps->d));
		if (points_legal(ps, ps->spare)) {
			memcpy(at, ps->spare, (size_t)ps->d * sizeof *at);
			return true;
		}
	}
	return false;
}

bool points_walk(struct points *ps, const int *from, int *genome)
{
	size_t bytes = (size_t)ps->d * sizeof *genome;

	if (!ps->d)
		return false;
	for (int walk = 0; walk < WALKS; walk++) {
		int length = 1 + rng_below(&ps->rng, 1 + walk);

		memmove(genome, from, bytes);
		while (length-- > 0 && step(ps, genome))
			if (!seen_has(&ps->seen, genome))
				return true;
	}
	return false;
}

static void decode(const struct points *ps, unsigned code, int *genome)
{
	for (int i = 0; i < ps->d; i++) {
		unsigned n = (unsigned)points_choices(ps, i);

		genome[i] = n > 1 ? (int)(code % n) : 0;
		code = n > 1 ? code / n : code;
	}
}

bool points_sweep(struct points *ps, int *genome)
{
	uint64_t size = (uint64_t)ps->size;

	if (!ps->step)
		return false;
	while (ps->swept < size) {
		uint64_t code = ps->swept++ * ps->step + ps->offset;

		decode(ps, (unsigned)(code % size), genome);
		if (points_fresh(ps, genome))
			return true;
	}
	return false;
}

bool points_any(struct points *ps, int *genome)
{
	int known = ps->seen.n;

	if (points_draw(ps, genome, known ? DRAWS : FIRST_DRAWS))
		return true;
	for (int tries = 0; known && tries < 4; tries++) {
		const int *from = ps->seen.v
			+ (size_t)rng_below(&ps->rng, known) * ps->d;

		if (points_legal(ps, from) && points_walk(ps, from, genome))
			return true;
	}
	return points_sweep(ps, genome);
}

static double apart(const struct points *ps, const int *x, const int *y)
{
	double sum = 0;

	for (int i = 0; i < ps->d; i++) {
		int n = points_choices(ps, i);

		if (!points_ordered(ps, i))
			sum += x[i] != y[i];
		else if (n > 1)
			sum += fabs((double)(x[i] - y[i])) / (n - 1);
	}
	return sum;
}

double points_nearest(const struct points *ps, const int *genome)
{
	double least = INFINITY;
	int i = ps->seen.n > NEAR ? ps->seen.n - NEAR : 0;

	for (; i < ps->seen.n; i++) {
		double t = apart(ps, genome, ps->seen.v + i * ps->d);

		least = t < least ? t : least;
	}
	return least;
}

bool points_far(struct points *ps, int *genome, int draws)
{
	double farthest = -1;
	int drawn[ps->d + 1];

	for (int i = 0; i < draws && points_draw(ps, drawn, 100); i++) {
		double t = points_nearest(ps, drawn);

		if (t <= farthest)
			continue;
		farthest = t;
		memcpy(genome, drawn, (size_t)ps->d * sizeof *genome);
	}
	return farthest >= 0 || points_any(ps, genome);
}

void points_repair(struct points *ps, int *genome, const int *anchor)
{
	int order[ps->d + 1];

	for (int i = 0; i < ps->d; i++) {
		int j = rng_below(&ps->rng, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < ps->d && !points_legal(ps, genome); i++)
		genome[order[i]] = anchor[order[i]];
}
