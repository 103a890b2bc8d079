/* SPDX-License-Identifier: MIT */
/* Does a correction help, and how much of it should be taken? */
#ifndef WPK_SEARCH_BLEND_H
#define WPK_SEARCH_BLEND_H

#include <stdbool.h>

#include "base/arena.h"

/* "y" is what "c" is to explain, at "n" rows which it has not seen, both up to
 * a constant for each problem, 0 .. problems - 1. "apart": each row is evidence
 * for itself, else all rows of a problem are one piece of it. */
struct blend {
	const double *y, *c;
	const int *problem;
	int n, problems;
	bool apart;
};

/* The factor of "c" that leaves the least squares of "y" within 0 .. 1, if the
 * squares it saves exceed twice the standard error of that. Else "otherwise",
 * unless that surely costs squares in the same sense: then 0. */
double blend_factor(struct arena *tmp, const struct blend *b,
	double otherwise);

#endif
