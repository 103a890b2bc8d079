/* SPDX-License-Identifier: MIT */
/* Computing a factor's values in registers, out of the elements that were read in
 * its place. */
#ifndef WPK_COMPILER_SKETCH_COMPUTED_H
#define WPK_COMPILER_SKETCH_COMPUTED_H

#include "sketch/operand.h"
#include "sketch/walk.h"

struct axis_list {
	const int *v;
	int n;
};

/* "lower" has the buffers that the factor's other reads are of; "rows", "ks" and
 * "batches" are the axes that rows, ks and batch are flattened from. "batch" is the
 * present one, or NULL; "raw" the element at hand, as it was read. */
struct computed {
	struct lower_env lower;
	struct axis_list rows, ks, batches;
	struct kx *batch;
	const struct ir_expr *read;
	struct kx *raw;
};

/* Operations that make one value, and results of the special-function unit: what
 * depends on no element, such as how far one is shifted, is known before. */
struct cost_of computed_cost(const struct ir_expr *value);

/* What "op" makes of element "raw" at row and k of the whole operand, in its
 * tile_type; what that needs is bound in "b". */
struct kx *computed_value(struct computed *c, struct k_block *b,
	const struct operand *op, struct kx *raw, struct near row,
	struct near k);

#endif
