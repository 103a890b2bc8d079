/* SPDX-License-Identifier: MIT */
/* Scales and noise of a surrogate. Observations come in; what makes them likely
 * goes out, by a climb along the gradient (Rasmussen and Williams, eq. 5.9,
 * with the prior's mean and variance profiled out) in logarithms, by the sign
 * alone (Riedmiller and Braun's Rprop, 1993), so that no step length has to be
 * guessed. Weak preferences keep few observations from saying too much: a gene
 * matters only when the values say so. Of many observations a part is enough:
 * the best ones and some of all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/surrogate.h"

enum { MOST = 128 };		/* observations that are looked at */

#define LEAST_STEP 0.02
#define MOST_STEP 1.0
#define FIRST_STEP 0.3
#define LEAST_SCALE 0.03
#define MOST_SCALE 12
#define LEAST_NOISE 1e-5
#define MOST_NOISE 0.5
#define LEAST_ALONE 0.01
#define MOST_ALONE 0.9

/* Preferred values, and how far from them, in logarithms, is usual. */
#define LIKE_SCALE 1.4
#define LIKE_NOISE 1e-3
#define LIKE_ALONE 0.2
#define SCALE_WIDTH 1.4
#define NOISE_WIDTH 1.5
#define ALONE_WIDTH 0.7

/* Parameters: the share alone, noise, and the scales of each gene's aspects. */
struct climb {
	struct surrogate *s;
	int n, d, n_params;
	int *at;			/* which observations */
	double *k, *inverse;		/* n x n: L, then K^-1 */
	double *slope;			/* of the logarithms of parameters */
	double *weights;
	double variance;
};

struct ranked {
	double y;
	int at;
};

static int by_y(const void *x, const void *y)
{
	const struct ranked *p = x, *q = y;

	if (p->y != q->y)
		return p->y < q->y ? -1 : 1;
	return p->at < q->at ? -1 : p->at > q->at;
}

/* All, or the best half of MOST and every so many of the others. */
static void select_observations(struct climb *c, struct arena *a)
{
	int n = c->s->n, best = MOST / 2;
	struct ranked *v = ARENA_ARRAY(a, n, struct ranked);

	c->n = n < MOST ? n : MOST;
	c->at = ARENA_ARRAY(a, c->n, int);
	for (int i = 0; i < n; i++)
		v[i] = (struct ranked){ c->s->y[i], i };
	if (n > MOST)
		qsort(v, (size_t)n, sizeof *v, by_y);
	for (int i = 0; i < c->n; i++)
		c->at[i] = v[n <= MOST || i < best ? i : best + (int)(
			(long)(i - best) * (n - best) / (c->n - best))].at;
}

/* Where the tables of gene "g" have the pair i, j. */
static int cell(const struct climb *c, int i, int j, int g)
{
	const struct surrogate *s = c->s;
	int x = s->x[(size_t)c->at[i] * (size_t)s->d + (size_t)g];
	int z = s->x[(size_t)c->at[j] * (size_t)s->d + (size_t)g];

	return x * s->genes[g].n + z;
}

static double covariance(const struct climb *c, int i, int j)
{
	double k = 1;

	for (int g = 0; g < c->d; g++)
		k *= c->s->genes[g].table[cell(c, i, j, g)];
	return k;
}

/* "k" becomes the factor L of the covariance. */
static void factor(struct climb *c)
{
	int n = c->n;

	for (int i = 0; i < n; i++) {
		double *l = c->k + i * n;

		for (int j = 0; j <= i; j++) {
			const double *m = c->k + j * n;
			double sum = i == j ? 1 + c->s->noise :
				covariance(c, i, j);

			for (int q = 0; q < j; q++)
				sum -= l[q] * m[q];
			l[j] = i == j ? sqrt(sum > 1e-10 ? sum : 1e-10) :
				sum / m[j];
		}
	}
}

/* K^-1 = L^-T L^-1, the lower half. */
static void invert(struct climb *c)
{
	int n = c->n;
	double *x = c->inverse;

	memset(x, 0, (size_t)n * (size_t)n * sizeof *x);
	for (int i = 0; i < n; i++) {
		const double *l = c->k + i * n;

		x[i * n + i] = 1 / l[i];
		for (int q = 0; q < i; q++)
			for (int j = 0; j <= q; j++)
				x[i * n + j] -= l[q] * x[q * n + j];
		for (int j = 0; j < i; j++)
			x[i * n + j] /= l[i];
	}
	memset(c->k, 0, (size_t)n * (size_t)n * sizeof *x);
	for (int q = 0; q < n; q++)
		for (int i = 0; i <= q; i++)
			for (int j = 0; j <= i; j++)
				c->k[i * n + j] += x[q * n + i] * x[q * n + j];
	memcpy(x, c->k, (size_t)n * (size_t)n * sizeof *x);
}

static double inverse_at(const struct climb *c, int i, int j)
{
	return i > j ? c->inverse[i * c->n + j] : c->inverse[j * c->n + i];
}

/* What the trend leaves to explain. */
static double rest(const struct climb *c, int i)
{
	const struct surrogate *s = c->s;
	int at = c->at[i];

	return s->y[at] - s->follows *
		surrogate_trend(s, s->x + (size_t)at * (size_t)s->d);
}

static void set_weights(struct climb *c)
{
	double above = 0, below = 0, sum = 0, mean;

	for (int i = 0; i < c->n; i++)
		for (int j = 0; j < c->n; j++) {
			above += inverse_at(c, i, j) * rest(c, j);
			below += inverse_at(c, i, j);
		}
	mean = above / below;
	for (int i = 0; i < c->n; i++) {
		c->weights[i] = 0;
		for (int j = 0; j < c->n; j++)
			c->weights[i] += inverse_at(c, i, j)
				* (rest(c, j) - mean);
		sum += c->weights[i] * (rest(c, i) - mean);
	}
	c->variance = sum / c->n > 1e-12 ? sum / c->n : 1e-12;
}

static double *parameter(struct surrogate *s, int p)
{
	if (p < 2)
		return p ? &s->noise : &s->alone;
	return &s->genes[(p - 2) / N_ASPECTS].scale[(p - 2) % N_ASPECTS];
}

static bool is_used(const struct climb *c, int p)
{
	return p < 2 || (p - 2) % N_ASPECTS <
		c->s->genes[(p - 2) / N_ASPECTS].n_aspects;
}

/* What is preferred before seeing anything, and its slope. */
static double preference(struct climb *c)
{
	double sum = 0;

	for (int p = 0; p < c->n_params; p++) {
		double at = p > 1 ? LIKE_SCALE : p ? LIKE_NOISE : LIKE_ALONE;
		double width = p > 1 ? SCALE_WIDTH : p ? NOISE_WIDTH :
			ALONE_WIDTH;
		double t = log(*parameter(c->s, p) / at) / width;

		if (!is_used(c, p))
			continue;
		sum -= t * t / 2;
		c->slope[p] -= t / width;
	}
	return sum;
}

/* Add what the pair i, j says to the slopes of the scales and of "alone". */
static void add_slopes(struct climb *c, int i, int j)
{
	double alone = c->s->alone, sum = 0, e;

	e = (c->weights[i] * c->weights[j] / c->variance
		- inverse_at(c, i, j)) * covariance(c, i, j);
	for (int g = 0; g < c->d; g++) {
		const struct surrogate_gene *gene = &c->s->genes[g];
		int at = cell(c, i, j, g);
		double z = gene->table[at];

		for (int k = 0; k < gene->n_aspects; k++)
			c->slope[2 + g * N_ASPECTS + k] +=
				e * gene->slope[k][at] / z;
		sum += (1 - z) / (1 - alone) / z;
	}
	c->slope[0] += e * alone * sum;
}

/* Log likelihood and preference up to a constant; "slope" is its gradient. */
static double likelihood(struct climb *c)
{
	double sum = 0, trace = 0;

	surrogate_tables(c->s);
	factor(c);
	for (int i = 0; i < c->n; i++)
		sum -= log(c->k[i * c->n + i]);
	invert(c);
	set_weights(c);
	memset(c->slope, 0, (size_t)c->n_params * sizeof *c->slope);
	for (int i = 0; i < c->n; i++) {
		for (int j = 0; j < i; j++)
			add_slopes(c, i, j);
		trace += c->weights[i] * c->weights[i] / c->variance
			- inverse_at(c, i, i);
	}
	c->slope[1] = 0.5 * c->s->noise * trace;
	return sum - 0.5 * c->n * log(c->variance) + preference(c);
}

static double clamp(double x, double least, double most)
{
	return x < least ? least : x > most ? most : x;
}

/* A step of each by the sign of its slope. */
static void step(struct climb *c, double *length, double *before)
{
	for (int p = 0; p < c->n_params; p++) {
		double *v = parameter(c->s, p), turn = c->slope[p] * before[p];

		length[p] = clamp(length[p] * (turn > 0 ? 1.3 : turn < 0 ?
			0.5 : 1), LEAST_STEP, MOST_STEP);
		before[p] = turn < 0 ? 0 : c->slope[p];
		*v *= exp(before[p] > 0 ? length[p] : before[p] < 0 ?
			-length[p] : 0);
		*v = p > 1 ? clamp(*v, LEAST_SCALE, MOST_SCALE) :
			p ? clamp(*v, LEAST_NOISE, MOST_NOISE) :
			clamp(*v, LEAST_ALONE, MOST_ALONE);
	}
}

static void climb(struct climb *c, int steps)
{
	int n = c->n_params;
	double length[n], before[n], best[n], most = -INFINITY;

	for (int p = 0; p < n; p++) {
		length[p] = FIRST_STEP;
		before[p] = 0;
		best[p] = *parameter(c->s, p);
	}
	for (int i = 0; i < steps; i++) {
		double now = likelihood(c);

		if (now > most)
			for (int p = 0; p < n; p++)
				best[p] = *parameter(c->s, p);
		most = now > most ? now : most;
		step(c, length, before);
	}
	for (int p = 0; p < n; p++)
		*parameter(c->s, p) = best[p];
	surrogate_tables(c->s);
}

void surrogate_tune(struct surrogate *s, int steps)
{
	struct arena *a = arena_create();
	struct climb c = { .s = s, .d = s->d, .n_params =
		2 + N_ASPECTS * s->d };
	size_t n;

	if (s->n >= 3) {
		select_observations(&c, a);
		n = (size_t)c.n;
		c.k = ARENA_ARRAY(a, n * n, double);
		c.inverse = ARENA_ARRAY(a, n * n, double);
		c.weights = ARENA_ARRAY(a, n, double);
		c.slope = ARENA_ARRAY(a, c.n_params, double);
		climb(&c, steps);
	}
	arena_destroy(a);
}
