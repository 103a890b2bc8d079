/* SPDX-License-Identifier: MIT */
/* Axis splitting, inside ir/ alone: what its files share. */
#ifndef WPK_COMPILER_IR_SPLIT_H
#define WPK_COMPILER_IR_SPLIT_H

#include "ir/ir.h"

struct split {
	struct arena *a;
	struct ir_operator *o;
	int axis;		/* to be split, or -1 */
	int64_t by;
};

/* residue.c: a sum of which only some terms count, those with
 * (p + c - r) % d == 0, needs no test once p and r are split by d: of r's low
 * digit one value fits each of p's. Finds the next axis that is to be split
 * for that. */
bool residue_find(struct split *s);
/* Replaces one such digit, of axes split already, by what fits. */
bool residue_collapse(struct split *s);

/* split.c: the axis as two, of which the inner has "by" values, in its statement. */
void ir_split_axis(struct arena *a, struct ir_operator *o, int axis,
	int64_t by);

#endif
