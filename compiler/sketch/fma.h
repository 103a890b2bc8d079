/* SPDX-License-Identifier: MIT */
/* The fma sketch's analysis and derived numbers, shared by its files. */
#ifndef WPK_COMPILER_SKETCH_FMA_H
#define WPK_COMPILER_SKETCH_FMA_H

#include "sketch/tiled.h"
#include "sketch/sketch.h"

/* Order of the tunables. */
enum fma_value {
	FMA_M, FMA_N, FMA_K, FMA_TM, FMA_TN, FMA_STAGES, FMA_ASYNC, FMA_SPLIT,
	FMA_COMBINE, FMA_RASTER, FMA_GROUP, FMA_ORDER, FMA_WARP_M, FMA_WARP_N,
	FMA_UNROLL, FMA_THREADS, FMA_TAIL_M, FMA_TAIL_N, FMA_FIXED
};

enum { FMA_VALUES = FMA_FIXED + 2 * TILED_OPERAND };

/* What the sketch knows of a group before any number is chosen. */
struct fma {
	struct product of;
	int start[FMA_VALUES];		/* the untuned default */
	struct tunables open;
};

/* Everything that follows from a point. */
struct fma_plan {
	struct tiling of;
	int tm, tn, tx, ty;	/* a thread's tile, and threads */
	int vm, vn;		/* neighbouring rows and columns of a thread */
	int warp_x, warp_y;	/* threads of a warp along columns and rows; 0:
				 * threads in plain order */
	int kv;			/* ks a fragment load covers */
	int unroll;		/* ks unrolled together, 0: as many as is good */
	bool streams;		/* the right fragment passes row by row */
	int64_t shared_bytes;
	int regs, occupancy, promised;
};

/* NULL, or why the values make no kernel. Needs no memory unless it fails. */
const char *fma_plan(const struct task *t, struct arena *a, const int *values,
	struct fma_plan *p);

bool fma_price(const struct task *t, const int *values,
	struct features *out);
void fma_least(const struct task *t, struct features *out);

void fma_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

#endif
