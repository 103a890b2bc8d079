/* SPDX-License-Identifier: MIT */
/* A gemv kernel under construction, shared by the files that write it. */
#ifndef WPK_COMPILER_SKETCH_GEMV_CODE_H
#define WPK_COMPILER_SKETCH_GEMV_CODE_H

#include "sketch/gemv.h"
#include "sketch/gemv_read.h"

/* "big_raw" [step][row][k], or [0][k][row] where vectors run along the rows, of
 * each stage after the other, in elements; "big_value" the same of one step, in
 * values, where they are kept; of two products the second's rows come behind the
 * first's. "big_computed" and the others of operands that are;
 * "first_k" of this block's part, "lane_k" and "lane_row" the thread's place. */
struct gemv_code {
	const struct task *t;
	const struct gemv *f;
	const struct gemv_plan *p;
	struct arena *a;
	struct program *program;
	struct p_step step;
	struct kernel *k;
	struct k_buffer **buffers;
	struct reader big, small, twin;
	struct computed big_computed, small_computed, twin_computed;
	struct k_buffer *acc, *out, *board, *tile;
	struct k_buffer *big_raw, *big_value, *small_raw;
	struct kx *batch, *row_first, *col_first, *thread;
	struct kx *lane_row, *lane_k, *first_k;
};

/* ---- gemv_multiply.c ---- */

/* Does k lie in the reduction? NULL where the chunk is whole. */
struct kx *gemv_inside(struct gemv_code *g, struct kx *k, bool whole);
/* Rows of one load of the big operand. */
int gemv_vector_rows(const struct gemv_plan *p);
/* Columns in shared memory: the ks of this block's part, zeros past the end. */
void gemv_stage_small(struct gemv_code *g, struct k_block *b);
/* Step "u" as "big_raw" counts them, from "k" on. */
void gemv_multiply(struct gemv_code *g, struct k_block *b, struct kx *u,
	struct kx *k, bool whole);

/* ---- gemv_join.c ---- */

void gemv_clear(struct gemv_code *g, struct k_block *b);
/* Joins the sums of all who share them, and stores the results. */
void gemv_join(struct gemv_code *g, struct k_block *b);

#endif
