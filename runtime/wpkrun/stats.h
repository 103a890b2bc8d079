/* SPDX-License-Identifier: MIT */
/* Statistics of repeated measurements. */
#ifndef WPK_RUNTIME_WPKRUN_STATS_H
#define WPK_RUNTIME_WPKRUN_STATS_H

#include <stdbool.h>

enum { STATS_BLOCKS = 99 };

struct quartiles {
	double q1, median, q3;
};

/* Of "n" numbers where "use" (NULL: all) says so, interpolated between
 * neighbours; zeros where there is none. At most STATS_BLOCKS are looked at. */
struct quartiles stats_quartiles(const double *v, const bool *use, int n);
/* The same of a[i] / b[i], block by block. */
struct quartiles stats_ratio(const double *a, const double *b,
	const bool *use, int n);
/* Which of "n" blocks count: in each, every one of the "m" contenders had a
 * clock within the part "off" of its own median clock. "clocks" are by contender,
 * STATS_BLOCKS apart; 0 is a clock that is not known, and passes. How many
 * count. */
int stats_steady(const double *clocks, int m, int n, double off, bool *use);

#endif
