/* SPDX-License-Identifier: MIT */
/* The attention sketch's analysis and derived numbers, shared by its files.
 *
 * Of two products in a row the first ("scores": of rows of queries with keys) never
 * reaches memory. A block owns rows and goes over the keys, a tile at a time;
 * warps own whole rows, sums of the first product become factors of the second
 * in registers. A row's maximum and sums run along: where the maximum grows,
 * what was summed is scaled (Milakov and Gimelshein, arXiv:1805.02867; Dao et
 * al., "FlashAttention", arXiv:2205.14135). */
#ifndef WPK_COMPILER_SKETCH_ATTENTION_H
#define WPK_COMPILER_SKETCH_ATTENTION_H

#include "sketch/mma_fragment.h"
#include "sketch/parts.h"
#include "sketch/tiled.h"
#include "sketch/walk.h"

/* Order of the tunables. */
enum attention_value {
	ATTENTION_ROWS, ATTENTION_KEYS, ATTENTION_WARP, ATTENTION_STAGES,
	ATTENTION_OVERLAP, ATTENTION_SPLIT, ATTENTION_KIND, ATTENTION_KEEP,
	ATTENTION_THREADS, ATTENTION_VALUES
};

/* What the rows of scores become, in the axes of the first product, whose
 * outputs[] are those of scores.epilogue. Elements are "weight" where it
 * multiplies; the sums of the second product are then divided by, or
 * multiplied with, "norm". "maximum" is the output that runs along, of values
 * "shifted"; -1: none does. "far": it may be so large that its product with log2(e),
 * rounded, is off by more than an exponent allows, as with a mask by -1e9. */
struct weights {
	const struct ir_expr *weight, *norm, *shifted;
	const struct ir_expr *visible;	/* "shifted" of keys within limits */
	const struct ir_expr *score, *seen;	/* "shifted" and "visible" but for
					 * "factor", a positive number */
	double factor;
	bool divides, scaled;		/* "scaled": weights are, by exp(-maximum) */
	bool far;
	int maximum;
	enum dtype type;		/* to which weights are rounded */
};

/* Keys of a row: up to number "at", or from there, both counted from the row's line
 * where it "moves", and from "times" an integer of its batch, "beside", if that is
 * not NULL. */
struct limit {
	bool there, moves;
	int64_t at;
	const struct ir_expr *beside;
	int64_t times;
};

/* mma(STATEMENT, kind = ..): instructions of a warp, or of four. */
enum { KIND_MMA, KIND_WGMMA };

/* What the sketch knows of a group before any number is chosen. "first" and
 * "second" are the group's parts as tasks. */
struct attention {
	struct task first, second;
	struct product scores, of;
	struct weights w;
	const struct operand *query, *key, *value;
	int order, value_order;		/* of the sums, as tiles have them */
	const int *row_axes, *key_axes;	/* of the first product */
	int n_row_axes, n_key_axes;
	bool rows_m;		/* rows are M of the second product, else N */
	bool limited;		/* keys do nothing that are not before "upto" or
				 * not behind "from" */
	struct limit upto, from;
	int64_t lines;		/* of rows, that follow each other */
	int64_t rows, keys, depth, cols, batch;
	const char *rows_name, *keys_name;
	const struct mma_row *form;
	struct cost_of element;	/* of a score that becomes a weight, */
	int reads;		/* and how many elements from memory it meets */
	int statistics;		/* of a row */
	const char *no_groups;	/* why four warps cannot multiply, whatever the
				 * tile; or NULL */
	struct tunables open;
	int (*starts)[ATTENTION_VALUES];	/* untuned defaults */
	int n_starts;
};

/* Steps of tiles: the "fewest" of one and the "most"; as many as one has of which not
 * each block that shares them would have some, or 0; and on average of "each" of
 * these blocks. "whole": all rows of some tile see all keys of some step. */
struct spans {
	int64_t fewest, most, bare;
	double each;
	bool whole;
};

/* Everything that follows from a point. */
struct attention_plan {
	int rows, keys, warp, stages;	/* of a block, of a step, of a warp */
	int groups;		/* of four warps that multiply together; 0: each
				 * warp does by itself */
	bool overlap;		/* weights of the step before are multiplied while
				 * scores become weights */
	int helpers, keep_regs, give_regs;	/* threads that copy; registers
						 * of the others and theirs, 0:
						 * all alike */
	int chunks;		/* of the depth, in which it lies in shared
				 * memory */
	int depth, cols;		/* as tiles have them, whole instructions */
	int warps, threads, mine;	/* "mine": rows of a thread */
	bool keep;			/* queries stay in registers */
	struct stage query, key, value;
	int split;		/* blocks that share out a row's keys */
	int64_t tiles, blocks, steps;	/* "blocks" of rows; "steps" over all keys */
	struct spans spans;
	int64_t workspace_bytes;
	bool ragged;			/* the last step has fewer keys */
	int64_t shared_bytes;
	int regs, occupancy, promised;
};

/* ---- attention_find.c ---- */

/* Fills in what the group is. False, with "*why" a sentence. */
bool attention_find(struct task *t, struct attention *f, const char **why);
/* What a value of elements that is not rounded is made of, itself else. */
const struct ir_expr *attention_resolved(const struct attention *f,
	const struct ir_expr *e);
/* Which of the outputs of the scores "e" reads, or -1. */
int attention_output(const struct attention *f, const struct ir_expr *e);
/* Is "e" what is shifted, or exp(shifted - maximum), or a product of that and what
 * depends on no maximum? */
bool attention_is_shifted(const struct attention *f, const struct ir_expr *e);
bool attention_is_exp(const struct attention *f, const struct ir_expr *e);
bool attention_scales(const struct attention *f, const struct ir_expr *e);
/* Does what follows the second product divide by "o" of the scores, a sum of
 * exp(x - maximum of x), which is 1 at least and no more than there are keys? */
bool attention_divides(const struct attention *f, const struct output *o);

/* ---- attention_masks.c ---- */

/* Of what is shifted: w.far, and limits of keys. */
void attention_find_masks(const struct task *t, struct attention *f);

/* ---- attention_factor.c ---- */

/* Of what is shifted: "score", "seen" and "factor". */
void attention_find_factor(const struct task *t, struct attention *f);

/* ---- attention_plan.c ---- */

/* What all points have in common: from "element" to "no_groups". */
void attention_measure(const struct task *t, struct attention *f);
/* NULL, or why the values make no kernel. Needs no memory unless it fails. */
const char *attention_plan(const struct task *t, struct arena *a,
	const int *values, struct attention_plan *p);

/* ---- attention_cost.c ---- */

void attention_features(const struct task *t, const int *values,
	struct features *out);
void attention_least(const struct task *t, struct features *out);

/* ---- attention_limits.c: keys that blocks leave out ---- */

void attention_spans(const struct task *t, const struct attention_plan *p,
	struct spans *s);
/* Operations of what rows see, and bytes of what none does. */
double attention_work(const struct attention *f);
double attention_unseen(const struct attention *f);
/* Have later tiles more to do? */
bool attention_grows(const struct task *t, const struct attention_plan *p);

/* ---- attention_arithmetic.c ---- */

bool attention_arithmetic(const struct task *t, struct arena *a,
	const int *values, struct ir_operator *o);

/* ---- attention_build.c ---- */

void attention_build(const struct task *t, struct arena *a, const int *values,
	struct program *out);

/* A kernel under construction. */
struct attention_code {
	const struct task *t;
	const struct attention *f;
	const struct attention_plan *p;
	struct arena *a;
	struct program *program;
	struct p_step step;
	struct kernel *k;
	struct k_buffer **buffers;	/* by tensor */
	struct kx *thread, *lane, *warp, *lane_row, *lane_col;
	struct kx *batch, *row_first, *own_first;	/* the block's, the
							 * warp's */
	struct kx *key_first;		/* of the step at hand */
	struct kx *upto_at, *from_at;	/* limits of the batch's first line */
	struct kx *steps, *step_first;	/* of the block */
	struct stager query, key, value;
	struct k_buffer *scores, *sums;	/* [16 rows of a warp][results] */
	struct k_buffer *weights;	/* [16 rows of a warp][registers] */
	struct k_buffer *acc;		/* the same in rows and columns */
	struct k_buffer *held[OUTPUTS_MAX];	/* by output of the scores: of
						 * the thread's rows */
	struct k_buffer **of_rows;	/* the same by tensor */
	struct k_buffer *shift, *scale;	/* their maximum, unless far times what
					 * scores are multiplied with and log2(e),
					 * and by how much what was summed is to be
					 * scaled */
	struct k_buffer **inverse;	/* by tensor: 1 / what of_rows has, where
					 * what follows divides by it */
	struct kx **axes;		/* by axis: values */
	bool rows_ragged;		/* the last tile has fewer rows */
	struct storing out;
	struct parts parts;		/* where keys are split */
	bool joined;			/* sums were, and are no instruction's */
	struct k_buffer *rows_left;
};

/* Registers for what both products sum up and for weights; the sums are 0. */
void attention_registers(struct attention_code *g, struct k_block *b);
void attention_clear_sums(struct attention_code *g, struct k_block *b);
/* What follows the last step, of the threads that have the sums. */
void attention_finish(struct attention_code *g, struct k_block *b);
/* "name" of a stager's tensor and, where that is staged twice, a word more. */
struct stager attention_stager(struct attention_code *g,
	const struct stage *stage, const char *otherwise);
/* What is between both products reads and writes; and what "e" reads. */
void attention_bind(struct attention_code *g);
void attention_bind_reads(struct attention_code *g, const struct ir_expr *e);

/* ---- attention_limits.c ---- */

/* May a block that shares in keys have none of them? */
bool attention_bare(const struct attention *f, const struct attention_plan *p);
/* The block's steps: the first, and how many. */
void attention_steps(struct attention_code *g, struct k_block *b);
/* Does every row of the block see all keys of the step? NULL: there is nothing to
 * ask, or no cheap answer. */
struct kx *attention_sees_all(struct attention_code *g);

/* ---- attention_warps.c: by instructions of a warp ---- */

/* All of the kernel behind who owns what. */
void attention_warps(struct attention_code *g, struct k_block *b);

/* ---- attention_groups.c: by instructions of four warps ---- */

void attention_groups(struct attention_code *g, struct k_block *b);

/* ---- attention_split.c: keys shared out to blocks ---- */

/* How many parts' sums of a row are on their way at once. */
int attention_parts_at_once(const struct attention_plan *p);
void attention_split_declare(struct attention_code *g);
/* The block returned runs where all of the rows' sums are. */
struct k_block *attention_split_join(struct attention_code *g,
	struct k_block *b);

/* ---- attention_rows.c: scores become weights ---- */

/* Column "c" of the thread's row "i" in the registers of instructions, [16 rows of a
 * warp][results]. */
struct k_place attention_element(const struct attention_code *g,
	struct k_buffer *of, struct kx *i, struct kx *c);
/* A result of instructions: of those of four warps, behind the wait for them. */
struct kx *attention_settled(const struct attention_code *g, struct kx *x);
/* What "most" shifts by, unless far that times log2(e), and 0 of a row of -inf
 * alone; and exp(x - most), of which "shift" is: both without the scores' factor. */
struct kx *attention_shift(const struct attention_code *g, struct kx *most);
struct kx *attention_exp(const struct attention_code *g, struct kx *x,
	struct kx *shift);
/* Number of the thread's row "i" in its batch. */
struct kx *attention_row(const struct attention_code *g, struct kx *i);
/* Running values of rows, which what follows the second product may read. */
void attention_rows_declare(struct attention_code *g);
/* They are started in "b". */
void attention_rows_start(struct attention_code *g, struct k_block *b);
/* The scores of a step become weights, in the same registers. */
void attention_rows_weigh(struct attention_code *g, struct k_block *b);
/* Sums so far are scaled by how the maximum grew, and weights become factors. */
void attention_rows_turn(struct attention_code *g, struct k_block *b);
/* When all keys are done: values of whole rows; sums get their "norm". */
void attention_rows_end(struct attention_code *g, struct k_block *b);
/* Those of rows that are outputs, to memory. */
void attention_rows_store(struct attention_code *g, struct k_block *b);

#endif
