/* SPDX-License-Identifier: MIT */
/* Rank correlation and recall of two lists of numbers. */
#include "rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_LIST = 16 };

/* One candidate: places in either order, from 0. */
struct item {
	double x, y;
	int by_x, by_y;
};

static int compare(double p, double q)
{
	return (p > q) - (p < q);
}

static int by_x(const void *p, const void *q)
{
	const struct item *u = p, *v = q;
	int c = compare(u->x, v->x);

	return c ? c : compare(u->y, v->y);
}

static int by_y(const void *p, const void *q)
{
	const struct item *u = p, *v = q;

	return compare(u->y, v->y);
}

/* Ranks with the mean for equals. */
static void ranks_of(struct arena *tmp, const double *v, int n, double *rank)
{
	struct item *s = ARENA_ARRAY(tmp, n, struct item);

	for (int i = 0; i < n; i++)
		s[i] = (struct item){ .y = v[i], .by_x = i };
	qsort(s, (size_t)n, sizeof *s, by_y);
	for (int i = 0, k; i < n; i = k) {
		for (k = i; k < n && s[k].y == s[i].y; k++)
			;
		for (int m = i; m < k; m++)
			rank[s[m].by_x] = (i + k - 1) / 2.0;
	}
}

static double correlation(const double *x, const double *y, int n)
{
	double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;

	for (int i = 0; i < n; i++) {
		mx += x[i] / n;
		my += y[i] / n;
	}
	for (int i = 0; i < n; i++) {
		xy += (x[i] - mx) * (y[i] - my);
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* Sort "v" by y, counting pairs that are the wrong way round. */
static double inversions(struct item *v, struct item *spare, int n)
{
	int half = n / 2, i = 0, k = half, m = 0;
	double count;

	if (n < 2)
		return 0;
	count = inversions(v, spare, half)
		+ inversions(v + half, spare, n - half);
	while (i < half || k < n) {
		if (k == n || (i < half && v[i].y <= v[k].y)) {
			spare[m++] = v[i++];
		} else {
			count += half - i;
			spare[m++] = v[k++];
		}
	}
	memcpy(v, spare, (size_t)n * sizeof *v);
	return count;
}

/* Pairs equal in x (what & 1) and y (what & 2). */
static double ties(const struct item *v, int n, int what)
{
	double count = 0;

	for (int i = 0, k; i < n; i = k) {
		for (k = i; k < n && (!(what & 1) || v[k].x == v[i].x) &&
		     (!(what & 2) || v[k].y == v[i].y); k++)
			;
		count += 0.5 * (k - i) * (k - i - 1);
	}
	return count;
}

/* Knight, "A computer method for calculating Kendall's tau with ungrouped
 * data", JASA 61, 1966. */
static double kendall(struct arena *tmp, const double *x, const double *y,
	int n)
{
	struct item *v = ARENA_ARRAY(tmp, n, struct item);
	struct item *spare = ARENA_ARRAY(tmp, n, struct item);
	double all = 0.5 * n * (n - 1.0), x_ties, both, wrong, y_ties;

	for (int i = 0; i < n; i++)
		v[i] = (struct item){ .x = x[i], .y = y[i] };
	qsort(v, (size_t)n, sizeof *v, by_x);
	x_ties = ties(v, n, 1);
	both = ties(v, n, 3);
	wrong = inversions(v, spare, n);
	y_ties = ties(v, n, 2);
	if (x_ties == all || y_ties == all)
		return 0;
	return (all - x_ties - y_ties + both - 2 * wrong)
		/ sqrt((all - x_ties) * (all - y_ties));
}

/* Candidates in the order of prediction, each with its place in truth; equal
 * predictions stay in the order of the table, which says nothing. */
static struct item *in_order(struct arena *tmp, const double *predicted,
	const double *seconds, int n)
{
	struct item *v = ARENA_ARRAY(tmp, n, struct item), *s, *spare;

	s = ARENA_ARRAY(tmp, n, struct item);
	spare = ARENA_ARRAY(tmp, n, struct item);
	for (int i = 0; i < n; i++)
		s[i] = (struct item){ .y = seconds[i], .by_x = i };
	inversions(s, spare, n);
	for (int i = 0; i < n; i++)
		v[s[i].by_x].by_y = i;
	for (int i = 0; i < n; i++) {
		v[i].y = predicted[i];
		v[i].x = seconds[i];
	}
	inversions(v, spare, n);
	return v;
}

/* The share of the "best" fastest among the first "k" of "v". */
static double recall(const struct item *v, int k, int best)
{
	int found = 0;

	for (int i = 0; i < k; i++)
		found += v[i].by_y < best;
	return (double)found / best;
}

struct rank rank_of(struct arena *tmp, const double *predicted,
	const double *seconds, int n)
{
	double *x = ARENA_ARRAY(tmp, n, double);
	double *y = ARENA_ARRAY(tmp, n, double);
	const struct item *v = in_order(tmp, predicted, seconds, n);
	int hundredth = (n + 99) / 100;
	int k = hundredth > SHORT_LIST ? hundredth : SHORT_LIST;
	double fastest = INFINITY, found = INFINITY;

	ranks_of(tmp, predicted, n, x);
	ranks_of(tmp, seconds, n, y);
	for (int i = 0; i < n; i++)
		fastest = fmin(fastest, seconds[i]);
	for (int i = 0; i < SHORT_LIST && i < n; i++)
		found = fmin(found, v[i].x);
	k = k < n ? k : n;
	return (struct rank){ .spearman = correlation(x, y, n),
		.kendall = kendall(tmp, predicted, seconds, n),
		.best_1 = recall(v, k, 1),
		.best_10 = recall(v, k, n < 10 ? n : 10),
		.best_1pc = recall(v, k, hundredth),
		.worth = fastest / found };
}
