/* SPDX-License-Identifier: MIT */
/* What the files of the reference interpreter share. An expression becomes a
 * tree of nodes that compute up to LANES values at a time: lane i has axis
 * "run" at its present value plus i, all other axes as they are ("at"). */
#ifndef WPK_COMPILER_IR_EVAL_PRIVATE_H
#define WPK_COMPILER_IR_EVAL_PRIVATE_H

#include "ir/ir.h"

enum { LANES = 256, NO_RUN = -1 };

/* ---- eval_num.c: arithmetic of single values with bounds ---- */

/* Rounding to a float type: "u" unit roundoff, "capacity" 2^significand,
 * "least" the least subnormal, "over" the least magnitude that becomes
 * infinite (NaN where "no_inf"). */
struct format {
	double u, capacity, least, over;
	bool no_inf;
};

/* Results of arithmetic "in type t": computed in t or any wider type, so that
 * nothing below f32 overflows; and values rounded to t itself. */
struct format format_arith(enum dtype t);
struct format format_cast(enum dtype t);

/* The greatest power of two of which "v" is a multiple; 0 has a huge one. */
double num_low_bit(double v);
/* "op" of operands as computed in type "t", rounded as "f" says. */
struct ir_num num_apply(enum op op, enum dtype t, const struct format *f,
	const struct ir_num *args);
/* Conversion of a value of type "from" to "t". */
struct ir_num num_cast(enum dtype t, enum dtype from, const struct format *f,
	struct ir_num x);
/* "x", computed in "t" or wider, stored as "t": wraps and overflows. */
struct ir_num num_settle(enum dtype t, const struct format *f,
	struct ir_num x);
/* Integer "v" of type "t", with no error. */
struct ir_num num_whole(enum dtype t, int64_t v);

/* ---- nodes ---- */

/* An index: c + sum of coef * axis where "affine", else a node's values. */
struct eval_term {
	int axis;
	int64_t coef;
};

struct eval_index {
	bool affine;
	int64_t c;
	struct eval_term *terms;
	int n_terms;
	struct node *node;
};

/* A read: "stride" of each logical dimension where "strided"; "straight" if
 * all indices are affine too and the pad is no clamp. */
struct eval_read {
	const struct ir_tensor *tensor;
	struct eval_index *index;
	int64_t stride[IR_RANK];
	bool strided, straight;
	double pad, pad_quantum;
};

/* A reduction in progress: per lane "value", "magnitude" (sum of absolute
 * values, or what the reducer needs), "error" and "place"; of a sum with an
 * accumulator "high" is the greatest magnitude of a term. "whole" is the value of
 * integers, modulo 2^64. */
struct eval_reduce {
	int *axes;
	int n_axes, longest;
	int64_t points;
	double *value, *magnitude, *error, *place, *low, *high;
	int64_t *whole;
};

/* "along": by axis, whether the value changes along it. "exact": all errors are 0 and
 * "err" is not looked at. "quantum" holds for all lanes and is 0 wherever a lane is
 * not exact. "whole" has the values of i64, which are more than a double holds, and is
 * NULL for other types. */
struct node {
	const struct ir_expr *e;
	struct node **args;
	double *v, *err, *own_v, *own_err;
	int64_t *whole, *own_whole;
	double quantum;
	bool exact, *along;
	struct format format;
	struct eval_read *read;
	struct eval_reduce *reduce;
};

/* Values of a let (or of an output read later), by pages of logical elements
 * in row-major order. */
enum { PAGE = 1024 };

struct page {
	double v[PAGE], err[PAGE], quantum;
	int64_t *whole;			/* of i64, or NULL */
	uint64_t done[PAGE / 64];
};

struct memo {
	struct page **pages;
	int64_t n_pages;
};

/* A statement made ready when first used: its write index ordered for solving,
 * the axis along which the tensor's last dimension advances by one. */
struct eval_stmt {
	struct node *root;
	struct eval_index *index;
	int run;
};

struct ir_eval {
	struct arena *a, *page_arena;
	const struct ir_operator *o;
	const void *const *data;
	int64_t *at;		/* present value of every axis */
	struct eval_stmt *stmts;
	struct memo *memos;	/* by tensor */
	double *quanta;		/* of inputs; negative: not looked at yet */
	double **bytes;		/* by tensor: values of the 256 bytes */
};

/* ---- eval_plan.c ---- */

struct node *plan_node(struct ir_eval *e, const struct ir_expr *x);
struct eval_index plan_index(struct ir_eval *e, const struct ir_expr *x);

/* ---- eval_node.c ---- */

/* Compute "n" lanes along axis "run" (NO_RUN: one lane). */
void node_eval(struct ir_eval *e, struct node *x, int run, int n);
/* Lane "i" of a computed node. */
struct ir_num node_lane(const struct node *x, int i);
void node_set(struct node *x, int i, struct ir_num v);
/* Before a loop of node_set, and after it: finds "exact". */
void node_open(struct node *x);
void node_close(struct node *x, int n);

/* ---- eval_exact.c ---- */

/* What a node computes of operands that are all exact, of integers or to a truth
 * value: false if it is another one, or a lane is more than a double holds. */
bool eval_exact(struct node *x, int n);
/* A choice by exact truth values; false if they are not. */
bool eval_select(struct node *x, int n);

/* ---- eval_read.c, eval_reduce.c ---- */

void node_read(struct ir_eval *e, struct node *x, int run, int n);
void node_reduce(struct ir_eval *e, struct node *x, int run, int n);

/* ---- eval_short.c ---- */

/* Is the sum of lane "i", whose terms are multiples of "q", exact in what its
 * accumulator keeps? */
bool short_exact(const struct node *x, int i, double q);
/* What the accumulator loses of it at most, beyond roundings of its type. */
double short_loss(const struct node *x, int i);

/* ---- eval.c ---- */

/* Up to "n" elements of "tensor" from logical "idx" along its last dimension:
 * the lanes of the node returned; "*done" says how many. */
const struct node *eval_part(struct ir_eval *e, int tensor,
	const int64_t *idx, int64_t n, int *done);
/* The same through the memo, all "n" <= LANES of them, into lanes of "x" from
 * "lane" on; "linear" is the row-major number of the first. */
void eval_remembered(struct ir_eval *e, int tensor, int64_t linear, int n,
	struct node *x, int lane);

#endif
