/* SPDX-License-Identifier: MIT */
/* Operator IR: one operator as typed tensors and statements over named axes.
 *
 * An operator here is an instance: sizes and attributes have values. The IR is
 * a value; passes return a new one or edit it before it is shared. Everything
 * lives in the arena it was made in.
 *
 * Text form, which ir_read reads back:
 *
 *	op mm {
 *	  size M = 64
 *	  in A: f32[64, 32] layout(0, 1) align 16
 *	  in B: f32[32, 48] layout(1, 0) align 16
 *	  let acc: f32[64, 48]
 *	  out C: f32[64, 48] layout(0, 1) align 16
 *	  acc[i:64, j:48] = sum[k:32](mul(A[i, k], B[k, j])) : f32
 *	  C[i:64, j:48] = max(acc[i, j], 0.0:f32)
 *	}
 *
 * An axis that starts at 4 and ends before 10 is "i:4:10"; a statement whose
 * write index is not its axes in order names them apart:
 *
 *	  y[n, add(mul(f_o, 4), f_i)] over n:8, f_o:16, f_i:4 = ...
 *
 * The header comment of text.c has the whole form.
 */
#ifndef WPK_COMPILER_IR_IR_H
#define WPK_COMPILER_IR_IR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"
#include "ir/ops.h"
#include "ir/type.h"

/* Index values and tensor sizes fit 62 bits; overflow is an error found in
 * lowering. */

/* One axis of one statement or one reduction: values lo <= v < lo + extent.
 * "id" is its index in ir_operator.axes; names repeat between statements. */
struct ir_axis {
	const char *name;
	int64_t lo, extent;
	int id;
	bool reduced;
	bool open;		/* extents differ from call to call: ir_mark_open */
	int64_t common;		/* what they are multiples of; 0: of "extent" */
	int stmt;		/* index of the owning statement */
};

/* One physical dimension: logical dimension "dim" divided by "div" and then,
 * if "mod" is not 0, taken modulo "mod". "stride" in elements. */
struct ir_phys {
	int dim;
	int64_t div, mod;
	int64_t extent, stride;
};

enum ir_role { IR_IN, IR_LET, IR_OUT };

/* Dimensions of a tensor, at most: the language has no more. */
enum { IR_RANK = 64 };

struct ir_tensor {
	const char *name;
	enum ir_role role;
	enum dtype type;
	int64_t *dims;
	int rank;
	uint64_t open;		/* bit d: dimension d differs from call to call */
	struct ir_phys *phys;	/* outermost first; lets: logical order */
	int n_phys;
	int64_t elements;	/* physical extent in memory, in elements */
	int align;		/* of the base pointer, in bytes */
	bool constant;		/* never changes between calls */
	const struct ir_packing *packing;	/* of a packed let, or NULL */
	const char *over;	/* the input in whose memory it may lie */
	int id;
	struct span at;
};

/* What a let is a packed copy of: contiguous along the axes of a reduction whose
 * names, put together, are "along", a multiple of "to" elements of them. */
struct ir_packing {
	const char *of, *along;
	int to;
};

enum ir_kind {
	IR_INT,		/* integer constant "i" of "type" */
	IR_FLOAT,	/* "f" of "type" */
	IR_AXIS,	/* value of axes[axis], type i64 */
	IR_READ,	/* tensors[tensor][args...], pad */
	IR_OP,		/* "op" of args */
	IR_CAST,	/* args[0] as "type" */
	IR_REDUCE	/* reducer over axes red[n_red] of args[0], in "type" */
};

enum ir_pad { IR_PAD_NONE, IR_PAD_VALUE, IR_PAD_EDGE };

/* How hardware adds up a sum in fewer bits than its type has (eval_short.c says
 * what that loses): "at_once" products and what they are added to are aligned to
 * the largest of their exponents, cut to "bits" bits and added, and the sum is
 * cut to as many. After "promote" products (0: never) it is added to a sum in
 * the type, and begins anew. A product's exponent may be that of one
 * "subnormal" times as large. */
struct ir_accumulator {
	int bits, at_once, promote, subnormal;
};

struct ir_expr {
	enum ir_kind kind;
	enum op op;
	enum dtype type;	/* of the result */
	struct ir_expr **args;	/* operands, or a read's indices */
	int n_args;
	int64_t i;
	double f;		/* value; IR_READ with IR_PAD_VALUE: the pad */
	int axis, tensor;
	enum reducer reducer;
	int *red;
	int n_red;
	const struct ir_accumulator *accumulator;	/* of a sum, or NULL */
	enum ir_pad pad;
	struct span at;
};

/* tensors[tensor][index...] = expr for every value of the axes, which are
 * distinct; expr's type is the tensor's. "index" has one integer expression
 * per dimension of the tensor and is never NULL: the axis values in order
 * ("plain", as lowering makes them, see ir_axis_values) until a pass splits or
 * reorders axes; then mixed-radix sums such as f_o*4 + f_i, each axis in one
 * dimension. */
struct ir_stmt {
	int tensor;
	int *axes;
	int n_axes;
	struct ir_expr **index;
	struct ir_expr *expr;
	struct span at;
};

struct ir_size {
	const char *name;
	int64_t value;
};

struct ir_type {
	const char *name;
	enum dtype type;
};

struct ir_operator {
	const char *name;	/* C symbol */
	const char *source;	/* "std.conv.conv2d", or the same as name */
	bool exported;
	struct ir_size *sizes;	/* sizes and integer attributes, by name */
	int n_sizes;
	struct ir_type *types;	/* dtype attributes; not part of the text */
	int n_types;
	struct ir_axis *axes;
	int n_axes;
	struct ir_tensor *tensors;	/* inputs, then outputs, then lets */
	int n_tensors, n_inputs, n_outputs;
	struct ir_stmt *stmts;	/* in order of dependence */
	int n_stmts;
	struct span at;
};

/* ---- build.c: making expressions ---- */

struct ir_expr *ir_int(struct arena *a, int64_t v, enum dtype t);
struct ir_expr *ir_float(struct arena *a, double v, enum dtype t);
struct ir_expr *ir_axis_value(struct arena *a, int axis);
struct ir_expr *ir_apply(struct arena *a, enum op op, enum dtype t, int n, ...);
struct ir_expr *ir_cast(struct arena *a, enum dtype t, struct ir_expr *e);
struct ir_expr *ir_read_tensor(struct arena *a, const struct ir_tensor *t,
	struct ir_expr **idx);
/* A deep copy in which axis i is replaced by "with[i]" where that is set. */
struct ir_expr *ir_substitute(struct arena *a, const struct ir_expr *e,
	struct ir_expr *const *with);
/* A copy of the node with room for other arguments. */
struct ir_expr *ir_like(struct arena *a, const struct ir_expr *e);
/* "e", an IR_REDUCE, of other terms. */
struct ir_expr *ir_reduce_of(struct arena *a, const struct ir_expr *e,
	struct ir_expr *terms);
/* Calls "f" on "e" and everything below it, parents first. */
void ir_walk(struct ir_expr *e, void (*f)(struct ir_expr *, void *), void *ctx);
/* How many those are. */
int ir_nodes(const struct ir_expr *e);
/* Is one of them a read of the tensor? */
bool ir_reads(const struct ir_expr *e, int tensor);
/* Or the axis? */
bool ir_depends(const struct ir_expr *e, int axis);
/* Same structure, types and constants. */
bool ir_equal(const struct ir_expr *x, const struct ir_expr *y);
/* The type an operation has when nothing else is said: bool for comparisons,
 * the second operand's for select, else the operands' widened. */
enum dtype ir_natural_type(enum op op, struct ir_expr *const *args, int n);
/* IR_AXIS nodes for "axes": the write index of a plain statement. */
struct ir_expr **ir_axis_values(struct arena *a, const int *axes, int n);
/* True if the statement's index is its axes in order. */
bool ir_stmt_plain(const struct ir_operator *o, const struct ir_stmt *s);
/* Append to the operator's tables (which move) and return the new id. */
int ir_add_axis(struct arena *a, struct ir_operator *o, struct ir_axis axis);
/* A copy with tables of its own. Expressions are shared: passes replace them
 * and never edit them. */
struct ir_operator *ir_copy(struct arena *a, const struct ir_operator *o);
/* Gives "t" the layout of its logical order. */
void ir_row_major(struct arena *a, struct ir_tensor *t);
int ir_add_let(struct arena *a, struct ir_operator *o, const char *name,
	enum dtype type, const int64_t *dims, int rank);

/* ---- text.c ---- */

void ir_print(const struct ir_operator *o, struct str *out);
void ir_print_expr(const struct ir_operator *o, const struct ir_expr *e,
	struct str *out);
/* NULL with an error in "d" if the text is not an operator. */
struct ir_operator *ir_read(struct arena *a, const struct source *src,
	struct diag *d);
/* Hash of the text form without names that do not matter (symbol, source):
 * the key of locks and databases. */
uint64_t ir_hash(const struct ir_operator *o);

/* ---- verify.c ---- */

/* What is wrong with "o", or NULL: a sentence in "a". */
const char *ir_verify(struct arena *a, const struct ir_operator *o);

/* ---- fold.c: needs: nothing.  keeps: meaning.  Constants folded, x*1, x+0,
 * integer division and modulo simplified by the ranges of axes. ---- */

void ir_fold(struct arena *a, struct ir_operator *o);
/* One expression; "e" itself is not changed. */
struct ir_expr *ir_fold_expr(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e);
/* range.c: least and greatest value of an integer expression; false if it has none
 * that can be derived (computed indices). */
bool ir_range(const struct ir_operator *o, const struct ir_expr *e,
	int64_t *lo, int64_t *hi);
/* May index "d" of a read be less than 0, may it be past the end? Of a padded
 * read whose axes or dimension are open: yes, but for an axis that spans it. */
void ir_leaves(const struct ir_operator *o, const struct ir_expr *read, int d,
	bool *below, bool *above);
/* Is one of these axes open? */
bool ir_any_open(const struct ir_operator *o, const int *axes, int n);
/* What an axis has a multiple of from call to call, as far as was marked. */
int64_t ir_common(const struct ir_operator *o, int axis);
/* Marks as open what differs between "o" and the same operator at other sizes;
 * false, and nothing is marked, where they are not alike. */
bool ir_mark_open(struct ir_operator *o, const struct ir_operator *other);

/* ---- hoist.c: needs: nothing.  keeps: meaning, folded.
 * Every reduction inside a larger expression becomes a let NAME_red0 of its
 * own, over the axes it uses, so that each statement is one reduction or has
 * none. ---- */

void ir_hoist(struct arena *a, struct ir_operator *o);

/* ---- split.c: needs: hoisted, folded.  keeps: meaning, folded.
 * Splits axes that occur divided or modulo a constant, in an index (f/(F/G))
 * or in a layout (C/32, C%32), so that accesses become affine in the new axes,
 * "f_o" and "f_i". Statements that share a let are split alike. Sums under a condition
 * (p - r) % d == 0 are split by residue and lose the condition. ---- */

void ir_split_axes(struct arena *a, struct ir_operator *o);

/* ---- affine.c ---- */

/* c + sum of coef[i] * axes[i], over all axes of the operator. */
struct ir_affine {
	int64_t c;
	int64_t *coef;
};

/* True if "e" is affine in the operator's axes. */
bool ir_affine(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, struct ir_affine *out);
/* The same, beside "times" something else, "*beside", such as an entry of a table;
 * NULL and 0 where there is nothing. */
bool ir_affine_beside(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, struct ir_affine *out,
	const struct ir_expr **beside, int64_t *times);
/* The element offset of a read (or of a statement's own write, with "idx" the
 * axis values) as an affine form; false where the layout or an index is not
 * affine. */
bool ir_address(struct arena *a, const struct ir_operator *o,
	const struct ir_tensor *t, struct ir_expr *const *idx,
	struct ir_affine *out);
/* The same as an expression, always possible. */
struct ir_expr *ir_offset(struct arena *a, const struct ir_tensor *t,
	struct ir_expr *const *idx);
/* Elements from one index of dimension "dim" to the next; false where the layout has
 * it in parts. */
bool ir_dim_stride(const struct ir_tensor *t, int dim, int64_t *stride);
/* Element offset of logical indices that are known. */
int64_t ir_offset_of(const struct ir_tensor *t, const int64_t *idx);

/* ---- lookup.c: a table says where ---- */

/* One index of a read that is an affine form, "index", and "times" an entry of a
 * table, a read of integers that are in memory, at offset "at". Where the entry
 * is 0 the read is at offset "addr", and "stride" elements further for each 1. */
struct ir_lookup {
	const struct ir_expr *entry;
	int dim;
	int64_t times, stride;
	struct ir_affine at, index, addr;
};

/* False if the read has no such index, or others that are not affine. needs: folded,
 * split. */
bool ir_lookup(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *read, struct ir_lookup *out);

/* ---- eval.c: the reference interpreter, in double and in integers ---- */

/* Tensors' contents: "data[id]" in each tensor's own dtype and layout for
 * inputs; lets and outputs are computed. */
struct ir_eval;

/* "data" is indexed by tensor id (inputs needed). The evaluator remembers lets
 * it has computed; it borrows "o" and "data". */
struct ir_eval *ir_eval_create(const struct ir_operator *o,
	const void *const *data);
void ir_eval_destroy(struct ir_eval *e);

/* A value, a bound on the error of any faithful kernel (any order of
 * summation, FMA or not), relative to exact arithmetic on the given inputs;
 * "quantum" is the power of two of which the value and every partial result is
 * a multiple (0: unknown), which makes sums of small dyadic inputs exact and
 * their bound 0. "whole": of an integer type or bool; then "i" is the value, and
 * "v" the double nearest to it. */
struct ir_num {
	double v, err, quantum;
	int64_t i;
	bool whole;
};

/* Output or let "tensor" at logical index "idx". */
struct ir_num ir_eval_at(struct ir_eval *e, int tensor, const int64_t *idx);

/* The n elements idx, idx + (0,..,0,1), ...: along the last dimension. */
void ir_eval_row(struct ir_eval *e, int tensor, const int64_t *idx, int64_t n,
	struct ir_num *out);

/* Multiply-adds (or other operations) one element of "tensor" costs. */
double ir_eval_cost(const struct ir_operator *o, int tensor);

/* Fill an input with reproducible values that suit its dtype: multiples of
 * 1/16 in [-1, 1] for floats, or in f32 of 2^-13 for the first of two factors in
 * a sum, above 0 where a root or logarithm is taken of them, small integers
 * otherwise; indices that are read
 * as computed indices are kept within the tensor they index, and integers that an
 * index is compared with are lengths, from 1 to its end. */
void ir_eval_fill(const struct ir_operator *o, int tensor, uint64_t seed,
	void *data);

/* ---- correspond.c ---- */

/* How "read", of the tensor that "w" writes, follows w's own axes: true if it
 * reads what w wrote at the same values of other axes of the same extents,
 * each used once, and then map[x] is the axis in place of w's axis x; -1 for
 * axes of extent 1. "map" has one entry per axis of the operator. */
bool ir_correspond(struct arena *a, const struct ir_operator *o,
	const struct ir_stmt *w, const struct ir_expr *read, int *map);

/* ---- inline.c: needs: hoisted.  keeps: meaning, folded, hoisted.
 * Substitutes lets that are maps into their readers where that costs little
 * and no group would hold both anyway; by IR_COSTLY also where it costs more, up
 * to a bound; by IR_HELD none that is read elementwise, so that one kernel holds
 * it. Drops lets nobody reads. ---- */

enum ir_inlining { IR_CHEAP, IR_COSTLY, IR_HELD };

void ir_inline(struct arena *a, struct ir_operator *o, enum ir_inlining how);

/* ---- group.c ---- */

enum ir_anchor { IR_MAP, IR_ROW, IR_CONTRACTION, IR_CHAIN, IR_TWINS };

/* Statements that one kernel computes, in order. Their axes correspond by
 * position, and each reads what others of the group write at the same values
 * of its axes only:
 *
 *  IR_CONTRACTION  "anchor_stmt" is the reduction, the first statement; the
 *		    others are maps over axes of the same extents. Where
 *		    "across" is set, some are statistics of the product's rows:
 *		    they reduce over those axes of the anchor for which it
 *		    holds, and have the others; or maps of one value per row.
 *  IR_CHAIN	    two contractions, the second of what rows of the first
 *		    become, such as attention. "anchor_stmt" is the first, and
 *		    maps, statistics and maps of one value per row follow as
 *		    above; there may be no statistic. "second" sums over the
 *		    anchor's axes across, and over no others, the product of a
 *		    factor made of what the group has at that element and row,
 *		    and of one made of tensors from outside; its axes are the
 *		    rows', and then its own, one at least. Nothing but maps over
 *		    the second's axes comes after it; they may read values of
 *		    its row. Values for each element of the first never leave.
 *  IR_TWINS	    two contractions of one factor, "anchor_stmt" and "second",
 *		    whose axes are of the same extents, those they sum over in
 *		    the same order, and maps over these, of which one at least
 *		    is made of both (ir_twins).
 *  IR_ROW	    the first "n_rows" axes of every statement are the row; a
 *		    reduction has no others and reduces over the trailing axes,
 *		    a map has the trailing axes too, or is one value per row.
 *		    "anchor_stmt" is the first reduction.
 *  IR_MAP	    all are maps over axes of the same extents.
 *
 * A tensor written in a group and read by another is workspace. */
struct ir_group {
	enum ir_anchor anchor;
	int *stmts;		/* indices */
	int n_stmts;
	int anchor_stmt;	/* IR_MAP: the first statement */
	int n_rows;		/* IR_ROW */
	const bool *across;	/* IR_CONTRACTION, IR_CHAIN: by axis of the
				 * anchor; or NULL */
	int second;		/* IR_CHAIN, IR_TWINS: the statement */
};

struct ir_partition {
	struct ir_group *groups;
	int n_groups;
};

/* A row of a product is at most this long for its statistics to join. */
enum { IR_PRODUCT_ROW = 1024 };
/* Where several rows lie one after the other, each has a multiple of so many
 * elements. */
enum { IR_PRODUCT_STEP = 16 };
/* Statements of a contraction's group, itself among them. */
enum { IR_PRODUCT_STATEMENTS = 16 };

/* How a partition is made. Each is legal; which is fastest is for search to
 * find out.
 *
 *  IR_FUSED    a contraction takes the maps that follow it elementwise,
 *		reductions over one row share a kernel with the maps between
 *		them, maps that follow one another or read the same share one;
 *		lets that cost little are computed where they are read.
 *  IR_INLINED  the same, and lets that cost more are computed where they are
 *		read too: factors of a product as they are loaded, sums of few.
 *  IR_STATISTICS  as IR_FUSED, and a contraction takes the statistics of its
 *		rows, reductions over all axes that one factor alone brings,
 *		and what follows them, where a row is short.
 *  IR_FACTORED as IR_FUSED, and factors of a product that cannot be loaded are
 *		written first: rows looked up, 4-bit numbers, products of
 *		several. A sum over several products becomes a sum of each.
 *  IR_APART    every statement is a kernel of its own, but for the lets that
 *		cost little.
 *  IR_CHAINED  as IR_STATISTICS, of rows of any length, and a product of what
 *		such rows become joins them, with what follows it, or of what
 *		elements become where there are no statistics; where no product
 *		does, they are as by IR_FUSED.
 *  IR_PACKED   as IR_FUSED, and factors of a product that cannot be copied in
 *		vectors are written first, packed along the innermost axes of
 *		the reduction.
 *  IR_PAIRS    as IR_FUSED, and what reductions read that is computed of pairs,
 *		elements of tensors of fewer axes, is in their kernel and nowhere
 *		in memory: they reduce rows, one for each of few results that
 *		share it.
 *  IR_SEGMENTED  as IR_STATISTICS, and of rows that are one of several along a
 *		side, one after the other, such as heads, too.
 *  IR_PARTIAL  as IR_SEGMENTED, and statistics of long rows are those of their
 *		parts', which are short, where nothing else reads such rows. */
enum ir_rule {
	IR_FUSED, IR_INLINED, IR_STATISTICS, IR_FACTORED, IR_APART, IR_CHAINED,
	IR_PACKED, IR_PAIRS, IR_SEGMENTED, IR_PARTIAL
};

/* One way to cut an operator into kernels. Of IR_PARTIAL, how many elements a part has
 * at most. Of IR_PACKED, how many axes are packed
 * into one, and to a multiple of how many elements; 0: 16 bytes, and then only
 * types of 16 bits and less. "twins": contractions take others of one factor with
 * them, where something is made of both. */
struct ir_cut {
	enum ir_rule rule;
	int along, to;
	bool twins;
};

/* Hoists, inlines and reorders the axes of "o" first; every group is legal for
 * some sketch, but for IR_INLINED's and chains. needs: folded, split. */
struct ir_partition *ir_partition_by(struct arena *a, struct ir_operator *o,
	struct ir_cut cut);
/* The same by IR_FUSED. */
struct ir_partition *ir_partition(struct arena *a, struct ir_operator *o);
/* Why "cut" leaves "tensor" as it is, of an operator that IR_FUSED has cut: a
 * sentence; NULL if it does not. */
const char *ir_not_packed(struct arena *a, const struct ir_operator *o,
	struct ir_cut cut, const char *tensor);
void ir_print_partition(const struct ir_operator *o,
	const struct ir_partition *p, struct str *out);
/* NULL or what is wrong: a statement missing or twice, an order that reads
 * before it writes, axes that do not correspond. */
const char *ir_verify_partition(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p);
/* group_uses.c: does the group write nothing but what never changes between calls? */
bool ir_prepares(const struct ir_operator *o, const struct ir_group *g);
bool ir_group_reads(const struct ir_operator *o, const struct ir_group *g,
	int tensor);
bool ir_group_writes(const struct ir_operator *o, const struct ir_group *g,
	int tensor);
/* Must what the group writes be in memory after it: is "tensor" an output, or read
 * by statements of others? */
bool ir_group_stores(const struct ir_operator *o, const struct ir_group *g,
	int tensor);
/* The same of group number "g" of a partition. */
bool ir_leaves_group(const struct ir_operator *o, const struct ir_partition *p,
	int g, int tensor);

/* ---- operations.c ---- */

/* What the group has to do, however it is done: two operations for each multiply-add
 * of a contraction, those with what pad yields among them, and nothing else of its
 * group; of others one for each operation that is written. */
double ir_operations(const struct ir_operator *o, const struct ir_group *g);

/* ---- in_place.c: of outputs that lie "over" inputs ---- */

/* Whatever reads such an input before what writes there, where dependence leaves
 * that; else the order stays. ir_partition_by() does it. */
void ir_in_place_order(struct arena *a, const struct ir_operator *o,
	struct ir_partition *p);
/* NULL, or why kernels of this partition cannot leave output "*out" there,
 * whatever their points: a sentence. */
const char *ir_in_place_refused(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p, int *out);
/* Is it because the kernel that writes the output multiplies what lies there? */
bool ir_in_place_multiplies(const struct ir_operator *o,
	const struct ir_partition *p, int out);
/* Does the group read such an input and write what lies there? */
bool ir_in_place_within(const struct ir_operator *o, const struct ir_group *g);

/* ---- roles.c: contractions are recognised, not named ---- */

/* An index of a factor's read that is not affine, but made of axes of batches alone,
 * such as an element of a tensor by which blocks of rows choose their weights. One
 * step along dimension "dim" of the read is "stride" elements. */
struct ir_choice {
	int dim;
	const struct ir_expr *index;
	int64_t stride;
};
struct ir_choices {
	struct ir_choice *v;
	int n;
};

/* sum over K of left * right, or alike, for a contraction group. Axis lists are in the
 * order of the output's axes (M, N, batch) or of the reduction (K). "left" and
 * "right" are the IR_READ nodes, widening casts stripped: "left" is the padded
 * one, but for one that chooses, or else the first; "product" is the dtype in
 * which they are multiplied.
 * A factor may be computed from its read and others: "left_value" and
 * "right_value" are the factors, the reads themselves where nothing is computed.
 * Axes are the factor's; its read may lack some, along which several values are
 * unpacked from one element: the address then has coefficient 0.
 * Where no products are summed, but what is made of elements of two tensors in
 * another way, such as |x - y|, or the greatest or least of such is wanted, "pair" is
 * what is made of them, and the factors are the reads. "filled": elements may be
 * added to the reduction where both factors are 0, as nothing changes.
 * A pad is by the value 0. An axis of extent 1 that occurs nowhere is M. Addresses
 * are those of index 0 where there is a choice. */
struct ir_contraction {
	const struct ir_stmt *stmt;
	const struct ir_expr *left, *right, *left_value, *right_value;
	const struct ir_expr *pair;	/* or NULL */
	enum reducer reducer;
	bool filled;
	int *m, *n, *k, *batch;
	int n_m, n_n, n_k, n_batch;
	enum dtype acc, product;
	struct ir_affine left_addr, right_addr;	/* element offsets */
	struct ir_choices left_choices, right_choices;
};

/* False, with "*why" a sentence, if the statement is no contraction with
 * accesses that are affine but for choices. needs: folded, split. */
bool ir_contraction(struct arena *a, const struct ir_operator *o, int stmt,
	struct ir_contraction *out, const char **why);
/* The same, and tables may say where a factor is read (ir_lookup): axes are then the
 * entry's, too, and an address is that of entry 0. */
bool ir_contraction_by_table(struct arena *a, const struct ir_operator *o,
	int stmt, struct ir_contraction *out, const char **why);

/* ---- twin.c: two products of one factor ---- */

/* Both contractions in the axes of the first one's statement, of the same roles: the
 * factor that they share is left. "axis": by axis of the second one's own, in which it
 * is "own", that of the first, or -1. */
struct ir_twins {
	struct ir_contraction of[2], own;
	const int *axis;
};

/* False if statements "first" and "second" share no factor, or have other axes. */
bool ir_twins(struct arena *a, const struct ir_operator *o, int first,
	int second, struct ir_twins *out);

/* ---- scales.c: what of a product changes seldom along the reduction ---- */

/* The contraction's products are "left" times "right", or one of them where the
 * other is NULL, times those of "plain", which has the same axes. "changes": by axis
 * of the operator, whether a scale does along it; of the reduction's one at least,
 * and not all. */
struct ir_scales {
	struct ir_contraction plain;
	const struct ir_expr *left, *right;
	bool *changes;
};

/* False if none of the factors is a product of which a part is such a scale, or
 * products are of another type than f32, in which to take out a scale rounds no
 * less. */
bool ir_scales(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *c, struct ir_scales *out);

#endif
