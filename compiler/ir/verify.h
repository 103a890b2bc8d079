/* SPDX-License-Identifier: MIT */
/* What the files of the verifier share; inside ir/ alone. */
#ifndef WPK_COMPILER_IR_VERIFY_H
#define WPK_COMPILER_IR_VERIFY_H

#include "base/vec.h"
#include "ir/ir.h"

/* A box of a tensor that one statement writes, "lo" to "hi" inclusive. */
struct piece {
	int64_t *lo, *hi, elements;
	struct piece *next;
};

struct verify {
	struct arena *a;
	const struct ir_operator *o;
	const char *why;	/* the first failure */
	int stmt;		/* under check, or -1 */
	VEC(int) axes;		/* in scope */
	struct piece **pieces;	/* by tensor, written so far */
	bool *written;		/* by tensor: a statement did, empty or not */
};

/* Keeps the sentence if it is the first; false. */
bool verify_fail(struct verify *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Brings an axis of the statement into scope, whose names differ. */
bool verify_scope_add(struct verify *v, int axis, bool reduced);
/* True if every element of "tensor" has been written. */
bool verify_complete(const struct verify *v, int tensor);

/* verify_tables.c: sizes, axes, tensors and their layouts. */
bool verify_tables(struct verify *v);

/* verify_expr.c: one expression in the scope "axes". */
bool verify_expr(struct verify *v, const struct ir_expr *e);

#endif
