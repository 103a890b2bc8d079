/* SPDX-License-Identifier: MIT */
/* Gaussian-process regression (Rasmussen and Williams, "Gaussian Processes for
 * Machine Learning", 2006, algorithm 2.1) for choosing among many candidates
 * again and again. Observations come in one after the other; expectations and
 * deviations of a pool of candidates go out. What makes it cheap is that
 * V = L^-1 K(observations, pool) grows by a row with each observation: a
 * candidate's mean is prior + V'(L^-1 (y - prior)), its variance what V leaves
 * unexplained. The covariance is a product over the genes of alone +
 * (1 - alone) times a Matern 5/2 of their distance: multiplied out, the sum of
 * what each gene does by itself, each pair, and so on (the ANOVA kernel of
 * Stitson et al., 1997), so that few observations already tell what a gene is
 * good for. Genes have few values: all of it is read from tables. */
#include "search/surrogate.h"

#include <math.h>
#include <string.h>

enum { LANES = 8 };	/* columns of "v" that are worked on together */

static int twos(int v)
{
	int n = 0;

	for (; v && v % 2 == 0; v /= 2)
		n++;
	return n;
}

#define TREND_WEIGHT 0.1
#define TREND_HOLDS 1.0

/* Ranks: powers of two become even steps, as do multiples of one number. */
static void place_ranks(struct surrogate_gene *g)
{
	for (int i = 0; i < g->n; i++)
		g->place[ASPECT_RANK][i] = g->n > 1 ? (double)i / (g->n - 1) : 0;
}

/* Says nothing new where it follows from the rank. */
static void place_twos(struct surrogate_gene *g, const int *values)
{
	bool falls = false, rises = false;
	int most = 0;

	for (int i = 0; i < g->n; i++) {
		int now = twos(values[i]);

		falls |= i && now < twos(values[i - 1]);
		rises |= i && now > twos(values[i - 1]);
		most = now > most ? now : most;
	}
	if (!falls || !rises)
		return;
	g->n_aspects = N_ASPECTS;
	for (int i = 0; i < g->n; i++)
		g->place[ASPECT_TWOS][i] = (double)twos(values[i]) / most;
}

static void init_gene(struct surrogate_gene *g, struct arena *a,
	const struct gene *from)
{
	g->n = from->n;
	g->nominal = from->words != NULL;
	g->n_aspects = 1;
	g->table = ARENA_ARRAY(a, g->n * g->n, double);
	for (int i = 0; i < N_ASPECTS; i++) {
		g->place[i] = ARENA_ARRAY(a, g->n, double);
		g->slope[i] = ARENA_ARRAY(a, g->n * g->n, double);
		g->scale[i] = 1;
	}
	place_ranks(g);
	if (!g->nominal)
		place_twos(g, from->values);
}

void surrogate_init(struct surrogate *s, struct arena *a,
	const struct space *space, int cap, int pool_cap)
{
	size_t n = (size_t)cap, stride;

	memset(s, 0, sizeof *s);
	s->d = space->n_genes;
	s->cap = cap;
	s->pool_cap = pool_cap;
	stride = (size_t)(pool_cap + LANES - 1) / LANES * LANES;
	s->genes = ARENA_ARRAY(a, s->d, struct surrogate_gene);
	for (int i = 0; i < s->d; i++)
		init_gene(&s->genes[i], a, &space->genes[i]);
	s->x = ARENA_ARRAY(a, n * (size_t)s->d, int);
	s->y = ARENA_ARRAY(a, n, double);
	s->factor = ARENA_ARRAY(a, n * (n + 1) / 2, double);
	s->solved = ARENA_ARRAY(a, n, double);
	s->ones = ARENA_ARRAY(a, n, double);
	s->work = ARENA_ARRAY(a, n, double);
	s->pool = ARENA_ARRAY(a, stride * (size_t)s->d, int);
	s->v = ARENA_ARRAY(a, n * stride, double);
	s->explained = ARENA_ARRAY(a, stride, double);
	s->kept = ARENA_ARRAY(a, stride, double);
	s->mean = ARENA_ARRAY(a, stride, double);
	s->sd = ARENA_ARRAY(a, stride, double);
	s->noise = 1e-3;
	s->alone = 0.2;
	surrogate_tables(s);
}

/* The scaled squared distance in aspect "k". */
static double part2(const struct surrogate_gene *g, int i, int j, int k)
{
	double r = g->nominal ? i != j : g->place[k][i] - g->place[k][j];

	return r * r * g->scale[k] * g->scale[k];
}

/* Matern 5/2 at t = sqrt(5) r: (1 + t + t^2/3) exp(-t) (Rasmussen and
 * Williams, eq. 4.17); by log scale it falls with 5/3 (1 + t) exp(-t) times
 * the part of r^2 that has this scale. */
static void fill_cell(struct surrogate_gene *g, double alone, int i, int j)
{
	double r2 = 0, t, e;

	for (int k = 0; k < g->n_aspects; k++)
		r2 += part2(g, i, j, k);
	t = sqrt(5 * r2);
	e = (1 - alone) * exp(-t);
	g->table[i * g->n + j] = alone + e * (1 + t + t * t / 3);
	for (int k = 0; k < g->n_aspects; k++)
		g->slope[k][i * g->n + j] =
			-5.0 / 3 * (1 + t) * e * part2(g, i, j, k);
}

static void fill_table(struct surrogate_gene *g, double alone)
{
	for (int i = 0; i < g->n; i++)
		for (int j = 0; j < g->n; j++)
			fill_cell(g, alone, i, j);
}

void surrogate_tables(struct surrogate *s)
{
	for (int i = 0; i < s->d; i++)
		fill_table(&s->genes[i], s->alone);
}

/* Levels have no alignment: that two divides one says nothing. */
void surrogate_follow(struct surrogate *s, const double *trend)
{
	s->trend = trend;
	s->follows = TREND_HOLDS;
	s->genes[s->d - 1].n_aspects = 1;
	surrogate_tables(s);
}

static double covariance(const struct surrogate *s, const int *x,
	const int *z)
{
	double k = 1;

	for (int i = 0; i < s->d; i++) {
		const struct surrogate_gene *g = &s->genes[i];

		k *= g->table[x[i] * g->n + z[i]];
	}
	return k;
}

static double *row(const struct surrogate *s, int i)
{
	return s->factor + (size_t)i * ((size_t)i + 1) / 2;
}

static const int *point(const struct surrogate *s, int i)
{
	return s->x + (size_t)i * (size_t)s->d;
}

/* Sum of x[i] z[i], in an order that lets additions overlap. */
static double dot(const double *x, const double *z, int n)
{
	double a = 0, b = 0, c = 0, d = 0;
	int i = 0;

	for (; i + 4 <= n; i += 4) {
		a += x[i] * z[i];
		b += x[i + 1] * z[i + 1];
		c += x[i + 2] * z[i + 2];
		d += x[i + 3] * z[i + 3];
	}
	for (; i < n; i++)
		a += x[i] * z[i];
	return (a + b) + (c + d);
}

/* Solve L z = z for the first "n" rows. */
static void forward(const struct surrogate *s, double *z, int n)
{
	for (int i = 0; i < n; i++) {
		const double *l = row(s, i);

		z[i] = (z[i] - dot(l, z, i)) / l[i];
	}
}

/* Row "i" of the factor, from the rows above it. */
static void factor_one(struct surrogate *s, int i)
{
	double *l = row(s, i), rest;

	for (int j = 0; j < i; j++)
		l[j] = covariance(s, point(s, i), point(s, j));
	forward(s, l, i);
	rest = 1 + s->noise - dot(l, l, i);
	l[i] = sqrt(rest > 1e-10 ? rest : 1e-10);
}

/* ---- the pool ---- */

/* Column "c", a multiple of LANES, of "v" and the LANES - 1 beside it: a
 * stretch of its own, so that what a column needs is read in one go. */
static double *columns(const struct surrogate *s, int c)
{
	return s->v + (size_t)c * (size_t)s->cap;
}

static double *entry(const struct surrogate *s, int i, int c)
{
	return columns(s, c - c % LANES) + i * LANES + c % LANES;
}

/* Row "i" of "v" for the LANES candidates from "c" on. */
static void explain_lanes(struct surrogate *s, int i, int c)
{
	const double *l = row(s, i);
	double *v = columns(s, c), t[LANES];

	for (int k = 0; k < LANES; k++)
		t[k] = covariance(s, point(s, i),
			s->pool + (size_t)(c + k) * (size_t)s->d);
	for (int j = 0; j < i; j++, v += LANES)
		for (int k = 0; k < LANES; k++)
			t[k] -= l[j] * v[k];
	for (int k = 0; k < LANES; k++) {
		v[k] = t[k] / l[i];
		s->explained[c + k] += v[k] * v[k];
	}
}

void surrogate_list(struct surrogate *s)
{
	s->listing = true;
}

/* One lane of "explain_lanes", for all observations. */
static void explain_one(struct surrogate *s, const int *x, int c)
{
	s->mean[c] = surrogate_at(s, x, &s->sd[c]);
	s->explained[c] = dot(s->work, s->work, s->n);
	for (int i = 0; i < s->n; i++)
		*entry(s, i, c) = s->work[i];
}

bool surrogate_pool(struct surrogate *s, const int *x)
{
	int c = s->m;

	if (c == s->pool_cap)
		return false;
	memcpy(s->pool + (size_t)c * (size_t)s->d, x,
		(size_t)s->d * sizeof *x);
	if (!s->listing)
		explain_one(s, x, c);
	s->m++;
	return true;
}

void surrogate_drop(struct surrogate *s, int c)
{
	int last = --s->m;
	size_t d = (size_t)s->d;

	memmove(s->pool + (size_t)c * d, s->pool + (size_t)last * d,
		d * sizeof *s->pool);
	for (int i = 0; i < s->n; i++)
		*entry(s, i, c) = *entry(s, i, last);
	s->explained[c] = s->explained[last];
	s->kept[c] = s->kept[last];
	s->mean[c] = s->mean[last];
	s->sd[c] = s->sd[last];
}

/* ---- observations ---- */

void surrogate_clear(struct surrogate *s)
{
	s->n = s->m = s->believed = 0;
	s->listing = false;
}

bool surrogate_add(struct surrogate *s, const int *x, double y)
{
	if (s->n == s->cap)
		return false;
	memcpy(s->x + (size_t)s->n * (size_t)s->d, x,
		(size_t)s->d * sizeof *x);
	s->y[s->n] = y;
	factor_one(s, s->n);
	for (int c = 0; c < s->m; c += LANES)
		explain_lanes(s, s->n, c);
	s->n++;
	return true;
}

void surrogate_refit(struct surrogate *s)
{
	s->listing = false;
	for (int i = 0; i < s->n; i++)
		factor_one(s, i);
	for (int c = 0; c < s->m; c += LANES) {
		memset(s->explained + c, 0, LANES * sizeof *s->explained);
		for (int i = 0; i < s->n; i++)
			explain_lanes(s, i, c);
	}
}

double surrogate_trend(const struct surrogate *s, const int *x)
{
	return s->trend ? s->trend[x[s->d - 1]] : 0;
}

/* How much of the trend holds, and the mean: of least squares given the scales,
 * with a belief that all of it holds, as one of TREND_WEIGHT observations.
 * "work" is L^-1 trend. */
static void set_trend(struct surrogate *s)
{
	double uu = dot(s->ones, s->ones, s->n), uw, ww, uz, wz, b;

	for (int i = 0; i < s->n; i++)
		s->work[i] = surrogate_trend(s, point(s, i));
	forward(s, s->work, s->n);
	uw = dot(s->ones, s->work, s->n);
	ww = dot(s->work, s->work, s->n) + TREND_WEIGHT;
	uz = dot(s->ones, s->solved, s->n);
	wz = dot(s->work, s->solved, s->n) + TREND_WEIGHT * TREND_HOLDS;
	b = (wz - uw * uz / uu) / (ww - uw * uw / uu);
	s->follows = b < 0 ? 0 : b > 1.5 ? 1.5 : b;
	for (int i = 0; i < s->n; i++)
		s->solved[i] -= s->follows * s->work[i];
}

/* The prior's mean and variance of greatest likelihood given the scales:
 * 1'K^-1 y / 1'K^-1 1, and (y - m)'K^-1 (y - m) / n. "solved" becomes
 * L^-1 (y - m). */
static void set_prior(struct surrogate *s)
{
	double sum;

	for (int i = 0; i < s->n; i++) {
		s->solved[i] = s->y[i];
		s->ones[i] = 1;
	}
	forward(s, s->solved, s->n);
	forward(s, s->ones, s->n);
	if (s->trend)
		set_trend(s);
	s->prior_mean = dot(s->ones, s->solved, s->n)
		/ dot(s->ones, s->ones, s->n);
	for (int i = 0; i < s->n; i++)
		s->solved[i] -= s->prior_mean * s->ones[i];
	sum = dot(s->solved, s->solved, s->n) / s->n;
	s->variance = sum > 1e-12 ? sum : 1e-12;
}

/* out[c] = V'z */
static void project(const struct surrogate *s, const double *z, double *out)
{
	for (int c = 0; c < s->m; c += LANES) {
		const double *v = columns(s, c);
		double t[LANES] = {0};

		for (int i = 0; i < s->n; i++, v += LANES)
			for (int k = 0; k < LANES; k++)
				t[k] += z[i] * v[k];
		memcpy(out + c, t, sizeof t);
	}
}

static double deviation(const struct surrogate *s, double explained)
{
	double rest = 1 - explained;

	return sqrt(s->variance * (rest > 1e-9 ? rest : 1e-9));
}

void surrogate_predict(struct surrogate *s)
{
	if (!s->n)
		return;
	set_prior(s);
	project(s, s->solved, s->mean);
	for (int c = 0; c < s->m; c++) {
		s->mean[c] += s->prior_mean + s->follows * surrogate_trend(s,
			s->pool + (size_t)c * (size_t)s->d);
		s->sd[c] = deviation(s, s->explained[c]);
	}
}

double surrogate_at(struct surrogate *s, const int *x, double *sd)
{
	for (int i = 0; i < s->n; i++)
		s->work[i] = covariance(s, x, point(s, i));
	forward(s, s->work, s->n);
	*sd = deviation(s, dot(s->work, s->work, s->n));
	return s->prior_mean + s->follows * surrogate_trend(s, x) +
		dot(s->work, s->solved, s->n);
}

/* How slow the slow ones are does not matter, how fast the fast ones are does:
 * the root of the speed still makes too much of the former. */
double surrogate_worth(double lag)
{
	return -exp(-lag);
}

double surrogate_gain(double best, double mean, double sd)
{
	double z = (best - mean) / sd;
	double density = exp(-z * z / 2) / sqrt(2 * M_PI);

	return (best - mean) * 0.5 * erfc(-z / M_SQRT2) + sd * density;
}

void surrogate_project(struct surrogate *s, const double *values, double *out)
{
	memcpy(s->work, values, (size_t)s->n * sizeof *values);
	forward(s, s->work, s->n);
	project(s, s->work, out);
}

bool surrogate_believe(struct surrogate *s, const int *x, double y)
{
	if (!s->believed)
		memcpy(s->kept, s->explained,
			(size_t)s->m * sizeof *s->kept);
	if (!surrogate_add(s, x, y))
		return false;
	s->believed++;
	return true;
}

void surrogate_doubt(struct surrogate *s)
{
	if (s->believed)
		memcpy(s->explained, s->kept,
			(size_t)s->m * sizeof *s->kept);
	s->n -= s->believed;
	s->believed = 0;
}
