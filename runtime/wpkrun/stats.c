/* SPDX-License-Identifier: MIT */
#include "runtime/wpkrun/stats.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

/* Between the neighbours of place "part" of the way through sorted "v". */
static double place(const double *v, int n, double part)
{
	double at = part * (n - 1);
	int i = (int)at;

	return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[n - 1];
}

struct quartiles stats_quartiles(const double *v, const bool *use, int n)
{
	double kept[STATS_BLOCKS];
	int k = 0;

	for (int i = 0; i < n && k < STATS_BLOCKS; i++)
		if (!use || use[i])
			kept[k++] = v[i];
	if (!k)
		return (struct quartiles){ 0, 0, 0 };
	qsort(kept, (size_t)k, sizeof *kept, by_value);
	return (struct quartiles){ place(kept, k, 0.25), place(kept, k, 0.5),
		place(kept, k, 0.75) };
}

struct quartiles stats_ratio(const double *a, const double *b,
	const bool *use, int n)
{
	double r[STATS_BLOCKS];

	n = n < STATS_BLOCKS ? n : STATS_BLOCKS;
	for (int i = 0; i < n; i++)
		r[i] = b[i] > 0 ? a[i] / b[i] : 0;
	return stats_quartiles(r, use, n);
}

static double known_median(const double *v, int n)
{
	bool known[STATS_BLOCKS] = { false };

	for (int i = 0; i < n; i++)
		known[i] = v[i] > 0;
	return stats_quartiles(v, known, n).median;
}

int stats_steady(const double *clocks, int m, int n, double off, bool *use)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		use[i] = true;
	for (int c = 0; c < m; c++) {
		const double *v = clocks + c * STATS_BLOCKS;
		double usual = known_median(v, n);

		for (int i = 0; i < n; i++)
			use[i] &= !(v[i] > 0) ||
				fabs(v[i] - usual) <= off * usual;
	}
	for (int i = 0; i < n; i++)
		count += use[i];
	return count;
}
