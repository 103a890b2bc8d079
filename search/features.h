/* SPDX-License-Identifier: MIT */
/* The analytic features of a candidate as numbers in a fixed order: what
 * records keep and the learned model reads. New ones are added at the end, so
 * that older records remain true. */
#ifndef WPK_SEARCH_FEATURES_H
#define WPK_SEARCH_FEATURES_H

#include <stdbool.h>

#include "schedule/space.h"

/* field of struct features */
#define FEATURES(row) \
	row(flops) row(special) row(issue) row(dram_bytes) row(l2_bytes) \
	row(smem_cycles) row(blocks) row(threads) row(regs) row(smem) \
	row(occupancy) row(chain) row(ilp) row(stages) row(flight) \
	row(launches) row(useful) row(tensor) row(work) row(rate) row(cluster)

enum {
#define ROW(field) FEATURE_ ## field,
	FEATURES(ROW)
#undef ROW
	N_FEATURES
};

/* "dram_bytes". */
const char *features_name(int i);
void features_vector(const struct features *f, double *out);
/* The features that the first "n" numbers of "v" tell; false if something that
 * the analytic model needs is missing. What was recorded before there were
 * tensor cores used none. */
bool features_read(const double *v, int n, struct features *f);

#endif
