/* SPDX-License-Identifier: MIT */
/* What the files of the reader share; inside ir/ alone. */
#ifndef WPK_COMPILER_IR_READ_H
#define WPK_COMPILER_IR_READ_H

#include "base/vec.h"
#include "ir/ir.h"

/* After the first error "bad" is set, "pos" is at the end, and every function
 * below returns something harmless. */
struct reader {
	struct arena *a;
	const struct source *src;
	struct diag *d;
	struct ir_operator *o;
	uint32_t pos;
	bool bad;
	bool closed;		/* o's tensors are complete */
	int depth;		/* of expressions */
	VEC(int) scope;		/* axes in scope, innermost last */
	VEC(struct ir_axis) axes;
	VEC(struct ir_size) sizes;
	VEC(struct ir_stmt) stmts;
	VEC(struct ir_tensor) tensors[3];	/* by role */
};

/* ---- read_token.c ---- */

void reader_fail(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The next character that is not space or comment; 0 at the end. */
char reader_peek(struct reader *r);
bool reader_accept(struct reader *r, char c);
void reader_expect(struct reader *r, char c);
/* A name, or "" after an error. */
const char *reader_word(struct reader *r);
/* True, and past it, if "word" follows and is not a tensor written or read. */
bool reader_keyword(struct reader *r, const char *word);
int64_t reader_int(struct reader *r);
/* A number; "*v" where it has a point, an exponent or no digits, else "*i". */
bool reader_number(struct reader *r, int64_t *i, double *v);
/* From inside "[" to after its "]". */
void reader_skip_brackets(struct reader *r);
/* True if "NAME:" follows. */
bool reader_at_binder(struct reader *r);

/* ---- read_expr.c ---- */

/* Axes "NAME:[LO:]END, ..." up to "end", brought into scope. */
void reader_axes(struct reader *r, bool reduced, char end, int **axes, int *n);
int reader_tensor(struct reader *r, const char *name);
struct ir_expr *reader_expr(struct reader *r);

#endif
