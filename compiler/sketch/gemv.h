/* SPDX-License-Identifier: MIT */
/* The gemv sketch's analysis and derived numbers, shared by its files. */
#ifndef WPK_COMPILER_SKETCH_GEMV_H
#define WPK_COMPILER_SKETCH_GEMV_H

#include "sketch/product.h"
#include "sketch/sketch.h"

/* Order of the tunables. */
enum gemv_value {
	GEMV_ROWS, GEMV_COLS, GEMV_MINE, GEMV_THREADS, GEMV_VECTOR,
	GEMV_UNROLL, GEMV_SPLIT, GEMV_CACHE, GEMV_ORDER, GEMV_STAGES,
	GEMV_RASTER, GEMV_GROUP, GEMV_OVER, GEMV_TAIL, GEMV_FIXED
};

/* The product's sides named anew: "big" is the operand with many rows, which
 * passes once; "small" the one with few, here its columns. Two products share the
 * small one, and a thread has the same rows of both. */
struct gemv {
	struct product of;
	bool left_big;
	const struct operand *big, *small;
	const char *row_name, *col_name;
	int64_t rows, cols;
	bool open_rows, open_cols, open_k;	/* with sizes that are open */
	int start[GEMV_FIXED];		/* the untuned default */
	struct tunables open;
};

/* Everything that follows from a point. Of a block's threads "across" lie
 * along the rows and "team" along the reduction; "sub" neighbours of a team
 * join by shuffles, its "groups" through shared memory. A thread takes "ks"
 * neighbouring ks at each of "steps" steps of a chunk. "all" are a thread's rows, of
 * both products where there are two. */
struct gemv_plan {
	int bm, bc, mine, all, threads, vec, unroll, split, order, group;
	int stages;		/* chunks on their way or in use */
	bool rows_major;	/* blocks go along the columns first */
	bool staged;		/* the small operand lies in shared memory */
	bool along_k;		/* vectors of the big operand run along k */
	int across, team, sub, groups, ks, steps;
	int pack_k, pack_rows;	/* results of one element of the big operand:
				 * ks and rows */
	int small_vec;		/* ks of one load of the small operand */
	int64_t chunk, chunks, chunks_split, part;	/* ks; "part": of a
							 * block */
	int64_t tiles_rows, tiles_cols, tiles;
	int writers, lanes_rows, lanes_cols, mine_rows, mine_cols;
	int64_t shared_bytes, workspace_bytes;
	int regs, occupancy, promised;
};

/* Has the last tile of rows, or of columns, to be guarded? */
bool gemv_ragged_rows(const struct gemv *f, const struct gemv_plan *p);
bool gemv_ragged_cols(const struct gemv *f, const struct gemv_plan *p);

/* Are values of the big operand, which are not what is loaded, kept in registers for
 * several columns? */
bool gemv_keeps_values(const struct gemv *f, const struct gemv_plan *p);

/* NULL, or why the values make no kernel. Needs no memory unless it fails. */
const char *gemv_plan(const struct task *t, struct arena *a,
	const int *values, struct gemv_plan *p);

void gemv_features(const struct task *t, const int *values,
	struct features *out);
void gemv_least(const struct task *t, struct features *out);

void gemv_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

#endif
