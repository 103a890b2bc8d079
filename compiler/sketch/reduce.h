/* SPDX-License-Identifier: MIT */
/* What the files of sketch "reduce" share: the analysis of a group whose
 * statements go over rows, and its numbers. */
#ifndef WPK_COMPILER_SKETCH_REDUCE_H
#define WPK_COMPILER_SKETCH_REDUCE_H

#include "base/number.h"
#include "sketch/team.h"
#include "sketch/walk.h"

/* A cluster's blocks share a row through each other's shared memory, those of a
 * grid through workspace, with a launch for each pass. */
enum row_over { OVER_THREAD, OVER_WARP, OVER_BLOCK, OVER_CLUSTER, OVER_GRID };
enum row_scope { SCOPE_NONE, SCOPE_REGISTER, SCOPE_SHARED };
enum { CACHES_MAX = 6, ROW_WARP = 32, ROW_THREADS_MAX = 1024 };
/* Rows of a block that joins what a grid's blocks made of theirs. */
enum { ROW_JOINED = 4 };
/* Rows that a thread carries, at most. */
enum { ROW_CARRIED_MAX = 16 };
enum row_number {
	ROW_OVER, ROW_THREADS, ROW_ROWS, ROW_CARRIED, ROW_VECTOR, ROW_UNROLL,
	ROW_SPLIT, ROW_ONLINE, ROW_CHUNK, ROW_BIND, ROW_CLUSTER, ROW_TAIL,
	ROW_CACHE, N_ROW_NUMBERS = ROW_CACHE + CACHES_MAX
};

/* What may stay on the chip between passes: reads of a tensor (bits of
 * accesses), or results of a piece (a bit of pieces). */
struct row_cache {
	const char *name;
	uint64_t cached, kept;
};

/* Piece i is done in pass "pass[i]" over the row, a map of row values right
 * after it. A value of access i takes "words[i]" as what it is converted to.
 * "across": rows are contiguous and threads go along them; else a row is, and
 * they go along it. "splits": one pass reduces and no other follows, so blocks
 * that share a row read nothing twice. "online": passes 1 and 2 can be one, in
 * which the sums of exponentials of pass 2 are scaled whenever the maximum of
 * piece "maximum" grows. "carries": a thread may have several rows, neighbours
 * along the last run of their axes; "ours" are the accesses along a row that are
 * the same for all of them, "mine" those that are the same all along a row, and
 * "own" tells whether there are others; then "element" is what is computed of an
 * element, in all passes, for all rows of a thread, "pair" what of it with each, and
 * "ordered" tells that a thread goes through a row in the order of its indices.
 * "at": where each number is among the tunables, -1 where it is none. "limit": the
 * longest vector. */
struct rows {
	struct walk *walk;
	int *pass, passes, *words;
	bool across, splits, online, carries, ordered, own;
	uint64_t ours, mine;
	struct cost_of element, pair;
	int maximum;
	struct row_cache caches[CACHES_MAX];
	int n_caches;
	int limit;
	int at[N_ROW_NUMBERS], n_numbers;
	const char *row_name;		/* NULL: there is one row */
	const char *in_name;		/* of a row's axes; NULL: one element */
	const struct tunable *tunables;
	const char **reductions, **vectors;
};

/* A point: the numbers, with 1 or "none" for those that are not open. "rows":
 * teams of a block, each of which has "carried" rows; "spare" are rows of the
 * block that make no team. "parts": blocks that share a row. "cached" accesses
 * and "kept" pieces stay on the chip, those of "shared_cached" and "shared_kept"
 * in shared memory; "held": some do, "fixed": some in registers. */
struct row_point {
	int over, threads, rows, carried, spare, vector, unroll, parts;
	bool online, held, fixed;
	uint64_t cached, kept, shared_cached, shared_kept;
};

/* ---- reduce.c ---- */

/* "mean" for the hoisted "mean_red0", else NULL. */
const char *row_source_name(struct arena *a, const char *name);
/* The last pass that uses access "i", loaded or in registers, given which
 * pieces are kept; 0 if none does. */
int row_last_use(const struct rows *r, int access, uint64_t kept);

/* Are values along a row stored? */
bool row_stores(const struct rows *r);
/* Does the access change along a row? */
bool row_varies(const struct walk *w, const struct access *x);
/* Do only values of the whole row read or write it? */
bool row_once(const struct walk *w, const struct access *x);

/* ---- reduce_carry.c ---- */

/* Sets "carries", "ours" and "mine". */
void row_shares(const struct task *t, struct rows *r);

/* ---- reduce_pairs.c ---- */

/* Does "e" of piece "p" change along a row? */
bool row_changes(const struct walk *w, const struct piece *p,
	const struct ir_expr *e);
/* Sets "element" and "pair". */
void row_pairs(const struct task *t, struct rows *r);

/* ---- online.c ---- */

/* Can passes 1 and 2 be one? Sets "maximum". */
bool online_applies(const struct ir_operator *o, struct rows *r);

/* ---- reduce_space.c ---- */

struct row_point row_point(const struct rows *r, const int *values);
/* Vectors a thread holds of a row, or of a block's part of it. */
int64_t row_slots(const struct rows *r, const struct row_point *x);
/* Elements of one part of a row that is split, a whole number of steps. */
int64_t row_part(const struct rows *r, const struct row_point *x);
/* Teams that all rows want, each with as many as its threads carry. */
int64_t row_tiles(const struct rows *r, const struct row_point *x);
/* Parts that have any. */
int64_t row_parts(const struct rows *r, const struct row_point *x);
const struct tunable *reduce_tunables(const struct task *t, int *n);
/* A number's value, where it is a number. */
void row_put(const struct rows *r, int *values, enum row_number n, int value);

/* ---- reduce_legal.c ---- */

int row_registers(const struct rows *r, const struct row_point *x);
int row_shared(const struct rows *r, const struct row_point *x);
/* Who shares a row, as so many threads of a block. */
enum row_over row_over(const struct rows *r, int threads);
const char *reduce_legal(const struct task *t, struct arena *a,
	const int *values);
const char *reduce_in_place(const struct task *t, struct arena *a,
	const int *values);

/* ---- reduce_start.c ---- */

void reduce_start(const struct task *t, int *values);
bool reduce_other_start(const struct task *t, int n, int *values);

/* ---- reduce_cost.c ---- */

void reduce_features(const struct task *t, const int *values,
	struct features *out);
void reduce_least(const struct task *t, struct features *out);

/* ---- reduce_build.c ---- */

void reduce_build(const struct task *t, struct arena *a, const int *values,
	struct program *p);

#endif
