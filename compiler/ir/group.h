/* SPDX-License-Identifier: MIT */
/* What inlining, grouping and the recognition of contractions share; inside
 * ir/ alone. */
#ifndef WPK_COMPILER_IR_GROUP_H
#define WPK_COMPILER_IR_GROUP_H

#include "base/vec.h"
#include "ir/ir.h"

/* roles.c: "e" below casts that lose nothing, or below the one that makes an
 * integer a factor of type "product", which loading it does as well. */
const struct ir_expr *group_stripped(const struct ir_expr *e,
	enum dtype product);

/* roles.c: may a contraction load "e", a stripped factor, or compute it from
 * what it loads? "batch": by axis whether it would be one of batches, NULL: that is
 * not known, of any. */
bool group_factor(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, const bool *batch);

/* roles.c: the contraction that "c" would be if its statement multiplied "left" and
 * "right", which are stripped, in place of its factors: false if it were none, or
 * its axes had other roles. */
bool group_instead(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *c, const struct ir_expr *left,
	const struct ir_expr *right, struct ir_contraction *out);

/* roles.c: the contraction of what "c" says that multiplies "left" and "right", which
 * are stripped; false if it is none, or left would be right. */
bool group_multiply(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *c, const struct ir_expr *left,
	const struct ir_expr *right, struct ir_contraction *out);

/* pairs.c: is "e" made of two reads alone, of[0] and of[1]? "*zero": it is 0 where
 * both are 0. */
bool group_pair(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, const struct ir_expr **of, bool *zero);

/* twin.c: what "second", a twin of "first", is, summed in the order of that; NULL if
 * it is none. */
struct ir_expr *group_twin(struct arena *a, const struct ir_operator *o,
	int first, int second);

/* factor.c: "e" as a product in "type" of factors, itself if it is none; by axis
 * whether it has more than one value and occurs in each. False: they are more. */
enum { GROUP_FACTORS = 6 };
struct group_product {
	struct ir_expr *of[GROUP_FACTORS];
	bool *axes[GROUP_FACTORS];
	int n;
};
bool group_multiplied(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e, enum dtype type, struct group_product *out);

/* factor.c: products of which no contraction could load the factors are grouped
 * into two, and what cannot be loaded becomes a let. needs: hoisted. */
void group_factors(struct arena *a, struct ir_operator *o);

/* factor.c: is the statement a contraction, or would be if its factors were grouped
 * into two that can be loaded? */
bool group_contracts(struct arena *a, const struct ir_operator *o, int stmt);

/* nested.c: sums over scaled sums become one, where that is a contraction. needs:
 * hoisted. Leaves lets that nobody reads. */
void group_nested(struct arena *a, struct ir_operator *o);

/* terms.c: sums over several products become sums of several, where each is a
 * contraction. Breaks hoisted. */
void group_terms(struct arena *a, struct ir_operator *o);

/* pack.c: factors of products that cannot be copied in vectors become lets that
 * can, along cut->along axes of the reduction. needs: hoisted. */
void group_pack(struct arena *a, struct ir_operator *o,
	const struct ir_cut *cut);

/* short.c: the let "s" without its reduction, which is of few elements; or
 * NULL. */
struct ir_expr *group_written_out(struct arena *a, const struct ir_operator *o,
	const struct ir_stmt *s);

/* spread.c: short axes of results of reductions over what is computed of pairs are
 * written out. False if nothing is such a reduction. needs: hoisted. */
bool group_spread(struct arena *a, struct ir_operator *o);

/* spread.c: does the statement reduce what a let computes of pairs, for each of its
 * elements? */
bool group_reads_pairs(struct arena *a, const struct ir_operator *o, int stmt);

/* unstored.c: let "tensor", a product, need not be in memory: reductions alone read it
 * then, and each of "out" along one dimension. False: something else does, and "o" is
 * of no more use. needs: hoisted. */
enum { GROUP_ALONG = 8 };
struct group_along {
	struct {
		int tensor, dim;
	} v[GROUP_ALONG];
	int n;
};
bool group_unstored(struct arena *a, struct ir_operator *o, int tensor,
	struct group_along *out);

/* unstored.c: "e" in which reads that may be outside yield 0 there. */
struct ir_expr *group_padded(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e);

/* partial.c: statistics of a product's rows become those of their parts', "most"
 * elements each at most, a multiple of IR_PRODUCT_STEP, where nothing else needs what
 * they are of. needs: hoisted. */
bool group_partial(struct arena *a, struct ir_operator *o, int most);

/* correspond.c: the one statement that writes "tensor", or -1. */
int group_writer(const struct ir_operator *o, int tensor);

/* correspond.c: the reads of lets and outputs in an expression. */
struct group_reads {
	const struct ir_expr **v;
	int n, cap;
};
void group_collect(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e, struct group_reads *out);

/* correspond.c: the axes of "s", and those it reduces over, belong to statement
 * number "stmt". */
void group_own_axes(struct ir_operator *o, const struct ir_stmt *s, int stmt);

#endif
