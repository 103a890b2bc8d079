/* SPDX-License-Identifier: MIT */
/* Gaussian-process regression (Rasmussen and Williams, "Gaussian Processes
 * for Machine Learning", 2006, algorithm 2.1). Rows of coordinates with values
 * come in; expectations and deviations at other places come out. Kernel:
 * Matern 5/2 with a length scale for each coordinate (automatic relevance).
 * The prior's mean and variance are the ones of greatest likelihood given the
 * scales (closed forms); scales and noise are climbed towards, a coordinate at
 * a time. Work grows with n^3 for a fit and n^2 for a prediction, so the
 * caller bounds n. */
#include "search/gp.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

static const double noises[] = { 1e-4, 1e-3, 1e-2, 3e-2, 1e-1 };
enum { N_NOISES = sizeof noises / sizeof *noises };

#define SHORTEST 0.1	/* length scales: of a coordinate's whole range */
#define LONGEST 12.0
#define TYPICAL 1.4

void gp_init(struct gp *g, struct arena *a, const bool *nominal, int d,
	int cap)
{
	size_t n = (size_t)cap;

	memset(g, 0, sizeof *g);
	g->d = d;
	g->cap = cap;
	g->nominal = nominal;
	g->x = ARENA_ARRAY(a, n * (size_t)d, double);
	g->y = ARENA_ARRAY(a, n, double);
	g->scale = ARENA_ARRAY(a, d, double);
	g->factor = ARENA_ARRAY(a, n * (n + 1) / 2, double);
	g->solved = ARENA_ARRAY(a, n, double);
	g->weights = ARENA_ARRAY(a, n, double);
	g->row = ARENA_ARRAY(a, n, double);
	g->noise = 1e-2;
	for (int i = 0; i < d; i++)
		g->scale[i] = 1;
}

void gp_clear(struct gp *g)
{
	g->n = 0;
}

bool gp_add(struct gp *g, const double *x, double y)
{
	if (g->n == g->cap)
		return false;
	memcpy(g->x + (size_t)g->n * g->d, x, (size_t)g->d * sizeof *x);
	g->y[g->n++] = y;
	return true;
}

/* Matern 5/2 of the scaled distance r: (1 + s + s^2/3) exp(-s), s = sqrt(5) r
 * (Rasmussen and Williams, eq. 4.17). */
static double kernel(const struct gp *g, const double *x, const double *z)
{
	double r2 = 0, s;

	for (int i = 0; i < g->d; i++) {
		double t = g->nominal[i] ? x[i] != z[i] : x[i] - z[i];

		t *= g->scale[i];
		r2 += t * t;
	}
	s = sqrt(5 * r2);
	return (1 + s + s * s / 3) * exp(-s);
}

static double *factor_row(const struct gp *g, int i)
{
	return g->factor + (size_t)i * ((size_t)i + 1) / 2;
}

/* Solve L z = z for the first "n" rows of the factor. */
static void forward(const struct gp *g, double *z, int n)
{
	for (int i = 0; i < n; i++) {
		const double *l = factor_row(g, i);
		double sum = z[i];

		for (int j = 0; j < i; j++)
			sum -= l[j] * z[j];
		z[i] = sum / l[i];
	}
}

/* Row "i" of the factor, from the rows above it. */
static void factor_one(struct gp *g, int i)
{
	const double *x = g->x + (size_t)i * g->d;
	double *l = factor_row(g, i), rest = 1 + g->noise;

	for (int j = 0; j < i; j++)
		l[j] = kernel(g, x, g->x + (size_t)j * g->d);
	forward(g, l, i);
	for (int j = 0; j < i; j++)
		rest -= l[j] * l[j];
	l[i] = sqrt(rest > 1e-10 ? rest : 1e-10);
}

/* The mean of greatest likelihood, 1'K^-1 y / 1'K^-1 1, and with it the
 * variance (y - m)'K^-1 (y - m) / n. "row" holds L^-1 1. */
static void set_prior(struct gp *g)
{
	double above = 0, below = 0, sum = 0;

	for (int i = 0; i < g->n; i++) {
		g->solved[i] = g->y[i];
		g->row[i] = 1;
	}
	forward(g, g->solved, g->n);
	forward(g, g->row, g->n);
	for (int i = 0; i < g->n; i++) {
		above += g->row[i] * g->solved[i];
		below += g->row[i] * g->row[i];
	}
	g->mean = above / below;
	for (int i = 0; i < g->n; i++) {
		g->solved[i] -= g->mean * g->row[i];
		sum += g->solved[i] * g->solved[i];
	}
	g->variance = sum / g->n > 1e-12 ? sum / g->n : 1e-12;
}

static void set_weights(struct gp *g)
{
	memcpy(g->weights, g->solved, (size_t)g->n * sizeof *g->weights);
	for (int i = g->n - 1; i >= 0; i--) {
		const double *l = factor_row(g, i);

		g->weights[i] /= l[i];
		for (int j = 0; j < i; j++)
			g->weights[j] -= l[j] * g->weights[i];
	}
}

void gp_fit(struct gp *g)
{
	if (!g->n)
		return;
	for (int i = 0; i < g->n; i++)
		factor_one(g, i);
	set_prior(g);
	set_weights(g);
}

/* Log likelihood up to a constant, with a weak preference for long scales
 * (a coordinate matters only when the values say so) and small noise. */
static double likelihood(struct gp *g)
{
	double sum = 0, prior = 0;

	for (int i = 0; i < g->n; i++)
		factor_one(g, i);
	set_prior(g);
	for (int i = 0; i < g->n; i++)
		sum -= log(factor_row(g, i)[i]);
	for (int i = 0; i < g->d; i++) {
		double t = log(g->scale[i] * TYPICAL);

		prior -= t * t / 4;
	}
	return sum - 0.5 * g->n * log(g->variance) + prior;
}

/* Scale or (i == d) noise number "i" changed at random within its bounds. */
static void vary(struct gp *g, struct rng *rng, int i)
{
	if (i == g->d) {
		g->noise = noises[rng_below(rng, N_NOISES)];
		return;
	}
	g->scale[i] *= exp(2.4 * (rng_unit(rng) - 0.5));
	if (g->scale[i] > 1 / SHORTEST)
		g->scale[i] = 1 / SHORTEST;
	if (g->scale[i] < 1 / LONGEST)
		g->scale[i] = 1 / LONGEST;
}

void gp_tune(struct gp *g, struct rng *rng, int steps)
{
	double best;

	if (g->n < 3)
		return;
	best = likelihood(g);
	for (int step = 0; step < steps; step++) {
		int i = step % (g->d + 1);
		double scale = i < g->d ? g->scale[i] : 0, noise = g->noise;
		double now;

		vary(g, rng, i);
		now = likelihood(g);
		if (now > best) {
			best = now;
			continue;
		}
		g->noise = noise;
		if (i < g->d)
			g->scale[i] = scale;
	}
}

double gp_predict(struct gp *g, const double *x, double *sd)
{
	double mean = g->mean, rest = 1;

	for (int i = 0; i < g->n; i++) {
		g->row[i] = kernel(g, x, g->x + (size_t)i * g->d);
		mean += g->row[i] * g->weights[i];
	}
	forward(g, g->row, g->n);
	for (int i = 0; i < g->n; i++)
		rest -= g->row[i] * g->row[i];
	*sd = sqrt(g->variance * (rest > 1e-9 ? rest : 1e-9));
	return mean;
}

void gp_believe(struct gp *g, const double *x)
{
	double sd, y = gp_predict(g, x, &sd), *l;

	if (!gp_add(g, x, y))
		return;
	factor_one(g, g->n - 1);
	l = factor_row(g, g->n - 1);
	/* The belief lies on the curve: its weight is 0 but for the noise. */
	g->solved[g->n - 1] = y - g->mean;
	for (int j = 0; j < g->n - 1; j++)
		g->solved[g->n - 1] -= l[j] * g->solved[j];
	g->solved[g->n - 1] /= l[g->n - 1];
	set_weights(g);
}

double gp_gain(struct gp *g, const double *x, double best)
{
	double sd, mean = gp_predict(g, x, &sd), z = (best - mean) / sd;
	double density = exp(-z * z / 2) / sqrt(2 * M_PI);
	double below = 0.5 * erfc(-z / M_SQRT2);

	return (best - mean) * below + sd * density;
}
