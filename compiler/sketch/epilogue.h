/* SPDX-License-Identifier: MIT */
/* What follows a contraction: element by element, bias, activation, residual,
 * casts, several outputs; row by row, statistics of the product's rows and
 * what is made of them. Applied to accumulators in registers; used by every
 * sketch that computes contractions. */
#ifndef WPK_COMPILER_SKETCH_EPILOGUE_H
#define WPK_COMPILER_SKETCH_EPILOGUE_H

#include "sketch/halo.h"
#include "sketch/sketch.h"

enum { OUTPUTS_MAX = IR_PRODUCT_STATEMENTS };

/* One tensor the kernel computes, its value and its indices in the axes of the
 * contraction. "stored" false: a let that only later outputs read. "per_row":
 * one value a row; with a "reduction", what "value" is over the row. Threads
 * go over their elements in passes: elements are computed in pass "pass" and
 * read up to pass "last"; rows are at the end of it. */
struct output {
	const struct ir_tensor *tensor;
	struct ir_expr *value;		/* NULL: the accumulator itself, or that of
					 * the "second" product */
	struct ir_expr **index;
	const struct ir_expr *reduction;
	bool second, stored, per_row;
	int pass, last;
	int vec_n, vec_m;	/* elements that may be stored at once along
				 * neighbouring columns, or rows */
};

/* In order; the first is the contraction's own tensor. "rows": some are per
 * row, and a row goes along the columns of the product, or else its rows. */
struct epilogue {
	struct output outputs[OUTPUTS_MAX];
	int n, passes;
	int held;		/* values of an element that wait for later
				 * passes, at most */
	bool along_n;		/* stores run along columns, else rows */
	bool rows, rows_along_n;
	int64_t row;		/* elements of a row: all of its side, or part of
				 * it, one row after the other */
	int early;		/* tensors that are read element by element before
				 * the last pass */
};

/* ---- epilogue.c ---- */

/* False, with "*why", if a statement of the group does not follow the
 * contraction element by element or row by row. */
bool epilogue_analyse(struct task *t, const struct ir_contraction *c,
	struct epilogue *e, const char **why);

/* The statistic that finds where in the row the value is that output "i" is, the least
 * or greatest of the same: it knows the value, too; or -1. */
int epilogue_finder(const struct epilogue *e, int i);

/* Fills in vec_n and vec_m of what is, or could be, at "index" of "tensor". */
void output_vectors(const struct task *t, const struct ir_contraction *c,
	struct output *out);

/* Bytes of global memory the group must read and write at least. */
double epilogue_bytes(const struct task *t);

/* ---- epilogue_emit.c ---- */

/* A block's and a thread's share along rows (M) or columns (N): the tile
 * starts at "first"; the thread owns "mine" elements in groups of "vec"
 * neighbours: element i is first + (i / vec * lanes + lane) * vec + i % vec.
 * With "together", after so many groups the next lies "pitch" beyond the first
 * of them. Where there are "patches", elements are counted from the tile's first
 * one, in these. Where the side has several rows of statistics, a tile is the one
 * of "row" elements that begins at "row_first". */
struct side {
	const char *name;
	const int *axes;
	int n_axes;
	int64_t extent;
	int mine, vec, lanes, together, pitch;
	struct kx *first, *lane;
	struct kx *own;		/* what is before it another tile stores; or
				 * NULL */
	bool ragged;		/* the last tile reaches past the extent */
	const struct patches *patches;	/* or NULL */
	struct kx *row_first;	/* or NULL */
	int64_t row;
};

/* Who shares a row: "lanes" threads of a warp that are "stride" apart, and as
 * many in each of "parts" warps, in a tile of "rows". Where lanes are counted in
 * the warp alone, the thread's is "part" of these, and its rows are counted from
 * the tile's row "first" on; NULL where they are counted in the whole block. */
struct row_threads {
	int lanes, stride, parts, rows;
	struct kx *part, *first;
};

/* Who stores a thread's results part by part, of the outputs that it "takes". A
 * part is "steps_m" x "steps_n" steps of "m" x "n" of its elements, from the first
 * on either side. "open" comes before a part's are computed; "put" when
 * values[output] has those of step "step" in type "as", the ones stored next to
 * each other innermost, NULL for other outputs, which go to memory as ever; and
 * "close" when all have. */
struct store_parts {
	int m, n, steps_m, steps_n;
	bool takes[OUTPUTS_MAX];
	enum dtype as[OUTPUTS_MAX];
	void (*open)(void *ctx, struct k_block *b, struct kx *part);
	void (*put)(void *ctx, struct k_block *b, struct kx *step,
		struct k_buffer *const *values);
	void (*close)(void *ctx, struct k_block *b, struct kx *part);
	void *ctx;
};

/* Store what belongs to accumulators "acc" [m.mine][n.mine], behind which those of a
 * second product are, [m.mine][n.mine, n.mine], by threads that may
 * have "regs" registers each, 0: more than enough. "batch" is the flattened batch
 * index or NULL; "buffers" the kernel's globals by IR tensor.
 * Where the epilogue has rows, the block's tile covers them, and all threads
 * of the block call. */
struct storing {
	const struct task *t;
	const struct ir_contraction *c;
	const struct epilogue *e;
	struct arena *a;
	struct kernel *k;
	struct k_buffer **buffers, *acc;
	int regs;
	struct side m, n;
	struct row_threads rows;
	struct kx *batch;
	const struct store_parts *parts;	/* or NULL */
	/* By tensor, or NULL: values of rows that the thread has, one for each of
	 * its rows, which are those of "m", or else of "n"; and 1 / value, by which
	 * is multiplied where a value divides. */
	struct k_buffer *const *row_values;
	struct k_buffer *const *row_inverses;
	bool rows_m;
};

void epilogue_emit(const struct storing *s, struct k_block *b);

/* Which part on either side "part" is. */
void store_part_at(const struct storing *s, struct kx *part, struct kx *at[2]);

/* The same where a thread's results are a box of "n" single axes, one a side,
 * of neighbours from "first" on; the last is the only N axis, s->n. "acc" has
 * rank 1, in the order of the sides, and the box is number "box" in it. */
void epilogue_emit_box(const struct storing *s, struct k_block *b,
	const struct side *sides, int n, struct kx *box);

/* Global buffers for what the epilogue reads and stores, bound to "step". */
void epilogue_bind(const struct storing *s, const struct program *p,
	struct p_step *step);

#endif
