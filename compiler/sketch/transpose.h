/* SPDX-License-Identifier: MIT */
/* What the files of sketch "transpose" share. */
#ifndef WPK_COMPILER_SKETCH_TRANSPOSE_H
#define WPK_COMPILER_SKETCH_TRANSPOSE_H

#include "sketch/walk.h"

enum { STAGED_MAX = 8, CHUNK_BYTES = 16 };

enum {
	TR_OUT, TR_IN, TR_THREADS, TR_WRITE, TR_READ, TR_UNROLL, TR_ORDER,
	TR_TAIL, TR_PERMUTE, TR_SWIZZLE, TR_SCOPE, TR_ASYNC, N_TR_TUNABLES
};

/* A group whose results are contiguous along "out", the walk's last run, and
 * whose reads "staged" (accesses) are contiguous along others, the first along
 * "in". "limit": longest vectors of what is read and written. */
struct transpose {
	struct walk *walk;
	int out, in;
	int staged[STAGED_MAX], n_staged;
	int read_limit, write_limit;
	struct tunable *tunables;
	int n_tunables;
};

/* How an access lies in the box of a block. "run": those it steps through,
 * outermost first, by its own strides; from place "segment" on they are
 * contiguous in memory within the box, "length" elements. "count": its
 * elements in the box; "stride": the distance of neighbours along each run in
 * a copy of them that has its order, by run. */
struct tile_order {
	int n, run[NEST_AXES], segment;
	int64_t length, count, stride[NEST_AXES];
};

/* A point worked out. By run: "t" elements of the box, in "tiles" boxes.
 * "apart": a vector of results goes on from one run to the next. Only where
 * transpose_banks() was asked, "shift": of the swizzle of each staged tile, 0
 * for none; "ways": lanes of a warp that meet in a bank when it reads one. */
struct transpose_plan {
	int64_t t[NEST_AXES], tiles[NEST_AXES], box, blocks, smem;
	struct tile_order read[STAGED_MAX];
	int shift[STAGED_MAX], ways[STAGED_MAX];
	bool apart;
};

/* ---- transpose.c ---- */

/* Registers of a thread, estimated. */
int transpose_registers(const struct transpose *s, const int *v);

/* ---- transpose_plan.c ---- */

int64_t run_coef(const struct walk *w, const struct access *x, int run);
/* Fill in "p"; NULL, or why values "v" make no kernel. */
const char *transpose_plan(const struct task *t, struct arena *a, const int *v,
	struct transpose_plan *p);
/* The swizzles of a legal plan, and what they leave of conflicts. */
void transpose_banks(const struct task *t, const int *v,
	struct transpose_plan *p);
struct tile_order tile_order(const struct walk *w, const struct access *x,
	const int64_t *t);
/* Bytes of the sectors that hold a segment of "x". */
double segment_bytes(const struct access *x, const struct tile_order *o);

/* ---- transpose_build.c ---- */

void transpose_build(const struct task *t, struct arena *a, const int *v,
	struct program *p);

#endif
