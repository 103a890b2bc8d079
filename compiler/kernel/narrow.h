/* SPDX-License-Identifier: MIT */
/* What a launch decides of a kernel's values: the grid bounds the blocks, loops
 * bound their variables, and a value that can be only one is a constant. Where
 * kernels are made again (recast.h) for being compared; what is run is made by
 * sketches alone. */
#ifndef WPK_COMPILER_KERNEL_NARROW_H
#define WPK_COMPILER_KERNEL_NARROW_H

#include "kernel/kernel.h"

struct launch {
	int64_t grid[3];
	int threads;
};

enum trips { TRIPS_NONE, TRIPS_ONE, TRIPS_ANY };

/* block.x and its like: at most what the launch has. */
struct kx *narrow_special(struct arena *a, const struct launch *l,
	const struct kx *e);
/* "e", or the constant that it is; sums in one form. */
struct kx *narrow_value(struct arena *a, struct kx *e);
/* Is "e" an index that stays what it is, so that it may stand where its name
 * does? */
bool narrow_plain(const struct kx *e);
/* In place of "v", which is "value", where that is known to be below "end"; NULL
 * where this is nothing new. */
struct k_var *narrow_below(struct arena *a, const struct k_var *v,
	const struct kx *value, int64_t end);
/* In place of that of loop "s", whose bounds have been made again. */
struct k_var *narrow_loop(struct arena *a, const struct ks *s);
/* How often "s", whose bounds have been made again, runs at most; once, if that
 * is said, for certain. */
enum trips narrow_trips(const struct ks *s);

/* ---- narrow_sum.c ---- */

struct kx *narrow_sum(struct arena *a, struct kx *e);

#endif
