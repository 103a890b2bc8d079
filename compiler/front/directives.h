/* SPDX-License-Identifier: MIT */
/* Private to the front end: the names that the blocks of an operator know. */
#ifndef WPK_COMPILER_FRONT_DIRECTIVES_H
#define WPK_COMPILER_FRONT_DIRECTIVES_H

#include "front/check.h"

/* The axes of an operator by name, and "STATEMENT.AXIS"; the values are not
 * used otherwise than by being there. */
struct axis_names {
	struct table axes, pairs, statements;
	int n_stmts;	/* visited, at most STMT_LIMIT */
};

/* One schedule, tune or test block. "signature" has the operator's sizes and
 * attributes, "instance" is set if the block is for one. "made" are axes made
 * by fuse, "params" the params so far; in tune and test blocks both are empty.
 * "place" is a bit of enum names_place. */
struct block {
	struct checker *c;
	struct found op;
	const struct ast_item *instance;
	const struct scope *signature;
	const struct axis_names *names;
	struct table made, params;
	unsigned place;
};

/* ---- check_schedule.c ---- */

/* Nearest of the names that are keys of the tables, or NULL. */
const char *nearest_key(struct arena *a, const char *name,
	const struct table *const *tables, int n);

/* ---- check_values.c ---- */

/* A value of a directive or param; "words" are legal besides numbers. */
void check_value(struct block *b, const struct ast_expr *v,
	const char *const *words);
void check_require(struct block *b, const struct ast_expr *e);
/* An axis, one made by fuse, STATEMENT.AXIS, or axes' names put together: npq,
 * the name of a fused axis that nobody named. */
bool known_axis(const struct block *b, const char *name);
/* The same without the last. */
bool named_axis(const struct block *b, const char *name);
void report_axis(struct block *b, const char *name, struct span at);
/* "BK", or a name such as tile.block.i. */
void check_tunable(struct block *b, const char *name, struct span at);
/* The value that seed gives it. */
void check_seed(struct block *b, const char *name, const struct ast_expr *v);

/* ---- check_directives.c ---- */

/* A statement of the operator, one inside an operator it uses (s_acc), or a
 * reduction inside one of these (y_red0). */
bool known_statement(const struct block *b, const char *name);
void check_directive(struct block *b, const struct ast_dir *d);

#endif
