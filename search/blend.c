/* SPDX-License-Identifier: MIT */
/* What a correction says of rows it has not seen, and what is true of them,
 * come in; the share of it that is worth taking goes out. */
#include "search/blend.h"

#include <math.h>

/* "v" less the mean of its problem. */
static double *centred(struct arena *tmp, const struct blend *b,
	const double *v)
{
	double *mean = ARENA_ARRAY(tmp, b->problems, double);
	double *out = ARENA_ARRAY(tmp, b->n + 1, double);
	int *rows = ARENA_ARRAY(tmp, b->problems, int);

	for (int i = 0; i < b->n; i++) {
		mean[b->problem[i]] += v[i];
		rows[b->problem[i]]++;
	}
	for (int i = 0; i < b->n; i++)
		out[i] = v[i] - mean[b->problem[i]] / rows[b->problem[i]];
	return out;
}

/* The slope of "y" over "c" within 0 .. 1. */
static double slope_of(const struct blend *b)
{
	double above = 0, below = 0;

	for (int i = 0; i < b->n; i++) {
		above += b->y[i] * b->c[i];
		below += b->c[i] * b->c[i];
	}
	if (!(below > 0) || !(above > 0))
		return 0;
	return above < below ? above / below : 1;
}

/* The mean square that "factor" of "c" saves in each piece of evidence, to
 * "saved", which has room for "n" and as many problems; their number. */
static int savings_of(struct arena *tmp, const struct blend *b, double factor,
	double *saved)
{
	int pieces = b->apart ? b->n : b->problems, k = 0;
	int *rows = ARENA_ARRAY(tmp, pieces, int);

	for (int i = 0; i < b->n; i++) {
		double left = b->y[i] - factor * b->c[i];
		int piece = b->apart ? i : b->problem[i];

		saved[piece] += b->y[i] * b->y[i] - left * left;
		rows[piece]++;
	}
	for (int i = 0; i < pieces; i++)
		if (rows[i])
			saved[k++] = saved[i] / rows[i];
	return k;
}

/* Chance alone exceeds so many standard errors one time in forty. */
#define SURE 2.0

/* -1 or 1 if the mean is surely below or above 0, else 0: of one number nobody
 * can tell. */
static int sure_sign(const double *v, int n)
{
	double mean = 0, sum = 0;

	for (int i = 0; i < n; i++)
		mean += v[i] / n;
	for (int i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	if (n < 2 || fabs(mean) <= SURE * sqrt(sum / ((double)n * (n - 1))))
		return 0;
	return mean > 0 ? 1 : -1;
}

/* Does this factor save squares (1) or cost them (-1)? */
static int effect_of(struct arena *tmp, const struct blend *b, double factor)
{
	double *saved = ARENA_ARRAY(tmp, b->n + b->problems, double);

	return sure_sign(saved, savings_of(tmp, b, factor, saved));
}

double blend_factor(struct arena *tmp, const struct blend *b, double otherwise)
{
	struct blend c = *b;
	double factor;

	if (b->n < 1)
		return otherwise;
	c.y = centred(tmp, b, b->y);
	c.c = centred(tmp, b, b->c);
	factor = slope_of(&c);
	if (effect_of(tmp, &c, factor) > 0)
		return factor;
	return effect_of(tmp, &c, otherwise) < 0 ? 0 : otherwise;
}
