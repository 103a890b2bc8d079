/* SPDX-License-Identifier: MIT */
/* What the files of sketch "direct" share: an operator whose results each
 * reduce over a window of a tensor, and the numbers of a kernel for it. */
#ifndef WPK_COMPILER_SKETCH_DIRECT_H
#define WPK_COMPILER_SKETCH_DIRECT_H

#include "sketch/epilogue.h"
#include "sketch/sketch.h"

enum {
	DIRECT_AXES = 8, DIRECT_REDS = 6, DIRECT_DIMS = 8, DIRECT_READS = 32,
	DIRECT_WEIGHTS = 4
};

/* An axis of the result or of the reduction, of extent other than 1; its
 * values start at "lo". */
struct direct_axis {
	const char *name;
	int id;
	int64_t lo, extent;
};

/* A dimension of the staged tensor in memory, "stride" elements from one
 * position to the next: positions are linear in the axes, counted from 0, with
 * coefficients "out" and "red" and a constant that is "least" to "most" among
 * the reads. "leaves": some read may be outside, where the pad stands. */
struct direct_dim {
	int64_t size, stride;
	int64_t out[DIRECT_AXES], red[DIRECT_REDS];
	int64_t least, most;
	bool leaves;
};

/* One read of the staged tensor and its constant in every dimension. */
struct direct_read {
	const struct ir_expr *read;
	int64_t c[DIRECT_DIMS];
};

/* The tensor read through windows; dimensions outermost first, those that are
 * always covered whole joined with the next. "base": the address of position 0
 * in all of them. */
struct direct_window {
	const struct ir_tensor *tensor;
	int elem;			/* bytes */
	struct direct_dim dims[DIRECT_DIMS];
	int n_dims;
	struct direct_read reads[DIRECT_READS];
	int n_reads;
	bool edge;
	double fill;
	int64_t base;
};

/* Another tensor, read at an address linear in the axes and never outside. */
struct direct_weights {
	const struct ir_expr *read;
	const struct ir_tensor *tensor;
	int elem;
	int64_t c, out[DIRECT_AXES], red[DIRECT_REDS];
};

/* Where weights are kept; how results go from threads to memory. */
enum { CACHE_REGISTER, CACHE_SHARED };
enum { RESULT_NONE, RESULT_SHARED };

/* Tunables: a block's tile of each axis of the result, a thread's, then these,
 * then facts; "at[i]" is -1 for one that is not open. */
enum { DIRECT_CHUNK, DIRECT_VECTOR, DIRECT_STAGES, DIRECT_ASYNC,
	DIRECT_UNROLL, DIRECT_CACHE, DIRECT_RESULT, DIRECT_RASTER,
	DIRECT_GROUP, DIRECT_ORDER, DIRECT_THREADS, N_DIRECT_NUMBERS };

/* An order of the reduction's axes. */
struct direct_order {
	int axis[DIRECT_REDS];
};

/* Each result is "value", reduced over "red" where it "reduces", else a stencil
 * and its own. "out" in the order of the result's memory, the last of stride 1
 * if any is.
 * "chunk": the axis of the reduction that may be taken a part at a time, or -1.
 * "ops", "issue": of "value" and its reducer, operations and instructions.
 * "roles": what the epilogue knows the group by. "orders": those that reorder
 * may ask for, the first stands for none. */
struct direct {
	const struct ir_stmt *stmt;
	struct ir_expr *value;
	bool reduces;
	enum reducer reducer;
	struct direct_axis out[DIRECT_AXES], red[DIRECT_REDS];
	int n_out, n_red, chunk;
	struct direct_window x;
	struct direct_weights w[DIRECT_WEIGHTS];
	int n_w;
	struct ir_contraction roles;
	struct epilogue epilogue;
	enum dtype acc;
	double dram_bytes, ops, issue;
	struct direct_order *orders;
	struct tunable *tunables;
	int n_tunables, at[N_DIRECT_NUMBERS];
};

/* Weights in shared memory, elements apart along each axis; "fast" is the axis
 * of the result that is contiguous there, and "vec" what a thread loads at
 * once along it. */
struct direct_pitch {
	int64_t out[DIRECT_AXES], red[DIRECT_REDS], elements;
	int fast, vec;
};

/* Everything that follows from a point. The box staged for a chunk starts at
 * the block's first position plus "origin"; a thread reads of it "seg"
 * positions from "first" on, the innermost in vectors of "seg_vec" of which
 * the first "lead" elements are not its own. "step": what a chunk has of each
 * axis of the reduction; "inner": what of it a thread unrolls over a segment;
 * "order": in which it goes through the axes. The last two axes of the result
 * are rows and columns of tiles, in which blocks walk in "group"s.
 * "shared": results pass through shared memory, so that neighbouring threads
 * store neighbours, "store_vec" at once. */
struct direct_plan {
	int64_t tile[DIRECT_AXES], tiles[DIRECT_AXES], blocks;
	int thread[DIRECT_AXES], lanes[DIRECT_AXES];
	int64_t step[DIRECT_REDS], inner[DIRECT_REDS], chunks;
	struct direct_order order;
	int group;
	bool by_columns;
	int working, threads, vec, stages, unroll;
	bool async, cached, shared;
	int64_t origin[DIRECT_DIMS], box[DIRECT_DIMS], pitch[DIRECT_DIMS];
	int64_t box_elements;
	bool outside[DIRECT_DIMS];
	int64_t first[DIRECT_DIMS], seg[DIRECT_DIMS], seg_pitch[DIRECT_DIMS];
	int64_t seg_elements, lead;
	int seg_vec;
	struct direct_pitch w[DIRECT_WEIGHTS];
	int acc_elements, store_vec;
	int64_t tile_elements;
	int64_t shared_bytes;
	int regs, occupancy, promised;
};

/* ---- direct_window.c ---- */

/* False, with "*why", if no read of the group's reduction is through a
 * window. */
bool direct_analyse(struct task *t, struct direct *d, const char **why);
/* Do neighbouring results along axis "out" share positions of dimension "x"
 * that axis "red" of the reduction goes through? */
bool direct_slides(const struct direct *d, const struct direct_dim *x, int out,
	int red);

/* ---- direct_plan.c ---- */

/* NULL, or why the values make no kernel. */
const char *direct_plan(const struct task *t, struct arena *a,
	const int *values, struct direct_plan *p);
/* Do they, with the longest vector of the staged tensor at these tiles? It is
 * the plan's "vec". */
bool direct_plan_widest(const struct task *t, const int *values,
	struct direct_plan *p);

/* ---- direct_start.c ---- */

/* Does the default's search have a point to set out from? */
bool direct_fits(const struct task *t);
void direct_start(const struct task *t, int *values);

/* ---- direct_cost.c ---- */

void direct_cost(const struct direct *d, const struct direct_plan *p,
	struct features *out);
bool direct_price(const struct task *t, const int *values,
	struct features *out);
void direct_least(const struct task *t, struct features *out);

/* ---- direct_build.c ---- */

void direct_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

#endif
