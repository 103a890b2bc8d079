/* SPDX-License-Identifier: MIT */
/* Integer expressions as sums, inside ir/ alone: what folding, ranges and
 * affine forms share. */
#ifndef WPK_COMPILER_IR_LINEAR_H
#define WPK_COMPILER_IR_LINEAR_H

#include "ir/ir.h"

enum { LINEAR_MAX = 24 };

/* c + sum of t[i].k * t[i].e. The atoms "e" are axes, or whatever is no sum:
 * divisions, reads, minima; no two are equal, no "k" is 0. */
struct linear {
	int64_t c;
	int n;
	struct linear_term {
		int64_t k;
		struct ir_expr *e;
	} t[LINEAR_MAX];
};

/* Quotient rounded down, and what remains, never negative; d > 0. */
int64_t floor_div(int64_t x, int64_t d);
int64_t floor_mod(int64_t x, int64_t d);

/* "e", of type i64, as a sum. With an arena, divisions and modulos by
 * constants are simplified by the ranges of axes and atoms are folded; without
 * one, atoms are nodes of "e" as they are. */
void linear_of(struct arena *a, const struct ir_operator *o, struct ir_expr *e,
	struct linear *out);

/* Its least and greatest value; false if unknown or beyond 62 bits. */
bool linear_range(const struct ir_operator *o, const struct linear *l,
	int64_t *lo, int64_t *hi);

/* The sum as an expression again: terms in order, the constant last. */
struct ir_expr *linear_expr(struct arena *a, const struct linear *l);

/* range.c: the same for an expression that is no sum. */
bool ir_range_atom(const struct ir_operator *o, const struct ir_expr *e,
	int64_t *lo, int64_t *hi);

/* fold.c: an expression that is no sum, folded. */
struct ir_expr *ir_fold_atom(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e);

#endif
