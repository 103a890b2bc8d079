/* SPDX-License-Identifier: MIT */
/* The mma sketch's analysis and derived numbers, shared by its files.
 *
 * An instruction multiplies 16 rows by 8 columns (8 by 8 of f64). Of the product
 * "rows" are M and "columns" N, or the other way round where results lie along
 * M: the thread's results are neighbours along the columns. */
#ifndef WPK_COMPILER_SKETCH_MMA_H
#define WPK_COMPILER_SKETCH_MMA_H

#include "sketch/mma_fragment.h"
#include "sketch/precision.h"
#include "sketch/scales.h"
#include "sketch/tiled.h"

/* Order of the tunables. */
enum mma_value {
	MMA_M, MMA_N, MMA_K, MMA_WM, MMA_WN, MMA_STAGES, MMA_ASYNC, MMA_SPLIT,
	MMA_COMBINE, MMA_RASTER, MMA_GROUP, MMA_ORDER, MMA_THREADS, MMA_ON,
	MMA_KIND, MMA_PRECISION, MMA_PROMOTE, MMA_TAIL_M, MMA_TAIL_N, MMA_FIXED
};

enum { MMA_VALUES = MMA_FIXED + 2 * TILED_OPERAND };

/* What the sketch knows of a group before any number is chosen. */
struct mma {
	struct product of;
	const struct mma_row *row;	/* the instruction */
	enum dtype tile;		/* of factors in shared memory */
	double rate;			/* multiply-adds in the time of one of
					 * f16 */
	bool widened;			/* 8-bit floats become f16 on the way */
	bool is_short;			/* its sums have fewer bits than f32 */
	bool swap;			/* rows of instructions are N */
	int start[MMA_VALUES];		/* the untuned default */
	struct tunables open;
};

/* Everything that follows from a point. "wr" x "wc" results of a warp, in rows
 * and columns of instructions; of two products those of either. */
struct mma_plan {
	struct tiling of;
	int wm, wn, warps_m, warps_n;
	int wr, wc;
	int vec;		/* neighbouring columns of a thread */
	enum mma_load row_load, col_load;
	enum precision precision;
	int promote;		/* elements after which a short sum is added to
				 * one in f32, 0: never */
	int64_t shared_bytes;
	int regs, occupancy, promised;
};

/* NULL, or why the values make no kernel. Needs no memory unless it fails. */
const char *mma_plan(const struct task *t, struct arena *a, const int *values,
	struct mma_plan *p);
/* Rows and columns of instructions that a warp multiplies: of N, those of the second
 * product behind the first's. */
int mma_rows_of(const struct mma *f, const struct mma_plan *p);
int mma_cols_of(const struct mma *f, const struct mma_plan *p);
/* A thread's results on either side. */
struct share mma_share_m(const struct mma *f, const struct mma_plan *p);
struct share mma_share_n(const struct mma *f, const struct mma_plan *p);
bool mma_price(const struct task *t, const int *values,
	struct features *out);
void mma_least(const struct task *t, struct features *out);
void mma_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

#endif
