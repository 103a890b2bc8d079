/* SPDX-License-Identifier: MIT */
/* What the files of sketch "reduce" share: the analysis of a group whose
 * statements go over rows, and its numbers. */
#ifndef WPK_COMPILER_SKETCH_REDUCE_H
#define WPK_COMPILER_SKETCH_REDUCE_H

#include "sketch/walk.h"

enum row_over { OVER_THREAD, OVER_WARP, OVER_BLOCK };
enum row_number {
	ROW_OVER, ROW_THREADS, ROW_ROWS, ROW_VECTOR, ROW_CACHE, ROW_UNROLL,
	ROW_SPLIT, N_ROW_NUMBERS
};

/* Piece i is done in pass "pass[i]" over the row, a map of row values right
 * after it. "across": rows are contiguous and threads go along them; else a
 * row is, and they go along it. With the cache on, accesses "cached" and
 * results of pieces "kept" outlast the pass that makes them. "splits": blocks
 * may share a row, and a second launch joins them. "at": where each number is
 * among the tunables, -1 where it is none. "limit": the longest vector. */
struct rows {
	struct walk *walk;
	int *pass, passes;
	bool across, splits;
	uint64_t cached, kept;
	int limit;
	int at[N_ROW_NUMBERS];
	const char *row_name;		/* NULL: there is one row */
	const char **reductions, **vectors, **caches;
};

/* A point: the numbers, with 1 or "none" for those that are not open. */
struct row_point {
	int over, threads, rows, vector, cache, unroll, parts;
};

/* ---- reduce_space.c ---- */

struct row_point row_point(const struct rows *r, const int *values);
/* Vectors a thread holds of a whole row. */
int64_t row_slots(const struct rows *r, const struct row_point *x);
/* Elements of one part of a row that is split, a whole number of steps. */
int64_t row_part(const struct rows *r, const struct row_point *x);
/* Parts that have any. */
int64_t row_parts(const struct rows *r, const struct row_point *x);
const struct tunable *reduce_tunables(const struct task *t, int *n);
const char *reduce_legal(const struct task *t, struct arena *a,
	const int *values);
void reduce_start(const struct task *t, int *values);
void reduce_features(const struct task *t, const int *values,
	struct features *out);

/* ---- reduce_build.c ---- */

void reduce_build(const struct task *t, struct arena *a, const int *values,
	struct program *p);

/* ---- team.c: threads that share a row ---- */

/* "threads" of "rows" teams in one block; this thread is "lane" of team
 * "row". Teams of consecutive threads unless "across". */
struct team {
	struct arena *a;
	struct kernel *k;
	int threads, rows;
	bool across;
	struct kx *lane, *row;
};

/* Join the threads' running values; every thread of a team then holds its
 * team's. All threads of the block arrive together. */
void team_join(struct team *t, struct k_block *b, const struct running *r);

#endif
