/* SPDX-License-Identifier: MIT */
/* From checked syntax to the operator IR: the one place of the IR that sees
 * the front end. */
#ifndef WPK_COMPILER_IR_LOWER_H
#define WPK_COMPILER_IR_LOWER_H

#include "base/arena.h"
#include "base/diag.h"
#include "front/ast.h"
#include "ir/ir.h"

/* What to lower: an operator or instance of a unit that front_load accepted.
 * "shape" gives sizes that neither brackets nor where give (--shape, tune and
 * test shapes); names that the operator does not have are ignored, and a size
 * that brackets give otherwise is an error. "name" is the C symbol, NULL for
 * the item's own name. */
struct lower_request {
	const struct ast_unit *unit;
	const struct ast_item *item;
	const struct ir_size *shape;
	int n_shape;
	const char *name;
};

/* The operator in "a", folded and verified; or NULL with errors in "d". An
 * error found in an instance or a use is reported where the operator is
 * written, with a note that names the instance; if that is another file, the
 * other way round. */
struct ir_operator *lower(struct arena *a, const struct lower_request *r,
	struct diag *d);

/* An operator or instance, and the sizes that a request must give it, in order
 * of first use, NULL-ended. "sizes" are all of its sizes and attributes. */
struct lower_item {
	const struct ast_item *item;
	const char *const *open;
	const char *const *sizes;
};

/* The unit's operators and instances in file order; "exported" leaves out
 * those that are not. */
struct lower_item *lower_items(struct arena *a, const struct ast_unit *u,
	bool exported, int *n);

#endif
