/* SPDX-License-Identifier: MIT */
/* See landscapes.h. */
#include "landscapes.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

static const int best[] = { 5, 1, 6, 3, 0, 7 };

static bool is_best(const int *x)
{
	return memcmp(x, best, sizeof best) == 0;
}

double landscape_separable(const int *x)
{
	double t = 1;

	for (int i = 0; i < 6; i++)
		t += 0.05 * (x[i] - best[i]) * (x[i] - best[i]);
	return t;
}

double landscape_correlated(const int *x)
{
	double t = 1 + 0.05 * (x[0] - 4) * (x[0] - 4);

	for (int i = 1; i < 6; i++)
		t += 0.2 * (x[i] - x[i - 1]) * (x[i] - x[i - 1]);
	return t;
}

double landscape_rugged(const int *x)
{
	uint64_t h = str_hash((const char *)x, 6 * sizeof *x);

	if (is_best(x))
		return 1;
	return landscape_separable(x) * (1.01 + 0.3 * (double)(h >> 40) /
		(1 << 24));
}

double landscape_failing(const int *x)
{
	return (x[0] + x[2] + x[4]) % 3 == 0 && !is_best(x) ? INFINITY
		: landscape_separable(x);
}

bool landscape_rare(const int *x)
{
	for (int i = 0; i < 8; i += 2)
		if (x[i] + x[i + 1] != 9)
			return false;
	return true;
}

double landscape_rare_cost(const int *x)
{
	static const int best[] = { 7, 2, 9, 4 };
	double t = 1;

	for (int i = 0; i < 4; i++)
		t += 0.05 * (x[2 * i] - best[i]) * (x[2 * i] - best[i]);
	return t;
}

bool landscape_small(const int *x)
{
	return (x[0] + x[1] + x[2]) % 3 != 0;
}

double landscape_small_cost(const int *x)
{
	return 1 + x[0] * 7 % 4 + x[1] * 5 % 4 + x[2];
}

double landscape_slow(const int *x)
{
	struct timespec t = { 0, 20000000 };

	nanosleep(&t, NULL);
	return landscape_separable(x);
}
