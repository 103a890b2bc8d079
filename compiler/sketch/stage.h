/* SPDX-License-Identifier: MIT */
/* Staging one operand of a contraction through shared memory: what its reads
 * look like, and the code that copies a tile. */
#ifndef WPK_COMPILER_SKETCH_STAGE_H
#define WPK_COMPILER_SKETCH_STAGE_H

#include "sketch/forms.h"
#include "sketch/sketch.h"

/* How an operand is read for one order of the reduction's axes.
 * "k_inner": the tile keeps the reduction contiguous ([rows][k], vectors run
 * along k), else the rows ([k][rows]). "vec" elements a copy; "run" the extent
 * of the innermost run along k. */
struct operand_order {
	struct flat k;
	bool k_inner;
	int vec;
	int64_t run;
};

enum { ORDERS_MAX = 4 };

/* "forms[0]" is the address, the others the padded logical indices that can
 * leave their dimension of size "size[i]". "rows" flattens the operand's own
 * output axes (M of the left, N of the right). "value" is what is computed of
 * each element on its way to shared memory, NULL where that is the element;
 * "tile_type" and "tile_elem" are those of what is kept there. */
struct operand {
	const struct ir_expr *read;
	const struct ir_tensor *tensor;
	struct ir_affine forms[FORMS_MAX];
	int64_t size[FORMS_MAX];
	int n_forms;
	struct flat rows, batch;
	struct operand_order orders[ORDERS_MAX];
	int elem;		/* bytes */
	const struct ir_expr *value;
	enum dtype tile_type;
	int tile_elem;
};

/* False, with "*why", where the reads have no affine form. "k_orders[i]" are
 * permutations of the "n_k" reduction axes. */
bool operand_analyse(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *read, const struct ir_affine *address,
	const int *rows, int n_rows, const int *batch, int n_batch,
	int *const *k_orders, int n_orders, int n_k, struct operand *out,
	const char **why);

/* What reaches shared memory is "value", of which the operand's read is part. */
void operand_compute(struct operand *p, const struct ir_expr *value);

struct axis_list {
	const int *v;
	int n;
};

struct image;

/* One operand's tile in one kernel; all in elements. */
struct stage {
	const struct operand *op;
	const struct operand_order *order;
	int tile_rows, tile_k, threads;
	int vec;
	bool async, wide;
	bool bulk;		/* copied as a whole, by no thread's hands */
	int shares;		/* blocks of a cluster that each copy a part,
				 * for all of them; 0: none do */
	const struct image *image;	/* what the operand may be
					 * (sketch/bulk.h), or NULL */
	bool padded, swizzled;	/* against bank conflicts in k_inner tiles:
				 * the stride grows, or chunks of a row change
				 * places */
	bool matrix;		/* matrix instructions read rows of 16 bytes */
	int row_stride;		/* of the shared tile's innermost-but-one
				 * dimension, padding included */
	int per_thread;		/* copies a thread makes */
	int row_slots, k_slots;	/* of them, distinct rows and distinct ks */
	bool partial;		/* fewer copies than threads */
	bool uniform;		/* all ks of a tile lie in one run */
	bool ragged;		/* rows are no multiple of tile_rows */
	int group, lanes;	/* slot s of a k_inner tile holds row
				 * (i / group * lanes + lane) * group + i %
				 * group, with i = s / lanes, lane = s % lanes */
	bool pairs;		/* or, as matrix instructions deal out columns,
				 * i = s / 8 * 2 + s % 2, lane = s % 8 / 2 */
	int panel;		/* a tile that is not k_inner lies in panels
				 * [k][panel], one after the other, chunks of
				 * whose rows change places; 0: it does not */
	int align;		/* of the tile, in bytes; 0: 16 */
};

/* Fill in "s" from op, order, tile_rows, tile_k, threads, vec, async, bulk,
 * padded, swizzled, matrix, panel, group, lanes and pairs. NULL, or why the tile
 * does not divide among the threads. Needs no memory unless it fails. */
const char *stage_plan(struct arena *a, struct stage *s);
/* Bytes of one stage's tile in shared memory, a multiple of 16. */
int64_t stage_bytes(const struct stage *s);

/* An unrolled loop over 0..n in "b"; no loop at all where n is 1. */
struct k_block *tile_loop(struct arena *a, struct k_block *b, const char *name,
	int64_t n, struct kx **var);

/* Code under construction for one operand. For one that is computed, "lower"
 * has the buffers its other reads are of, and "rows", "ks" and "batches" are
 * the axes that rows, ks and batch are flattened from; "row_base" and
 * "batch_at" are the present tile's. */
struct stager {
	const struct stage *s;
	struct arena *a;
	const char *name;
	struct kernel *kernel;
	struct k_buffer *global, *tile, *held;
	struct kx *thread, *base;
	struct k_buffer *row_at[FORMS_MAX];	/* hoisted parts, per row slot */
	struct kx *form_base[FORMS_MAX];
	struct kx *k_first, *row_first;
	struct lower_env lower;
	struct axis_list rows, ks, batches;
	struct kx *row_base, *batch_at;
	struct kx *raw;			/* the element at hand, as it was read */
};

/* Declares the shared tile ("stages" deep) and, unless async, the registers
 * that hold a tile in flight; emits what is hoisted out of the main loop into
 * "b". "first_row" is the tile's first row, "batch" the flattened batch index
 * (or NULL). */
void stager_create(struct stager *g, struct k_block *b, int stages,
	struct kx *first_row, struct kx *batch);

/* Copy the tile whose first k is "k0" into stage "slot" (async), or into
 * registers. Elements at kk >= "limit" are zero; NULL: none. */
void stager_load(struct stager *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *limit);
/* Where k "kk" of slot "row" of a k_inner tile lies in its row. */
struct kx *stager_column(const struct stager *g, struct kx *row,
	struct kx *kk);
/* Where k "kk" of slot or row "row" lies in stage "slot". */
struct k_place stager_place(const struct stager *g, struct kx *slot,
	struct kx *row, struct kx *kk);
/* Registers to stage "slot" (not async); "k0" and "limit" as they were loaded,
 * for what is computed. */
void stager_store(struct stager *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *limit);

/* What "op", of which the stager has the axes, makes of element "raw" at row and
 * k of the whole operand; what that needs is bound in "b". */
struct kx *stager_value(struct stager *g, struct k_block *b,
	const struct operand *op, struct kx *raw, struct kx *row, struct kx *k);

#endif
