/* SPDX-License-Identifier: MIT */
/* Moving part of a statement into a let written just before it; inside ir/
 * alone. */
#ifndef WPK_COMPILER_IR_HOIST_H
#define WPK_COMPILER_IR_HOIST_H

#include "base/vec.h"
#include "ir/ir.h"

struct hoist {
	struct arena *a;
	struct ir_operator *o;
	VEC(struct ir_stmt) stmts;	/* the new list */
	VEC(int) scope;			/* axes around the expression */
	const struct ir_stmt *stmt;	/* whose expression it is */
	const char *suffix;		/* of the lets' names: NAME_SUFFIX0 */
	int count;			/* lets made for this statement */
};

/* The next statement: its axes are the scope. */
void hoist_begin(struct hoist *h, const struct ir_stmt *s);
/* A statement of its own for "e", over the axes of the scope that it uses, and
 * the read that replaces it. */
struct ir_expr *hoist_let(struct hoist *h, struct ir_expr *e);
/* The statement goes behind the lets that were made for it. */
void hoist_end(struct hoist *h, struct ir_stmt *s);

#endif
