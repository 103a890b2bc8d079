/* SPDX-License-Identifier: MIT */
/* How well predictions order what was measured. */
#ifndef WPK_TESTS_UNIT_RANK_H
#define WPK_TESTS_UNIT_RANK_H

#include "base/arena.h"

/* "spearman" and "kendall" (tau-b) are rank correlations. "best_1" is 1 if the
 * fastest candidate is among the hundredth of them that are predicted fastest
 * (16 at least), "best_10" the share of the ten fastest that are; "best_1pc"
 * the share of the fastest hundredth. "worth" is the time of the fastest over
 * that of the best among the 16 predicted fastest. */
struct rank {
	double spearman, kendall, best_1, best_10, best_1pc, worth;
};

struct rank rank_of(struct arena *tmp, const double *predicted,
	const double *seconds, int n);

#endif
