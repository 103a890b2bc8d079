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
	const struct lower_also *also;	/* for lower_open alone */
	int n_also;
};

/* A condition besides those of where: that "holds" is true, or "not" so. */
struct lower_also {
	const struct ast_expr *holds;
	bool not;
};

/* The operator in "a", folded and verified; or NULL with errors in "d". An
 * error found in an instance or a use is reported where the operator is
 * written, with a note that names the instance; if that is another file, the
 * other way round. */
struct ir_operator *lower(struct arena *a, const struct lower_request *r,
	struct diag *d);

/* A derived size, or a dimension that is no plain size, over the open sizes:
 * IR_AXIS node i is the i-th of them. */
struct lower_derived {
	const char *name;
	struct ir_expr *value;
};

/* A predicate of where, and its text in the source; NULL for what must not
 * hold. */
struct lower_condition {
	struct ir_expr *holds;
	const char *text;
};

/* An operator some of whose sizes have no value yet: "sizes", in order of
 * first use; what follows from them; and "shapes", as "[M, K]" for each input
 * and then each output. */
struct lower_open {
	const char *const *sizes;
	int n_sizes;
	struct lower_derived *derived;
	int n_derived;
	struct lower_condition *conditions;
	int n_conditions;
	int n_also;		/* the last of these are the request's */
	bool never;		/* one of the request's holds for no size */
	const char *const *shapes;
};

/* The sizes that neither brackets nor the request's shape give. NULL with
 * errors in "d". */
struct lower_open *lower_open(struct arena *a, const struct lower_request *r,
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
