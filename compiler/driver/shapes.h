/* SPDX-License-Identifier: MIT */
/* Shapes as jobs have them: in names, in conditions, of one operator alone.
 * What is made lives in the arena; names of sizes are those that came in. */
#ifndef WPK_COMPILER_DRIVER_SHAPES_H
#define WPK_COMPILER_DRIVER_SHAPES_H

#include "driver/directives.h"
#include "ir/lower.h"

/* "op_M128_N64": the kernels of "name" made for one shape. */
const char *shapes_name(struct arena *a, const char *name,
	const struct directives_shape *shape);
/* "M == 16 && K == 32" */
const char *shapes_text(struct arena *a, const struct directives_shape *shape);
/* The part of a shape that this operator leaves open. */
struct directives_shape shapes_own(struct arena *a,
	const struct lower_item *it, const struct directives_shape *shape);
/* Adds the sizes to which "e" gives numbers, M == 16 && K == 32; false if it
 * says anything else. */
bool shapes_of_guard(struct arena *a, const struct ast_expr *e,
	struct directives_shape *out);

#endif
