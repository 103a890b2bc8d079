/* SPDX-License-Identifier: MIT */
/* Packing: what pack.c and pack_find.c share; inside ir/ alone. */
#ifndef WPK_COMPILER_IR_PACK_H
#define WPK_COMPILER_IR_PACK_H

#include "ir/group.h"
#include "ir/hoist.h"

enum { PACK_AXES = 8 };

/* One contraction: of the reduction's axes, in "order" from the outermost, the
 * innermost "of" are packed into one of "have" values, which become
 * "extent", a multiple of "to"; it is "axis" of the new sum. Vectors have "vector"
 * elements. */
struct run {
	struct arena *a;
	struct ir_operator *o;
	struct hoist *h;
	struct ir_contraction c;
	int *order, n_order;
	int of[PACK_AXES], n;
	int64_t have, extent;
	int to, vector, axis;
	const char *name;
};

/* ---- pack_find.c ---- */

/* Fills in "r" for statement "stmt"; false where no factor of it is to be
 * packed. */
bool pack_find(struct run *r, const struct ir_cut *cut, int stmt);
/* Is the factor written first? If it can be copied in vectors, only where the sum
 * becomes another that it cannot follow. */
bool pack_writes(const struct run *r, const struct ir_expr *read);
bool pack_holds(const struct run *r, int axis);
/* Index "d" of the read as an affine form, 0 where it is a choice, which a packed
 * let has the whole dimension for; false if it is none. */
bool pack_index(const struct run *r, const struct ir_expr *read, int d,
	struct ir_affine *f);
bool pack_goes_along(const struct ir_affine *f, const int *axes, int n);
/* What is read beyond the end of the axis is 0: it is all there is of an index,
 * over all of its dimension. */
bool pack_ends_in_zeros(const struct run *r, const struct ir_expr *read);

#endif
