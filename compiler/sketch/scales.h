/* SPDX-License-Identifier: MIT */
/* Sums that are scaled before they are added up (struct product_scales): what a
 * thread reads of the scales, and when. */
#ifndef WPK_COMPILER_SKETCH_SCALES_H
#define WPK_COMPILER_SKETCH_SCALES_H

#include "sketch/tiled.h"

/* How many scales of rows and of columns a thread has in registers, for as many of its
 * results each; 0: there are none. */
struct scale_counts {
	int m, n, per_m, per_n;
};

/* Of a thread whose results of the tile are those of "m" and "n". */
struct scale_counts scales_count(const struct ir_operator *o,
	const struct product *f, const struct tiling *p, struct share m,
	struct share n);
/* Registers of the thread. */
int scales_regs(struct scale_counts c);
/* Instructions that a promotion takes of it to read them, and of each result beside
 * the one that adds it. */
double scales_issue(struct scale_counts c);
double scales_each(struct scale_counts c);

/* May an instruction sum products in "acc"? As the operator does; or integers exactly,
 * which then become floats as they are scaled. */
bool scales_sum_in(const struct product *f, enum dtype acc);
/* NULL, or why a part of the reduction would begin within a scale. After
 * tiled_grid(). */
const char *scales_parts(struct arena *a, const struct product *f,
	const struct tiling *p);

/* A thread's scales in a kernel under construction. */
struct scaler {
	struct tiled_code *of;
	struct scale_counts counts;
	struct k_buffer *m, *n;
};

/* Registers for them, where there are any. */
void scaler_create(struct scaler *s, struct share m, struct share n);
/* Reads those of what is summed from step "from" of the chunk on, in chunks at whose
 * end that is promoted, "after" so many steps. */
void scaler_load(struct scaler *s, struct k_block *b, int after,
	struct kx *from);
/* That of the thread's result [i][j]; NULL: there is none. */
struct kx *scaler_value(const struct scaler *s, struct kx *i, struct kx *j);

#endif
