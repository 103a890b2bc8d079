/* SPDX-License-Identifier: MIT */
/* Between build.c and fold.c: simplification of integer expressions. */
#ifndef WPK_COMPILER_KERNEL_FOLD_H
#define WPK_COMPILER_KERNEL_FOLD_H

#include "kernel/kernel.h"

/* x op y in exact arithmetic; false where it overflows or has no value. */
bool fold_int(enum op op, int64_t x, int64_t y, int64_t *v);

/* The simplified "x op y", or NULL where nothing applies. Operands have one
 * type, a constant among them stands to the right, and not both are. */
struct kx *fold_binary(struct arena *a, enum op op, struct kx *x,
	struct kx *y);

/* A constant of a given type (i64 where i32 can't hold it), and an operation
 * as it stands. */
struct kx *fold_typed(struct arena *a, enum dtype t, int64_t v);
struct kx *fold_node(struct arena *a, enum op op, enum dtype t, struct kx *x,
	struct kx *y);

#endif
