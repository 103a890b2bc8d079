/* SPDX-License-Identifier: MIT */
/* What points of searches cost, with a known optimum: 1.0 but in the small space.
 * INFINITY: the point fails. */
#ifndef WPK_TESTS_UNIT_LANDSCAPES_H
#define WPK_TESTS_UNIT_LANDSCAPES_H

#include <stdbool.h>

/* ---- 6 genes of 8 values ---- */

double landscape_separable(const int *x);
/* A valley along x0 = x1 = .. whose floor falls towards 4. */
double landscape_correlated(const int *x);
/* Separable, with up to 30 % on every point but the best. */
double landscape_rugged(const int *x);
/* Separable, and a third of the points fail. */
double landscape_failing(const int *x);

/* ---- 8 genes of 10 values ---- */

/* Is it legal? One point in 10^4 of 10^8 is, and no two of them differ in one
 * gene. */
bool landscape_rare(const int *x);
double landscape_rare_cost(const int *x);

/* ---- 3 genes of 4 values ---- */

/* Is it legal? 42 of 64 are. */
bool landscape_small(const int *x);
double landscape_small_cost(const int *x);

/* ---- 6 genes of 8 values, 20 ms each ---- */

double landscape_slow(const int *x);

#endif
